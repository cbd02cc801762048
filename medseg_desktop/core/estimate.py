"""How long a training may take and what it needs, before it has begun.

Rough figures that are there at once; the job `measure` finds those of the device.
"""

from __future__ import annotations

from medseg_desktop.core.specs import TrainSpec

# Measured on 2 cores with BiSeNetV2, in seconds of one core: a step of batch 8 takes 1.1 s at
# 256 x 256, and what stays the same at any size is the smaller part.
_STEP_PER_PIXEL = 1.1 * 2 / (8 * 256 * 256)
#: How much longer the other networks take.
_TIMES_AS_LONG = {"unet": 10.0, "pp_liteseg": 1.5}
#: A slice takes this share of a training step when it is only predicted.
_FORWARD_SHARE = 0.25
#: Importing Paddle at the start, exporting and checking the model at the end.
_AROUND_S = 12.0
#: A training is evaluated at least so often, and after so many steps (see `engine.recipe`).
_EVALUATIONS, _EVALUATE_EVERY = 5, 200

# Measured on a processor with BiSeNetV2: the process itself, and each pixel of a training batch.
_BASE_BYTES = 650_000_000
_BYTES_PER_BATCH_PIXEL = {"bisenetv2": 1000, "unet": 7000, "pp_liteseg": 1000}

# What a run writes: two checkpoints, of which one is there twice while it is replaced; the model
# as weights and ONNX, once in the run and once in the workspace; the record of its events.
_CHECKPOINTS_BYTES = 45_000_000
_MODEL_BYTES = 36_000_000
_RECORD_BYTES = 5_000_000
#: Pictures of an evaluation, each about half a byte a pixel as PNG.
_PREVIEWS = 9


def training_seconds(spec: TrainSpec, cores: int, validation_slices: int) -> float:
    """Rough duration of a training on the processor, in seconds, from start to model."""
    side = spec.size**2 * _TIMES_AS_LONG.get(spec.architecture, 1.0)
    per_slice = side * _STEP_PER_PIXEL / max(cores, 1)
    return total_seconds(
        spec,
        around_s=_AROUND_S,
        step_s=per_slice * spec.batch_size,
        evaluations=evaluations(spec),
        evaluation_s=per_slice * _FORWARD_SHARE * validation_slices,
    )


def total_seconds(
    spec: TrainSpec, *, around_s: float, step_s: float, evaluations: float, evaluation_s: float
) -> float:
    """Duration of a whole training, in seconds.

    Args:
        around_s: what comes before the first and after the last step.
        step_s, evaluation_s: duration of one step, and of one evaluation.
    """
    return around_s + spec.iterations * step_s + evaluations * evaluation_s


def evaluations(spec: TrainSpec) -> float:
    """How often a training is evaluated."""
    every = spec.evaluate_every or _EVALUATE_EVERY
    least = 1 if spec.evaluate_every else _EVALUATIONS
    return max(least, spec.iterations / every)


def memory_bytes(spec: TrainSpec) -> int:
    """Rough memory of a training on the processor, without the slices it holds."""
    return _BASE_BYTES + slice_bytes(spec) * spec.batch_size


def slice_bytes(spec: TrainSpec) -> int:
    """Rough memory that each slice of a batch takes."""
    return _BYTES_PER_BATCH_PIXEL.get(spec.architecture, 0) * spec.size**2


def disk_bytes(spec: TrainSpec) -> int:
    """What a training writes to the disk at most, in bytes."""
    previews = evaluations(spec) * _PREVIEWS * spec.size**2 / 2
    return round(2 * (_CHECKPOINTS_BYTES + _MODEL_BYTES) + _RECORD_BYTES + previews)


def duration_text(seconds: float) -> str:
    """E.g. "45 s", "3 min", "2 h 10 min"."""
    if seconds < 90:
        return f"{round(seconds)} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02d} min"

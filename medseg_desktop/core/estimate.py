"""How long a training may take, before it has begun."""

from __future__ import annotations

from medseg_desktop.core.specs import TrainSpec

# Measured on 2 cores with BiSeNetV2 and the recipe `default`, in seconds of one core: a step of
# batch 8 takes 1.2 s at 128 x 128 and 4.7 s at 256 x 256; validating 73 slices 2.8 s and 11 s.
_STEP_PER_PIXEL = 4.7 * 2 / (8 * 256 * 256)
_VALIDATION_PER_PIXEL = 11 * 2 / (73 * 256 * 256)
#: How much longer the other networks take.
_TIMES_AS_LONG = {"unet": 10.0, "pp_liteseg": 1.5}
#: Importing Paddle at the start, exporting and checking the model at the end.
_AROUND_S = 12.0
#: A training is evaluated at least so often, and after so many steps (see `engine.recipe`).
_EVALUATIONS, _EVALUATE_EVERY = 3, 200


def training_seconds(spec: TrainSpec, cores: int, validation_slices: int) -> float:
    """Rough duration of a training on the processor, in seconds, from start to model."""
    side = spec.size**2 * _TIMES_AS_LONG.get(spec.architecture, 1.0)
    evaluations = max(_EVALUATIONS, spec.iterations / _EVALUATE_EVERY)
    steps = spec.iterations * spec.batch_size * side * _STEP_PER_PIXEL
    validation = evaluations * validation_slices * side * _VALIDATION_PER_PIXEL
    return _AROUND_S + (steps + validation) / max(cores, 1)


def duration_text(seconds: float) -> str:
    """E.g. "45 s", "3 min", "2 h 10 min"."""
    if seconds < 90:
        return f"{round(seconds)} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02d} min"

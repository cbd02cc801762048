"""How long a training may take, before it has begun."""

from __future__ import annotations

from medseg_desktop.core.specs import TrainSpec

#: Seconds of processor time per pixel of a training batch: one step of BiSeNetV2 with batch 8
#: at 256 x 256 was measured at 2.7 s on 2 cores.
_CORE_SECONDS_PER_PIXEL = 2.7 * 2 / (8 * 256 * 256)


def training_seconds(spec: TrainSpec, cores: int) -> float:
    """Rough duration of a training on the processor, in seconds."""
    pixels = spec.iterations * spec.batch_size * spec.size**2
    return pixels * _CORE_SECONDS_PER_PIXEL / max(cores, 1)


def duration_text(seconds: float) -> str:
    """E.g. "45 s", "3 min", "2 h 10 min"."""
    if seconds < 90:
        return f"{round(seconds)} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02d} min"

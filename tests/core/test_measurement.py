from __future__ import annotations

import msgspec
import pytest

from medseg_desktop.core.measurement import LARGEST_BATCH, Line, Measurement, fitting_batch


def measured(memory_mb: int, available_mb: int | None, fits: int | None) -> Measurement:
    return Measurement(
        device="cpu", size=256, batch_size=8, step_s=1.0, evaluation_s=1.0, start_s=1.0,
        total_s=1.0, memory_mb=memory_mb, available_mb=available_mb, fitting_batch=fits,
        is_exact=True,
    )  # fmt: skip


def test_a_line_goes_through_both_points_and_never_falls() -> None:
    line = Line.through((2, 700.0), (8, 1000.0))
    assert (line.at(2), line.at(8), line.at(0)) == (700.0, 1000.0, 600.0)
    flat = Line.through((2, 700.0), (8, 600.0))
    assert flat.at(100) == 600.0


@pytest.mark.parametrize(
    ("available", "batch"),
    [(2000.0, 24), (1000.0, 6), (700.0, 0), (600.0, 0), (1e9, LARGEST_BATCH)],
)
def test_the_largest_batch_leaves_a_tenth_free(available: float, batch: int) -> None:
    assert fitting_batch(Line(600.0, 50.0), available) == batch


def test_memory_that_does_not_grow_fits_any_batch() -> None:
    assert fitting_batch(Line(600.0, 0.0), 1000.0) == LARGEST_BATCH


def test_only_what_is_too_large_is_a_problem() -> None:
    assert measured(500, 1000, 20).problems() == []
    assert measured(500, None, None).problems() == []
    (problem,) = measured(1500, 1000, 4).problems()
    assert "1500 MB of memory, but only 1000 MB are free" in problem.message
    assert "batch size of 4 or less" in problem.cure
    (problem,) = measured(1500, 1000, 1).problems()
    assert "smaller size" in problem.cure


def test_steps_that_hardly_got_a_core_are_doubtful() -> None:
    alone = measured(500, 1000, 20)
    assert alone.warnings() == []
    assert msgspec.structs.replace(alone, cores_used=1.8).warnings() == []
    (doubt,) = msgspec.structs.replace(alone, cores_used=0.3).warnings()
    assert "keep the processor busy" in doubt.message

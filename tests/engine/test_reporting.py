"""How a training ended, in its report; the trainings are pretended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medseg_desktop.core.errors import Cancelled, DataError
from medseg_desktop.core.events import Step
from medseg_desktop.core.specs import TrainSpec
from medseg_desktop.engine.reporting import Reporter
from medseg_desktop.io.dataset import read_dataset

STEP = Step(iteration=4, loss=1.0, losses=[1.0], lr=0.1)


@pytest.fixture
def reporter(make_spec: Callable[..., TrainSpec], context: Any, tmp_path: Path) -> Reporter:
    spec = make_spec()
    (tmp_path / "run").mkdir()
    return Reporter(spec, context, read_dataset(Path(spec.dataset)))


def ending(reporter: Reporter, context: Any, run: Path, end: Exception | dict[str, Any]) -> str:
    """The report of a training that tells one step and ends so."""

    def training() -> dict[str, Any]:
        context.emit(STEP)
        if isinstance(end, Exception):
            raise end
        return end

    if isinstance(end, Exception):
        with pytest.raises(type(end)):
            reporter.run(training)
    else:
        assert reporter.run(training) == end
    return (run / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("end", "sentence"),
    [
        ({"iterations": 4, "ended_early": False}, "All 4 steps were done."),
        ({"iterations": 4, "ended_early": True}, "It ended by itself after 4 steps"),
        (Cancelled("stop", {"iterations": 4}), "It was stopped after 4 steps."),
        (DataError("/data/Li Wei/x.png is gone.", "Ask."), "It failed: x.png is gone."),
    ],
)
def test_the_report_says_how_it_ended(
    reporter: Reporter, context: Any, tmp_path: Path, end: Any, sentence: str
) -> None:
    assert sentence in ending(reporter, context, tmp_path / "run", end)


def test_where_no_step_was_made_there_is_nothing_to_report(
    reporter: Reporter, context: Any, tmp_path: Path
) -> None:
    reporter.run(lambda: {"iterations": 0, "ended_early": False})
    assert list((tmp_path / "run").iterdir()) == []
    assert reporter.history() == []


def test_a_report_that_cannot_be_written_is_a_warning(
    reporter: Reporter, context: Any, tmp_path: Path
) -> None:
    (tmp_path / "run" / "report.html").mkdir()
    result = {"iterations": 4, "ended_early": False}

    def training() -> dict[str, Any]:
        context.emit(STEP)
        return result

    assert reporter.run(training) == result
    assert "There is no report.html of this training: Cannot write" in context.log_text

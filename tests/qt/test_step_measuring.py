"""The cost on the Retrain page: measured once, when somebody looks at it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from pytestqt.qtbot import QtBot

from medseg_desktop.core.events import Failed, Finished
from medseg_desktop.core.measurement import Measurement
from medseg_desktop.core.run_state import RunState, fold
from medseg_desktop.core.specs import MeasureSpec
from medseg_desktop.io.retraining.step_costs import StepCosts
from medseg_desktop.qt.controller import Controller
from medseg_desktop.qt.panels.retraining.page import RetrainPage
from tests.retraining import write_six

WAIT_MS = 20_000
MEASURED = Measurement(
    device="cpu", size=256, batch_size=8, step_s=1.0, evaluation_s=1.2, start_s=4.0,
    total_s=500.0, memory_mb=1200, available_mb=5000, fitting_batch=40, is_exact=True,
    cores_used=1.9,
)  # fmt: skip


def measured(cores: float = 1.9) -> RunState:
    told = msgspec.to_builtins(msgspec.structs.replace(MEASURED, cores_used=cores))
    return fold([Finished(result={"sheet": "", "measured": told})])


@pytest.fixture
def asked(controller: Controller, monkeypatch: pytest.MonkeyPatch) -> list[MeasureSpec]:
    """Measurements that were asked for; none is made."""
    specs: list[MeasureSpec] = []
    monkeypatch.setattr(controller.runs.measurements, "start", specs.append)
    monkeypatch.setattr(
        "medseg_desktop.qt.presenters.retraining.step_measuring.write_speed_dataset",
        lambda folder: folder,
    )
    controller.retrain.measuring.is_automatic = True
    controller.retrain.measuring._soon.setInterval(20)
    return specs


@pytest.fixture
def page(
    controller: Controller, asked: list[MeasureSpec], qtbot: QtBot, tmp_path: Path
) -> RetrainPage:
    """The page of an open folder."""
    study = write_six(tmp_path / "study")
    with qtbot.waitSignal(controller.study.folder_changed, timeout=WAIT_MS):
        controller.open(study)
    assert asked == []  # nobody has looked at the page yet
    controller.window.tabs.setCurrentWidget(controller.window.training_panel)
    return controller.window.training_panel.retrain


def test_a_look_at_the_page_measures_once_and_the_workspace_remembers(
    controller: Controller, page: RetrainPage, asked: list[MeasureSpec], qtbot: QtBot
) -> None:
    qtbot.waitUntil(lambda: len(asked) == 1, timeout=WAIT_MS)
    assert page.how.text().endswith("estimated")
    assert page.work.isVisible()
    (spec,) = asked
    assert (spec.train.size, spec.train.batch_size, spec.train.init) == (256, 8, "none")
    controller.runs.measurements.changed.emit(spec, measured())
    assert page.how.text().endswith("measured")
    assert page.cost.text() == "About 7 min on this computer"
    assert not page.work.isVisible()
    costs = StepCosts(controller.workspace)
    qtbot.waitUntil(lambda: costs.find(spec.train) is not None, timeout=WAIT_MS)
    controller.annotations.documents_changed.emit()
    qtbot.wait(900)
    assert len(asked) == 1


def test_a_disturbed_measurement_is_said_and_can_be_repeated(
    controller: Controller, page: RetrainPage, asked: list[MeasureSpec], qtbot: QtBot
) -> None:
    qtbot.waitUntil(lambda: len(asked) == 1, timeout=WAIT_MS)
    controller.runs.measurements.changed.emit(asked[0], measured(cores=0.3))
    assert "other programs kept the processor busy" in page.how.text()
    page.measure.click()
    qtbot.waitUntil(lambda: len(asked) == 2, timeout=WAIT_MS)
    controller.runs.measurements.changed.emit(asked[1], measured())
    assert page.how.text().endswith("measured")


def test_why_nothing_could_be_measured_is_said_and_forbids_nothing(
    controller: Controller, page: RetrainPage, asked: list[MeasureSpec], qtbot: QtBot
) -> None:
    qtbot.waitUntil(lambda: len(asked) == 1, timeout=WAIT_MS)
    failed = fold([Failed(message="Paddle is not installed.", hint="Install it.")])
    controller.runs.measurements.changed.emit(asked[0], failed)
    assert controller.retrain.measuring.problem is not None
    assert page.start.isEnabled()
    assert page.how.text().endswith("estimated")


def test_nothing_is_measured_where_somebody_stops_it(
    controller: Controller, page: RetrainPage, asked: list[MeasureSpec], qtbot: QtBot
) -> None:
    qtbot.waitUntil(lambda: len(asked) == 1, timeout=WAIT_MS)
    page.work.cancel.click()
    assert not page.work.isVisible()
    controller.runs.measurements.changed.emit(asked[0], measured())
    assert page.how.text().endswith("estimated")

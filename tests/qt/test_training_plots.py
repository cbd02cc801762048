"""The plots of a run: what is drawn, read, zoomed and compared."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from medseg_desktop.core.curves import DICE, IOU, LOSS, RATE, CurveKey, RunCurves
from medseg_desktop.core.events import Evaluation, Event, Step
from medseg_desktop.core.run_state import RunState, fold
from medseg_desktop.qt.panels.training_legend import value_text
from medseg_desktop.qt.panels.training_pane import ComparedRun
from medseg_desktop.qt.panels.training_plots import RunPlots
from tests.runs import run_events

LEFT = Qt.MouseButton.LeftButton
EVENTS = run_events(100, every=20, labels=("H", "M"))
RUN = fold(EVENTS)


@pytest.fixture
def plots(qtbot: QtBot) -> RunPlots:
    result = RunPlots()
    qtbot.addWidget(result)
    result.resize(300, 520)
    result.show()
    qtbot.waitExposed(result)
    return result


def until(events: Sequence[Event], iteration: int) -> RunState:
    return fold([e for e in events if getattr(e, "iteration", 0) <= iteration])


def click_legend(plots: RunPlots, name: str) -> None:
    pane = next(p for p in (plots.top_pane, plots.bottom_pane) if name in p.legend.items)
    QTest.mouseClick(pane.legend.items[name], LEFT)


def choose(plots: RunPlots, measure: str) -> None:
    for pane in (plots.top_pane, plots.bottom_pane):
        index = pane.choice.findData(measure)
        if index >= 0:
            pane.choice.setCurrentIndex(index)
            pane.choice.activated.emit(index)


def at_iteration(plots: RunPlots, iteration: float) -> QPoint:
    box = plots.top_pane.plot.getViewBox()
    _, (bottom, top) = box.viewRange()
    scene = box.mapViewToScene(QPointF(iteration, (bottom + top) / 2))
    return plots.top_pane.plot.mapFromScene(scene)


def move_to(plots: RunPlots, at: QPoint, held: Qt.MouseButton = Qt.MouseButton.NoButton) -> None:
    view = plots.top_pane.plot.viewport()
    where = view.mapToGlobal(QPointF(at))
    none = Qt.MouseButton.NoButton
    move = QMouseEvent(
        QEvent.Type.MouseMove, QPointF(at), where, none, held, Qt.KeyboardModifier.NoModifier
    )
    QApplication.sendEvent(view, move)


def point_at(plots: RunPlots, iteration: float) -> None:
    move_to(plots, at_iteration(plots, iteration))


def wheel_at(plots: RunPlots, iteration: float) -> None:
    view = plots.top_pane.plot
    at = QPointF(at_iteration(plots, iteration))
    event = QWheelEvent(
        at, view.viewport().mapToGlobal(at), QPoint(), QPoint(0, 240), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(view.viewport(), event)


def seen(plots: RunPlots) -> tuple[float, float]:
    low, high = plots.bottom_pane.plot.getViewBox().viewRange()[0]
    return low, high


def test_points_are_taken_as_they_come(plots: RunPlots) -> None:
    plots.show_run(until(EVENTS, 30), 100)
    plots.show_run(until(EVENTS, 50), 100)
    x, _ = plots.drawn(LOSS)
    np.testing.assert_array_equal(x, np.arange(1, 51))
    plots.show_run(RUN, 100)
    x, y = plots.drawn(DICE)
    assert list(x) == [20, 40, 60, 80, 100]
    assert list(y) == [e.mean_dice for e in RUN.evaluations]


def test_another_run_starts_empty_plots(plots: RunPlots) -> None:
    plots.show_run(RUN, 100)
    plots.show_run(until(run_events(100, level=0.2), 10), 100)
    assert len(plots.drawn(LOSS)[0]) == 10
    assert len(plots.drawn(DICE)[0]) == 0


def test_an_evaluation_without_a_lesion_leaves_no_point(plots: RunPlots) -> None:
    none = Evaluation(iteration=1, dice={"H": None}, iou={"H": None}, cases=[], mean_dice=None)
    some = Evaluation(iteration=2, dice={"H": 0.3}, iou={"H": 0.2}, cases=[], mean_dice=0.3)
    plots.show_run(fold([none, some]), 10)
    assert list(plots.drawn(DICE)[0]) == [2]


def test_the_legend_switches_lines_on_and_off(plots: RunPlots) -> None:
    plots.show_run(RUN, 100)
    head = CurveKey("loss", "head", number=2)
    assert len(plots.drawn(head)[0]) == 0
    click_legend(plots, "head 2")
    assert len(plots.drawn(head)[0]) == 100
    click_legend(plots, "total")
    assert len(plots.drawn(LOSS)[0]) == 0
    patient = CurveKey("dice", "patient", number=3)
    click_legend(plots, "patients")
    assert len(plots.drawn(patient)[0]) == 5
    click_legend(plots, "patients")
    assert len(plots.drawn(patient)[0]) == 0
    assert len(plots.drawn(CurveKey("dice", "label_mean", "M"))[0]) == 5


def test_rate_and_iou_are_shown_on_request(plots: RunPlots) -> None:
    plots.show_run(RUN, 100)
    assert len(plots.drawn(RATE)[0]) == len(plots.drawn(IOU)[0]) == 0
    choose(plots, "rate")
    choose(plots, "iou")
    assert list(plots.drawn(RATE)[1]) == [step.lr for step in RUN.steps]
    assert len(plots.drawn(IOU)[0]) == 5
    assert len(plots.drawn(LOSS)[0]) == len(plots.drawn(DICE)[0]) == 0
    assert not plots.smoothing.isVisible()


def test_the_smoothing_slider_smooths_the_loss_only(plots: RunPlots) -> None:
    plots.show_run(RUN, 100)
    raw = np.array([step.loss for step in RUN.steps])
    smooth = plots.drawn(LOSS)[1].copy()
    assert np.abs(np.diff(smooth)).sum() < np.abs(np.diff(raw)).sum()
    plots.smoothing.setValue(0)
    np.testing.assert_array_equal(plots.drawn(LOSS)[1], raw)
    assert list(plots.drawn(DICE)[1]) == [e.mean_dice for e in RUN.evaluations]


def test_the_pointer_reads_the_values_of_both_plots(plots: RunPlots, qtbot: QtBot) -> None:
    plots.show_run(RUN, 100)
    QApplication.processEvents()
    point_at(plots, 40.2)
    qtbot.waitUntil(lambda: plots.place_text.text() == "iteration 40", timeout=1000)
    for pane in (plots.top_pane, plots.bottom_pane):
        assert pane.plot.cursor_line.isVisible()
        assert pane.plot.cursor_line.value() == 40
    assert plots.top_pane.legend.items["total"].value == value_text(RUN.steps[39].loss)
    mean = RUN.evaluations[1].mean_dice
    assert plots.bottom_pane.legend.items["mean"].value == value_text(mean)
    QApplication.sendEvent(plots.top_pane.plot, QEvent(QEvent.Type.Leave))
    assert plots.place_text.text() == ""
    assert not plots.top_pane.plot.cursor_line.isVisible()
    last = RUN.evaluations[-1].mean_dice
    assert plots.bottom_pane.legend.items["mean"].value == value_text(last)


def test_the_wheel_zooms_both_plots_and_a_double_click_shows_all(
    plots: RunPlots, qtbot: QtBot
) -> None:
    plots.show_run(until(EVENTS, 60), 100)
    QApplication.processEvents()
    whole = seen(plots)
    wheel_at(plots, 30)
    near = seen(plots)
    assert whole[0] < near[0] < 30 < near[1] < whole[1]
    plots.show_run(until(EVENTS, 80), 100)  # news do not take away what one looks at
    assert seen(plots) == near
    view = plots.bottom_pane.plot.viewport()
    at = view.rect().center()
    QTest.mouseClick(view, LEFT, pos=at)
    QTest.mouseDClick(view, LEFT, pos=at)
    QTest.mouseRelease(view, LEFT, pos=at)
    qtbot.waitUntil(lambda: seen(plots) == pytest.approx(whole), timeout=1000)


def test_dragging_shows_what_was_framed(plots: RunPlots, qtbot: QtBot) -> None:
    plots.show_run(RUN, 100)
    QApplication.processEvents()
    view = plots.top_pane.plot.viewport()
    start, end = at_iteration(plots, 20), at_iteration(plots, 60) + QPoint(0, 20)
    QTest.mousePress(view, LEFT, pos=start)
    for share in (0.3, 0.6, 1.0):
        QTest.qWait(25)  # pyqtgraph takes up to a hundred moves a second
        move_to(plots, start + (end - start) * share, LEFT)
    QTest.mouseRelease(view, LEFT, pos=end)
    qtbot.waitUntil(lambda: seen(plots) == pytest.approx((20, 60), abs=5), timeout=1000)


def test_earlier_runs_are_drawn_beside_it(plots: RunPlots) -> None:
    curves = RunCurves()
    curves.update(fold(run_events(200, every=50, level=0.5)))
    plots.show_run(RUN, 100)
    plots.set_compared([ComparedRun("/runs/a", "flair 1 Jan", curves)])
    assert len(plots.drawn(LOSS, "/runs/a")[0]) == 200
    assert len(plots.drawn(DICE, "/runs/a")[0]) == 4
    assert seen(plots)[1] >= 200
    click_legend(plots, "/runs/a")
    assert len(plots.drawn(LOSS, "/runs/a")[0]) == 0
    plots.set_compared([])
    assert "/runs/a" not in plots.top_pane.legend.items
    assert seen(plots)[1] < 150


def test_the_picture_is_sharp_and_without_controls(plots: RunPlots) -> None:
    plots.show_run(RUN, 100)
    picture = plots.picture()
    assert picture.width() > 3 * plots.width()
    assert plots.save.isVisible()
    assert plots.smoothing.isVisible()
    assert len(set(picture.toImage().scaled(60, 60).bits()[:])) > 10


def test_a_legend_fits_whatever_width_it_has(plots: RunPlots, qtbot: QtBot) -> None:
    plots.show_run(RUN, 100)
    heights = []
    for width in (300, 900):
        plots.resize(width, 600)
        QTest.qWait(20)
        legend = plots.bottom_pane.legend
        heights.append(legend.height())
        for item in legend.items.values():
            assert legend.rect().contains(item.geometry())
    assert heights[0] > heights[1]


def test_a_run_of_30000_steps_stays_cheap(qtbot: QtBot) -> None:
    """Ten times as long a run must not cost ten times as much for each report."""
    steps = tuple(
        Step(iteration=i, loss=1 / i, losses=[1 / i] * 5, lr=0.01) for i in range(1, 30_001)
    )

    def cost_of_a_report(first: int) -> float:
        plots = RunPlots()
        qtbot.addWidget(plots)
        plots.show_run(replace(RunState(), steps=steps[:first]), 30_000)
        times = []
        for n in range(first + 1, first + 31):
            run = replace(RunState(), steps=steps[:n])
            began = time.perf_counter()
            plots.show_run(run, 30_000)
            times.append(time.perf_counter() - began)
        return min(times)

    assert cost_of_a_report(29_900) < 5 * cost_of_a_report(2_900)

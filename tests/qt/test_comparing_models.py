"""The models of compare mode: which take part, and which is in use."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from medseg_desktop.core.comparison_map import Side
from medseg_desktop.core.shapes.provenance import Provenance
from medseg_desktop.core.view import ComparisonState
from medseg_desktop.qt.controller import Controller
from tests.builders import write_dicom
from tests.qt.comparing import (
    FAINT_BOX,
    all_compared,
    areas,
    choose_other,
    compare,
    corner,
    go,
    legend,
    marked,
    note,
    places,
    register,
    with_models,
    write_compared,
)
from tests.qt.drawing import message
from tests.qt.proposing import offered
from tests.qt.test_comparing import counts, marks
from tests.qt.viewing import WAIT_MS, key, opened, view

MINE, MODEL, OTHER = int(Side.MINE), int(Side.MODEL), int(Side.OTHER)


def others(controller: Controller) -> list[str]:
    box = controller.window.overlay_panel.comparison.others
    return [box.itemText(i) for i in range(box.count())]


def in_use(controller: Controller) -> str:
    predictor = controller.runs.predictor
    return predictor.info.title if predictor else ""


def show_pair(qtbot: QtBot, controller: Controller, first: Path, other: Path, index: int) -> None:
    series = view(controller).series
    assert controller.compare.show_models(first, other, series.uid, series.stack, index)
    models = controller.compared
    qtbot.waitUntil(lambda: None not in (models.first, models.other), timeout=WAIT_MS)
    all_compared(qtbot, controller)


def test_three_sides_tell_who_marks_what(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    with_models(qtbot, controller, tmp_path)
    go(qtbot, controller, 3)
    compare(controller)
    assert others(controller) == ["No other model", "blind-v1"]
    choose_other(qtbot, controller, "blind-v1")
    all_compared(qtbot, controller)
    assert counts(controller) == {MINE | MODEL | OTHER: 80, MINE | MODEL: 60, MINE: 42}
    amounts = ("60.0 mm²", "0.90 ml")
    qtbot.waitUntil(lambda: legend(controller).get("keen-v1 + me") == amounts, timeout=WAIT_MS)
    assert set(legend(controller)) == {
        "All agree", "Only me", "Only keen-v1", "Only blind-v1",
        "keen-v1 + me", "blind-v1 + me", "keen-v1 + blind-v1",
    }  # fmt: skip


def test_two_models_are_compared_without_the_outlines_also_where_nobody_has_looked(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    with_models(qtbot, controller, tmp_path)
    go(qtbot, controller, 1)
    compare(controller)
    box = controller.window.overlay_panel.comparison
    assert not box.mine.isEnabled()
    choose_other(qtbot, controller, "blind-v1")
    QTest.mouseClick(box.mine, Qt.MouseButton.LeftButton)
    all_compared(qtbot, controller)
    assert counts(controller) == {MODEL | OTHER: 80, MODEL: 60}
    qtbot.waitUntil(lambda: len(marks(controller).disagreeing) == 6, timeout=WAIT_MS)
    key(controller, Qt.Key.Key_J)
    key(controller, Qt.Key.Key_J)
    assert (view(controller).index, marked(controller)) == (2, FAINT_BOX)
    assert corner(controller)[1] == "compared with blind-v1 (2026-01-01, candidate)"
    choose_other(qtbot, controller, "No other model")
    assert box.mine.isChecked()
    assert not box.mine.isEnabled()


def test_the_other_model_proposes_nothing(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    _, blind = with_models(qtbot, controller, tmp_path)
    controller.runs.choose_model(blind)
    qtbot.waitUntil(lambda: in_use(controller) == "blind-v1", timeout=WAIT_MS)
    controller.window.actions_by_key["predict"].trigger()
    go(qtbot, controller, 2)
    compare(controller)
    choose_other(qtbot, controller, "keen-v1")
    all_compared(qtbot, controller)
    assert counts(controller) == {MODEL | OTHER: 80, OTHER: 60}
    assert len(offered(controller)) == 1  # the bright one only
    assert {p.model for p in controller.marks.predicted.values()} == {"blind-v1"}
    key(controller, Qt.Key.Key_Return)
    accepted = controller.annotations.shapes(view(controller).slice)
    assert len(accepted) == 1
    assert controller.annotations.proposing_model(view(controller).slice) == "blind-v1"


def test_comparing_alone_proposes_nothing(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    with_models(qtbot, controller, tmp_path)
    go(qtbot, controller, 2)
    compare(controller)
    all_compared(qtbot, controller)
    assert not controller.annotations.has_open_proposals
    controller.window.actions_by_key["predict"].trigger()  # all is known already
    assert len(offered(controller)) == 2
    assert controller.annotations.proposing_model(view(controller).slice) == "keen-v1"


def test_the_same_network_under_another_name_is_another_model(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    keen, _ = with_models(qtbot, controller, tmp_path)
    copy = register(controller, tmp_path / "made", "copy", 128.5)
    go(qtbot, controller, 2)
    show_pair(qtbot, controller, copy, keen, 2)
    controller.runs.choose_model(copy)
    qtbot.waitUntil(lambda: in_use(controller) == "copy-v1", timeout=WAIT_MS)
    controller.window.actions_by_key["predict"].trigger()
    qtbot.waitUntil(lambda: len(offered(controller)) == 2, timeout=WAIT_MS)
    assert {Provenance.of(shape).model for shape in offered(controller)} == {"copy-v1"}


def test_who_takes_the_other_model_into_use_gets_the_two_exchanged(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    keen, blind = with_models(qtbot, controller, tmp_path)
    compare(controller)
    choose_other(qtbot, controller, "blind-v1")
    controller.runs.choose_model(blind)
    models = controller.compared
    qtbot.waitUntil(
        lambda: (models.title, models.other_title) == ("blind-v1", "keen-v1"), timeout=WAIT_MS
    )
    assert models.other_path == keen
    assert view(controller).comparison.visible


def test_a_pair_is_looked_at_without_being_taken_into_use(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    keen, blind = with_models(qtbot, controller, tmp_path)
    controller.window.actions_by_key["predict"].trigger()
    before = view(controller).layers, view(controller).comparison
    remembered = controller._stored.value("model")
    show_pair(qtbot, controller, blind, keen, 3)
    assert view(controller).index == 3
    assert counts(controller) == {MINE | MODEL | OTHER: 80, MINE | OTHER: 60, MINE: 42}
    assert corner(controller)[0] == "Model blind-v1 (2026-01-01, candidate)"
    box = controller.window.overlay_panel.comparison
    assert box.model.whole == "blind-v1 · not in use"
    assert box.others.currentText() == "keen-v1"
    # Nothing of either is offered to be accepted, and nothing is chosen.
    assert not controller.window.actions_by_key["accept"].isEnabled()
    key(controller, Qt.Key.Key_Return)
    assert len(controller.annotations.shapes(view(controller).slice)) == 3
    assert (in_use(controller), controller.runs.chosen_path) == ("keen-v1", keen)
    assert controller._stored.value("model") == remembered
    assert controller.window.model_chooser.currentText() == "keen-v1"

    compare(controller)
    assert (view(controller).layers, view(controller).comparison) == before
    assert controller.compared.first is controller.runs.predictor
    assert controller.compared.other is None
    assert areas(controller) is None
    assert corner(controller) == ["Prediction: keen-v1 (2026-01-01, candidate)"]
    assert controller.window.actions_by_key["accept"].isEnabled()


def test_leaving_a_pair_brings_back_the_other_model_of_before(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    keen, blind = with_models(qtbot, controller, tmp_path)
    third = register(controller, tmp_path / "made", "third", 140.5)
    with qtbot.waitSignal(controller.runs.models_changed, timeout=WAIT_MS):
        controller.runs.refresh()
    compare(controller)
    choose_other(qtbot, controller, "third-v1")
    show_pair(qtbot, controller, blind, keen, 1)
    controller.compare.leave()
    assert controller.compared.other_path == third
    assert controller.compared.other_title == "third-v1"
    assert not controller.compared.is_pair


def test_a_pair_outside_the_open_study_changes_nothing(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    keen, blind = with_models(qtbot, controller, tmp_path)
    series, index = view(controller).series, view(controller).index
    assert not controller.compare.show_models(blind, keen, "1.2.3", 0, 0)
    assert not controller.compare.show_models(blind, keen, series.uid, series.stack, 99)
    assert view(controller).index == index
    assert view(controller).comparison == ComparisonState()
    assert not controller.compared.is_pair


def test_another_folder_ends_a_pair_and_not_compare_mode(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    keen, blind = with_models(qtbot, controller, tmp_path)
    show_pair(qtbot, controller, blind, keen, 1)
    opened(qtbot, controller, write_compared(tmp_path / "t", "B"))
    assert not controller.compared.is_pair
    assert not view(controller).comparison.visible
    compare(controller)
    opened(qtbot, controller, write_compared(tmp_path / "u", "C"))
    all_compared(qtbot, controller)
    assert [bool(places(controller, i)) for i in range(6)] == [
        False,
        True,
        False,
        True,
        False,
        False,
    ]


def test_a_model_that_cannot_be_loaded_says_so_and_what_was_there_stays(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    keen, blind = with_models(qtbot, controller, tmp_path)
    compare(controller)
    (blind / "model.onnx").write_bytes(b"not a network")
    with qtbot.waitSignal(controller.compared.failed, timeout=WAIT_MS):
        controller.compared.choose_other_model(blind)
    assert controller.compared.other is None
    assert controller.window.overlay_panel.comparison.others.currentText() == "No other model"
    assert "model.onnx" in message(controller)
    series = view(controller).series
    with qtbot.waitSignal(controller.compared.failed, timeout=WAIT_MS):
        assert controller.compare.show_models(blind, keen, series.uid, series.stack, 1)
    assert not controller.compared.is_pair
    assert controller.compared.title == "keen-v1"


def test_a_folder_of_colour_is_not_waited_for(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    with_models(qtbot, controller, tmp_path)
    for i in range(3):
        write_dicom(
            tmp_path / "c" / f"{i}.dcm", np.full((32, 40, 3), 40 * i, np.uint8), patient="Z",
            photometric="RGB", number=i, position_mm=(0.0, 0.0, 5.0 * i),
        )  # fmt: skip
    opened(qtbot, controller, tmp_path / "c")
    compare(controller)
    choose_other(qtbot, controller, "blind-v1")
    qtbot.waitUntil(
        lambda: message(controller) == "Colour slices cannot be predicted.", timeout=WAIT_MS
    )
    key(controller, Qt.Key.Key_J)
    qtbot.waitUntil(
        lambda: message(controller) == "No further disagreement in this series.", timeout=WAIT_MS
    )
    assert areas(controller) is None
    qtbot.waitUntil(lambda: "not reviewed" in note(controller), timeout=WAIT_MS)

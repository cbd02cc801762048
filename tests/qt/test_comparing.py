"""Compare mode: who marks what, and the way from one disagreement to the next."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QToolButton
from pytestqt.qtbot import QtBot

from medseg_desktop.core.comparison_map import OTHER_LABEL, Side
from medseg_desktop.core.shapes.history import Place
from medseg_desktop.inference.predictor import Predictor
from medseg_desktop.qt.canvas.slice_slider import SliceMarks
from medseg_desktop.qt.controller import Controller
from medseg_desktop.qt.tools.tool import ToolName
from tests.builders import model_info, write_model_package
from tests.mouse import Pen
from tests.qt.comparing import (
    BRIGHT_BOX,
    FAINT_BOX,
    NOTHING_BOX,
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
    with_models,
)
from tests.qt.drawing import message
from tests.qt.test_prediction_loader import Calls, calls  # noqa: F401
from tests.qt.viewing import WAIT_MS, key, shown, view

SHIFT = Qt.KeyboardModifier.ShiftModifier
MINE, MODEL, OTHER = int(Side.MINE), int(Side.MODEL), int(Side.OTHER)


def marks(controller: Controller) -> SliceMarks:
    return controller.window.slice_bar.slices._marks


def counts(controller: Controller) -> dict[int, int]:
    """Category -> pixels, of what lies on the slice."""
    layer = areas(controller)
    assert layer is not None
    found = np.bincount(layer.areas.ravel())
    return {i: int(n) for i, n in enumerate(found) if i and n}


def at(controller: Controller) -> tuple[int, tuple[int, int, int, int] | None]:
    return view(controller).index, marked(controller)


def test_the_legend_is_in_sight_in_the_smallest_window(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    controller.window.resize(1280, 720)
    with_models(qtbot, controller, tmp_path)
    box = controller.window.overlay_panel.comparison
    compare(controller)
    all_compared(qtbot, controller)

    def in_sight() -> bool:
        return box.isVisible() and box.visibleRegion().boundingRect().height() == box.height()

    qtbot.waitUntil(in_sight, timeout=WAIT_MS)


def test_the_slice_shows_who_marks_what_and_the_legend_how_much(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    with_models(qtbot, controller, tmp_path)
    go(qtbot, controller, 3)
    compare(controller)
    all_compared(qtbot, controller)
    assert counts(controller) == {MINE | MODEL: 80 + 60, MINE: 42}
    # 5 mm from slice to slice; of the slices that somebody has looked at.
    amounts = {
        "Both agree": ("140 mm²", "2.50 ml"),
        "Only me": ("42.0 mm²", "0.21 ml"),
        "Only keen-v1": ("0 mm²", "0.30 ml"),
    }
    qtbot.waitUntil(lambda: legend(controller) == amounts, timeout=WAIT_MS)
    go(qtbot, controller, 1)
    assert counts(controller) == {MINE | MODEL: 80, MODEL: 60}


def test_every_category_has_a_colour_and_a_pattern_of_its_own(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    with_models(qtbot, controller, tmp_path)
    compare(controller)
    choose_other(qtbot, controller, "blind-v1")
    all_compared(qtbot, controller)
    layer = areas(controller)
    assert layer is not None
    assert len({style.pattern for style in layer.styles.values()}) == len(layer.styles) == 8
    assert len({(style.ground, style.stripes) for style in layer.styles.values()}) == 8


def test_the_key_leads_from_place_to_place_over_the_slices(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    with_models(qtbot, controller, tmp_path)
    go(qtbot, controller, 0)
    compare(controller)
    all_compared(qtbot, controller)
    key(controller, Qt.Key.Key_J)
    assert at(controller) == (1, FAINT_BOX)
    qtbot.waitUntil(lambda: "1 of 1" in note(controller), timeout=WAIT_MS)
    assert "Only keen-v1, 60.0 mm²" in note(controller)
    key(controller, Qt.Key.Key_J)
    assert at(controller) == (3, NOTHING_BOX)
    key(controller, Qt.Key.Key_J)
    assert at(controller)[0] == 3
    assert message(controller) == "No further disagreement in this series."
    key(controller, Qt.Key.Key_J, SHIFT)
    assert at(controller) == (1, FAINT_BOX)
    key(controller, Qt.Key.Key_J, SHIFT)
    assert at(controller)[0] == 1
    assert message(controller) == "No disagreement before this one in this series."


def test_the_key_turns_compare_mode_on_and_the_buttons_do_what_it_does(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    with_models(qtbot, controller, tmp_path)
    go(qtbot, controller, 2)
    key(controller, Qt.Key.Key_J)
    assert controller.window.actions_by_key["compare"].isChecked()
    qtbot.waitUntil(lambda: at(controller) == (3, NOTHING_BOX), timeout=WAIT_MS)
    box = controller.window.overlay_panel.comparison
    previous, following = box.findChildren(QToolButton)
    assert (previous.text(), following.text()) == ("Previous", "Next")
    QTest.mouseClick(previous, Qt.MouseButton.LeftButton)
    assert at(controller) == (1, FAINT_BOX)
    QTest.mouseClick(following, Qt.MouseButton.LeftButton)
    assert at(controller) == (3, NOTHING_BOX)


def test_several_places_of_a_slice_come_from_top_to_bottom_also_after_an_edit(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    with_models(qtbot, controller, tmp_path)
    go(qtbot, controller, 1)
    controller.annotations.edit(Place(view(controller).series, 1), "delete", lambda _: ())
    compare(controller)
    all_compared(qtbot, controller)
    key(controller, Qt.Key.Key_J)
    assert at(controller) == (1, BRIGHT_BOX)
    # What the first place was about is mended; the key goes on from there.
    predictor = controller.runs.predictor
    assert predictor is not None
    found = controller.predictions.found(predictor, view(controller).series, 1)
    assert found is not None
    place = Place(view(controller).series, 1)
    controller.annotations.edit(place, "draw", lambda shapes: (*shapes, found.shapes[0]))
    all_compared(qtbot, controller)
    assert [p.box for p in places(controller, 1)] == [FAINT_BOX]
    key(controller, Qt.Key.Key_J)
    assert at(controller) == (1, FAINT_BOX)


def test_an_edit_changes_the_areas_at_once(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    with_models(qtbot, controller, tmp_path)
    go(qtbot, controller, 3)
    compare(controller)
    all_compared(qtbot, controller)
    place = Place(view(controller).series, 3)
    controller.annotations.edit(place, "delete", lambda shapes: shapes[:1])
    assert counts(controller) == {MINE | MODEL: 80, MODEL: 60}
    all_compared(qtbot, controller)
    assert [p.box for p in places(controller, 3)] == [FAINT_BOX]
    controller.annotations.stack.undo()
    assert counts(controller) == {MINE | MODEL: 140, MINE: 42}


def test_hidden_labels_take_no_part(controller: Controller, qtbot: QtBot, tmp_path: Path) -> None:
    with_models(qtbot, controller, tmp_path)
    go(qtbot, controller, 3)
    compare(controller)
    all_compared(qtbot, controller)
    labels = controller.annotations.labels
    controller.annotations.show_labels(labels.with_visible(1, False))
    assert counts(controller) == {}
    all_compared(qtbot, controller)
    assert places(controller, 3) == ()


def test_another_label_at_the_same_place_is_a_disagreement(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    with_models(qtbot, controller, tmp_path)
    package = tmp_path / "edema"
    info = model_info(name="swelling", labels=("edema",))
    write_model_package(package, info, thresholds=(128.5,))
    controller.runs.choose_model(package)
    qtbot.waitUntil(
        lambda: controller.runs.predictor.info.name == "swelling",  # type: ignore[union-attr]
        timeout=WAIT_MS,
    )
    go(qtbot, controller, 0)
    compare(controller)
    all_compared(qtbot, controller)
    assert counts(controller) == {OTHER_LABEL: 140}
    assert len(places(controller, 0)) == 2
    qtbot.waitUntil(lambda: "Other label" in legend(controller), timeout=WAIT_MS)


def test_a_slice_that_nobody_has_looked_at_shows_the_model_alone_and_says_so(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    with_models(qtbot, controller, tmp_path)
    go(qtbot, controller, 2)
    compare(controller)
    all_compared(qtbot, controller)
    assert counts(controller) == {MODEL: 140}
    qtbot.waitUntil(lambda: "not reviewed" in note(controller), timeout=WAIT_MS)
    assert "only what keen-v1 finds is shown" in note(controller)
    assert places(controller, 2) == ()
    key(controller, Qt.Key.Key_S)  # no lesion: now both lesions are the model's alone
    all_compared(qtbot, controller)
    assert [p.box for p in places(controller, 2)] == [BRIGHT_BOX, FAINT_BOX]


def test_the_marks_of_the_slider_are_where_the_key_leads_to(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    with_models(qtbot, controller, tmp_path)
    compare(controller)
    qtbot.waitUntil(lambda: marks(controller).disagreeing == {1, 3}, timeout=WAIT_MS)
    compare(controller)
    assert marks(controller).disagreeing == frozenset()
    controller.window.actions_by_key["predict"].trigger()
    qtbot.waitUntil(lambda: marks(controller).disagreeing == {1, 3}, timeout=WAIT_MS)


def test_predictions_that_are_still_to_come_are_waited_for(
    controller: Controller,
    qtbot: QtBot,
    tmp_path: Path,
    calls: Calls,  # noqa: F811
) -> None:
    with_models(qtbot, controller, tmp_path)
    go(qtbot, controller, 0)
    calls.gate.clear()
    key(controller, Qt.Key.Key_J)
    qtbot.waitUntil(lambda: "Looking for" in note(controller), timeout=WAIT_MS)
    assert controller.window.progress_text.text() == "Predicted 0 of 6 slices"
    assert view(controller).index == 0
    calls.gate.set()
    qtbot.waitUntil(lambda: at(controller) == (1, FAINT_BOX), timeout=WAIT_MS)


def test_whoever_goes_elsewhere_meanwhile_is_left_there(
    controller: Controller,
    qtbot: QtBot,
    tmp_path: Path,
    calls: Calls,  # noqa: F811
) -> None:
    with_models(qtbot, controller, tmp_path)
    go(qtbot, controller, 0)
    calls.gate.clear()
    key(controller, Qt.Key.Key_J)
    assert controller.compare.search.is_looking
    key(controller, Qt.Key.Key_End)
    assert not controller.compare.search.is_looking
    calls.gate.set()
    all_compared(qtbot, controller)
    assert at(controller) == (5, None)


def test_the_cross_of_the_status_line_cancels_until_the_key_asks_again(
    controller: Controller,
    qtbot: QtBot,
    tmp_path: Path,
    calls: Calls,  # noqa: F811
) -> None:
    with_models(qtbot, controller, tmp_path)
    go(qtbot, controller, 0)
    calls.gate.clear()
    compare(controller)
    qtbot.waitUntil(lambda: len(calls.slices) == 1, timeout=WAIT_MS)
    QTest.mouseClick(controller.window.progress_cancel, Qt.MouseButton.LeftButton)
    calls.gate.set()
    qtbot.waitUntil(lambda: note(controller) == "This slice is not predicted.", timeout=WAIT_MS)
    go(qtbot, controller, 1)
    qtbot.wait(50)
    assert len(calls.slices) == 1
    key(controller, Qt.Key.Key_J)
    qtbot.waitUntil(lambda: at(controller) == (1, FAINT_BOX), timeout=WAIT_MS)


def test_outlines_give_way_and_come_back_for_a_tool_and_with_the_end_of_the_mode(
    controller: Controller, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_models(qtbot, controller, tmp_path)
    controller.window.actions_by_key["predict"].trigger()
    go(qtbot, controller, 3)
    compare(controller)
    all_compared(qtbot, controller)
    slice_view = controller.window.slice_view
    given: dict[str, Any] = {}
    for setter in ("set_outlines", "set_label_map", "set_prediction_map"):
        monkeypatch.setattr(
            slice_view, setter, lambda *said, setter=setter: given.update({setter: said[0]})
        )
    controller.overlays._given.clear()
    controller.overlays.draw()
    assert given == {"set_outlines": [], "set_label_map": None, "set_prediction_map": None}
    controller.drawing.set_tool(ToolName.EDIT)
    assert len(given["set_outlines"]) == 3 + 2  # drawn, and proposed
    controller.drawing.set_tool(None)
    assert given["set_outlines"] == []
    compare(controller)
    assert len(given["set_outlines"]) == 3 + 2
    assert given["set_label_map"] is not None
    assert given["set_prediction_map"] is not None
    assert areas(controller) is None
    assert not controller.window.overlay_panel.comparison.isVisible()


def test_the_models_are_named_on_the_slice_and_in_pictures(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    with_models(qtbot, controller, tmp_path)
    compare(controller)
    assert corner(controller) == [
        "Model keen-v1 (2026-01-01, candidate)",
        "compared with my outlines",
    ]
    choose_other(qtbot, controller, "blind-v1")
    both = "compared with blind-v1 (2026-01-01, candidate) and my outlines"
    assert corner(controller) == ["Model keen-v1 (2026-01-01, candidate)", both]
    assert list(controller.slices.texts(view(controller)).bottom_right) == corner(controller)
    compare(controller)
    assert corner(controller) == []


def test_without_a_model_there_is_nothing_to_compare(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    action = controller.window.actions_by_key["compare"]
    assert not action.isEnabled()
    assert action.toolTip() == "Choose a model at the top right first."
    with_models(qtbot, controller, tmp_path)
    assert action.isEnabled()
    compare(controller)
    controller.runs.choose_model(None)
    assert not action.isEnabled()
    assert not action.isChecked()
    assert areas(controller) is None


def test_a_noisy_prediction_is_compared_in_the_background(
    controller: Controller, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_models(qtbot, controller, tmp_path)
    go(qtbot, controller, 0)
    noise = np.zeros((32, 40), np.uint8)
    noise[::2, ::2] = 1
    monkeypatch.setattr(Predictor, "predict", lambda *_: noise)
    monkeypatch.setattr("medseg_desktop.qt.presenters.comparing.areas._MOST_VERTICES", 100)
    compare(controller)
    all_compared(qtbot, controller)
    shown(qtbot, controller)
    qtbot.waitUntil(lambda: areas(controller) is not None, timeout=WAIT_MS)
    assert counts(controller)[MODEL] > 200


def test_areas_follow_a_shape_while_it_is_dragged(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    with_models(qtbot, controller, tmp_path)
    go(qtbot, controller, 1)
    compare(controller)
    all_compared(qtbot, controller)
    controller.drawing.set_tool(ToolName.EDIT)
    pen = Pen(controller.window.slice_view)
    pen.hold((15, 12), (20, 12))
    assert counts(controller) == {MINE | MODEL: 40, MINE: 40, MODEL: 100}
    pen.release(20, 12)
    assert counts(controller) == {MINE | MODEL: 40, MINE: 40, MODEL: 100}
    all_compared(qtbot, controller)
    assert {p.category for p in places(controller, 1)} == {MINE, MODEL}

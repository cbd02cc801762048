"""Accept, reject, edit then accept: through the window, each as one step."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from medseg_desktop.core.annotation import Shape, SliceState
from medseg_desktop.core.raster import draw_label_map
from medseg_desktop.core.shapes.provenance import Author, own_keys
from medseg_desktop.qt.controller import Controller
from medseg_desktop.qt.panels.overlay_panel import Layer
from medseg_desktop.qt.tools.tool import ToolName
from tests.mouse import surface
from tests.qt.proposing import (
    FIRST,
    SECOND,
    offered,
    own,
    press,
    proposing,
    reopened,
    saved,
    saved_shapes,
    trigger,
    use_model,
    wait_for_proposals,
    write_lesions,
)
from tests.qt.viewing import opened, shown, view

Key = Qt.Key


def covers(shape: Shape, place: tuple[int, int], controller: Controller) -> bool:
    labels = controller.annotations.labels
    return bool(draw_label_map([shape], labels, 32, 40)[place])


def drag_on_slice(controller: Controller, *way: tuple[float, float]) -> None:
    """The left button down at the first (column, row), along the others, and up at the last."""
    slice_view = controller.window.slice_view
    target = surface(slice_view)
    points = [slice_view.widget_position(*at) for at in way]
    QTest.mousePress(target, Qt.MouseButton.LeftButton, pos=points[0])
    for before, point in pairwise(points):
        middle = (before + point) / 2
        for at in (middle, point):
            _move(target, at)
    QTest.mouseRelease(target, Qt.MouseButton.LeftButton, pos=points[-1])


def _move(target: QWidget, at: QPoint) -> None:
    from PySide6.QtCore import QEvent, QPointF
    from PySide6.QtGui import QMouseEvent
    from PySide6.QtWidgets import QApplication

    button, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    place = QPointF(target.mapToGlobal(at))
    event = QMouseEvent(
        QEvent.Type.MouseMove, QPointF(at), place, none, button, Qt.KeyboardModifier.NoModifier
    )
    QApplication.sendEvent(target, event)


def click_on_slice(controller: Controller, column: float, row: float) -> None:
    slice_view = controller.window.slice_view
    at = slice_view.widget_position(column, row)
    QTest.mouseClick(surface(slice_view), Qt.MouseButton.LeftButton, pos=at)


def with_tool(qtbot: QtBot, controller: Controller, tool: ToolName) -> None:
    shown(qtbot, controller)
    controller.drawing.set_tool(tool)


@pytest.mark.parametrize(
    "focus", ["slice_view", "slider", "tree", "shapes", "labels", "check", "tab", "chooser"]
)
def test_enter_accepts_all_of_the_slice_whatever_has_the_focus(
    controller: Controller, qtbot: QtBot, tmp_path: Path, focus: str
) -> None:
    proposing(qtbot, controller, tmp_path)
    w = controller.window
    target: QWidget = {
        "slice_view": w.slice_view,
        "slider": w.slice_bar.slices,
        "tree": w.worklist.tree,
        "shapes": w.shapes_panel.table,
        "labels": w.labels_panel.list,
        "check": w.overlay_panel.layers[Layer.OUTLINES].check,
        "tab": w.tabs.tabBar(),
        "chooser": w.preset_chooser,
    }[focus]
    press(qtbot, target, Key.Key_Return)
    assert len(own(controller)) == 2
    assert offered(controller) == ()
    assert controller.annotations.stack.count() == 1


def test_enter_in_a_field_belongs_to_the_field(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    proposing(qtbot, controller, tmp_path)
    w = controller.window
    for field in (w.worklist.search, w.window_panel.width_slider.box):
        press(qtbot, field, Key.Key_Return)
        assert own(controller) == ()
    assert len(offered(controller)) == 2


def test_the_selected_lesion_is_accepted_alone_and_the_other_waits(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    proposing(qtbot, controller, tmp_path)
    with_tool(qtbot, controller, ToolName.EDIT)
    click_on_slice(controller, SECOND[1] + 0.5, SECOND[0] + 0.5)
    assert len(controller.drawing.selection) == 1
    press(qtbot, controller.window.slice_view, Key.Key_Return)
    (accepted,), (waiting,) = own(controller), offered(controller)
    assert covers(accepted, SECOND, controller)
    assert covers(waiting, FIRST, controller)
    assert controller.drawing.selection == ()  # the other has its number now


def test_a_rejected_lesion_stays_rejected_after_predicting_again(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    proposing(qtbot, controller, tmp_path)
    with_tool(qtbot, controller, ToolName.EDIT)
    click_on_slice(controller, FIRST[1] + 0.5, FIRST[0] + 0.5)
    press(qtbot, controller.window.slice_view, Key.Key_X)
    (left,) = offered(controller)
    assert covers(left, SECOND, controller)
    assert own(controller) == ()
    assert controller.annotations.state(view(controller).slice) is SliceState.UNSEEN
    trigger(controller, "predict", "predict", "predict_slice")
    use_model(qtbot, controller, tmp_path / "models", "other", threshold=140)
    use_model(qtbot, controller, tmp_path / "models", "tiny")
    wait_for_proposals(qtbot, controller, 3)
    assert len(offered(controller)) == 1
    controller.annotations.stack.undo()
    assert len(offered(controller)) == 2


def test_undo_brings_proposals_back_as_they_were_and_redo_takes_them_again(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    proposing(qtbot, controller, tmp_path)
    before = offered(controller)
    trigger(controller, "accept")
    accepted = own(controller)
    controller.annotations.stack.undo()
    assert own(controller) == ()
    assert all(a is b for a, b in zip(offered(controller), before, strict=True))
    assert controller.annotations.document(view(controller).slice.path) is None
    controller.annotations.stack.redo()
    assert own(controller) == accepted
    assert offered(controller) == ()
    controller.annotations.stack.undo()
    trigger(controller, "predict", "predict")
    wait_for_proposals(qtbot, controller, 3)
    assert len(offered(controller)) == 2  # nothing is doubled


def test_an_accepted_lesion_says_in_the_file_who_found_it_and_who_accepted_it(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = proposing(qtbot, controller, tmp_path)
    controller.annotations.author = Author("Dr Li")
    name = Path(view(controller).slice.path).stem
    trigger(controller, "accept")
    saved(qtbot, controller)
    first, second = saved_shapes(folder / "A" / f"{name}.json")
    for shape in (first, second):
        assert list(shape)[:7] == [
            "label",
            "points",
            "group_id",
            "description",
            "shape_type",
            "flags",
            "frame",
        ]
        ours = shape["medseg"]
        assert set(ours) == {"provenance", "annotator", "time"}
        assert ours["provenance"] == "model tiny-v1"
        assert ours["annotator"] == "Dr Li"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", ours["time"])
        age = datetime.now(UTC) - datetime.fromisoformat(ours["time"])
        assert abs(age.total_seconds()) < 60


def test_what_was_accepted_is_not_proposed_again_after_reopening(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = proposing(qtbot, controller, tmp_path)
    path = view(controller).slice.path
    trigger(controller, "accept")
    saved(qtbot, controller)
    reopened(qtbot, controller, folder)
    wait_for_proposals(qtbot, controller, 2)
    assert view(controller).slice.path == path  # a folder opens at a slice with a shape
    qtbot.waitUntil(lambda: len(controller.marks.predicted) == 3)
    assert offered(controller) == ()
    assert len(own(controller)) == 2


@pytest.mark.parametrize("tool", [ToolName.BRUSH, ToolName.ERASER, ToolName.CUT])
def test_a_proposal_that_is_drawn_on_is_accepted_and_edited_in_one_step(
    controller: Controller, qtbot: QtBot, tmp_path: Path, tool: ToolName
) -> None:
    folder = proposing(qtbot, controller, tmp_path)
    before = offered(controller)
    with_tool(qtbot, controller, tool)
    controller.drawing.set_brush_radius(2)
    if tool is ToolName.CUT:
        drag_on_slice(controller, (14.5, 4.0), (14.5, 19.0))
    else:
        drag_on_slice(controller, (19.5, 11.5), (21.5, 11.5))
    assert controller.annotations.stack.count() == 1
    assert len(offered(controller)) == 1
    parts = own(controller)
    assert len(parts) == (2 if tool is ToolName.CUT else 1)
    name = Path(view(controller).slice.path).stem
    saved(qtbot, controller)
    for shape in saved_shapes(folder / "A" / f"{name}.json"):
        ours = shape["medseg"]
        assert ours["provenance"] == "model tiny-v1 edited"
        assert 0 < ours["dice"] < 1
        assert ours["proposal"] == [[list(point) for point in before[0].points]]
        assert ours["time"].endswith("+00:00")
    controller.annotations.stack.undo()
    assert own(controller) == ()
    assert all(a is b for a, b in zip(offered(controller), before, strict=True))
    controller.annotations.stack.redo()
    assert own(controller) == parts
    assert len(offered(controller)) == 1


def test_a_vertex_of_a_proposal_is_dragged_in_one_step_and_dice_follows_later_edits(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    proposing(qtbot, controller, tmp_path)
    with_tool(qtbot, controller, ToolName.EDIT)
    click_on_slice(controller, FIRST[1] + 0.5, FIRST[0] + 0.5)
    proposal = offered(controller)[0]
    dices = []
    corner = (19.5, 15.5)
    for target in ((22.5, 17.5), (21.5, 20.5)):
        drag_on_slice(controller, corner, target)
        (shape,) = own(controller)
        ours = own_keys(shape)
        assert ours["proposal"] == [[list(point) for point in proposal.points]]
        dices.append(ours["dice"])
        corner = target
    assert 0 < dices[1] < dices[0] < 1
    assert controller.annotations.stack.count() == 2
    controller.annotations.stack.undo()
    controller.annotations.stack.undo()
    assert len(offered(controller)) == 2


def test_a_proposal_is_deleted_like_a_shape(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    proposing(qtbot, controller, tmp_path)
    with_tool(qtbot, controller, ToolName.EDIT)
    click_on_slice(controller, FIRST[1] + 0.5, FIRST[0] + 0.5)
    press(qtbot, controller.window.slice_view, Key.Key_Delete)
    assert (len(own(controller)), len(offered(controller))) == (0, 1)
    controller.annotations.stack.undo()
    assert (len(own(controller)), len(offered(controller))) == (0, 2)


def test_merged_proposals_are_one_edited_shape_of_both(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    proposing(qtbot, controller, tmp_path)
    with_tool(qtbot, controller, ToolName.EDIT)
    proposals = offered(controller)
    controller.drawing.set_brush_radius(2)
    trigger(controller, "select_all", "merge_shapes")
    merged = own(controller)
    assert offered(controller) == ()
    assert {own_keys(shape)["provenance"] for shape in merged} == {"model tiny-v1 edited"}
    for shape in merged:
        assert len(own_keys(shape)["proposal"]) == 2
    assert controller.annotations.stack.count() == 1
    controller.annotations.stack.undo()
    assert offered(controller) == proposals


def test_a_label_that_the_table_does_not_have_joins_it_with_the_step(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    opened(qtbot, controller, write_lesions(tmp_path / "s"))
    use_model(qtbot, controller, tmp_path / "models", "strange", labels=("Infarct",))
    before = controller.annotations.labels
    assert before.index_of("Infarct") is None
    trigger(controller, "predict")
    wait_for_proposals(qtbot, controller, 3)
    assert controller.annotations.labels == before
    trigger(controller, "accept")
    assert controller.annotations.labels.index_of("Infarct") == len(before)
    controller.annotations.stack.undo()
    assert controller.annotations.labels == before
    controller.annotations.stack.redo()
    assert controller.annotations.labels.index_of("Infarct") == len(before)


def test_all_of_the_series_and_of_all_series_are_accepted_as_one_step_each(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    proposing(qtbot, controller, tmp_path, ("A", "B"))
    first, second = controller.study.found.series if controller.study.found else ()
    trigger(controller, "predict_all")
    annotations = controller.annotations
    qtbot.waitUntil(lambda: len(annotations.proposed(second)) == 3)
    press(
        qtbot,
        controller.window.slice_view,
        Key.Key_Return,
        Qt.KeyboardModifier.ControlModifier,
    )
    assert [len(annotations.annotated(s)) for s in (first, second)] == [3, 0]
    trigger(controller, "accept_all")
    assert [len(annotations.annotated(s)) for s in (first, second)] == [3, 3]
    assert not annotations.has_open_proposals
    assert annotations.stack.count() == 2
    annotations.stack.undo()
    annotations.stack.undo()
    assert [len(annotations.proposed(s)) for s in (first, second)] == [3, 3]
    assert [len(annotations.annotated(s)) for s in (first, second)] == [0, 0]


def test_nothing_is_accepted_that_nobody_sees(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    proposing(qtbot, controller, tmp_path)
    trigger(controller, "predict")
    press(qtbot, controller.window.slice_view, Key.Key_Return)
    controller.annotating.review.accept_series()
    controller.annotating.review.accept_all()
    assert controller.annotations.stack.count() == 0
    for key in ("accept", "reject", "accept_series", "accept_all", "next_proposal"):
        assert not controller.window.actions_by_key[key].isEnabled(), key


def test_a_rejected_lesion_stays_rejected_when_the_reviewed_slice_is_opened_again(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = proposing(qtbot, controller, tmp_path)
    with_tool(qtbot, controller, ToolName.EDIT)
    click_on_slice(controller, FIRST[1] + 0.5, FIRST[0] + 0.5)
    press(qtbot, controller.window.slice_view, Key.Key_X)
    assert not controller.saving.unsaved  # nobody has reviewed the slice
    trigger(controller, "accept")
    saved(qtbot, controller)
    reopened(qtbot, controller, folder)
    wait_for_proposals(qtbot, controller, 2)
    qtbot.waitUntil(lambda: len(controller.marks.predicted) == 3, timeout=10_000)
    (accepted,) = own(controller)
    assert covers(accepted, SECOND, controller)
    assert offered(controller) == ()

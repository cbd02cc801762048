"""Labels in the window: the table, the shapes that have them, undo, and what is locked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from medseg_desktop.core.annotation import Shape
from medseg_desktop.core.raster import draw_label_map
from medseg_desktop.core.shapes.history import Place
from medseg_desktop.qt.controller import Controller
from medseg_desktop.qt.dialogs.convert_dialog import ConvertForm
from medseg_desktop.qt.tools.tool import NO_KEYS, ToolName
from tests.annotating import square
from tests.builders import write_study
from tests.qt.viewing import WAIT_MS, key, opened, shown, view

#: Lie beside the outline of the study, whose box is (10, 8) to (20, 16).
FIRST, SECOND = square(24, 2, 6), square(24, 12, 6)


@pytest.fixture
def window(qtbot: QtBot, controller: Controller, tmp_path: Path) -> Controller:
    """A study of two patients with an outline of H on every slice, in the edit tool."""
    opened(qtbot, controller, write_study(tmp_path / "s"))
    controller.drawing.set_tool(ToolName.EDIT)
    return controller


def names(controller: Controller) -> tuple[str, ...]:
    return controller.annotations.labels.names[1:]


def here(controller: Controller) -> Place:
    return Place(view(controller).series, view(controller).index)


def labels_here(controller: Controller) -> list[str]:
    return [shape.label for shape in controller.annotations.shapes(view(controller).slice)]


def add(controller: Controller, *shapes: Shape) -> None:
    controller.annotations.edit(here(controller), "draw", lambda old: (*old, *shapes))


# -- the table


def test_renaming_in_the_panel_renames_every_open_shape_and_is_named_in_the_menu(
    window: Controller,
) -> None:
    window.window.labels_panel.renamed.emit(1, "haematoma")
    documents = [
        window.annotations.shapes(item)
        for series in window.study.found.series  # type: ignore[union-attr]
        for item in series.slices
    ]
    assert {s.label for shapes in documents for s in shapes} == {"haematoma"}
    undo = window.window.actions_by_key["undo"]
    assert undo.text() == "Undo rename label"
    assert undo.toolTip() == "Undo rename label (Ctrl+Z)"
    key(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert labels_here(window) == ["H"]
    assert names(window) == ("H",)
    assert window.window.actions_by_key["redo"].text() == "Redo rename label"


def test_an_added_label_is_drawn_with_until_it_is_taken_back(window: Controller) -> None:
    window.window.labels_panel.add_requested.emit("edema")
    assert window.drawing.label == 2
    window.annotations.stack.undo()
    assert (names(window), window.drawing.label) == (("H",), 1)
    window.annotations.stack.redo()
    assert names(window) == ("H", "edema")


def test_a_name_that_is_refused_leaves_the_current_label(window: Controller) -> None:
    window.window.labels_panel.add_requested.emit("edema")
    window.drawing.set_label(1)
    window.window.labels_panel.add_requested.emit("h")
    assert names(window) == ("H", "edema")
    assert window.drawing.label == 1


def test_a_digit_goes_to_another_label_and_back(window: Controller) -> None:
    window.window.labels_panel.add_requested.emit("edema")
    window.window.labels_panel.shortcut_changed.emit(2, 1)
    assert list(window.annotations.labels.digits) == [None, None, 1]
    window.drawing.set_label(1)
    window.drawing.set_tool(ToolName.POLYGON)
    key(window, Qt.Key.Key_1)
    assert window.drawing.label == 2
    window.annotations.stack.undo()
    assert list(window.annotations.labels.digits) == [None, 1, 2]


def test_what_is_hidden_is_so_in_the_workspace_and_no_step(
    window: Controller, qtbot: QtBot
) -> None:
    window.window.labels_panel.visibility_changed.emit(1, False)
    assert not window.annotations.stack.canUndo()
    qtbot.waitUntil(lambda: not window.workspace.labels().labels[1].visible, timeout=WAIT_MS)


def test_only_a_label_that_nothing_knows_can_be_removed(window: Controller) -> None:
    panel = window.window.labels_panel
    panel.remove_requested.emit(1)
    assert names(window) == ("H",)  # the workspace has it
    panel.add_requested.emit("edema")
    add(window, square(24, 2, 6, "edema"))
    panel.remove_requested.emit(2)
    assert names(window) == ("H", "edema")  # a shape has it
    window.annotations.stack.undo()
    panel.remove_requested.emit(2)
    assert (names(window), window.drawing.label) == (("H",), 1)
    window.annotations.stack.undo()
    assert names(window) == ("H", "edema")


def test_a_conversion_fixes_the_labels_it_is_given(window: Controller, qtbot: QtBot) -> None:
    window.window.labels_panel.add_requested.emit("edema")
    dialog = window.conversion.open()
    started: list[object] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(window.runs, "start_conversion", started.append)
        patient = window.study.found.series[0].patient.hash  # type: ignore[union-attr]
        form = ConvertForm("d", "default", (patient,), overlays=False)
        dialog.start_requested.emit(form)
    assert started[0].labels.names[1:] == ("H", "edema")  # type: ignore[attr-defined]
    assert window.workspace.labels().names[1:] == ("H", "edema")
    window.annotations.stack.undo()
    window.window.labels_panel.remove_requested.emit(2)
    assert names(window) == ("H", "edema")
    dialog.close()


# -- the label of shapes


def test_a_digit_relabels_what_is_selected_in_the_edit_tool(window: Controller) -> None:
    window.window.labels_panel.add_requested.emit("edema")
    add(window, FIRST, SECOND)
    window.drawing.select([0, 2])
    key(window, Qt.Key.Key_2)
    assert labels_here(window) == ["edema", "H", "edema"]
    assert window.drawing.selection == (0, 2)
    assert window.annotations.stack.undoText() == "change label to edema"
    key(window, Qt.Key.Key_2)
    assert window.annotations.stack.count() == 3  # nothing was left to change
    window.annotations.stack.undo()
    assert labels_here(window) == ["H", "H", "H"]


def test_a_digit_in_another_tool_only_chooses_the_next_label(window: Controller) -> None:
    window.window.labels_panel.add_requested.emit("edema")
    window.drawing.set_label(1)
    window.drawing.set_tool(ToolName.POLYGON)
    window.drawing.select([0])
    key(window, Qt.Key.Key_2)
    assert window.drawing.label == 2
    assert labels_here(window) == ["H"]


def test_the_menu_gives_the_selection_another_label(window: Controller) -> None:
    window.window.labels_panel.add_requested.emit("T1 & T2")
    menu = window.window.label_menu
    assert not menu.menuAction().isEnabled()
    window.drawing.select([0])
    assert menu.menuAction().isEnabled()
    menu.aboutToShow.emit()
    actions = {action.text(): action for action in menu.actions()}
    assert list(actions) == ["H\t1", "T1 && T2\t2"]
    assert actions["H\t1"].isChecked()
    actions["T1 && T2\t2"].trigger()
    assert labels_here(window) == ["T1 & T2"]


def test_shapes_of_a_locked_label_can_neither_be_selected_nor_changed(window: Controller) -> None:
    window.window.labels_panel.add_requested.emit("edema")
    add(window, square(24, 2, 6, "edema"))
    window.window.labels_panel.lock_changed.emit(1, True)
    window.window.shapes_panel.selection_changed.emit((0, 1))
    assert window.drawing.selection == (1,)
    window.annotating.shapes.select_all()
    assert window.drawing.selection == (1,)
    window.window.shapes_panel.selection_changed.emit((0,))
    window.window.actions_by_key["delete_shapes"].trigger()
    assert labels_here(window) == ["H", "edema"]


def test_locking_a_label_drops_its_shapes_from_the_selection(window: Controller) -> None:
    window.drawing.select([0])
    window.window.labels_panel.lock_changed.emit(1, True)
    assert window.drawing.selection == ()


def test_a_locked_label_can_still_be_renamed(window: Controller) -> None:
    window.window.labels_panel.lock_changed.emit(1, True)
    window.window.labels_panel.renamed.emit(1, "haematoma")
    assert labels_here(window) == ["haematoma"]
    assert window.annotations.labels.labels[1].locked


# -- overlaps


def test_where_labels_overlap_the_later_shape_counts_and_the_list_says_so(
    window: Controller,
) -> None:
    add(window, square(10, 8, 6, "edema"))

    def counted() -> dict[int, int]:
        shapes = window.annotations.shapes(view(window).slice)
        label_map = draw_label_map(shapes, window.annotations.labels, 32, 40)
        return {index: int((label_map == index).sum()) for index in np.unique(label_map).tolist()}

    window.annotating.shape_list.fill()
    panel = window.window.shapes_panel
    assert panel.overlap.text() == "49 px lie in two labels; the later shape counts."
    assert counted()[2] == 49
    window.drawing.select([0])
    panel.to_front.click()
    assert labels_here(window) == ["edema", "H"]
    assert 2 not in counted()
    window.annotations.stack.undo()
    assert counted()[2] == 49


# -- undo in the window


def test_undo_goes_to_the_series_and_slice_of_the_step(window: Controller, qtbot: QtBot) -> None:
    add(window, FIRST)
    first = (view(window).series.key, view(window).index)
    window.study.set_series(window.study.found.series[1].key)  # type: ignore[union-attr]
    window.study.set_slice(0)
    shown(qtbot, window)
    assert window.annotations.stack.canUndo()
    window.window.actions_by_key["undo"].trigger()
    assert (view(window).series.key, view(window).index) == first
    assert labels_here(window) == ["H"]


def test_undo_during_a_stroke_drops_the_stroke(window: Controller) -> None:
    add(window, FIRST)
    window.drawing.set_tool(ToolName.BRUSH)
    tool = window.desk.tool
    assert tool is not None
    tool.press((3.0, 3.0), NO_KEYS)
    tool.drag((9.0, 3.0), NO_KEYS)
    window.annotating.draw_actions.undo()
    tool.release((9.0, 3.0), NO_KEYS)
    assert window.annotations.stack.index() == 1
    assert len(labels_here(window)) == 2


def test_undo_between_press_and_drag_forgets_what_was_taken(window: Controller) -> None:
    add(window, FIRST)
    before = window.annotations.shapes(view(window).slice)
    tool = window.desk.tool
    assert tool is not None
    tool.press((27.0, 5.0), NO_KEYS)
    assert list(window.drawing.selection) == [1]
    window.annotating.draw_actions.undo()
    assert list(window.drawing.selection) == []
    tool.drag((30.0, 9.0), NO_KEYS)
    tool.release((30.0, 9.0), NO_KEYS)
    assert window.annotations.shapes(view(window).slice) == before[:1]
    assert window.annotations.stack.canRedo()


def test_the_delete_key_spares_a_vertex_that_undo_has_taken_away(window: Controller) -> None:
    add(window, FIRST)
    tool = window.desk.tool
    assert tool is not None
    window.drawing.select([1])
    tool.press((27.0, 2.0), NO_KEYS)  # on its upper edge
    tool.drag((27.0, 0.0), NO_KEYS)
    tool.release((27.0, 0.0), NO_KEYS)
    assert window.annotations.stack.undoText() == "insert vertex"
    window.annotating.draw_actions.undo()
    assert not tool.delete()
    assert window.annotations.shapes(view(window).slice)[1] == FIRST


def test_after_undo_what_has_come_back_is_selected(window: Controller) -> None:
    add(window, FIRST, SECOND)
    window.annotations.edit(here(window), "delete", lambda shapes: shapes[1:])
    window.drawing.select([1])  # SECOND
    window.annotations.stack.undo()
    assert window.drawing.selection == (0,)


def test_where_nothing_comes_back_the_selection_follows_its_shapes(window: Controller) -> None:
    add(window, FIRST, SECOND)
    window.drawing.select([2])  # SECOND
    window.annotations.edit(
        here(window), "paste", lambda shapes: (replace(FIRST, label="H"), *shapes)
    )
    assert window.drawing.selection == (3,)
    window.annotations.stack.undo()
    assert window.drawing.selection == (2,)

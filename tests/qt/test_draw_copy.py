"""Copies, order, smoothing, merging and clipping of selected shapes in the window."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from medseg_desktop.core.annotation import Shape, ShapeType
from medseg_desktop.core.shapes.clip import reaches_outside
from medseg_desktop.core.shapes.provenance import Provenance, proposed_by
from medseg_desktop.core.volume import Series
from medseg_desktop.qt.controller import Controller
from tests.builders import lesion_slice, write_dicom
from tests.mouse import Pen
from tests.qt.drawing import (
    CTRL,
    FAR_SQUARE,
    SQUARE,
    desk,
    go,
    is_manual,
    message,
    pixels,
    put,
    shapes,
    undo,
    write_slices,
)
from tests.qt.viewing import key, shown, view

MIDDLE = (26.0, 26.0)


@pytest.fixture
def pen(qtbot: QtBot, controller: Controller, tmp_path: Path) -> Iterator[Pen]:
    """Three slices of 64 x 80 with a square on the first, and two smaller slices."""
    write_slices(tmp_path, series="small", slices=2, size=(28, 40))
    held = desk(qtbot, controller, write_slices(tmp_path))
    controller.study.set_series(next(s.key for s in found(controller) if s.rows == 64))
    go(qtbot, controller, 0)
    put(controller, SQUARE)
    yield held
    QGuiApplication.clipboard().clear()


def found(controller: Controller) -> tuple[Series, ...]:
    assert controller.study.found is not None
    return tuple(controller.study.found.series)


def act(controller: Controller, name: str) -> None:
    controller.window.actions_by_key[name].trigger()


def paste(controller: Controller) -> None:
    key(controller, Qt.Key.Key_V, CTRL)


def copy(pen: Pen, controller: Controller) -> None:
    pen.click(*MIDDLE)
    key(controller, Qt.Key.Key_C, CTRL)


def test_a_copy_on_the_same_slice_lies_beside_its_original(
    pen: Pen, controller: Controller
) -> None:
    copy(pen, controller)
    paste(controller)
    paste(controller)
    corners = [shape.points[0] for shape in shapes(controller)]
    assert corners == [(20, 20), (24, 24), (28, 28)]
    assert controller.drawing.selection == (2,)
    assert controller.annotations.stack.undoText() == "paste"
    assert is_manual(shapes(controller)[2])


def test_a_copy_near_the_corner_is_put_where_there_is_room(
    pen: Pen, controller: Controller
) -> None:
    corner = ((70.0, 55.0), (79.0, 55.0), (79.0, 63.0), (70.0, 63.0))
    put(controller, corner)
    pen.click(74, 59)
    key(controller, Qt.Key.Key_C, CTRL)
    paste(controller)
    made = shapes(controller)[2]
    assert made.points != corner
    assert not reaches_outside(made, 64, 80)


def test_a_copy_of_what_fills_the_slice_ends_beside_it(pen: Pen, controller: Controller) -> None:
    put(controller, ((0.0, 0.0), (80.0, 0.0), (80.0, 64.0), (0.0, 64.0)))
    controller.drawing.select([1])
    key(controller, Qt.Key.Key_C, CTRL)
    paste(controller)
    assert len(shapes(controller)) == 3
    assert "reach outside" in message(controller)


def test_a_copy_on_another_slice_lies_where_it_was(
    pen: Pen, controller: Controller, qtbot: QtBot
) -> None:
    copy(pen, controller)
    go(qtbot, controller, 2)
    paste(controller)
    assert [s.points for s in shapes(controller)] == [SQUARE]
    go(qtbot, controller, 0)
    undo(controller)  # goes back to where the step was
    assert view(controller).index == 2
    assert shapes(controller) == ()


def test_a_copy_that_reaches_outside_a_smaller_slice_is_said_and_clipped_on_request(
    pen: Pen, controller: Controller, qtbot: QtBot
) -> None:
    copy(pen, controller)
    small = next(s for s in found(controller) if s.rows == 28)
    controller.study.set_series(small.key)
    shown(qtbot, controller)
    paste(controller)
    assert "Pasted shapes that reach outside this slice: 1." in message(controller)
    assert controller.annotating.shapes.outside() == (0,)
    before = pixels(controller)
    act(controller, "clip_shapes")
    assert "Shapes limited to the slice: 1." in message(controller)
    np.testing.assert_array_equal(pixels(controller), before)
    assert controller.annotating.shapes.outside() == ()
    act(controller, "clip_shapes")
    assert "No shape reaches outside" in message(controller)
    undo(controller)
    assert shapes(controller)[0].points == SQUARE
    key(controller, Qt.Key.Key_Z, CTRL)
    assert shapes(controller) == ()


def test_undo_goes_back_to_the_series_of_the_step(
    pen: Pen, controller: Controller, qtbot: QtBot
) -> None:
    pen.drag(MIDDLE, (30, 26))
    small = next(s for s in found(controller) if s.rows == 28)
    controller.study.set_series(small.key)
    shown(qtbot, controller)
    undo(controller)
    assert (view(controller).series.rows, view(controller).index) == (64, 0)
    assert shapes(controller)[0].points == SQUARE


def test_clipping_leaves_what_lies_wholly_outside_and_says_so(
    pen: Pen, controller: Controller
) -> None:
    half = Shape("H", ((70.0, 40.0), (100.0, 40.0), (100.0, 50.0), (70.0, 50.0)))
    away = Shape("H", ((170.0, 40.0), (180.0, 40.0), (180.0, 50.0)))
    put(controller, half, away)
    act(controller, "clip_shapes")
    assert "limited to the slice: 1." in message(controller)
    assert "left as they are: 1." in message(controller)
    assert controller.annotating.shapes.outside() == (2,)
    assert shapes(controller)[0].points == SQUARE
    assert shapes(controller)[2].points == away.points


def test_clipping_takes_only_the_selected_shapes_where_there_are_any(
    pen: Pen, controller: Controller
) -> None:
    for y in (40.0, 52.0):
        put(controller, ((70.0, y), (100.0, y), (100.0, y + 8), (70.0, y + 8)))
    controller.drawing.select([2])
    act(controller, "clip_shapes")
    assert controller.annotating.shapes.outside() == (1,)


def test_pasting_something_else_is_said(pen: Pen, controller: Controller) -> None:
    QGuiApplication.clipboard().setText("a sentence from a report")
    paste(controller)
    assert "no shapes on the clipboard" in message(controller)
    assert len(shapes(controller)) == 1


def test_shapes_are_copied_to_the_next_and_previous_slice_and_the_view_follows(
    pen: Pen, controller: Controller, qtbot: QtBot
) -> None:
    pen.click(*MIDDLE)
    for index in (1, 2):
        key(controller, Qt.Key.Key_Down, CTRL)
        assert view(controller).index == index
        assert [s.points for s in shapes(controller)] == [SQUARE]
        assert controller.drawing.selection == (0,)
    key(controller, Qt.Key.Key_Down, CTRL)
    assert view(controller).index == 2
    assert "no further slice" in message(controller)
    key(controller, Qt.Key.Key_Up, CTRL)
    assert view(controller).index == 1
    assert len(shapes(controller)) == 2
    shown(qtbot, controller)


def test_shapes_are_not_copied_over_to_another_time_point(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    for number, (t, z) in enumerate((t, z) for t in range(2) for z in range(3)):
        write_dicom(
            tmp_path / f"{number}.dcm",
            lesion_slice(seed=number),
            number=number + 1,
            position_mm=(0.0, 0.0, 5.0 * z),
            elements={"TemporalPositionIdentifier": t + 1},
        )
    desk(qtbot, controller, tmp_path)
    assert view(controller).series.positions == 3
    for last, step in ((2, Qt.Key.Key_Down), (3, Qt.Key.Key_Up)):
        go(qtbot, controller, last)
        put(controller, SQUARE)
        controller.drawing.select([0])
        key(controller, step, CTRL)
        assert view(controller).index == last
        assert "no further slice" in message(controller)
    assert controller.annotations.annotated(view(controller).series) == (2, 3)


def test_without_a_selection_the_shapes_of_the_current_label_are_copied(
    pen: Pen, controller: Controller, qtbot: QtBot
) -> None:
    put(controller, Shape("edema", FAR_SQUARE))
    key(controller, Qt.Key.Key_2)
    key(controller, Qt.Key.Key_Down, CTRL)
    assert [s.label for s in shapes(controller)] == ["edema"]
    shown(qtbot, controller)


def test_a_copy_of_a_proposal_is_a_persons_own(pen: Pen, controller: Controller) -> None:
    put(controller, Shape("H", FAR_SQUARE, extra={"medseg": proposed_by("flair-v3")}))
    controller.drawing.select([1])
    key(controller, Qt.Key.Key_C, CTRL)
    paste(controller)
    assert Provenance.of(shapes(controller)[1]).model == "flair-v3"
    assert is_manual(shapes(controller)[2])


def test_to_front_and_to_back_change_the_order_and_keep_the_selection(
    pen: Pen, controller: Controller
) -> None:
    put(controller, Shape("edema", FAR_SQUARE), Shape("edema", ((1, 1), (9, 1), (9, 9))))
    pen.click(*MIDDLE)
    key(controller, Qt.Key.Key_BracketRight, CTRL)
    assert [s.points for s in shapes(controller)][2] == SQUARE
    assert controller.drawing.selection == (2,)
    key(controller, Qt.Key.Key_BracketLeft, CTRL)
    assert next(s.points for s in shapes(controller)) == SQUARE
    assert controller.drawing.selection == (0,)


def test_the_shape_in_front_counts_where_labels_overlap(pen: Pen, controller: Controller) -> None:
    put(controller, Shape("edema", SQUARE))
    controller.drawing.select([0])
    key(controller, Qt.Key.Key_BracketRight, CTRL)
    assert [s.label for s in shapes(controller)] == ["edema", "H"]
    assert controller.annotations.stack.undoText() == "bring to front"


def test_selected_areas_become_one(pen: Pen, controller: Controller) -> None:
    put(controller, ((30.0, 20.0), (44.0, 20.0), (44.0, 32.0), (30.0, 32.0)))
    before = pixels(controller)
    pen.click(*MIDDLE)
    act(controller, "merge_shapes")
    assert len(shapes(controller)) == 2
    key(controller, Qt.Key.Key_A, CTRL)
    key(controller, Qt.Key.Key_U, CTRL)
    assert len(shapes(controller)) == 1
    np.testing.assert_array_equal(pixels(controller), before)
    assert controller.drawing.selection == (0,)


def test_lines_cannot_be_merged_and_it_is_said(pen: Pen, controller: Controller) -> None:
    put(controller, Shape("H", ((1.0, 1.0), (9.0, 9.0)), ShapeType.LINE))
    key(controller, Qt.Key.Key_A, CTRL)
    key(controller, Qt.Key.Key_U, CTRL)
    assert len(shapes(controller)) == 2
    assert "Select two areas" in message(controller)


def test_an_outline_is_smoothed_and_simplified(pen: Pen, controller: Controller) -> None:
    angle = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    radius = 10 + 0.7 * np.where(np.arange(90) % 2, 1, -1)
    ring = np.stack([50 + radius * np.cos(angle), 40 + radius * np.sin(angle)], axis=1)
    put(controller, tuple(map(tuple, ring.tolist())))
    controller.drawing.select([1])
    key(controller, Qt.Key.Key_M, CTRL)
    smooth = np.array(shapes(controller)[1].points)
    away = np.hypot(*(smooth - (50, 40)).T)
    assert np.ptp(away) < 0.7
    assert controller.drawing.selection == (1,)
    key(controller, Qt.Key.Key_L, CTRL)
    assert len(shapes(controller)[1].points) < len(smooth)
    assert controller.annotations.stack.undoText() == "simplify"


def test_what_has_no_outline_to_smooth_is_said(pen: Pen, controller: Controller) -> None:
    put(controller, Shape("H", ((50.0, 40.0), (60.0, 50.0)), ShapeType.RECTANGLE))
    controller.drawing.select([1])
    key(controller, Qt.Key.Key_M, CTRL)
    assert "Only polygons" in message(controller)
    key(controller, Qt.Key.Key_L, CTRL)
    assert "no vertex" in message(controller)
    assert controller.annotations.stack.count() == 2

"""Zoom and place of the slice through slices and series."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from medseg_desktop.qt.controller import Controller
from tests.builders import lesion_slice, write_dicom, write_study
from tests.mouse import drag
from tests.qt.viewing import WAIT_MS, key, opened, reading_held, shown

CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.mark.parametrize("trouble", ["late", "unreadable"])
def test_zoom_and_place_are_kept_past_a_slice_that_is_not_there(
    controller: Controller, qtbot: QtBot, tmp_path: Path, trouble: str
) -> None:
    paths = [
        write_dicom(tmp_path / "s" / f"{i}.dcm", lesion_slice(), number=i, position_mm=(0, 0, i))
        for i in range(3)
    ]
    opened(qtbot, controller, paths[0].parent)
    controller.study.loader.set_cache_bytes(1)  # every slice is read anew
    slice_view = controller.window.slice_view
    stage = slice_view._stage
    drag(slice_view, QPoint(0, -80), button=Qt.MouseButton.RightButton)
    drag(slice_view, QPoint(25, 15), button=Qt.MouseButton.MiddleButton)
    before = slice_view.widget_position(0, 0), slice_view.widget_position(40, 32)
    if trouble == "unreadable":
        paths[2].write_bytes(b"")
        key(controller, Qt.Key.Key_End)
    else:
        with reading_held():
            key(controller, Qt.Key.Key_End)
            qtbot.waitUntil(lambda: stage.slice_shape is None, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: (stage.slice_shape is None) == (trouble == "unreadable"))
    if trouble == "unreadable":
        key(controller, Qt.Key.Key_Home)
    shown(qtbot, controller)
    assert (slice_view.widget_position(0, 0), slice_view.widget_position(40, 32)) == before


def test_another_series_begins_with_the_whole_slice(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    opened(qtbot, controller, write_study(tmp_path / "s", ("A", "B")))
    slice_view = controller.window.slice_view
    fitted = slice_view.widget_position(40, 32)
    drag(slice_view, QPoint(0, -80), button=Qt.MouseButton.RightButton)
    assert slice_view.widget_position(40, 32) != fitted
    key(controller, Qt.Key.Key_PageDown)
    shown(qtbot, controller)
    assert slice_view.widget_position(40, 32) == fitted


def test_a_slice_that_is_turned_before_it_is_read_is_shown_turned_and_whole(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    opened(qtbot, controller, write_study(tmp_path / "s", ("A", "B")))
    slice_view = controller.window.slice_view
    with reading_held():
        key(controller, Qt.Key.Key_PageDown)
        key(controller, Qt.Key.Key_Right, CONTROL)
    shown(qtbot, controller)
    corners = slice_view.widget_position(0, 0), slice_view.widget_position(40, 32)
    controller.window.actions_by_key["fit"].trigger()
    assert (slice_view.widget_position(0, 0), slice_view.widget_position(40, 32)) == corners
    assert corners[0].x() > corners[1].x()

"""Window and level in the window, with real files, keys and mouse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from medseg_desktop.core.display import VoiFunction, Window
from medseg_desktop.qt.controller import Controller
from tests.builders import write_dicom
from tests.mouse import begin_drag, drag, surface
from tests.qt.viewing import colour_at, key, opened, reading_held, shown, view

RAMP = np.arange(32 * 40, dtype=np.uint16).reshape(32, 40)


def write_series(folder: Path, slices: int = 3, **elements: object) -> Path:
    for i in range(slices):
        own = {k: v[i] if isinstance(v, list) and k.startswith("Window") else v
               for k, v in elements.items()}  # fmt: skip
        write_dicom(
            folder / f"{i}.dcm", RAMP + i, number=i, position_mm=(0.0, 0.0, 5.0 * i), elements=own
        )
    return folder


def names(controller: Controller) -> list[str]:
    chooser = controller.window.preset_chooser
    return [chooser.itemText(i) for i in range(chooser.count())]


def test_the_files_own_windows_are_offered_by_their_names_and_digits_choose_them(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    path = write_dicom(
        tmp_path / "s" / "a.dcm",
        RAMP,
        elements={
            "WindowCenter": [40.0, 600.0],
            "WindowWidth": [80.0, 700.0],
            "WindowCenterWidthExplanation": ["GREY MATTER", "ALL"],
        },
    )
    opened(qtbot, controller, path.parent)
    assert view(controller).voi == Window(40, 80)
    assert names(controller)[:3] == ["Of the series", "GREY MATTER", "ALL"]
    key(controller, Qt.Key.Key_3)
    assert view(controller).voi == Window(600, 700)
    assert controller.window.preset_chooser.currentText() == "ALL"
    assert controller.window.window_panel.presets.currentText() == "ALL"
    key(controller, Qt.Key.Key_1)
    assert view(controller).voi == Window(40, 80)


@pytest.mark.parametrize(("modality", "offered"), [("CT", True), ("MR", False)])
def test_windows_for_ct_are_offered_for_ct_only(
    controller: Controller, qtbot: QtBot, tmp_path: Path, modality: str, offered: bool
) -> None:
    opened(qtbot, controller, write_series(tmp_path / "s", Modality=modality))
    assert ("Lung" in names(controller)) is offered
    assert ("Lesion-bright" in names(controller)) is not offered
    if offered:
        controller.window.window_panel.preset_chosen.emit("lung")
        assert view(controller).voi == Window(-600, 1500)


def test_one_window_stays_for_the_series_unless_every_slice_is_to_have_its_own(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = write_series(
        tmp_path / "s", WindowCenter=[100.0, 200.0, 300.0], WindowWidth=[50.0, 60.0, 70.0]
    )
    opened(qtbot, controller, folder)
    begun = view(controller).voi
    assert begun == Window(200, 60)  # of the middle slice, where the series was opened
    key(controller, Qt.Key.Key_Down)
    shown(qtbot, controller)
    assert view(controller).voi == begun
    controller.window.window_panel.per_slice.click()
    assert view(controller).voi == Window(300, 70)
    key(controller, Qt.Key.Key_Home)
    shown(qtbot, controller)
    assert view(controller).voi == Window(100, 50)
    drag(controller.window.slice_view, QPoint(30, 0))
    mine = view(controller).voi
    key(controller, Qt.Key.Key_End)
    shown(qtbot, controller)
    assert view(controller).voi == mine


def test_a_sigmoid_stays_one_while_it_is_moved(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = write_series(
        tmp_path / "s", VOILUTFunction="SIGMOID", WindowCenter=[600.0] * 3, WindowWidth=[400.0] * 3
    )
    opened(qtbot, controller, folder)
    drag(controller.window.slice_view, QPoint(30, 10))
    moved = view(controller).voi
    assert isinstance(moved, Window)
    assert moved.function is VoiFunction.SIGMOID
    assert moved.width > 400
    controller.window.window_panel.width_slider.box.setValue(333)
    assert view(controller).voi == Window(moved.center, 333, VoiFunction.SIGMOID)


def test_a_table_of_the_file_is_shown_and_becomes_a_window_when_it_is_moved(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    from pydicom.dataset import Dataset

    item = Dataset()
    item.LUTDescriptor = [1280, 0, 16]
    item["LUTDescriptor"].VR = "US"
    item.LUTData = [65535 - 51 * i for i in range(1280)]
    item["LUTData"].VR = "US"
    item.LUTExplanation = "NEGATIVE"
    opened(qtbot, controller, write_series(tmp_path / "s", 1, VOILUTSequence=[item]))
    assert controller.window.preset_chooser.itemText(1) == "NEGATIVE"
    first, last = colour_at(controller, 5.5, 3.5), colour_at(controller, 35.5, 28.5)
    assert first.red() == pytest.approx(255 * (1 - 125 / 1285), abs=2)
    assert last.red() == pytest.approx(255 * (1 - 1155 / 1285), abs=2)
    assert controller.window.slice_view._stage.texts.top_right[0] == "Table of the file"
    drag(controller.window.slice_view, QPoint(10, 0))
    assert isinstance(view(controller).voi, Window)
    assert colour_at(controller, 5.5, 3.5).red() < 50


def corners(controller: Controller, start: QPointF, end: QPointF) -> tuple[QPoint, QPoint]:
    stage = controller.window.slice_view._stage
    return stage.from_slice(start).toPoint(), stage.from_slice(end).toPoint()


def test_a_dragged_box_sets_the_window_to_its_values(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    opened(qtbot, controller, write_series(tmp_path / "s", 1))
    action = controller.window.actions_by_key["window_box"]
    key(controller, Qt.Key.Key_W)
    assert action.isChecked()
    target = surface(controller.window.slice_view)
    start, end = corners(controller, QPointF(10, 4), QPointF(20, 12))
    QTest.mousePress(target, Qt.MouseButton.LeftButton, pos=start)
    for at in ((start + end) / 2, end):
        QTest.mouseMove(target, at)
    assert controller.window.slice_view._stage.rubber_band is not None
    QTest.mouseRelease(target, Qt.MouseButton.LeftButton, pos=end)
    inside = RAMP[4:12, 10:20]
    voi = view(controller).voi
    assert isinstance(voi, Window)
    assert voi.low == pytest.approx(np.percentile(inside, 1), abs=45)  # a pixel's rim of rounding
    assert voi.high == pytest.approx(np.percentile(inside, 99), abs=45)
    assert not action.isChecked()
    assert controller.window.slice_view._stage.rubber_band is None


def test_escape_takes_a_window_drag_back_and_leaves_the_box(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    opened(qtbot, controller, write_series(tmp_path / "s", 1))
    before = view(controller).voi
    slice_view = controller.window.slice_view
    begin_drag(slice_view, QPoint(60, 0))
    assert view(controller).voi != before
    key(controller, Qt.Key.Key_Escape)
    assert view(controller).voi == before
    QTest.mouseRelease(surface(slice_view), Qt.MouseButton.LeftButton)
    assert view(controller).voi == before
    key(controller, Qt.Key.Key_W)
    key(controller, Qt.Key.Key_Escape)
    assert not controller.window.actions_by_key["window_box"].isChecked()


def write_two_series(folder: Path) -> Path:
    """Series of one slice each; the second one's values are ten times those of the first."""
    for name, factor in (("a", 1), ("b", 10)):
        write_dicom(folder / f"{name}.dcm", RAMP * factor, series=name)
    return folder


@pytest.mark.parametrize("button", [Qt.MouseButton.MiddleButton, Qt.MouseButton.RightButton])
def test_escape_while_the_slice_is_moved_or_zoomed_leaves_the_window(
    controller: Controller, qtbot: QtBot, tmp_path: Path, button: Qt.MouseButton
) -> None:
    opened(qtbot, controller, write_two_series(tmp_path / "s"))
    slice_view = controller.window.slice_view
    drag(slice_view, QPoint(30, 0))
    drag(slice_view, QPoint(30, 0))
    for press in (None, Qt.Key.Key_PageDown):
        if press is not None:
            key(controller, press)
            shown(qtbot, controller)
        before = view(controller).voi
        begin_drag(slice_view, QPoint(0, 40), button=button)
        key(controller, Qt.Key.Key_Escape)
        assert view(controller).voi == before
        QTest.mouseRelease(surface(slice_view), button)


def test_escape_takes_a_drag_that_went_on_in_another_series_back_to_that_ones_window(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    opened(qtbot, controller, write_two_series(tmp_path / "s"))
    slice_view = controller.window.slice_view
    drag(slice_view, QPoint(30, 0))
    begin_drag(slice_view, QPoint(30, 0))
    key(controller, Qt.Key.Key_PageDown)
    shown(qtbot, controller)
    before = view(controller).voi
    QTest.mouseMove(surface(slice_view), surface(slice_view).rect().center() + QPoint(90, 0))
    assert view(controller).voi != before
    key(controller, Qt.Key.Key_Escape)
    assert view(controller).voi == before


def test_a_box_on_a_series_that_is_still_being_read_sets_no_window(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    opened(qtbot, controller, write_two_series(tmp_path / "s"))
    with reading_held():
        key(controller, Qt.Key.Key_W)
        key(controller, Qt.Key.Key_PageDown)
        drag(controller.window.slice_view, QPoint(80, 80))
    shown(qtbot, controller)
    assert controller.study.state.voi is None


def test_a_series_keeps_its_inversion(controller: Controller, qtbot: QtBot, tmp_path: Path) -> None:
    opened(qtbot, controller, write_two_series(tmp_path / "s"))
    key(controller, Qt.Key.Key_I)
    for press, inverted in (
        (Qt.Key.Key_PageDown, False),
        (Qt.Key.Key_PageUp, True),
        (Qt.Key.Key_M, False),  # as a model sees it: never inverted by the one before
        (Qt.Key.Key_M, True),
    ):
        key(controller, press)
        shown(qtbot, controller)
        assert view(controller).inverted is inverted
        assert controller.window.actions_by_key["invert"].isChecked() is inverted


def test_per_slice_is_ticked_only_while_every_slice_has_its_own_window(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = write_series(
        tmp_path / "s", WindowCenter=[100.0, 200.0, 300.0], WindowWidth=[50.0, 60.0, 70.0]
    )
    opened(qtbot, controller, folder)
    tick = controller.window.window_panel.per_slice
    tick.click()
    key(controller, Qt.Key.Key_Home)
    shown(qtbot, controller)
    assert (tick.isChecked(), view(controller).voi) == (True, Window(100, 50))
    drag(controller.window.slice_view, QPoint(30, 0))
    assert not tick.isChecked()
    tick.click()
    assert (tick.isChecked(), view(controller).voi) == (True, Window(100, 50))
    drag(controller.window.slice_view, QPoint(30, 0))
    key(controller, Qt.Key.Key_R)
    assert (tick.isChecked(), view(controller).voi) == (True, Window(100, 50))


def test_the_drag_follows_the_setting_of_its_direction(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    opened(qtbot, controller, write_series(tmp_path / "s", 1))
    levels = []
    for _ in range(2):
        controller.study.set_voi(Window(600, 600))
        drag(controller.window.slice_view, QPoint(0, 40))
        now = view(controller).voi
        assert isinstance(now, Window)
        levels.append(now.center)
        controller.window.actions_by_key["drag_down"].trigger()
    assert levels[0] < 600 < levels[1]  # a lower level is brighter
    assert controller.preferences.settings.level_drag_down_is_brighter


def test_a_series_of_tiny_values_can_be_windowed_like_any_other(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    write_dicom(tmp_path / "s" / "a.dcm", RAMP, rescale=(2e-6, 0))
    now = opened(qtbot, controller, tmp_path / "s")
    panel = controller.window.window_panel
    assert isinstance(now.voi, Window)
    assert panel.width_slider.box.value() == pytest.approx(now.voi.width, rel=0.01)
    assert panel.level_slider.box.value() == pytest.approx(now.voi.center, rel=0.01)
    panel.level_slider.slider.setValue(panel.level_slider.slider.maximum() // 2)
    panel.width_slider.slider.setValue(panel.width_slider.slider.maximum() // 2)
    moved = view(controller).voi
    assert isinstance(moved, Window)
    assert moved.center == pytest.approx((now.low + now.high) / 2, rel=0.01)
    assert moved.width == pytest.approx((now.high - now.low) / 2, rel=0.01)
    dark, bright = colour_at(controller, 20, 4).red(), colour_at(controller, 20, 28).red()
    assert (dark, bright) == (0, 255)
    middle = colour_at(controller, 20.5, 16.5).red()
    assert 100 < middle < 160
    drag(controller.window.slice_view, QPoint(-900, 0))
    narrow = view(controller).voi
    assert isinstance(narrow, Window)
    assert 0 < narrow.width < 0.001 * (now.high - now.low) * 10


@pytest.mark.parametrize("value", [0, 100_000_000, 2**31 - 1])
def test_a_series_of_one_value_is_shown(
    value: int, controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    write_dicom(tmp_path / "s" / "a.dcm", np.full((16, 16), value, np.uint32))
    opened(qtbot, controller, tmp_path / "s")
    drag(controller.window.slice_view, QPoint(10, 10))
    assert view(controller).voi is not None


def test_what_is_being_typed_stays_while_the_range_grows(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    opened(qtbot, controller, write_series(tmp_path / "s"))
    panel, box = controller.window.window_panel, controller.window.window_panel.width_slider.box
    controller.window.activateWindow()
    box.setFocus()
    box.selectAll()
    QTest.keyClicks(box, "12")
    panel.set_range(0, 20000)
    panel.set_window(500, 1000)
    assert box.text() == "12"
    QTest.keyClick(box, Qt.Key.Key_Return)
    voi = view(controller).voi
    assert isinstance(voi, Window)
    assert voi.width == 12


def test_reset_takes_window_and_inversion_back_to_the_file(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    write_dicom(tmp_path / "s" / "a.dcm", RAMP, photometric="MONOCHROME1")
    first = opened(qtbot, controller, tmp_path / "s")
    assert first.inverted
    key(controller, Qt.Key.Key_I)
    controller.study.set_voi(Window(3, 7))
    key(controller, Qt.Key.Key_R)
    assert (view(controller).voi, view(controller).inverted) == (first.voi, True)
    assert controller.window.window_panel.invert.isChecked()

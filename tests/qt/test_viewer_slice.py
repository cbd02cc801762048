"""The slice on screen: colour, turning, values under the pointer, model view, cine, pictures."""

from __future__ import annotations

from pathlib import Path
from threading import Event

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from medseg_desktop.core.display import Window
from medseg_desktop.core.preprocessing import PRESETS, preprocess
from medseg_desktop.io.pixels.reader import FrameReader
from medseg_desktop.qt.controller import Controller
from tests.builders import Syntax, lesion_slice, write_dicom, write_study
from tests.mouse import surface
from tests.qt.viewing import WAIT_MS, colour_at, key, opened, shown, view

SHIFT, CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier


def status(controller: Controller) -> str:
    return controller.window.cursor_text.text()


def point_at(controller: Controller, column: float, row: float) -> None:
    """Move the pointer to a point of the slice."""
    stage = controller.window.slice_view._stage
    QTest.mouseMove(surface(controller.window.slice_view), stage.rect().topLeft())
    at = stage.from_slice(QPointF(column, row)).toPoint()
    QTest.mouseMove(surface(controller.window.slice_view), at)


def colours(size: tuple[int, int] = (32, 40)) -> np.ndarray:
    pixels = np.zeros((*size, 3), np.uint8)
    pixels[:, :20] = (200, 30, 40)
    pixels[:, 20:] = (10, 120, 250)
    return pixels


def test_colour_slices_are_shown_in_colour(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    write_dicom(tmp_path / "s" / "a.dcm", colours(), photometric="RGB")
    opened(qtbot, controller, tmp_path / "s")
    left, right = colour_at(controller, 5, 16), colour_at(controller, 35, 16)
    assert (left.red(), left.green(), left.blue()) == (200, 30, 40)
    assert (right.red(), right.green(), right.blue()) == (10, 120, 250)
    assert not any("WW" in t for t in controller.window.slice_view._stage.texts.top_right)
    point_at(controller, 35, 16)
    assert status(controller).endswith("10 120 250")
    controller.study.set_voi(Window(64, 128))
    assert colour_at(controller, 35, 16).green() > 200


def test_a_palette_is_shown_in_its_colours(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    elements: dict[str, object] = {"PhotometricInterpretation": "PALETTE COLOR"}
    for name, values in (("Red", (0, 250)), ("Green", (10, 100)), ("Blue", (90, 20))):
        elements[f"{name}PaletteColorLookupTableDescriptor"] = [2, 0, 8]
        elements[f"{name}PaletteColorLookupTableData"] = bytes(values)
    pixels = np.zeros((32, 40), np.uint8)
    pixels[:, 20:] = 1
    write_dicom(tmp_path / "s" / "a.dcm", pixels, elements=elements)
    opened(qtbot, controller, tmp_path / "s")
    left, right = colour_at(controller, 5, 16), colour_at(controller, 35, 16)
    assert (left.red(), left.green(), left.blue()) == (0, 10, 90)
    assert (right.red(), right.green(), right.blue()) == (250, 100, 20)


@pytest.mark.parametrize(
    ("syntax", "flag", "lossy"),
    [("jpeg", None, True), ("jpeg2000", "01", True), ("explicit", "01", True),
     ("explicit", "00", False), ("jpeg-ls", None, False)],
)  # fmt: skip
def test_lossy_compression_is_told_on_the_slice(
    syntax: Syntax, flag: str | None, lossy: bool,
    controller: Controller, qtbot: QtBot, tmp_path: Path,
) -> None:  # fmt: skip
    elements = {"LossyImageCompression": flag} if flag else {}
    pixels = (lesion_slice() // 20).astype(np.uint8)
    write_dicom(tmp_path / "s" / "a.dcm", pixels, syntax=syntax, elements=elements)
    opened(qtbot, controller, tmp_path / "s")
    texts = controller.window.slice_view._stage.texts.top_right
    assert ("Lossy compressed" in texts) == lossy


def test_turning_moves_pixels_letters_and_outlines_together(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    opened(qtbot, controller, write_study(tmp_path / "s", ("A",)))
    slice_view = controller.window.slice_view
    corner = slice_view.widget_position(0.5, 0.5)
    assert view(controller).letters == ("R", "L", "A", "P")
    key(controller, Qt.Key.Key_Right, CONTROL)
    assert view(controller).letters == ("P", "A", "R", "L")
    turned = slice_view.widget_position(0.5, 0.5)
    assert turned.x() > corner.x()  # the first pixel went from the top left to the top right
    lesion, tissue = colour_at(controller, 15, 10), colour_at(controller, 30, 28)
    assert lesion.lightness() > 200 > 100 > tissue.lightness()
    edge = colour_at(controller, 15, 8.5)
    assert edge.red() > edge.blue() + 30  # the outline lies on the rim of the lesion
    key(controller, Qt.Key.Key_H, SHIFT)
    assert view(controller).letters == ("A", "P", "R", "L")
    point_at(controller, 15.5, 10.5)
    assert "row 10, column 15" in status(controller)
    controller.window.actions_by_key["turn_back"].trigger()
    assert view(controller).letters == ("R", "L", "A", "P")


def test_a_series_keeps_how_it_was_turned(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    opened(qtbot, controller, write_study(tmp_path / "s", ("A", "B")))
    controller.window.actions_by_key["flip_vertical"].trigger()
    turned = view(controller).turned
    key(controller, Qt.Key.Key_PageDown)
    assert view(controller).turned != turned
    key(controller, Qt.Key.Key_PageUp)
    assert view(controller).turned == turned


@pytest.mark.parametrize("unit", ["mm", "none"])
def test_tall_pixels_stay_tall_when_turned(
    controller: Controller, qtbot: QtBot, tmp_path: Path, unit: str
) -> None:
    write_dicom(
        tmp_path / "s" / "a.dcm",
        lesion_slice(),
        spacing_mm=(2.0, 1.0) if unit == "mm" else None,
        elements={"PixelAspectRatio": [2, 1]} if unit == "none" else None,
    )
    opened(qtbot, controller, tmp_path / "s")
    slice_view = controller.window.slice_view

    def size_px(columns: float, rows: float) -> tuple[float, float]:
        way = slice_view.widget_position(columns, rows) - slice_view.widget_position(0, 0)
        return abs(way.x()), abs(way.y())

    wide, tall = size_px(10, 10)
    assert tall == pytest.approx(2 * wide, rel=0.05)
    point_at(controller, 3.5, 7.5)
    assert (slice_view._stage.current_scale_bar() is None) is (unit == "none")
    assert ("mm" in status(controller)) is (unit == "mm")
    controller.window.actions_by_key["rotate_left"].trigger()
    wide, tall = size_px(10, 10)
    assert wide == pytest.approx(2 * tall, rel=0.05)


def test_a_spacing_that_makes_no_sense_does_not_hide_the_slice(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    path = tmp_path / "s" / "a.dcm"
    write_dicom(path, lesion_slice(), elements={"PixelSpacing": ["1e-320", "1e6"]})
    assert opened(qtbot, controller, tmp_path / "s").aspect == 1.0
    point_at(controller, 12.5, 9.5)
    assert "4000" in status(controller)
    assert controller.window.slice_view._stage.current_scale_bar() is None


def test_actual_pixels_show_one_column_on_one_pixel_of_the_screen(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    write_dicom(tmp_path / "s" / "a.dcm", np.tile(lesion_slice(), (8, 8)))
    opened(qtbot, controller, tmp_path / "s")
    key(controller, Qt.Key.Key_F, SHIFT)
    slice_view = controller.window.slice_view
    way = slice_view.widget_position(300, 16) - slice_view.widget_position(0, 16)
    assert way.x() * slice_view.devicePixelRatioF() == pytest.approx(300, abs=1)
    key(controller, Qt.Key.Key_F)
    way = slice_view.widget_position(300, 16) - slice_view.widget_position(0, 16)
    assert way.x() > 400


def test_the_pointer_tells_place_and_values(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    write_dicom(
        tmp_path / "s" / "a.dcm",
        lesion_slice(),
        position_mm=(-20.0, -16.0, 7.5),
        spacing_mm=(0.5, 0.5),
        rescale=(2.0, -1000.0),
        elements={"RescaleType": "HU", "Modality": "CT"},
    )
    opened(qtbot, controller, tmp_path / "s")
    point_at(controller, 12.5, 9.5)
    text = status(controller)
    assert "row 9, column 12" in text
    assert "(-14.0, -11.5, 7.5) mm" in text
    assert "4000" in text
    assert text.endswith("= 7000 HU")


def test_the_model_view_shows_what_conversion_makes_of_the_slice(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    path = write_dicom(tmp_path / "s" / "a.dcm", lesion_slice(), rescale=(2.0, -10.0))
    before = path.read_bytes()
    opened(qtbot, controller, path.parent)
    controller.study.set_voi(Window(100, 300))
    key(controller, Qt.Key.Key_M)
    shown(qtbot, controller)
    with FrameReader() as reader:
        expected = preprocess(*reader.read(str(path), 0), PRESETS["default"])
    loaded = controller.slices.loaded
    assert loaded is not None
    np.testing.assert_array_equal(loaded.stored, expected)
    # Away from the outline, the screen shows exactly these greys.
    for row, column in ((2, 3), (25, 30)):
        grey = colour_at(controller, column + 0.5, row + 0.5)
        assert grey.red() == grey.blue() == pytest.approx(int(expected[row, column]), abs=3)
    assert "As the model sees it" in controller.window.slice_view._stage.texts.top_right
    key(controller, Qt.Key.Key_M)
    shown(qtbot, controller)
    assert view(controller).voi == Window(100, 300)
    assert path.read_bytes() == before


def test_the_model_view_follows_through_slices_and_series(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    opened(qtbot, controller, write_study(tmp_path / "s", ("A", "B"), slices=6))
    key(controller, Qt.Key.Key_M)
    for press in (Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_PageDown):
        key(controller, press)
        shown(qtbot, controller)
        loaded = controller.slices.loaded
        assert loaded is not None
        assert loaded.stored.dtype == np.uint8


def test_play_goes_round_and_stops(controller: Controller, qtbot: QtBot, tmp_path: Path) -> None:
    opened(qtbot, controller, write_study(tmp_path / "s", ("A",), slices=4))
    seen: list[int] = []
    controller.study.slice_loaded.connect(lambda loaded: seen.append(loaded.index))
    controller.window.slice_bar.rate.setValue(60)
    key(controller, Qt.Key.Key_C)
    qtbot.waitUntil(lambda: len(seen) >= 9, timeout=WAIT_MS)
    key(controller, Qt.Key.Key_C)
    start = seen[0]
    assert seen[:9] == [(start + k) % 4 for k in range(9)]
    count = len(seen)
    qtbot.wait(100)
    assert len(seen) == count
    assert not controller.window.slice_bar.play.isChecked()


@pytest.mark.parametrize("move", [Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_End])
def test_moving_by_hand_ends_playing(
    move: Qt.Key, controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    opened(qtbot, controller, write_study(tmp_path / "s", ("A",), slices=5))
    controller.study.set_slice(2)
    controller.window.slice_bar.rate.setValue(1)
    key(controller, Qt.Key.Key_C)
    assert controller.window.slice_bar.play.isChecked()
    key(controller, move)
    assert not controller.window.slice_bar.play.isChecked()


def test_keys_belong_to_the_window_again_after_return(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    opened(qtbot, controller, write_study(tmp_path / "s", ("A",), slices=5))
    controller.window.activateWindow()
    for box in (controller.window.slice_bar.rate, controller.window.window_panel.width_slider.box):
        box.setFocus()
        box.selectAll()
        QTest.keyClicks(box, "33")
        QTest.keyClick(box, Qt.Key.Key_Return)
        assert not box.hasFocus()
        assert box.value() == 33


def test_a_picture_is_called_by_its_series_and_slice(
    controller: Controller, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elements = {"SeriesDescription": "T2 FLAIR: tra/2mm"}
    write_dicom(tmp_path / "s" / "a.dcm", lesion_slice(), patient="SECRET", elements=elements)
    opened(qtbot, controller, tmp_path / "s")
    proposed: list[str] = []
    monkeypatch.setattr(
        "medseg_desktop.qt.pictures.QFileDialog.getSaveFileName",
        lambda *arguments: (proposed.append(arguments[2]), ("", ""))[1],
    )
    key(controller, Qt.Key.Key_S, CONTROL | SHIFT)
    assert [Path(p).name for p in proposed] == ["T2 FLAIR tra 2mm 1.png"]


def picture(controller: Controller, path: Path, monkeypatch: pytest.MonkeyPatch) -> QImage:
    monkeypatch.setattr(
        "medseg_desktop.qt.pictures.QFileDialog.getSaveFileName", lambda *_: (str(path), "")
    )
    key(controller, Qt.Key.Key_S, CONTROL | SHIFT)
    return QImage(str(path))


def test_pictures_do_not_name_the_patient_unless_that_is_asked_for(
    controller: Controller, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(qtbot, controller, write_study(tmp_path / "s", ("SECRET",)))
    picture(controller, tmp_path / "a", monkeypatch)
    saved = QImage(str(tmp_path / "a.png"))
    assert b"SECRET" not in (tmp_path / "a.png").read_bytes()
    assert controller.window.messages.text.text().endswith("It does not name the patient.")
    controller.window.messages.close_button.click()
    qtbot.wait(50)
    on_screen = surface(controller.window.slice_view).grab().toImage()
    key(controller, Qt.Key.Key_H, CONTROL)
    hidden = surface(controller.window.slice_view).grab().toImage()
    key(controller, Qt.Key.Key_H, CONTROL)
    as_grey = QImage.Format.Format_RGB32
    assert saved.convertToFormat(as_grey) == hidden.convertToFormat(as_grey)
    assert saved.convertToFormat(as_grey) != on_screen.convertToFormat(as_grey)
    controller.window.actions_by_key["picture_identity"].trigger()
    key(controller, Qt.Key.Key_C, CONTROL | SHIFT)
    copied = QGuiApplication.clipboard().image()
    assert not controller.window.messages.text.text().endswith("patient.")
    assert copied.convertToFormat(as_grey) == on_screen.convertToFormat(as_grey)


def test_a_picture_that_cannot_be_written_is_told(
    controller: Controller, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(qtbot, controller, write_study(tmp_path / "s", ("A",)))
    picture(controller, tmp_path / "no such folder" / "a.png", monkeypatch)
    assert controller.window.messages.text.text().startswith("Cannot write")


def test_the_series_panel_tells_acquisition_and_noise(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    y, x = np.mgrid[:128, :128]
    disc = np.where((x - 64) ** 2 + (y - 64) ** 2 < 50**2, 1000.0, 0.0)
    noisy = np.abs(disc + np.random.default_rng(0).normal(0, 50, disc.shape))
    write_dicom(
        tmp_path / "s" / "a.dcm",
        noisy.astype(np.uint16),
        elements={
            "MagneticFieldStrength": 0.35, "RepetitionTime": 9000, "EchoTime": 100,
            "InversionTime": 2200, "NumberOfAverages": 2,
        },
    )  # fmt: skip
    opened(qtbot, controller, tmp_path / "s")
    panel = controller.window.series_panel
    text = panel.acquisition.text().replace("\u00a0", " ")
    assert text.startswith("0.35 T · TR 9000 ms · TE 100 ms · TI 2200 ms · 2 averages · 5 mm")
    qtbot.waitUntil(lambda: panel.noise.isVisible(), timeout=WAIT_MS)
    snr = float(panel.noise.text().split()[-1])
    assert 15 <= snr <= 25
    assert "Immerkaer" in panel.noise.toolTip()


def test_the_value_under_the_pointer_is_always_that_of_the_slice_on_screen(
    controller: Controller, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in range(3):
        pixels = np.full((32, 40), 100 * (i + 1), np.uint16)
        write_dicom(tmp_path / "s" / f"{i}.dcm", pixels, number=i, position_mm=(0, 0, 5.0 * i))
    opened(qtbot, controller, tmp_path / "s")
    point_at(controller, 10.5, 10.5)
    assert status(controller).endswith("5.0) mm  200")
    controller.study.step_slice(1)
    shown(qtbot, controller)
    assert status(controller).endswith("10.0) mm  300")
    loader, read_now, go = controller.study.loader, controller.study.loader.read_now, Event()
    monkeypatch.setattr(loader, "read_now", lambda *a: go.wait(WAIT_MS / 1000) and read_now(*a))
    loader.set_cache_bytes(1)  # so that the first slice has to be read again
    controller.study.set_slice(0)
    assert status(controller).endswith("0.0) mm")
    go.set()
    shown(qtbot, controller)
    assert status(controller).endswith("0.0) mm  100")


def test_large_whole_numbers_are_told_in_full(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    write_dicom(tmp_path / "s" / "a.dcm", np.full((32, 40), 16_777_217, np.uint32))
    opened(qtbot, controller, tmp_path / "s")
    point_at(controller, 10.5, 10.5)
    assert status(controller).endswith("  16777217")

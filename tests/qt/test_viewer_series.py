"""Series in the window: time points, films, localizers, objects, banners."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from medseg_desktop.qt.controller import Controller
from medseg_desktop.qt.dialogs.file_report import FileReportDialog
from medseg_desktop.qt.panels.worklist_model import Role
from medseg_desktop.qt.presenters.worklist_presenter import thumbnail_size
from tests.builders import (
    LESION_OUTLINE,
    annotation_json,
    lesion_slice,
    shape_json,
    write_dicom,
    write_json,
    write_study,
)
from tests.mouse import surface
from tests.qt.viewing import WAIT_MS, key, opened, shown, view

POSITIONS, TIMES = 4, 3


def write_times(folder: Path) -> Path:
    """A 4-D series whose slice (t, z) has the value 100 t + z everywhere."""
    for t in range(TIMES):
        for z in range(POSITIONS):
            write_dicom(
                folder / f"{z}-{t}.dcm",
                np.full((32, 40), 100 * t + z, np.uint16),
                number=1 + t * POSITIONS + z,
                position_mm=(0.0, 0.0, 5.0 * z),
                elements={"TemporalPositionIdentifier": t + 1},
            )
    return folder


def value(controller: Controller) -> int:
    assert controller.slices.loaded is not None
    return int(controller.slices.loaded.stored[0, 0])


def alt_wheel(controller: Controller, notches: int) -> None:
    """With Alt held, Qt reports the wheel as a sideways one."""
    target = surface(controller.window.slice_view)
    middle = QPointF(target.rect().center())
    event = QWheelEvent(
        middle, target.mapToGlobal(middle), QPoint(), QPoint(-120 * notches, 0),
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.AltModifier, Qt.ScrollPhase.NoScrollPhase,
        False,
    )  # fmt: skip
    QApplication.sendEvent(target, event)


def test_a_4d_stack_has_a_second_slider_and_scrolls_within_its_time_point(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    opened(qtbot, controller, write_times(tmp_path / "s"))
    bar = controller.window.slice_bar
    assert bar.times.isVisible()
    assert (bar.slices.count, bar.times.count) == (POSITIONS, TIMES)
    assert view(controller).series.warnings == ()
    key(controller, Qt.Key.Key_End)
    key(controller, Qt.Key.Key_Down)  # there is nothing below the last position
    shown(qtbot, controller)
    assert value(controller) == 3
    key(controller, Qt.Key.Key_Period)
    shown(qtbot, controller)
    assert value(controller) == 103
    alt_wheel(controller, 1)
    shown(qtbot, controller)
    assert value(controller) == 203
    assert (bar.slices.value, bar.times.value) == (3, 2)
    assert controller.window.slice_view._stage.texts.bottom_left[0].startswith("Time 3 / 3")
    assert controller.window.slice_view._stage.texts.bottom_left[1] == "4 / 4"
    bar.times.value_changed.emit(0)
    bar.slices.value_changed.emit(1)
    shown(qtbot, controller)
    assert value(controller) == 1


def test_a_4d_stack_plays_through_time(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    opened(qtbot, controller, write_times(tmp_path / "s"))
    seen: list[int] = []
    controller.study.slice_loaded.connect(lambda loaded: seen.append(loaded.index))
    controller.window.slice_bar.rate.setValue(60)
    key(controller, Qt.Key.Key_C)
    qtbot.waitUntil(lambda: len(seen) >= 5, timeout=WAIT_MS)
    key(controller, Qt.Key.Key_C)
    assert {index % POSITIONS for index in seen} == {view(controller).position}
    assert {index // POSITIONS for index in seen} == {0, 1, 2}


def test_a_plain_series_has_no_second_slider(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    opened(qtbot, controller, write_study(tmp_path / "s", ("A",)))
    assert not controller.window.slice_bar.times.isVisible()


def test_a_film_plays_at_its_own_speed(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    film = np.random.default_rng(0).integers(0, 255, (5, 32, 40)).astype(np.uint8)
    elements = {"FrameTime": 40.0, "Modality": "US"}
    write_dicom(tmp_path / "s" / "a.dcm", film, position_mm=None, elements=elements)
    opened(qtbot, controller, tmp_path / "s")
    assert controller.window.slice_bar.rate.value() == 25


def test_a_localizer_is_last_and_is_neither_opened_first_nor_to_be_reviewed(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    for name, kind, text in (
        ("a", ["ORIGINAL", "PRIMARY", "LOCALIZER"], "Scout"),
        ("b", ["ORIGINAL", "PRIMARY", "M"], "FLAIR"),
    ):
        write_dicom(
            tmp_path / "s" / f"{name}.dcm",
            lesion_slice(),
            series=name,
            elements={"ImageType": kind, "SeriesDescription": text},
        )
    opened(qtbot, controller, tmp_path / "s")
    assert view(controller).series.title == "FLAIR"
    panel = controller.window.worklist
    assert panel.progress.text() == "0 of 1 done"
    key(controller, Qt.Key.Key_PageDown)
    assert view(controller).series.title == "Scout"


def test_objects_that_are_no_images_are_listed_without_an_alarm(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = write_study(tmp_path / "s", ("A",))
    report = write_dicom(
        folder / "report.dcm",
        lesion_slice(),
        elements={"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.11", "Rows": None, "Columns": None,
                  "PixelData": None},
    )  # fmt: skip
    opened(qtbot, controller, folder)
    assert not controller.window.messages.isVisible()
    assert controller.study.found is not None
    dialog = FileReportDialog(controller.study.found, controller.window)
    rows = [dialog.list.topLevelItem(i) for i in range(dialog.list.topLevelItemCount())]
    states = {row.text(0): row.text(1) for row in rows}
    assert states[report.name] == "Not an image"
    used = len(controller.study.found.files) - 1
    assert dialog.summary.text() == f"{used} of {used + 1} files are used."
    dialog.close()


def test_slices_with_a_caveat_are_used(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    for z in (0, 1, 2, 5, 6):
        write_dicom(
            tmp_path / "s" / f"{z}.dcm", lesion_slice(), number=z, position_mm=(0, 0, 5.0 * z)
        )
    opened(qtbot, controller, tmp_path / "s")
    assert controller.study.found is not None
    dialog = FileReportDialog(controller.study.found, controller.window)
    assert dialog.summary.text() == "5 of 5 files are used."
    assert {dialog.list.topLevelItem(i).text(1) for i in range(5)} == {"Shown with a caveat"}
    dialog.close()


def test_shapes_that_cannot_be_used_are_told_and_their_file_is_in_the_report(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = write_study(tmp_path / "s", ("A",))
    shapes = [shape_json(LESION_OUTLINE), shape_json(LESION_OUTLINE, kind="cuboid")]
    write_json(folder / "A" / "IM0000.json", annotation_json("IM0000.dcm", {0: shapes}, (32, 40)))
    opened(qtbot, controller, folder)
    told = "One annotation file holds shapes that cannot be used."
    assert controller.window.messages.text.text() == told
    assert controller.study.found is not None
    dialog = FileReportDialog(controller.study.found, controller.window)
    assert dialog.list.topLevelItemCount() == 1
    row = dialog.list.topLevelItem(0)
    assert [row.text(0), row.text(1)] == ["A/IM0000.json", "Used in part"]
    assert "shape 2 of frame 0" in row.text(2)
    assert dialog.summary.text() == "4 of 4 files are used."
    dialog.close()


def test_a_report_of_nothing_but_good_files_has_no_empty_list(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    opened(qtbot, controller, write_study(tmp_path / "s", ("A",)))
    assert controller.study.found is not None
    dialog = FileReportDialog(controller.study.found, controller.window)
    dialog.show()
    assert not dialog.list.isVisible()
    assert dialog.summary.isVisible()
    dialog.close()


GAP = "2 of 7 slices seem to be missing."


def write_gap(folder: Path, series: str = "") -> Path:
    for z in (0, 1, 2, 5, 6):
        path = folder / f"{series}{z}.dcm"
        write_dicom(path, lesion_slice(), series=series, number=z, position_mm=(0, 0, 5.0 * z))
    return folder


def banner(controller: Controller) -> str:
    messages = controller.window.messages
    return messages.text.text() if messages.isVisible() else ""


def test_a_gap_is_told_above_the_slice(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    opened(qtbot, controller, write_gap(tmp_path / "s"))
    assert banner(controller) == GAP


def test_a_banner_and_a_file_that_cannot_be_used_are_both_told(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = write_gap(write_gap(tmp_path / "s", "a"), "b")
    (folder / "bad.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"x" * 300)
    write_dicom(folder / "c.dcm", lesion_slice(), series="c")
    opened(qtbot, controller, folder)
    close = controller.window.messages.close_button
    assert banner(controller) == GAP
    key(controller, Qt.Key.Key_PageDown)
    assert banner(controller) == GAP
    key(controller, Qt.Key.Key_PageDown)
    assert banner(controller).startswith("One file cannot be used. bad.dcm: ")
    close.click()
    assert banner(controller) == ""
    key(controller, Qt.Key.Key_PageUp)
    assert banner(controller) == GAP
    close.click()
    assert banner(controller) == ""
    key(controller, Qt.Key.Key_PageUp)  # of the other series it was not dismissed
    assert banner(controller) == GAP
    key(controller, Qt.Key.Key_PageDown)
    assert banner(controller) == ""


def test_a_banner_comes_back_after_what_has_just_happened(
    controller: Controller, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medseg_desktop.qt.panels.message_bar._FRESH_MS", 50)
    opened(qtbot, controller, write_gap(tmp_path / "s"))
    controller.window.actions_by_key["copy_picture"].trigger()
    assert banner(controller).startswith("The picture was copied.")
    qtbot.waitUntil(lambda: banner(controller) == GAP, timeout=WAIT_MS)


def test_a_thumbnail_is_as_tall_as_the_slice_and_as_stored_however_that_is_turned(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    pixels = lesion_slice((32, 64))
    pixels[:, :16] = 4000  # the left side is bright
    write_dicom(tmp_path / "s" / "a.dcm", pixels, spacing_mm=(4.0, 1.0))  # 128 x 64 mm
    opened(qtbot, controller, tmp_path / "s")
    key(controller, Qt.Key.Key_Right, Qt.KeyboardModifier.ControlModifier)
    tree = controller.window.worklist.tree.model()
    row = tree.index(0, 0, tree.index(0, 0))
    qtbot.waitUntil(lambda: row.data(Role.THUMBNAIL) is not None, timeout=WAIT_MS)
    picture = row.data(Role.THUMBNAIL).toImage()
    assert (picture.width(), picture.height()) == (48, 96)
    assert picture.pixelColor(4, 48).red() > 200 > picture.pixelColor(40, 90).red()


@pytest.mark.parametrize(
    ("rows", "columns", "aspect", "size"),
    [(64, 64, 1.0, (96, 96)), (64, 32, 0.5, (96, 96)), (10, 10, 1e6, (1, 96))],
)
def test_a_thumbnail_fits_whatever_the_shape_of_its_pixels(
    rows: int, columns: int, aspect: float, size: tuple[int, int]
) -> None:
    assert thumbnail_size(rows, columns, aspect).toTuple() == size


@pytest.mark.parametrize("name", ["王^小东", "Müller^Jörg"])
def test_names_are_shown_as_they_are_written(
    controller: Controller, qtbot: QtBot, tmp_path: Path, name: str
) -> None:
    write_dicom(
        tmp_path / "s" / "a.dcm",
        lesion_slice(),
        elements={"SpecificCharacterSet": "GB18030", "PatientName": name},
    )
    opened(qtbot, controller, tmp_path / "s")
    texts = controller.window.slice_view._stage.texts.top_left
    assert texts[0] == name.replace("^", " ")


def test_a_series_is_shown_again_where_it_was_left(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    opened(qtbot, controller, write_study(tmp_path / "s", ("A", "B"), slices=6))
    controller.study.set_slice(5)
    key(controller, Qt.Key.Key_PageDown)
    shown(qtbot, controller)
    assert view(controller).index != 5
    key(controller, Qt.Key.Key_PageUp)
    shown(qtbot, controller)
    assert view(controller).index == 5

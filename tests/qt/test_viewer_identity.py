"""While the patient is hidden, nothing in the window says who it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QAbstractItemModel, QAbstractListModel, QModelIndex, Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QWidget,
)
from pytestqt.qtbot import QtBot

from medseg_desktop.qt.controller import Controller
from medseg_desktop.qt.dialogs.file_report import FileReportDialog
from tests.builders import write_json, write_study
from tests.qt.viewing import WAIT_MS, key, opened, shown, view

#: The folder, the patient's ID and name, and the files of the study are all called so.
NAME = "ZHANG_SAN"


def cells(model: QAbstractItemModel, parent: QModelIndex | None = None) -> Iterator[str]:
    """Texts and tooltips of a list or tree."""
    parent = parent or QModelIndex()
    for row in range(model.rowCount(parent)):
        columns = 1 if isinstance(model, QAbstractListModel) else model.columnCount(parent)
        for column in range(columns):
            index = model.index(row, column, parent)
            yield str(index.data())
            yield str(index.data(Qt.ItemDataRole.ToolTipRole))
        yield from cells(model, model.index(row, 0, parent))


def texts(widget: QWidget) -> Iterator[str]:
    """Everything that a window says, and what its parts say when they are pointed at."""
    yield widget.windowTitle()
    for part in widget.findChildren(QWidget):
        yield part.toolTip()
        if isinstance(part, QLabel | QLineEdit):
            yield part.text()
        elif isinstance(part, QPlainTextEdit):
            yield part.toPlainText()
        elif isinstance(part, QComboBox | QAbstractItemView) and part.model() is not None:
            yield from cells(part.model())


def said(controller: Controller) -> str:
    """All texts of the window, its menus, the slice and the dialogs that are open."""
    stage = controller.window.slice_view._stage
    found = [*stage.texts.top_left, stage.message]
    found += [action.text() for action in controller.window.recent_menu.actions()]
    for window in QApplication.topLevelWidgets():
        if window.isVisible():
            found += texts(window)
    return "\n".join(found)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A study with an annotation and a slice that cannot be used."""
    result = write_study(tmp_path / NAME, (NAME, f"{NAME}_2"), slices=3)
    wrong = {"image_path": "IM0000.dcm", "frames": 5}
    (result / NAME / f"{NAME}.dcm").write_bytes((result / NAME / "IM0000.dcm").read_bytes()[:600])
    write_json(result / NAME / "IM0000.json", wrong)
    return result


def test_the_name_is_nowhere_while_the_patient_is_hidden_and_comes_back(
    controller: Controller, qtbot: QtBot, folder: Path
) -> None:
    opened(qtbot, controller, folder)
    dialog = controller.conversion.open()
    places = [controller.window.windowTitle(), controller.window.messages.text.text()]
    places += [dialog.source.text(), dialog.name.text(), dialog.problems.toPlainText()]
    assert all(NAME in place for place in places)
    assert NAME in said(controller)
    key(controller, Qt.Key.Key_H, Qt.KeyboardModifier.ControlModifier)
    assert NAME not in said(controller)
    assert controller.window.windowTitle() == "MedSeg Desktop[*]"
    assert controller.window.messages.text.text() == "2 files cannot be used."
    assert [a.isEnabled() for a in controller.window.recent_menu.actions()] == [False]
    key(controller, Qt.Key.Key_H, Qt.KeyboardModifier.ControlModifier)
    again = [controller.window.windowTitle(), controller.window.messages.text.text()]
    again += [dialog.source.text(), dialog.name.text(), dialog.problems.toPlainText()]
    assert again == places
    dialog.close()


def test_a_folder_that_is_opened_while_the_patient_is_hidden_is_not_named(
    controller: Controller, qtbot: QtBot, folder: Path
) -> None:
    controller.window.actions_by_key["identity"].trigger()
    opened(qtbot, controller, folder)
    controller.conversion.open()
    assert controller.conversion.dialog is not None
    assert NAME not in said(controller)
    assert controller.conversion.dialog.name.text() == "dataset-1"
    controller.conversion.dialog.close()


def test_the_report_counts_the_files_instead_of_naming_them(
    controller: Controller, qtbot: QtBot, folder: Path
) -> None:
    opened(qtbot, controller, folder)
    controller.window.actions_by_key["identity"].trigger()
    controller.window.messages.action.click()
    report = controller.window.findChild(FileReportDialog)
    assert report is not None
    rows = [report.list.topLevelItem(i) for i in range(report.list.topLevelItemCount())]
    assert ("2", "Cannot be used") in [(row.text(0), row.text(1)) for row in rows if row]
    assert NAME not in said(controller)
    report.close()


def test_hiding_keeps_a_message_dismissed_and_patients_unmarked(
    controller: Controller, qtbot: QtBot, folder: Path
) -> None:
    opened(qtbot, controller, folder)
    controller.window.messages.close_button.click()
    dialog = controller.conversion.open()
    first = dialog.patients.topLevelItem(0)
    assert first is not None
    first.setCheckState(0, Qt.CheckState.Unchecked)
    chosen = dialog.current_form().patients
    controller.window.actions_by_key["identity"].trigger()
    assert not controller.window.messages.isVisible()
    assert len(chosen) == 1
    assert dialog.current_form().patients == chosen
    dialog.close()


def test_a_slice_that_cannot_be_read_is_told_by_its_number(
    controller: Controller, qtbot: QtBot, folder: Path
) -> None:
    controller.study.loader.set_cache_bytes(1)  # so that nothing is read ahead, or kept
    opened(qtbot, controller, folder)
    message = controller.window.slice_view._stage
    path = Path(view(controller).series.slices[0].path)
    qtbot.waitUntil(lambda: controller.study.loader.cached_bytes > 0, timeout=WAIT_MS)
    key(controller, Qt.Key.Key_End)
    shown(qtbot, controller)
    path.write_bytes(b"")
    key(controller, Qt.Key.Key_Home)
    qtbot.waitUntil(lambda: message.message.startswith(f"{path.name}: "), timeout=WAIT_MS)
    controller.window.actions_by_key["identity"].trigger()
    assert message.message.startswith("Slice 1: ")
    controller.window.actions_by_key["identity"].trigger()
    assert message.message.startswith(f"{path.name}: ")

"""The window in which patients are moved from set to set."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QTreeWidgetItem
from pytestqt.qtbot import QtBot

from medseg_desktop.io.dicom.stacks import patient_hash
from medseg_desktop.io.workspace import salt_id
from medseg_desktop.qt.controller import Controller
from medseg_desktop.qt.dialogs.move_dialog import MoveDialog
from medseg_desktop.qt.dialogs.patients_dialog import PatientsDialog, SetRow
from tests.builders import model_info, write_model_package, write_study

LEFT = Qt.MouseButton.LeftButton
WAIT_MS = 10_000
ROWS = (
    SetRow("h1", "A", "train", ("flair-v1",)),
    SetRow("h2", "B", "test"),
    SetRow("h3", "C", "incoming"),
    SetRow("h4", "D", "train"),
    SetRow("h5", "E", ""),
)


def items(dialog: PatientsDialog) -> list[QTreeWidgetItem]:
    every = (dialog.table.topLevelItem(i) for i in range(dialog.table.topLevelItemCount()))
    return [item for item in every if item is not None]


def titles(dialog: PatientsDialog) -> list[str]:
    return [item.text(0) for item in items(dialog)]


def mark(dialog: PatientsDialog, *wanted: str) -> None:
    dialog.table.clearSelection()
    for item in items(dialog):
        item.setSelected(item.text(0) in wanted)


def test_who_needs_a_decision_comes_first_and_sets_can_be_filtered(qtbot: QtBot) -> None:
    dialog = PatientsDialog()
    qtbot.addWidget(dialog)
    dialog.set_rows(ROWS)
    dialog.show()
    assert titles(dialog) == ["C", "E", "B", "A", "D"]
    texts = [dialog.filter.itemText(i) for i in range(dialog.filter.count())]
    assert texts == ["All sets (5)", "Incoming (1)", "New (1)", "Test (1)", "Training (2)"]
    dialog.filter.setCurrentIndex(4)
    dialog.filter.activated.emit(4)
    assert titles(dialog) == ["A", "D"]
    mark(dialog, "A", "D")
    assert [r.key for r in dialog.marked] == ["h1", "h4"]
    dialog.set_rows(ROWS[:3])  # one of them is gone; filter and mark stay
    assert titles(dialog) == ["A"]
    assert [r.key for r in dialog.marked] == ["h1"]


def test_only_patients_with_a_set_can_be_moved(qtbot: QtBot) -> None:
    dialog = PatientsDialog()
    qtbot.addWidget(dialog)
    dialog.set_rows(ROWS)
    dialog.show()
    assert not dialog.move_button.isEnabled()
    assert items(dialog)[1].isDisabled()  # the new one
    mark(dialog, "B", "C")
    with qtbot.waitSignal(dialog.move_requested, timeout=5000) as asked:
        QTest.mouseClick(dialog.move_button, LEFT)
    assert sorted(asked.args[0]) == ["h2", "h3"]
    dialog.set_busy(True)
    assert not dialog.move_button.isEnabled()


@pytest.mark.parametrize(
    ("row", "target", "meaning"),
    [
        (ROWS[0], "test", "can no longer be compared on it: flair-v1"),
        (ROWS[3], "test", "In this set in every new dataset"),
        (ROWS[1], "train", "know what was kept for testing"),
        (ROWS[0], "incoming", "In no new dataset"),
    ],
)
def test_what_a_move_means_is_said(qtbot: QtBot, row: SetRow, target: str, meaning: str) -> None:
    dialog = MoveDialog([row], "Li")
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    assert dialog.target.findData(row.set_name) < 0
    dialog.target.setCurrentIndex(dialog.target.findData(target))
    assert meaning in dialog.meaning.text()
    assert "stay as they are" in dialog.meaning.text()


def test_a_move_needs_a_name_and_a_reason(qtbot: QtBot) -> None:
    dialog = MoveDialog(ROWS[:2], "Li")
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    assert dialog.target.count() == 4  # of several patients each may go anywhere
    assert not dialog.move_button.isEnabled()
    dialog.reason.setText(" ")
    assert not dialog.move_button.isEnabled()
    dialog.reason.setText(" scanner ")
    assert dialog.move_button.isEnabled()
    dialog.by.setText("")
    assert not dialog.move_button.isEnabled()
    dialog.by.setText("Dr. 李")
    dialog.target.setCurrentIndex(dialog.target.findData("val"))
    with qtbot.waitSignal(dialog.chosen, timeout=5000) as chosen:
        dialog.move_button.click()
    (move,) = chosen.args
    assert (move.patients, move.set_name, move.by, move.reason) == (
        ("h1", "h2"), "val", "Dr. 李", "scanner",
    )  # fmt: skip


# -- in the whole window


def open_patients(controller: Controller, qtbot: QtBot) -> PatientsDialog:
    controller.window.actions_by_key["patients"].trigger()
    dialog = controller.patients.dialog
    assert dialog is not None
    qtbot.waitUntil(lambda: dialog.table.isEnabled(), timeout=WAIT_MS)
    return dialog


def test_a_workspace_without_sets_says_how_they_are_made(
    controller: Controller, qtbot: QtBot
) -> None:
    dialog = open_patients(controller, qtbot)
    assert "making the first dataset draws the sets" in dialog.status.text()
    dialog.close()


def test_an_incoming_patient_is_assigned_in_the_window(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    workspace = controller.workspace
    a, b, c = (patient_hash(workspace.salt(), name) for name in "ABC")
    workspace.freeze({a: "train", b: "incoming", "f" * 16: "val"})
    info = model_info(name="flair", split={a: "train"}, salt_id=salt_id(workspace.salt()))
    write_model_package(workspace.models / "flair-v1", info)
    study = write_study(tmp_path / "s", ("A", "B", "C"), slices=1)
    controller.open(study)
    qtbot.waitUntil(lambda: controller.study.found is not None, timeout=WAIT_MS)
    dialog = open_patients(controller, qtbot)
    assert titles(dialog) == ["B", "C", "f" * 16, "A"]
    assert items(dialog)[3].text(2) == "flair-v1"
    controller.window.actions_by_key["identity"].trigger()
    assert sorted(titles(dialog)) == sorted([a, b, "f" * 16])
    controller.window.actions_by_key["identity"].trigger()

    mark(dialog, "B")
    QTest.mouseClick(dialog.move_button, LEFT)
    asking = controller.patients.asking
    assert asking is not None
    assert asking.by.text() == controller.annotations.author.annotator
    asking.by.setText("Dr. Li")
    asking.reason.setText("looked at")
    asking.target.setCurrentIndex(asking.target.findData("train"))
    QTest.mouseClick(asking.move_button, LEFT)
    qtbot.waitUntil(lambda: dialog.status.text() == "Moved to Training: 1.", timeout=WAIT_MS)
    assert workspace.split().set_of(b) == "train"
    entry = workspace.audit.verify().entries[-1]
    assert (entry.action, entry.actor, entry.details["reason"]) == (
        "patient_moved", "Dr. Li", "looked at",
    )  # fmt: skip
    assert c not in workspace.split().patients
    dialog.close()


def test_a_move_that_fails_is_a_sentence(controller: Controller, qtbot: QtBot) -> None:
    workspace = controller.workspace
    workspace.freeze({"a" * 16: "train"})
    dialog = open_patients(controller, qtbot)
    trail = workspace.root / "audit.jsonl"
    trail.write_bytes(trail.read_bytes().replace(b"train", b"trail"))
    mark(dialog, "a" * 16)
    QTest.mouseClick(dialog.move_button, LEFT)
    asking = controller.patients.asking
    assert asking is not None
    asking.by.setText("Li")
    asking.reason.setText("why")
    QTest.mouseClick(asking.move_button, LEFT)
    qtbot.waitUntil(lambda: "Line 1 of" in dialog.status.text(), timeout=WAIT_MS)
    assert dialog.status.property("role") == "bad"
    assert workspace.split().set_of("a" * 16) == "train"
    qtbot.waitUntil(lambda: dialog.table.isEnabled(), timeout=WAIT_MS)
    dialog.close()

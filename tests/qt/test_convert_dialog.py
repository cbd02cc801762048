from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from medseg_desktop.qt.dialogs.convert_dialog import ConvertDialog, ConvertForm, PatientRow

LEFT = Qt.MouseButton.LeftButton
ROWS = (
    PatientRow("p1", "Patient 1", 37, 26, 13, "train"),
    PatientRow("p2", "Patient 2", 30, 30, 0, "val"),
    PatientRow("p3", "Patient 3", 30, 0, 0),
)


@pytest.fixture
def dialog(qtbot: QtBot) -> ConvertDialog:
    result = ConvertDialog()
    qtbot.addWidget(result)
    result.set_source("/data/study")
    result.set_dataset_name("flair")
    result.set_patients(ROWS)
    result.show()
    qtbot.waitExposed(result)
    return result


def test_starting_tells_the_checked_patients_and_options(
    dialog: ConvertDialog, qtbot: QtBot
) -> None:
    dialog.set_preset("reference")
    QTest.keyClick(dialog.overlays, Qt.Key.Key_Space)
    with qtbot.waitSignal(dialog.start_requested, timeout=5000) as started:
        QTest.mouseClick(dialog.start, LEFT)
    assert started.args == [ConvertForm("flair", "reference", ("p1", "p2"), True)]


def test_a_patient_without_reviewed_slices_cannot_be_chosen(dialog: ConvertDialog) -> None:
    item = dialog.patients.topLevelItem(2)
    assert item.isDisabled()
    assert item.checkState(0) == Qt.CheckState.Unchecked
    assert dialog.summary.text() == "2 of 3 patients · 56 slices · 13 with lesion"


def test_the_upper_box_checks_and_unchecks_everybody(dialog: ConvertDialog) -> None:
    assert dialog.all_patients.checkState() == Qt.CheckState.Checked
    QTest.keyClick(dialog.all_patients, Qt.Key.Key_Space)
    assert dialog.current_form().patients == ()
    assert dialog.all_patients.checkState() == Qt.CheckState.Unchecked
    dialog.patients.topLevelItem(0).setCheckState(0, Qt.CheckState.Checked)
    assert dialog.all_patients.checkState() == Qt.CheckState.PartiallyChecked
    QTest.keyClick(dialog.all_patients, Qt.Key.Key_Space)
    assert dialog.current_form().patients == ("p1", "p2")


@pytest.mark.parametrize("missing", ["name", "source", "patients"])
def test_it_cannot_start_while_something_is_missing(dialog: ConvertDialog, missing: str) -> None:
    assert dialog.start.isEnabled()
    {
        "name": lambda: dialog.set_dataset_name("  "),
        "source": lambda: dialog.set_source(""),
        "patients": lambda: dialog.set_patients(()),
    }[missing]()
    assert not dialog.start.isEnabled()


def test_while_running_closing_asks_to_cancel_and_leaves_the_window_open(
    dialog: ConvertDialog, qtbot: QtBot
) -> None:
    dialog.set_progress("Reading slices", 312, 750)
    assert dialog.status.text() == "Reading slices · 312 of 750"
    assert dialog.bar.done == 312
    assert not dialog.start.isEnabled()
    assert not dialog.patients.isEnabled()
    with qtbot.waitSignal(dialog.cancel_requested, timeout=5000):
        QTest.mouseClick(dialog.close_button, LEFT)
    with qtbot.waitSignal(dialog.cancel_requested, timeout=5000):
        QTest.keyClick(dialog, Qt.Key.Key_Escape)
    with qtbot.waitSignal(dialog.cancel_requested, timeout=5000):
        dialog.close()
    assert dialog.isVisible()


def test_the_result_or_the_error_ends_the_running_state(dialog: ConvertDialog) -> None:
    dialog.set_progress("Reading slices", 1, 2)
    dialog.set_problems(["a.json has the wrong width; it was left out."])
    dialog.set_result("Made flair: 56 slices of 2 patients.")
    assert dialog.problems.isVisible()
    assert dialog.status.text().startswith("Made flair")
    assert dialog.start.isEnabled()
    assert not dialog.bar.isVisible()
    dialog.set_error("The disk is full.")
    assert dialog.status.property("role") == "bad"
    QTest.mouseClick(dialog.close_button, LEFT)
    assert not dialog.isVisible()


NEW = (*ROWS, PatientRow("p4", "Patient 4", 20, 10, 5), PatientRow("p5", "Patient 5", 9, 9, 1))


def test_where_new_patients_go_is_asked_where_there_are_new_ones(dialog: ConvertDialog) -> None:
    assert not dialog.join.isVisible()  # nothing is frozen, so nobody is new
    dialog.set_patients(NEW)
    assert not dialog.join.isVisible()
    dialog.set_patients(NEW, is_frozen=True)
    assert dialog.join.isVisible()
    assert dialog.patients.topLevelItem(3).text(1) == "New"
    assert dialog.patients.topLevelItem(0).text(1) == "Training"
    assert dialog.current_form().new_patients == "train"
    assert dialog.summary.text() == "4 of 5 patients · 75 slices · 19 with lesion"
    QTest.mouseClick(dialog.wait, LEFT, pos=QPoint(8, 8))
    form = dialog.current_form()
    assert (form.new_patients, form.patients) == ("incoming", ("p1", "p2", "p4", "p5"))
    assert dialog.summary.text() == "2 of 5 patients · 56 slices · 13 with lesion"
    assert dialog.start.isEnabled()
    for item in (dialog.patients.topLevelItem(0), dialog.patients.topLevelItem(1)):
        item.setCheckState(0, Qt.CheckState.Unchecked)
    assert not dialog.start.isEnabled()  # nothing would be converted
    dialog.set_preset("reference")  # it has a split of its own
    assert not dialog.join.isVisible()
    assert dialog.current_form().new_patients == "train"
    dialog.set_preset("default")
    dialog.set_patients(ROWS[:2], is_frozen=True)
    assert not dialog.join.isVisible()


def test_who_waits_cannot_be_chosen_and_says_why(dialog: ConvertDialog) -> None:
    waiting = PatientRow("p6", "Patient 6", 9, 9, 1, "incoming", waits=True)
    dialog.set_patients((*ROWS, waiting), is_frozen=True)
    item = dialog.patients.topLevelItem(3)
    assert item.isDisabled()
    assert "assign a set" in item.toolTip(0)
    assert dialog.current_form().patients == ("p1", "p2")
    assert dialog.all_patients.checkState() == Qt.CheckState.Checked

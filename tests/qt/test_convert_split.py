"""The converter and the frozen split: new patients wait, and what is on two sides blocks."""

from __future__ import annotations

from pathlib import Path

from pytestqt.qtbot import QtBot

from medseg_desktop.core.run_state import RunStatus
from medseg_desktop.io.dicom.stacks import patient_hash
from medseg_desktop.qt.controller import Controller
from medseg_desktop.qt.dialogs.convert_dialog import ConvertDialog
from tests.builders import annotation_json, lesion_slice, write_dicom, write_json, write_study
from tests.drawn import opened, program

WAIT_MS = 60_000


def convert(controller: Controller, qtbot: QtBot, name: str) -> ConvertDialog:
    """Convert what the dialog proposes, and wait until that is over."""
    dialog = controller.conversion.open()
    dialog.set_dataset_name(name)
    dialog.start_requested.emit(dialog.current_form())
    over = (RunStatus.FINISHED, RunStatus.FAILED)

    def is_over() -> bool:
        run = controller.runs.conversion
        return run is not None and run.status in over and not controller.runs.is_converting

    qtbot.waitUntil(is_over, timeout=WAIT_MS)
    return dialog


def sets(dialog: ConvertDialog) -> list[str]:
    items = (dialog.patients.topLevelItem(i) for i in range(dialog.patients.topLevelItemCount()))
    return [item.text(1) for item in items if item is not None]


def test_a_new_patient_waits_until_the_window_assigns_a_set(qtbot: QtBot, tmp_path: Path) -> None:
    study = write_study(tmp_path / "s", ("A", "B", "C"), slices=1)
    with program(qtbot, tmp_path / "w") as controller:
        workspace = controller.workspace
        a, b, c = (patient_hash(workspace.salt(), name) for name in "ABC")
        workspace.freeze({a: "train", b: "val"})
        opened(qtbot, controller, study)
        dialog = controller.conversion.open()
        assert sets(dialog) == ["Training", "Validation", "New"]
        dialog.wait.setChecked(True)
        dialog = convert(controller, qtbot, "first")
        assert "Waiting as incoming: 1." in dialog.status.text()
        assert sets(dialog) == ["Training", "Validation", "Incoming"]
        assert not dialog.join.isVisible()
        assert workspace.split().set_of(c) == "incoming"
        workspace.move_patient(c, "train", "Li", "why")
        controller.patients.moved.emit()
        assert sets(dialog)[2] == "Training"
        dialog.close()


def test_what_blocks_a_conversion_is_named_unless_the_patient_is_hidden(
    qtbot: QtBot, tmp_path: Path
) -> None:
    study = write_study(tmp_path / "s", ("Zhao", "Qian"), slices=1)
    copied = study / "Qian" / "copy.dcm"
    write_dicom(copied, lesion_slice(seed=0), patient="Qian")  # the picture of Zhao
    write_json(copied.with_suffix(".json"), annotation_json("copy.dcm", {0: []}, (32, 40)))
    with program(qtbot, tmp_path / "w") as controller:
        opened(qtbot, controller, study)
        dialog = convert(controller, qtbot, "first")
        assert "The same picture stands in two sets: " in dialog.status.text()
        assert "Zhao/IM0000.dcm of patient Zhao (" in dialog.status.text()
        assert "Put both patients into one set" in dialog.status.text()
        assert list(controller.workspace.datasets.iterdir()) == []
        assert controller.workspace.split().patients == {}
        controller.window.actions_by_key["identity"].trigger()
        dialog = convert(controller, qtbot, "second")
        assert "Zhao" not in dialog.status.text()
        assert "show the patient" in dialog.status.text()
        dialog.close()

"""Retrain, compare, promote and roll back in the window: real widgets, files and trainings."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLabel, QSpinBox, QWidget
from pytestqt.qtbot import QtBot

from medseg_desktop.core.evaluation.rows import lesion_groups
from medseg_desktop.core.volume import Series
from medseg_desktop.io.phantom_study import write_phantom_study
from medseg_desktop.io.workspace import Workspace
from medseg_desktop.qt.controller import Controller
from medseg_desktop.qt.dialogs.result_window import ResultWindow
from tests.drawn import draw_rectangle, program, shapes_on_screen
from tests.qt.modelling import rows, select, texts, wait_for
from tests.qt.viewing import key, opened, shown, view

CHAIN_MS = 200_000
PATIENTS = 6
READER = "Dr. Li"


def click(button: QAbstractButton) -> None:
    """Press a button that can be seen and pressed, where it may have to be scrolled to."""
    assert button.isVisible(), button.text()
    assert button.isEnabled(), f"{button.text()}: {button.toolTip()}"
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def said(widget: QWidget) -> list[str]:
    """The texts that can be read in a part of the window, from the top."""
    return [x.text() for x in widget.findChildren(QLabel) if x.isVisible() and x.text()]


def type_number(box: QSpinBox, number: int) -> None:
    box.setFocus()
    box.selectAll()
    QTest.keyClicks(box, str(number))
    QTest.keyClick(box, Qt.Key.Key_Return)


def choose(box: QComboBox, text: str) -> None:
    """Open the list and choose from it."""
    place = box.findText(text)
    assert place >= 0, [box.itemText(i) for i in range(box.count())]
    QTest.mouseClick(box, Qt.MouseButton.LeftButton)
    popup = box.view()
    assert popup.isVisible()
    popup.setCurrentIndex(box.model().index(place, 0))
    QTest.keyClick(popup, Qt.Key.Key_Return)
    assert box.currentText() == text


class Clinic:
    """The window with its workspace, and what must never change by itself."""

    def __init__(self, qtbot: QtBot, controller: Controller, study: Path) -> None:
        self.qtbot, self.controller, self.study = qtbot, controller, study
        self.workspace = controller.workspace
        self.panel = controller.window.training_panel
        self.models = controller.window.models_panel
        self.champions_seen: list[str] = []
        controller.retrain.session.retraining_changed.connect(
            lambda _: self.champions_seen.append(self.champion)
        )
        controller.retrain.measuring.is_automatic = False

    def file(self, name: str) -> bytes:
        return (self.workspace.root / name).read_bytes()

    @property
    def champion(self) -> str:
        """As any other program would read it."""
        path = self.workspace.root / "champion.json"
        return str(json.loads(path.read_bytes())["model"]) if path.exists() else ""

    @property
    def used(self) -> str:
        predictor = self.controller.runs.predictor
        return predictor.info.title if predictor else ""

    def model_json(self, title: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.file(f"models/{title}/model.json"))
        return found

    def tab(self, panel: QWidget) -> None:
        self.controller.window.tabs.setCurrentWidget(panel)

    def wait(self, words: str, where: QWidget, timeout: int = 30_000) -> None:
        """Until it can be read there."""
        self.qtbot.waitUntil(lambda: any(words in text for text in said(where)), timeout=timeout)

    # -- what a user does

    def retrain(self) -> str:
        """Press the button and wait for the candidate; its title."""
        session = self.controller.retrain.session
        self.champions_seen.clear()
        before = self.champion
        click(self.panel.retrain.start)
        wait_for(self.qtbot, lambda: session.is_under_way)  # what was drawn is saved first
        self.qtbot.waitUntil(lambda: not session.is_under_way, timeout=CHAIN_MS)
        found = session.retraining
        assert found is not None
        assert found.is_done, (found.stage, found.message)
        assert set(self.champions_seen) == {before}
        assert self.champion == before
        self.qtbot.waitUntil(self.panel.chain.outcome.isVisible, timeout=30_000)
        return found.candidate

    def confirm(self, reason: str) -> None:
        """Give the reason in the dialog that asks for it; the name is filled in."""
        champions = self.controller.model_tab.champions
        wait_for(self.qtbot, lambda: champions.dialog is not None)
        dialog = champions.dialog
        assert dialog is not None
        assert dialog.name.text() == READER
        assert not dialog.go.isEnabled()
        QTest.keyClicks(dialog.reason, reason)
        with self.qtbot.waitSignal(champions.changed, timeout=30_000):
            click(dialog.go)
        wait_for(self.qtbot, lambda: champions.dialog is None)

    def series(self, set_name: str) -> Series:
        """The first series of the open folder whose patient is in this set of the split."""
        found = self.controller.study.found
        assert found is not None
        patients = json.loads(self.file("split.json"))["patients"]
        return next(s for s in found.series if patients[s.patient.hash]["set"] == set_name)


def train_first_model(clinic: Clinic) -> None:
    panel = clinic.panel
    clinic.tab(panel)
    clinic.wait("Train a first model", panel.retrain)
    assert str(PATIENTS) in said(panel.retrain)
    click(panel.advanced.header)
    options = panel.options
    QTest.keyClicks(options.name, "flair")
    choose(options.slice_size, "128 × 128")
    type_number(options.batch_size, 2)
    type_number(options.iterations, 6)
    click(panel.advanced.header)
    clinic.qtbot.waitUntil(panel.retrain.start.isEnabled, timeout=30_000)
    assert clinic.retrain() == "flair-v1"
    clinic.wait("flair-v1 is ready.", panel.chain)
    assert "It is a candidate until somebody promotes it." in said(panel.chain)
    assert clinic.champion == ""


def promote_in_the_tab(clinic: Clinic) -> None:
    clinic.tab(clinic.models)
    assert clinic.models.champion.title.text() == "No champion yet"
    select(clinic.controller, "flair")
    assert clinic.models.details.title.text() == "flair-v1 · candidate"
    click(clinic.models.details.buttons["promote"])
    clinic.confirm("It is the first")
    clinic.qtbot.waitUntil(
        lambda: clinic.models.champion.title.text() == "flair-v1", timeout=30_000
    )
    assert (clinic.champion, clinic.used) == ("flair-v1", "flair-v1")


def correct_an_outline(clinic: Clinic) -> None:
    """Draw a lesion on a slice of a training patient that had none."""
    controller = clinic.controller
    clinic.tab(clinic.panel)
    page = clinic.panel.retrain
    clinic.wait("Nothing is new since flair-v1", page)
    clinic.wait("0 of 1 test patients seen in training or by flair-v1", page)
    series = clinic.series("train")
    known = controller.annotations
    without_lesion = (
        i for i, s in enumerate(series.slices) if known.is_reviewed(s) and not known.shapes(s)
    )
    controller.study.set_series(series.key)
    controller.study.set_slice(next(without_lesion))
    shown(clinic.qtbot, controller)
    draw_rectangle(controller, (60, 60), (90, 80))
    assert shapes_on_screen(controller) == 1
    clinic.wait("New shapes", page)
    clinic.wait("Corrected slices", page)
    assert page.lead.text() == "New since flair-v1"
    key(controller, Qt.Key.Key_Escape)


def retrain_from_the_champion(clinic: Clinic) -> None:
    before = clinic.file("split.json")
    assert clinic.retrain() == "flair-v2"
    assert clinic.file("split.json") == before
    assert (clinic.champion, clinic.used) == ("flair-v1", "flair-v1")
    verdict = clinic.panel.chain.outcome.verdict.text.text()
    assert "flair-v2" in verdict
    assert "flair-v1" in verdict
    assert "flair-v1 stays in use until somebody promotes the candidate." in said(
        clinic.panel.chain
    )


def check_who_was_learned_from(clinic: Clinic) -> None:
    """In the files that a training reads, with nothing of the program."""
    patients = json.loads(clinic.file("split.json"))["patients"]
    sets = {patient: entry["set"] for patient, entry in patients.items()}
    assert sorted(sets.values()) == ["test", "train", "train", "train", "train", "val"]
    folders = sorted((clinic.workspace.root / "datasets").iterdir())
    assert len(folders) == 2
    for folder in folders:
        files = json.loads((folder / "manifest.json").read_bytes())["files"]
        patient_of = {file["name"]: file["patient_hash"] for file in files}
        for name in ("train", "val", "test"):
            lines = (folder / f"{name}_list.txt").read_text(encoding="utf-8").splitlines()
            slices = [line.split()[0].removeprefix("images/") for line in lines]
            assert slices
            assert {sets[patient_of[each]] for each in slices} == {name}
    first, second = (clinic.model_json(f"flair-v{n}") for n in (1, 2))
    seen = sorted(patient for patient, name in sets.items() if name in ("train", "val"))
    assert (first["parent"], first["inherited"]) == ("starter", [])
    assert (second["parent"], second["inherited"]) == ("flair-v1", seen)
    for model in (first, second):  # what was chosen by hand, and is the champion's from then on
        training = model["training"]
        assert (training["size"], training["batch_size"], training["iterations"]) == (128, 2, 6)
    network = hashlib.sha256(clinic.file("models/flair-v1/model.onnx")).hexdigest()
    assert second["parent_network"] == network
    assert second["split"] == sets


def look_at_the_comparison(clinic: Clinic) -> ResultWindow:
    click(clinic.panel.chain.outcome.compare)
    windows = clinic.controller.model_tab.results.windows
    clinic.qtbot.waitUntil(lambda: len(windows) == 1, timeout=30_000)
    (window,) = windows.values()
    assert window.title.text() == "flair-v2 compared with flair-v1"
    assert "Test patients" in window.about.text()
    words = said(window.measures)
    assert {"Candidate", "Champion", "Difference", "Dice", "HD95"} <= set(words)
    (case,) = rows(window.cases.table)
    assert case.text(0) == clinic.series("test").patient.patient_id
    return window


def show_a_lesion(clinic: Clinic, window: ResultWindow) -> None:
    """The worst lesion: its picture, then its slice with both models, then on to the next."""
    controller = clinic.controller
    comparison = window.record.comparison
    assert comparison is not None
    groups = lesion_groups(window.record)
    listed = {fate: len(group) for fate, group in groups.items()}
    heads = [head.text(0) for head in rows(window.lesions.tree.table)]
    assert [head.rsplit("(", 1)[1] for head in heads] == [f"{n})" for n in listed.values()]
    assert any(listed.values()), "two trainings that find exactly the same"
    window.pages.setCurrentIndex(1)
    change = window.lesions.tree.current
    assert change is not None
    clinic.qtbot.waitUntil(lambda: window.lesions.picture.image is not None, timeout=30_000)
    click(window.lesions.show_in_viewer)
    shown(clinic.qtbot, controller)
    test = clinic.series("test")
    assert (view(controller).series.uid, view(controller).index) == (
        test.uid, change.lesion.largest_slice,
    )  # fmt: skip
    assert view(controller).comparison.visible
    stage = controller.window.slice_view._stage
    clinic.qtbot.waitUntil(lambda: len(stage.texts.bottom_right) == 2, timeout=30_000)
    first_line, second_line = stage.texts.bottom_right
    assert first_line.startswith("Model flair-v2 (")
    assert first_line.endswith(", candidate)")
    assert second_line.startswith("compared with flair-v1 (")
    assert second_line.endswith(", champion) and my outlines")
    assert clinic.used == "flair-v1"
    key(controller, Qt.Key.Key_J)
    clinic.qtbot.waitUntil(lambda: stage.place is not None, timeout=60_000)
    first = (view(controller).index, stage.place)
    key(controller, Qt.Key.Key_J)
    clinic.qtbot.waitUntil(
        lambda: stage.place is not None and (view(controller).index, stage.place) != first,
        timeout=60_000,
    )


def promote_and_roll_back(clinic: Clinic, window: ResultWindow) -> None:
    click(window.promote)
    clinic.confirm("Learned the corrected slice")
    clinic.qtbot.waitUntil(lambda: clinic.used == "flair-v2", timeout=30_000)
    assert clinic.champion == "flair-v2"
    clinic.qtbot.waitUntil(lambda: not window.promote.isEnabled(), timeout=30_000)
    window.close()
    clinic.tab(clinic.models)
    card = clinic.models.champion
    clinic.qtbot.waitUntil(lambda: card.title.text() == "flair-v2", timeout=30_000)
    click(card.rollback)
    clinic.confirm("One lesion too many")
    clinic.qtbot.waitUntil(lambda: clinic.used == "flair-v1", timeout=30_000)
    clinic.qtbot.waitUntil(lambda: card.title.text() == "flair-v1", timeout=30_000)
    assert clinic.champion == "flair-v1"


def look_at_the_audit_trail(clinic: Clinic) -> None:
    click(clinic.models.audit)
    dialog = clinic.controller.model_tab.audit_dialog
    assert dialog is not None
    clinic.qtbot.waitUntil(lambda: "chain holds" in dialog.verdict.text.text(), timeout=30_000)
    assert dialog.verdict.text.text() == "4 entries, the chain holds."
    assert [texts(line)[2:] for line in rows(dialog.list)] == [
        ["Rolled back", "flair-v1", "One lesion too many"],
        ["Promoted", "flair-v2", "Learned the corrected slice"],
        ["Promoted", "flair-v1", "It is the first"],
        ["Split created", "4 train, 1 val, 1 test", ""],
    ]
    assert {texts(line)[1] for line in rows(dialog.list)[:3]} == {READER}
    dialog.close()
    assert clinic.workspace.audit.verify().problem == ""


@pytest.mark.timeout(400)
def test_a_model_is_retrained_compared_promoted_and_rolled_back(
    qtbot: QtBot, tmp_path: Path
) -> None:
    study = tmp_path / "study"
    write_phantom_study(study, patients=PATIENTS)
    slices = {p: p.read_bytes() for p in study.rglob("*.dcm")}
    root = tmp_path / "workspace"
    with program(qtbot, root, annotator=READER) as controller:
        clinic = Clinic(qtbot, controller, study)
        opened(qtbot, controller, study)
        train_first_model(clinic)
        promote_in_the_tab(clinic)
        correct_an_outline(clinic)
        retrain_from_the_champion(clinic)
        check_who_was_learned_from(clinic)
        window = look_at_the_comparison(clinic)
        show_a_lesion(clinic, window)
        promote_and_roll_back(clinic, window)
        look_at_the_audit_trail(clinic)
    with program(qtbot, root) as controller:
        wait_for(qtbot, lambda: controller.runs.predictor is not None)
        again = Clinic(qtbot, controller, study)
        assert (again.used, again.champion) == ("flair-v1", "flair-v1")
        assert Workspace(root).audit.verify().problem == ""
    assert {p: p.read_bytes() for p in study.rglob("*.dcm")} == slices

"""Champion and candidates in the window: promote, roll back, restart, and what stops them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QLabel, QTextBrowser
from pytestqt.qtbot import QtBot

from medseg_desktop.io.models.champions import Champions
from medseg_desktop.io.workspace import Workspace
from medseg_desktop.qt.controller import Controller
from medseg_desktop.qt.dialogs.champion_dialog import ChampionDialog
from tests.builders import model_info, write_model_package, write_study
from tests.drawn import message, program
from tests.evaluation_records import write_evaluation
from tests.qt.modelling import (
    click,
    listed,
    model,
    press,
    rows,
    select,
    settled,
    texts,
    wait_for,
    write_models,
)
from tests.qt.viewing import opened


@pytest.fixture
def workspace(controller: Controller) -> Workspace:
    """Two models, old-v1 and new-v1."""
    write_models(controller.workspace)
    return controller.workspace


def asked(qtbot: QtBot, controller: Controller) -> ChampionDialog:
    """The dialog that asks for name and reason."""
    wait_for(qtbot, lambda: controller.model_tab.champions.dialog is not None)
    dialog = controller.model_tab.champions.dialog
    assert dialog is not None
    return dialog


def fill_in(dialog: ChampionDialog, reason: str, by: str = "") -> None:
    if by:
        dialog.name.setText(by)
    dialog.reason.setFocus()
    QTest.keyClicks(dialog.reason, reason)
    click(dialog.go)


def used(controller: Controller) -> str:
    predictor = controller.runs.predictor
    return predictor.info.title if predictor else ""


def said(dialog: ChampionDialog) -> str:
    return "\n".join(each.text() for each in dialog.findChildren(QLabel) if each.text())


def promote(qtbot: QtBot, controller: Controller, name: str, reason: str = "better") -> None:
    select(controller, name)
    press(controller, "promote")
    with qtbot.waitSignal(controller.model_tab.champions.changed, timeout=30_000):
        fill_in(asked(qtbot, controller), reason, "Dr. Wang")
    settled(qtbot, controller)
    wait_for(qtbot, lambda: controller.model_tab.champions.dialog is None)


def test_promote_and_roll_back(controller: Controller, qtbot: QtBot, workspace: Workspace) -> None:
    panel = listed(qtbot, controller)
    assert panel.champion.title.text() == "No champion yet"
    assert not panel.champion.rollback.isVisible()
    promote(qtbot, controller, "old", "the first one")
    assert panel.champion.title.text() == "old-v1"
    assert "Dr. Wang" in panel.champion.since.text()
    assert "the first one" in panel.champion.reason.text()
    assert not panel.champion.rollback.isVisible()
    wait_for(qtbot, lambda: used(controller) == "old-v1")
    promote(qtbot, controller, "new", "finds more")
    wait_for(qtbot, lambda: used(controller) == "new-v1")
    assert "new-v1 is the champion now, and in use" in message(controller)
    click(panel.champion.rollback)
    dialog = asked(qtbot, controller)
    assert "old-v1 becomes the champion again" in dialog.text.text()
    assert dialog.go.text() == "Roll back"
    fill_in(dialog, "finds too much")
    wait_for(qtbot, lambda: panel.champion.title.text() == "old-v1")
    wait_for(qtbot, lambda: used(controller) == "old-v1")
    select(controller, "new")
    assert panel.details.title.text() == "new-v1 · earlier champion"
    report = Champions(workspace).verify()
    assert report.problem == ""
    assert [(e.action, e.details["model"], e.details["reason"]) for e in report.entries] == [
        ("promoted", "old-v1", "the first one"),
        ("promoted", "new-v1", "finds more"),
        ("rolled_back", "old-v1", "finds too much"),
    ]


def test_a_promotion_needs_a_name_and_a_reason(
    controller: Controller, qtbot: QtBot, workspace: Workspace
) -> None:
    controller.preferences.change("annotator", "Dr. Li")
    listed(qtbot, controller)
    select(controller, "old")
    press(controller, "promote")
    dialog = asked(qtbot, controller)
    assert dialog.name.text() == "Dr. Li"
    assert not dialog.go.isEnabled()
    dialog.reason.setPlainText(" \n ")
    assert not dialog.go.isEnabled()
    dialog.reason.setPlainText("r")
    assert dialog.go.isEnabled()
    dialog.name.setText(" ")
    assert not dialog.go.isEnabled()
    click(dialog.cancel)
    settled(qtbot, controller)
    assert Champions(workspace).current() is None


def test_the_chooser_and_the_overlay_say_which_is_the_champion(
    controller: Controller, qtbot: QtBot, workspace: Workspace, tmp_path: Path
) -> None:
    opened(qtbot, controller, write_study(tmp_path / "s", ("A",)))
    listed(qtbot, controller)
    promote(qtbot, controller, "old")
    chooser = controller.window.model_chooser
    wait_for(qtbot, lambda: chooser.currentText() == "old-v1")
    place = {chooser.itemText(i): i for i in range(chooser.count())}
    crowned = {name for name, i in place.items() if not chooser.itemIcon(i).isNull()}
    assert crowned == {"old-v1"}
    role = Qt.ItemDataRole.AccessibleTextRole
    assert chooser.itemData(place["old-v1"], role) == "old-v1, champion"
    assert chooser.itemData(place["new-v1"], role) == "new-v1, candidate"
    controller.window.actions_by_key["predict"].trigger()
    assert list(controller.window.slice_view._stage.texts.bottom_right) == [
        "Prediction: old-v1 (2026-01-01, champion)"
    ]
    assert controller.window.overlay_panel.prediction_about.text() == "2026-01-01, champion"
    select(controller, "new")
    press(controller, "use")
    wait_for(qtbot, lambda: used(controller) == "new-v1")
    assert list(controller.window.slice_view._stage.texts.bottom_right) == [
        "Prediction: new-v1 (2026-01-01, candidate)"
    ]
    assert Champions(workspace).current().model == "old-v1"  # type: ignore[union-attr]


def test_after_a_restart_the_champion_is_in_use(qtbot: QtBot, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    write_models(workspace, ("a", "b", "c"))
    Champions(workspace).promote("b-v1", "Ann", "r")
    with program(qtbot, workspace.root) as first:
        wait_for(qtbot, lambda: used(first) == "b-v1")
        first.runs.choose_model(model(workspace, "a"))  # for viewing, this time
        wait_for(qtbot, lambda: used(first) == "a-v1")
    with program(qtbot, workspace.root) as second:
        wait_for(qtbot, lambda: used(second) == "b-v1")
        assert second.runs.champion is not None
        assert second.runs.champion.model == "b-v1"


def test_a_champion_whose_files_were_changed_is_told_and_not_used(
    qtbot: QtBot, tmp_path: Path
) -> None:
    workspace = Workspace(tmp_path / "w")
    write_models(workspace)
    Champions(workspace).promote("old-v1", "Ann", "r")
    shutil.rmtree(model(workspace, "old"))
    write_model_package(model(workspace, "old"), model_info(name="old"), thresholds=(7.5,))
    with program(qtbot, workspace.root) as controller:
        wait_for(qtbot, lambda: "was changed after Ann promoted it" in message(controller))
        settled(qtbot, controller)
        assert used(controller) == ""
        panel = listed(qtbot, controller)
        assert "was changed after Ann" in panel.champion.problem.text.text()
        promote(qtbot, controller, "old", "the new files are the right ones")
        wait_for(qtbot, lambda: not panel.champion.problem.isVisible())
        wait_for(qtbot, lambda: used(controller) == "old-v1")


def test_over_a_tampered_trail_nothing_is_promoted(
    controller: Controller, qtbot: QtBot, workspace: Workspace
) -> None:
    listed(qtbot, controller)
    promote(qtbot, controller, "old")
    trail = workspace.audit.path
    trail.write_bytes(trail.read_bytes().replace(b"better", b"worse "))
    before = (trail.read_bytes(), (workspace.root / "champion.json").read_bytes())
    select(controller, "new")
    press(controller, "promote")
    dialog = asked(qtbot, controller)
    fill_in(dialog, "r")
    wait_for(qtbot, dialog.error.isVisible)
    assert dialog.error.text.text().startswith("Line 1 of ")
    assert dialog.go.isEnabled()
    assert (trail.read_bytes(), (workspace.root / "champion.json").read_bytes()) == before
    click(dialog.cancel)
    panel = listed(qtbot, controller)
    assert panel.champion.problem.text.text().startswith("Line 1 of ")
    controller.window.messages.clear()  # what was said of the promotion
    assert "Line 1 of " in message(controller)
    assert used(controller) == "old-v1"  # its files are those that were promoted


def test_a_new_model_is_a_candidate_and_offers_to_be_compared_or_used(
    controller: Controller, qtbot: QtBot, workspace: Workspace, tmp_path: Path
) -> None:
    listed(qtbot, controller)
    promote(qtbot, controller, "old")
    wait_for(qtbot, lambda: used(controller) == "old-v1")
    package = write_model_package(tmp_path / "p", model_info(name="third"))
    with qtbot.waitSignal(controller.runs.model_added, timeout=30_000):
        controller.runs.imports.start(package)
    settled(qtbot, controller)
    bar = controller.window.messages
    assert "third-v1 is ready, a candidate. old-v1 stays in use." in message(controller)
    assert (bar.action.text(), bar.other_action.text()) == (
        "Compare with the champion",
        "Use it for viewing",
    )
    click(bar.other_action)
    wait_for(qtbot, lambda: used(controller) == "third-v1")
    assert not bar.other_action.isVisible()
    assert Champions(workspace).current().model == "old-v1"  # type: ignore[union-attr]


def test_the_offer_to_compare_leads_to_the_tab_and_says_what_is_missing(
    controller: Controller, qtbot: QtBot, workspace: Workspace, tmp_path: Path
) -> None:
    listed(qtbot, controller)
    promote(qtbot, controller, "old")
    controller.window.tabs.setCurrentIndex(0)
    package = write_model_package(tmp_path / "p", model_info(name="third"))
    with qtbot.waitSignal(controller.runs.model_added, timeout=30_000):
        controller.runs.imports.start(package)
    settled(qtbot, controller)
    click(controller.window.messages.action)
    assert controller.window.tabs.currentWidget() is controller.window.models_panel
    assert controller.window.models_panel.details.title.text().startswith("third-v1")
    assert "Open the folder with the test patients" in message(controller)


def test_a_dice_of_patients_that_a_model_was_trained_on_is_marked(
    controller: Controller, qtbot: QtBot, workspace: Workspace
) -> None:
    new, old = model(workspace, "new"), model(workspace, "old")
    write_evaluation(workspace.evaluations / "e", new, old, seen_by_champion=2)
    panel = listed(qtbot, controller)
    shown = {item.text(0): item.text(3) for item in rows(panel.models.list)}
    assert shown == {"new-v1": "0.700", "old-v1": "0.657*"}
    select(controller, "old")
    words = "Not comparable: it was trained on 2 of these test patients"
    assert words in panel.details.about.text()
    select(controller, "new")
    assert words not in panel.details.about.text()


def test_the_list_shows_models_with_their_figures(
    controller: Controller, qtbot: QtBot, workspace: Workspace
) -> None:
    write_evaluation(workspace.evaluations / "e", model(workspace, "new"), model(workspace, "old"))
    (workspace.models / "broken").mkdir()
    (workspace.models / "broken" / "model.json").write_text("{")
    panel = listed(qtbot, controller)
    shown = {item.text(0): texts(item)[2:] for item in rows(panel.models.list)}
    assert shown == {"new-v1": ["0.600", "0.700"], "old-v1": ["0.500", "0.657"], "broken": ["", ""]}
    select(controller, "new")
    assert "from old-v1" in panel.details.about.text()
    assert "Test Dice 0.700 (0.650 to 0.750), 3 patients" in panel.details.about.text()
    assert [texts(i)[1:] for i in rows(panel.details.list)] == [["old-v1", "0.700"]]
    table = panel.models.list
    table.setCurrentItem(next(i for i in rows(table) if i.text(0) == "broken"))
    assert panel.details.title.text() == "broken · cannot be used"
    assert not any(b.isVisible() for b in panel.details.buttons.values())


def test_an_empty_workspace_says_what_to_do(
    controller: Controller, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = listed(qtbot, controller)
    assert panel.models.empty.isVisible()
    assert not panel.models.list.isVisible()
    assert not panel.details.isVisible()
    package = write_model_package(tmp_path / "p", model_info(name="first"))
    file = str(package / "model.json")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (file, ""))
    click(panel.models.import_model)
    wait_for(qtbot, lambda: [item.text(0) for item in rows(panel.models.list)] == ["first-v1"])
    assert not panel.models.empty.isVisible()


@pytest.mark.parametrize("kind", ["fair", "unfair", "none", "first"])
def test_the_question_shows_what_is_known_of_both_models(
    controller: Controller, qtbot: QtBot, workspace: Workspace, kind: str
) -> None:
    if kind != "first":
        Champions(workspace).promote("old-v1", "Ann", "r")
    if kind in ("fair", "unfair"):
        reasons = ("new-v1 was trained on 1 of the test patients.",) if kind == "unfair" else ()
        both = model(workspace, "new"), model(workspace, "old")
        write_evaluation(workspace.evaluations / "e", *both, reasons=reasons)
        write_evaluation(
            workspace.evaluations / "f", *both, subset="all", created="2027-01-01T00:00:00Z"
        )
    listed(qtbot, controller)
    select(controller, "new")
    press(controller, "promote")
    dialog = asked(qtbot, controller)
    text = said(dialog)
    if kind in ("fair", "unfair"):
        assert "Test patients · 4 patients" in text
        assert "2 lesions lost, 1 gained; 1 new false lesion, 0 gone" in text
        assert "0.657" in text
    assert ("better" in text.split("\n")) == (kind == "fair")
    assert ("cannot be compared fairly. new-v1 was trained on 1" in text) == (kind == "unfair")
    assert ("new-v1 was not compared with old-v1 on test patients." in text) == (kind == "none")
    assert ("It was not evaluated on test patients." in text) == (kind == "first")
    with qtbot.waitSignal(controller.model_tab.champions.changed, timeout=30_000):
        fill_in(dialog, "r", "Ann")
    settled(qtbot, controller)
    entry = workspace.audit.verify().entries[-1]
    assert entry.details.get("evaluation", "") == ("e" if kind in ("fair", "unfair") else "")


def test_a_first_champion_is_asked_for_with_its_own_figures(
    controller: Controller, qtbot: QtBot, workspace: Workspace
) -> None:
    """Also where the newest evaluation of it was made to compare another one with it."""
    write_evaluation(workspace.evaluations / "e", model(workspace, "new"), model(workspace, "old"))
    listed(qtbot, controller)
    select(controller, "old")
    press(controller, "promote")
    text = said(asked(qtbot, controller))
    assert "0.657" in text
    assert "0.700" not in text
    assert "better" not in text.split("\n")
    click(asked(qtbot, controller).cancel)


def test_the_audit_trail_is_shown_with_its_verdict(
    controller: Controller, qtbot: QtBot, workspace: Workspace
) -> None:
    panel = listed(qtbot, controller)
    promote(qtbot, controller, "old")
    click(panel.audit)
    dialog = controller.model_tab.audit_dialog
    assert dialog is not None
    wait_for(qtbot, lambda: "the chain holds" in dialog.verdict.text.text())
    (row,) = rows(dialog.list)
    assert texts(row)[1:] == ["Dr. Wang", "Promoted", "old-v1", "better"]
    dialog.close()
    trail = workspace.audit.path
    trail.write_bytes(trail.read_bytes()[:-20])
    controller.window.actions_by_key["audit_trail"].trigger()
    again = controller.model_tab.audit_dialog
    assert again is not None
    wait_for(qtbot, lambda: again.verdict.text.text().startswith("Line 1 of "))
    again.close()


def test_the_card_of_a_model_is_shown_and_loads_nothing(
    controller: Controller, qtbot: QtBot, workspace: Workspace, tmp_path: Path
) -> None:
    listed(qtbot, controller)
    select(controller, "new")
    card = model(workspace, "new") / "card.md"
    picture = tmp_path / "secret.png"
    long = "- a line\n" * 200
    card.write_text(f"# A card\n\n<b>x</b> ![y]({picture.as_uri()}) [z](file:///etc)\n\n{long}")
    press(controller, "card")

    def view() -> QTextBrowser | None:
        return controller.window.findChild(QTextBrowser)

    wait_for(qtbot, lambda: view() is not None)
    browser = view()
    assert browser is not None
    assert "A card" in browser.toPlainText()
    assert "<b>x</b>" in browser.toPlainText()  # no HTML
    assert browser.openLinks() is False
    qtbot.wait(50)
    bar = browser.verticalScrollBar()
    assert bar.maximum() > 0 == bar.value()  # it is read from its beginning
    browser.window().close()
    card.unlink()
    press(controller, "card")
    wait_for(qtbot, lambda: "card.md" in message(controller))


def test_a_model_is_exported_into_a_folder_of_its_name(
    controller: Controller,
    qtbot: QtBot,
    workspace: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listed(qtbot, controller)
    select(controller, "new")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    press(controller, "export")
    wait_for(qtbot, lambda: "was exported into" in message(controller))
    exported = (tmp_path / "new-v1" / "model.onnx").read_bytes()
    assert exported.startswith((model(workspace, "new") / "model.onnx").read_bytes()[:64])
    press(controller, "export")
    wait_for(qtbot, lambda: "exists already and is not empty" in message(controller))

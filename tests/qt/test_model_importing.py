"""*Model > Import a model…*: what is asked for, what runs, and what is told."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from medseg_desktop.core.run_state import RunState, RunStatus
from medseg_desktop.core.specs import ImportSpec
from medseg_desktop.qt.controller import Controller
from medseg_desktop.qt.job_thread import JobThread
from tests.builders import threshold_network, write_model_package
from tests.fake_worker import fake_command
from tests.weight_files import hostile_files

WAIT_MS = 30_000
RUNS = "medseg_desktop.qt.sessions.runs.JobThread"
IMPORTING = "medseg_desktop.qt.model_importing"


def answers(monkeypatch: pytest.MonkeyPatch, file: Path, *texts: str | None) -> list[str]:
    """Answer the dialogs; returns what the text dialogs suggest."""
    suggested: list[str] = []
    given = iter(texts)

    def get_text(*words: object, text: str) -> tuple[str, bool]:
        suggested.append(text)
        answer = next(given)
        return answer or "", answer is not None

    monkeypatch.setattr(f"{IMPORTING}.QFileDialog.getOpenFileName", lambda *a: (str(file), ""))
    monkeypatch.setattr(f"{IMPORTING}.QInputDialog.getText", get_text)
    return suggested


def shown(controller: Controller) -> str:
    messages = controller.window.messages
    return messages.text.text() if messages.isVisible() else ""


def test_weights_become_a_model_of_the_workspace(
    controller: Controller, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = write_model_package(tmp_path / "made")  # as the child process would make it
    end = {"schema": 1, "seq": 0, "time": 0.0, "event": "finished",
           "result": {"model": str(package), "sha256": "5" * 64}}  # fmt: skip
    fake = [sys.executable, "-c", f"print({json.dumps(end)!r})"]
    specs = []

    def job(spec: ImportSpec, **options: object) -> JobThread:
        specs.append(spec)
        return JobThread(spec, command=fake, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(RUNS, job)
    file = tmp_path / "flair 2024" / "best_model" / "model.pdparams"
    suggested = answers(monkeypatch, file, " old ", "病灶, H")
    with qtbot.waitSignal(controller.runs.model_added, timeout=WAIT_MS) as added:
        controller.window.actions_by_key["import_model"].trigger()
    assert suggested == ["flair 2024", "H"]
    (spec,) = specs
    assert (spec.file, spec.name) == (str(file), "old")
    assert spec.labels is not None
    assert spec.labels.names == ("_background_", "病灶", "H")
    assert added.args[0].title == "old-v1"
    (entry,) = controller.workspace.audit.verify().entries
    assert entry.details == {"model": "old-v1", "source_sha256": "5" * 64}


def test_a_network_that_cannot_be_run_does_not_come_in(
    controller: Controller, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = threshold_network((32, 40), (128,))
    network.graph.node[0].input[1] = "missing"
    package = write_model_package(tmp_path / "made", network=network)
    answers(monkeypatch, package / "model.json", "x")
    with qtbot.waitSignal(controller.runs.failed, timeout=WAIT_MS):
        controller.window.actions_by_key["import_model"].trigger()
    assert "does not load" in shown(controller)
    assert controller.workspace.model_entries() == ()


def test_a_hostile_file_is_told_in_a_sentence_and_runs_nothing(
    controller: Controller, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "x.pdparams"
    file.write_bytes(hostile_files(tmp_path / "canary")["GLOBAL"])
    answers(monkeypatch, file, "x", "")
    with qtbot.waitSignal(controller.runs.failed, timeout=WAIT_MS):
        controller.window.actions_by_key["import_model"].trigger()
    assert "asks for builtins.eval" in shown(controller)
    assert not (tmp_path / "canary").exists()
    assert not controller.workspace.models.exists()
    qtbot.waitUntil(lambda: controller.runs.is_idle, timeout=WAIT_MS)


def test_the_status_line_tells_and_stops_an_import(
    controller: Controller, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RUNS, partial(JobThread, command=fake_command("until_stopped")))
    states: list[RunState] = []
    controller.runs.import_changed.connect(states.append)
    controller.runs.import_model(tmp_path / "x.pdparams", "x")
    window = controller.window
    qtbot.waitUntil(lambda: "Importing the model" in window.progress_text.text(), timeout=WAIT_MS)
    window.cancel_requested.emit()
    qtbot.waitUntil(lambda: controller.runs.is_idle, timeout=WAIT_MS)
    assert states[-1].status is RunStatus.CANCELLED
    assert window.progress_text.text() == ""
    assert shown(controller) == ""


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ((None,), ""),
        (("x", None), ""),
        (("a/b", "H"), "no name for a model"),
        (("x", "H, h"), "There is a label H already"),
    ],
)
def test_nothing_is_begun_where_something_is_missing(
    controller: Controller,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    texts: tuple[str | None, ...],
    words: str,
) -> None:
    answers(monkeypatch, tmp_path / "x.pdparams", *texts)
    controller.window.actions_by_key["import_model"].trigger()
    assert controller.runs.is_idle
    assert words in shown(controller)
    assert bool(shown(controller)) == bool(words)

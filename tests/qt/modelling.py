"""What the tests of the tab Models share: a workspace with models, and a study to evaluate on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QTreeWidget, QTreeWidgetItem
from pytestqt.qtbot import QtBot

from medseg_desktop.core.specs import EvaluateSpec
from medseg_desktop.core.split import SetName
from medseg_desktop.io.workspace import Workspace
from medseg_desktop.qt.controller import Controller
from medseg_desktop.qt.job_thread import JobThread
from medseg_desktop.qt.panels.models.panel import ModelsPanel
from tests.builders import model_info, write_model_package, write_study
from tests.fake_worker import fake_command
from tests.qt.viewing import WAIT_MS, opened

PATIENTS = ("A", "B")
_FAKE = Path(__file__).parents[1] / "fake_evaluation.py"


def write_models(workspace: Workspace, names: Sequence[str] = ("old", "new")) -> None:
    """Models of different networks, each trained from the one before."""
    for i, name in enumerate(names):
        info = msgspec.structs.replace(
            model_info(name=name),
            metrics={"mean_patient_dice": 0.5 + i / 10},
            parent=f"{names[i - 1]}-v1" if i else "starter",
        )
        write_model_package(workspace.models / f"{name}-v1", info, thresholds=(100.5 + i,))


def model(workspace: Workspace, name: str) -> Path:
    """The folder of a model."""
    return workspace.models / f"{name}-v1"


def listed(qtbot: QtBot, controller: Controller) -> ModelsPanel:
    """The tab is in front and up to date."""
    with qtbot.waitSignal(controller.runs.models_changed, timeout=WAIT_MS):
        controller.runs.refresh()
    panel = controller.window.models_panel
    controller.window.tabs.setCurrentWidget(panel)
    settled(qtbot, controller)
    return panel


def settled(qtbot: QtBot, controller: Controller) -> None:
    """What was submitted to the background of the session is done."""
    done: list[None] = []
    controller.runs._background.submit(lambda: None, done.append)
    qtbot.waitUntil(lambda: bool(done), timeout=WAIT_MS)


def select(controller: Controller, name: str) -> None:
    """Select a model with the mouse."""
    table = controller.window.models_panel.models.list
    for item in rows(table):
        if item.text(0) == f"{name}-v1":
            table.scrollToItem(item)
            place = table.visualItemRect(item).center()
            QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
            return
    raise AssertionError(f"{name} is not in the list")


def rows(table: QTreeWidget) -> list[QTreeWidgetItem]:
    """The rows of a table."""
    found = [table.topLevelItem(i) for i in range(table.topLevelItemCount())]
    return [item for item in found if item is not None]


def texts(item: QTreeWidgetItem) -> list[str]:
    """All columns of a row."""
    return [item.text(i) for i in range(item.columnCount())]


def click(button: QAbstractButton) -> None:
    """Press a button that can be seen and pressed."""
    assert button.isVisible(), button.text()
    assert button.isEnabled(), f"{button.text()}: {button.toolTip()}"
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def press(controller: Controller, key: str) -> None:
    """Press a button of the selected model."""
    click(controller.window.models_panel.details.buttons[key])


def opened_study(
    qtbot: QtBot,
    controller: Controller,
    tmp_path: Path,
    sets: Sequence[SetName] = ("test", "train"),
) -> Path:
    """Two reviewed patients, in these sets of the workspace's split."""
    folder = write_study(tmp_path / "study", PATIENTS, slices=2)
    opened(qtbot, controller, folder)
    workspace = controller.workspace
    workspace.freeze(dict(zip(patient_hashes(controller), sets, strict=False)))
    listed(qtbot, controller)
    return folder


def patient_hashes(controller: Controller) -> list[str]:
    """Of the open folder."""
    assert controller.study.found is not None
    return list(dict.fromkeys(s.patient.hash for s in controller.study.found.series))


def series_uids(controller: Controller) -> list[str]:
    """Of the open folder."""
    assert controller.study.found is not None
    return [s.uid for s in controller.study.found.series]


def evaluate_with(
    monkeypatch: pytest.MonkeyPatch, made: Path | None, *, keeps: bool = True, mode: str = ""
) -> list[EvaluateSpec]:
    """Evaluations bring this outcome, or play a part of `fake_worker`; what was asked for."""
    asked: list[EvaluateSpec] = []

    def fake(spec: EvaluateSpec, **options: Any) -> JobThread:
        asked.append(spec)
        command = [sys.executable, str(_FAKE), str(made)]
        command += [spec.out] if keeps else []
        return JobThread(spec, command=fake_command(mode) if mode else command, **options)

    monkeypatch.setattr("medseg_desktop.qt.sessions.jobs.JobThread", fake)
    return asked


def wait_for(qtbot: QtBot, what: Callable[[], bool]) -> None:
    """Until it is so."""
    qtbot.waitUntil(what, timeout=WAIT_MS)

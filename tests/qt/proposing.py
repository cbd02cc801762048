"""What the tests of proposals share: a study with two lesions a slice, and a model that finds
exactly these."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from medseg_desktop.core.annotation import Shape
from medseg_desktop.qt.controller import Controller
from tests.builders import lesion_slice, model_info, uid, write_dicom, write_model_package
from tests.qt.viewing import WAIT_MS, opened, shown, view

SIZE = (32, 40)
#: (row, column) of a pixel in each of the two lesions of a slice.
FIRST, SECOND = (12, 15), (24, 30)


def write_lesions(
    folder: Path, patients: Sequence[str] = ("A",), slices: int = 3, *, seed: int = 0
) -> Path:
    """One folder a patient; nothing is annotated."""
    for k, patient in enumerate(patients):
        for i in range(slices):
            pixels = lesion_slice(SIZE, seed=seed + 100 * k + i)
            pixels[22:28, 26:36] = 4000
            write_dicom(
                folder / patient / f"IM{i:04d}.dcm",
                pixels,
                patient=patient,
                number=i,
                position_mm=(0.0, 0.0, 5.0 * i),
                sop_uid=uid(patient, i),
            )
    return folder


def write_film(path: Path, frames: int = 4, patient: str = "F") -> Path:
    """The same as one file of several frames."""
    film = np.stack([lesion_slice(SIZE, seed=i) for i in range(frames)])
    film[:, 22:28, 26:36] = 4000
    return write_dicom(path, film, patient=patient, position_mm=None)


def use_model(
    qtbot: QtBot,
    controller: Controller,
    folder: Path,
    name: str = "tiny",
    labels: Sequence[str] = ("H",),
    threshold: float = 128.5,
) -> Path:
    """A model is in use, which is made where there is none yet; returns its package."""
    package = folder / name
    if not package.exists():
        info = model_info(labels=labels, name=name)
        write_model_package(package, info, thresholds=(threshold,))
    controller.runs.choose_model(package)
    qtbot.waitUntil(
        lambda: (
            controller.runs.predictor is not None and controller.runs.predictor.info.name == name
        ),
        timeout=WAIT_MS,
    )
    return package


def wait_for_proposals(qtbot: QtBot, controller: Controller, slices: int) -> None:
    """Until so many slices of the series on screen have open proposals."""
    qtbot.waitUntil(
        lambda: len(controller.annotations.proposed(view(controller).series)) == slices,
        timeout=WAIT_MS,
    )


def proposing(
    qtbot: QtBot, controller: Controller, tmp_path: Path, patients: Sequence[str] = ("A",)
) -> Path:
    """Three slices a patient with two proposals each, the middle one on screen; the folder."""
    folder = write_lesions(tmp_path / "s", patients)
    opened(qtbot, controller, folder)
    use_model(qtbot, controller, tmp_path / "models")
    controller.window.actions_by_key["predict"].trigger()
    wait_for_proposals(qtbot, controller, 3)
    return folder


def offered(controller: Controller) -> tuple[Shape, ...]:
    """The open proposals of the slice on screen."""
    return controller.annotations.open_proposals(view(controller).slice)


def own(controller: Controller) -> tuple[Shape, ...]:
    """The shapes of the slice on screen."""
    return controller.annotations.shapes(view(controller).slice)


def trigger(controller: Controller, *keys: str) -> None:
    """Carry out actions."""
    for key in keys:
        action = controller.window.actions_by_key[key]
        assert action.isEnabled(), key
        action.trigger()


def press(
    qtbot: QtBot,
    focus: QWidget,
    key: Qt.Key,
    modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
) -> None:
    """A key while this widget has the focus."""
    focus.window().activateWindow()
    focus.setFocus()
    qtbot.waitUntil(focus.hasFocus, timeout=WAIT_MS)
    QTest.keyClick(focus, key, modifiers)


def saved(qtbot: QtBot, controller: Controller) -> None:
    """Save, and wait until everything is."""
    controller.saving.save()
    qtbot.waitUntil(lambda: not controller.saving.unsaved, timeout=WAIT_MS)


def saved_shapes(path: Path, frame: int = 0) -> list[dict[str, Any]]:
    """The shapes that a JSON file lists of a frame."""
    document = json.loads(path.read_text(encoding="utf-8"))
    return next((f["shapes"] for f in document["frames"] if f["frame"] == frame), [])


def reopened(qtbot: QtBot, controller: Controller, folder: Path) -> None:
    """The same folder, read again."""
    opened(qtbot, controller, folder)
    shown(qtbot, controller)

"""What the tests of the tools share: a study without shapes, and what is drawn on it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from medseg_desktop.core.annotation import Point, Shape
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.shapes.edit import shape_pixels
from medseg_desktop.core.shapes.history import Place
from medseg_desktop.core.shapes.provenance import Provenance
from medseg_desktop.qt.controller import Controller
from medseg_desktop.qt.tools.tool import ToolName
from tests.builders import lesion_slice, uid, write_dicom
from tests.mouse import Pen
from tests.qt.viewing import key, opened, shown, view

SHIFT = Qt.KeyboardModifier.ShiftModifier
CTRL = Qt.KeyboardModifier.ControlModifier
ALT = Qt.KeyboardModifier.AltModifier
RIGHT, MIDDLE = Qt.MouseButton.RightButton, Qt.MouseButton.MiddleButton
LABELS = LabelTable.from_names(["H", "edema"])
SQUARE = ((20.0, 20.0), (32.0, 20.0), (32.0, 32.0), (20.0, 32.0))
FAR_SQUARE = ((44.0, 20.0), (56.0, 20.0), (56.0, 32.0), (44.0, 32.0))


def write_slices(
    folder: Path,
    slices: int = 3,
    size: tuple[int, int] = (64, 80),
    spacing_mm: tuple[float, float] = (1.0, 1.0),
    series: str = "",
) -> Path:
    """A series of one patient with nothing drawn on it; returns the folder."""
    for i in range(slices):
        write_dicom(
            folder / f"A{series}" / f"IM{i:04d}.dcm",
            lesion_slice(size, seed=i),
            patient="A",
            series=series,
            number=i,
            position_mm=(0.0, 0.0, 5.0 * i),
            spacing_mm=spacing_mm,
            sop_uid=uid("A", series, i),
        )
    return folder


def desk(
    qtbot: QtBot, controller: Controller, folder: Path, tool: ToolName | None = ToolName.EDIT
) -> Pen:
    """Open a folder with the labels H and edema at its first slice, take a tool and the mouse."""
    controller.annotations.show_labels(LABELS)
    opened(qtbot, controller, folder)
    go(qtbot, controller, 0)
    controller.window.activateWindow()
    controller.drawing.set_tool(tool)
    return Pen(controller.window.slice_view)


def shapes(controller: Controller) -> tuple[Shape, ...]:
    """The shapes of the slice on screen."""
    return controller.annotations.shapes(view(controller).slice)


def put(controller: Controller, *made: Shape | Sequence[Point]) -> None:
    """Put shapes on the slice on screen; points are a polygon of the label H."""
    now = view(controller)
    new = tuple(s if isinstance(s, Shape) else Shape("H", tuple(s)) for s in made)
    controller.annotations.edit(Place(now.series, now.index), "put", lambda old: (*old, *new))


def pixels(controller: Controller, label: str = "H") -> npt.NDArray[np.bool_]:
    """What the shapes of a label fill on the slice on screen, (rows, columns)."""
    series = view(controller).series
    total = np.zeros((series.rows, series.columns), np.bool_)
    for shape in shapes(controller):
        if shape.label == label:
            total |= shape_pixels(shape, series.rows, series.columns)
    return total


def go(qtbot: QtBot, controller: Controller, index: int) -> None:
    """To another slice, and wait until it is on screen."""
    controller.study.set_slice(index)
    shown(qtbot, controller)


def undo(controller: Controller) -> None:
    key(controller, Qt.Key.Key_Z, CTRL)


def is_manual(shape: Shape) -> bool:
    """Drawn by a person, and signed."""
    return not Provenance.of(shape).model and bool(Provenance.of(shape).time)


def message(controller: Controller) -> str:
    """What the bar above the slice says."""
    return controller.window.messages.text.text()

"""The lesions of the series on screen, with their volumes and diameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPoint, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QAbstractItemView, QMenu, QWidget

from medseg_desktop.core.lesions import Lesion
from medseg_desktop.core.measures import Diameter
from medseg_desktop.qt.panels.controls import Section, column, label
from medseg_desktop.qt.panels.measure_text import (
    diameters_text,
    intensity_text,
    length_text,
    size_text,
)
from medseg_desktop.qt.panels.row_model import Column, Field
from medseg_desktop.qt.panels.row_table import RowTable
from medseg_desktop.qt.theme.icons import set_icon

_HEIGHTS = (1, 6)


@dataclass(frozen=True, slots=True)
class LesionRow:
    """One lesion, the name and colour (`#rrggbb`) of its label.

    Attributes:
        place: the slice of its diameters as the window names it, for example "Slice 17".
    """

    lesion: Lesion
    label: str
    colour: str
    place: str = ""


class LesionsPanel(QWidget):
    """A list of lesions, largest first, and their total.

    Signals:
        lesion_activated(int): the number of a lesion, by a click or Enter.
    """

    lesion_activated = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._units = (True, True)
        self._total = ""
        self.table = RowTable(
            self._columns(), self._fields(), lambda entry: entry.lesion.number, _HEIGHTS
        )
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setAccessibleName(self.tr("Lesions of the series"))
        self.total = label("", "muted")
        self.copy_action = QAction(self.tr("Copy the table"), self)
        self.copy_action.setShortcut(QKeySequence.StandardKey.Copy)
        self.copy_action.setShortcutVisibleInContextMenu(True)
        set_icon(self.copy_action, "copy", "muted")
        self.menu = QMenu(self)
        self.menu.addAction(self.copy_action)
        self.section = Section(self.tr("Lesions of the series"))
        # In the heading it is seen while the list is folded, and nothing moves when it changes.
        self.section.head.addWidget(self.total)
        column(self).addWidget(self.section)
        self.section.body.addWidget(self.table)
        self.copy_action.triggered.connect(self.table.copy_table)
        self.table.menu_requested.connect(self._show_menu)
        self.table.key_clicked.connect(self.lesion_activated)
        self.table.key_activated.connect(self.lesion_activated)
        self.set_lesions((), None)

    # Setters -------------------------------------------------------------------------------------

    def set_lesions(self, lesions: Sequence[LesionRow], total_ml: float | None) -> None:
        """Replaces the list; emits nothing.  The marked lesion stays while there are as many.

        Args:
            total_ml: volume of all lesions; None where it is unknown, then voxels are shown.
        """
        self._tell_units(lesions)
        self.table.set_rows(lesions)
        self.table.set_empty_text(self.tr("No lesion in this series."))
        self._total = self._total_text(lesions, total_ml)
        self._show_total(self._total)

    def set_busy(self, text: str) -> None:
        """Says that the lesions are being computed; empty: no longer.

        What is listed stays until `set_lesions`, so that nothing flickers after every edit.
        """
        if text:
            self.table.set_empty_text(text)
            self._show_total(text if self.table.keys else "")
        else:
            self.table.set_empty_text(self.tr("No lesion in this series."))
            self._show_total(self._total)

    def set_problem(self, text: str) -> None:
        """Says why no lesions can be listed, in their place."""
        self.set_lesions((), None)
        self.table.set_empty_text(text)

    def select(self, number: int | None) -> None:
        """Marks a lesion, or none; emits nothing."""
        self.table.select(() if number is None else (number,))

    # Inside --------------------------------------------------------------------------------------

    def _tell_units(self, lesions: Sequence[LesionRow]) -> None:
        """Millilitres and millimetres, or voxels and pixels where sizes are unknown."""
        in_ml = all(entry.lesion.volume_ml is not None for entry in lesions)
        in_mm = all(entry.lesion.longest.length_mm is not None for entry in lesions)
        if lesions and (in_ml, in_mm) != self._units:
            self._units = (in_ml, in_mm)
            self.table.set_columns(self._columns(), self._fields())

    def _columns(self) -> list[Column]:
        in_ml, in_mm = self._units
        pixels = self.tr("Longest and perpendicular diameter in pixels")
        return [
            Column("#", lambda entry: f"{entry.lesion.number}", number=True, muted=True),
            Column(
                self.tr("Label"),
                lambda entry: entry.label,
                dot=lambda entry: entry.colour,
                tooltip=self._tooltip,
                stretches=True,
            ),
            Column(
                self.tr("ml") if in_ml else self.tr("voxels"),
                lambda entry: size_text(entry.lesion.voxels, entry.lesion.volume_ml),
                tip=self.tr("Volume in millilitres") if in_ml else self.tr("Number of voxels"),
                tooltip=self._tooltip,
                number=True,
            ),
            Column(
                self.tr("Ø mm") if in_mm else self.tr("Ø px"),
                lambda entry: diameters_text(entry.lesion.longest, entry.lesion.perpendicular),
                tip=self.tr("Longest and perpendicular diameter in millimetres")
                if in_mm
                else pixels,
                tooltip=self._tooltip,
                number=True,
            ),
            Column(
                self.tr("Slices"),
                lambda entry: f"{len(entry.lesion.slices)}",
                tip=self.tr("Number of slices"),
                tooltip=self._tooltip,
                number=True,
                muted=True,
                optional=True,
            ),
            Column(
                self.tr("Mean"),
                lambda entry: intensity_text(entry.lesion.mean_intensity),
                tip=self.tr("Mean intensity"),
                tooltip=self._tooltip,
                number=True,
                muted=True,
                optional=True,
            ),
        ]

    def _fields(self) -> list[Field]:
        unit = self.tr("mm") if self._units[1] else self.tr("px")
        longest = self.tr("Longest diameter ({unit})").format(unit=unit)
        perpendicular = self.tr("Perpendicular diameter ({unit})").format(unit=unit)

        def volume(entry: LesionRow) -> str:
            volume_ml = entry.lesion.volume_ml
            return "" if volume_ml is None else f"{volume_ml:.4f}"

        def mean(entry: LesionRow) -> str:
            intensity = entry.lesion.mean_intensity
            return "" if intensity is None else f"{intensity:.2f}"

        return [
            Field(self.tr("Lesion"), lambda entry: str(entry.lesion.number)),
            Field(self.tr("Label"), lambda entry: entry.label),
            Field(self.tr("Volume (ml)"), volume),
            Field(self.tr("Voxels"), lambda entry: str(entry.lesion.voxels)),
            Field(longest, lambda entry: _plain(entry.lesion.longest)),
            Field(perpendicular, lambda entry: _plain(entry.lesion.perpendicular)),
            Field(self.tr("Slices"), lambda entry: str(len(entry.lesion.slices))),
            Field(self.tr("Mean intensity"), mean),
            Field(self.tr("Where"), lambda entry: entry.place),
        ]

    def _tooltip(self, entry: LesionRow) -> str:
        lesion = entry.lesion
        unit = self.tr("mm") if self._units[1] else self.tr("px")
        lines = [
            f"#{lesion.number} · {entry.label}",
            self.tr("{n} voxels").format(n=f"{lesion.voxels:,}"),
            self.tr("Longest diameter {n} {unit}").format(n=length_text(lesion.longest), unit=unit),
            self.tr("Perpendicular diameter {n} {unit}").format(
                n=length_text(lesion.perpendicular), unit=unit
            ),
        ]
        if lesion.volume_ml is not None:
            volume = size_text(lesion.voxels, lesion.volume_ml)
            lines[1] = self.tr("{n} ml").format(n=volume) + " · " + lines[1]
        if lesion.mean_intensity is not None:
            mean = intensity_text(lesion.mean_intensity)
            lines.append(self.tr("Mean intensity {n}").format(n=mean))
        return "\n".join([*lines, entry.place] if entry.place else lines)

    def _total_text(self, lesions: Sequence[LesionRow], total_ml: float | None) -> str:
        if not lesions:
            return ""
        count = len(lesions)
        text = self.tr("1 lesion") if count == 1 else self.tr("{n} lesions").format(n=count)
        voxels = sum(entry.lesion.voxels for entry in lesions)
        unit = self.tr("{n} voxels") if total_ml is None else self.tr("{n} ml")
        return text + " · " + unit.format(n=size_text(voxels, total_ml))

    def _show_total(self, text: str) -> None:
        self.total.setText(text)

    def _show_menu(self, place: QPoint) -> None:
        self.copy_action.setEnabled(bool(self.table.keys))
        self.menu.popup(place)


def _plain(diameter: Diameter) -> str:
    length = diameter.length_px if diameter.length_mm is None else diameter.length_mm
    return f"{length:.2f}"

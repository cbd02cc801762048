"""One of the two plots of a run: which measure, which lines, what they are called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QWidget

from medseg_desktop.core.curves import Chart, CurveKey, RunCurves, Smoothed
from medseg_desktop.qt.panels.controls import column, label, row
from medseg_desktop.qt.panels.training_chart import Chart as Plot
from medseg_desktop.qt.panels.training_chart import Values
from medseg_desktop.qt.panels.training_groups import MAIN, Group, groups_of
from medseg_desktop.qt.panels.training_legend import CurveLegend, LegendEntry
from medseg_desktop.qt.theme.tokens import CONTROL_HEIGHT, SPACE_XS

_BEST = "best"


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """Another run drawn beside the one that is shown."""

    key: str
    title: str
    curves: RunCurves


class PlotPane(QWidget):
    """A plot of one of several measures, with its legend.

    Signals:
        changed(): other lines are to be drawn.
    """

    changed = Signal()

    def __init__(self, choices: Sequence[tuple[Chart, str]], height: int, caption: str) -> None:
        """`caption`: of the horizontal axis; empty where another plot below has one."""
        super().__init__()
        self.choice = QComboBox()
        self.choice.setFixedHeight(CONTROL_HEIGHT)
        self.choice.setAccessibleName(self.tr("What the plot shows"))
        for key, text in choices:
            self.choice.addItem(text, key)
        self.plot = Plot(height)
        self.legend = CurveLegend()
        self.head = row()
        self.head.addWidget(self.choice)
        self.head.addStretch(1)
        layout = column(self, 0, SPACE_XS)
        layout.addLayout(self.head)
        layout.addWidget(self.plot, 1)
        if caption:
            layout.addWidget(label(caption, "muted"), 0, Qt.AlignmentFlag.AlignRight)
        layout.addWidget(self.legend)
        self._wanted: dict[tuple[Chart, str], bool] = {}
        self._smoothed: dict[tuple[str, CurveKey], Smoothed] = {}
        self._smoothing = 0.0
        self._groups: list[Group] = []
        self._curves = RunCurves()
        self._compared: tuple[ComparedRun, ...] = ()
        self.choice.activated.connect(self._on_choice)
        self.legend.toggled.connect(self._on_toggled)

    @property
    def measure(self) -> Chart:
        """What is plotted now."""
        measure: Chart = self.choice.currentData()
        return measure

    def forget(self) -> None:
        """Another run comes: nothing of the one before is drawn or remembered but choices."""
        self._smoothed.clear()
        self.plot.remove_lines()

    def set_smoothing(self, weight: float) -> None:
        """How smooth the loss is drawn, 0..1."""
        self._smoothing = weight
        self._smoothed.clear()

    def draw(
        self, curves: RunCurves, compared: Sequence[ComparedRun], best: tuple[float, float] | None
    ) -> None:
        """Draw what is wanted of the curves; `best` is the point to mark, (iteration, Dice)."""
        self._curves, self._compared = curves, tuple(compared)
        chart = self.measure
        self._groups = groups_of(chart, curves)
        self.legend.set_entries(self._entries())
        drawn: set[object] = set()
        for position, group in enumerate(self._groups):
            if self._is_wanted(group.name, group.shown):
                for key in group.keys:
                    drawn |= self._draw_curve(curves, "", key, position, group.is_thin)
        for position, run in enumerate(self._compared, start=len(self._groups)):
            if self._is_wanted(run.key, True):
                drawn |= self._draw_curve(run.curves, run.key, MAIN[chart], position)
        if chart == "dice" and best is not None and self._is_wanted("mean", True):
            x, y = (np.array([value]) for value in best)
            self.plot.set_line(_BEST, x, y, -1, symbol=11)
            drawn.add(_BEST)
        self.plot.remove_lines(keep=drawn)

    def show_values(self, x: float | None) -> None:
        """Values at an iteration beside the names; None for the latest, smoothed."""
        for group in self._groups:
            if len(group.keys) == 1:
                self.legend.set_value(group.name, self._value("", self._curves, group.keys[0], x))
        for run in self._compared:
            value = self._value(run.key, run.curves, MAIN[self.measure], x)
            self.legend.set_value(run.key, value)

    def _value(self, run: str, curves: RunCurves, key: CurveKey, x: float | None) -> float | None:
        curve = curves.curve(key)
        if x is not None:
            return curve.at(x)
        values = self._values(run, curves, key)
        found = values[~np.isnan(values)] if len(values) and np.isnan(values[-1]) else values
        return float(found[-1]) if len(found) else None

    def _values(self, run: str, curves: RunCurves, key: CurveKey) -> Values:
        """As it is drawn: the loss smoothed, everything else as it is."""
        curve = curves.curve(key)
        if key.chart != "loss" or self._smoothing <= 0:
            return curve.y
        kept = self._smoothed.setdefault((run, key), Smoothed(self._smoothing))
        return kept.of(curve)

    def _draw_curve(
        self, curves: RunCurves, run: str, key: CurveKey, colour: int, thin: bool = False
    ) -> set[object]:
        curve = curves.curve(key)
        if not curve.n:
            return set()
        names: set[object] = {(run, key)}
        is_loss, dashed = key.chart == "loss" and self._smoothing > 0, bool(run)
        if is_loss and not run and key.kind == "total":
            raw = (run, key, "raw")
            self.plot.set_line(raw, curve.x, curve.y, colour, width=1, opacity=80)
            names.add(raw)
        dots = 0 if run or thin or key.chart in ("loss", "rate") else 5
        values = self._values(run, curves, key)
        self.plot.set_line(
            (run, key), curve.x, values, colour,
            width=1.0 if thin else 2.0, dashed=dashed, symbol=dots, opacity=150 if thin else 255,
        )  # fmt: skip
        return names

    def _entries(self) -> list[LegendEntry]:
        entries = [
            LegendEntry(
                g.name,
                g.text,
                position,
                self._is_wanted(g.name, g.shown),
                has_value=len(g.keys) == 1,
            )
            for position, g in enumerate(self._groups)
        ]
        others = enumerate(self._compared, start=len(self._groups))
        return entries + [
            LegendEntry(run.key, run.title, position, self._is_wanted(run.key, True), dashed=True)
            for position, run in others
        ]

    def _is_wanted(self, name: str, at_first: bool) -> bool:
        return self._wanted.get((self.measure, name), at_first)

    def _on_toggled(self, name: str, on: bool) -> None:
        self._wanted[(self.measure, name)] = on
        self.changed.emit()

    def _on_choice(self) -> None:
        self.plot.remove_lines()
        self.changed.emit()

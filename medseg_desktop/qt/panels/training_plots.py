"""Loss and Dice over the iterations, one below the other with a common axis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QColor, QFont
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget

from medseg_desktop.core.events import Evaluation, Step
from medseg_desktop.core.labels import BACKGROUND
from medseg_desktop.core.run_state import RunState
from medseg_desktop.qt.panels.controls import column, label, row
from medseg_desktop.qt.theme.state import current_tokens
from medseg_desktop.qt.theme.tokens import Tokens

_AXIS_WIDTH = 36
_SMOOTHING = 0.15
_LABEL_COLOURS = ("only_mine", "only_model", "good", "bad")


class Curve:
    """Points that only ever grow at the end, with a smoothed copy beside them."""

    def __init__(self) -> None:
        self.n = 0
        self._data: npt.NDArray[np.float64] = np.empty((3, 256))
        self._average = 0.0

    def append(self, x: float, y: float) -> None:
        """One more point; the smoothed value is a bias-free running mean."""
        if self.n == self._data.shape[1]:
            self._data = np.concatenate([self._data, np.empty_like(self._data)], axis=1)
        self._average += _SMOOTHING * (y - self._average)
        weight = 1 - (1 - _SMOOTHING) ** (self.n + 1)
        self._data[:, self.n] = x, y, self._average / weight
        self.n += 1

    @property
    def x(self) -> npt.NDArray[np.float64]:
        """(n,) iterations."""
        return self._data[0, : self.n]

    @property
    def y(self) -> npt.NDArray[np.float64]:
        """(n,) values."""
        return self._data[1, : self.n]

    @property
    def smooth(self) -> npt.NDArray[np.float64]:
        """(n,) smoothed values."""
        return self._data[2, : self.n]


class RunPlots(QWidget):
    """Two plots fed with a `RunState`; only new points are taken from it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.loss_plot = _plot(110)
        self.dice_plot = _plot(150)
        self.dice_plot.setXLink(self.loss_plot)
        self.loss_plot.getAxis("bottom").setStyle(showValues=False)
        self.dice_plot.setYRange(0, 1, padding=0.02)
        self.loss_value = label("", "muted")
        self.dice_value = label("", "muted")
        layout = column(self, 0, 4)
        layout.addLayout(_head(self.tr("Loss"), self.loss_value))
        layout.addWidget(self.loss_plot, 2)
        layout.addSpacing(4)
        layout.addLayout(_head(self.tr("Dice of validation patients"), self.dice_value))
        layout.addWidget(self.dice_plot, 3)
        caption = label(self.tr("Iteration"), "muted")
        caption.setAlignment(Qt.AlignmentFlag.AlignRight)
        layout.addWidget(caption)
        self._loss_line = self.loss_plot.plot()
        self._smooth_line = self.loss_plot.plot()
        self._dice_line = self.dice_plot.plot(symbol="o", symbolSize=5)
        self._best = self.dice_plot.plot(symbol="o", symbolSize=11)
        self._label_lines: dict[str, pg.PlotDataItem] = {}
        self.loss = Curve()
        self.dice = Curve()
        self._labels: dict[str, Curve] = {}
        self._evaluations = 0
        self._iterations = -1
        self._first_step: Step | None = None
        self._first_evaluation: Evaluation | None = None
        self._reset()
        self._restyle()

    def show_run(self, run: RunState, iterations: int) -> None:
        """Draws the curves of `run`; the axis reaches to `iterations` (0 = unknown)."""
        if not self._continues(run):
            self._reset()
        new_steps = run.steps[self.loss.n :]
        new_evaluations = run.evaluations[self._evaluations :]
        if iterations != self._iterations:
            self._iterations = iterations
            self._scale_x()
        if new_steps:
            self._first_step = run.steps[0]
            self._add_steps(new_steps)
        if new_evaluations:
            self._first_evaluation = run.evaluations[0]
            self._add_evaluations(new_evaluations)
            self._mark_best(run.best)

    def _continues(self, run: RunState) -> bool:
        """The run holds what is drawn, and maybe more."""
        if len(run.steps) < self.loss.n or len(run.evaluations) < self._evaluations:
            return False
        same_steps = self.loss.n == 0 or run.steps[0] == self._first_step
        same = self._evaluations == 0 or run.evaluations[0] == self._first_evaluation
        return same_steps and same

    def _reset(self) -> None:
        self.loss = Curve()
        self.dice = Curve()
        self._labels = {}
        self._evaluations = 0
        self._iterations = -1
        self._first_step = self._first_evaluation = None
        for line in (self._loss_line, self._smooth_line, self._dice_line, self._best):
            line.setData([], [])
        for line in self._label_lines.values():
            self.dice_plot.removeItem(line)
        self._label_lines = {}
        self.loss_value.setText("–")  # noqa: RUF001
        self.dice_value.setText("–")  # noqa: RUF001

    def _add_steps(self, steps: Sequence[Step]) -> None:
        for step in steps:
            self.loss.append(step.iteration, step.loss)
        self._loss_line.setData(self.loss.x, self.loss.y)
        self._smooth_line.setData(self.loss.x, self.loss.smooth)
        self.loss_value.setText(f"{self.loss.smooth[-1]:.3f}")
        self._scale_x()

    def _add_evaluations(self, evaluations: Sequence[Evaluation]) -> None:
        for evaluation in evaluations:
            self._evaluations += 1
            if evaluation.mean_dice is not None:
                self.dice.append(evaluation.iteration, evaluation.mean_dice)
            for name, dice in evaluation.dice.items():
                if name != BACKGROUND and dice is not None:
                    self._labels.setdefault(name, Curve()).append(evaluation.iteration, dice)
        self._dice_line.setData(self.dice.x, self.dice.y)
        if self.dice.n:
            self.dice_value.setText(f"{self.dice.y[-1]:.3f}")
        if len(self._labels) > 1:
            self._draw_labels()
        self._scale_x()

    def _draw_labels(self) -> None:
        for position, (name, curve) in enumerate(self._labels.items()):
            line = self._label_lines.get(name)
            if line is None:
                line = self._label_lines[name] = self.dice_plot.plot(name=name)
                self._style_label(line, position)
            line.setData(curve.x, curve.y)

    def _mark_best(self, best: Evaluation | None) -> None:
        if best is not None and best.mean_dice is not None:
            self._best.setData([best.iteration], [best.mean_dice])

    def _scale_x(self) -> None:
        last = max(
            self.loss.x[-1] if self.loss.n else 0,
            self.dice.x[-1] if self.dice.n else 0,
            self._iterations,
            1,
        )
        self.loss_plot.setXRange(0, float(last), padding=0.02)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_best"):
            self._restyle()

    def _restyle(self) -> None:
        t = current_tokens()
        for plot in (self.loss_plot, self.dice_plot):
            _style_plot(plot, t)
        faint = QColor(t.muted)
        faint.setAlpha(110)
        self._loss_line.setPen(pg.mkPen(faint, width=1))
        self._smooth_line.setPen(pg.mkPen(t.accent, width=2))
        self._dice_line.setPen(pg.mkPen(t.good, width=2))
        self._dice_line.setSymbolBrush(t.good)
        self._dice_line.setSymbolPen(None)
        self._best.setSymbolBrush(None)
        self._best.setSymbolPen(pg.mkPen(t.text, width=2))
        for position, line in enumerate(self._label_lines.values()):
            self._style_label(line, position)

    def _style_label(self, line: pg.PlotDataItem, position: int) -> None:
        colour = getattr(current_tokens(), _LABEL_COLOURS[position % len(_LABEL_COLOURS)])
        line.setPen(pg.mkPen(colour, width=1, style=Qt.PenStyle.DashLine))


def _head(title: str, value: QLabel) -> QHBoxLayout:
    line = row()
    line.addWidget(label(title, "section"), 1)
    line.addWidget(value)
    return line


def _plot(height: int) -> pg.PlotWidget:
    plot = pg.PlotWidget()
    plot.setMinimumHeight(height)
    # pyqtgraph proposes 480 pixels; here the panel decides.
    plot.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
    plot.setMouseEnabled(False, False)
    plot.setMenuEnabled(False)
    plot.hideButtons()
    plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    plot.getAxis("left").setWidth(_AXIS_WIDTH)
    plot.getPlotItem().setContentsMargins(0, 8, 16, 0)
    return plot


def _style_plot(plot: pg.PlotWidget, t: Tokens) -> None:
    plot.setBackground(t.panel)
    plot.showGrid(x=False, y=True, alpha=0.18)
    font = QFont(plot.font())
    font.setPixelSize(11)
    for side in ("left", "bottom"):
        axis = plot.getAxis(side)
        axis.setPen(pg.mkPen(t.line))
        axis.setTextPen(pg.mkPen(t.muted))
        axis.setStyle(tickFont=font, tickLength=-4, hideOverlappingLabels=False)

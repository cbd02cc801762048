"""Loss, learning rate, Dice and IoU over the iterations, two plots with a common axis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QSize, Qt, Signal
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QMenu, QSlider, QToolButton, QWidget

from medseg_desktop.core.curves import DICE, CurveKey, RunCurves
from medseg_desktop.core.run_state import RunState
from medseg_desktop.qt.panels.controls import column, label, row, tool_button
from medseg_desktop.qt.panels.training_chart import Values
from medseg_desktop.qt.panels.training_pane import ComparedRun, PlotPane
from medseg_desktop.qt.theme.tokens import SPACE_M, SPACE_S, SPACE_XS

_FIRST_SMOOTHING = 85
#: Of a saved picture: pixels for each of the screen.
_PICTURE_SCALE = 3


class RunPlots(QWidget):
    """Two plots fed with a `RunState`; only new points are taken from it.

    Signals:
        save_requested(str): the user wants the plots as "png", or their values as "csv".
    """

    save_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.curves = RunCurves()
        self.top_pane = PlotPane(
            (("loss", self.tr("Loss")), ("rate", self.tr("Learning rate"))), 110, caption=""
        )
        self.bottom_pane = PlotPane(
            (("dice", self.tr("Dice of validation patients")), ("iou", self.tr("Overlap (IoU)"))),
            140,
            caption=self.tr("Iteration"),
        )
        self._panes = (self.top_pane, self.bottom_pane)
        self.bottom_pane.plot.setXLink(self.top_pane.plot)
        self.top_pane.plot.getAxis("bottom").setStyle(showValues=False)
        self.place_text = label("", "muted")
        self.save = self._save_button()
        self.top_pane.head.addWidget(self.place_text)
        self.top_pane.head.addWidget(self.save)
        self.smoothing = QSlider(Qt.Orientation.Horizontal)
        self.smoothing.setRange(0, 99)
        self.smoothing.setValue(_FIRST_SMOOTHING)
        self.smoothing.setAccessibleName(self.tr("Smoothing"))
        self.smoothing.setToolTip(self.tr("How smooth the loss is drawn"))
        self._smoothing_row = QWidget()
        line = row(self._smoothing_row, 0, SPACE_S)
        line.addWidget(label(self.tr("Smoothing"), "muted"))
        line.addWidget(self.smoothing, 1)
        layout = column(self, 0, SPACE_XS)
        layout.addWidget(self.top_pane, 2)
        layout.addWidget(self._smoothing_row)
        layout.addSpacing(SPACE_XS)
        layout.addWidget(self.bottom_pane, 3)
        self._iterations = 0
        self._counts = (0, 0)
        self._compared: tuple[ComparedRun, ...] = ()
        self._best: tuple[float, float] | None = None
        self._pointed: float | None = None
        self._is_zoomed = False
        self._connect()
        self._set_smoothing(_FIRST_SMOOTHING)
        self.fit()

    def _save_button(self) -> QToolButton:
        button = tool_button("save", self.tr("Save the plots"))
        menu = QMenu(button)
        for kind, text in (
            ("png", self.tr("Save the plots as PNG…")),
            ("csv", self.tr("Save the values as CSV…")),
        ):
            action = menu.addAction(text)
            action.triggered.connect(lambda _=False, kind=kind: self.save_requested.emit(kind))
        button.setMenu(menu)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        return button

    def _connect(self) -> None:
        self.smoothing.valueChanged.connect(self._set_smoothing)
        for pane in self._panes:
            pane.changed.connect(self._on_choice)
            pane.plot.zoomed.connect(self._on_zoomed)
            pane.plot.fit_requested.connect(self.fit)
            pane.plot.pointed.connect(self._point_at)

    # -- what is shown

    def show_run(self, run: RunState, iterations: int) -> None:
        """Draws the curves of `run`; the axis reaches to `iterations` (0 = unknown)."""
        other = self.curves.update(run)
        if other:
            self._is_zoomed = False
            for pane in self._panes:
                pane.forget()
        counts = (len(run.steps), len(run.evaluations))
        if not other and (counts, iterations) == (self._counts, self._iterations):
            return
        grown = [now != before for now, before in zip(counts, self._counts, strict=True)]
        self._counts, self._iterations = counts, iterations
        best = run.best
        self._best = None
        if best is not None and best.mean_dice is not None:
            self._best = (best.iteration, best.mean_dice)
        # Painting is what costs: a plot without news is left alone.
        for pane, has_news in zip(self._panes, grown, strict=True):
            if has_news or other:
                self._draw_pane(pane)
        if not self._is_zoomed:
            self._scale_x()

    def set_compared(self, runs: Sequence[ComparedRun]) -> None:
        """Other runs to draw beside this one."""
        self._compared = tuple(runs)
        for pane in self._panes:
            pane.forget()
        self._draw()

    def drawn(self, key: CurveKey = DICE, run: str = "") -> tuple[Values, Values]:
        """The points of a line that is drawn, before they are thinned; empty if it is not."""
        for pane in self._panes:
            line = pane.plot.lines.get((run, key))
            if line is not None:
                return line.getOriginalDataset()  # type: ignore[no-any-return]
        return np.empty(0), np.empty(0)

    def fit(self) -> None:
        """Show everything again."""
        self._is_zoomed = False
        self._scale_x()
        for pane in self._panes:
            pane.plot.show_all_y((0.0, 1.0) if pane.measure in ("dice", "iou") else None)

    def picture(self) -> QPixmap:
        """Both plots with their legends, at a resolution for print."""
        self._point_at(None)
        margin = QSize(2 * SPACE_M, 2 * SPACE_M)
        shown = QPixmap((self.size() + margin) * _PICTURE_SCALE)
        shown.setDevicePixelRatio(_PICTURE_SCALE)
        shown.fill(self.palette().window().color())
        self._set_for_print(True)
        self.render(shown, QPoint(SPACE_M, SPACE_M))
        self._set_for_print(False)
        return shown

    def _set_for_print(self, on: bool) -> None:
        for pane in self._panes:
            pane.plot.set_scale(_PICTURE_SCALE if on else 1)
        self.save.setVisible(not on)
        if on:
            self._smoothing_row.hide()
        else:
            self._show_smoothing()

    def _draw(self) -> None:
        for pane in self._panes:
            self._draw_pane(pane)
        if not self._is_zoomed:
            self._scale_x()

    def _draw_pane(self, pane: PlotPane) -> None:
        pane.draw(self.curves, self._compared, self._best)
        pane.show_values(self._pointed)

    def _scale_x(self) -> None:
        lasts = [self.curves.last_iteration, *(r.curves.last_iteration for r in self._compared)]
        last = max(*lasts, self._iterations, 1)
        self.top_pane.plot.setXRange(0, float(last), padding=0.02)

    def _on_choice(self) -> None:
        self._show_smoothing()
        self._draw()
        for pane in self._panes:
            pane.plot.show_all_y((0.0, 1.0) if pane.measure in ("dice", "iou") else None)

    def _show_smoothing(self) -> None:
        self._smoothing_row.setVisible(self.top_pane.measure == "loss")

    def _set_smoothing(self, position: int) -> None:
        for pane in self._panes:
            pane.set_smoothing(position / 100)
        self._draw()

    def _on_zoomed(self) -> None:
        self._is_zoomed = True

    def _point_at(self, x: float | None) -> None:
        """Read all values where the pointer is, on both plots."""
        self._pointed = self._nearest(x)
        for pane in self._panes:
            pane.plot.set_cursor(self._pointed)
            pane.show_values(self._pointed)
        place = self.tr("iteration {i}")
        self.place_text.setText(
            "" if self._pointed is None else place.format(i=f"{self._pointed:,.0f}")
        )

    def _nearest(self, x: float | None) -> float | None:
        """The iteration with a point that is nearest; None beyond the last one."""
        if x is None or not self.curves.curves or not 0 <= x <= self.curves.last_iteration * 1.02:
            return None
        longest = max(self.curves.curves.values(), key=lambda curve: curve.n)
        return float(longest.x[int(np.argmin(np.abs(longest.x - x)))])

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_panes"):
            for pane in self._panes:
                pane.plot.restyle()
                pane.legend.update()

"""Window and level: histogram, sliders with number boxes, presets, invert, reset."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy.typing as npt
from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QWidget

from medseg_desktop.core.display import Window, range_of_values
from medseg_desktop.qt.panels.controls import Section, ValueSlider, button, column, row
from medseg_desktop.qt.panels.histogram_strip import HistogramStrip

_MOST_DECIMALS = 12


class WindowPanel(QWidget):
    """Shows a window in modality values and reports changes by the user.

    Signals:
        window_changed(center, width): a slider or box was moved.
        preset_chosen(str): the key of a preset.
        reset_requested(): back to the window the series came with.
        inverted_changed(bool).
        per_slice_changed(bool): every slice with its own window, or one for the series.
    """

    window_changed = Signal(float, float)
    preset_chosen = Signal(str)
    reset_requested = Signal()
    inverted_changed = Signal(bool)
    per_slice_changed = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.histogram = HistogramStrip()
        self.width_slider = ValueSlider(self.tr("Width"))
        self.level_slider = ValueSlider(self.tr("Level"))
        self.presets = QComboBox()
        self.presets.setAccessibleName(self.tr("Window preset"))
        self.presets.setPlaceholderText(self.tr("Preset"))
        self.invert = QCheckBox(self.tr("Invert"))
        self.per_slice = QCheckBox(self.tr("Per slice"))
        self.per_slice.setToolTip(
            self.tr("Show every slice with the window of its file, instead of one for the series")
        )
        self.reset = button(self.tr("Reset"), "reset")
        self.section = Section(self.tr("Window"))
        column(self).addWidget(self.section)
        layout = self.section.body
        layout.addWidget(self.histogram)
        layout.addWidget(self.width_slider)
        layout.addWidget(self.level_slider)
        foot = row()
        foot.addWidget(self.presets, 1)
        foot.addWidget(self.reset)
        layout.addLayout(foot)
        checks = row()
        checks.addWidget(self.invert)
        checks.addWidget(self.per_slice)
        checks.addStretch(1)
        layout.addLayout(checks)
        self.width_slider.value_changed.connect(self._changed)
        self.level_slider.value_changed.connect(self._changed)
        self.presets.activated.connect(self._preset)
        self.invert.toggled.connect(self._inverted)
        self.per_slice.toggled.connect(self.per_slice_changed)
        self.reset.clicked.connect(self.reset_requested)
        self._ends = (0.0, 255.0)
        self.set_range(0.0, 255.0)
        self.set_window(127.5, 255.0)

    def set_range(self, low: float, high: float) -> None:
        """The values that occur in the series (modality values)."""
        low, high = range_of_values(low, high)
        span = high - low
        # So fine that a step is a few thousandths of the range.
        decimals = 0 if span >= 50 else min(math.ceil(math.log10(500 / span)), _MOST_DECIMALS)
        smallest = 10.0**-decimals
        for slider in (self.width_slider, self.level_slider):
            slider.set_decimals(decimals)
        self.width_slider.set_range(smallest, max(span, smallest), smallest, span * 10)
        self.level_slider.set_range(low, high, low - span * 5, high + span * 5)
        self.histogram.set_range(low, high)

    def set_window(
        self, center: float, width: float, low: float | None = None, high: float | None = None
    ) -> None:
        """Shows a window; emits nothing.

        Args:
            low, high: what is shown as black and white; by default those of a linear window.
        """
        self.level_slider.set_value(center)
        self.width_slider.set_value(width)
        linear = Window(center, width)
        self._ends = (
            linear.low if low is None else low,
            linear.high if high is None else high,
        )
        self._draw()

    def set_histogram(self, counts: npt.ArrayLike) -> None:
        """Counts in equal bins over the range of `set_range`."""
        self.histogram.set_counts(counts)

    def set_inverted(self, inverted: bool) -> None:
        """Shows whether black and white are swapped; emits nothing."""
        with QSignalBlocker(self.invert):
            self.invert.setChecked(inverted)
        self._draw()

    def set_per_slice(self, per_slice: bool) -> None:
        """Shows whether every slice has its own window; emits nothing."""
        with QSignalBlocker(self.per_slice):
            self.per_slice.setChecked(per_slice)

    def set_presets(self, presets: Sequence[tuple[str, str]], current: str | None = None) -> None:
        """Fills the list.

        Args:
            presets: (key, text) pairs.
            current: key of the preset that is on, or None.
        """
        with QSignalBlocker(self.presets):
            self.presets.clear()
            for key, text in presets:
                self.presets.addItem(text, key)
        self.set_preset(current)

    def set_preset(self, key: str | None) -> None:
        """Shows which preset is on; None for a window set by hand."""
        with QSignalBlocker(self.presets):
            self.presets.setCurrentIndex(-1 if key is None else self.presets.findData(key))

    def _draw(self) -> None:
        self.histogram.set_window(*self._ends, self.invert.isChecked())

    def _changed(self) -> None:
        self.set_preset(None)
        self.window_changed.emit(self.level_slider.value, self.width_slider.value)

    def _preset(self, index: int) -> None:
        self.preset_chosen.emit(str(self.presets.itemData(index)))

    def _inverted(self, inverted: bool) -> None:
        self._draw()
        self.inverted_changed.emit(inverted)

"""Below the slice: play, the slice slider, and of a 4-D stack the slider of its time points."""

from __future__ import annotations

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QLabel, QWidget

from medseg_desktop.qt.canvas.slice_slider import SliceSlider
from medseg_desktop.qt.panels.controls import column, label, number_box, row, tool_button

_LABEL_PX = 148


class SliceBar(QWidget):
    """Two rows; the second is there for 4-D stacks only.

    Attributes:
        slices: the slider of the positions; times: of the time points.
        rate: frames a second of the cine play.
    """

    def __init__(self, play: QAction, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.slices = SliceSlider()
        self.times = SliceSlider()
        self.times.setAccessibleName(self.tr("Time point"))
        self.times.setToolTip(self.tr("Time points of this position (, and .)"))
        self.time_text: QLabel = label("", "muted")
        self.time_text.setFixedWidth(_LABEL_PX)
        self.play = tool_button("play", play.toolTip())
        self.play.setCheckable(True)
        self.play.toggled.connect(play.setChecked)
        play.toggled.connect(self.play.setChecked)
        self.rate = number_box(0, self.tr(" /s"))
        self.rate.setToolTip(self.tr("Slices a second while playing"))
        self.rate.setAccessibleName(self.tr("Slices a second"))
        first = row()
        first.setContentsMargins(8, 0, 8, 0)
        first.addWidget(self.play)
        first.addWidget(self.slices, 1)
        first.addWidget(self.rate)
        self._second = QWidget()
        second = row(self._second)
        second.setContentsMargins(8, 0, 8, 0)
        second.addWidget(self.time_text)
        second.addWidget(self.times, 1)
        layout = column(self, spacing=0)
        layout.addWidget(self._second)
        layout.addLayout(first)
        self.set_count(0, 1)

    def set_count(self, positions: int, time_points: int) -> None:
        """How many positions the stack has, and how often each was imaged."""
        self.slices.set_count(positions)
        self.times.set_count(time_points)
        self._second.setVisible(time_points > 1)
        several = positions > 1 or time_points > 1
        self.play.setEnabled(several)
        self.rate.setEnabled(several)

    def set_place(self, position: int, time_point: int, time_text: str) -> None:
        """Shows where the stack is looked at."""
        self.slices.set_value(position)
        self.times.set_value(time_point)
        self.time_text.setText(time_text)

"""Below the slice: play, the slice slider, and of a 4-D stack the slider of its time points."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from medseg_desktop.qt.canvas.slice_slider import SliceSlider
from medseg_desktop.qt.panels.controls import label, leave_on_return, number_box, tool_button
from medseg_desktop.qt.theme.icons import set_icon
from medseg_desktop.qt.theme.tokens import SPACE_S

#: Room for a text such as "12 / 48 · t 22.5 s".
_RIGHT_PX = 120


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
        self.time_text.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.time_text.setFixedWidth(_RIGHT_PX)
        self.play = tool_button("play", play.toolTip())
        self.play.setCheckable(True)
        self.play.toggled.connect(play.setChecked)
        play.toggled.connect(self._show_playing)
        self.rate = number_box(0, self.tr(" /s"))
        leave_on_return(self.rate)
        self.rate.setToolTip(self.tr("Slices a second while playing"))
        self.rate.setAccessibleName(self.tr("Slices a second"))
        # In one grid, so that both sliders begin and end above each other.
        grid = QGridLayout(self)
        grid.setContentsMargins(SPACE_S, 0, SPACE_S, 0)
        grid.setHorizontalSpacing(SPACE_S)
        grid.setVerticalSpacing(0)
        grid.addWidget(self.times, 0, 1)
        grid.addWidget(self.time_text, 0, 2)
        grid.addWidget(self.play, 1, 0)
        grid.addWidget(self.slices, 1, 1)
        grid.addWidget(self.rate, 1, 2, Qt.AlignmentFlag.AlignRight)
        grid.setColumnStretch(1, 1)
        self.set_count(0, 1)

    def set_count(self, positions: int, time_points: int) -> None:
        """How many positions the stack has, and how often each was imaged."""
        self.slices.set_count(positions)
        self.times.set_count(time_points)
        self.times.setVisible(time_points > 1)
        self.time_text.setVisible(time_points > 1)
        tip = self.tr("Play the time points one after another (C)")
        if time_points == 1:
            tip = self.tr("Play the slices one after another (C)")
        self.play.setToolTip(tip)
        several = positions > 1 or time_points > 1
        self.play.setEnabled(several)
        self.rate.setEnabled(several)

    def _show_playing(self, playing: bool) -> None:
        self.play.setChecked(playing)
        set_icon(self.play, "pause" if playing else "play", "muted")

    def set_place(self, position: int, time_point: int, time_text: str) -> None:
        """Shows where the stack is looked at."""
        self.slices.set_value(position)
        self.times.set_value(time_point)
        self.time_text.setText(time_text)

"""What the series on screen is: title, acquisition, noise."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from medseg_desktop.qt.panels.controls import column, label


class SeriesPanel(QWidget):
    """A title and a few muted lines; empty while no series is open."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = label("", "title", wrap=True)
        self.acquisition = label("", "muted", wrap=True)
        self.noise = label("", "muted")
        self.noise.setAlignment(Qt.AlignmentFlag.AlignLeft)
        layout = column(self, spacing=4)
        for line in (self.title, self.acquisition, self.noise):
            layout.addWidget(line)
        self.set_series("", "")

    def set_series(self, title: str, acquisition: str) -> None:
        """Shows another series, whose noise is not known yet."""
        self.title.setText(title)
        self.acquisition.setText(acquisition)
        self.acquisition.setVisible(bool(acquisition))
        self.set_noise("", "")
        self.setVisible(bool(title))

    def set_noise(self, text: str, how: str) -> None:
        """Shows the estimated noise, and in the tooltip how it was estimated."""
        self.noise.setText(text)
        self.noise.setToolTip(how)
        self.noise.setVisible(bool(text))

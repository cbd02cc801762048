"""What the series on screen is: title, acquisition, noise."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from medseg_desktop.qt.panels.controls import Section, column, label
from medseg_desktop.qt.theme.tokens import SPACE_XS


class SeriesPanel(QWidget):
    """A few lines that can be folded away; empty while no series is open."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = label("", wrap=True)
        self.acquisition = label("", "muted", wrap=True)
        self.noise = label("", "muted")
        self.noise.setAlignment(Qt.AlignmentFlag.AlignLeft)
        self.section = Section(self.tr("Series"))
        column(self).addWidget(self.section)
        layout = self.section.body
        layout.setSpacing(SPACE_XS)
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

"""What the left mouse button does now: mode or tool, the label drawn with, and a hint."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from medseg_desktop.qt.panels.controls import Swatch, label, row
from medseg_desktop.qt.theme.tokens import SPACE_S

#: Less than this of a cut text is not worth showing.
_FEWEST_LETTERS = 6


class ElidedLabel(QLabel):
    """One line that is cut with an ellipsis where there is no room; the tooltip has all of it."""

    def __init__(self) -> None:
        super().__init__()
        self._whole = ""
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setProperty("role", "muted")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)

    @property
    def whole(self) -> str:
        """The text without a cut."""
        return self._whole

    def set_whole(self, text: str) -> None:
        """Shows as much of a text as there is room for."""
        self._whole = text
        self._cut()

    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().minimumSizeHint().height())

    def sizeHint(self) -> QSize:
        width = self.fontMetrics().horizontalAdvance(self._whole) + 2
        return QSize(width, super().sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._cut()

    def paintEvent(self, event: QPaintEvent) -> None:
        self._cut()  # the font may be another one since
        super().paintEvent(event)

    def _cut(self) -> None:
        mode = Qt.TextElideMode.ElideRight
        shown = self.fontMetrics().elidedText(self._whole, mode, max(self.width(), 0))
        if len(shown) < _FEWEST_LETTERS:  # an ellipsis alone says nothing
            shown = ""
        if shown != self.text():
            self.setText(shown)
            self.setToolTip("" if shown == self._whole else self._whole)
            self.updateGeometry()


class ToolHint(QWidget):
    """A line for the foot of the window."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tool = label("")
        self.swatch = Swatch("#ffffff")
        self.label_name = label("")
        self.hint = ElidedLabel()
        layout = row(self, spacing=SPACE_S)
        layout.addWidget(self.tool)
        layout.addWidget(self.swatch)
        layout.addWidget(self.label_name)
        layout.addWidget(self.hint, 1)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)

    def set_tool(self, name: str, hint: str) -> None:
        """Names the mode or tool and says how it is used."""
        self.tool.setText(name)
        self.hint.set_whole(hint)

    def set_label(self, name: str, colour: str) -> None:
        """The label of what is drawn, and its colour `#rrggbb`; an empty name hides both."""
        self.label_name.setText(name)
        self.swatch.set_colour(colour)
        for widget in (self.swatch, self.label_name):
            widget.setVisible(bool(name))

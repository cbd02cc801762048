"""Texts in one line that are shortened where there is no room, such as names of models."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QCheckBox, QLabel, QSizePolicy, QStyle, QStyleOptionButton

_MIDDLE = Qt.TextElideMode.ElideMiddle  # a version stands at the end of a name


class ElidedLabel(QLabel):
    """A plain text."""

    def __init__(self) -> None:
        super().__init__()
        self.whole = ""
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def set_whole(self, text: str) -> None:
        """The whole text."""
        self.whole = text
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        self.setText(QFontMetrics(self.font()).elidedText(self.whole, _MIDDLE, self.width()))


class ElidedCheckBox(QCheckBox):
    """A check box that does not make its panel wider; where its text is cut the tip says all."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.whole = text
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.set_whole(text)

    def set_whole(self, text: str) -> None:
        """The whole text."""
        self.whole = text
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        option = QStyleOptionButton()
        self.initStyleOption(option)
        room = self.style().subElementRect(QStyle.SubElement.SE_CheckBoxContents, option, self)
        shown = QFontMetrics(self.font()).elidedText(self.whole, _MIDDLE, room.width())
        if shown != self.text():
            self.setText(shown.replace("&", "&&"))
        self.setToolTip("" if shown == self.whole else self.whole)

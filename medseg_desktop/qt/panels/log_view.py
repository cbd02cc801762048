"""The sentences of a job, as plain text that can be folded away."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from medseg_desktop.qt.panels.controls import Section, column

_MOST_LINES = 2000


class LogView(QWidget):
    """A foldable log; follows its end while the user has not scrolled up."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines: tuple[str, ...] = ()
        self.section = Section(self.tr("Log"), opened=False)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setMaximumBlockCount(_MOST_LINES)
        font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        font.setPixelSize(12)
        self.text.setFont(font)
        self.text.setFixedHeight(140)
        self.text.setPlaceholderText(self.tr("Nothing to report yet."))
        column(self.section.content).addWidget(self.text)
        column(self).addWidget(self.section)

    def set_lines(self, lines: Sequence[str]) -> None:
        """Shows `lines`; only what is new is appended."""
        new = tuple(lines)
        old, self._lines = self._lines, new
        if new == old:
            return
        if new[: len(old)] == old:
            for line in new[len(old) :]:
                self.text.appendPlainText(line)
            return
        self.text.setPlainText("\n".join(new))
        bar = self.text.verticalScrollBar()
        bar.setValue(bar.maximum())

    def set_open(self, opened: bool) -> None:
        """Unfolds or folds the log."""
        self.section.set_open(opened)

    @property
    def is_open(self) -> bool:
        """The text is shown."""
        return self.section.is_open

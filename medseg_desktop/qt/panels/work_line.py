"""One line that says what is under way, with a bar and a button that ends it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from medseg_desktop.qt.panels.controls import column, label, row, tool_button
from medseg_desktop.qt.panels.progress_strip import ProgressStrip
from medseg_desktop.qt.theme.tokens import SPACE_XS


class WorkLine(QWidget):
    """Keeps its height when the work is over, so that nothing below it jumps.

    Signals:
        cancel_requested.
    """

    cancel_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = label("", "muted")
        self.bar = ProgressStrip()
        self.cancel = tool_button("close", self.tr("Cancel"))
        for part in (self.bar, self.cancel):
            policy = part.sizePolicy()
            policy.setRetainSizeWhenHidden(True)
            part.setSizePolicy(policy)
        line = row(spacing=SPACE_XS)
        line.addWidget(self.text, 1)
        line.addWidget(self.cancel)
        layout = column(self, 0, 0)
        layout.addLayout(line)
        layout.addWidget(self.bar)
        self.cancel.clicked.connect(self.cancel_requested)
        self.set_done("")

    def set_work(self, text: str, done: int, total: int) -> None:
        """`done` of `total`, 0 in all where nobody knows."""
        self.text.setText(text)
        self.bar.set_progress(done, total)
        self.bar.show()
        self.cancel.show()

    def set_done(self, text: str) -> None:
        """Nothing is under way; the text says what came of it."""
        self.text.setText(text)
        self.bar.hide()
        self.cancel.hide()

"""A picture as large as it has room."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QRect, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QDialog, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from medseg_desktop.qt.panels.controls import label
from medseg_desktop.qt.theme.tokens import SPACE_L, SPACE_M

#: The window leaves this share of the screen free.
_FREE = 0.1


class _Picture(QWidget):
    """Shrinks with its proportions where the window is smaller; never larger than it is."""

    def __init__(self, image: QImage, name: str) -> None:
        super().__init__()
        self._image = image
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def sizeHint(self) -> QSize:
        return self._image.size()

    def minimumSizeHint(self) -> QSize:
        return self._image.size() / 4

    def paintEvent(self, event: QPaintEvent) -> None:
        size = self._image.size()
        if size.width() > self.width() or size.height() > self.height():
            size = size.scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        target = QRect(0, 0, size.width(), size.height())
        target.moveCenter(self.rect().center())
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(target, self._image)


def show_picture(parent: QWidget, title: str, image: QImage, caption: str) -> QDialog:
    """Open a window with a picture and a line of text below it."""
    dialog = QDialog(parent)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setWindowTitle(title)
    close = QPushButton(QCoreApplication.translate("PictureDialog", "Close"))
    close.clicked.connect(dialog.accept)
    layout = QVBoxLayout(dialog)
    layout.setContentsMargins(SPACE_L, SPACE_L, SPACE_L, SPACE_L)
    layout.setSpacing(SPACE_M)
    layout.addWidget(_Picture(image, title), 1)
    layout.addWidget(label(caption, "muted", wrap=True))
    layout.addWidget(close, 0, Qt.AlignmentFlag.AlignRight)
    room = parent.screen().availableSize() * (1 - _FREE)
    dialog.resize(dialog.sizeHint().boundedTo(room))
    dialog.open()
    return dialog

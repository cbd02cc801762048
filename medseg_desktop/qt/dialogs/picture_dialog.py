"""A picture as large as it is."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QImage, QPixmap
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from medseg_desktop.qt.panels.controls import label
from medseg_desktop.qt.theme.tokens import SPACE_L, SPACE_M

_MARGIN = 24


def show_picture(parent: QWidget, title: str, image: QImage, caption: str) -> QDialog:
    """Open a window with a picture, which is scrolled where the screen is too small for it."""
    dialog = QDialog(parent)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setWindowTitle(title)
    picture = QLabel()
    picture.setPixmap(QPixmap.fromImage(image))
    picture.setAccessibleName(title)
    area = QScrollArea()
    area.setWidget(picture)
    area.setAlignment(Qt.AlignmentFlag.AlignCenter)
    area.setFrameShape(QFrame.Shape.NoFrame)
    close = QPushButton(QCoreApplication.translate("PictureDialog", "Close"))
    close.clicked.connect(dialog.accept)
    layout = QVBoxLayout(dialog)
    layout.setContentsMargins(SPACE_L, SPACE_L, SPACE_L, SPACE_L)
    layout.setSpacing(SPACE_M)
    layout.addWidget(area, 1)
    layout.addWidget(label(caption, "muted", wrap=True))
    layout.addWidget(close, 0, Qt.AlignmentFlag.AlignRight)
    screen = parent.screen().availableSize() * 0.9
    wanted = dialog.sizeHint()
    wanted.setWidth(image.width() + 2 * SPACE_L + _MARGIN)
    wanted.setHeight(image.height() + 120)
    dialog.resize(wanted.boundedTo(screen))
    dialog.open()
    return dialog

"""What the program is, and what it is not."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QMessageBox, QWidget

from medseg_desktop import __version__


def show_about(parent: QWidget) -> None:
    """Open the about box."""
    text = QCoreApplication.translate(
        "About",
        "For research and education. Not a medical device. Not reviewed by FDA, NMPA or a "
        "notified body. Do not use for diagnosis or treatment.",
    )
    box = QMessageBox(parent)
    box.setWindowTitle(QCoreApplication.translate("About", "About MedSeg Desktop"))
    box.setText(f"MedSeg Desktop {__version__}")
    box.setInformativeText(text)
    box.setStandardButtons(QMessageBox.StandardButton.Close)
    box.open()

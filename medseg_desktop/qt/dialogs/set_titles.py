"""What the window calls the sets of the split."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

#: In this order they are listed: who needs a decision comes first.
SET_ORDER = ("incoming", "", "test", "val", "train")


def set_title(name: str) -> str:
    """A set as the window calls it; "" is that of patients who are new to a frozen split."""
    titles = {
        "": QCoreApplication.translate("Sets", "New"),
        "incoming": QCoreApplication.translate("Sets", "Incoming"),
        "train": QCoreApplication.translate("Sets", "Training"),
        "val": QCoreApplication.translate("Sets", "Validation"),
        "test": QCoreApplication.translate("Sets", "Test"),
    }
    return titles[name]

"""Texts that are marked for translation where they stand and translated where they are shown."""

from __future__ import annotations


def QT_TRANSLATE_NOOP(context: str, text: str) -> str:
    """Marks a text for translation, as Qt's macro of this name does (typed, unlike PySide's)."""
    return text

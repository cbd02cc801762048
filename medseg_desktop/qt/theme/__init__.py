"""Colours, fonts, icons and the one stylesheet."""

from medseg_desktop.qt.theme.icons import icon, pixmap, set_icon
from medseg_desktop.qt.theme.style import apply_theme, current_tokens
from medseg_desktop.qt.theme.tokens import DARK, LIGHT, Tokens

__all__ = [
    "DARK",
    "LIGHT",
    "Tokens",
    "apply_theme",
    "current_tokens",
    "icon",
    "pixmap",
    "set_icon",
]

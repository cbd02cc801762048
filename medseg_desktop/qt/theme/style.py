"""Applies palette, font and stylesheet to the application."""

from __future__ import annotations

from PySide6.QtCore import QDir
from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication, QStyleFactory

from medseg_desktop.paths import resource
from medseg_desktop.qt.theme.icons import refresh_icons
from medseg_desktop.qt.theme.state import current_tokens, set_current_tokens
from medseg_desktop.qt.theme.stylesheet import stylesheet
from medseg_desktop.qt.theme.tokens import BODY_PX, DARK, LIGHT, Tokens

__all__ = ["apply_theme", "current_tokens", "ui_font"]

_CJK_FALLBACK = [
    "Microsoft YaHei UI",
    "PingFang SC",
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "WenQuanYi Micro Hei",
]
# A desktop without a font setting falls back to DejaVu, whose wide letters cut off our labels.
_INSTEAD_OF_GENERIC = ["Inter", "Noto Sans", "Ubuntu", "Cantarell", "Noto Sans CJK SC"]
_GENERIC = {"", "Sans Serif", "Sans", "DejaVu Sans"}


def ui_font() -> QFont:
    """The system's UI font at 13 px with tabular figures and a Chinese fallback."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
    family = font.family()
    if family in _GENERIC:
        available = set(QFontDatabase.families())
        family = next((name for name in _INSTEAD_OF_GENERIC if name in available), family)
    font.setFamilies([family, *_CJK_FALLBACK])
    font.setPixelSize(BODY_PX)
    # Figures of one width: numbers that change while a job runs must not dance.
    font.setFeature(QFont.Tag("tnum"), 1)
    font.setStyleStrategy(QFont.StyleStrategy.PreferAntialias)
    return font


def palette(t: Tokens) -> QPalette:
    """The Qt palette for parts that the stylesheet does not reach."""
    role, group = QPalette.ColorRole, QPalette.ColorGroup
    result = QPalette()
    for where, colour in (
        (role.Window, t.panel),
        (role.WindowText, t.text),
        (role.Base, t.panel),
        (role.AlternateBase, t.raised),
        (role.Text, t.text),
        (role.Button, t.raised),
        (role.ButtonText, t.text),
        (role.BrightText, t.text),
        (role.ToolTipBase, t.raised),
        (role.ToolTipText, t.text),
        (role.PlaceholderText, t.muted),
        (role.Highlight, t.selection),
        (role.HighlightedText, t.text),
        (role.Accent, t.accent),
        (role.Link, t.accent),
        (role.LinkVisited, t.accent),
        (role.Light, t.hover),
        (role.Midlight, t.raised),
        (role.Mid, t.line),
        (role.Dark, t.window),
        (role.Shadow, t.canvas),
    ):
        result.setColor(where, QColor(colour))
    for where in (role.WindowText, role.Text, role.ButtonText):
        result.setColor(group.Disabled, where, QColor(t.disabled))
    return result


def apply_theme(app: QApplication, dark: bool = True) -> None:
    """Gives `app` its look; may be called again at any time to switch."""
    tokens = DARK if dark else LIGHT
    set_current_tokens(tokens)
    for theme in (DARK, LIGHT):
        QDir.setSearchPaths(f"style{theme.name}", [str(resource("style", theme.name))])
    fusion = QStyleFactory.create("Fusion")
    if fusion is not None:
        app.setStyle(fusion)
    app.setFont(ui_font())
    app.setPalette(palette(tokens))
    app.setStyleSheet(stylesheet(tokens))
    refresh_icons(app)

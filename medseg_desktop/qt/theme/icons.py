"""Line icons from resources/icons, drawn in the colours of the theme."""

from __future__ import annotations

from functools import cache

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QAction, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QAbstractButton, QApplication

from medseg_desktop.paths import resource
from medseg_desktop.qt.theme.state import current_tokens
from medseg_desktop.qt.theme.tokens import ICON_SIZE, Tokens

_NAME = "iconName"
_COLOUR = "iconColour"
_SCALES = (1, 2, 3)


@cache
def _source(name: str) -> str:
    return resource("icons", f"{name}.svg").read_text(encoding="utf-8")


def pixmap(name: str, colour: str, size_px: int = ICON_SIZE, scale: float = 1.0) -> QPixmap:
    """The icon in one colour (`#rrggbb`), `size_px` logical pixels wide and high.

    Raises:
        FileNotFoundError: there is no such icon.
    """
    return _render(name, colour, size_px, scale)


@cache
def _render(name: str, colour: str, size_px: int, scale: float) -> QPixmap:
    svg = _source(name).replace("currentColor", colour)
    renderer = QSvgRenderer(QByteArray(svg.encode()))
    side = round(size_px * scale)
    result = QPixmap(QSize(side, side))
    result.fill(Qt.GlobalColor.transparent)
    painter = QPainter(result)
    renderer.render(painter, QRectF(0, 0, side, side))
    painter.end()
    result.setDevicePixelRatio(scale)
    return result


@cache
def _icon(name: str, colour: str, tokens: Tokens) -> QIcon:
    modes = (
        (QIcon.Mode.Normal, colour),
        (QIcon.Mode.Active, colour),
        (QIcon.Mode.Selected, colour),
        (QIcon.Mode.Disabled, tokens.disabled),
    )
    result = QIcon()
    for scale in _SCALES:
        for mode, mode_colour in modes:
            result.addPixmap(_render(name, mode_colour, ICON_SIZE, scale), mode, QIcon.State.Off)
        # A checked tool button shows its icon in the accent colour.
        checked = tokens.accent if colour == tokens.text else colour
        checked_pixmap = _render(name, checked, ICON_SIZE, scale)
        result.addPixmap(checked_pixmap, QIcon.Mode.Normal, QIcon.State.On)
        result.addPixmap(checked_pixmap, QIcon.Mode.Active, QIcon.State.On)
    return result


def icon(name: str, colour: str = "text") -> QIcon:
    """The icon in a token's colour, with a disabled look and an accent look when checked.

    Args:
        name: file name in resources/icons without `.svg`.
        colour: attribute name of `Tokens`, for example "text", "muted", "on_accent".
    """
    tokens = current_tokens()
    return _icon(name, getattr(tokens, colour), tokens)


def set_icon(target: QAbstractButton | QAction, name: str, colour: str = "text") -> None:
    """Gives a button or action an icon that follows later changes of the theme."""
    target.setProperty(_NAME, name)
    target.setProperty(_COLOUR, colour)
    target.setIcon(icon(name, colour))


def refresh_icons(app: QApplication) -> None:
    """Redraws every icon that was given with `set_icon`."""
    for widget in app.allWidgets():
        targets = [widget, *widget.actions()]
        for target in targets:
            name = target.property(_NAME)
            if name and isinstance(target, QAbstractButton | QAction):
                target.setIcon(icon(str(name), str(target.property(_COLOUR) or "text")))

"""Texts and the scale bar that stand still on the slice view while the slice moves."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QPen, QPixmap

_MARGIN = 12.0
_TEXT = QColor("#e8eaed")
_MUTED = QColor("#9aa4ae")
_SHADOW = QColor(0, 0, 0, 210)
_RIM = 3.6
_BRACKET, _BRACKET_GAP = 14.0, 8.0
_KEPT_TEXTS = 128
# Drawing a rim costs more than drawing a slice, and most texts stay the same for long.
_pictures: dict[tuple[str, str, str, float], QPixmap] = {}


@dataclass(frozen=True, slots=True)
class CornerTexts:
    """Lines of text in the four corners, each from top to bottom."""

    top_left: tuple[str, ...] | list[str] = ()
    top_right: tuple[str, ...] | list[str] = ()
    bottom_left: tuple[str, ...] | list[str] = ()
    bottom_right: tuple[str, ...] | list[str] = ()


@dataclass(frozen=True, slots=True)
class OrientationLetters:
    """The patient directions at the four edges, for example R, L, A, P; empty for none."""

    left: str = ""
    right: str = ""
    top: str = ""
    bottom: str = ""


@dataclass(frozen=True, slots=True)
class ScaleBar:
    """`length_px` on the screen stands for `text`."""

    length_px: float
    text: str


def halo_text(painter: QPainter, at: QPointF, text: str, colour: QColor = _TEXT) -> None:
    """Text with its baseline at `at` and a dark rim, readable on black and on white."""
    font = painter.font()
    key = (text, colour.name(), font.key(), painter.device().devicePixelRatio())
    picture = _pictures.get(key)
    if picture is None:
        picture = _draw_text(text, colour, font, key[3])
        if len(_pictures) >= _KEPT_TEXTS:
            del _pictures[next(iter(_pictures))]
        _pictures[key] = picture
    painter.drawPixmap(at - QPointF(_RIM, _RIM + QFontMetricsF(font).ascent()), picture)


def _draw_text(text: str, colour: QColor, font: QFont, ratio: float) -> QPixmap:
    metrics = QFontMetricsF(font)
    width = metrics.horizontalAdvance(text) + 2 * _RIM
    height = metrics.height() + 2 * _RIM
    picture = QPixmap(math.ceil(width * ratio), math.ceil(height * ratio))
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setFont(font)
    at = QPointF(_RIM, _RIM + metrics.ascent())
    # Many copies of cached glyphs are much faster than stroking the outline of the text.
    for radius, alpha, copies in ((2.2, 90, 12), (1.2, 210, 8)):
        painter.setPen(QColor(0, 0, 0, alpha))
        for k in range(copies):
            angle = 2 * math.pi * k / copies
            offset = QPointF(radius * math.cos(angle), radius * math.sin(angle))
            painter.drawText(at + offset, text)
    painter.setPen(colour)
    painter.drawText(at, text)
    painter.end()
    return picture


def scale_bar(px_per_mm: float, available_px: float) -> ScaleBar | None:
    """The longest round length (1, 2 or 5 times a power of ten mm) that fits.

    Returns None where there is no room or the scale is unknown.
    """
    if not (math.isfinite(px_per_mm) and px_per_mm > 0) or available_px < 40:
        return None
    longest_mm = available_px / px_per_mm
    power = 10.0 ** math.floor(math.log10(longest_mm))
    length_mm = next(k * power for k in (5, 2, 1) if k * power <= longest_mm * (1 + 1e-9))
    text = f"{length_mm / 10:g} cm" if length_mm >= 10 else f"{length_mm:g} mm"
    return ScaleBar(length_mm * px_per_mm, text)


def paint_texts(
    painter: QPainter,
    area: QRectF,
    texts: CornerTexts,
    letters: OrientationLetters,
    bar: ScaleBar | None,
) -> None:
    """Draws everything into `area`, in the painter's font."""
    metrics = QFontMetricsF(painter.font())
    line = metrics.height()
    right = area.right() - _MARGIN
    _column(painter, metrics, area.left() + _MARGIN, area.top() + _MARGIN, texts.top_left, False)
    _column(painter, metrics, right, area.top() + _MARGIN, texts.top_right, True)
    foot = area.bottom() - _MARGIN
    left_top = foot - line * len(texts.bottom_left)
    _column(painter, metrics, area.left() + _MARGIN, left_top, texts.bottom_left, False)
    if bar is not None:
        _paint_bar(painter, metrics, QPointF(right, foot), bar)
        foot -= line + 8
    right_top = foot - line * len(texts.bottom_right)
    _column(painter, metrics, right, right_top, texts.bottom_right, True)
    _paint_letters(painter, metrics, area, letters)


def paint_message(painter: QPainter, area: QRectF, message: str, over_slice: bool) -> None:
    """A sentence in the middle, wrapped; over a slice it gets a dark ground."""
    box = area.adjusted(24, 24, -24, -24)
    if box.width() > 480:
        box = QRectF(box.center().x() - 240, box.top(), 480, box.height())
    flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
    used = painter.boundingRect(box, flags, message)
    if over_slice:
        ground = QPainterPath()
        ground.addRoundedRect(used.adjusted(-16, -12, 16, 12), 6, 6)
        painter.fillPath(ground, QColor(0, 0, 0, 190))
    painter.setPen(_TEXT if over_slice else _MUTED)
    painter.drawText(box, flags, message)


def paint_brackets(painter: QPainter, place: QRectF) -> None:
    """Corners around a place, at some distance, so that they lie on nothing of it."""
    box = place.adjusted(-_BRACKET_GAP, -_BRACKET_GAP, _BRACKET_GAP, _BRACKET_GAP)
    reach = min(_BRACKET, box.width() / 3, box.height() / 3)
    lines = []
    for corner, x, y in (
        (box.topLeft(), reach, reach),
        (box.topRight(), -reach, reach),
        (box.bottomLeft(), reach, -reach),
        (box.bottomRight(), -reach, -reach),
    ):
        lines += [QLineF(corner, corner + QPointF(x, 0)), QLineF(corner, corner + QPointF(0, y))]
    for colour, width in ((_SHADOW, 4.5), (_TEXT, 2.0)):
        pen = QPen(colour, width)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        painter.drawLines(lines)


def _column(
    painter: QPainter,
    metrics: QFontMetricsF,
    x: float,
    top: float,
    lines: tuple[str, ...] | list[str],
    to_right: bool,
) -> None:
    for index, text in enumerate(lines):
        left = x - metrics.horizontalAdvance(text) if to_right else x
        baseline = top + index * metrics.height() + metrics.ascent()
        halo_text(painter, QPointF(left, baseline), text)


def _paint_bar(painter: QPainter, metrics: QFontMetricsF, corner: QPointF, bar: ScaleBar) -> None:
    """The bar ends at `corner`, its text stands to the left of it."""
    y = corner.y() - metrics.height() / 2
    start, end = QPointF(corner.x() - bar.length_px, y), QPointF(corner.x(), y)
    for colour, width in ((_SHADOW, 4.0), (_TEXT, 1.6)):
        pen = QPen(colour, width)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        painter.setPen(pen)
        painter.drawLine(start, end)
        for at in (start, end):
            painter.drawLine(at - QPointF(0, 4), at + QPointF(0, 4))
    left = start.x() - 8 - metrics.horizontalAdvance(bar.text)
    halo_text(painter, QPointF(left, y + metrics.ascent() / 2 - 1), bar.text)


def _paint_letters(
    painter: QPainter, metrics: QFontMetricsF, area: QRectF, letters: OrientationLetters
) -> None:
    middle_x, middle_y = area.center().x(), area.center().y() + metrics.ascent() / 2
    places = (
        (letters.left, area.left() + _MARGIN, middle_y, 0.0),
        (letters.right, area.right() - _MARGIN, middle_y, 1.0),
        (letters.top, middle_x, area.top() + _MARGIN + metrics.ascent(), 0.5),
        (letters.bottom, middle_x, area.bottom() - _MARGIN - metrics.descent(), 0.5),
    )
    for text, x, y, share in places:
        if text:
            halo_text(painter, QPointF(x - metrics.horizontalAdvance(text) * share, y), text)

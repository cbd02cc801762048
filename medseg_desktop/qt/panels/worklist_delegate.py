"""Paints the rows of the worklist: thumbnail, title, counts, warning mark."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPixmap
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from medseg_desktop.qt.panels.worklist_model import Index, Kind, Role, SeriesRow
from medseg_desktop.qt.theme.icons import pixmap
from medseg_desktop.qt.theme.state import current_tokens
from medseg_desktop.qt.theme.tokens import CORNER, SECONDARY_PX

THUMBNAIL = 48
_HEIGHTS = {Kind.PATIENT: 28, Kind.STUDY: 22, Kind.SERIES: 60}
_GAP = 8
_PAD = 8


def counts_text(row: SeriesRow) -> tuple[str, str]:
    """Two lines under the title, for example "37 slices · 13 annotated" and "26 reviewed · 3 to
    decide"."""

    def tr(text: str) -> str:
        return QCoreApplication.translate("Worklist", text)

    positions = row.slices // row.time_points
    slices = tr("1 slice") if positions == 1 else tr("{n} slices").format(n=positions)
    if row.time_points > 1:
        slices += " × " + tr("{n} times").format(n=row.time_points)  # noqa: RUF001
    if row.annotated:
        slices += " · " + tr("{n} annotated").format(n=row.annotated)
    if row.localizer and not row.reviewed:
        state = tr("localizer")
    elif row.done:
        state = tr("all reviewed")
    elif row.reviewed:
        state = tr("{n} reviewed").format(n=row.reviewed)
    else:
        state = tr("not reviewed")
    if row.proposed:
        state += " · " + tr("{n} to decide").format(n=row.proposed)
    return slices, state


class WorklistDelegate(QStyledItemDelegate):
    """Three kinds of rows; widths follow the view, long titles are cut with an ellipsis."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(120, _HEIGHTS[Kind(index.data(Role.KIND))])

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        row = index.data(Role.ROW)
        if isinstance(row, SeriesRow):
            self._paint_series(painter, option, index, row)
        else:
            self._paint_branch(painter, option, index)
        painter.restore()

    def _paint_branch(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        t = current_tokens()
        is_patient = index.data(Role.KIND) == Kind.PATIENT
        font = QFont(option.font)
        font.setWeight(QFont.Weight.DemiBold if is_patient else QFont.Weight.Normal)
        font.setPixelSize(13 if is_patient else SECONDARY_PX)
        area = option.rect.adjusted(2, 0, -_PAD, 0)
        done, total = index.data(Role.COUNTS) or (0, 0)
        small = _small(option.font)
        if is_patient and total > 1:
            # Of one series the mark in its own row tells the same.
            colour = t.good if done == total else t.muted
            text = f"{done}/{total}"
            _line(painter, area, text, small, colour, Qt.AlignmentFlag.AlignRight)
            area.setRight(area.right() - QFontMetrics(small).horizontalAdvance(text) - _GAP)
        colour = t.text if is_patient else t.muted
        _line(painter, area, str(index.data()), font, colour)
        area.setLeft(area.left() + QFontMetrics(font).horizontalAdvance(str(index.data())) + _GAP)
        study = index.data(Role.STUDY)
        if study and area.width() > 4 * _GAP:
            _line(painter, area, str(study), small, t.muted, Qt.AlignmentFlag.AlignRight)

    def _paint_series(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: Index,
        row: SeriesRow,
    ) -> None:
        t = current_tokens()
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
        if selected or hovered:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(t.selection if selected else t.raised))
            painter.drawRoundedRect(option.rect.adjusted(0, 1, -2, -1), CORNER, CORNER)
        frame = QRect(option.rect.left() + _PAD, 0, THUMBNAIL, THUMBNAIL)
        frame.moveTop(option.rect.center().y() - THUMBNAIL // 2 + 1)
        _paint_thumbnail(painter, frame, index.data(Role.THUMBNAIL))
        left = frame.right() + 10
        right = option.rect.right() - _PAD
        if row.warnings or row.done:
            name, colour = ("warning", t.caution) if row.warnings else ("check", t.good)
            mark = pixmap(name, colour, 16, painter.device().devicePixelRatio())
            painter.drawPixmap(right - 16, option.rect.top() + 7, mark)
        line = QRect(left, option.rect.top() + 5, right - left, 17)
        if row.warnings or row.done:
            line.setRight(right - 20)
        colour = t.muted if row.localizer and not selected else t.text
        _line(painter, line, row.series_title, option.font, colour)
        line.setRight(right)
        for text in counts_text(row):
            line.translate(0, 16)
            _line(painter, line, text, _small(option.font), t.text if selected else t.muted)


def _paint_thumbnail(painter: QPainter, frame: QRect, picture: object) -> None:
    painter.fillRect(frame, QColor(current_tokens().canvas))
    if isinstance(picture, QPixmap) and not picture.isNull():
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        size = picture.size().scaled(frame.size(), Qt.AspectRatioMode.KeepAspectRatio)
        target = QRect(0, 0, size.width(), size.height())
        target.moveCenter(frame.center())
        painter.drawPixmap(target, picture)


def _small(font: QFont) -> QFont:
    result = QFont(font)
    result.setPixelSize(SECONDARY_PX)
    return result


def _line(
    painter: QPainter,
    area: QRect,
    text: str,
    font: QFont,
    colour: str,
    side: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft,
) -> None:
    painter.setFont(font)
    painter.setPen(QColor(colour))
    shown = QFontMetrics(font).elidedText(text, Qt.TextElideMode.ElideRight, area.width())
    painter.drawText(area, side | Qt.AlignmentFlag.AlignVCenter, shown)

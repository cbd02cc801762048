"""The pyqtgraph part of the slice view: layers, zoom and pan, and the standing texts."""

from __future__ import annotations

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent, QPen, QResizeEvent, QTransform
from PySide6.QtWidgets import QGraphicsView, QWidget

from medseg_desktop.core.geometry import SpatialTransformation
from medseg_desktop.qt.canvas.comparison_item import ComparisonItem
from medseg_desktop.qt.canvas.corner_text import (
    CornerTexts,
    OrientationLetters,
    ScaleBar,
    paint_brackets,
    paint_message,
    paint_texts,
    scale_bar,
)
from medseg_desktop.qt.canvas.live_item import LiveItem
from medseg_desktop.qt.canvas.overlay_items import OutlineItem
from medseg_desktop.qt.canvas.pixel_items import PixelItem
from medseg_desktop.qt.theme.state import current_tokens

#: Of a slice that is moved aside, so that it can be found and taken again.
_IN_SIGHT_PX = 64.0
_FIT_MARGIN = 0.01
#: A place this near to the edge of the view is hardly in sight.
_EDGE_PX = 24.0
_LARGEST_PIXEL_PX = 96.0
_SMALLEST_SLICE_PX = 48.0


class SliceStage(pg.GraphicsView):  # type: ignore[misc]
    """Draws one slice; knows zoom and pan, knows nothing of the mouse."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, background=current_tokens().canvas)
        self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.FullViewportUpdate)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.box = pg.ViewBox(
            lockAspect=True, enableMouse=False, invertY=True, enableMenu=False, defaultPadding=0
        )
        self.box.disableAutoRange()
        self.setCentralItem(self.box)
        self.grey = PixelItem()
        self.label_map = PixelItem()
        self.prediction = PixelItem()
        self.comparison = ComparisonItem()
        self.outlines = OutlineItem()
        self.live = LiveItem()
        # Turned and flipped as a whole; later items lie on top.
        self._content = pg.ItemGroup()
        self.box.addItem(self._content, ignoreBounds=True)
        for item in (
            self.grey,
            self.label_map,
            self.prediction,
            self.comparison,
            self.outlines,
            self.live,
        ):
            item.setParentItem(self._content)
        self.texts = CornerTexts()
        self.letters = OrientationLetters()
        self.message = ""
        self.text_font = QFont()
        self.rubber_band: QRectF | None = None
        self.place: QRectF | None = None  # of the slice, that somebody was led to
        self.top_inset_px = 0  # at the upper edge lies something else
        self._column_mm: float | None = None
        self._pixel_aspect = 1.0
        self._turned = SpatialTransformation()
        self._has_slice = False
        # Of the slice on screen or the last one there was; zoom and pan are kept for it.
        self._shape: tuple[int, int] | None = None
        self._fitted = True

    @property
    def slice_shape(self) -> tuple[int, int] | None:
        """(rows, columns) of the slice that is shown, or None."""
        return self._shape if self._has_slice else None

    def set_slice_shape(self, shape: tuple[int, int] | None) -> None:
        """Fits the view when the slice has another shape than the last one there was.

        Zoom and pan are left as they are by slices of the same shape, and by None (no slice).
        """
        self._has_slice = shape is not None
        if shape is not None and shape != self._shape:
            self._shape = shape
            self._place()

    def set_pixel_aspect(self, aspect: float, column_mm: float | None) -> None:
        """Height of a pixel divided by its width, and its width in mm (None: unknown)."""
        self._column_mm = column_mm
        if aspect != self._pixel_aspect:
            self._pixel_aspect = aspect
            self._place()

    def set_turned(self, turned: SpatialTransformation) -> None:
        """Rotates and flips everything that lies on the slice."""
        if turned != self._turned:
            self._turned = turned
            self._place()

    def _place(self) -> None:
        """Turns the content and fits it."""
        sideways = self._turned.quarter_turns % 2 == 1
        # pyqtgraph wants screen pixels per x divided by screen pixels per y.
        ratio = self._pixel_aspect if sideways else 1.0 / self._pixel_aspect
        self.box.setAspectLocked(True, ratio=ratio)
        if self._shape is not None:
            self._content.setTransform(QTransform(*self._turned.matrix(*self._shape)))
        self.fit()

    def fit(self) -> None:
        """The whole slice as large as possible."""
        self._fitted = True
        if self._shape is None:
            return
        rows, columns = self._shape
        area = self._content.transform().mapRect(QRectF(0, 0, columns, rows))
        self.box.setRange(area, padding=_FIT_MARGIN, disableAutoRange=True)

    def show_pixels(self) -> None:
        """One column of the slice on one pixel of the screen, around the middle of the view."""
        middle = QPointF(self.viewport().rect().center())
        self.zoom(1 / (self.column_px() * self.devicePixelRatioF()), middle)

    def zoom(self, factor: float, at: QPointF) -> None:
        """Magnifies by `factor` (above 1 = closer) around a viewport position."""
        shape = self.slice_shape
        if shape is None:
            return
        scale = self.pixel_width_px()
        smallest = _SMALLEST_SLICE_PX / max(shape)
        wanted = min(max(scale * factor, smallest), _LARGEST_PIXEL_PX)
        self._fitted = False
        shrink = scale / wanted
        self.box.scaleBy((shrink, shrink), center=self._to_box(at))

    def pan(self, step: QPointF) -> None:
        """Moves the slice by `step` viewport pixels, as far as some of it stays in sight."""
        shape = self.slice_shape
        if shape is None:
            return
        self._fitted = False
        step = self._within_sight(step, shape)
        width, height = self.pixel_width_px(), self.pixel_height_px()
        self.box.translateBy(x=-step.x() / width, y=-step.y() / height)

    def bring_into_sight(self, place: QRectF) -> None:
        """Centres a place of the slice, in corner coordinates, unless all of it is in sight."""
        if self.slice_shape is None or self._fitted:
            return
        seen, view = self._on_screen(place), QRectF(self.viewport().rect())
        if not view.adjusted(_EDGE_PX, _EDGE_PX, -_EDGE_PX, -_EDGE_PX).contains(seen):
            self.pan(view.center() - seen.center())

    def _on_screen(self, place: QRectF) -> QRectF:
        """A rectangle of the slice in viewport coordinates."""
        corners = self.from_slice(place.topLeft()), self.from_slice(place.bottomRight())
        return QRectF(*corners).normalized()

    def _within_sight(self, step: QPointF, shape: tuple[int, int]) -> QPointF:
        corners = (self.from_slice(QPointF(0, 0)), self.from_slice(QPointF(shape[1], shape[0])))
        area, view = QRectF(*corners).normalized(), QRectF(self.viewport().rect())
        across, down = min(area.width(), _IN_SIGHT_PX), min(area.height(), _IN_SIGHT_PX)
        return QPointF(
            min(max(step.x(), across - area.right()), view.width() - across - area.left()),
            min(max(step.y(), down - area.bottom()), view.height() - down - area.top()),
        )

    def pixel_width_px(self) -> float:
        """Screen pixels (logical) from left to right that one pixel of the slice takes."""
        return abs(float(self.box.childTransform().m11()))

    def pixel_height_px(self) -> float:
        """Screen pixels (logical) from top to bottom that one pixel of the slice takes."""
        return abs(float(self.box.childTransform().m22()))

    def column_px(self) -> float:
        """Screen pixels (logical) that one column of the slice takes, however it is turned."""
        sideways = self._turned.quarter_turns % 2 == 1
        return self.pixel_height_px() if sideways else self.pixel_width_px()

    def to_slice(self, position: QPointF) -> QPointF:
        """Viewport position -> (x = column, y = row) in corner coordinates."""
        inverse, _ = self._content.transform().inverted()
        return QPointF(inverse.map(self._to_box(position)))

    def from_slice(self, point: QPointF) -> QPointF:
        """(x = column, y = row) in corner coordinates -> viewport position."""
        self.box.updateMatrix()
        turned = self._content.transform().map(point)
        return QPointF(self.mapFromScene(self.box.mapViewToScene(turned)))

    def _to_box(self, position: QPointF) -> QPointF:
        """Viewport position -> coordinates of the turned slice."""
        return QPointF(self.box.mapSceneToView(self.mapToScene(position.toPoint())))

    def current_scale_bar(self) -> ScaleBar | None:
        """The scale bar at this zoom; None without spacing or slice."""
        if self._column_mm is None or not self._has_slice:
            return None
        sideways = self._turned.quarter_turns % 2 == 1
        across_mm = self._column_mm * (self._pixel_aspect if sideways else 1.0)
        room = min(self.viewport().width() * 0.2, 200.0)
        return scale_bar(self.pixel_width_px() / across_mm, room)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        super().resizeEvent(event)
        if self._ready() and self._fitted:
            self.fit()

    def _ready(self) -> bool:
        # pyqtgraph resizes itself while it is being built.
        return hasattr(self, "_fitted")

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self.viewport())
        painter.setFont(self.text_font)
        area = QRectF(self.viewport().rect())
        if self._has_slice:
            free = area.adjusted(0, self.top_inset_px, 0, 0)
            paint_texts(painter, free, self.texts, self.letters, self.current_scale_bar())
        if self.rubber_band is not None:
            painter.setPen(QPen(QColor(current_tokens().accent), 1, Qt.PenStyle.DashLine))
            painter.drawRect(self.rubber_band)
        if self.place is not None and self._has_slice:
            paint_brackets(painter, self._on_screen(self.place))
        if self.message:
            paint_message(painter, area, self.message, self._has_slice)
        painter.end()

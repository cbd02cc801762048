"""The pyqtgraph part of the slice view: layers, zoom and pan, and the standing texts."""

from __future__ import annotations

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFont, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QGraphicsView, QWidget

from medseg_desktop.qt.canvas.corner_text import (
    CornerTexts,
    OrientationLetters,
    ScaleBar,
    paint_message,
    paint_texts,
    scale_bar,
)
from medseg_desktop.qt.canvas.overlay_items import OutlineItem, PixelItem
from medseg_desktop.qt.theme.state import current_tokens

_FIT_MARGIN = 0.01
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
        self.outlines = OutlineItem()
        # Later items lie on top.
        for item in (self.grey, self.label_map, self.prediction, self.outlines):
            self.box.addItem(item, ignoreBounds=True)
        self.texts = CornerTexts()
        self.letters = OrientationLetters()
        self.message = ""
        self.text_font = QFont()
        self.column_mm: float | None = None
        self._pixel_aspect = 1.0
        self._shape: tuple[int, int] | None = None
        self._fitted = True

    @property
    def slice_shape(self) -> tuple[int, int] | None:
        """(rows, columns) of the slice that is shown, or None."""
        return self._shape

    def set_slice_shape(self, shape: tuple[int, int] | None) -> None:
        """Fits the view when the shape differs from the last one, else leaves zoom and pan."""
        changed = shape is not None and shape != self._shape
        self._shape = shape
        if changed:
            self.fit()

    def set_pixel_aspect(self, aspect: float) -> None:
        """Height of a pixel divided by its width."""
        if aspect != self._pixel_aspect:
            self._pixel_aspect = aspect
            # pyqtgraph wants screen pixels per x divided by screen pixels per y.
            self.box.setAspectLocked(True, ratio=1.0 / aspect)
            self.fit()

    def fit(self) -> None:
        """The whole slice as large as possible."""
        self._fitted = True
        if self._shape is None:
            return
        rows, columns = self._shape
        self.box.setRange(QRectF(0, 0, columns, rows), padding=_FIT_MARGIN, disableAutoRange=True)

    def zoom(self, factor: float, at: QPointF) -> None:
        """Magnifies by `factor` (above 1 = closer) around a viewport position."""
        if self._shape is None:
            return
        scale = self.pixel_width_px()
        smallest = _SMALLEST_SLICE_PX / max(self._shape)
        wanted = min(max(scale * factor, smallest), _LARGEST_PIXEL_PX)
        self._fitted = False
        shrink = scale / wanted
        self.box.scaleBy((shrink, shrink), center=self.to_slice(at))

    def pan(self, step: QPointF) -> None:
        """Moves the slice by `step` viewport pixels."""
        if self._shape is None:
            return
        self._fitted = False
        width, height = self.pixel_width_px(), self.pixel_height_px()
        self.box.translateBy(x=-step.x() / width, y=-step.y() / height)

    def pixel_width_px(self) -> float:
        """Screen pixels (logical) that one column of the slice takes."""
        return abs(float(self.box.childTransform().m11()))

    def pixel_height_px(self) -> float:
        """Screen pixels (logical) that one row of the slice takes."""
        return abs(float(self.box.childTransform().m22()))

    def to_slice(self, position: QPointF) -> QPointF:
        """Viewport position -> (x = column, y = row) in corner coordinates."""
        return QPointF(self.box.mapSceneToView(self.mapToScene(position.toPoint())))

    def from_slice(self, point: QPointF) -> QPointF:
        """(x = column, y = row) in corner coordinates -> viewport position."""
        self.box.updateMatrix()
        return QPointF(self.mapFromScene(self.box.mapViewToScene(point)))

    def current_scale_bar(self) -> ScaleBar | None:
        """The scale bar at this zoom; None without spacing or slice."""
        if self.column_mm is None or self._shape is None:
            return None
        room = min(self.viewport().width() * 0.2, 200.0)
        return scale_bar(self.pixel_width_px() / self.column_mm, room)

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
        if self._shape is not None:
            paint_texts(painter, area, self.texts, self.letters, self.current_scale_bar())
        if self.message:
            paint_message(painter, area, self.message, self._shape is not None)
        painter.end()

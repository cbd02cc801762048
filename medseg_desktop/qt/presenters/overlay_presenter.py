"""What lies on the slice: outlines, label map, proposals, and what is being drawn."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from operator import is_

import numpy as np
from PySide6.QtCore import QObject

from medseg_desktop.core.annotation import Point
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.measures import Diameter
from medseg_desktop.core.shapes.patches import Pixels
from medseg_desktop.core.shapes.rings import Ring
from medseg_desktop.core.shapes.slice_pixels import PixelKeeper, SlicePixels
from medseg_desktop.core.shapes.vertices import handles
from medseg_desktop.core.view import Layers, LayerState, ResolvedView
from medseg_desktop.qt.canvas.slice_view import (
    CursorRing,
    LabelLayer,
    LiveDrawing,
    LiveMask,
    SliceView,
)
from medseg_desktop.qt.comparisons import Comparisons
from medseg_desktop.qt.loaded_slice import LoadedSlice
from medseg_desktop.qt.panels.measure_text import length_text
from medseg_desktop.qt.panels.overlay_panel import Layer, OverlayPanel
from medseg_desktop.qt.presenters import overlays
from medseg_desktop.qt.presenters.comparing.areas import CompareAreas
from medseg_desktop.qt.presenters.drawing_presenter import DrawingPresenter
from medseg_desktop.qt.sessions import AnnotationSession, DrawingSession, StudySession
from medseg_desktop.qt.theme.tokens import DARK
from medseg_desktop.qt.tools.tool import ToolDrawing, ToolName

#: No label's colour: a red stroke would look like paint of a red label.
_ERASER_COLOR = DARK.text


class OverlayPresenter(QObject):
    """Draws what the documents, the model and the tool say about the slice on screen."""

    def __init__(
        self,
        view: SliceView,
        panel: OverlayPanel,
        study: StudySession,
        annotations: AnnotationSession,
        drawing: DrawingSession,
        desk: DrawingPresenter,
        pixels: PixelKeeper,
        comparisons: Comparisons,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._view, self._panel = view, panel
        self._areas = CompareAreas(comparisons)
        self._study, self._annotations = study, annotations
        self._drawing, self._desk = drawing, desk
        self._outlines = overlays.ShapeOutlines()
        self._loaded: LoadedSlice | None = None
        self._shown = drawing.drawing
        self._pixels, self._proposed = pixels, PixelKeeper()
        # What the view has: giving it the same again would cost as much as something new.
        self._given: dict[str, Sequence[object]] = {}
        self._shared: tuple[Pixels, LiveMask | None] | None = None
        study.view_changed.connect(self._on_view)
        study.view_closed.connect(self._forget)
        study.slice_loaded.connect(self._on_loaded)
        study.slice_failed.connect(lambda _: self._forget())
        annotations.documents_changed.connect(self.draw)
        annotations.proposals_changed.connect(self.draw)
        annotations.labels_changed.connect(lambda _: self.draw())
        drawing.selection_changed.connect(self.draw)
        drawing.tool_changed.connect(lambda _: self._on_tool())
        comparisons.changed.connect(self._on_compared)
        drawing.label_changed.connect(lambda _: self.draw())
        drawing.drawing_changed.connect(self._on_drawing)
        panel.layer_changed.connect(self._on_layer)
        self._show_layers(study.state.layers)

    # -- from the sessions

    def _on_layer(self, layer: Layer, visible: bool, opacity: float) -> None:
        self._study.set_layer(layer.value, LayerState(visible, opacity))

    def _on_view(self, now: ResolvedView, before: ResolvedView | None) -> None:
        if before is None or before.series is not now.series:
            self._forget()
        if before is None or before.layers != now.layers:
            self._show_layers(now.layers)
            self.draw()
        elif before.comparison != now.comparison:
            self.draw()

    def _on_compared(self) -> None:
        """Something else may be known of the slice on screen."""
        now = self._study.view
        if now is not None and now.comparison.visible:
            self.draw()

    def _show_layers(self, layers: Layers) -> None:
        for layer in Layer:
            state: LayerState = getattr(layers, layer.value)
            self._panel.set_layer(layer, state.visible, state.opacity)

    def _on_loaded(self, loaded: LoadedSlice) -> None:
        self._loaded = loaded
        self._given.clear()  # between two slices the view may have been cleared
        self.draw()

    def _forget(self) -> None:
        self._loaded = None

    def _on_tool(self) -> None:
        """In compare mode outlines come and go with the tool."""
        self._draw_live()
        self._on_compared()

    def _on_drawing(self) -> None:
        """A tool shows something else at every move; shapes are drawn again only if they look
        different."""
        before, self._shown = self._shown, self._drawing.drawing
        now = self._shown
        # Told by identity: shapes that are being moved have the points of before.
        changes = (before.replaced or now.replaced) and before.replaced is not now.replaced
        if not changes and before.hovered == now.hovered:
            self._draw_live()
        else:
            self.draw()

    # -- drawing

    def draw(self) -> None:
        """Everything on the slice on screen, as the layers say."""
        now, loaded = self._study.view, self._loaded
        if now is None or loaded is None or loaded.index != now.index:
            return
        drawn, labels = self._drawing.drawing, self._annotations.labels
        own = self._annotations.shapes(now.slice)
        looks = self._desk.shapes
        if drawn.replaced:
            looks = tuple(drawn.replaced.get(i, shape) for i, shape in enumerate(looks))
        size = now.series.rows, now.series.columns
        count, layers = len(own), now.layers
        pixels = self._pixels.of(own, *size).after(looks[:count])
        compares = self._draw_areas(now, pixels, labels)
        if compares:
            layers = _without_maps(layers)
        self._draw_map("label map", self._view.set_label_map, layers.label_map, pixels, labels)
        proposals = self._proposed.of(looks[count:], *size)
        names = dict.fromkeys(shape.label for shape in proposals.shapes)
        table = LabelTable.from_names(names)
        self._draw_map(
            "proposals", self._view.set_prediction_map, layers.prediction, proposals, table
        )
        # Beside the areas there are outlines only for a tool that works on them.
        shown = enumerate(() if compares and self._drawing.tool is None else looks)
        outlines = self._outlines.of(
            shown if layers.outlines.visible else islice(shown, count, None),
            labels,
            self._drawing.selection,
            drawn.hovered,
            proposed=count,
            model_color=DARK.model,
        )
        if self._is_new("outlines", outlines):
            self._view.set_outlines(outlines)
        self._draw_live()

    def _draw_areas(self, now: ResolvedView, pixels: SlicePixels, labels: LabelTable) -> bool:
        """The areas of compare mode; whether there are any to stand in for the maps."""
        areas = self._areas.of(now, pixels, labels)
        if self._is_new("areas", (areas, now.comparison)):
            self._view.set_comparison(areas, now.comparison.opacity)
        return areas is not None

    def _is_new(self, what: str, given: Sequence[object]) -> bool:
        """Whether the view has something else; told by identity."""
        before = self._given.get(what)
        self._given[what] = given
        return before is None or len(before) != len(given) or not all(map(is_, before, given))

    def _draw_map(
        self,
        what: str,
        show: Callable[[LabelLayer | None, float], None],
        state: LayerState,
        pixels: SlicePixels,
        table: LabelTable,
    ) -> None:
        """The filled pixels of some shapes; those of a model are all in its colour."""
        is_model = what == "proposals"
        if not state.visible or not pixels.shapes:
            if self._is_new(what, ()):
                show(None, state.opacity)
            return
        if self._is_new(what, (pixels, *((state, table) if not is_model else (state,)))):
            colors = [_rgb(DARK.model) if is_model else x.color for x in table.labels]
            show(LabelLayer(overlays.visible_label_map(pixels, table), colors), state.opacity)

    def _draw_live(self) -> None:
        """What lies on top and follows the mouse."""
        drawn = self._drawing.drawing
        if self._study.view is None or self._loaded is None:
            self._view.set_live(LiveDrawing())
            return
        color = overlays.label_color(self._annotations.labels, self._desk.label)
        points, active = self._handles(drawn)
        edge = np.array([drawn.edge]) if drawn.edge is not None else np.empty((0, 2))
        self._view.set_live(
            LiveDrawing(
                path=np.array(drawn.path, dtype=float).reshape(-1, 2),
                closed=drawn.is_closed,
                cursor=drawn.pointer,
                colour=color,
                handles=points,
                active=active,
                midpoints=edge,
                cursor_ring=_ring(drawn),
                mask=_stroke(drawn, color),
                calipers=tuple(np.array(line) for line in self._drawing.calipers),
                caliper_texts=tuple(self._length(*line) for line in self._drawing.calipers),
                overlap=self._overlap(),
            )
        )

    def _length(self, start: Point, end: Point) -> str:
        """The length of a caliper with its unit, as in the list of the lesions."""
        spacing = self._study.view.series.spacing_mm if self._study.view else None
        if spacing is None:
            return self.tr("{n} px").format(n=length_text(Diameter(start, end, None)))
        down, across = (end[1] - start[1]) * spacing[0], (end[0] - start[0]) * spacing[1]
        diameter = Diameter(start, end, math.hypot(down, across))
        return self.tr("{n} mm").format(n=length_text(diameter))

    def _handles(self, drawn: ToolDrawing) -> tuple[Ring, int | None]:
        """Points that can be taken: set ones of a new outline, or vertices of the selection."""
        if drawn.dots:
            complete = drawn.is_closed and drawn.pointer is None and len(drawn.dots) > 2
            return np.array(drawn.dots, dtype=float), 0 if complete else None
        shapes, vertex = self._desk.shapes, drawn.vertex
        rings: list[Ring] = []
        active, count = None, 0
        if self._drawing.tool is ToolName.EDIT:
            for i in self._drawing.selection:
                for k, ring in enumerate(handles(drawn.replaced.get(i, shapes[i]))):
                    if vertex is not None and (vertex.shape, vertex.ring) == (i, k):
                        active = count + vertex.index
                    rings.append(ring)
                    count += len(ring)
        if vertex is not None and active is None:
            rings.append(np.array([vertex.point]))
            active = count
        return np.concatenate(rings) if rings else np.empty((0, 2)), active

    def _overlap(self) -> LiveMask | None:
        """Where labels overlap; the same mask while that is the same."""
        now = self._study.view
        if now is None or not now.layers.outlines.visible:
            return None
        shapes = self._annotations.shapes(now.slice)
        shared = self._pixels.of(shapes, now.series.rows, now.series.columns).overlap
        if self._shared is None or self._shared[0] is not shared:
            self._shared = (shared, LiveMask(shared) if shared.any() else None)
        return self._shared[1]


def _without_maps(layers: Layers) -> Layers:
    """The areas of compare mode tell all that the maps do."""
    hidden = LayerState(False)
    return replace(layers, label_map=hidden, prediction=hidden)


def _ring(drawn: ToolDrawing) -> CursorRing | None:
    if drawn.ring is None:
        return None
    (x, y), radius = drawn.ring
    return CursorRing(x, y, radius)


def _stroke(drawn: ToolDrawing, color: str) -> LiveMask | None:
    if drawn.stroke is None:
        return None
    return LiveMask(drawn.stroke, colour=_ERASER_COLOR if drawn.erases else color)


def _rgb(color: str) -> tuple[int, int, int]:
    return (int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16))

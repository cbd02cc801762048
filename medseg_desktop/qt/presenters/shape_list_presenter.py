"""The list of the shapes of the slice on screen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PySide6.QtCore import QObject, QTimer

from medseg_desktop.core.annotation import Shape
from medseg_desktop.core.measures import area_of
from medseg_desktop.core.shapes.provenance import Provenance
from medseg_desktop.core.shapes.slice_pixels import PixelKeeper
from medseg_desktop.core.view import ResolvedView
from medseg_desktop.qt.panels.shapes_panel import ShapeRow, ShapesPanel
from medseg_desktop.qt.presenters import overlays
from medseg_desktop.qt.presenters.shape_presenter import ShapePresenter
from medseg_desktop.qt.sessions import AnnotationSession, DrawingSession, StudySession

#: The list follows what is drawn, but need not do so within the same frame.
_AFTER_MS = 30


class ShapeListPresenter(QObject):
    """Fills the list of shapes and follows its selection."""

    def __init__(
        self,
        panel: ShapesPanel,
        study: StudySession,
        annotations: AnnotationSession,
        drawing: DrawingSession,
        actions: ShapePresenter,
        pixels: PixelKeeper,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._panel, self._study = panel, study
        self._annotations, self._drawing = annotations, drawing
        self._actions = actions
        self._pixels = pixels
        # By the identity of a shape, which is kept alive with it: shapes are never changed.
        self._rows: dict[int, tuple[Shape, ShapeRow]] = {}
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_AFTER_MS)
        self._soon.timeout.connect(self.fill)
        panel.selection_changed.connect(self._select)
        panel.raise_requested.connect(lambda _: actions.move_in_order(to_front=True))
        panel.lower_requested.connect(lambda _: actions.move_in_order(to_front=False))
        panel.delete_requested.connect(lambda _: actions.delete())
        study.view_changed.connect(self._on_view)
        study.view_closed.connect(lambda: panel.set_shapes((), ()))
        for changed in (annotations.documents_changed, annotations.proposals_changed):
            changed.connect(self._soon.start)
        annotations.labels_changed.connect(lambda _: self._soon.start())
        drawing.selection_changed.connect(lambda: panel.set_selection(drawing.selection))

    def _select(self, numbers: tuple[int, ...]) -> None:
        self._actions.select(numbers)
        self._panel.set_selection(self._drawing.selection)  # perhaps not all could be

    def _on_view(self, now: ResolvedView, before: ResolvedView | None) -> None:
        if before is None or before.slice != now.slice:
            self._soon.start()

    def fill(self) -> None:
        """The shapes of the slice on screen with their numbers."""
        now = self._study.view
        if now is None:
            return
        series, labels = now.series, self._annotations.labels
        pixels = self._pixels.of(self._annotations.shapes(now.slice), series.rows, series.columns)
        shared = pixels.overlap
        count = int(np.count_nonzero(shared))
        known, self._rows = self._rows, {}
        colors: dict[str, str] = {}
        rows = []
        for i, (shape, patch) in enumerate(zip(pixels.shapes, pixels.patches, strict=True)):
            if shape.label not in colors:
                colors[shape.label] = overlays.swatch_color(labels, shape.label)
            color, overlaps = colors[shape.label], count > 0 and patch.meets(shared)
            area = area_of(patch.count, series.spacing_mm)
            entry = known.get(id(shape))
            row = entry[1] if entry else self._row(i, shape, color, patch.count, area, overlaps)
            told = (i, color, patch.count, area, overlaps)
            if (row.key, row.colour, row.pixels, row.area_mm2, row.overlaps) != told:
                row = replace(
                    row,
                    key=i,
                    colour=color,
                    pixels=patch.count,
                    area_mm2=area,
                    overlaps=overlaps,
                )
            self._rows[id(shape)] = (shape, row)
            rows.append(row)
        self._panel.set_shapes(rows, self._drawing.selection)
        text = self.tr("{n} px lie in two labels; the later shape counts.").format(n=f"{count:,}")
        self._panel.set_overlap(text if count else "")

    def _row(
        self,
        number: int,
        shape: Shape,
        color: str,
        pixels: int,
        area_mm2: float | None,
        overlaps: bool,
    ) -> ShapeRow:
        found = Provenance.of(shape)
        return ShapeRow(
            number,
            shape.label,
            color,
            pixels,
            area_mm2,
            from_model=bool(found.model),
            edited=found.edited,
            annotator=found.annotator,
            provenance=self._story(found),
            overlaps=overlaps,
        )

    def _story(self, found: Provenance) -> str:
        """Where a shape comes from, in a few lines."""
        who = found.annotator or self.tr("somebody")
        when = found.time.replace("T", " ").removesuffix("+00:00")
        if found.model and found.edited:
            lines = [self.tr("Proposed by {model}, corrected by {who}")]
        elif found.model:
            lines = [self.tr("Proposed by {model}, accepted by {who}")]
        elif found.annotator:
            lines = [self.tr("Drawn by {who}")]
        else:
            return self.tr("Drawn; by whom is not recorded")
        lines[0] = lines[0].format(model=found.model, who=who)
        if found.dice is not None:
            lines.append(self.tr("Dice of proposal and shape: {x}").format(x=f"{found.dice:.3f}"))
        if when:
            lines.append(self.tr("{time} UTC").format(time=when))
        return "\n".join(lines)

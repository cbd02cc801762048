"""The lesions of the series on screen: worked out in the background, and the way to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, QTimer

from medseg_desktop.core.annotation import Shape
from medseg_desktop.core.display import modality_values
from medseg_desktop.core.errors import MedSegError, UnreadableSliceError
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.lesions import Lesion, find_lesions, total_ml
from medseg_desktop.core.raster import LabelMap, draw_label_map
from medseg_desktop.core.view import ResolvedView
from medseg_desktop.core.volume import Series
from medseg_desktop.qt.background import Background
from medseg_desktop.qt.panels.lesions_panel import LesionRow, LesionsPanel
from medseg_desktop.qt.presenters import overlays
from medseg_desktop.qt.sessions import AnnotationSession, DrawingSession, StudySession
from medseg_desktop.qt.slice_loader import SliceLoader

#: The list follows what is drawn, but not at once: an edit is often followed by another.
_AFTER_MS = 400


class _LabelMaps(Mapping[int, LabelMap]):
    """Label maps by slice index, drawn when they are asked for: all at once would be too many."""

    def __init__(
        self, shapes: dict[int, tuple[Shape, ...]], table: LabelTable, rows: int, columns: int
    ) -> None:
        self._shapes, self._table, self._size = shapes, table, (rows, columns)

    def __getitem__(self, index: int) -> LabelMap:
        return draw_label_map(self._shapes[index], self._table, *self._size)

    def __iter__(self) -> Iterator[int]:
        return iter(self._shapes)

    def __len__(self) -> int:
        return len(self._shapes)


class LesionsPresenter(QObject):
    """Works out the lesions of the series on screen in the background, after every change."""

    def __init__(
        self,
        panel: LesionsPanel,
        loader: SliceLoader,
        study: StudySession,
        annotations: AnnotationSession,
        drawing: DrawingSession,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._panel, self._loader = panel, loader
        self._study, self._annotations, self._drawing = study, annotations, drawing
        self._background = Background(1, "lesions", self)
        self._generation = 0
        self._lesions: tuple[Lesion, ...] = ()
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_AFTER_MS)
        self._soon.timeout.connect(self.compute)
        panel.lesion_activated.connect(self._go)
        annotations.documents_changed.connect(self._wait)
        annotations.labels_changed.connect(lambda _: self._wait())
        study.view_changed.connect(self._on_view)
        study.view_closed.connect(lambda: self._show(self._generation, None, ()))

    def _on_view(self, now: ResolvedView, before: ResolvedView | None) -> None:
        if before is None or before.series is not now.series:
            self._wait()

    def _wait(self) -> None:
        self._generation += 1
        self._soon.start()

    def compute(self) -> None:
        """Ask for the lesions of the series on screen."""
        view = self._study.view
        if view is None:
            return
        series = view.series
        shapes = {
            i: self._annotations.shapes(series.slices[i])
            for i in self._annotations.annotated(series)
        }
        if shapes:
            self._panel.set_busy(self.tr("Measuring"))
        self._background.submit(
            partial(self._find, series, shapes, self._annotations.labels),
            partial(self._show, self._generation, series),
            partial(self._on_failed, self._generation),
        )

    def _find(
        self, series: Series, shapes: dict[int, tuple[Shape, ...]], table: LabelTable
    ) -> tuple[Lesion, ...]:
        """In the background."""

        def values(index: int) -> npt.NDArray[np.generic] | None:
            if self._background.closed:
                return None
            try:
                loaded = self._loader.read_now(series, index)
            except UnreadableSliceError:
                return None
            return None if loaded.is_colour else modality_values(loaded.stored, loaded.fmt)

        return find_lesions(
            _LabelMaps(shapes, table, series.rows, series.columns),
            series.positions,
            series.spacing_mm,
            series.voxel_ml,
            values,
        )

    def _show(self, generation: int, series: Series | None, lesions: tuple[Lesion, ...]) -> None:
        if generation != self._generation:
            return  # something has changed meanwhile
        self._lesions = lesions
        labels = self._annotations.labels.labels
        rows = [
            LesionRow(
                lesion,
                labels[lesion.label].name,
                overlays.hex_color(labels[lesion.label].color),
                self.tr("Slice {n}").format(n=lesion.diameter_slice + 1),
            )
            for lesion in lesions
        ]
        self._panel.set_lesions(rows, total_ml(lesions))

    def _on_failed(self, generation: int, error: MedSegError) -> None:
        """What was measured before is no longer true, and nothing is measured any more."""
        if generation == self._generation:
            self._lesions = ()
            text = self.tr("The lesions could not be measured. {reason}")
            self._panel.set_problem(text.format(reason=error.message))

    def _go(self, number: int) -> None:
        """To the slice with the longest diameter of a lesion, which is shown there."""
        lesion = next((x for x in self._lesions if x.number == number), None)
        if lesion is not None:
            self._study.set_slice(lesion.diameter_slice)
            lines = (lesion.longest, lesion.perpendicular)
            self._drawing.show_calipers(tuple((line.start, line.end) for line in lines))

    def quit(self) -> None:
        """Work nothing out any more; does not wait for the thread."""
        self._soon.stop()
        self._background.quit()

    def close(self) -> None:
        """End the thread."""
        self.quit()
        self._background.close()

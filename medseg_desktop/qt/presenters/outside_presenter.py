"""Says which shapes of the slice on screen reach beyond it."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction

from medseg_desktop.core.annotation import Shape
from medseg_desktop.core.shapes.clip import reaches_outside
from medseg_desktop.core.view import ResolvedView
from medseg_desktop.qt.panels.slice_panel import SlicePanel
from medseg_desktop.qt.sessions import AnnotationSession, DrawingSession, StudySession

_CLIP = "clip_shapes"


class OutsidePresenter(QObject):
    """Shows the notice in the panel of the slice, and has the shapes clipped from there."""

    def __init__(
        self,
        panel: SlicePanel,
        actions: dict[str, QAction],
        study: StudySession,
        annotations: AnnotationSession,
        drawing: DrawingSession,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._panel, self._actions = panel, actions
        self._study, self._annotations, self._drawing = study, annotations, drawing
        self._looked: tuple[Shape, ...] | None = None
        self._outside: list[int] = []
        panel.clip_requested.connect(self._clip)
        study.view_changed.connect(self._on_view)
        study.view_closed.connect(self._show)
        annotations.documents_changed.connect(self._show)
        self._show()

    def _on_view(self, now: ResolvedView, before: ResolvedView | None) -> None:
        if before is None or before.slice != now.slice:
            self._show()

    def _show(self) -> None:
        view = self._study.view
        shapes = tuple(self._annotations.shapes(view.slice)) if view else ()
        if shapes == self._looked:
            return
        self._looked = shapes
        rows, columns = (view.series.rows, view.series.columns) if view else (0, 0)
        self._outside = [i for i, s in enumerate(shapes) if reaches_outside(s, rows, columns)]
        count = len(self._outside)
        text = self.tr("1 shape reaches beyond the slice.")
        if count != 1:
            text = self.tr("{n} shapes reach beyond the slice.").format(n=count)
        self._panel.set_outside(text if count else "", count == 1, _CLIP in self._actions)

    def _clip(self) -> None:
        """The action works on the selection."""
        self._drawing.select(self._outside)
        self._actions[_CLIP].trigger()

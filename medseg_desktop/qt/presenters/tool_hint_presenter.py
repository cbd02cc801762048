"""Says what the mouse does now, and with which label."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction

from medseg_desktop.core.view import ResolvedView
from medseg_desktop.qt.panels.brush_button import BrushButton
from medseg_desktop.qt.panels.tool_hint import ToolHint
from medseg_desktop.qt.presenters import overlays
from medseg_desktop.qt.sessions import AnnotationSession, DrawingSession, StudySession
from medseg_desktop.qt.tools.tool import ToolName

_BRUSHES = (ToolName.BRUSH, ToolName.ERASER)
#: Tools that do not draw with the current label.
_WITHOUT_LABEL = (None, ToolName.EDIT, ToolName.ERASER, ToolName.CUT)


class ToolHintPresenter(QObject):
    """Keeps the hint at the foot of the window and the button of the brush up to date."""

    def __init__(
        self,
        hint: ToolHint,
        brush: BrushButton,
        actions: dict[str, QAction],
        study: StudySession,
        annotations: AnnotationSession,
        drawing: DrawingSession,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._hint, self._brush, self._actions = hint, brush, actions
        self._study, self._annotations, self._drawing = study, annotations, drawing
        drawing.tool_changed.connect(lambda _: self._show())
        drawing.label_changed.connect(lambda _: self._show())
        annotations.labels_changed.connect(lambda _: self._show())
        study.view_changed.connect(self._on_view)
        study.view_closed.connect(self._show)
        self._show()

    def _on_view(self, now: ResolvedView, before: ResolvedView | None) -> None:
        if before is None:
            self._show()

    def _show(self) -> None:
        tool, labels = self._drawing.tool, self._annotations.labels
        self._brush.set_used(tool in _BRUSHES)
        self._hint.setVisible(self._study.view is not None)
        key = f"tool_{tool.value}" if tool is not None else "browse"
        self._hint.set_tool(self._actions[key].text(), self._sentence(tool))
        name, color = "", "#ffffff"
        if tool not in _WITHOUT_LABEL and 0 < self._drawing.label < len(labels):
            name = labels.labels[self._drawing.label].name
            color = overlays.swatch_color(labels, name)
        self._hint.set_label(name, color)

    def _sentence(self, tool: ToolName | None) -> str:
        """How a tool is used, the commonest first: the end is cut in narrow windows."""
        texts = {
            None: self.tr("Left drag sets the window · right drag zooms · middle drag moves"),
            ToolName.EDIT: self.tr(
                "Drag a vertex or a shape · click an edge to add a vertex · "
                "Alt + click takes one away"
            ),
            ToolName.POLYGON: self.tr(
                "Click vertices · double click closes · Backspace takes back"
            ),
            ToolName.RECTANGLE: self.tr("Drag from corner to corner · Shift makes a square"),
            ToolName.CIRCLE: self.tr("Drag from the centre to the rim"),
            ToolName.LASSO: self.tr("Draw around the lesion · let go to close"),
            ToolName.BRUSH: self.tr("Drag to paint · Ctrl erases · Shift + wheel changes the size"),
            ToolName.ERASER: self.tr(
                "Drag over what goes · Ctrl paints · Shift + wheel changes the size"
            ),
            ToolName.CUT: self.tr("Draw a line across a shape to part it"),
        }
        return texts[tool]

"""The actions of Draw mode: tools, label digits, brush size, undo, and the keys that depend on
what has been begun."""

from __future__ import annotations

from PySide6.QtCore import QObject, QSignalBlocker, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from medseg_desktop.qt.presenters.drawing_presenter import DrawingPresenter
from medseg_desktop.qt.presenters.preset_presenter import PresetPresenter
from medseg_desktop.qt.presenters.window_presenter import WindowPresenter
from medseg_desktop.qt.sessions import AnnotationSession, DrawingSession
from medseg_desktop.qt.tools.tool import ToolName

_TOOL_KEYS = {tool: f"tool_{tool.value}" for tool in ToolName}


class DrawActions(QObject):
    """Connects the actions to the sessions and shows on them what these say.

    Args:
        digits_of: has the digit keys while browsing, for window presets.

    Signals:
        relabel_requested(str): a digit was pressed while shapes are selected in the edit tool.
    """

    relabel_requested = Signal(str)

    def __init__(
        self,
        window: QWidget,
        actions: dict[str, QAction],
        annotations: AnnotationSession,
        drawing: DrawingSession,
        desk: DrawingPresenter,
        levels: WindowPresenter,
        digits_of: PresetPresenter,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._actions, self._annotations = actions, annotations
        self._drawing, self._desk, self._levels = drawing, desk, levels
        self._presets = digits_of
        self._digits = [self._digit_action(window, digit) for digit in range(10)]
        for tool, key in _TOOL_KEYS.items():
            actions[key].triggered.connect(lambda _=False, tool=tool: self._choose(tool))
        actions["browse"].triggered.connect(lambda _=False: self._toggle_browse())
        actions["brush_smaller"].triggered.connect(lambda: drawing.step_brush(-1))
        actions["brush_larger"].triggered.connect(lambda: drawing.step_brush(1))
        actions["snap"].setChecked(drawing.snaps)
        actions["snap"].toggled.connect(drawing.set_snaps)
        actions["cancel"].triggered.connect(lambda _=False: self.cancel())
        actions["undo"].triggered.connect(lambda _=False: self.undo())
        actions["redo"].triggered.connect(lambda _=False: annotations.stack.redo())
        annotations.steps_changed.connect(self._show_steps)
        drawing.tool_changed.connect(self._on_tool)
        drawing.drawing_changed.connect(self._on_drawing)
        self._was_drawing = False
        self._on_tool(drawing.tool)
        self._show_steps()

    def _digit_action(self, window: QWidget, digit: int) -> QAction:
        action = QAction(window)
        action.setShortcut(QKeySequence(str(digit)))
        action.triggered.connect(lambda _=False: self._choose_label(digit))
        window.addAction(action)
        return action

    # -- from the user

    def _choose(self, tool: ToolName) -> None:
        """A tool that is in use already stays so."""
        self._drawing.set_tool(tool)
        self._on_tool(self._drawing.tool)

    def _toggle_browse(self) -> None:
        """The key goes back and forth between browsing and the last tool."""
        drawing = self._drawing
        drawing.set_tool(None if drawing.tool is not None else drawing.last_tool)
        self._on_tool(drawing.tool)

    def _choose_label(self, digit: int) -> None:
        """The label of the next shapes and, in the edit tool, of the selected ones."""
        labels, drawing = self._annotations.labels, self._drawing
        index = labels.index_of_digit(digit)
        if not index:
            return
        drawing.set_label(index)
        if drawing.tool is ToolName.EDIT and drawing.selection and not self._desk.is_drawing:
            self.relabel_requested.emit(labels.labels[index].name)

    def cancel(self) -> None:
        """Escape: end the drag or the drawing, else drop the selection, else browse."""
        if not self._levels.cancel() and not self._desk.cancel():
            if self._drawing.selection:
                self._drawing.select([])
            else:
                self._drawing.set_tool(None)

    def undo(self) -> None:
        """The last point of what is being drawn, else the last step."""
        if not self._desk.step_back():
            self._annotations.stack.undo()

    # -- what is shown

    def _on_tool(self, tool: ToolName | None) -> None:
        shown = {key: tool is name for name, key in _TOOL_KEYS.items()} | {"browse": tool is None}
        for key, on in shown.items():
            with QSignalBlocker(self._actions[key]):
                self._actions[key].setChecked(on)
        for action in self._digits:
            action.setEnabled(tool is not None)
        self._presets.set_digits(tool is None)

    def _on_drawing(self) -> None:
        """At every move of the mouse; what can be taken back changes when something is begun."""
        if self._desk.is_drawing != self._was_drawing:
            self._show_steps()

    def _show_steps(self) -> None:
        """The menu names the step that is taken back or repeated."""
        stack, busy = self._annotations.stack, self._desk.is_drawing
        self._was_drawing = busy
        undo, redo = self._actions["undo"], self._actions["redo"]
        undo.setEnabled(stack.canUndo() or busy)
        redo.setEnabled(stack.canRedo() and not busy)
        text = self.tr("Undo {step}") if stack.undoText() else self.tr("Undo")
        undo.setText(text.format(step=stack.undoText()))
        text = self.tr("Redo {step}") if stack.redoText() else self.tr("Redo")
        redo.setText(text.format(step=stack.redoText()))
        for action in (undo, redo):
            keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            action.setToolTip(f"{action.text()} ({keys})")

"""The label table: what the panel says is done to it as a step that can be taken back."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject

from medseg_desktop.core.errors import LabelError
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.qt.messages import sentence
from medseg_desktop.qt.panels.labels_panel import LabelRow, LabelsPanel
from medseg_desktop.qt.sessions import AnnotationSession, DrawingSession


class LabelsPresenter(QObject):
    """Between the panel of the labels and the annotations, which own the table.

    What is only a matter of looking (hidden, locked) is done at once; the rest can be undone.
    """

    def __init__(
        self,
        panel: LabelsPanel,
        annotations: AnnotationSession,
        drawing: DrawingSession,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._panel, self._annotations, self._drawing = panel, annotations, drawing
        panel.current_changed.connect(drawing.set_label)
        panel.add_requested.connect(self._add)
        panel.renamed.connect(self._rename)
        panel.recolored.connect(self._recolor)
        panel.shortcut_changed.connect(self._set_digit)
        panel.remove_requested.connect(self._remove)
        panel.visibility_changed.connect(self._set_visible)
        panel.lock_changed.connect(self._set_locked)
        annotations.labels_changed.connect(lambda _: self._fill())
        annotations.documents_changed.connect(self._fill)
        drawing.label_changed.connect(lambda _: self._fill())
        self._fill()

    def _fill(self) -> None:
        table, current = self._annotations.labels, self._drawing.label
        if not 0 < current < len(table):
            current = min(1, len(table) - 1)
            self._drawing.set_label(current)
        last = len(table) - 1
        removable = last >= self._annotations.fixed_labels and not self._annotations.uses(
            table.labels[last].name
        )
        rows = [
            LabelRow(
                label.index,
                label.name,
                label.color,
                digit,
                label.visible,
                label.locked,
                removable and label.index == last,
            )
            for label, digit in zip(table.labels, table.digits, strict=True)
            if label.index
        ]
        self._panel.set_labels(rows, current)

    def _step(self, text: str, change: Callable[[LabelTable], LabelTable]) -> bool:
        """Whether anything has changed."""
        try:
            return self._annotations.set_labels(text, change(self._annotations.labels))
        except LabelError as error:
            self._panel.show_problem(sentence(error))
            return False

    def _add(self, name: str) -> None:
        """A label that was added is the one to draw with."""
        if self._step(self.tr("add label"), lambda table: table.add(name)):
            self._drawing.set_label(len(self._annotations.labels) - 1)

    def _rename(self, index: int, name: str) -> None:
        self._step(self.tr("rename label"), lambda table: table.renamed(index, name))

    def _recolor(self, index: int, color: tuple[int, int, int]) -> None:
        self._step(self.tr("change colour"), lambda table: table.recolored(index, color))

    def _set_digit(self, index: int, digit: int | None) -> None:
        self._step(self.tr("change digit"), lambda table: table.with_shortcut(index, digit))

    def _remove(self, index: int) -> None:
        names = self._annotations.labels.names
        unused = (
            index >= self._annotations.fixed_labels
            and index < len(names)
            and not self._annotations.uses(names[index])
        )
        self._step(self.tr("remove label"), lambda table: table.removed(index, unused=unused))

    def _set_visible(self, index: int, visible: bool) -> None:
        self._annotations.show_labels(self._annotations.labels.with_visible(index, visible))

    def _set_locked(self, index: int, locked: bool) -> None:
        self._annotations.show_labels(self._annotations.labels.with_locked(index, locked))

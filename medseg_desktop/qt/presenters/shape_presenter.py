"""What can be done with the selected shapes: copy, delete, smooth, order, and the like."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction, QGuiApplication

from medseg_desktop.core.annotation import Shape
from medseg_desktop.core.edit import Shapes, merged
from medseg_desktop.core.history import Place
from medseg_desktop.core.vertices import simplified, smoothed, translated
from medseg_desktop.io.shape_clipboard import shapes_from_text, shapes_to_text
from medseg_desktop.qt.presenters.drawing_presenter import DrawingPresenter
from medseg_desktop.qt.sessions import AnnotationSession, DrawingSession, StudySession

#: In pixels of the slice.
_SIMPLIFY_TOLERANCE = 0.75
#: Where a copy is put that would lie exactly on its original, in pixels of the slice.
_ASIDE = 4.0


class ShapePresenter(QObject):
    """Carries out the actions on the selection.

    Signals:
        said(str): a sentence about what was done, or could not be.
    """

    said = Signal(str)

    def __init__(
        self,
        actions: dict[str, QAction],
        study: StudySession,
        annotations: AnnotationSession,
        drawing: DrawingSession,
        desk: DrawingPresenter,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._actions, self._study = actions, study
        self._annotations, self._drawing, self._desk = annotations, drawing, desk
        handlers: dict[str, Callable[[], None]] = {
            "delete_shapes": self.delete,
            "select_all": self.select_all,
            "copy_shapes": self.copy,
            "paste_shapes": self.paste,
            "duplicate_next": lambda: self.duplicate(1),
            "duplicate_previous": lambda: self.duplicate(-1),
            "smooth_shapes": self.smooth,
            "simplify_shapes": self.simplify,
            "merge_shapes": self.merge,
            "to_front": lambda: self.move_in_order(to_front=True),
            "to_back": lambda: self.move_in_order(to_front=False),
        }
        for key, handler in handlers.items():
            actions[key].triggered.connect(lambda _=False, handler=handler: handler())
        drawing.selection_changed.connect(self._show)
        study.view_changed.connect(lambda *_: self._show())
        self._show()

    def chosen(self) -> tuple[Shape, ...]:
        """The selected shapes, proposals among them."""
        shapes = self._desk.shapes
        return tuple(shapes[i] for i in self._drawing.selection if i < len(shapes))

    def select(self, numbers: Sequence[int]) -> None:
        """Select shapes by their numbers; those of locked and hidden labels stay out, because
        whatever is selected can be changed."""
        usable, shapes = self._desk.editable, self._desk.shapes
        there = [i for i in numbers if i < len(shapes)]
        free = [i for i in there if usable(shapes[i])]
        if len(free) < len(there):
            closed = next(shapes[i].label for i in there if i not in free)
            text = self.tr("The label {name} is locked or hidden; its shapes cannot be selected.")
            self.said.emit(text.format(name=closed))
        self._drawing.select(free)

    def delete(self) -> None:
        """What the tool is at, else the selected shapes."""
        if self._desk.delete():
            return
        chosen = self.chosen()
        if chosen:
            gone = set(map(id, chosen))
            text = self.tr("delete shape") if len(chosen) == 1 else self.tr("delete shapes")
            self._desk.commit(text, lambda shapes: tuple(s for s in shapes if id(s) not in gone))

    def select_all(self) -> None:
        """Every shape of the slice that can be edited."""
        usable, shapes = self._desk.editable, self._desk.shapes
        self._drawing.select([i for i, shape in enumerate(shapes) if usable(shape)])

    # -- copies

    def copy(self) -> None:
        """Put the selected shapes on the clipboard."""
        chosen = self.chosen()
        clipboard = QGuiApplication.clipboard()
        if chosen and clipboard is not None:
            clipboard.setText(shapes_to_text(chosen))

    def paste(self) -> None:
        """Put the shapes of the clipboard on the slice; what lies on its original, beside it."""
        clipboard = QGuiApplication.clipboard()
        shapes = shapes_from_text(clipboard.text()) if clipboard is not None else ()
        place = self._desk.place
        if place is None:
            return
        if not shapes:
            self.said.emit(self.tr("There are no shapes on the clipboard."))
            return
        there = {shape.points for shape in self._desk.shapes}
        while any(shape.points in there for shape in shapes):
            shapes = tuple(translated(shape, _ASIDE, _ASIDE) for shape in shapes)
        self._add(place, self.tr("paste"), shapes)

    def duplicate(self, step: int) -> None:
        """Copy the selected shapes, or all of the current label, to a neighbouring slice, and
        go there."""
        place = self._desk.place
        if place is None:
            return
        index = place.index + step
        positions = place.series.positions
        same_time = 0 <= index < len(place.series.slices)
        if not same_time or index // positions != place.index // positions:
            self.said.emit(self.tr("There is no further slice on this side."))
            return
        shapes = self.chosen() or tuple(
            shape
            for shape in self._annotations.shapes(place.item)
            if shape.label == self._desk.label and self._desk.editable(shape)
        )
        if not shapes:
            self.said.emit(self.tr("Select the shapes to copy first."))
            return
        text = self.tr("copy to next slice") if step > 0 else self.tr("copy to previous slice")
        self._study.set_slice(index)
        self._add(Place(place.series, index), text, shapes)

    def _add(self, place: Place, text: str, shapes: Sequence[Shape]) -> None:
        """Copies are a person's own, on the frame they are put on."""
        author, frame = self._annotations.author, place.item.frame
        made = []
        for shape in shapes:
            extra = {**shape.extra, "frame": frame} if "frame" in shape.extra else shape.extra
            made.append(author.drawn(replace(shape, extra=extra)))
        before = len(self._annotations.shapes(place.item))
        self._annotations.edit(place, text, lambda old: (*old, *made))
        self._drawing.select(range(before, before + len(made)))

    # -- changes

    def smooth(self) -> None:
        """Smooth the outlines of the selected shapes."""
        rows, columns = self._desk.size
        self._change_each(self.tr("smooth"), lambda shape: smoothed(shape, rows, columns))

    def simplify(self) -> None:
        """Leave out vertices that hardly count."""
        self._change_each(self.tr("simplify"), lambda shape: simplified(shape, _SIMPLIFY_TOLERANCE))

    def _change_each(self, text: str, change: Callable[[Shape], Shape]) -> None:
        ids, author = set(map(id, self.chosen())), self._annotations.author

        def changed(shape: Shape) -> Shape:
            if id(shape) not in ids:
                return shape
            new = change(shape)
            return author.edited(new, [shape]) if new != shape else shape

        if ids:
            self._desk.commit(text, lambda shapes: tuple(map(changed, shapes)))

    def relabel(self, label: str) -> None:
        """Give the selected shapes another label."""
        text = self.tr("change label to {name}").format(name=label)
        self._change_each(text, lambda shape: replace(shape, label=label))

    def merge(self) -> None:
        """Make the selected areas one."""
        rows, columns = self._desk.size
        numbers, author = self._drawing.selection, self._annotations.author
        if len(numbers) > 1:
            self._desk.commit(
                self.tr("merge"), lambda shapes: merged(shapes, numbers, rows, columns, author)
            )

    def move_in_order(self, *, to_front: bool) -> None:
        """Where labels overlap, the shape in front counts."""
        ids = set(map(id, self.chosen()))
        text = self.tr("bring to front") if to_front else self.tr("send to back")

        def moved(shapes: Shapes) -> Shapes:
            picked = tuple(s for s in shapes if id(s) in ids)
            others = tuple(s for s in shapes if id(s) not in ids)
            return (*others, *picked) if to_front else (*picked, *others)

        if ids:
            self._desk.commit(text, moved)

    def _show(self) -> None:
        """Actions that need a selection."""
        chosen = len(self._drawing.selection)
        for key in ("copy_shapes", "smooth_shapes", "simplify_shapes", "to_front", "to_back"):
            self._actions[key].setEnabled(chosen > 0)
        self._actions["merge_shapes"].setEnabled(chosen > 1)

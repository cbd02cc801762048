"""What can be done with the selected shapes: copy, delete, smooth, order, and the like."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction, QGuiApplication

from medseg_desktop.core.annotation import Shape
from medseg_desktop.core.shapes.clip import clipped, reaches_outside
from medseg_desktop.core.shapes.edit import Shapes, merged
from medseg_desktop.core.shapes.history import Place
from medseg_desktop.core.shapes.patches import is_area
from medseg_desktop.core.shapes.vertices import simplified, smoothed, translated
from medseg_desktop.io.shape_clipboard import shapes_from_text, shapes_to_text
from medseg_desktop.qt.presenters.drawing_presenter import DrawingPresenter
from medseg_desktop.qt.sessions import AnnotationSession, DrawingSession, StudySession

#: In pixels of the slice.
_SIMPLIFY_TOLERANCE = 0.75
#: How far a copy is put from its original that would lie exactly on it, in pixels of the slice.
_ASIDE = 4.0
#: And in which direction: the first that has room.
_WAYS = ((1, 1), (-1, 1), (1, -1), (-1, -1))


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
            "take_back_point": self.take_back_point,
            "select_all": self.select_all,
            "copy_shapes": self.copy,
            "paste_shapes": self.paste,
            "duplicate_next": lambda: self.duplicate(1),
            "duplicate_previous": lambda: self.duplicate(-1),
            "smooth_shapes": self.smooth,
            "simplify_shapes": self.simplify,
            "clip_shapes": self.clip,
            "merge_shapes": self.merge,
            "to_front": lambda: self.move_in_order(to_front=True),
            "to_back": lambda: self.move_in_order(to_front=False),
        }
        for key, handler in handlers.items():
            actions[key].triggered.connect(lambda _=False, handler=handler: handler())
        desk.said.connect(self.said)
        drawing.selection_changed.connect(self._show)
        study.view_changed.connect(lambda *_: self._show())
        self._show()

    def chosen(self) -> tuple[Shape, ...]:
        """The selected shapes that can be edited, proposals among them."""
        shapes = self._desk.shapes
        return tuple(shapes[i] for i in self._desk.selection)

    def outside(self) -> tuple[int, ...]:
        """Numbers of the shapes of the slice, proposals left out, that reach outside it."""
        place = self._desk.place
        shapes = self._annotations.shapes(place.item) if place else ()
        rows, columns = self._desk.size
        return tuple(i for i, s in enumerate(shapes) if reaches_outside(s, rows, columns))

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

    def take_back_point(self) -> None:
        """A point only, never a whole shape: one press too many does no harm."""
        self._desk.delete()

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
        shapes = self._beside(shapes)
        self._add(place, self.tr("paste"), shapes)
        rows, columns = self._desk.size
        outside = sum(reaches_outside(shape, rows, columns) for shape in shapes)
        if outside:
            text = self.tr(
                "Pasted shapes that reach outside this slice: {count}. Edit > {action} limits them."
            )
            action = self._actions["clip_shapes"].text()
            self.said.emit(text.format(count=outside, action=action))

    def _beside(self, shapes: tuple[Shape, ...]) -> tuple[Shape, ...]:
        """Moved until none lies exactly on a shape of the slice: down and to the right, else
        where there is room."""
        there = {shape.points for shape in self._desk.shapes}
        rows, columns = self._desk.size
        inside = not any(reaches_outside(shape, rows, columns) for shape in shapes)
        moved, step = shapes, 0
        while any(shape.points in there for shape in moved):
            step += 1
            ways = [(x * _ASIDE * step, y * _ASIDE * step) for x, y in _WAYS]
            tried = [tuple(translated(s, dx, dy) for s in shapes) for dx, dy in ways]
            fitting = [t for t in tried if not any(reaches_outside(s, rows, columns) for s in t)]
            moved = fitting[0] if inside and fitting else tried[0]
        return moved

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
        self._drawing.select(self._desk.selection)  # not those of a locked label

    # -- changes

    def smooth(self) -> None:
        """Smooth the outlines of the selected shapes."""
        rows, columns = self._desk.size
        if not self._change_each(self.tr("smooth"), lambda shape: smoothed(shape, rows, columns)):
            self.said.emit(self.tr("Only polygons of more than a few pixels can be smoothed."))

    def simplify(self) -> None:
        """Leave out vertices that hardly count."""
        if not self._change_each(
            self.tr("simplify"), lambda shape: simplified(shape, _SIMPLIFY_TOLERANCE)
        ):
            self.said.emit(self.tr("There is no vertex that could be left out."))

    def _change_each(self, text: str, change: Callable[[Shape], Shape]) -> bool:
        ids, author = set(map(id, self.chosen())), self._annotations.author

        def changed(shape: Shape) -> Shape:
            if id(shape) not in ids:
                return shape
            new = change(shape)
            return author.edited(new, [shape]) if new != shape else shape

        return bool(ids) and self._desk.commit(text, lambda shapes: tuple(map(changed, shapes)))

    def clip(self) -> None:
        """Limit the selected shapes, or all of the slice, to the slice.

        What lies wholly outside stays as it is: nothing of it would be left, and whether it is
        to go is not for the program to say.
        """
        rows, columns = self._desk.size
        chosen, author = self.chosen(), self._annotations.author
        editable = self._desk.editable
        ids = set(map(id, chosen or filter(editable, self._desk.shapes)))
        done = lost = 0

        def limited(shapes: Shapes) -> Shapes:
            nonlocal done, lost
            done = lost = 0
            result: list[Shape] = []
            for shape in shapes:
                parts: tuple[Shape, ...] = (shape,)
                if id(shape) in ids and reaches_outside(shape, rows, columns):
                    parts = tuple(author.edited(s, [shape]) for s in clipped(shape, rows, columns))
                    done, lost = done + bool(parts), lost + (not parts)
                result += parts or (shape,)
            return tuple(result)

        self._desk.commit(self.tr("clip to the slice"), limited)
        told = []
        if done:
            told.append(self.tr("Shapes limited to the slice: {count}.").format(count=done))
        if lost:
            text = self.tr("Shapes that lie wholly outside and were left as they are: {count}.")
            told.append(text.format(count=lost))
        self.said.emit(" ".join(told) or self.tr("No shape reaches outside the slice."))

    def relabel(self, label: str) -> None:
        """Give the selected shapes another label."""
        text = self.tr("change label to {name}").format(name=label)
        self._change_each(text, lambda shape: replace(shape, label=label))

    def merge(self) -> None:
        """Make the selected areas one."""
        rows, columns = self._desk.size
        numbers, author = self._desk.selection, self._annotations.author
        if sum(map(is_area, self.chosen())) > 1:
            self._desk.commit(
                self.tr("merge"), lambda shapes: merged(shapes, numbers, rows, columns, author)
            )
        else:
            self.said.emit(self.tr("Select two areas or more to merge them."))

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
        chosen = len(self._desk.selection)
        for key in ("copy_shapes", "smooth_shapes", "simplify_shapes", "to_front", "to_back"):
            self._actions[key].setEnabled(chosen > 0)
        self._actions["merge_shapes"].setEnabled(chosen > 1)

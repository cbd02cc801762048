"""Random work on annotations, taken back and repeated at random: nothing is lost or invented.

Runs a few hundred sequences; MEDSEG_SEQUENCES=10000 runs as many as the acceptance asks for.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from PySide6.QtWidgets import QApplication

from medseg_desktop.core.annotation import Annotation, FrameAnnotation, Shape, ShapeType
from medseg_desktop.core.errors import LabelError
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.shapes.edit import Pixels, Shapes, cut, erased, merged, painted
from medseg_desktop.core.shapes.history import Place
from medseg_desktop.core.shapes.proposals import Proposals
from medseg_desktop.core.shapes.vertices import (
    handles,
    simplified,
    smoothed,
    translated,
    with_inserted_vertex,
    with_vertex,
    without_vertex,
)
from medseg_desktop.io.medlabelme import annotation_bytes, new_shape_keys, parse_annotation
from tests.annotating import AUTHOR, COLUMNS, ROWS, series_of, session_of, square

SERIES = (series_of("a", 3), series_of("b", 2), series_of("film", 4, film=True))
PLACES = tuple(Place(series, i) for series in SERIES for i in range(len(series.slices)))
MODEL_TABLE = LabelTable.from_names(["H", "edema"])
places = st.sampled_from(PLACES)
seeds = st.integers(0, 2**32 - 1)


def start_documents() -> dict[str, Annotation]:
    """A labelme file, a film of which one frame is listed, a file with an entry that is none."""
    bitmap = np.eye(5, dtype=np.bool_)
    mask = Shape("H", ((2.0, 3.0), (6.0, 7.0)), ShapeType.MASK, bitmap=bitmap)
    labelme = parse_annotation(
        annotation_bytes(
            Annotation(
                "a1.dcm",
                None,
                (FrameAnnotation(0, (square(3, 3), mask), COLUMNS, ROWS),),
                {"version": "5.0.1", "flags": {}, "imageData": None},
                is_labelme=True,
            ),
            "a1.json",
        ),
        "a1.json",
    )
    line = Shape("edema", ((1.0, 1.0), (9.0, 9.0)), ShapeType.LINESTRIP)
    film = Annotation("film.dcm", 4, (FrameAnnotation(1, (line, square(4, 4, 9, "other"))),))
    odd = parse_annotation(
        b'{"image_path": "b0.dcm", "total_frames": 1, "mine": [1, {"deep": null}], "frames": '
        b'[{"frame": 0, "width": 24, "height": 20, "shapes": ["none", {"label": "H", "points": '
        b'[[1, 1], [8.25, 1], [8, 9]], "shape_type": "polygon", "group_id": 7}]}]}',
        "b0.json",
    )
    return {"/a1.dcm": labelme, "/film.dcm": film, "/b0.dcm": odd}


class Steps(RuleBasedStateMachine):
    """Remembers what every state was, and compares after each rule."""

    def __init__(self) -> None:
        super().__init__()
        self.session = session_of(SERIES, start_documents())
        self.states = [self.state()]
        self.index, self.is_going = 0, False

    def state(self) -> tuple[Any, ...]:
        session = self.session
        labels = tuple(replace_looks(label) for label in session.labels.labels)
        paths = dict.fromkeys(place.item.path for place in PLACES)
        documents = {path: session.document(path) for path in paths}
        return documents, labels, {k: v for k, v in session._proposals.decided.items() if v}

    # -- helpers of the rules

    def edit(self, place: Place, operation: Any, with_proposals: bool = True) -> None:
        self.session.edit(place, "step", operation, with_proposals)

    def editable(self, shape: Shape) -> bool:
        index = self.session.labels.index_of(shape.label)
        return index is None or not self.session.labels.labels[index].locked

    def name(self, rng: np.random.Generator) -> str:
        return str(rng.choice(self.session.labels.names[1:]))

    def one(self, place: Place, rng: np.random.Generator, change: Any) -> None:
        """Change one shape of a slice, proposals among them; None removes it."""

        def operation(shapes: Shapes) -> Shapes:
            if not shapes:
                return shapes
            i = int(rng.integers(len(shapes)))
            new = change(shapes[i])
            if new is None:
                return (*shapes[:i], *shapes[i + 1 :])
            if new is shapes[i] or new == shapes[i]:
                return shapes
            return (*shapes[:i], AUTHOR.edited(new, [shapes[i]]), *shapes[i + 1 :])

        self.edit(place, operation)

    # -- shapes

    @rule(place=places, seed=seeds)
    def draw(self, place: Place, seed: int) -> None:
        rng = np.random.default_rng(seed)
        kind = (ShapeType.POLYGON, ShapeType.RECTANGLE, ShapeType.CIRCLE, ShapeType.LINE)[
            int(rng.integers(4))
        ]
        count = int(rng.integers(3, 9)) if kind is ShapeType.POLYGON else 2
        points = tuple((float(x), float(y)) for x, y in rng.uniform(-3, 27, (count, 2)))
        keys = new_shape_keys(place.item.frame)
        made = AUTHOR.drawn(Shape(self.name(rng), points, kind, keys))
        self.edit(place, lambda shapes: (*shapes, made), with_proposals=bool(seed % 2))

    @rule(place=places, seed=seeds, erase=st.booleans())
    def brush(self, place: Place, seed: int, erase: bool) -> None:
        rng = np.random.default_rng(seed)
        stroke, label = blob(rng), self.name(rng)
        if erase:
            self.edit(place, lambda s: erased(s, stroke, AUTHOR, self.editable))
        else:
            keys = new_shape_keys(place.item.frame)
            self.edit(place, lambda s: painted(s, stroke, label, AUTHOR, keys, self.editable))

    @rule(place=places, seed=seeds)
    def cut(self, place: Place, seed: int) -> None:
        path = np.random.default_rng(seed).uniform((0, 0), (COLUMNS, ROWS), (2, 2))
        self.edit(place, lambda s: cut(s, path, ROWS, COLUMNS, AUTHOR, self.editable))

    @rule(place=places)
    def merge(self, place: Place) -> None:
        self.edit(place, lambda s: merged(s, range(len(s)), ROWS, COLUMNS, AUTHOR))

    @rule(place=places, seed=seeds, what=st.sampled_from(["move", "insert", "delete"]))
    def vertex(self, place: Place, seed: int, what: str) -> None:
        rng = np.random.default_rng(seed)

        def change(shape: Shape) -> Shape | None:
            rings = handles(shape)
            if not rings:
                return shape
            ring = int(rng.integers(len(rings)))
            index = int(rng.integers(len(rings[ring])))
            x, y = (float(v) for v in rng.uniform((0, 0), (COLUMNS, ROWS)))
            if what == "move":
                return with_vertex(shape, ring, index, (x, y))
            if what == "insert" and shape.shape_type is ShapeType.POLYGON:
                return with_inserted_vertex(shape, ring, index, (x, y))
            return without_vertex(shape, ring, index) or shape

        self.one(place, rng, change)

    @rule(place=places, seed=seeds, what=st.sampled_from(["delete", "move", "smooth", "simplify"]))
    def whole(self, place: Place, seed: int, what: str) -> None:
        rng = np.random.default_rng(seed)
        dx, dy = (float(v) for v in rng.uniform(-5, 5, 2))
        changes: dict[str, Any] = {
            "delete": lambda shape: None,
            "move": lambda shape: translated(shape, dx, dy),
            "smooth": lambda shape: smoothed(shape, ROWS, COLUMNS),
            "simplify": lambda shape: simplified(shape, 1.0),
        }
        self.one(place, rng, changes[what])

    @rule(place=places, seed=seeds)
    def relabel(self, place: Place, seed: int) -> None:
        rng = np.random.default_rng(seed)
        label = self.name(rng)
        self.one(place, rng, lambda shape: replace(shape, label=label))

    @rule(place=places, seed=seeds)
    def paste_from_elsewhere(self, place: Place, seed: int) -> None:
        made = AUTHOR.drawn(square(seed % 15, 2, 4, f"foreign {seed % 3}"))
        self.edit(place, lambda shapes: (*shapes, made))

    @rule(place=places, front=st.booleans())
    def order(self, place: Place, front: bool) -> None:
        self.edit(place, lambda s: (*s[1:], *s[:1]) if front else (*s[-1:], *s[:-1]))

    @rule(several=st.lists(places, min_size=1, max_size=4), reviewed=st.booleans())
    def review(self, several: list[Place], reviewed: bool) -> None:
        self.session.set_reviewed(several, "review", reviewed)

    @rule(place=places, seed=seeds)
    def restore(self, place: Place, seed: int) -> None:
        documents = [*start_documents().values(), None]
        self.session.replace_documents("restore", {place.item.path: documents[seed % 4]})

    # -- proposals

    @rule(place=places, seed=seeds)
    def propose(self, place: Place, seed: int) -> None:
        label_map = np.zeros((ROWS, COLUMNS), np.uint8)
        rng = np.random.default_rng(seed % 5)
        label_map[blob(rng)], label_map[blob(rng)] = 1, 2
        proposals = Proposals.of(f"m-v{seed % 2}", label_map, MODEL_TABLE)
        self.session.set_proposals(place.item, proposals if seed % 7 else None)

    @rule(several=st.lists(places, min_size=1, max_size=3, unique=True), accept=st.booleans())
    def decide(self, several: list[Place], accept: bool) -> None:
        session = self.session
        ids = {id(p) for place in several for p in session.open_proposals(place.item)}

        def operation(shapes: Shapes) -> Shapes:
            if accept:
                return tuple(AUTHOR.accepted(s) if id(s) in ids else s for s in shapes)
            return tuple(s for s in shapes if id(s) not in ids)

        session.edit_slices(several, "decide", operation, with_proposals=True)
        assert not any(session.open_proposals(place.item) for place in several)

    # -- labels

    @rule(seed=seeds, what=st.sampled_from(["add", "rename", "recolor", "digit", "remove"]))
    def label(self, seed: int, what: str) -> None:
        session, rng = self.session, np.random.default_rng(seed)
        table = session.labels
        index = int(rng.integers(1, len(table)))
        name = str(rng.choice(["H", "edema", "core", "rim", "h", "Edema"]))
        last = len(table) - 1
        unused = last >= session.fixed_labels and not session.uses(table.labels[last].name)
        try:
            labels = {
                "add": lambda: table.add(name),
                "rename": lambda: table.renamed(index, name),
                "recolor": lambda: table.recolored(index, (seed % 256, 0, 9)),
                "digit": lambda: table.with_shortcut(index, seed % 10),
                "remove": lambda: table.removed(last, unused=unused),
            }[what]()
        except LabelError:
            return
        session.set_labels(what, labels)

    @rule(seed=seeds)
    def look(self, seed: int) -> None:
        """Hide or lock a label, which is no step."""
        table = self.session.labels
        index = seed % (len(table) - 1) + 1
        before = self.session.stack.index()
        hidden = table.with_visible(index, bool(seed & 1024))
        self.session.show_labels(hidden.with_locked(index, bool(seed & 2048)))
        assert self.session.stack.index() == before

    # -- back and forth

    @rule(steps=st.integers(1, 6))
    def undo(self, steps: int) -> None:
        self.is_going = True
        for _ in range(steps):
            self.session.stack.undo()

    @rule(steps=st.integers(1, 6))
    def redo(self, steps: int) -> None:
        self.is_going = True
        for _ in range(steps):
            self.session.stack.redo()

    @invariant()
    def every_state_is_what_it_was(self) -> None:
        stack, now = self.session.stack, self.state()
        if not self.is_going and stack.index() == self.index + 1:
            assert now != self.states[self.index]  # a step that changes nothing is none
            del self.states[self.index + 1 :]
            self.states.append(now)
        self.is_going, self.index = False, stack.index()
        assert now == self.states[self.index]
        assert stack.count() == len(self.states) - 1
        assert not self.session.labels.problem

    def teardown(self) -> None:
        session = self.session
        while session.stack.canRedo():
            session.stack.redo()
        assert self.state() == self.states[-1]
        for path, document in self.state()[0].items():
            if document is not None:
                check_written(path, document)
        for state in reversed(self.states[:-1]):
            session.stack.undo()
            assert self.state() == state
        assert not session.stack.canUndo()
        session.deleteLater()


def blob(rng: np.random.Generator) -> Pixels:
    """Pixels (rows, columns) of one or two rectangles; two may make a ring with a hole."""
    pixels = np.zeros((ROWS, COLUMNS), np.bool_)
    top, left = rng.integers(0, 12, 2)
    height, width = rng.integers(1, 10, 2)
    pixels[top : top + height, left : left + width] = True
    if min(height, width) > 4:
        pixels[top + 2 : top + height - 2, left + 2 : left + width - 2] = False
    return pixels


def replace_looks(label: Any) -> Any:
    """Hidden and locked are no matter of undo."""
    return (label.index, label.name, label.color, label.shortcut, label.former)


def check_written(path: str, document: Annotation) -> None:
    """What is written and read again says the same."""
    data = annotation_bytes(document, path)
    again = parse_annotation(data, path)
    assert annotation_bytes(again, path) == data
    for frame in document.frames:
        assert again.shapes(frame.frame) == document.shapes(frame.frame)
        for old, new in zip(document.shapes(frame.frame), again.shapes(frame.frame), strict=True):
            # Bitmaps do not count for equality.
            assert (old.bitmap is None) == (new.bitmap is None)
            if old.bitmap is not None and new.bitmap is not None:
                assert np.array_equal(old.bitmap, new.bitmap)
    assert [again.slice_state(i) for i in range(4)] == [document.slice_state(i) for i in range(4)]
    assert again.extra == document.extra


@pytest.mark.timeout(1800)  # for as many as the acceptance asks for
def test_whatever_is_done_can_be_taken_back_and_repeated_exactly(qapp: QApplication) -> None:
    examples = int(os.environ.get("MEDSEG_SEQUENCES", "400"))
    run_state_machine_as_test(
        Steps,
        settings=settings(
            max_examples=examples,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )

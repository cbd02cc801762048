"""The proposals of all slices of a folder, and what was decided about them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from medseg_desktop.core.annotation import Annotation, Points, Shape, SliceState
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.shapes.edit import Shapes
from medseg_desktop.core.shapes.history import Change, ProposalKey, SliceKey
from medseg_desktop.core.shapes.proposals import Proposals, taken_outlines
from medseg_desktop.core.shapes.review import slice_state


class ProposalBook:
    """Knows of every slice what is open, quickly enough to be asked at every move of the mouse.

    Args:
        shapes_at: the shapes that a slice has now.
        labels: the label table of now.
        rejected_at: what the file of a slice says to be rejected of a model's proposals for it.
    """

    def __init__(
        self,
        shapes_at: Callable[[SliceKey], Shapes],
        labels: Callable[[], LabelTable],
        rejected_at: Callable[[SliceKey, str], frozenset[Points]],
    ) -> None:
        self._shapes_at, self._labels, self._rejected_at = shapes_at, labels, rejected_at
        self._in_use: dict[SliceKey, Proposals] = {}  # of the model in use
        self._stored: dict[SliceKey, Proposals] = {}  # of annotation files that a model wrote
        self._decided: dict[ProposalKey, frozenset[int]] = {}
        #: The open ones of a slice, with what they were told from.
        self._open: dict[SliceKey, tuple[Proposals, Shapes, frozenset[Points], Shapes]] = {}
        #: Proposals as they came, the table, and the same under its names.
        self._named: dict[SliceKey, tuple[Proposals, LabelTable, Proposals]] = {}
        #: Slices with open ones: whole series are asked about after every edit.
        self._undecided: set[SliceKey] = set()
        self._frames: dict[str, set[int]] = {}  # path -> frames that have proposals

    def begin(self, stored: Mapping[SliceKey, Proposals]) -> None:
        """Another folder with what its files propose."""
        for known in (self._in_use, self._decided, self._open, self._named, self._frames):
            known.clear()
        self._undecided.clear()
        self._stored = dict(stored)
        self._look_at(self._stored)

    def offer(self, several: Iterable[tuple[SliceKey, Proposals]]) -> None:
        """What the model in use proposes for some slices; what was decided about it stays so."""
        keys = []
        for key, proposals in several:
            decided = self._decided.get((proposals.model, key), frozenset())
            self._in_use[key] = replace(proposals, decided=decided)
            keys.append(key)
        self._look_at(keys)

    def withdraw(self, keys: Iterable[SliceKey] | None = None) -> None:
        """The model in use proposes nothing for some slices any more; None for all."""
        gone = list(self._in_use if keys is None else keys)
        for key in gone:
            self._in_use.pop(key, None)
        self._look_at(gone)

    def stored(self, path: str) -> dict[SliceKey, Proposals]:
        """What the annotation file of a DICOM file proposes, with what was decided about it."""
        return {key: found for key, found in self._stored.items() if key[0] == path}

    @property
    def has_stored(self) -> bool:
        """Some annotation file proposes something."""
        return bool(self._stored)

    def store(self, changes: Mapping[SliceKey, Change[Proposals | None]]) -> None:
        """Annotation files propose something else now."""
        for key, change in changes.items():
            if change.new is None:
                self._stored.pop(key, None)
            else:
                self._stored[key] = change.new
        self._look_at(changes)

    def of(self, key: SliceKey) -> Proposals | None:
        """The proposals of a slice: those of the model in use go before those of a file."""
        found = self._in_use.get(key) or self._stored.get(key)
        if found is None:
            return None
        labels, known = self._labels(), self._named.get(key)
        if known is None or known[0] is not found or known[1] is not labels:
            known = self._named[key] = (found, labels, found.present(labels))
        return known[2]

    def open(self, key: SliceKey) -> tuple[Shape, ...]:
        """What nobody has decided about."""
        proposals = self.of(key)
        if proposals is None:
            return ()
        shapes, known = self._shapes_at(key), self._open.get(key)
        rejected = self._rejected_at(key, proposals.model)
        if (
            known is None
            or known[0] is not proposals
            or not same_shapes(known[1], shapes)
            or known[2] != rejected
        ):
            found = proposals.open(shapes, rejected)
            known = self._open[key] = (proposals, shapes, rejected, found)
        return known[3]

    @property
    def decided(self) -> Mapping[ProposalKey, frozenset[int]]:
        """Numbers of the proposals that were accepted, rejected or used in an edit."""
        return self._decided

    @property
    def undecided(self) -> frozenset[SliceKey] | set[SliceKey]:
        """Slices with open proposals; to be looked at, not to be changed."""
        return self._undecided

    def used(
        self, key: SliceKey, used: tuple[Shape, ...]
    ) -> dict[ProposalKey, Change[frozenset[int]]]:
        """What a step says that has used some open proposals of a slice."""
        proposals = self.of(key)
        if proposals is None:
            return {}
        after = proposals.without(used)
        return {(proposals.model, key): Change(proposals.decided, after.decided)}

    def rejected(self, path: str) -> Iterator[tuple[int, str, list[Points]]]:
        """What was rejected of a file's frames up to now: frame, model, outlines."""
        for frame in sorted(self._frames.get(path, ())):
            proposals = self.of((path, frame))
            if proposals is not None and proposals.decided:
                taken = taken_outlines(self._shapes_at((path, frame)))
                outlines = [proposals.shapes[i].points for i in sorted(proposals.decided)]
                yield frame, proposals.model, [o for o in outlines if o not in taken]

    def follow(
        self, decided: Mapping[ProposalKey, Change[frozenset[int]]], paths: Iterable[str]
    ) -> None:
        """A step was carried out: what it decided, and the files whose shapes it changed."""
        for (model, key), change in decided.items():
            self._decided[model, key] = change.new
            for offered in (self._in_use, self._stored):
                current = offered.get(key)
                if current is not None and current.model == model:
                    offered[key] = replace(current, decided=change.new)
        for path in paths:
            self._look_at([(path, frame) for frame in self._frames.get(path, ())])
        self._look_at(key for _, key in decided)

    def _look_at(self, keys: Iterable[SliceKey]) -> None:
        """Note of slices whether they have open proposals now."""
        for key in keys:
            self._frames.setdefault(key[0], set()).add(key[1])
            if self.open(key):
                self._undecided.add(key)
            else:
                self._undecided.discard(key)


def stored_proposals(
    path: str, document: Annotation | None, prediction: Annotation
) -> dict[SliceKey, Proposals]:
    """What a model's document proposes for the frames of a file that nobody has looked at.

    Args:
        path: of the DICOM file; document: a person's.
    """
    return {
        (path, f.frame): Proposals.of_file(prediction, f.frame)
        for f in prediction.frames
        if slice_state(document, f.frame) is SliceState.UNSEEN
    }


def same_shapes(first: Shapes, second: Shapes) -> bool:
    """The same objects in the same order; shapes are never changed."""
    return len(first) == len(second) and all(a is b for a, b in zip(first, second, strict=True))

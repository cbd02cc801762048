"""AnnotationSession: the documents of the opened folder, their labels, and every step of work."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoStack

from medseg_desktop.core.annotation import Annotation, Points, Shape, SliceState
from medseg_desktop.core.label_changes import with_fixed, within_limit
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.shapes.edit import Shapes
from medseg_desktop.core.shapes.history import (
    Change,
    Place,
    ProposalKey,
    SliceKey,
    Step,
    edited_slice,
)
from medseg_desktop.core.shapes.proposal_book import ProposalBook, same_shapes, stored_proposals
from medseg_desktop.core.shapes.proposals import Proposals, taken_outlines
from medseg_desktop.core.shapes.provenance import Author
from medseg_desktop.core.shapes.review import (
    FileFacts,
    SliceChange,
    relabelled,
    revealed,
    slice_state,
    with_slices,
)
from medseg_desktop.core.volume import Series, Slice
from medseg_desktop.io.dicom_series import ScanResult
from medseg_desktop.io.kept_proposals import parts_of, with_kept_proposals
from medseg_desktop.qt.sessions.step_command import StepCommand

#: What slices are to be, by the path of their file.
_Edits = dict[str, list[tuple[Place, SliceChange]]]
#: Steps that can be taken back; each is a few references.
_STEPS = 2000
_NOTHING: frozenset[Points] = frozenset()


class AnnotationSession(QObject):
    """Owns the annotation documents, the label table, the proposals and the undo stack.

    Everything that changes a document goes through `_push`, as one step.

    Signals:
        documents_changed(): other documents, or other contents.
        document_edited(str): the document of this DICOM file was changed by a step.
        labels_changed(LabelTable): another table, or other contents.
        proposals_changed(): a model proposes something else for some slice.
        returned_to(Place): a step was taken back or repeated at this place.
        steps_changed(): another step would be taken back or repeated now.
    """

    documents_changed = Signal()
    document_edited = Signal(str)
    labels_changed = Signal(object)
    proposals_changed = Signal()
    returned_to = Signal(object)
    steps_changed = Signal()

    def __init__(self, labels: LabelTable, author: Author, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._seed = labels
        self._documents: dict[str, Annotation] = {}
        self._predictions: dict[str, Annotation] = {}  # what a model wrote, by DICOM file
        self._has_stored = False
        self._proposals = ProposalBook(self._shapes_at, lambda: self.labels, self._rejected_at)
        self.labels = labels
        #: So many labels may be known to datasets and models; their indices never go.
        self.fixed_labels = len(labels)
        #: Somebody has changed the table, or will save shapes with what a folder added to it.
        self.are_labels_edited = False
        self.author = author
        self.stack = QUndoStack(self)
        self.stack.setUndoLimit(_STEPS)
        # Through a method of this object, which Qt lets go of before it takes the stack apart.
        self.stack.indexChanged.connect(self._on_index)

    # -- what there is

    def set_folder(self, found: ScanResult) -> None:
        """The documents of another folder; their labels extend the workspace's table.

        What a model wrote and nobody has accepted is a proposal and no document.  Shapes under a
        former name of a label get its present one, which is written when the file is saved for
        another reason.
        """
        self.stack.clear()
        self._documents, self._predictions = {}, {}
        stored: dict[SliceKey, Proposals] = {}
        for path, file in found.annotations.items():
            document = file.annotation
            own, prediction = parts_of(document)
            if prediction is not None:
                self._predictions[path] = prediction
                stored |= stored_proposals(path, own, prediction)
            if own is not None:
                self._documents[path] = relabelled(own, self._seed.outdated(own.labels))
        self._proposals.begin(stored)
        self._note_stored()
        names = (name for document in self._documents.values() for name in document.labels)
        self.labels = within_limit(self._seed.extended(names))
        self.are_labels_edited = False
        self.labels_changed.emit(self.labels)
        self.documents_changed.emit()

    def document(self, path: str) -> Annotation | None:
        """What belongs into the annotation file of a DICOM file, or None: a person's document,
        else what a model wrote, which stays until somebody decides."""
        return self._documents.get(path) or self._predictions.get(path)

    def shapes(self, item: Slice) -> tuple[Shape, ...]:
        """The shapes of a slice."""
        return self._shapes_at(_key(item))

    def _shapes_at(self, key: SliceKey) -> tuple[Shape, ...]:
        document = self._documents.get(key[0])
        return document.shapes(key[1]) if document else ()

    def _rejected_at(self, key: SliceKey, model: str) -> frozenset[Points]:
        document = self.document(key[0])
        return document.rejected.get((key[1], model), _NOTHING) if document else _NOTHING

    def state(self, item: Slice) -> SliceState:
        """What is known of a slice."""
        return slice_state(self._documents.get(item.path), item.frame)

    def is_reviewed(self, item: Slice) -> bool:
        """A person has looked at the slice, lesion or not."""
        return self.state(item) is not SliceState.UNSEEN

    def annotated(self, series: Series) -> tuple[int, ...]:
        """Indices of the slices with at least one shape."""
        return tuple(i for i, item in enumerate(series.slices) if self.shapes(item))

    def reviewed(self, series: Series) -> tuple[int, ...]:
        """Indices of the reviewed slices, with or without shapes."""
        return tuple(i for i, item in enumerate(series.slices) if self.is_reviewed(item))

    # -- proposals

    def set_proposals(self, item: Slice, proposals: Proposals | None) -> None:
        """What the model in use proposes for a slice; None takes it away."""
        if proposals is not None:
            self.offer([(item, proposals)])
        else:
            self._proposals.withdraw([_key(item)])
            self.proposals_changed.emit()

    def offer(self, several: Iterable[tuple[Slice, Proposals]]) -> None:
        """What the model in use proposes for some slices."""
        self._proposals.offer((_key(item), proposals) for item, proposals in several)
        self.proposals_changed.emit()

    def clear_proposals(self) -> None:
        """No model is in use; nothing that was decided is forgotten."""
        self._proposals.withdraw()
        self.proposals_changed.emit()

    def open_proposals(self, item: Slice) -> tuple[Shape, ...]:
        """What a model proposes for a slice and nobody has decided about."""
        return self._proposals.open(_key(item))

    @property
    def has_stored_proposals(self) -> bool:
        """A model has written annotation files of this folder, which nobody had decided about."""
        return self._has_stored

    def _note_stored(self) -> None:
        undecided = self._predictions.keys() - self._documents.keys()
        self._has_stored = bool(undecided) or self._proposals.has_stored

    @property
    def has_open_proposals(self) -> bool:
        """Of some slice nobody has decided about what a model proposes."""
        return bool(self._proposals.undecided)

    def proposing_model(self, item: Slice) -> str:
        """Whose proposals those of a slice are; empty where no model has looked at it."""
        offered = self._proposals.of(_key(item))
        if offered is not None:
            return offered.model
        prediction = self._predictions.get(item.path)
        return prediction.prediction_model if prediction else ""

    def proposed(self, series: Series) -> tuple[int, ...]:
        """Indices of the slices with open proposals."""
        undecided = self._proposals.undecided
        if not undecided:
            return ()
        return tuple(i for i, s in enumerate(series.slices) if (s.path, s.frame) in undecided)

    # -- steps

    def edit(
        self,
        place: Place,
        text: str,
        operation: Callable[[Shapes], Shapes],
        with_proposals: bool = False,
    ) -> bool:
        """Change the shapes of a slice by one step.

        Args:
            text: names the step in the menu.
            operation: shapes -> shapes (see `core.shapes.history.edited_slice`).
            with_proposals: the operation gets the open proposals too, after the shapes.

        Returns:
            Whether anything has changed.
        """
        return self.edit_slices([place], text, operation, with_proposals)

    def edit_slices(
        self,
        places: Iterable[Place],
        text: str,
        operation: Callable[[Shapes], Shapes],
        with_proposals: bool = False,
        reviewed: bool = False,
    ) -> bool:
        """Change the shapes of several slices by one step; see `edit`.

        Labels that the table does not have are appended to it by the same step, and what comes
        to a hidden label is shown.

        Args:
            reviewed: the slices count as reviewed, also where their shapes stay as they are.
        """
        edits: _Edits = {}
        decided: dict[ProposalKey, Change[frozenset[int]]] = {}
        rejected: list[tuple[Slice, Points]] = []
        first: Place | None = None
        for place in places:
            item = place.item
            shapes = self.shapes(item)
            offered = self.open_proposals(item) if with_proposals else ()
            after, used = edited_slice(shapes, offered, operation)
            if used:
                decided |= self._proposals.used(_key(item), used)
            if not same_shapes(shapes, after) or (reviewed and not self.is_reviewed(item)):
                edits.setdefault(item.path, []).append((place, SliceChange(after, True)))
            elif not used:
                continue
            first = first or place
            taken = taken_outlines(after)
            rejected += [(item, p.points) for p in used if p.points not in taken]
        documents = self._edited(edits)
        predictions = self._note_rejected(rejected, documents)
        changes, labels = self._changes(documents), self._labels_of(documents.values())
        step = Step(text, changes, labels, decided, first, predictions)
        return self._push(step) and self._reveal(changes)

    def _note_rejected(
        self, rejected: Iterable[tuple[Slice, Points]], documents: dict[str, Annotation | None]
    ) -> dict[str, Change[Annotation | None]]:
        """Put rejected outlines into the documents, or into those that a model wrote.

        Where a file has none yet, nothing is written: one that lists no frame would say that
        all are reviewed.  They come into it with the first decision, see `_with_slice`.

        Returns:
            What changes in the models' documents.
        """
        predictions: dict[str, Annotation] = {}
        for item, outline in rejected:
            path, model = item.path, self.proposing_model(item)
            document = documents.get(path, self._documents.get(path))
            prediction = predictions.get(path, self._predictions.get(path))
            if document is not None:
                documents[path] = document.with_rejected(item.frame, model, [outline])
            elif prediction is not None:
                predictions[path] = prediction.with_rejected(item.frame, model, [outline])
        return {path: Change(self._predictions[path], p) for path, p in predictions.items()}

    def set_reviewed(self, places: Iterable[Place], text: str, reviewed: bool) -> bool:
        """Say of slices that somebody has looked at them, or that nobody has, by one step.

        Slices with shapes stay as they are.
        """
        edits: _Edits = {}
        for place in places:
            item = place.item
            # Entries that cannot be used are a lesion too: somebody has drawn something.
            if self.is_reviewed(item) == reviewed or self.state(item) is SliceState.LESION:
                continue
            edits.setdefault(item.path, []).append((place, SliceChange((), reviewed)))
        first = next((place for several in edits.values() for place, _ in several), None)
        return self._push(Step(text, self._changes(self._edited(edits)), place=first))

    def set_labels(self, text: str, labels: LabelTable) -> bool:
        """Another label table, by one step; shapes of a label with a new name get it too."""
        renamed = {
            old.name: new.name
            for old, new in zip(self.labels.labels, labels.labels, strict=False)
            if old.name != new.name
        }
        documents: Mapping[str, Annotation | None] = {}
        if renamed:
            documents = {p: relabelled(d, renamed) for p, d in self._documents.items()}
        changed = {
            path: change
            for path, change in self._changes(documents).items()
            if change.old is not change.new
        }
        return self._push(Step(text, changed, labels=Change(self.labels, labels)))

    def show_labels(self, labels: LabelTable) -> None:
        """The same labels, hidden or locked otherwise; nothing that could be taken back."""
        self.labels = self._seed = labels
        self.are_labels_edited = True
        self.labels_changed.emit(labels)

    def fix_labels(self) -> LabelTable:
        """The table for a dataset: it knows these labels from now on, and they stay."""
        self.fixed_labels = max(self.fixed_labels, len(self.labels))
        self._seed = self.labels  # in the next folder too
        return self.labels

    def uses(self, label: str) -> bool:
        """Some document has shapes of this label."""
        return any(label in document.labels for document in self._documents.values())

    def replace_documents(self, text: str, documents: Mapping[str, Annotation | None]) -> bool:
        """Other documents for some DICOM files (restored, or an earlier version), by one step.

        One that a model wrote is a proposal, as where it is opened.  A person's leaves alone what
        a model has proposed, unless it brings that with it.
        """
        present: dict[str, Annotation | None] = {}
        predictions: dict[str, Change[Annotation | None]] = {}
        stored: dict[SliceKey, Change[Proposals | None]] = {}
        for path, document in documents.items():
            own, prediction = parts_of(document)
            present[path] = own and relabelled(own, self.labels.outdated(own.labels))
            if own is not None and prediction is None:
                continue
            predictions[path] = Change(self._predictions.get(path), prediction)
            before = self._proposals.stored(path)
            after = stored_proposals(path, own, prediction) if prediction else {}
            stored |= {k: Change(before.get(k), after.get(k)) for k in before.keys() | after.keys()}
        return self._push(
            Step(
                text,
                self._changes(present),
                self._labels_of(present.values()),
                predictions=predictions,
                stored=stored,
            )
        )

    def _edited(self, edits: _Edits) -> dict[str, Annotation | None]:
        return {path: self._with_slices(path, several) for path, several in edits.items()}

    def _with_slices(
        self, path: str, edits: Sequence[tuple[Place, SliceChange]]
    ) -> Annotation | None:
        """The document of a file, which is made anew once for all of its frames."""
        item, series = edits[0][0].item, edits[0][0].series
        facts = FileFacts(os.path.basename(path), item.frames, series.rows, series.columns)
        signature = {"annotator": self.author.annotator, "time": self.author.now()}
        document, prediction = self._documents.get(path), self._predictions.get(path)
        changes = {place.item.frame: change for place, change in edits}
        after = with_slices(document or prediction, facts, changes, signature)
        if after is not None and document is None and prediction is not None and item.frames > 1:
            after = with_kept_proposals(after, prediction)
        if after is not None and document is None:
            for frame, model, outlines in self._proposals.rejected(item.path):
                after = after.with_rejected(frame, model, outlines)
        return after

    def _labels_of(self, documents: Iterable[Annotation | None]) -> Change[LabelTable] | None:
        """The table with what documents bring to it; None where that is nothing."""
        names = (name for document in documents if document for name in document.labels)
        extended = within_limit(self.labels.extended(names))
        return None if extended == self.labels else Change(self.labels, extended)

    def _reveal(self, changes: Mapping[str, Change[Annotation | None]]) -> bool:
        labels = revealed(self.labels, [(c.old, c.new) for c in changes.values()])
        if labels is not self.labels:
            self.show_labels(labels)
        return True

    def _changes(
        self, documents: Mapping[str, Annotation | None]
    ) -> dict[str, Change[Annotation | None]]:
        return {path: Change(self._documents.get(path), new) for path, new in documents.items()}

    def _on_index(self, _index: int) -> None:
        self.steps_changed.emit()

    def _push(self, step: Step) -> bool:
        if not step.changes_something:
            return False
        self.stack.push(StepCommand(step, self.apply))
        return True

    def apply(self, step: Step, again: bool) -> None:
        """Carry out a step, or one that takes another back; only the undo stack calls it.

        Args:
            again: it was done before, so the window has to go where it happened.
        """
        for known, changes in (
            (self._documents, step.documents),
            (self._predictions, step.predictions),
        ):
            for path, change in changes.items():
                if change.new is None:
                    known.pop(path, None)
                else:
                    known[path] = change.new
        self._proposals.store(step.stored)
        self._proposals.follow(step.decided, step.documents)
        if step.labels is not None:
            labels = with_fixed(step.labels.new, self.labels, self.fixed_labels)
            self.show_labels(labels.looking_like(self.labels))
        for path in {**step.documents, **step.predictions}:
            self.document_edited.emit(path)
        if step.predictions:
            self._note_stored()
            self.proposals_changed.emit()
        if again and step.place is not None:
            self.returned_to.emit(step.place)
        self.documents_changed.emit()


def _key(item: Slice) -> SliceKey:
    return item.path, item.frame

"""Steps of work on annotations: what was, what is, and where it happened.

Documents are immutable, so a step is pairs of references and is taken back by exchanging them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from medseg_desktop.core.annotation import Annotation, Shape
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.shapes.proposals import Proposals
from medseg_desktop.core.volume import Series, Slice

T = TypeVar("T")
#: A slice by the path of its file and its frame.
SliceKey = tuple[str, int]
#: What was decided about the proposals of a model for a slice.
ProposalKey = tuple[str, SliceKey]


@dataclass(frozen=True, slots=True)
class Change(Generic[T]):
    """One thing before and after a step."""

    old: T
    new: T

    def reversed(self) -> Change[T]:
        return Change(self.new, self.old)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a step happened: slice `index` of a series."""

    series: Series
    index: int

    @property
    def item(self) -> Slice:
        return self.series.slices[self.index]


@dataclass(frozen=True, slots=True)
class Step:
    """One undoable step.

    Attributes:
        text: names it in the menu, as in "Undo draw polygon".
        documents: by the path of the DICOM file; None for no document.
        labels: None where the table stays.
        decided: numbers of the decided proposals.
        predictions: what a model wrote, by the path of the DICOM file; None for nothing.
        stored: what these propose; None for nothing.
        place: None where it belongs to no slice.
    """

    text: str
    documents: Mapping[str, Change[Annotation | None]] = field(default_factory=dict)
    labels: Change[LabelTable] | None = None
    decided: Mapping[ProposalKey, Change[frozenset[int]]] = field(default_factory=dict)
    place: Place | None = None
    predictions: Mapping[str, Change[Annotation | None]] = field(default_factory=dict)
    stored: Mapping[SliceKey, Change[Proposals | None]] = field(default_factory=dict)

    @property
    def changes_something(self) -> bool:
        return (
            any(c.old != c.new for c in self.documents.values())
            or any(c.old != c.new for c in self.decided.values())
            or any(c.old != c.new for c in self.predictions.values())
            or (self.labels is not None and self.labels.old != self.labels.new)
        )

    def reversed(self) -> Step:
        """The step that takes this one back."""
        return replace(
            self,
            documents={k: c.reversed() for k, c in self.documents.items()},
            labels=self.labels.reversed() if self.labels else None,
            decided={k: c.reversed() for k, c in self.decided.items()},
            predictions={k: c.reversed() for k, c in self.predictions.items()},
            stored={k: c.reversed() for k, c in self.stored.items()},
        )


def edited_slice(
    shapes: tuple[Shape, ...],
    proposals: tuple[Shape, ...],
    operation: Callable[[tuple[Shape, ...]], tuple[Shape, ...]],
) -> tuple[tuple[Shape, ...], tuple[Shape, ...]]:
    """Apply an operation to what lies on a slice, proposals on top.

    A proposal that the operation leaves alone is still none of the slice's shapes; one that it
    changes has become one of them, because a person has worked on it.

    Returns:
        The shapes of the slice afterwards, and the proposals that were used.
    """
    result = operation((*shapes, *proposals))
    untouched = {id(p) for p in proposals}
    left = {id(s) for s in result}
    kept = tuple(s for s in result if id(s) not in untouched)
    return kept, tuple(p for p in proposals if id(p) not in left)

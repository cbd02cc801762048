"""What a model proposes for a slice, and which of it a person still has to decide about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from medseg_desktop.core.annotation import Annotation, Points, Shape
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.shapes.provenance import Provenance, own_keys, proposed_by, with_own_keys
from medseg_desktop.core.shapes.rings import shapes_from_label_map


@dataclass(frozen=True, slots=True)
class Proposals:
    """The lesions that one model found on one slice.

    Attributes:
        model: name and version of the model.
        shapes: in a fixed order, with the model's provenance.
        decided: numbers of those that were accepted, rejected or used in an edit.
    """

    model: str
    shapes: tuple[Shape, ...]
    decided: frozenset[int] = field(default_factory=frozenset)

    @classmethod
    def of(
        cls,
        model: str,
        label_map: npt.NDArray[np.uint8],
        table: LabelTable,
        keys: Mapping[str, Any] | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> Proposals:
        """Of a predicted label map (rows, columns) of the model's own class indices.

        Args:
            keys: further keys that the file's format wants in every shape.
            stop: asked between regions; noise may have thousands.

        Raises:
            Cancelled: `stop` said so.
        """
        found = shapes_from_label_map(label_map, table, stop)
        if keys:
            found = tuple(replace(s, extra={**keys, **s.extra}) for s in found)
        return cls(model, tuple(with_own_keys(s, **proposed_by(model)) for s in found))

    @classmethod
    def of_file(cls, document: Annotation, frame: int) -> Proposals:
        """Of an annotation file that a model wrote."""
        model = document.prediction_model
        marked = (with_own_keys(s, **proposed_by(model)) for s in document.shapes(frame))
        return cls(model, tuple(marked))

    def open(
        self, shapes: Iterable[Shape], rejected: Set[Points] = frozenset()
    ) -> tuple[Shape, ...]:
        """What is still to be decided about.

        Args:
            shapes: of the slice; what was accepted into them, in whichever session, is not
                proposed again.
            rejected: outlines that were rejected, in whichever session.
        """
        if not self.shapes:
            return ()
        gone = taken_outlines(shapes) | rejected
        return tuple(
            shape
            for i, shape in enumerate(self.shapes)
            if i not in self.decided and shape.points not in gone
        )

    def present(self, table: LabelTable) -> Proposals:
        """These proposals under the labels' present names; themselves where nothing differs."""
        names = table.outdated({s.label for s in self.shapes})
        if not names:
            return self
        renamed = (replace(s, label=names.get(s.label, s.label)) for s in self.shapes)
        return replace(self, shapes=tuple(renamed))

    def without(self, consumed: Sequence[Shape]) -> Proposals:
        """These proposals with some of them decided; they are told by identity."""
        ids = set(map(id, consumed))
        numbers = {i for i, s in enumerate(self.shapes) if id(s) in ids}
        return replace(self, decided=self.decided | numbers)


def taken_outlines(shapes: Iterable[Shape]) -> frozenset[Points]:
    """The outlines of proposals that shapes were made of."""
    return frozenset(_taken(shapes))


def _taken(shapes: Iterable[Shape]) -> Iterable[Points]:
    for shape in shapes:
        if Provenance.of(shape).model:
            yield shape.points
            kept = own_keys(shape).get("proposal")
            for outline in kept if isinstance(kept, list) else ():
                if isinstance(outline, list):
                    yield tuple(tuple(p) for p in outline if isinstance(p, list))

"""The labels by which an annotation and one or two models are compared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from medseg_desktop.core.annotation import Shape
from medseg_desktop.core.errors import DataError
from medseg_desktop.core.labels import Label, LabelTable
from medseg_desktop.core.raster import LabelMap, draw_label_map

_Lookup = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class CommonLabels:
    """What all models know, and how each side's label maps are brought to it.

    Attributes:
        table: of the label maps that are compared.
        left_out: names that only one of two models knows; their pixels count as background.
    """

    table: LabelTable
    left_out: tuple[str, ...]
    _drawn: LabelTable
    _of_drawn: _Lookup
    _of_models: tuple[_Lookup, ...]

    @classmethod
    def of(cls, tables: Sequence[LabelTable]) -> CommonLabels:
        """Of one model, or of two; the names and the order are the first one's.

        Raises:
            DataError: two models have no label in common.
        """
        first, *others = tables
        drawn = list(first.labels)
        places: list[list[int]] = [[label.index for label in first.labels]]
        for other in others:
            places.append([_place(label, first, drawn) for label in other.labels])
        known = set.intersection(*(set(found) for found in places))
        common = [label for label in drawn if label.index in known]
        if len(common) < 2:
            raise DataError("The two models have no label in common.", "Choose two of one kind.")
        of_drawn = np.zeros(256, np.uint8)
        for index, label in enumerate(common):
            of_drawn[label.index] = index
        return cls(
            table=LabelTable(
                tuple(msgspec.structs.replace(x, index=i) for i, x in enumerate(common))
            ),
            left_out=tuple(label.name for label in drawn if label.index not in known),
            _drawn=LabelTable(tuple(drawn)),
            _of_drawn=of_drawn,
            _of_models=tuple(_lookup(found, of_drawn) for found in places),
        )

    def unknown(self, shapes: Iterable[Shape]) -> str | None:
        """The first label of an annotation that no model knows, or None."""
        labels = (shape.label for shape in shapes)
        return next((name for name in labels if self._drawn.index_of(name) is None), None)

    @property
    def known(self) -> tuple[str, ...]:
        """The names that at least one model knows."""
        return self._drawn.names[1:]

    def truth(self, shapes: Sequence[Shape], rows: int, columns: int) -> LabelMap:
        """The annotation of a slice as a label map (rows, columns) of common indices."""
        return self._of_drawn[draw_label_map(shapes, self._drawn, rows, columns)]

    def predicted(self, label_map: LabelMap, model: int) -> LabelMap:
        """A model's label map with common indices."""
        return self._of_models[model][label_map]


def _place(label: Label, first: LabelTable, drawn: list[Label]) -> int:
    """Where a label of another model is drawn; one that is new gets a place of its own."""
    index = 0 if label.index == 0 else first.counterpart(label)
    if index is None:
        index = len(drawn)
        drawn.append(msgspec.structs.replace(label, index=index))
    return index


def _lookup(places: Sequence[int], of_drawn: _Lookup) -> _Lookup:
    lookup = np.zeros(256, np.uint8)
    lookup[: len(places)] = of_drawn[list(places)]
    return lookup

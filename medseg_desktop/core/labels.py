"""The label table: which class name has which index and colour.

Index 0 is always the background.  The order of the table is the order of the network's
outputs, so a table is never re-sorted; new labels are appended.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

BACKGROUND = "_background_"

_GREEN_FIRST = [
    (126, 224, 129),
    (242, 163, 60),
    (197, 138, 249),
    (76, 181, 245),
    (240, 98, 93),
    (224, 201, 90),
    (102, 214, 200),
    (235, 140, 190),
]


def default_color(index: int) -> tuple[int, int, int]:
    """A colour (R, G, B), 0..255, for the label of this index; black for the background."""
    if index == 0:
        return (0, 0, 0)
    return _GREEN_FIRST[(index - 1) % len(_GREEN_FIRST)]


class Label(msgspec.Struct, frozen=True):
    """One class: `index` in the label map, `name` in annotation files, `color` (R, G, B)."""

    index: int
    name: str
    color: tuple[int, int, int]


class LabelTable(msgspec.Struct, frozen=True):
    """All classes in the order of the network's outputs; `labels[i].index == i`."""

    labels: tuple[Label, ...]

    @classmethod
    def from_names(cls, names: Iterable[str]) -> LabelTable:
        """A table of the background and `names` in the given order, repeats dropped."""
        unique = list(dict.fromkeys([BACKGROUND, *names]))
        return cls(tuple(Label(i, name, default_color(i)) for i, name in enumerate(unique)))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(label.name for label in self.labels)

    @property
    def foreground(self) -> tuple[Label, ...]:
        return self.labels[1:]

    def __len__(self) -> int:
        return len(self.labels)

    def index_of(self, name: str) -> int | None:
        """The class index of `name`, or None for a label that the table does not have."""
        return next((label.index for label in self.labels if label.name == name), None)

    def extended(self, names: Iterable[str]) -> LabelTable:
        """This table with the unknown ones of `names` appended; known indices stay."""
        added = [n for n in dict.fromkeys(names) if self.index_of(n) is None]
        start = len(self.labels)
        extra = (Label(start + i, n, default_color(start + i)) for i, n in enumerate(added))
        return LabelTable((*self.labels, *extra))


#: The table a new workspace starts with (`_background_` 0, `H` 1).
RECIPE_LABELS = LabelTable.from_names(["H"])

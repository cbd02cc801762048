"""The label table: which class name has which index, colour and key.

Index 0 is always the background.  The order of the table is the order of the network's
outputs, so a table is never re-sorted; new labels are appended.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import msgspec

from medseg_desktop.core.errors import LabelError
from medseg_desktop.core.label_colors import Color, default_color
from medseg_desktop.core.label_names import BACKGROUND, checked_name, folded

__all__ = ["BACKGROUND", "MAXIMUM_LABELS", "RECIPE_LABELS", "Label", "LabelTable", "default_color"]

#: With the background: a label map is 8 bit, and the training ignores pixels of value 255.
MAXIMUM_LABELS = 255
#: The label of index 10 has the key 0, as on a keyboard.
_TENTH = 10

_Channel = Annotated[int, msgspec.Meta(ge=0, le=255)]
_Digit = Annotated[int, msgspec.Meta(ge=0, le=9)]


class Label(msgspec.Struct, frozen=True, omit_defaults=True):
    """One class: `index` in the label map, `name` in annotation files, `color` (R, G, B).

    Attributes:
        shortcut: the digit that chooses the label, 0..9; None for the one of its index, see
            `LabelTable.digits`.
        visible: its shapes are drawn.
        locked: its shapes cannot be changed.
        former: names it had before, the latest last; annotation files, datasets and models made
            then still use them.
    """

    index: int
    name: str
    color: tuple[_Channel, _Channel, _Channel]
    shortcut: _Digit | None = None
    visible: bool = True
    locked: bool = False
    former: tuple[str, ...] = ()


class LabelTable(msgspec.Struct, frozen=True):
    """All classes in the order of the network's outputs; `labels[i].index == i`.

    An edit returns another table and never moves a label.
    """

    labels: tuple[Label, ...]

    @classmethod
    def from_names(cls, names: Iterable[str]) -> LabelTable:
        """A table of the background and `names` in the given order, repeats dropped."""
        unique = list(dict.fromkeys([BACKGROUND, *names]))
        return cls(tuple(Label(i, name, default_color(i)) for i, name in enumerate(unique)))

    # -- what it says

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(label.name for label in self.labels)

    @property
    def foreground(self) -> tuple[Label, ...]:
        return self.labels[1:]

    def __len__(self) -> int:
        return len(self.labels)

    def index_of(self, name: str) -> int | None:
        """The class index of `name`, or None for a label that the table does not have.

        A label is also found by a name that it had before, unless another has it now.
        """
        found = next((label.index for label in self.labels if label.name == name), None)
        if found is not None:
            return found
        return next((label.index for label in self.labels if name in label.former), None)

    def present_name(self, name: str) -> str:
        """What a label is called now; a name that the table does not have stays as it is."""
        index = self.index_of(name)
        return name if index is None else self.labels[index].name

    def outdated(self, names: Iterable[str]) -> dict[str, str]:
        """Those of `names` that are former ones, with the present ones."""
        present = ((name, self.present_name(name)) for name in names)
        return {old: new for old, new in present if old != new}

    def counterpart(self, label: Label) -> int | None:
        """The class index here of a label of another table: a dataset's, or a model's.

        First the label of the same index counts, if either has had the other's name; so labels
        that have exchanged their names are not taken for each other.  Then the name does.
        """
        if label.index < len(self.labels):
            own = self.labels[label.index]
            if {own.name, *own.former} & {label.name} or own.name in label.former:
                return own.index
        names = (label.name, *reversed(label.former))
        return next((i for i in map(self.index_of, names) if i is not None), None)

    def present(self, other: LabelTable) -> LabelTable:
        """The labels of a dataset or model by their present names; all else stays its own.

        Where that would give two of them one name, they keep theirs.
        """
        found = [(x, self.counterpart(x)) for x in other.labels]
        renamed = LabelTable(
            tuple(x if i is None else _called_as(x, self.labels[i]) for x, i in found)
        )
        return renamed if len(set(renamed.names)) == len(renamed) else other

    @property
    def digits(self) -> tuple[int | None, ...]:
        """The digit that chooses each label, 0..9, by index; None for a label without.

        That is the one the label was given, else its index for 1..9 and 0 for the tenth, unless
        another label was given that one.  No two labels have the same digit.
        """
        given = {label.shortcut for label in self.labels if label.shortcut is not None}
        defaults = (_default_digit(label.index) for label in self.labels)
        return tuple(
            label.shortcut if label.shortcut is not None else None if digit in given else digit
            for label, digit in zip(self.labels, defaults, strict=True)
        )

    def index_of_digit(self, digit: int) -> int | None:
        """The class index of the label that a digit chooses, or None where none has it."""
        return next((i for i, own in enumerate(self.digits) if own == digit), None)

    @property
    def problem(self) -> str:
        """Why this cannot be a label table, to be put after its file's name; "" if it can.

        Names need only differ: those of annotation files are taken as they are.
        """
        labels = self.labels
        if not labels or labels[0].name != BACKGROUND:
            return f"does not begin with {BACKGROUND}"
        if [label.index for label in labels] != list(range(len(labels))):
            return "has gaps"
        if len(labels) > MAXIMUM_LABELS:
            return f"has {len(labels)} labels, more than {MAXIMUM_LABELS}"
        name, count = Counter(self.names).most_common(1)[0]
        if count > 1:
            return f"has the label {name!r} more than once"
        texts = (text for label in labels for text in (label.name, *label.former))
        if any("\ud800" <= c <= "\udfff" for text in texts for c in text):
            return "has a name with half a character"  # which no file can hold
        if any(not _is_color(label.color) for label in labels):
            return "has a colour that is not three numbers from 0 to 255"
        digits = [label.shortcut for label in labels if label.shortcut is not None]
        if len(set(digits)) < len(digits) or not set(digits) <= set(range(10)):
            return "gives two labels the same digit, or one a digit that is none"
        first = labels[0]
        if (first.shortcut, first.visible, first.locked) != (None, True, False):
            return "gives the background a digit, hides or locks it"
        return ""

    def bare(self) -> LabelTable:
        """Only index, names and colour: what datasets and models know of the classes.

        Digits, hidden and locked labels are how one person works; they stay in the workspace.
        """
        return LabelTable(
            tuple(Label(x.index, x.name, x.color, former=x.former) for x in self.labels)
        )

    # -- edits

    def extended(self, names: Iterable[str]) -> LabelTable:
        """This table with the unknown ones of `names` appended; known indices stay.

        The names are those of annotation files and are taken as they are.
        """
        added = [n for n in dict.fromkeys(names) if self.index_of(n) is None]
        start = len(self.labels)
        extra = (Label(start + i, n, default_color(start + i)) for i, n in enumerate(added))
        return LabelTable((*self.labels, *extra))

    def add(self, name: str, color: Color | None = None) -> LabelTable:
        """This table with one more label at its end.

        Args:
            color: (R, G, B), 0..255; None for the one of the colour map.

        Raises:
            LabelError: the name cannot be used, another label had it before, or there are 255
                labels already.
        """
        index = len(self.labels)
        if index >= MAXIMUM_LABELS:
            raise LabelError(f"The table is full: {MAXIMUM_LABELS - 1} labels are possible.")
        name = self._checked_name(name, self.labels)
        color = default_color(index) if color is None else _checked_color(color)
        return LabelTable((*self.labels, Label(index, name, color)))

    def renamed(self, index: int, new: str) -> LabelTable:
        """This table with another name for a label; blanks around it are dropped.

        Datasets, models and annotation files made before keep the name they were made with, so
        the label remembers it (see `index_of` and `counterpart`).

        Raises:
            LabelError: the name cannot be used, another label had it before, or the label is the
                background.
        """
        old = self._editable(index)
        new = self._checked_name(new, [x for x in self.labels if x.index != index])
        if new == old.name:
            return self
        former = (*(n for n in old.former if n not in (old.name, new)), old.name)
        return self._with(index, name=new, former=former)

    def recolored(self, index: int, color: Color) -> LabelTable:
        """This table with another colour (R, G, B), 0..255, for a label.

        Raises:
            LabelError: it is no colour, or the label is the background.
        """
        self._editable(index)
        return self._with(index, color=_checked_color(color))

    def with_shortcut(self, index: int, digit: int | None) -> LabelTable:
        """This table with another digit, 0..9, for a label; a label that had it loses it.

        Args:
            digit: None for the one of its index (see `digits`), which it has only as long as
                no other label was given it.

        Raises:
            LabelError: it is no digit, or the label is the background.
        """
        self._editable(index)
        if digit is None:
            return self._with(index, shortcut=None)
        if digit not in range(10):
            raise LabelError(f"{digit} is no digit; the keys 0 to 9 choose labels.")
        labels = (
            msgspec.structs.replace(x, shortcut=None) if x.shortcut == digit else x
            for x in self.labels
        )
        own = None if digit == _default_digit(index) else digit
        return LabelTable(tuple(labels))._with(index, shortcut=own)

    def with_visible(self, index: int, visible: bool) -> LabelTable:
        """This table with a label shown or hidden; LabelError for the background."""
        self._editable(index)
        return self._with(index, visible=visible)

    def with_locked(self, index: int, locked: bool) -> LabelTable:
        """This table with a label locked or free; LabelError for the background."""
        self._editable(index)
        return self._with(index, locked=locked)

    def looking_like(self, other: LabelTable) -> LabelTable:
        """This table with the labels hidden and locked that are so in another one."""
        looks = {label.index: (label.visible, label.locked) for label in other.labels}
        return LabelTable(
            tuple(
                msgspec.structs.replace(x, visible=looks[x.index][0], locked=looks[x.index][1])
                if x.index in looks
                else x
                for x in self.labels
            )
        )

    def removed(self, index: int, *, unused: bool) -> LabelTable:
        """This table without its last label.

        Only the last one can go: without one in between, all labels after it would move down
        by one, and every trained network and every converted label map would from then on say
        the next class's name.  For the same reason it must be used nowhere; a label added
        later gets its index, and what was drawn or trained as the one would be the other.

        Args:
            unused: no annotation, dataset or model of the workspace has the label.

        Raises:
            LabelError: it is not the last label, is in use, or is the background.
        """
        label = self._editable(index)
        if index != len(self.labels) - 1:
            raise LabelError(
                f"Only the last label can be removed, not {label.name}.",
                "The indices of trained models must not move; rename it instead.",
            )
        if not unused:
            raise LabelError(
                f"The label {label.name} is in use and cannot be removed.", "Rename it instead."
            )
        return LabelTable(self.labels[:-1])

    def _checked_name(self, name: str, others: Sequence[Label]) -> str:
        """The name as it is stored.

        Files that are not open would change their class with a former name of another label.
        """
        name = checked_name(name, [label.name for label in others])
        for other in others:
            if any(folded(former) == folded(name) for former in other.former):
                raise LabelError(
                    f"{name} was the name of the label {other.name}, and files that are not open "
                    f"may still use it; choose another name, or rename {other.name} back."
                )
        return name

    def _label(self, index: int) -> Label:
        if not 0 <= index < len(self.labels):
            raise LabelError(f"There is no label with the index {index}.")
        return self.labels[index]

    def _editable(self, index: int) -> Label:
        if index == 0:
            raise LabelError("The background cannot be changed.")
        return self._label(index)

    def _with(self, index: int, **changes: Any) -> LabelTable:
        changed = msgspec.structs.replace(self.labels[index], **changes)
        return LabelTable((*self.labels[:index], changed, *self.labels[index + 1 :]))


def _called_as(label: Label, own: Label) -> Label:
    """The label with the names of another one; also found by its own."""
    former = dict.fromkeys((*own.former, *label.former, label.name))
    former.pop(own.name, None)
    return msgspec.structs.replace(label, name=own.name, former=tuple(former))


def _default_digit(index: int) -> int | None:
    return index % _TENTH if 1 <= index <= _TENTH else None


def _is_color(color: object) -> bool:
    return (
        isinstance(color, tuple)
        and len(color) == 3
        and all(type(part) is int and 0 <= part <= 255 for part in color)
    )


def _checked_color(color: Color) -> Color:
    if not _is_color(color):
        raise LabelError("A colour is three whole numbers from 0 to 255: red, green and blue.")
    return color


#: The table a new workspace starts with (`_background_` 0, `H` 1).
RECIPE_LABELS = LabelTable.from_names(["H"])

"""Label tables that meet: what two windows have changed, what comes back by undo."""

from __future__ import annotations

import msgspec

from medseg_desktop.core.errors import LabelError
from medseg_desktop.core.labels import MAXIMUM_LABELS, Label, LabelTable


def with_changes(stored: LabelTable, known: LabelTable, table: LabelTable) -> LabelTable:
    """The stored table with what one window has changed; what it has not changed stays.

    Labels are found again by their names, since what both windows have added may have other
    indices here and there.  No label of the stored table gets another index.

    Args:
        known: what the window changed.
        table: what it has made of it.

    Raises:
        LabelError: two labels would have the same name, or the table would have too many.
    """
    if stored == known:
        return table
    result = stored
    for label in table.foreground:
        before = known.counterpart(label)
        if before is None:
            result = _with_added(result, label)
        elif known.labels[before] != label:
            result = _with_changed(result, known.labels[before], label)
    for label in reversed(_removed(known, table)):
        if result.labels[-1].name == label.name:
            result = result.removed(len(result) - 1, unused=True)
    return result


def _with_added(stored: LabelTable, label: Label) -> LabelTable:
    """With one more label, unless it is there already."""
    if stored.index_of(label.name) is not None:
        return stored
    if len(stored) >= MAXIMUM_LABELS:
        raise LabelError(f"The table is full: {MAXIMUM_LABELS - 1} labels are possible.")
    is_taken = label.shortcut in stored.digits
    shortcut = None if is_taken else label.shortcut
    added = msgspec.structs.replace(label, index=len(stored), shortcut=shortcut)
    return LabelTable((*stored.labels, added))


def _with_changed(stored: LabelTable, old: Label, new: Label) -> LabelTable:
    """With what one label has become; as a new one where it is gone."""
    index = stored.index_of(old.name)
    if index is None:
        return _with_added(stored, new)
    if new.name != old.name and new.name != stored.labels[index].name:
        stored = stored.renamed(index, new.name)
    if new.color != old.color:
        stored = stored.recolored(index, new.color)
    if new.shortcut != old.shortcut:
        stored = stored.with_shortcut(index, new.shortcut)
    if new.visible != old.visible:
        stored = stored.with_visible(index, new.visible)
    if new.locked != old.locked:
        stored = stored.with_locked(index, new.locked)
    return stored


def _removed(known: LabelTable, table: LabelTable) -> tuple[Label, ...]:
    """Labels that were taken away at the end; others are missing for other reasons."""
    left = [known.counterpart(label) for label in table.labels]
    return known.labels[len(table) :] if left == list(range(len(table))) else ()


def within_limit(labels: LabelTable) -> LabelTable:
    """The labels that a label map can hold; shapes of others are shown, but count nowhere."""
    return LabelTable(labels.labels[:MAXIMUM_LABELS])


def with_fixed(labels: LabelTable, present: LabelTable, count: int) -> LabelTable:
    """A table that comes back, with those labels that datasets have got to know since.

    Args:
        present: the table that it replaces.
        count: so many labels of that one, the background among them, have to stay.
    """
    kept = present.labels[len(labels) : count]
    taken = set(labels.names)
    own = (
        msgspec.structs.replace(x, name=f"{x.name} ({x.index})") if x.name in taken else x
        for x in kept
    )
    return LabelTable((*labels.labels, *own)) if kept else labels

"""What a check found: one sentence that says it, and one on what to do."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

#: Kind of a finding that says that one slice or patient stands in two sets.
LEAK = "leak"
#: Kind of a finding on the memory that was only estimated.
ROUGH_MEMORY = "rough memory"


class Finding(msgspec.Struct, frozen=True):
    """One sentence on what is wrong or doubtful, and one on what to do about it.

    Attributes:
        kind: groups findings; "leak", "rough memory", or "" for none.
    """

    message: str
    cure: str
    kind: str = ""


def named(names: Sequence[str], most: int = 3) -> str:
    """E.g. "a, b, c and 7 more"."""
    text = ", ".join(names[:most])
    rest = len(names) - most
    return f"{text} and {rest} more" if rest > 0 else text


def counted(number: int, noun: str) -> str:
    """E.g. "1 slice", "2 slices"."""
    return f"1 {noun}" if number == 1 else f"{number} {noun}s"

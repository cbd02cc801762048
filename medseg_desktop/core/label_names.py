"""Which names a label may be given by hand; those of annotation files are kept as they are."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from medseg_desktop.core.errors import LabelError

LONGEST_NAME = 64
BACKGROUND = "_background_"
#: Control characters, characters that turn the direction of writing, halves of surrogate pairs
#: and ends of lines: none can be seen, and some make one name look like another.
_INVISIBLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
#: These two belong to the spelling of some scripts and to composed emoji.
_JOINERS = "\u200c\u200d"


def checked_name(name: str, others: Iterable[str]) -> str:
    """The name as it is stored: without blanks around it, composed as in NFC.

    Args:
        others: names of the other labels, with the background's; names that differ from one
            of them only by capital letters or by how accents are composed are refused.

    Raises:
        LabelError: the name cannot be used; the message says why.
    """
    name = unicodedata.normalize("NFC", name.strip())
    if not name.strip(_JOINERS):
        raise LabelError("A label needs a name.")
    if len(name) > LONGEST_NAME:
        raise LabelError(f"A name of a label has at most {LONGEST_NAME} characters.")
    if any(unicodedata.category(c) in _INVISIBLE and c not in _JOINERS for c in name):
        raise LabelError("The name has characters that cannot be seen; type it anew.")
    if folded(name) == folded(BACKGROUND):
        raise LabelError(f"{BACKGROUND} is the name of the background.")
    taken = next((other for other in others if folded(other) == folded(name)), None)
    if taken is not None:
        raise LabelError(f"There is a label {taken} already.")
    return name


def folded(name: str) -> str:
    """Equal for names that a reader would take for the same."""
    composed = unicodedata.normalize("NFC", name)
    return unicodedata.normalize("NFC", composed.casefold())

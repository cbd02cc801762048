"""JSON text from anywhere: decoded within bounds, and refused where it would not come back.

Everything the decoder accepts can be written again with the same values: there is no NaN and no
infinity, no half of a surrogate pair, and no key that stands twice in one object.
"""

from __future__ import annotations

import codecs
import json
import re
from itertools import chain
from typing import Any

import msgspec

from medseg_desktop.core.errors import AnnotationError

MAXIMUM_BYTES = 64 * 1024 * 1024
#: Lists, objects and their members in one file: about a million points, and 300 MB of memory.
MAXIMUM_VALUES = 3_000_000
MAXIMUM_DEPTH = 32

#: The marks of UTF-32 come first: one of them begins like a mark of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: In longer texts the place of a key that stands twice is not looked for; it takes seconds.
_SEARCHED_BYTES = 4 * 1024 * 1024
_CONTAINERS = frozenset((dict, list))
_CHUNK_BYTES = 1024 * 1024


def as_utf8(data: bytes, name: str) -> bytes:
    """The text as UTF-8 without a mark; read as its mark says, else as UTF-8, else as GB18030.

    Raises:
        AnnotationError: it is none of them.
    """
    marked = [encoding for mark, encoding in _MARKS if data.startswith(mark)]
    for encoding in marked[:1] or ("utf-8", "gb18030"):
        try:
            return _recoded(data, encoding)
        except UnicodeDecodeError:
            continue
    raise AnnotationError(f"{name} is neither UTF-8 nor GB18030 text.")


def _recoded(data: bytes, encoding: str) -> bytes:
    """In pieces, because the text of 64 MB may take 256 MB."""
    decoder = codecs.getincrementaldecoder(encoding)()
    text = bytearray()
    for start in range(0, len(data), _CHUNK_BYTES):
        text += decoder.decode(data[start : start + _CHUNK_BYTES]).encode()
    text += decoder.decode(b"", final=True).encode()
    return bytes(text)


def decode_json(data: bytes, name: str) -> Any:
    """UTF-8 text -> its value; see `check_structure` for what is not looked at here.

    Raises:
        AnnotationError: no JSON, or more of it than fits into memory; names the place.
    """
    # Commas within texts are counted too, of which no annotation has so many.
    if data.count(b",") + data.count(b"[") + data.count(b"{") > MAXIMUM_VALUES:
        raise AnnotationError(f"{name} holds too many points or values for an annotation file.")
    if not data or data.isspace():
        raise AnnotationError(f"{name} is damaged: it is empty.")
    try:
        return msgspec.json.decode(data)
    except RecursionError as error:
        raise _too_deep(name) from error
    except (msgspec.MsgspecError, ValueError) as error:
        raise AnnotationError(f"{name} is damaged: {_fault(error, data)}.") from error


def _fault(error: Exception, data: bytes) -> str:
    """What the decoder found, in words and with a place that an editor can go to."""
    text = str(error)
    if isinstance(error, msgspec.ValidationError):
        return "it holds a number that is beyond all bounds"
    if text == "Input data was truncated":
        return "it ends before its last value does"
    found = re.fullmatch(r"JSON is malformed: (.*) \(byte (\d+)\)", text)
    if found is None:
        return text.rstrip(".")
    before = data[: int(found[2])]
    line, column = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
    return f"{found[1]} in line {line}, byte {column}"


def check_structure(data: bytes, document: dict[str, Any], name: str) -> None:
    """Refuse what is nested too deep, and keys that stand twice in one object.

    Of such keys the decoder keeps the last; writing the file again would lose the others.

    Args:
        data: the text of `document`, as UTF-8.

    Raises:
        AnnotationError: says which key.
    """
    level: list[Any] = [document]
    for _ in range(MAXIMUM_DEPTH):
        members = (parent.values() if type(parent) is dict else parent for parent in level)
        level = [v for v in chain.from_iterable(members) if type(v) in _CONTAINERS]
    if level:
        raise _too_deep(name)
    # Each key brings one colon, and texts keep theirs; so a value that is written with fewer
    # colons than it was read from has lost a key.
    if _colons(data) != msgspec.json.encode(document).count(b":"):
        is_short = len(data) <= _SEARCHED_BYTES
        fault = _double_key(data) if is_short else "an object has a key twice"
        raise AnnotationError(f"{name} is damaged: {fault}.")


def _colons(data: bytes) -> int:
    """The colons of a JSON text, those spelled as \\u003a too."""
    count = data.count(b":")
    if b"\\u003" in data:
        count += len(re.findall(rb"(?<!\\)(?:\\\\)*\\u003[aA]", data))
    return count


def _double_key(data: bytes) -> str:
    """Where a key stands twice, and which."""
    doubled: list[tuple[dict[str, Any], str]] = []

    def keep(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) < len(pairs) and not doubled:
            keys = [key for key, _ in pairs]
            doubled.append((value, next(k for i, k in enumerate(keys) if k in keys[:i])))
        return value

    document = json.loads(data, object_pairs_hook=keep)
    value, key = doubled[0]
    return f"{_place(document, value) or 'an object'} has the key {key[:40]!r} twice"


def _place(parent: Any, wanted: dict[str, Any], path: str = "") -> str:
    """Where an object lies in a document, as `frames[0].shapes[2]`; empty for the whole."""
    if parent is wanted:
        return path.lstrip(".")
    members: list[tuple[str, Any]] = []
    if isinstance(parent, dict):
        members = [(f".{key[:40]}", value) for key, value in parent.items()]
    elif isinstance(parent, list):
        members = [(f"[{i}]", value) for i, value in enumerate(parent)]
    for step, value in members:
        found = _place(value, wanted, path + step)
        if found:
            return found
    return ""


def _too_deep(name: str) -> AnnotationError:
    return AnnotationError(f"{name} is nested deeper than {MAXIMUM_DEPTH} levels.")

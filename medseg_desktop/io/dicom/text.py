"""Text of DICOM elements: from stored bytes to one printable line (PS3.5 6.1 and annexes H to K).

A declared character set is believed, with these exceptions, each of which only ever replaces a
reading that nobody could have meant:

- Bytes that are invalid in the declared set, and bytes above 127 without a declared set, are
  read as UTF-8 where that is valid (and not by accident, see `_utf8`), else as GB18030 where that
  gives plausible Chinese, else as Latin-1.  Plausible: hanzi of GB 2312 are not outnumbered by
  rarer ones, and no single hanzi stands between two Latin letters ("Häßler", read as GB18030, has
  one there).
- Under a declared Latin-1, valid UTF-8 is read as UTF-8, because its Latin-1 reading has signs
  such as copyright or guillemets behind accented capitals.  Hanzi of GB 2312 are read as such
  where runs of bytes above 127 are nothing else and either the value has no Latin letter and two
  hanzi, or a run has two hanzi and its Latin-1 reading has a character that is no letter.
  Everything else stays Latin-1: a name that is left garbled is seen, a wrong one is not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_ESCAPE = b"\x1b"
#: Python codecs by the registration number in a defined term such as ISO_IR 100 or ISO 2022 IR 87.
_BY_NUMBER = {
    "13": "shift_jis",
    "58": "gb18030",
    "87": "iso2022_jp",
    "100": "latin_1",
    "101": "iso8859_2",
    "109": "iso8859_3",
    "110": "iso8859_4",
    "126": "iso8859_7",
    "127": "iso8859_6",
    "138": "iso8859_8",
    "144": "iso8859_5",
    "148": "iso8859_9",
    "149": "euc_kr",
    "159": "iso2022_jp_2",
    "166": "tis_620",
    "192": "utf_8",
    "203": "iso8859_15",
}
#: Terms without a number, or written as they should not be.
_BY_NAME = {
    "GB18030": "gb18030",
    "GBK": "gb18030",
    "GB2312": "gb18030",
    "ISO 2022 GBK": "gb18030",
    "ISO 2022 58": "gb18030",
    "UTF-8": "utf_8",
    "UTF8": "utf_8",
}
_NUMBERED = re.compile(r"ISO[ _-]?(?:2022[ _-]?)?(?:IR)?[ _-]?(\d+)$")
#: Sets that fill both halves of the code table and know no escape sequences (PS3.3 C.12.1.1.2).
_WITHOUT_ESCAPES = ("utf_8", "gb18030")
#: What follows the escape character -> codec of bytes above 127 (G1).
_UPPER = {
    b"$)A": "gb18030",
    b"$)C": "euc_kr",
    b")I": "shift_jis",
    b"-A": "latin_1",
    b"-B": "iso8859_2",
    b"-C": "iso8859_3",
    b"-D": "iso8859_4",
    b"-F": "iso8859_7",
    b"-G": "iso8859_6",
    b"-H": "iso8859_8",
    b"-L": "iso8859_5",
    b"-M": "iso8859_9",
    b"-T": "tis_620",
    b"-b": "iso8859_15",
}
#: ... -> codec of bytes below 128 (G0) where they are no ASCII; it needs the escape to decode.
_LOWER = {b"$@": "iso2022_jp", b"$B": "iso2022_jp", b"$(D": "iso2022_jp_2"}
_SEQUENCE = re.compile(rb"\x1b((?:\$[()]?|[()\-.])[A-Za-z@])")
_HIGH_OR_LOW = re.compile(rb"[\x80-\xff]+|[\x00-\x7f]+")
_HIGH = re.compile(rb"[\x80-\xff]+")
#: After these the first character set is in force again (PS3.5 6.1.2.5.3).
_DELIMITER = re.compile(rb"[\\^=\t\n\f\r]")
_LONE_HANZI = re.compile(r"(?<=[A-Za-z])[\u3400-\u9fff](?=[A-Za-z])")
_SINGLE_HANZI = re.compile(r"(?<![\u4e00-\u9fff])[^\x00-\x7f](?![\u4e00-\u9fff])")


def decode_text(stored: bytes, character_sets: Sequence[str] = ()) -> str:
    """The text of one element; never raises.

    Args:
        stored: bytes of the value, all of its values with their backslashes.
        character_sets: values of Specific Character Set (0008,0005).
    """
    stored = stored.rstrip(b" \0")  # padding; after a cut character it would hide the cut
    if stored.isascii() and _ESCAPE not in stored:
        return stored.decode("ascii")
    codecs = [_codec(term) for term in character_sets] or [None]
    if _ESCAPE in stored and codecs[0] not in _WITHOUT_ESCAPES:
        return _with_escapes(stored, codecs[0])
    for codec in filter(None, codecs):  # a second set without its escapes is better than none
        text = _strictly(stored, codec)
        if text is not None:
            return (_latin1_repaired(stored) or text) if codec == "latin_1" else text
    return _guessed(stored)


def one_line(text: str) -> str:
    """Text without control, escape and formatting characters; all white space is a space."""
    if text.isprintable():
        return text.strip()
    spaced = "".join(" " if c.isspace() else c for c in text)
    return "".join(c for c in spaced if c.isprintable()).strip()


def name_to_show(text: str) -> str:
    """The component group of a person name that its bearer writes: ideographic, else alphabetic
    (PS3.5 6.2.1.1); components are still parted by `^`."""
    groups = [one_line(group).strip("^ ") for group in text.split("=")]
    alphabetic, ideographic, phonetic = (*groups, "", "")[:3]
    return ideographic or alphabetic or phonetic


def _codec(term: str) -> str | None:
    """Python's codec for a defined term; None for ASCII and for what nobody knows."""
    name = term.strip(" \0").upper()
    if name in _BY_NAME:
        return _BY_NAME[name]
    found = _NUMBERED.match(name)
    return _BY_NUMBER.get(found[1]) if found else None


def _strictly(stored: bytes, codec: str) -> str | None:
    """Decoded; a last character that the length limit of an element cut in two is left out."""
    try:
        return stored.decode(codec)
    except UnicodeDecodeError as error:
        if codec in _WITHOUT_ESCAPES and error.start > 0 and error.end >= len(stored) > error.start:
            head = stored[: error.start]
            return head.decode(codec) if not head.isascii() else None
        return None


def _with_escapes(stored: bytes, first: str | None) -> str:
    """Text with ISO 2022 escape sequences, whichever of them were declared."""
    initial = first if first not in ("iso2022_jp", "iso2022_jp_2") else None
    upper, lower = initial, b""
    parts = _SEQUENCE.split(stored)
    texts = []
    for i, part in enumerate(parts):
        if i % 2:
            if part in _UPPER:
                upper = _UPPER[part]
            else:  # every other sequence designates G0: a Japanese set, else as good as ASCII
                lower = part if part in _LOWER else b""
        elif lower:
            texts.append((_ESCAPE + lower + part).decode(_LOWER[lower], "replace"))
        else:
            for run in _HIGH_OR_LOW.findall(part):
                if run.isascii():
                    texts.append(run.decode("ascii"))
                    if initial and _DELIMITER.search(run):
                        upper = initial
                else:
                    texts.append(run.decode(upper, "replace") if upper else _guessed(run))
    return "".join(texts)


def _guessed(stored: bytes) -> str:
    """Text whose character set nobody declared, or declared wrongly."""
    text = _utf8(stored)
    if text is not None:
        return text
    text = _strictly(stored, "gb18030")
    if text is not None and _is_plausible_chinese(text):
        return text
    return stored.decode("latin_1")


def _utf8(stored: bytes) -> str | None:
    """Text of valid UTF-8, but for Chinese that is valid by accident.

    Two bytes of GB 2312 may be one letter of UTF-8 (U+0080 to U+07FF); where all of them are, and
    hanzi never stand alone, it is Chinese.
    """
    text = _strictly(stored, "utf_8")
    if text is None or max(text) >= "\u0800":
        return text
    chinese = _strictly(stored, "gb2312")
    return None if chinese is not None and not _SINGLE_HANZI.search(chinese) else text


def _is_plausible_chinese(text: str) -> bool:
    hanzi = [c for c in text if "\u3400" <= c <= "\u9fff"]
    common = sum(map(_is_gb2312, hanzi))
    return common > 0 and 2 * common >= len(hanzi) and not _LONE_HANZI.search(text)


def _is_gb2312(character: str) -> bool:
    try:
        character.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


def _latin1_repaired(stored: bytes) -> str | None:
    """What was certainly not meant as Latin-1, read as what it was (see the module's text)."""
    text = _utf8(stored)
    if text is not None:
        return text
    runs = _HIGH.findall(stored)
    readings = [_strictly(run, "gb2312") for run in runs]
    if not all(r and all("\u4e00" <= c <= "\u9fff" for c in r) for r in readings):
        return None
    has_letters = re.search(rb"[A-Za-z]", stored) is not None
    if not has_letters and sum(len(r or "") for r in readings) >= 2:
        return _strictly(stored, "gb2312")
    odd = any(len(run) >= 4 and not run.decode("latin_1").isalpha() for run in runs)
    return _strictly(stored, "gb2312") if odd else None

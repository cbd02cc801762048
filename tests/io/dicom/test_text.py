"""Text of headers: names and descriptions in the character sets of hospitals."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from medseg_desktop.io.dicom.text import decode_text, name_to_show, one_line
from medseg_desktop.io.dicom.values import person_name, text
from medseg_desktop.io.dicom_series import scan
from medseg_desktop.io.sources.source import open_source
from tests.builders import lesion_slice, write_dicom

SETS = st.lists(
    st.sampled_from(
        ["", "ISO_IR 6", "ISO_IR 100", "ISO_IR 144", "ISO_IR 192", "GB18030", "GBK", "ISO_IR 13",
         "ISO 2022 IR 6", "ISO 2022 IR 58", "ISO 2022 IR 87", "ISO 2022 IR 149", "ISO 2022 IR 159",
         "nonsense"]
    ),
    max_size=3,
)  # fmt: skip


def in_header(name: str, stored: bytes, sets: list[str]) -> Dataset:
    """A dataset as it is read from a file: the value is still bytes."""
    ds = Dataset()
    vr = "PN" if name == "PatientName" else "LO"
    for tag, kind, value in (
        (Tag("SpecificCharacterSet"), "CS", "\\".join(sets).encode()),
        (Tag(name), vr, stored),
    ):
        ds[tag] = RawDataElement(tag, kind, len(value), value, 0, False, True)
    return ds


@pytest.mark.parametrize(
    ("stored", "sets", "name"),
    [
        (b"Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab=", ["GB18030"], "王^小东"),
        ("王^小东".encode("gbk"), ["GBK"], "王^小东"),
        (b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=",
         ["", "ISO 2022 IR 58"], "张^小东"),
        ("Wang^XiaoDong=王^小東=".encode(), ["ISO_IR 192"], "王^小東"),
        (b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
         ["", "ISO 2022 IR 87"], "山田^太郎"),
        (b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J=",
         ["ISO 2022 IR 13", "ISO 2022 IR 87"], "山田^太郎"),
        (b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6",
         ["", "ISO 2022 IR 149"], "洪^吉洞"),
        (b"Smith^John", [], "Smith^John"),
        (b"Buc^J\xe9r\xf4me", ["ISO_IR 100"], "Buc^Jérôme"),
        (b"\xbb\xee\xdace\xdc\xd1yp\xd3", ["ISO_IR 144"], "Люкceмбypг"),
        (b"\xf9\xf8\xe5\xef^\xe3\xe1\xe5\xf8\xe4", ["ISO_IR 138"], "שרון^דבורה"),
        (b"\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2", ["iso-ir 126"], "Διονυσιος"),
        # A German name, and a Korean one after it: the delimiter brings the first set back.
        (b"M\xfcller=\x1b$)C\xfb\xf3=J\xfcrgen", ["ISO 2022 IR 100", "ISO 2022 IR 149"], "洪"),
    ],
)  # fmt: skip
def test_names_of_every_declared_character_set_are_read(
    stored: bytes, sets: list[str], name: str
) -> None:
    assert person_name(in_header("PatientName", stored, sets), "PatientName") == name


@pytest.mark.parametrize("sets", [[], [""], ["ISO_IR 6"], ["nonsense"], ["ISO_IR 192"]])
@pytest.mark.parametrize("words", ["王小东", "颅脑MRI平扫", "朱镕基", "欧阳娜娜 T2 FLAIR"])
def test_chinese_without_or_with_a_wrong_declaration_is_read(words: str, sets: list[str]) -> None:
    assert decode_text(words.encode("gb18030"), sets) == words
    assert decode_text(words.encode("utf-8"), sets) == words


def test_chinese_that_is_valid_utf_8_by_accident_is_read_where_nothing_is_declared() -> None:
    stored = "头颅MRI平扫".encode("gbk")
    assert stored.decode("utf-8")
    assert decode_text(stored) == "头颅MRI平扫"
    assert decode_text(stored, ["ISO_IR 192"]) != "头颅MRI平扫"  # what is valid is believed


@pytest.mark.parametrize(
    "words", ["Müller", "Jürgen Häßler", "Größe", "Weiß", "Ångström", "Noël", "René", "Buc^Jérôme"]
)
def test_latin_names_without_a_declaration_never_become_chinese(words: str) -> None:
    assert decode_text(words.encode("latin_1")) == words
    assert decode_text(words.encode("utf-8")) == words
    assert decode_text(words.encode("utf-8"), ["ISO_IR 100"]) == words


@pytest.mark.parametrize("words", ["Анна Петрова", "Διονυσιος", "Łukasz", "שרון", "قباني"])
def test_undeclared_utf_8_of_other_scripts_is_read(words: str) -> None:
    assert decode_text(words.encode()) == words


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("王小东".encode(), "王小东"),
        ("张^伟".encode("gbk"), "张^伟"),
        ("T2 颅脑横断".encode("gbk"), "T2 颅脑横断"),
        ("Jérôme Müller-Lüdenscheidt".encode("latin_1"), "Jérôme Müller-Lüdenscheidt"),
        ("Häßler Größe".encode("latin_1"), "Häßler Größe"),
        ("ÄÖÜ äöü ß".encode("latin_1"), "ÄÖÜ äöü ß"),
        ("5 µm ± 2°".encode("latin_1"), "5 µm ± 2°"),
        ("李 Wei".encode("gbk"), "Àî Wei"),  # too little to be sure of
    ],
)
def test_declared_latin_1_is_only_replaced_where_that_is_safe(stored: bytes, shown: str) -> None:
    assert decode_text(stored, ["ISO_IR 100"]) == shown


@given(st.text(st.characters(min_codepoint=0xC0, max_codepoint=0xFF), max_size=3))
def test_short_words_of_accented_letters_between_ascii_stay_latin_1(accented: str) -> None:
    words = f"A{accented}b"
    assert decode_text(words.encode("latin_1"), ["ISO_IR 100"]) == words


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_a_character_cut_in_two_by_the_length_limit_is_left_out(encoding: str) -> None:
    stored = "颅脑平扫".encode(encoding)[:-1]
    assert decode_text(stored, []) == "颅脑平"
    declared = {"utf-8": "ISO_IR 192", "gb18030": "GB18030"}[encoding]
    assert decode_text(stored + b" ", [declared]) == "颅脑平"


@given(st.binary(max_size=80), SETS)
@example(b"\x1b$)A\xd5", ["", "ISO 2022 IR 58"])
@example(b"\x1b$B\x1b$B$", ["", "ISO 2022 IR 87"])
@example("a\u202eb\u3000c\u200d".encode(), ["ISO_IR 192"])
def test_text_is_one_printable_line_whatever_the_bytes(stored: bytes, sets: list[str]) -> None:
    assert text(in_header("SeriesDescription", stored, sets), "SeriesDescription").isprintable()
    name = person_name(in_header("PatientName", stored, sets), "PatientName")
    assert name.isprintable()
    assert "=" not in name


@given(st.text(max_size=40))
def test_text_in_utf_8_is_kept_but_for_what_cannot_be_printed(words: str) -> None:
    assert one_line(decode_text(words.encode(), ["ISO_IR 192"])) == one_line(words)


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("Wang^XiaoDong=王^小东=", "王^小东"),
        ("Doe^John^^^", "Doe^John"),
        ("Doe^John==", "Doe^John"),
        ("=王^小东", "王^小东"),
        ("==おう", "おう"),
        ("^^^^", ""),
        ("", ""),
    ],
)
def test_the_ideographic_group_of_a_name_is_shown_where_there_is_one(
    stored: str, shown: str
) -> None:
    assert name_to_show(stored) == shown


@pytest.mark.parametrize(
    ("stored", "declared", "shown"),
    [
        ("王小东".encode("gbk"), None, "王小东"),
        ("王小东".encode(), None, "王小东"),
        ("王小东".encode("gbk"), "GB18030", "王小东"),
        (b"\x1b$)A\xcd\xf5", "ISO 2022 IR 58", "王"),
    ],
)
def test_a_chinese_name_in_a_file_reaches_the_patient(
    tmp_path: Path, stored: bytes, declared: str | None, shown: str
) -> None:
    holder = "@" * (len(stored) + len(stored) % 2)
    elements = {"PatientName": holder}
    if declared:
        several = declared.startswith("ISO 2022")
        elements["SpecificCharacterSet"] = ["", declared] if several else declared  # type: ignore[assignment]
    path = write_dicom(tmp_path / "x.dcm", lesion_slice(), elements=elements)
    path.write_bytes(path.read_bytes().replace(holder.encode(), stored.ljust(len(holder))))
    assert scan(open_source(tmp_path), salt=b"s").series[0].patient.name == shown

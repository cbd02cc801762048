"""Headers are read out of the start of a file, and are what pydicom reads out of all of it."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from medseg_desktop.io.dicom.elements import read_elements
from medseg_desktop.io.dicom.quiet import quiet
from tests.builders import lesion_slice, write_dicom

#: An element in front of the pixels that may be of any length.
LONG = "RedPaletteColorLookupTableData"
TAGS = [Tag(name) for name in ("PatientID", "Rows", "Columns", LONG, "WindowCenter")]
#: Bytes of a file that are read at once.
START = 32 << 10


#: Elements and where reading stopped, or the kind of error.
Outcome = tuple[dict[int, object], int] | type[Exception]


def expected(path: Path) -> Outcome:
    """What pydicom reads from the file itself."""
    return outcome(
        path,
        lambda file: pydicom.dcmread(file, stop_before_pixels=True, specific_tags=TAGS, force=True),
    )


def read(path: Path) -> Outcome:
    return outcome(path, lambda file: read_elements(file, TAGS))


def outcome(path: Path, parse: Callable[[BinaryIO], Dataset]) -> Outcome:
    with path.open("rb") as file, quiet():
        try:
            header = parse(file)
            return {element.tag: element.value for element in header}, file.tell()
        except Exception as error:
            return type(error)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("headers")


@given(length=st.integers(START - 1200, START + 200).map(lambda n: n // 2 * 2))
def test_a_header_that_ends_near_the_end_of_the_start_is_read_whole(
    length: int, folder: Path
) -> None:
    path = write_dicom(folder / "x.dcm", lesion_slice(), elements={LONG: bytes(length)})
    found = read(path)
    assert found == expected(path)
    assert isinstance(found, tuple)
    assert found[0][Tag(LONG)] == bytes(length)


@pytest.mark.parametrize("length", [START * 3, 1 << 20])
def test_a_header_far_longer_than_the_start_is_read_whole(length: int, tmp_path: Path) -> None:
    path = write_dicom(
        tmp_path / "x.dcm",
        lesion_slice(),
        elements={LONG: bytes(length)},
    )
    assert read(path) == expected(path)


@pytest.mark.parametrize("cut", [132, 160, 400, 700, START - 1, START, START + 1, START + 500])
def test_a_header_that_was_cut_off_is_read_as_pydicom_does(cut: int, tmp_path: Path) -> None:
    path = write_dicom(
        tmp_path / "x.dcm",
        lesion_slice(),
        elements={LONG: bytes(2 * START)},
    )
    path.write_bytes(path.read_bytes()[:cut])
    assert read(path) == expected(path)


def test_every_header_of_the_corpus_is_read_as_pydicom_does(corpus: Path) -> None:
    files = [p for p in corpus.rglob("*") if p.is_file()]
    assert len(files) > 100
    # NaN is not equal to itself, but reads the same.
    assert [p.name for p in files if str(read(p)) != str(expected(p))] == []


def test_an_open_file_is_read_from_its_beginning(tmp_path: Path) -> None:
    content = io.BytesIO(write_dicom(tmp_path / "x.dcm", lesion_slice()).read_bytes())
    content.seek(99)
    assert read_elements(content, TAGS).PatientID == "P1"

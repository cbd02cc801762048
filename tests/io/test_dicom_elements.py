"""Headers are read out of the start of a file, and are what pydicom reads out of all of it."""

from __future__ import annotations

import io
from pathlib import Path

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.tag import Tag

from medseg_desktop.io.dicom_elements import read_elements
from medseg_desktop.io.quiet import quiet
from tests.builders import lesion_slice, write_dicom

#: An element in front of the pixels that may be of any length.
LONG = "RedPaletteColorLookupTableData"
TAGS = [Tag(name) for name in ("PatientID", "Rows", "Columns", LONG, "WindowCenter")]
#: Bytes of a file that are read at once.
START = 32 << 10


def expected(path: Path) -> tuple[dict[int, object], int]:
    """The elements as pydicom reads them, and where it stops."""
    with path.open("rb") as file, quiet():
        header = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=TAGS, force=True)
        return {element.tag: element.value for element in header}, file.tell()


def read(path: Path) -> tuple[dict[int, object], int]:
    with path.open("rb") as file, quiet():
        header = read_elements(file, TAGS)
        return {element.tag: element.value for element in header}, file.tell()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("headers")


@given(length=st.integers(START - 1200, START + 200).map(lambda n: n // 2 * 2))
def test_a_header_that_ends_near_the_end_of_the_start_is_read_whole(
    length: int, folder: Path
) -> None:
    path = write_dicom(folder / "x.dcm", lesion_slice(), elements={LONG: bytes(length)})
    elements, at = read(path)
    assert (elements, at) == expected(path)
    assert len(elements[Tag(LONG)]) == length  # type: ignore[arg-type]


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
    differing, compared = [], 0
    for path in sorted(p for p in corpus.rglob("*") if p.is_file()):
        try:
            wanted = expected(path)
        except Exception as error:
            with pytest.raises(type(error)):
                read(path)
            continue
        compared += 1
        if str(read(path)) != str(wanted):  # NaN is not equal to itself
            differing.append(path.name)
    assert compared > 100
    assert differing == []


def test_an_open_file_is_read_from_its_beginning(tmp_path: Path) -> None:
    content = io.BytesIO(write_dicom(tmp_path / "x.dcm", lesion_slice()).read_bytes())
    content.seek(99)
    assert read_elements(content, TAGS).PatientID == "P1"

"""The files of a medium: those its DICOMDIR lists, and nothing outside its folder."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

from medseg_desktop.core.errors import DataError
from medseg_desktop.io.sources.dicomdir import is_dicomdir, listed_files
from tests.builders import lesion_slice, write_dicom
from tests.media import files_below, write_dicomdir, write_medium


def names(path: Path) -> list[str]:
    """Relative paths of the listed files."""
    found, refused = listed_files(path)
    assert refused == ()
    return [file.relative_to(path.parent).as_posix() for file in found]


def test_a_real_medium_is_read_wholly() -> None:
    path = Path(get_testdata_file("dicomdirtests/DICOMDIR", download=False) or "")
    found = names(path)
    assert len(found) == 31
    assert all((path.parent / name).is_file() for name in found)


def test_a_medium_is_read_wholly(tmp_path: Path) -> None:
    path = write_medium(tmp_path / "disc", ("A", "B"), slices=3)
    assert names(path) == [name for name in files_below(path.parent) if name != "DICOMDIR"]


def test_files_that_are_not_listed_are_left_alone(tmp_path: Path) -> None:
    path = write_dicomdir(tmp_path / "DICOMDIR", [["DICOM", "IM1"]])
    for name in ("IM1", "IM2"):
        write_dicom(tmp_path / "DICOM" / name, lesion_slice())
    assert names(path) == ["DICOM/IM1"]


def test_names_are_found_in_other_case_and_the_same_one_goes_first(tmp_path: Path) -> None:
    path = write_dicomdir(tmp_path / "dicomdir", [["DICOM", "PAT1", "IM1"]])
    write_dicom(tmp_path / "dicom" / "Pat1" / "im1", lesion_slice())
    assert names(path) == ["dicom/Pat1/im1"]
    write_dicom(tmp_path / "DICOM" / "PAT1" / "IM1", lesion_slice())
    assert names(path)[0].casefold() == "dicom/pat1/im1"
    if (tmp_path / "dicom").samefile(tmp_path / "DICOM"):
        pytest.skip("this disk does not tell case apart")
    assert names(path) == ["DICOM/PAT1/IM1"]


@pytest.mark.parametrize("text", ["DICOM\\IM1", "DICOM/IM1", ".\\DICOM\\IM1", "DICOM\\IM1 "])
def test_other_ways_to_write_a_path_are_understood(tmp_path: Path, text: str) -> None:
    path = write_dicomdir(tmp_path / "DICOMDIR", [text.split("\\")])
    write_dicom(tmp_path / "DICOM" / "IM1", lesion_slice())
    assert names(path) == ["DICOM/IM1"]


OUTSIDE = [
    ["..", "IM1"],
    ["DICOM", "..", "..", "IM1"],
    ["", "etc", "passwd"],
    ["/etc/passwd"],
    ["C:", "IM1"],
    ["C:/IM1"],
    ["", "", "server", "share", "IM1"],
    ["//server/share/IM1"],
    ["../IM1"],
    ["OUT", "IM1"],
    ["OUTIM1"],
]


@pytest.mark.parametrize("reference", OUTSIDE, ids="|".join)
def test_nothing_outside_the_folder_is_ever_opened(tmp_path: Path, reference: list[str]) -> None:
    write_dicom(tmp_path / "IM1", lesion_slice())
    path = write_dicomdir(tmp_path / "disc" / "DICOMDIR", [reference, ["GOOD"]])
    write_dicom(tmp_path / "disc" / "GOOD", lesion_slice())
    (tmp_path / "disc" / "DICOM").mkdir()
    (tmp_path / "disc" / "OUT").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "disc" / "OUTIM1").symlink_to(tmp_path / "IM1")
    found, ((_, reason),) = listed_files(path)
    assert [file.name for file in found] == ["GOOD"]
    assert "out of the folder" in reason


def test_a_link_inside_the_folder_is_followed(tmp_path: Path) -> None:
    path = write_dicomdir(tmp_path / "DICOMDIR", [["LINK", "IM1"]])
    write_dicom(tmp_path / "DICOM" / "IM1", lesion_slice())
    (tmp_path / "LINK").symlink_to(tmp_path / "DICOM", target_is_directory=True)
    assert names(path) == ["LINK/IM1"]


@pytest.mark.parametrize("reference", [["DICOM", "IM2"], ["DICOM"], ["NONE", "IM1"], ["CON:1"]])
def test_what_is_listed_but_not_there_is_said(tmp_path: Path, reference: list[str]) -> None:
    path = write_dicomdir(tmp_path / "DICOMDIR", [reference, ["DICOM", "IM1"]])
    write_dicom(tmp_path / "DICOM" / "IM1", lesion_slice())
    found, refused = listed_files(path)
    assert [file.name for file in found] == ["IM1"]
    assert refused == (("/".join(reference), "it is listed in the DICOMDIR but does not exist"),)


def test_records_that_are_not_in_use_are_passed_over(tmp_path: Path) -> None:
    path = write_dicomdir(tmp_path / "DICOMDIR", [["GONE"]], in_use=0)
    assert names(path) == []


def _text(path: Path) -> None:
    path.write_text("no DICOM " * 100)


def _cut(path: Path) -> None:
    write_dicomdir(path, [["A", f"IM{i}"] for i in range(50)])
    path.write_bytes(path.read_bytes()[:-700])


def _cut_early(path: Path) -> None:
    write_dicomdir(path, [["A", "IM1"]])
    path.write_bytes(path.read_bytes()[:360])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _deflated(path: Path) -> None:
    """Twenty thousand times larger inside."""
    bomb = write_dicom(path, lesion_slice(), syntax="deflated").read_bytes()
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    zeros = b"".join(squeeze.compress(bytes(1 << 20)) for _ in range(80)) + squeeze.flush()
    path.write_bytes(bomb[: 144 + int.from_bytes(bomb[140:144], "little")] + zeros)


@pytest.mark.parametrize("make", [_text, _cut, _cut_early, _empty, _deflated])
def test_a_damaged_directory_is_one_sentence(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "DICOMDIR")
    with pytest.raises(DataError, match="DICOMDIR is damaged") as failed:
        listed_files(tmp_path / "DICOMDIR")
    assert "\n" not in str(failed.value)


def test_a_directory_is_told_by_content_or_by_its_name(tmp_path: Path) -> None:
    path = write_dicomdir(tmp_path / "index.dcm", [["A"]])
    assert is_dicomdir(path, path.read_bytes()[:1024])
    assert is_dicomdir(tmp_path / "dicomdir", b"")
    image = write_dicom(tmp_path / "IM1", lesion_slice())
    assert not is_dicomdir(image, image.read_bytes()[:1024])

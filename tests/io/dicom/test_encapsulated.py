"""Encapsulated pixels that end early, lack their delimiter or have a wrong table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate, encapsulate_extended, generate_frames

from medseg_desktop.core.errors import UnreadableSliceError
from medseg_desktop.io.dicom_series import FileStatus, scan
from medseg_desktop.io.pixels.reader import FrameReader
from medseg_desktop.io.sources.source import open_source
from tests.builders import Syntax, lesion_slice, write_dicom

DELIMITER = b"\xfe\xff\xdd\xe0\0\0\0\0"
FRAMES = np.stack([lesion_slice((32, 40), seed=i) for i in range(3)])
MULTI_FRAME: list[Syntax] = ["rle", "jpeg-ls", "jpeg2000", "jpeg-lossless"]


def reason(reader: FrameReader, path: Path, frame: int = 0, frames: np.ndarray = FRAMES) -> str:
    """Why a frame is refused; empty where it is read, with the right values."""
    try:
        stored, _ = reader.read(str(path), frame)
    except UnreadableSliceError as error:
        return error.message
    assert np.array_equal(stored, frames[frame])
    return ""


def with_fragments(
    path: Path, fragments: list[bytes], table: bytes = b"", frames: int = len(FRAMES)
) -> Path:
    """Write the file with these fragments and this Basic Offset Table instead of its own."""
    ds = pydicom.dcmread(path)
    ds.NumberOfFrames = frames
    items = [table, *fragments]
    ds.PixelData = b"".join(
        b"\xfe\xff\x00\xe0" + len(item).to_bytes(4, "little") + item for item in items
    )
    ds.save_as(path)
    return path


def codestreams(path: Path) -> list[bytes]:
    ds = pydicom.dcmread(path)
    return list(generate_frames(ds.PixelData, number_of_frames=len(FRAMES)))


@pytest.mark.parametrize("syntax", ["rle", "jpeg-ls", "explicit"])
def test_every_cut_is_recovered_or_refused_but_never_a_blank_slice(
    syntax: Syntax, reader: FrameReader, tmp_path: Path
) -> None:
    small = FRAMES[:1, :8, :12]
    data = write_dicom(tmp_path / "whole.dcm", small[0], syntax=syntax).read_bytes()
    cut = tmp_path / "cut.dcm"
    recovered = []
    for size in range(len(data)):
        cut.write_bytes(data[:size])
        why = reason(reader, cut, frames=small)
        if not why:
            recovered.append(size)
        elif size > 700:  # behind the header
            assert "truncated" in why or "damaged" in why
    # Exactly the cuts within the delimiter leave the pixels whole.
    whole = range(len(data) - len(DELIMITER), len(data)) if syntax != "explicit" else range(0)
    assert recovered == list(whole)


@pytest.mark.parametrize("syntax", MULTI_FRAME)
def test_the_frames_before_a_cut_are_still_shown(
    syntax: Syntax, reader: FrameReader, tmp_path: Path
) -> None:
    path = write_dicom(tmp_path / "m.dcm", FRAMES, syntax=syntax)
    data = path.read_bytes()
    path.write_bytes(data[:-40])
    assert [reason(reader, path, i) for i in (0, 1)] == ["", ""]
    assert "truncated" in reason(reader, path, 2)
    assert scan(open_source(tmp_path), salt=b"").files[0].status is FileStatus.SHOWN


def test_a_cut_names_how_many_bytes_are_missing(reader: FrameReader, tmp_path: Path) -> None:
    for syntax, behind in (("rle", len(DELIMITER)), ("explicit", 0), ("big", 0)):
        path = write_dicom(tmp_path / "x.dcm", FRAMES[0], syntax=syntax)  # type: ignore[arg-type]
        path.write_bytes(path.read_bytes()[: -behind - 10])
        expected = "the file is truncated: 10 bytes of its pixels are missing"
        assert reason(reader, path) == expected
        row = scan(open_source(path), salt=b"").files[0]
        assert (row.status, row.reason) == (FileStatus.REFUSED, expected)


def test_a_frame_in_several_fragments_is_put_together(reader: FrameReader, tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "x.dcm", FRAMES, syntax="jpeg-ls")
    pieces = [c[i : i + 30] for c in codestreams(path) for i in range(0, len(c), 30)]
    with_fragments(path, pieces)
    assert [reason(reader, path, i) for i in range(3)] == ["", "", ""]
    data = path.read_bytes()
    path.write_bytes(data[: data.rindex(b"\xfe\xff\x00\xe0")])  # the last fragment is gone
    assert [reason(reader, path, i) for i in range(2)] == ["", ""]
    assert "the end of its pixels is missing" in reason(reader, path, 2)


@pytest.mark.parametrize("table", ["none", "right", "wrong"])
def test_a_wrong_offset_table_does_not_hide_frames(
    table: str, reader: FrameReader, tmp_path: Path
) -> None:
    path = write_dicom(tmp_path / "x.dcm", FRAMES, syntax="rle")
    ds = pydicom.dcmread(path)
    if table == "wrong":
        with_fragments(path, codestreams(path), bytes(4) + b"\x08\0\0\0" + b"\x10\0\0\0")
    else:
        ds.PixelData = encapsulate(codestreams(path), has_bot=table == "right")
        ds.save_as(path)
    assert [reason(reader, path, i) for i in range(3)] == ["", "", ""]


def test_the_extended_offset_table_finds_the_frames(reader: FrameReader, tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "x.dcm", FRAMES, syntax="jpeg2000")
    ds = pydicom.dcmread(path)
    ds.PixelData, ds.ExtendedOffsetTable, ds.ExtendedOffsetTableLengths = encapsulate_extended(
        codestreams(path)
    )
    ds.save_as(path)
    assert [reason(reader, path, i) for i in range(3)] == ["", "", ""]


def test_fewer_frames_than_the_header_says_leave_those_that_are_there(
    reader: FrameReader, tmp_path: Path
) -> None:
    path = write_dicom(tmp_path / "x.dcm", FRAMES, syntax="jpeg2000")
    with_fragments(path, codestreams(path)[:2])
    assert [reason(reader, path, i) for i in range(2)] == ["", ""]
    assert reason(reader, path, 2) == "its pixels hold fewer frames than its header says"


@pytest.mark.parametrize(
    ("fragments", "is_closed", "listed", "said"),
    [
        (1, True, 1, "The header claims 100000 frames, but no more than 1 is there"),
        (2, True, 2, "The header claims 100000 frames, but no more than 2 are there"),
        # The one that was cut is listed, too, and says so when it is wanted.
        (2, False, 3, "The header claims 100000 frames, but no more than 3 are there"),
    ],
)
def test_frames_that_cannot_be_there_are_not_listed(
    fragments: int,
    is_closed: bool,
    listed: int,
    said: str,
    reader: FrameReader,
    tmp_path: Path,
) -> None:
    path = write_dicom(tmp_path / "x.dcm", FRAMES, syntax="jpeg-ls")
    with_fragments(path, codestreams(path)[:fragments], frames=100_000)
    if not is_closed:
        data = path.read_bytes()
        path.write_bytes(data[: data.rindex(DELIMITER)])
    found = scan(open_source(tmp_path), salt=b"")
    (series,) = found.series
    assert [s.frame for s in series.slices] == list(range(listed))
    assert {s.frames for s in series.slices} == {listed}
    assert series.warnings[0] == f"{said}."
    assert (found.files[0].status, found.files[0].reason) == (FileStatus.WARNED, said)
    assert [reason(reader, path, i) for i in range(fragments)] == [""] * fragments
    assert reason(reader, path, fragments)


def test_a_film_of_as_many_fragments_as_frames_or_more_is_listed_as_it_says(
    tmp_path: Path,
) -> None:
    path = write_dicom(tmp_path / "x.dcm", FRAMES, syntax="jpeg-ls")
    for pieces in (codestreams(path), [c[i : i + 30] for c in codestreams(path) for i in (0, 30)]):
        with_fragments(path, pieces)
        found = scan(open_source(tmp_path), salt=b"")
        assert [len(s.slices) for s in found.series] == [3]
        assert found.files[0].status is FileStatus.SHOWN


@pytest.mark.parametrize(
    "name",
    [
        "jpeg2000/pydicom__MR_small_jp2klossless.dcm",
        "jpeg/pydicom__examples_ybr_color.dcm",
        "multiframe/csp__CT0012.fragmented_no_bot_jpeg_lossless.57.dcm",
        "multiframe/weasis__jpeg2000-multiframe-multifragments.dcm",
        "enhanced/pydata__emri_small_RLE.dcm",
    ],
)
def test_cuts_of_real_files_never_give_other_pixels(
    name: str, reader: FrameReader, corpus: Path, tmp_path: Path
) -> None:
    whole = corpus / name
    data = whole.read_bytes()
    expected, _ = reader.read(str(whole), 0)
    cut = tmp_path / "cut.dcm"
    recovered = 0
    for size in [*range(0, len(data), len(data) // 25), *range(len(data) - 8, len(data))]:
        cut.write_bytes(data[:size])
        try:
            stored, _ = reader.read(str(cut), 0)
        except UnreadableSliceError:
            continue
        recovered += 1
        assert np.array_equal(stored, expected)
    assert recovered >= 8

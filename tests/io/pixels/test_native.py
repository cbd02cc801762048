"""Uncompressed frames are read by their bytes alone, and are what pydicom would give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medseg_desktop.core.errors import UnreadableSliceError
from medseg_desktop.io.dicom.quiet import quiet
from medseg_desktop.io.dicom.transfer_syntax import is_native
from medseg_desktop.io.dicom_series import scan
from medseg_desktop.io.pixels.reader import FrameReader
from medseg_desktop.io.sources.source import open_source
from tests.builders import Syntax, lesion_slice, write_dicom


def is_as_pydicom_reads_it(path: Path) -> bool:
    """Type, shape and values of every frame equal pydicom's `pixel_array`."""
    with quiet():
        expected = pydicom.dcmread(path, force=True).pixel_array
    frames = int(pydicom.dcmread(path, specific_tags=["NumberOfFrames"]).get("NumberOfFrames") or 1)
    expected = expected if frames > 1 else expected[None]
    with FrameReader() as reader:
        read = [reader.read(str(path), i)[0] for i in range(frames)]
    return all(
        stored.dtype == frame.dtype and np.array_equal(stored, frame)
        for stored, frame in zip(read, expected, strict=True)
    )


def test_every_uncompressed_file_of_the_corpus_is_read_as_pydicom_does(corpus: Path) -> None:
    found = scan(open_source(corpus), salt=b"")
    native = {
        item.path
        for series in found.series
        for item in series.slices
        if is_native(str(pydicom.dcmread(item.path, force=True).file_meta.TransferSyntaxUID))
    }
    assert len(native) > 30
    assert [path for path in sorted(native) if not is_as_pydicom_reads_it(Path(path))] == []


def test_real_series_are_read_as_pydicom_does(test_data: Path) -> None:
    files = sorted((test_data / "data").rglob("*.dcm"))[::40]
    assert files
    for path in files:
        with quiet():
            expected = pydicom.dcmread(path)
        if is_native(str(expected.file_meta.TransferSyntaxUID)):
            assert is_as_pydicom_reads_it(path), path


@given(
    dtype=st.sampled_from(["u1", "i1", "u2", "i2", "u4", "i4"]),
    syntax=st.sampled_from(["explicit", "implicit", "big", "deflated"]),
    shape=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    frames=st.integers(1, 3),
    unused=st.integers(0, 7),
    seed=st.integers(0, 9),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_plain_layout_is_read_as_pydicom_does(
    dtype: str,
    syntax: Syntax,
    shape: tuple[int, int],
    frames: int,
    unused: int,
    seed: int,
    tmp_path: Path,
) -> None:
    kind = np.iinfo(dtype)
    rng = np.random.default_rng(seed)
    pixels = rng.integers(kind.min, kind.max, (frames, *shape), endpoint=True, dtype=dtype)
    stored = {"BitsStored": kind.bits - unused, "HighBit": kind.bits - unused - 1}
    path = write_dicom(
        tmp_path / "x",
        pixels if frames > 1 else pixels[0],
        syntax=syntax,
        elements=stored,  # the unused bits hold whatever they hold
    )
    assert is_as_pydicom_reads_it(path)


@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
@pytest.mark.parametrize("syntax", ["explicit", "big"])
def test_colour_is_read_as_pydicom_does(
    syntax: Syntax, photometric: str, planar: int, tmp_path: Path
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)
    elements = {"PlanarConfiguration": planar, "PhotometricInterpretation": photometric}
    path = write_dicom(tmp_path / "x", pixels, photometric="RGB", syntax=syntax, elements=elements)
    assert is_as_pydicom_reads_it(path)


@pytest.mark.parametrize("keyword", ["FloatPixelData", "DoubleFloatPixelData"])
def test_floating_point_pixels_are_read_as_pydicom_does(keyword: str, tmp_path: Path) -> None:
    dtype = "f4" if keyword == "FloatPixelData" else "f8"
    values = np.random.default_rng(0).normal(size=(6, 4)).astype(dtype)
    path = write_dicom(tmp_path / "x", lesion_slice((16, 20)))
    ds = pydicom.dcmread(path)
    for name in ("PixelData", "BitsStored", "HighBit", "PixelRepresentation"):
        delattr(ds, name)
    ds.Rows, ds.Columns = values.shape
    ds.BitsAllocated = 8 * values.dtype.itemsize
    setattr(ds, keyword, values.tobytes())
    ds.save_as(path)
    assert is_as_pydicom_reads_it(path)


@pytest.mark.parametrize("frames", [1, 3])
def test_pixels_of_one_bit_are_read_as_pydicom_does(frames: int, tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "x", np.zeros((frames, 5, 7), np.uint8))
    ds = pydicom.dcmread(path)
    ds.BitsAllocated = ds.BitsStored = 1
    ds.HighBit = 0
    ds.NumberOfFrames = frames
    bits = np.random.default_rng(0).integers(0, 2, 35 * frames).astype(np.uint8)
    ds.PixelData = np.packbits(bits, bitorder="little").tobytes()
    ds.PixelData += b"\0" * (len(ds.PixelData) % 2)
    ds.save_as(path)
    assert is_as_pydicom_reads_it(path)


@pytest.mark.parametrize("syntax", ["explicit", "big", "deflated"])
def test_a_file_of_several_frames_that_is_too_short_says_what_is_missing(
    syntax: Syntax, tmp_path: Path
) -> None:
    path = write_dicom(tmp_path / "x", np.stack([lesion_slice()] * 2), syntax=syntax)
    ds = pydicom.dcmread(path)
    ds.NumberOfFrames = 3
    ds.save_as(path)
    with FrameReader() as reader, pytest.raises(UnreadableSliceError) as caught:
        reader.read(str(path), 0)
    missing = lesion_slice().nbytes
    assert (
        caught.value.message == f"the file is truncated: {missing} bytes of its pixels are missing"
    )


def test_files_that_a_scan_has_seen_are_read_the_same_without_their_headers(
    corpus: Path, test_data: Path, reader: FrameReader
) -> None:
    files = 0
    for folder in (corpus, test_data / "data" / "lesions" / "series"):
        found = scan(open_source(folder), salt=b"")
        files += len(found.plain)
        reader.know(found.plain)
        for path in list(found.plain)[::3]:
            stored, fmt = reader.read(path, 0)
            with FrameReader() as other:
                expected, expected_format = other.read(path, 0)
            assert stored.dtype == expected.dtype, path
            assert np.array_equal(stored, expected), path
            assert fmt == expected_format, path
    assert files > 100


def test_a_file_that_changed_after_the_scan_is_read_as_it_is_now(
    tmp_path: Path, reader: FrameReader
) -> None:
    path = write_dicom(tmp_path / "x.dcm", lesion_slice(seed=1), rescale=(1, 0))
    found = scan(open_source(tmp_path), salt=b"")
    assert list(found.plain) == [str(path)]
    reader.know(found.plain)
    write_dicom(path, lesion_slice((20, 24), seed=2), rescale=(3, -7))
    stored, fmt = reader.read(str(path), 0)
    assert np.array_equal(stored, lesion_slice((20, 24), seed=2))
    assert (fmt.slope, fmt.intercept) == (3, -7)


@pytest.mark.parametrize("syntax", ["big", "deflated", "rle", "jpeg-ls"])
def test_only_plain_values_are_read_without_the_header(syntax: Syntax, tmp_path: Path) -> None:
    write_dicom(tmp_path / "x.dcm", lesion_slice(), syntax=syntax)
    frames = np.stack([lesion_slice(), lesion_slice()])
    write_dicom(tmp_path / "frames.dcm", frames, series="2")
    write_dicom(tmp_path / "wrong.dcm", lesion_slice(), elements={"RescaleSlope": "1"}, series="3")
    damaged = (
        (tmp_path / "wrong.dcm")
        .read_bytes()
        .replace(b"(\x00S\x10DS\x02\x001 ", b"(\x00S\x10DS\x02\x00x ")
    )
    (tmp_path / "wrong.dcm").write_bytes(damaged)
    assert scan(open_source(tmp_path), salt=b"").plain == {}

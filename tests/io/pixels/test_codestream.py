"""Header and codestream are compared before pixels are believed."""

from __future__ import annotations

import contextlib
import itertools
import struct
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.pixels.encoders.base import RLELosslessEncoder

from medseg_desktop.core.errors import UnreadableSliceError
from medseg_desktop.io.dicom.pixel_layout import PixelLayout
from medseg_desktop.io.pixels.codestream import check_codestream, jpeg2000_size, jpeg_size
from medseg_desktop.io.pixels.reader import FrameReader
from tests.builders import Syntax, write_dicom

RLE = "1.2.840.10008.1.2.5"
JPEG_2000 = "1.2.840.10008.1.2.4.90"
SHAPES = [(32, 32), (32, 128), (63, 64), (64, 32), (64, 64)]
COMPRESSED: list[Syntax] = ["rle", "jpeg", "jpeg-lossless", "jpeg-ls", "jpeg2000"]


def picture(shape: tuple[int, int]) -> np.ndarray:
    row, column = np.indices(shape)
    return ((3 * column + 2 * row) % 200).astype(np.uint8)


def layout(shape: tuple[int, int], uid: str, *, bits: int = 8, samples: int = 1) -> PixelLayout:
    return PixelLayout(uid, *shape, samples, bits, bits, False, "MONOCHROME2", 1)


def write_with_header(path: Path, shape: tuple[int, int], says: tuple[int, int], syntax: Syntax):
    write_dicom(path, picture(shape), syntax=syntax)
    ds = pydicom.dcmread(path)
    ds.Rows, ds.Columns = says
    ds.save_as(path)
    return str(path)


@pytest.mark.parametrize("syntax", COMPRESSED)
def test_a_codestream_of_another_size_than_the_header_says_is_never_shown(
    syntax: Syntax, reader: FrameReader, tmp_path: Path
) -> None:
    for shape, says in itertools.product(SHAPES, SHAPES):
        path = write_with_header(tmp_path / "x", shape, says, syntax)
        if shape == says:
            assert reader.read(path, 0)[0].shape == shape
        else:
            with pytest.raises(UnreadableSliceError, match="but its header says"):
                reader.read(path, 0)


@pytest.mark.parametrize("syntax", COMPRESSED)
def test_more_bits_or_samples_than_the_header_says_are_refused(
    syntax: Syntax, reader: FrameReader, tmp_path: Path
) -> None:
    path = write_dicom(tmp_path / "x", picture((32, 32)), syntax=syntax)
    ds = pydicom.dcmread(path)
    ds.SamplesPerPixel, ds.PlanarConfiguration, ds.PhotometricInterpretation = 3, 0, "RGB"
    ds.save_as(path)
    with pytest.raises(UnreadableSliceError, match="but its header says"):
        reader.read(str(path), 0)
    if syntax != "jpeg":
        path = write_dicom(tmp_path / "y", picture((32, 32)) * np.uint16(300), syntax=syntax)
        ds = pydicom.dcmread(path)
        ds.BitsAllocated = ds.BitsStored = 8
        ds.save_as(path)
        with pytest.raises(UnreadableSliceError, match="but its header"):
            reader.read(str(path), 0)


def rle(values: np.ndarray) -> bytes:
    rows, columns = values.shape
    encoded = RLELosslessEncoder.encode(
        values.tobytes(), rows=rows, columns=columns, samples_per_pixel=1, bits_allocated=8,
        bits_stored=8, number_of_frames=1, pixel_representation=0,
        photometric_interpretation="MONOCHROME2", encoding_plugin="pydicom",
    )  # fmt: skip
    return bytes(encoded)


@pytest.mark.parametrize("values", ["black", "noise", "waves"])
def test_rle_of_as_many_pixels_but_longer_or_shorter_rows_is_refused(values: str) -> None:
    for shape, says in itertools.permutations([(32, 128), (64, 64), (128, 32)], 2):
        pixels = {
            "black": np.zeros(shape, np.uint8),
            "noise": np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8),
            "waves": picture(shape),
        }[values]
        check_codestream(rle(pixels), layout(shape, RLE))
        with pytest.raises(UnreadableSliceError, match=f"its pixels are {shape[1]} x {shape[0]},"):
            check_codestream(rle(pixels), layout(says, RLE))


def test_rle_of_an_encoder_that_does_not_care_for_rows_is_shown() -> None:
    values = np.random.default_rng(0).integers(0, 256, 48 * 40).astype(np.uint8).tobytes()
    runs = [values[i : i + 100] for i in range(0, len(values), 100)]
    segment = b"".join(bytes([len(run) - 1]) + run for run in runs)
    check_codestream(struct.pack("<16L", 1, 64, *[0] * 14) + segment, layout((48, 40), RLE))


def test_rle_of_a_single_row_is_shown() -> None:
    values = np.random.default_rng(0).integers(0, 256, (1, 1024)).astype(np.uint8)
    check_codestream(rle(values), layout((1, 1024), RLE))
    with pytest.raises(UnreadableSliceError, match="128 x 8, but its header says 1024 x 1"):
        check_codestream(rle(values.reshape(8, 128)), layout((1, 1024), RLE))


def codestream(columns: int, rows: int, tile: int, components: bytes = b"\x07\x01\x01") -> bytes:
    sizes = struct.pack(">8I", columns, rows, 0, 0, tile, tile, 0, 0)
    count = struct.pack(">H", len(components) // 3)
    return b"\xff\x4f\xff\x51\0\x29\0\0" + sizes + count + components + b"\xff\x52"


def test_the_size_of_jpeg_2000_is_that_of_its_components() -> None:
    check_codestream(codestream(40, 32, 64), layout((32, 40), JPEG_2000))
    with pytest.raises(UnreadableSliceError, match="32 x 40, but its header says 40 x 32"):
        check_codestream(codestream(32, 40, 64), layout((32, 40), JPEG_2000))
    with pytest.raises(UnreadableSliceError, match="different sizes"):
        check_codestream(
            codestream(40, 32, 64, b"\x07\x01\x01" + b"\x07\x02\x02" * 2),
            layout((32, 40), JPEG_2000, samples=3),
        )


@pytest.mark.parametrize("tile", [0, 1])
def test_absurd_tiles_are_refused_instead_of_decoded_for_ever(tile: int) -> None:
    with pytest.raises(UnreadableSliceError, match="damaged"):
        check_codestream(codestream(400, 320, tile), layout((320, 400), JPEG_2000))


def test_a_jp2_box_without_length_is_refused_instead_of_read_for_ever() -> None:
    data = b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0\0\0\0ftyp" + bytes(40)
    with pytest.raises(UnreadableSliceError, match="damaged"):
        jpeg2000_size(data)


def test_the_size_of_a_jpeg_stands_behind_fill_bytes_and_other_segments() -> None:
    comment = b"\xff\xfe\x00\x06JPEG"
    frame = b"\xff\xc3\x00\x0b\x10\x00\x20\x00\x28\x01\x01\x11\x00"
    size = jpeg_size(b"\xff\xd8" + comment + b"\xff\xff" + frame)
    assert (size.rows, size.columns, size.samples, size.precision) == (32, 40, 1, 16)


@given(st.binary(max_size=200), st.sampled_from(["", "ffd8", "ff4fff51", "0000000c6a502020"]))
def test_any_bytes_are_refused_with_a_reason_or_have_a_size(data: bytes, start: str) -> None:
    for uid in (RLE, JPEG_2000, "1.2.840.10008.1.2.4.70"):
        with contextlib.suppress(UnreadableSliceError):
            check_codestream(bytes.fromhex(start) + data, layout((4, 4), uid))

"""Lookup tables of files of every byte order, beside what pydicom makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi_lut

from medseg_desktop.core.display import PixelFormat, modality_values
from medseg_desktop.core.lut import Lut
from medseg_desktop.io.pixels.reader import FrameReader
from tests.builders import Syntax, write_dicom

PIXELS = np.arange(64, dtype=np.uint8).reshape(8, 8)
ENTRIES = np.random.default_rng(3).integers(0, 65536, 64)
NATIVE: list[Syntax] = ["explicit", "implicit", "big", "deflated"]


def words(entries: npt.ArrayLike, syntax: Syntax) -> bytes:
    """Entries as OW holds them in a file."""
    return np.asarray(entries).astype(">u2" if syntax == "big" else "<u2").tobytes()


def table(syntax: Syntax, vr: str) -> Dataset:
    item = Dataset()
    item.LUTDescriptor = [64, 0, 16]
    item.add_new("LUTData", vr, words(ENTRIES, syntax) if vr == "OW" else ENTRIES.tolist())
    return item


def format_of(path: Path) -> PixelFormat:
    with FrameReader() as reader:
        return reader.read(str(path), 0)[1]


@pytest.mark.parametrize("vr", ["OW", "US"])
@pytest.mark.parametrize("syntax", NATIVE)
def test_modality_and_voi_tables_agree_with_pydicom(
    syntax: Syntax, vr: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.dcm"
    item = table(syntax, vr)
    item.ModalityLUTType = "US"
    write_dicom(path, PIXELS, syntax=syntax, elements={"ModalityLUTSequence": [item]})
    values = modality_values(PIXELS, format_of(path))
    np.testing.assert_array_equal(values, ENTRIES.reshape(8, 8))
    np.testing.assert_array_equal(values, apply_modality_lut(PIXELS, pydicom.dcmread(path)))
    write_dicom(path, PIXELS, syntax=syntax, elements={"VOILUTSequence": [table(syntax, vr)]})
    voi = format_of(path).default_voi
    assert isinstance(voi, Lut)
    np.testing.assert_array_equal(voi.apply(PIXELS), apply_voi_lut(PIXELS, pydicom.dcmread(path)))


def write_palette(
    path: Path, syntax: Syntax, data: bytes, bits: int = 16, kind: str = "", vr: str = "OW"
) -> Path:
    """A file whose three colours have the same table of 64 entries."""
    write_dicom(path, PIXELS, photometric="PALETTE COLOR", syntax=syntax)
    ds = pydicom.dcmread(path)
    for name in ("Red", "Green", "Blue"):
        ds.add_new(f"{name}PaletteColorLookupTableDescriptor", "US", [64, 0, bits])
        ds.add_new(f"{kind}{name}PaletteColorLookupTableData", vr, data)
    ds.save_as(path)
    return path


def red(path: Path) -> npt.NDArray[np.uint8]:
    palette = format_of(path).palette
    assert palette is not None
    return palette.apply(PIXELS)[..., 0]


@pytest.mark.parametrize("syntax", NATIVE)
def test_a_palette_has_the_same_colours_in_every_byte_order(syntax: Syntax, tmp_path: Path) -> None:
    path = write_palette(tmp_path / "x.dcm", syntax, words(ENTRIES, syntax))
    np.testing.assert_array_equal(red(path).ravel(), ENTRIES >> 8)


# 0: 4 entries; 1: a line of 30 to 60000; 1: a line of 30 to 256 (PS3.3 C.7.9.2).
SEGMENTS = [0, 4, 9, 300, 7, 513, 1, 30, 60000, 1, 30, 256]


@pytest.mark.parametrize("syntax", NATIVE)
def test_a_segmented_palette_agrees_with_pydicom(syntax: Syntax, tmp_path: Path) -> None:
    path = write_palette(tmp_path / "x.dcm", syntax, words(SEGMENTS, syntax), kind="Segmented")
    theirs = apply_color_lut(PIXELS, pydicom.dcmread(path))[..., 0]
    assert np.abs(red(path).astype(int) - (theirs >> 8)).max() <= 1  # they round lines otherwise


@pytest.mark.parametrize("vr", ["OW", "OB"])
@pytest.mark.parametrize("syntax", NATIVE[::2])
def test_entries_of_8_bits_lie_in_words_or_in_bytes(
    syntax: Syntax, vr: str, tmp_path: Path
) -> None:
    colours: Sequence[int] = range(100, 164)
    data = bytes(colours)
    if (syntax, vr) == ("big", "OW"):  # the first of two is the less significant (PS3.5 7.3)
        data = np.frombuffer(data, "<u2").astype(">u2").tobytes()
    path = write_palette(tmp_path / "x.dcm", syntax, data, bits=8, vr=vr)
    assert red(path).ravel().tolist() == list(colours)

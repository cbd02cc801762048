"""What a header says about grey values: windows, tables, palettes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels import apply_color_lut

from medseg_desktop.core.display import PixelFormat, VoiChoice, VoiFunction, Window, meant_values
from medseg_desktop.core.errors import UnreadableSliceError
from medseg_desktop.core.lut import Lut
from medseg_desktop.io.dicom.pixel_format import pixel_format
from medseg_desktop.io.pixels.reader import FrameReader
from tests.builders import Syntax, write_dicom


def header(**elements: object) -> Dataset:
    """A header in memory, as after reading."""
    ds = Dataset()
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.BitsStored, ds.PixelRepresentation = 12, 0
    for name, value in elements.items():
        setattr(ds, name, value)
    return ds


def table(first: int, bits: int, entries: Sequence[int] | bytes, name: str = "") -> Dataset:
    item = Dataset()
    count = len(entries) // 2 if isinstance(entries, bytes) else len(entries)
    item.LUTDescriptor = [count, first, bits]
    item["LUTDescriptor"].VR = "US" if first >= 0 else "SS"
    item.LUTData = entries if isinstance(entries, bytes) else list(entries)
    item["LUTData"].VR = "OW" if isinstance(entries, bytes) else "US"
    item.LUTExplanation = name
    return item


def test_every_window_is_offered_once_with_its_explanation() -> None:
    fmt = pixel_format(
        header(
            WindowCenter=[40, 300, 40],
            WindowWidth=[80, 1500, 80],
            WindowCenterWidthExplanation=["BRAIN", "BONE", "AGAIN"],
        )
    )
    assert fmt.voi == (VoiChoice("BRAIN", Window(40, 80)), VoiChoice("BONE", Window(300, 1500)))
    assert fmt.default_voi == Window(40, 80)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("LINEAR", VoiFunction.LINEAR),
        ("LINEAR_EXACT", VoiFunction.LINEAR_EXACT),
        ("SIGMOID", VoiFunction.SIGMOID),
        ("SOMETHING", VoiFunction.LINEAR),
    ],
)
def test_the_voi_function_is_read_and_an_unknown_one_is_linear(
    name: str, function: VoiFunction
) -> None:
    fmt = pixel_format(header(WindowCenter=40, WindowWidth=80, VOILUTFunction=name))
    assert fmt.default_voi == Window(40, 80, function)


@pytest.mark.parametrize(("center", "width"), [(40, 0), (40, -5), (None, 80), (40, None)])
def test_a_window_that_makes_no_sense_is_left_out(
    center: float | None, width: float | None
) -> None:
    elements = {"WindowCenter": center, "WindowWidth": width}
    fmt = pixel_format(header(**{k: v for k, v in elements.items() if v is not None}))
    assert fmt.voi == ()


def test_a_linear_window_narrower_than_a_grey_step_is_meant_exactly() -> None:
    fmt = pixel_format(header(WindowCenter=0.001, WindowWidth=0.002))
    assert fmt.default_voi == Window(0.001, 0.002, VoiFunction.LINEAR_EXACT)


def test_tables_come_before_windows() -> None:
    fmt = pixel_format(
        header(
            VOILUTSequence=[table(-2, 10, [0, 500, 1023], "SOFT"), table(0, 8, [1, 2])],
            WindowCenter=40,
            WindowWidth=80,
        )
    )
    assert [c.name for c in fmt.voi] == ["SOFT", "", ""]
    assert fmt.default_voi == Lut.of(-2, 10, [0, 500, 1023])
    assert fmt.voi[2].voi == Window(40, 80)


def test_a_modality_table_of_bytes_is_read() -> None:
    entries = np.array([5, 6, 4095], "<u2")
    fmt = pixel_format(header(ModalityLUTSequence=[table(3, 16, entries.tobytes())]))
    assert fmt.modality_lut == Lut.of(3, 16, entries)
    assert not fmt.keeps_stored


def test_a_table_that_uses_more_bits_than_it_declares_has_those_it_uses() -> None:
    fmt = pixel_format(header(VOILUTSequence=[table(0, 8, [0, 4095])]))
    assert isinstance(fmt.default_voi, Lut)
    assert fmt.default_voi.bits == 12


def test_a_table_shorter_than_declared_is_left_out_or_refuses_the_slice() -> None:
    short = table(0, 8, [1, 2, 3])
    short.LUTDescriptor = [300, 0, 8]
    assert pixel_format(header(VOILUTSequence=[short])).voi == ()
    with pytest.raises(UnreadableSliceError, match="modality LUT"):
        pixel_format(header(ModalityLUTSequence=[short]))


def test_units_padding_and_bits_are_kept() -> None:
    fmt = pixel_format(
        header(
            RescaleType="HU",
            PixelRepresentation=1,
            PixelPaddingValue=-2000,
            PixelPaddingRangeLimit=-1900,
        )
    )
    assert (fmt.units, fmt.padding, fmt.bits) == ("HU", (-2000, -1900), 12)
    assert pixel_format(header(RescaleType="US")).units == ""
    assert pixel_format(header()) == PixelFormat(bits=12)


@pytest.mark.parametrize(
    ("syntax", "vr", "value", "dtype", "bits", "expected"),
    [
        ("explicit", "US", 63536, "i2", 16, -2000),
        ("big", "US", 63536, "i2", 16, -2000),
        ("implicit", "US", 63536, "i2", 16, -2000),
        ("explicit", "US", 63536, "i2", 12, -2000),
        ("explicit", "US", 0x830, "i2", 12, -2000),  # 12 bits of it
        ("explicit", "US", 63536, "i4", 32, -2000),
        ("explicit", "SS", -2000, "i2", 16, -2000),
        ("explicit", "SS", -1, "u2", 16, 65535),
        ("explicit", "SS", -1, "u2", 12, 4095),
        ("explicit", "US", 128, "i1", 8, -128),
        ("explicit", "US", 4095, "u2", 12, 4095),
        ("explicit", "SS", -32768, "i2", 12, -32768),  # 12 bits cannot hold it
    ],
)
def test_padding_is_a_stored_value_whatever_it_was_written_as(
    syntax: Syntax, vr: str, value: int, dtype: str, bits: int, expected: int, tmp_path: Path
) -> None:
    path = write_dicom(tmp_path / "x.dcm", np.zeros((8, 8), dtype), syntax=syntax)
    ds = pydicom.dcmread(path)
    ds.BitsStored, ds.HighBit = bits, bits - 1
    ds.add_new("PixelPaddingValue", vr, value)
    ds.add_new("PixelPaddingRangeLimit", vr, value)
    ds.save_as(path)
    with FrameReader() as reader:
        assert reader.read(str(path), 0)[1].padding == (expected, expected)


def test_padding_below_the_values_does_not_widen_the_first_window(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 1000, (64, 64)).astype(np.int16)
    pixels[:20] = -2000
    path = write_dicom(tmp_path / "x.dcm", pixels)
    ds = pydicom.dcmread(path)
    ds.add_new("PixelPaddingValue", "US", 63536)
    ds.save_as(path)
    with FrameReader() as reader:
        stored, fmt = reader.read(str(path), 0)
    assert meant_values(stored, fmt).min() >= 0


CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


@pytest.mark.parametrize(
    ("elements", "units"),
    [
        ({"SOPClassUID": CT_IMAGE}, "HU"),
        ({"SOPClassUID": CT_IMAGE, "ImageType": ["DERIVED", "SECONDARY", "MPR"]}, "HU"),
        ({"SOPClassUID": CT_IMAGE, "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, ""),
        ({"SOPClassUID": CT_IMAGE, "RescaleType": "US"}, ""),
        ({"SOPClassUID": CT_IMAGE, "RescaleType": "Z_EFF"}, "Z_EFF"),
        ({"SOPClassUID": CT_IMAGE, "PhotometricInterpretation": "RGB"}, ""),
        ({"SOPClassUID": CT_IMAGE, "RescaleIntercept": None}, ""),
        ({"Modality": "CT"}, "HU"),
        ({"Modality": "CT", "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"]}, "HU"),
        ({"Modality": "CT", "ImageType": ["DERIVED", "PRIMARY", "PERFUSION"]}, ""),
        ({"Modality": "CT", "SOPClassUID": SECONDARY_CAPTURE}, ""),
        ({"Modality": "MR"}, ""),
        ({}, ""),
    ],
)
def test_ct_without_a_rescale_type_is_in_hounsfield_units(
    elements: dict[str, Any], units: str
) -> None:
    ds = header(**{"RescaleSlope": 1, "RescaleIntercept": -1024, **elements})
    assert pixel_format(ds).units == units


@pytest.mark.parametrize(
    ("slope", "intercept", "refused"),
    [
        (1e37, 0, "RescaleSlope"),
        (-1e37, 0, "RescaleSlope"),
        (1, 1e306, "RescaleIntercept"),
        (1, -1e13, "RescaleIntercept"),
        (1e300, -1e306, "RescaleSlope"),
        (1e6, -1e9, ""),
        (1e-9, 0, ""),
    ],
)
def test_a_rescale_beyond_all_measurements_is_refused(
    slope: float, intercept: float, refused: str
) -> None:
    ds = header(RescaleSlope=slope, RescaleIntercept=intercept)
    if not refused:
        assert pixel_format(ds).slope == slope
        return
    with pytest.raises(UnreadableSliceError, match=f"its {refused} makes no sense"):
        pixel_format(ds)


@pytest.mark.parametrize(
    ("photometric", "shape", "inverted"),
    [
        ("MONOCHROME1", None, True),
        ("MONOCHROME1", "INVERSE", True),
        ("MONOCHROME2", None, False),
        ("MONOCHROME2", "IDENTITY", False),
        ("MONOCHROME2", "INVERSE", True),
        ("RGB", "INVERSE", False),
    ],
)
def test_inversion_by_photometric_interpretation_and_presentation_lut_shape(
    photometric: str, shape: str | None, inverted: bool
) -> None:
    ds = header(PhotometricInterpretation=photometric)
    if shape:
        ds.PresentationLUTShape = shape
    assert pixel_format(ds).inverted is inverted


def palette_header(bits: int, channels: Sequence[bytes], count: int, kind: str = "") -> Dataset:
    ds = header(PhotometricInterpretation="PALETTE COLOR", BitsStored=8)
    for name, data in zip(("Red", "Green", "Blue"), channels, strict=True):
        setattr(ds, f"{name}PaletteColorLookupTableDescriptor", [count, 0, bits])
        setattr(ds, f"{kind}{name}PaletteColorLookupTableData", data)
    return ds


@pytest.mark.parametrize(("bits", "dtype"), [(8, "u1"), (16, "<u2")])
def test_palettes_of_both_depths_agree_with_pydicom(bits: int, dtype: str) -> None:
    rng = np.random.default_rng(2)
    channels = [rng.integers(0, 2**bits, 256).astype(dtype).tobytes() for _ in range(3)]
    ds = palette_header(bits, channels, 256)
    pixels = rng.integers(0, 256, (8, 9)).astype(np.uint8)
    theirs = apply_color_lut(pixels, ds)
    fmt = pixel_format(ds)
    assert fmt.palette is not None
    expected = theirs >> 8 if bits == 16 else theirs
    np.testing.assert_array_equal(fmt.palette.apply(pixels), expected)


def test_eight_bit_colours_in_16_bit_entries_are_not_made_black() -> None:
    data = np.array([0, 128, 255], "<u2").tobytes()
    fmt = pixel_format(palette_header(8, [data] * 3, 3))
    assert fmt.palette is not None
    assert fmt.palette.apply(np.array([[0, 1, 2]]))[0, :, 0].tolist() == [0, 128, 255]


def test_a_segmented_palette_is_written_out() -> None:
    # PS3.3 C.7.9.2: discrete (10, 20), linear to 60 in 4 steps, then the linear one again.
    words = [0, 2, 10, 20, 1, 4, 60, 2, 1, 8, 0]
    data = np.array(words, "<u2").tobytes()
    fmt = pixel_format(palette_header(16, [data] * 3, 10, "Segmented"))
    assert fmt.palette is not None
    expected = [10, 20, 30, 40, 50, 60, 60, 60, 60, 60]
    ds = palette_header(16, [np.array(expected, "<u2").tobytes()] * 3, 10)
    same = pixel_format(ds).palette
    assert fmt.palette == same


@pytest.mark.parametrize(
    "words",
    [
        [1, 4, 60],  # a linear segment has to start somewhere
        [0, 1, 7, 2, 60000, 6, 0],  # turns for ever
        [9, 9, 9, 9],
        [],
    ],
)
def test_a_segmented_palette_that_makes_no_sense_is_refused(words: list[int]) -> None:
    data = np.array(words, "<u2").tobytes()
    with pytest.raises(UnreadableSliceError, match="palette"):
        pixel_format(palette_header(16, [data] * 3, 60000, "Segmented"))


def test_a_palette_without_data_is_refused() -> None:
    ds = palette_header(8, [b"\0" * 4] * 3, 4)
    del ds.GreenPaletteColorLookupTableData
    with pytest.raises(UnreadableSliceError, match="palette"):
        pixel_format(ds)

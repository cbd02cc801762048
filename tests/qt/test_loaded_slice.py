"""What a slice that was read knows of itself: colour, range, first window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medseg_desktop.core.display import PixelFormat
from medseg_desktop.io.pixels.reader import FrameReader
from medseg_desktop.qt.canvas.grey import GreyMapper, Rendering
from medseg_desktop.qt.loaded_slice import LoadedSlice
from tests.builders import write_dicom


def loaded(path: Path) -> LoadedSlice:
    with FrameReader() as reader:
        return LoadedSlice.of(("series", 0), 0, *reader.read(str(path), 0))


def as_shown(item: LoadedSlice) -> np.ndarray:
    return GreyMapper().grey(item.stored, Rendering(item.fmt, item.facts.voi))


@pytest.mark.parametrize(("bits", "dtype"), [(8, np.uint8), (16, np.uint16)])
def test_a_palette_is_shown_in_its_own_colours_whatever_the_depth_of_its_places(
    bits: int, dtype: type, tmp_path: Path
) -> None:
    elements: dict[str, object] = {"PhotometricInterpretation": "PALETTE COLOR"}
    for name, values in (("Red", (0, 250)), ("Green", (10, 100)), ("Blue", (90, 20))):
        elements[f"{name}PaletteColorLookupTableDescriptor"] = [2, 0, 8]
        elements[f"{name}PaletteColorLookupTableData"] = bytes(values)
    pixels = np.array([[0, 1], [1, 0]], dtype)
    item = loaded(write_dicom(tmp_path / "x.dcm", pixels, elements=elements | {"BitsStored": bits}))
    assert as_shown(item)[0].tolist() == [[0, 10, 90], [250, 100, 20]]


def test_a_rescale_does_not_change_colours(tmp_path: Path) -> None:
    pixels = np.full((8, 8, 3), 200, np.uint8)
    path = write_dicom(tmp_path / "x.dcm", pixels, photometric="RGB", rescale=(1, -1024))
    assert (as_shown(loaded(path)) == 200).all()


def test_padding_does_not_widen_the_range(tmp_path: Path) -> None:
    pixels = np.arange(64, dtype=np.int16).reshape(8, 8)
    pixels[:2] = -32768
    elements = {"PixelPaddingValue": -32768}
    item = loaded(write_dicom(tmp_path / "x.dcm", pixels, rescale=(2, 1), elements=elements))
    assert (item.low, item.high) == (33.0, 127.0)


def test_a_slice_of_padding_only_has_some_range(tmp_path: Path) -> None:
    pixels = np.full((8, 8), -32768, np.int16)
    elements = {"PixelPaddingValue": -32768}
    item = loaded(write_dicom(tmp_path / "x.dcm", pixels, elements=elements))
    assert (item.low, item.high) == (0.0, 0.0)
    assert as_shown(item).max() == 0


def test_values_of_a_large_slice_are_those_of_a_sample_over_all_of_it() -> None:
    rows, columns = 3000, 1000
    stored = np.add.outer(np.arange(rows), np.arange(columns)).astype(np.uint16)
    item = LoadedSlice.of(("series", 0), 0, stored, PixelFormat())
    sample = item.brightness()
    assert 100_000 < sample.size <= 1 << 18
    percentiles = [1, 50, 99]
    expected = np.percentile(stored, percentiles)
    np.testing.assert_allclose(np.percentile(sample, percentiles), expected, atol=5)
    assert item.brightness((slice(0, 30), slice(5, 25))).size == 600


@pytest.mark.parametrize(("center", "width"), [(0, 1), (5000, 10), (-90, 100)])
def test_a_window_of_the_file_that_shows_nothing_is_not_begun_with(
    center: float, width: float, tmp_path: Path
) -> None:
    pixels = np.zeros((16, 16), np.uint16)
    pixels[4:8, 4:8] = 1
    elements = {"WindowCenter": center, "WindowWidth": width}
    item = loaded(write_dicom(tmp_path / "mask.dcm", pixels, elements=elements))
    assert set(as_shown(item).ravel()) == {0, 255}

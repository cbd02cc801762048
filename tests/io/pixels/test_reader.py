from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from medseg_desktop.core.display import Window
from medseg_desktop.core.errors import UnreadableSliceError
from medseg_desktop.io.dicom.header import read_header
from medseg_desktop.io.dicom.transfer_syntax import syntax_name
from medseg_desktop.io.pixels.codecs import decoder_for, missing_decoders
from medseg_desktop.io.pixels.reader import FrameReader
from tests.builders import Syntax, lesion_slice, write_dicom


@pytest.mark.parametrize(
    "syntax",
    ["explicit", "implicit", "big", "deflated", "rle", "jpeg-lossless", "jpeg-ls", "jpeg2000"],
)
@pytest.mark.parametrize("dtype", ["u1", "u2", "i2"])
def test_stored_values_come_back_exactly(
    tmp_path: Path, syntax: Syntax, dtype: str, reader: FrameReader
) -> None:
    pixels = np.random.default_rng(0).integers(0, 120, (32, 40)).astype(dtype)
    pixels[0, 0] = -5 if dtype == "i2" else 5
    stored, _ = reader.read(str(write_dicom(tmp_path / "x", pixels, syntax=syntax)), 0)
    assert np.array_equal(stored, pixels)
    assert stored.dtype.kind == pixels.dtype.kind


@pytest.mark.parametrize("syntax", ["explicit", "rle", "jpeg2000"])
def test_each_frame_is_read_by_its_index_from_many_threads(
    tmp_path: Path, syntax: Syntax, reader: FrameReader
) -> None:
    frames = np.stack([lesion_slice(seed=i) for i in range(6)])
    path = str(write_dicom(tmp_path / "m.dcm", frames, syntax=syntax))
    with ThreadPoolExecutor(4) as pool:
        read = list(pool.map(lambda i: reader.read(path, i % 6)[0], range(24)))
    for i, stored in enumerate(read):
        assert np.array_equal(stored, frames[i % 6])


def test_a_frame_that_is_not_there_is_refused(tmp_path: Path) -> None:
    path = str(write_dicom(tmp_path / "x", lesion_slice()))
    with pytest.raises(UnreadableSliceError, match="it has no frame 8"):
        FrameReader().read(path, 7)


def test_rescale_window_and_inversion_are_read(tmp_path: Path) -> None:
    window = {"WindowCenter": [40, 80], "WindowWidth": [400, 900]}
    path = write_dicom(
        tmp_path / "x",
        lesion_slice(),
        photometric="MONOCHROME1",
        rescale=(2.5, -1024),
        elements=window,
    )
    _, fmt = FrameReader().read(str(path), 0)
    assert (fmt.slope, fmt.intercept, fmt.inverted) == (2.5, -1024, True)
    assert fmt.default_voi == Window(40, 400)


def test_colour_has_three_samples(tmp_path: Path) -> None:
    pixels = np.zeros((8, 9, 3), np.uint8)
    pixels[..., 1] = 77
    path = write_dicom(tmp_path / "x", pixels, photometric="RGB")
    assert np.array_equal(FrameReader().read(str(path), 0)[0], pixels)


def test_no_dicom_is_refused_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"hello" * 100)
    with pytest.raises(UnreadableSliceError):
        FrameReader().read(str(tmp_path / "x"), 0)
    with pytest.raises(UnreadableSliceError, match="does not exist"):
        FrameReader().read(str(tmp_path / "none"), 0)


def test_every_supported_syntax_has_its_decoder_installed() -> None:
    assert missing_decoders() == {}
    for uid in ("1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90"):
        decoder, plugin = decoder_for(uid)
        assert plugin in decoder.available_plugins


def test_a_syntax_without_name_is_called_by_its_uid() -> None:
    assert syntax_name("1.2.3.4") == "1.2.3.4"


def test_each_frame_of_an_enhanced_file_has_its_own_rescale_and_window(tmp_path: Path) -> None:
    def group(slope: float, center: float) -> Dataset:
        rescale, voi, item = Dataset(), Dataset(), Dataset()
        rescale.RescaleSlope, rescale.RescaleIntercept = slope, 1
        voi.WindowCenter, voi.WindowWidth = center, 100
        item.PixelValueTransformationSequence, item.FrameVOILUTSequence = [rescale], [voi]
        return item

    groups = [group(2, 30), group(4, 60)]
    path = write_dicom(
        tmp_path / "m.dcm",
        np.stack([lesion_slice()] * 2),
        elements={"PerFrameFunctionalGroupsSequence": groups},
    )
    formats = [FrameReader().read(str(path), i)[1] for i in range(2)]
    assert [f.slope for f in formats] == [2, 4]
    assert [f.intercept for f in formats] == [1, 1]
    assert [f.default_voi for f in formats] == [Window(30, 100), Window(60, 100)]


def damaged(path: Path, name: str, good: str, bad: bytes) -> str:
    """A file one of whose decimal strings was overwritten with as many other characters."""
    write_dicom(path, lesion_slice(), elements={name: good})
    data = path.read_bytes()
    assert data.count(good.encode()) == 1
    path.write_bytes(data.replace(good.encode(), bad))
    return str(path)


def test_a_damaged_window_is_left_out_but_a_damaged_slope_is_refused(tmp_path: Path) -> None:
    path = damaged(tmp_path / "w", "WindowCenter", "12.3456789012", b"12,3456789012")
    assert FrameReader().read(path, 0)[1].default_voi is None
    path = damaged(tmp_path / "s", "RescaleSlope", "12.3456789012", b"12,3456789012")
    with pytest.raises(UnreadableSliceError, match="RescaleSlope makes no sense"):
        FrameReader().read(path, 0)


def test_a_damaged_echo_time_does_not_hide_a_slice(tmp_path: Path) -> None:
    path = damaged(tmp_path / "e", "EchoTime", "12.3456789012", b"12,3456789012")
    assert read_header(Path(path)).frames[0].acquisition.echo_time_ms is None

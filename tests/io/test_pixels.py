from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from medseg_desktop.core.display import Window
from medseg_desktop.core.errors import UnreadableSliceError
from medseg_desktop.io.codecs import decoder_for, missing_decoders, syntax_name
from medseg_desktop.io.pixels import FrameReader
from tests.builders import Syntax, lesion_slice, write_dicom


@pytest.mark.parametrize("syntax", ["explicit", "implicit", "big", "deflated", "rle"])
@pytest.mark.parametrize("dtype", ["u1", "u2", "i2"])
def test_stored_values_come_back_exactly(tmp_path: Path, syntax: Syntax, dtype: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 120, (16, 24)).astype(dtype)
    pixels[0, 0] = -5 if dtype == "i2" else 5
    stored, _ = FrameReader().read(str(write_dicom(tmp_path / "x", pixels, syntax=syntax)), 0)
    assert np.array_equal(stored, pixels)
    assert stored.dtype.kind == pixels.dtype.kind


@pytest.mark.parametrize("syntax", ["explicit", "rle"])
def test_each_frame_is_read_by_its_index_from_many_threads(
    tmp_path: Path, syntax: Syntax
) -> None:
    frames = np.stack([lesion_slice(seed=i) for i in range(6)])
    path = str(write_dicom(tmp_path / "m.dcm", frames, syntax=syntax))
    reader = FrameReader()
    with ThreadPoolExecutor(4) as pool:
        read = list(pool.map(lambda i: reader.read(path, i % 6)[0], range(24)))
    for i, stored in enumerate(read):
        assert np.array_equal(stored, frames[i % 6])


def test_a_frame_that_is_not_there_is_refused(tmp_path: Path) -> None:
    path = str(write_dicom(tmp_path / "x", lesion_slice()))
    with pytest.raises(UnreadableSliceError):
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
    assert fmt.window == Window(40, 400)


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


@pytest.mark.parametrize("uid", ["1.2.840.10008.1.2.4.111", "1.2.3.4", "1.2.840.10008.1.2.8.1"])
def test_an_unknown_syntax_is_refused_by_its_uid(uid: str) -> None:
    with pytest.raises(UnreadableSliceError, match=uid.replace(".", r"\.")):
        decoder_for(uid)
    assert syntax_name(uid) == uid

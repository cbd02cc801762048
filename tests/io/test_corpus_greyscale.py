"""Grey values of the odd files of the corpus agree with those of pydicom's own functions."""

from __future__ import annotations

import csv
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi_lut

from medseg_desktop.core.display import Window, modality_values, voi_output
from medseg_desktop.core.errors import UnreadableSliceError
from medseg_desktop.core.lut import Lut
from medseg_desktop.io.pixels.reader import FrameReader

_TOP_LEVEL = (
    "RescaleSlope", "RescaleIntercept", "ModalityLUTSequence", "WindowCenter", "WindowWidth",
    "VOILUTFunction", "VOILUTSequence", "BitsStored", "PixelRepresentation",
    "PhotometricInterpretation",
)  # fmt: skip
_GROUPS = ("FrameVOILUTSequence", "PixelValueTransformationSequence")


@pytest.fixture(scope="module")
def displayable(test_data: Path) -> list[Path]:
    """Files that the manifest wants to see displayed."""
    folder = test_data / "corpus"
    if not (folder / "manifest.csv").is_file():
        pytest.skip(f"there is no corpus in {folder}")
    with (folder / "manifest.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [folder / r["file"] for r in rows if r["expected"].startswith("display")]


def flat(ds: Dataset) -> Dataset:
    """What holds for the first frame at top level, where pydicom's functions look for it."""
    result = Dataset()
    result.file_meta = ds.file_meta
    for name in _TOP_LEVEL:
        if name in ds:
            result[name] = ds[name]
    for place in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for group in _GROUPS:
            items = ds[place].value[:1] if place in ds else []
            for item in items[0].get(group, [])[:1] if items else []:
                for element in item:
                    result[element.tag] = element
    return result


def shown_range(ds: Dataset) -> tuple[float, float]:
    """What pydicom's window function calls black and white."""
    if ds.get("ModalityLUTSequence"):
        return 0, 2 ** ds.ModalityLUTSequence[0].LUTDescriptor[2] - 1
    bits, slope = ds.BitsStored, float(ds.get("RescaleSlope", 1) or 1)
    low, high = (0, 2**bits - 1) if ds.PixelRepresentation == 0 else (-(2 ** (bits - 1)), 0)
    high = high or 2 ** (bits - 1) - 1
    shift = float(ds.get("RescaleIntercept", 0) or 0)
    return low * slope + shift, high * slope + shift


def test_modality_and_voi_values_agree_with_pydicom(displayable: list[Path]) -> None:
    compared = {"modality": 0, "window": 0, "table": 0, "palette": 0}
    with FrameReader() as reader, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in displayable:
            try:
                stored, fmt = reader.read(str(path), 0)
            except UnreadableSliceError as error:
                pytest.fail(f"{path.name}: {error}")
            full = pydicom.dcmread(path, force=True)
            if stored.ndim == 3:
                continue
            if fmt.palette is not None:
                theirs = apply_color_lut(stored, full)
                eight_bit = theirs >> 8 if theirs.dtype.itemsize == 2 else theirs
                np.testing.assert_array_equal(fmt.palette.apply(stored), eight_bit, path.name)
                compared["palette"] += 1
                continue
            ds = flat(full)
            modality = apply_modality_lut(stored, ds)
            ours = modality_values(stored, fmt)
            np.testing.assert_allclose(ours, modality, rtol=1e-6, atol=1e-3, err_msg=path.name)
            compared["modality"] += 1
            voi = fmt.default_voi
            if isinstance(voi, Lut):
                theirs = apply_voi_lut(modality.astype(np.int64), ds)
                low, high = 0.0, float(2 ** ds.VOILUTSequence[0].LUTDescriptor[2] - 1)
                compared["table"] += 1
            elif isinstance(voi, Window) and "WindowWidth" in ds:
                theirs = apply_voi_lut(modality, ds)
                low, high = shown_range(ds)
                compared["window"] += 1
            else:
                continue
            expected = (theirs - low) / (high - low)
            np.testing.assert_allclose(
                voi_output(ours, voi), expected, rtol=0, atol=1e-5, err_msg=path.name
            )
    assert compared["modality"] >= 50
    assert compared["window"] >= 25
    assert compared["table"] >= 1
    assert compared["palette"] >= 2

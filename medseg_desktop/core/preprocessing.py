"""What a slice goes through before the network sees it, identical in conversion and prediction.

A `Preprocessing` is data: it is stored in the dataset and in the model, so a model is always
fed the way it was trained.
"""

from __future__ import annotations

from typing import Literal

import cv2
import msgspec
import numpy as np
import numpy.typing as npt

from medseg_desktop.core.display import PixelFormat, modality_values
from medseg_desktop.core.tissue_scaling import scale_tissue

Grey = npt.NDArray[np.uint8]


class Denoise(msgspec.Struct, frozen=True):
    """Parameters of `cv2.bilateralFilter` on the 8-bit slice."""

    diameter: int = 11
    sigma_color: float = 64.0
    sigma_space: float = 128.0


class Preprocessing(msgspec.Struct, frozen=True):
    """How stored values become the 8-bit slice of a dataset.

    Attributes:
        scaling: `maximum` multiplies stored values by 255 / maximum (the reference recipe);
            the others apply rescale slope and MONOCHROME1 first; `percentile` maps the
            slice's own percentiles `low`..`high` to 0..255, `tissue` the lower one to 0 and the
            median of what is no background to a fixed grey (see `tissue_scaling`).
        denoise: bilateral filter, or None for none.
        mean, std: normalisation of the network's input, (x / 255 - mean) / std.
    """

    scaling: Literal["maximum", "percentile", "tissue"] = "maximum"
    low: float = 0.5
    high: float = 99.8
    denoise: Denoise | None = Denoise()
    mean: float = 0.5
    std: float = 0.5
    version: int = 1


#: Presets of conversion by name (`convert --preset`).
PRESETS: dict[str, Preprocessing] = {
    "reference": Preprocessing(scaling="maximum"),
    "default": Preprocessing(scaling="tissue"),
}


def scale_maximum(stored: npt.NDArray[np.generic]) -> Grey:
    """`a * (255 / a.max())` in float64, clipped to 0..255 and truncated; all zero stays zero."""
    values = stored.astype(np.float64)
    top = float(values.max()) if values.size else 0.0
    if top == 0.0:
        return np.zeros(stored.shape, np.uint8)
    return np.clip(values * (255 / top), 0, 255).astype(np.uint8)


def shown_values(stored: npt.NDArray[np.generic], fmt: PixelFormat) -> npt.NDArray[np.float64]:
    """Modality values, higher where the display is brighter; what is no number becomes 0."""
    values = modality_values(stored, fmt).astype(np.float64)
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    return -values if fmt.inverted else values


def scale_percentile(values: npt.NDArray[np.float64], low: float, high: float) -> Grey:
    """The percentiles `low`..`high` of the values to 0..255."""
    bottom, top = np.percentile(values, [low, high])
    if top <= bottom:
        bottom, top = float(values.min()), float(values.max())
    if top <= bottom:
        return np.zeros(values.shape, np.uint8)
    scaled = (values - bottom) * (255 / (top - bottom))
    grey: npt.NDArray[np.uint8] = np.clip(scaled, 0, 255).astype(np.uint8)
    return grey


def to_eight_bit(stored: npt.NDArray[np.generic], fmt: PixelFormat, how: Preprocessing) -> Grey:
    """Stored values (rows, columns) -> the 8-bit slice before denoising."""
    if how.scaling == "maximum":
        return scale_maximum(stored)
    scale = scale_tissue if how.scaling == "tissue" else scale_percentile
    return scale(shown_values(stored, fmt), how.low, how.high)


def denoise(grey: Grey, how: Preprocessing) -> Grey:
    """The 8-bit slice after the bilateral filter, if the preprocessing has one."""
    if how.denoise is None:
        return grey
    d = how.denoise
    return cv2.bilateralFilter(grey, d.diameter, d.sigma_color, d.sigma_space)  # type: ignore[return-value]


def preprocess(stored: npt.NDArray[np.generic], fmt: PixelFormat, how: Preprocessing) -> Grey:
    """Stored values (rows, columns) -> the 8-bit slice (rows, columns) of the dataset."""
    return denoise(to_eight_bit(stored, fmt, how), how)


def network_input(
    grey: Grey, height: int, width: int, how: Preprocessing
) -> npt.NDArray[np.float32]:
    """8-bit slice (rows, columns) -> float32 (height, width), resized linearly, normalised."""
    resized = cv2.resize(grey, (width, height), interpolation=cv2.INTER_LINEAR)
    return normalise(resized, how)


def normalise(grey: npt.NDArray[np.generic], how: Preprocessing) -> npt.NDArray[np.float32]:
    """Grey values 0..255 of any shape -> (x / 255 - mean) / std, float32."""
    return ((grey.astype(np.float32) / np.float32(255) - how.mean) / how.std).astype(np.float32)


def denormalise(image: npt.NDArray[np.float32], how: Preprocessing) -> Grey:
    """What `normalise` was given, of any shape, rounded to whole grey values, uint8."""
    grey: Grey = np.clip(np.rint((image * how.std + how.mean) * 255), 0, 255).astype(np.uint8)
    return grey


def resize_label_map(label_map: Grey, rows: int, columns: int) -> Grey:
    """Label map to another size, nearest neighbour."""
    if label_map.shape == (rows, columns):
        return label_map
    return cv2.resize(label_map, (columns, rows), interpolation=cv2.INTER_NEAREST)  # type: ignore[return-value]

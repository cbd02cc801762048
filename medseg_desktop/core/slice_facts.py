"""What the pixels of a converted slice tell: sizes, labels, identity; the lesions of a series."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from medseg_desktop.core.lesions import find_lesions
from medseg_desktop.core.perceptual_hash import perceptual_hash

Grey = npt.NDArray[np.uint8]
Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class SliceFacts:
    """One slice and its label map.

    Attributes:
        size, label_size: (rows, columns) of the slice and of its label map.
        pixels: pixels of each class index that the label map holds.
        picture: SHA-256 of the slice's size and pixels; equal for equal slices.
        foreground: share of the slice's pixels that are brighter than its darkest one, 0..1.
        perceptual_hash: see `core.perceptual_hash`; None where there is too little on the slice.
    """

    size: Size
    label_size: Size
    pixels: dict[int, int]
    picture: bytes
    foreground: float
    perceptual_hash: bytes | None = None


@dataclass(frozen=True, slots=True)
class LesionSize:
    """Size of one lesion; `volume_ml` is None where the volume of a pixel is unknown."""

    pixels: int
    volume_ml: float | None


class LesionNumbers(msgspec.Struct, frozen=True, kw_only=True):
    """How many lesions there are and how large; the sizes are in `unit`, 0 without lesions."""

    number: int
    unit: Literal["ml", "pixels"]
    smallest: float = 0.0
    median: float = 0.0
    largest: float = 0.0


def facts_of(grey: Grey, label_map: Grey) -> SliceFacts:
    """The facts of a slice and its label map, both (rows, columns), perhaps not of one size."""
    counts = np.bincount(label_map.ravel())
    picture = hashlib.sha256(repr(grey.shape).encode() + grey.tobytes()).digest()
    above = int(np.count_nonzero(grey > grey.min())) if grey.size else 0
    return SliceFacts(
        size=_size(grey),
        label_size=_size(label_map),
        pixels={i: int(n) for i, n in enumerate(counts.tolist()) if n},
        picture=picture,
        foreground=above / max(grey.size, 1),
        perceptual_hash=perceptual_hash(grey),
    )


def _size(pixels: Grey) -> Size:
    return (pixels.shape[0], pixels.shape[1])


def lesion_sizes(
    label_maps: Mapping[int, Grey], positions: int, voxel_ml: float | None
) -> list[LesionSize]:
    """The lesions of a series, see `core.lesions.find_lesions`.

    Where neighbouring slices differ in size, which no scanner makes, each slice stands alone.
    """
    if len({label_map.shape for label_map in label_maps.values()}) > 1:
        label_maps = {2 * index: label_map for index, label_map in label_maps.items()}
        positions *= 2
    found = find_lesions(label_maps, positions, voxel_ml=voxel_ml)
    return [LesionSize(lesion.voxels, lesion.volume_ml) for lesion in found]


def size_text(size: float, unit: Literal["ml", "pixels"]) -> str:
    """E.g. "0.42 ml", "12.3 ml", "1,372 px"."""
    if unit == "pixels":
        return f"{size:,.0f} px"
    return f"{size:.1f} ml" if size >= 10 else f"{size:.2f} ml"


def share_text(share: float) -> str:
    """A share 0..1 in percent, e.g. "57 %", "1.8 %", "0.02 %"; "0 %" only for none."""
    percent = 100 * share
    if percent >= 10 or percent == 0:
        return f"{percent:.0f} %"
    return f"{percent:.1f} %" if percent >= 0.1 else f"{max(percent, 0.01):.2f} %"


def lesion_numbers(sizes: Iterable[LesionSize], unit: Literal["ml", "pixels"]) -> LesionNumbers:
    """Smallest, median and largest lesion; for "ml" every lesion must have a volume."""
    values = [float(s.pixels) if unit == "pixels" else s.volume_ml or 0.0 for s in sizes]
    if not values:
        return LesionNumbers(number=0, unit=unit)
    return LesionNumbers(
        number=len(values),
        unit=unit,
        smallest=min(values),
        median=median(values),
        largest=max(values),
    )

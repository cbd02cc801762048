"""What the stored values of a frame mean and how they are meant to be shown."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from pydicom.dataset import Dataset

from medseg_desktop.core.display import PixelFormat, Voi, VoiChoice, VoiFunction, Window
from medseg_desktop.core.errors import UnreadableSliceError
from medseg_desktop.io.dicom.lookup_tables import lut, modality_lut, palette
from medseg_desktop.io.dicom.values import (
    first_number,
    frame_item,
    items_of,
    numbers,
    text,
    texts,
)

#: What telling the meaning of stored values needs of a header, palettes aside.
TAGS = (
    "Modality", "SpecificCharacterSet", "PhotometricInterpretation", "BitsStored",
    "PixelPaddingValue", "PixelPaddingRangeLimit", "RescaleSlope", "RescaleIntercept",
    "RescaleType", "ModalityLUTSequence", "WindowCenter", "WindowWidth",
    "WindowCenterWidthExplanation", "VOILUTFunction", "VOILUTSequence", "PresentationLUTShape",
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
)  # fmt: skip


def pixel_format(dataset: Dataset, frame: int = 0) -> PixelFormat:
    """Modality LUT, windows and tables, photometric interpretation and palette of a frame.

    Raises:
        UnreadableSliceError: a rescale, modality LUT or palette that makes no sense.  A window
            or VOI LUT that does is left out.
    """
    rescale = frame_item(dataset, frame, "PixelValueTransformationSequence")
    slope = _sound_number(rescale, "RescaleSlope")
    return PixelFormat(
        slope=slope if slope else 1.0,
        intercept=_sound_number(rescale, "RescaleIntercept") or 0.0,
        modality_lut=modality_lut(dataset),
        inverted=is_inverted(dataset),
        voi=tuple(_voi_choices(dataset, frame)),
        palette=palette(dataset),
        bits=min(max(int(first_number(dataset, "BitsStored") or 8), 1), 32),
        units=_units(rescale),
        padding=_padding(dataset),
    )


def _sound_number(item: Dataset, name: str) -> float | None:
    """A number, None where it is absent; never None because it is damaged."""
    number = first_number(item, name)
    stored = item.get_item(name)
    if number is None and stored is not None and stored.value not in (None, b"", ""):
        raise UnreadableSliceError(f"its {name} makes no sense")
    return number


def is_inverted(dataset: Any) -> bool:
    """MONOCHROME1 or Presentation LUT Shape INVERSE (PS3.3 C.7.6.3.1.2 and C.11.6.1)."""
    photometric = text(dataset, "PhotometricInterpretation")
    shape = text(dataset, "PresentationLUTShape")
    return photometric == "MONOCHROME1" or (shape == "INVERSE" and photometric == "MONOCHROME2")


def _units(rescale: Dataset) -> str:
    """Rescale Type (PS3.3 C.11.1.1.2); US means unspecified."""
    units = text(rescale, "RescaleType")
    return "" if units.upper() == "US" else units[:16]


def _padding(dataset: Dataset) -> tuple[int, int] | None:
    """Pixel Padding Value and its range limit (PS3.3 C.7.5.1.1.2)."""
    value = first_number(dataset, "PixelPaddingValue")
    if value is None:
        return None
    limit = first_number(dataset, "PixelPaddingRangeLimit")
    ends = (int(value), int(value if limit is None else limit))
    return min(ends), max(ends)


# -- windows and tables


def _voi_choices(dataset: Dataset, frame: int) -> Iterator[VoiChoice]:
    """Tables first, as pydicom prefers them, then windows, in the order of the file."""
    for item in items_of(dataset, "VOILUTSequence"):
        table = lut(item)
        if table is not None:
            yield VoiChoice(text(item, "LUTExplanation"), table)
    voi = frame_item(dataset, frame, "FrameVOILUTSequence")
    function = text(voi, "VOILUTFunction").upper() or "LINEAR"
    if function not in VoiFunction.__members__:
        function = "LINEAR"
    centers, widths = numbers(voi, "WindowCenter"), numbers(voi, "WindowWidth")
    names = texts(voi, "WindowCenterWidthExplanation")
    seen: set[Voi] = set()
    for center, width, name in itertools.zip_longest(centers, widths, names, fillvalue=""):
        window = _window(center, width, VoiFunction(function))
        if window is not None and window not in seen:
            seen.add(window)
            yield VoiChoice(str(name), window)


def _window(center: object, width: object, function: VoiFunction) -> Window | None:
    """A window of usable numbers; PS3.3 C.11.2.1.2.1 wants widths of at least 1 for LINEAR."""
    if not isinstance(center, float) or not isinstance(width, float) or width <= 0:
        return None
    if function is VoiFunction.LINEAR and width < 1:
        # Written for values with a range far below 1, where the exact function is meant.
        function = VoiFunction.LINEAR_EXACT
    return Window(center, width, function)

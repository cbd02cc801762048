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
    "ImageType", "SOPClassUID", "Modality", "SpecificCharacterSet", "PhotometricInterpretation",
    "BitsAllocated", "BitsStored", "PixelRepresentation", "PixelPaddingValue",
    "PixelPaddingRangeLimit", "RescaleSlope", "RescaleIntercept", "RescaleType",
    "ModalityLUTSequence", "WindowCenter", "WindowWidth", "WindowCenterWidthExplanation",
    "VOILUTFunction", "VOILUTSequence", "PresentationLUTShape",
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
)  # fmt: skip

_CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
#: Modality values beyond it are no measurements, and arithmetic with them overflows.
_LARGEST_VALUE = 1e12
#: Bits of a value of US or SS (PS3.5 6.2).
_SHORT = 16


def pixel_format(dataset: Dataset, frame: int = 0) -> PixelFormat:
    """Modality LUT, windows and tables, photometric interpretation and palette of a frame.

    Raises:
        UnreadableSliceError: a rescale, modality LUT or palette that makes no sense.  A window
            or VOI LUT that does is left out.
    """
    rescale = frame_item(dataset, frame, "PixelValueTransformationSequence")
    bits = min(max(int(first_number(dataset, "BitsStored") or 8), 1), 32)
    slope, intercept = _rescale(rescale, bits)
    return PixelFormat(
        slope=slope,
        intercept=intercept,
        modality_lut=modality_lut(dataset),
        inverted=is_inverted(dataset),
        voi=tuple(_voi_choices(dataset, frame)),
        palette=palette(dataset),
        bits=bits,
        units=_units(dataset, rescale),
        padding=_padding(dataset),
    )


def _rescale(item: Dataset, bits: int) -> tuple[float, float]:
    """Rescale Slope and Intercept, 1 and 0 where absent; a slope of 0 stands for none."""
    slope = _sound_number(item, "RescaleSlope") or 1.0
    intercept = _sound_number(item, "RescaleIntercept") or 0.0
    for name, highest in (("RescaleSlope", slope * 2**bits), ("RescaleIntercept", intercept)):
        if abs(highest) > _LARGEST_VALUE:
            raise UnreadableSliceError(f"its {name} makes no sense")
    return slope, intercept


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


def _units(dataset: Dataset, rescale: Dataset) -> str:
    """Rescale Type (PS3.3 C.11.1.1.2); US means unspecified."""
    units = text(rescale, "RescaleType")
    if not units and _is_rescaled_ct(dataset, rescale):
        return "HU"
    return "" if units.upper() == "US" else units[:16]


def _is_rescaled_ct(dataset: Dataset, rescale: Dataset) -> bool:
    """Whether modality values without a Rescale Type are in Hounsfield units: CT has to name every
    other one (PS3.3 C.8.2.1), but not all localizers do.

    Files that are CT only by their Modality (screenshots, maps, what lost its class when it was
    made anonymous) have to be original.
    """
    is_grey = text(dataset, "PhotometricInterpretation").startswith("MONOCHROME")
    if not is_grey or first_number(rescale, "RescaleIntercept") is None:
        return False
    kinds = [value.upper() for value in texts(dataset, "ImageType")]
    if "LOCALIZER" in kinds:
        return False
    sop_class = text(dataset, "SOPClassUID")
    if sop_class == _CT_IMAGE:
        return True
    derived = {"DERIVED", "SECONDARY"} & set(kinds) or sop_class.startswith(_SECONDARY_CAPTURE)
    return text(dataset, "Modality") == "CT" and not derived


def _padding(dataset: Dataset) -> tuple[int, int] | None:
    """Pixel Padding Value and its range limit (PS3.3 C.7.5.1.1.2), as stored values."""
    value = first_number(dataset, "PixelPaddingValue")
    if value is None:
        return None
    limit = first_number(dataset, "PixelPaddingRangeLimit")
    ends = {int(value), int(value if limit is None else limit)}
    representation = first_number(dataset, "PixelRepresentation")
    if representation in (0, 1):
        stored = first_number(dataset, "BitsStored") or first_number(dataset, "BitsAllocated")
        bits = min(max(int(stored or _SHORT), 1), _SHORT)
        ends = {_stored(end, bits, is_signed=representation == 1) for end in ends}
    return min(ends), max(ends)


def _stored(value: int, bits: int, *, is_signed: bool) -> int:
    """A value of US or SS as pixels with so many Bits Stored (at most 16) hold it.

    Pixel Representation says which of the two it has to be (PS3.5 6.2, PS3.6); some write the
    other one, or only the Bits Stored of a negative value.  Bits above these mean nothing in a
    pixel (PS3.5 8.1.1); a value that needs them is in none, and is left alone.
    """
    if not -(1 << _SHORT - 1) <= value < 1 << _SHORT:
        return value
    unsigned = value % (1 << _SHORT)
    signed = _as_signed(unsigned, _SHORT)
    if any(-(1 << bits - 1) <= v < 1 << bits for v in (signed, unsigned)):
        unsigned %= 1 << bits
        signed = _as_signed(unsigned, bits)
    return signed if is_signed else unsigned


def _as_signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >= 1 << bits - 1 else value


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

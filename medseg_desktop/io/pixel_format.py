"""What the stored values of a frame mean and how they are meant to be shown."""

from __future__ import annotations

from typing import Any

from pydicom.dataset import Dataset

from medseg_desktop.core.display import PixelFormat, Window
from medseg_desktop.core.errors import UnreadableSliceError
from medseg_desktop.io.dicom_values import first_number, frame_item, text


def pixel_format(dataset: Dataset, frame: int = 0) -> PixelFormat:
    """Rescale, photometric interpretation and first window of a frame.

    Raises:
        UnreadableSliceError: a rescale that makes no sense; a window that does is left out.
    """
    rescale = frame_item(dataset, frame, "PixelValueTransformationSequence")
    voi = frame_item(dataset, frame, "FrameVOILUTSequence")
    slope = _sound_number(rescale, "RescaleSlope")
    center, width = first_number(voi, "WindowCenter"), first_number(voi, "WindowWidth")
    window = Window(center, width) if center is not None and width and width > 0 else None
    return PixelFormat(
        slope=slope if slope else 1.0,
        intercept=_sound_number(rescale, "RescaleIntercept") or 0.0,
        inverted=is_inverted(dataset),
        window=window,
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

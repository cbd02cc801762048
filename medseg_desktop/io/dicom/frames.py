"""What the header says about single frames: place, echo, kind of picture, moment, acquisition.

Enhanced files keep it in functional groups, one item per frame over one shared by all (PS3.3
C.7.6.16); nuclear medicine in vectors (C.8.4.8); all others once for the whole file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from medseg_desktop.core.time_axis import Moment
from medseg_desktop.core.volume import Acquisition, Vector
from medseg_desktop.io.dicom.facts import Known, from_groups, from_vectors, of_file
from medseg_desktop.io.dicom.values import item_of, value_of

_COMPONENTS = {
    "M": "MAGNITUDE",
    "P": "PHASE",
    "R": "REAL",
    "I": "IMAGINARY",
    "PHASE MAP": "PHASE",
    **{name: name for name in ("MAGNITUDE", "PHASE", "REAL", "IMAGINARY", "MIXED")},
}


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """One frame; values are None or empty where the header has none.

    Attributes:
        echo: echo number and (effective) echo time in ms.
        kind: what always makes a stack of its own: ORIGINAL or DERIVED, value 3 of Image Type
            (LOCALIZER, MPR, ADC, ...) and MAGNITUDE, PHASE, REAL or IMAGINARY.
        spacing_mm: (between rows, between columns); None also where it makes no sense.
        aspect_ratio: height of a pixel divided by its width, where there is no spacing.
        flavour: the further values of Image Type, many of which are a vendor's notes.
    """

    position_mm: Vector | None
    orientation: tuple[float, ...] | None
    spacing_mm: tuple[float, float] | None
    aspect_ratio: float
    stack_id: str
    echo: tuple[float | None, float | None]
    kind: tuple[str, str, str]
    flavour: tuple[str, ...]
    moment: Moment
    acquisition: Acquisition

    @property
    def is_localizer(self) -> bool:
        """Image Type says so, in value 3 as it should or in a later one."""
        return "LOCALIZER" in (self.kind[1], *self.flavour)


def frame_headers(ds: Dataset, claimed: int, frames: int) -> tuple[FrameHeader, ...]:
    """One entry for each of the first `frames` frames of the `claimed` ones."""
    whole = of_file(ds)
    per_frame = value_of(ds, "PerFrameFunctionalGroupsSequence")
    per_frame = per_frame if isinstance(per_frame, Sequence) else ()
    shared = item_of(ds, "SharedFunctionalGroupsSequence", 0)
    make = _Maker()
    if claimed == 1 and not per_frame and shared is None:
        return (make.frame(whole, 0),)
    if claimed > 1:  # one position for all frames tells nothing about where each of them lies
        whole.pop("position", None)
    vectors = from_vectors(ds, claimed, whole)
    known: Known = {}
    if shared is not None:
        whole.update(from_groups(shared, known))
    if vectors is not None:
        return tuple(make.frame({**whole, **vectors[i]}, i) for i in range(frames))
    result = []
    for i in range(frames):
        own = from_groups(per_frame[i], known) if i < len(per_frame) else {}
        result.append(make.frame({**whole, **own}, i))
    return tuple(result)


class _Maker:
    """Makes frames out of facts; acquisitions that are equal are one object."""

    def __init__(self) -> None:
        self._acquisition = cache(Acquisition)

    def frame(self, facts: Mapping[str, Any], index: int) -> FrameHeader:
        get = facts.get
        position = get("position")
        echo_time = get("echo_time")
        image_type: tuple[str, ...] = (*(get("image_type") or ()), "", "", "")
        component = get("component") or _component(image_type)
        return FrameHeader(
            position_mm=position if position else None,
            orientation=get("orientation"),
            spacing_mm=get("spacing"),
            aspect_ratio=get("aspect_ratio") or 1.0,
            stack_id=get("stack_id") or "",
            echo=(get("echo_number"), None if echo_time is None else round(echo_time, 2)),
            kind=(image_type[0], image_type[2], component),
            flavour=tuple(filter(None, image_type[3:])),
            moment=Moment(
                temporal_index=get("temporal_index"),
                b_value=get("b_value"),
                gradient=get("gradient"),
                trigger_ms=get("trigger"),
                acquisition_number=get("acquisition_number"),
                acquired_s=get("acquired"),
                content_s=get("content"),
                instance_number=get("instance_number") or 0,
                frame=index,
            ),
            acquisition=self._acquisition(
                field_strength_t=get("field_strength"),
                repetition_time_ms=get("repetition_time"),
                echo_time_ms=echo_time,
                inversion_time_ms=get("inversion_time"),
                averages=get("averages"),
                slice_thickness_mm=get("thickness"),
                sequence=get("sequence") or "",
                spacing_between_slices_mm=get("between_slices"),
                flip_angle_deg=get("flip_angle"),
                pixel_bandwidth_hz=get("bandwidth"),
                echo_train_length=get("echo_train"),
                manufacturer=get("manufacturer") or "",
                model=get("model") or "",
                receive_coil=get("coil") or "",
            ),
        )


def _component(image_type: tuple[str, ...]) -> str:
    """MAGNITUDE, PHASE, REAL or IMAGINARY where Image Type says so in a vendor's words."""
    for value in image_type[2:]:
        found = _COMPONENTS.get(value) or _COMPONENTS.get(value.split("_")[0])
        if found:
            return found
    return ""

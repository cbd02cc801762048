"""Facts about frames, as named values: what the elements of a header and of its groups say."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

from pydicom.dataset import Dataset

from medseg_desktop.core.volume import slice_normal
from medseg_desktop.io.dicom.values import (
    first_number,
    integer,
    item_of,
    numbers,
    private_numbers,
    stored_bytes,
    text,
    texts,
    vector,
)

#: Elements that are read here, for the reader of headers to ask for.
TAGS = (
    "ImageType", "AcquisitionDate", "AcquisitionTime", "AcquisitionDateTime", "ContentDate",
    "ContentTime", "Manufacturer", "ManufacturerModelName", "ScanningSequence",
    "SequenceVariant", "SequenceName", "PulseSequenceName", "SliceThickness",
    "SpacingBetweenSlices", "RepetitionTime", "EchoTime", "EchoNumbers", "InversionTime",
    "NumberOfAverages", "MagneticFieldStrength", "PixelBandwidth", "FlipAngle",
    "EchoTrainLength", "ReceiveCoilName", "TriggerTime", "AcquisitionNumber",
    "TemporalPositionIdentifier", "ComplexImageComponent", "DiffusionBValue",
    "DiffusionGradientOrientation", "InstanceNumber", "ImagePositionPatient",
    "ImageOrientationPatient", "PixelSpacing", "ImagerPixelSpacing",
    "PixelAspectRatio", "DetectorInformationSequence", "SliceVector", "TimeSlotVector",
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
)  # fmt: skip
#: Private elements, with the creators of their blocks: b-values, kind of picture.
PRIVATE_TAGS = (
    0x00190010, 0x0019100C, 0x0019100E, 0x20010010, 0x20011003, 0x00430010, 0x00431039, 0x0043102F,
)  # fmt: skip

#: The smallest and the largest distance of pixels that somebody could have meant.
_SMALLEST_MM, _LARGEST_MM = 1e-4, 1e3
#: No pixel is longer than so many times its width.
_LONGEST_PIXEL = 50
_GE_COMPONENTS = ("MAGNITUDE", "PHASE", "REAL", "IMAGINARY")

Facts = dict[str, Any]
Known = dict[tuple[str, bytes], Facts]
_Read = Callable[[Dataset, str], Any]


def _position(ds: Dataset, name: str) -> tuple[float, ...] | None:
    return vector(ds, name, 3)


def _orientation(ds: Dataset, name: str) -> tuple[float, ...] | None:
    return vector(ds, name, 6)


def _spacing(ds: Dataset, name: str) -> tuple[float, ...] | None:
    """Distances of rows and of columns in mm (PS3.3 10.7.1.3); None where they make no sense."""
    found = vector(ds, name, 2)
    if found is None or not _is_sound_ratio(*found):
        return None
    return found if min(found) >= _SMALLEST_MM and max(found) <= _LARGEST_MM else None


def _aspect_ratio(ds: Dataset, name: str) -> float | None:
    """Height of a pixel divided by its width (PS3.3 C.7.6.3.1.7); None where it makes no sense."""
    found = vector(ds, name, 2)
    return found[0] / found[1] if found is not None and _is_sound_ratio(*found) else None


def _is_sound_ratio(height: float, width: float) -> bool:
    return height > 0 and width > 0 and max(height, width) <= _LONGEST_PIXEL * min(height, width)


def _values(ds: Dataset, name: str) -> tuple[str, ...] | None:
    found = tuple(v.upper() for v in texts(ds, name))
    return found if any(found) else None


def _direction(ds: Dataset, name: str) -> tuple[float, ...] | None:
    """A gradient direction, rounded so that equal ones are equal."""
    found = vector(ds, name, 3)
    return tuple(round(v, 4) + 0.0 for v in found) if found else None


def _seconds(ds: Dataset, name: str) -> float | None:
    return _date_time(text(ds, name))


#: Fact, element and how to read it, once for the whole file.
_OF_FILE: tuple[tuple[str, str, _Read], ...] = (
    ("position", "ImagePositionPatient", _position),
    ("orientation", "ImageOrientationPatient", _orientation),
    ("spacing", "PixelSpacing", _spacing),
    ("aspect_ratio", "PixelAspectRatio", _aspect_ratio),
    ("image_type", "ImageType", _values),
    ("component", "ComplexImageComponent", text),
    ("echo_number", "EchoNumbers", first_number),
    ("echo_time", "EchoTime", first_number),
    ("temporal_index", "TemporalPositionIdentifier", integer),
    ("b_value", "DiffusionBValue", first_number),
    ("gradient", "DiffusionGradientOrientation", _direction),
    ("trigger", "TriggerTime", first_number),
    ("acquisition_number", "AcquisitionNumber", integer),
    ("acquired", "AcquisitionDateTime", _seconds),
    ("instance_number", "InstanceNumber", integer),
    ("field_strength", "MagneticFieldStrength", first_number),
    ("repetition_time", "RepetitionTime", first_number),
    ("inversion_time", "InversionTime", first_number),
    ("averages", "NumberOfAverages", first_number),
    ("thickness", "SliceThickness", first_number),
    ("between_slices", "SpacingBetweenSlices", first_number),
    ("flip_angle", "FlipAngle", first_number),
    ("bandwidth", "PixelBandwidth", first_number),
    ("echo_train", "EchoTrainLength", integer),
    ("manufacturer", "Manufacturer", text),
    ("model", "ManufacturerModelName", text),
    ("coil", "ReceiveCoilName", text),
)
_FRAME_TYPE = (("image_type", "FrameType", _values), ("component", "ComplexImageComponent", text))
#: The same of functional groups, by the sequence that holds the elements.
_OF_GROUP: dict[str, tuple[tuple[str, str, _Read], ...]] = {
    "PlanePositionSequence": (("position", "ImagePositionPatient", _position),),
    "PlaneOrientationSequence": (("orientation", "ImageOrientationPatient", _orientation),),
    "PixelMeasuresSequence": (
        ("spacing", "PixelSpacing", _spacing),
        ("thickness", "SliceThickness", first_number),
        ("between_slices", "SpacingBetweenSlices", first_number),
    ),
    "FrameContentSequence": (
        ("stack_id", "StackID", text),
        ("temporal_index", "TemporalPositionIndex", integer),
        ("acquisition_number", "FrameAcquisitionNumber", integer),
        ("acquired", "FrameAcquisitionDateTime", _seconds),
        ("content", "FrameReferenceDateTime", _seconds),
    ),
    "CardiacSynchronizationSequence": (
        ("trigger", "NominalCardiacTriggerDelayTime", first_number),
    ),
    "MREchoSequence": (("echo_time", "EffectiveEchoTime", first_number),),
    "MRTimingAndRelatedParametersSequence": (
        ("repetition_time", "RepetitionTime", first_number),
        ("flip_angle", "FlipAngle", first_number),
        ("echo_train", "RFEchoTrainLength", integer),
        ("echo_train", "EchoTrainLength", integer),
    ),
    "MRModifierSequence": (
        ("inversion_time", "InversionTime", first_number),  # of some, instead of the standard's
        ("inversion_time", "InversionTimes", first_number),
    ),
    "MRAveragesSequence": (("averages", "NumberOfAverages", first_number),),
    "MRImagingModifierSequence": (("bandwidth", "PixelBandwidth", first_number),),
    "MRReceiveCoilSequence": (("coil", "ReceiveCoilName", text),),
    "MRDiffusionSequence": (("b_value", "DiffusionBValue", first_number),),
    "MRImageFrameTypeSequence": _FRAME_TYPE,
    "CTImageFrameTypeSequence": _FRAME_TYPE,
    "PETFrameTypeSequence": _FRAME_TYPE,
    "XAXRFFrameCharacteristicsSequence": _FRAME_TYPE,
}


def of_file(ds: Dataset) -> Facts:
    """What the file says once for all of its frames."""
    facts = {fact: v for fact, name, read in _OF_FILE if (v := read(ds, name)) not in (None, "")}
    if "spacing" not in facts and (spacing := _spacing(ds, "ImagerPixelSpacing")):
        facts["spacing"] = spacing
    for fact, day, time in (
        ("acquired", "AcquisitionDate", "AcquisitionTime"),
        ("content", "ContentDate", "ContentTime"),
    ):
        if fact not in facts and (clock := text(ds, time)):
            facts[fact] = _date_time(f"{text(ds, day) or '00010101'}{clock}")
    ge = private_numbers(ds, "GEMS_PARM", 0x0043, 0x2F, "SS")
    if "component" not in facts and ge and 0 <= ge[0] < len(_GE_COMPONENTS):
        facts["component"] = _GE_COMPONENTS[int(ge[0])]
    sequence = text(ds, "SequenceName") or text(ds, "PulseSequenceName")
    facts["sequence"] = sequence or _scanning_sequence(ds)
    if "b_value" not in facts and (b_value := _vendor_b_value(ds)) is not None:
        facts["b_value"] = b_value
        siemens = private_numbers(ds, "SIEMENS MR HEADER", 0x0019, 0x0E, "FD")
        facts["gradient"] = tuple(round(v, 4) + 0.0 for v in siemens) or None
    return facts


def from_groups(group: Dataset, known: Known) -> Facts:
    """The facts of one item of the shared or the per-frame functional groups.

    Args:
        known: facts of sequences met before, by their stored bytes; most are the same for
            thousands of frames, and taking them apart is what takes time.
    """
    facts: Facts = {}
    for sequence in _OF_GROUP:
        stored = stored_bytes(group, sequence)
        found = known.get((sequence, stored)) if stored else None
        if found is None:
            item = item_of(group, sequence, 0)
            found = {} if item is None else _from_item(item, sequence)
            if stored:
                known[sequence, stored] = found
        facts.update(found)
    return facts


def _from_item(item: Dataset, sequence: str) -> Facts:
    facts = {}
    for fact, name, read in _OF_GROUP[sequence]:
        value = read(item, name)
        if value not in (None, ""):
            facts[fact] = value
    if sequence == "MRDiffusionSequence":
        direction = item_of(item, "DiffusionGradientDirectionSequence", 0)
        if direction is not None:
            facts["gradient"] = _direction(direction, "DiffusionGradientOrientation")
    return facts


def from_vectors(ds: Dataset, frames: int, whole: Facts) -> list[Facts] | None:
    """Positions and time slots of the frames of nuclear medicine (PS3.3 C.8.4.8 and C.8.4.15):
    slices lie behind the first one, along the normal, at Spacing Between Slices."""
    slice_numbers = numbers(ds, "SliceVector")
    detector = item_of(ds, "DetectorInformationSequence", 0)
    distance_mm = whole.get("between_slices") or whole.get("thickness")
    if detector is None or len(slice_numbers) != frames or not distance_mm:
        return None
    first = vector(detector, "ImagePositionPatient", 3)
    orientation = vector(detector, "ImageOrientationPatient", 6)
    if first is None or orientation is None:
        return None
    normal = slice_normal(orientation)
    time_slots = numbers(ds, "TimeSlotVector")
    result = []
    for i, number in enumerate(slice_numbers):
        way = normal * (number - 1) * distance_mm
        facts: Facts = {
            "position": tuple(float(a + b) for a, b in zip(first, way, strict=True)),
            "orientation": orientation,
        }
        if len(time_slots) == frames:
            facts["temporal_index"] = int(time_slots[i])
        result.append(facts)
    return result


def _scanning_sequence(ds: Dataset) -> str:
    """E.g. "SE/IR SK"; the variant NONE says nothing."""
    variants = [v for v in texts(ds, "SequenceVariant") if v and v != "NONE"]
    return f"{text(ds, 'ScanningSequence')} {'/'.join(variants)}".strip()


def _vendor_b_value(ds: Dataset) -> float | None:
    """Where the three large vendors kept the b-value before the standard had a place for it."""
    for creator, group, element, vr in (
        ("SIEMENS MR HEADER", 0x0019, 0x0C, "IS"),
        ("PHILIPS IMAGING DD", 0x2001, 0x03, "FL"),
        ("GEMS_PARM", 0x0043, 0x39, "IS"),
    ):
        found = private_numbers(ds, creator, group, element, vr)
        if found:
            return found[0] % 1e6  # GE adds 1e9 where the value is not the one that was asked for
    return None


def _date_time(value: str) -> float | None:
    """A DICOM date with time (YYYYMMDDHHMMSS.F, perhaps cut short) in seconds; None if damaged."""
    digits, _, fraction = value.split("+")[0].split("-")[0].replace(":", "").partition(".")
    if not digits.isdecimal() or len(digits) < 8 or (fraction and not fraction.isdecimal()):
        return None
    try:
        day = datetime.date(int(digits[:4]), int(digits[4:6]), int(digits[6:8])).toordinal()
    except ValueError:
        return None
    clock = digits[8:14].ljust(6, "0")
    hours, minutes, seconds = (int(clock[i : i + 2]) for i in (0, 2, 4))
    return day * 86400.0 + hours * 3600 + minutes * 60 + seconds + float(f"0.{fraction or 0}")

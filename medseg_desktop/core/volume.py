"""Series and slices: what the program knows of an image before its pixels are read.

A `Series` here is one stack that can be scrolled: slices of one Series Instance UID that show the
same kind of picture in one direction, in display order (see `io.dicom.stack_split`).  One UID may
give several of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

Vector = tuple[float, float, float]
#: What stands for the UID of a series without one begins so.
NO_UID = "no-uid:"
#: The key of a patient who is told by a folder begins so.
FOLDER_KEY = "folder:"


@dataclass(frozen=True, slots=True)
class Slice:
    """One frame of one DICOM file.

    Attributes:
        path: absolute path of the file.
        frame: zero-based frame index in the file; `frames` is how many the file has.
        position_mm: Image Position (Patient), the centre of the first pixel; None if absent.
        location_mm: distance along the stack's normal; None without a position.
    """

    path: str
    frame: int
    frames: int
    sop_uid: str
    instance_number: int
    position_mm: Vector | None = None
    location_mm: float | None = None


@dataclass(frozen=True, slots=True)
class Acquisition:
    """How a series was made, as far as the header tells; None or empty where it does not.

    Attributes:
        sequence: Sequence Name or Pulse Sequence Name, else Scanning Sequence with its variant.
        spacing_between_slices_mm: from centre to centre, as the header claims; the positions of
            the slices decide (`Series.slice_distance_mm`).
        pixel_bandwidth_hz: per pixel.
    """

    field_strength_t: float | None = None
    repetition_time_ms: float | None = None
    echo_time_ms: float | None = None
    inversion_time_ms: float | None = None
    averages: float | None = None
    slice_thickness_mm: float | None = None
    sequence: str = ""
    spacing_between_slices_mm: float | None = None
    flip_angle_deg: float | None = None
    pixel_bandwidth_hz: float | None = None
    echo_train_length: int | None = None
    manufacturer: str = ""
    model: str = ""
    receive_coil: str = ""


@dataclass(frozen=True, slots=True)
class Patient:
    """Who was examined.

    Attributes:
        key: PatientID with its issuer, or StudyInstanceUID where there is none (or a folder
            name, when the user chose folders as the key).
        hash: first 16 hex digits of HMAC-SHA256(workspace salt, key).
        name: as the patient writes it; its components are parted by `^`.
    """

    key: str
    hash: str
    patient_id: str = ""
    name: str = ""

    @property
    def called(self) -> str:
        """What a split file calls the patient: PatientID, or what else tells patients apart."""
        folder = self.key.removeprefix(FOLDER_KEY)
        return folder if folder != self.key else self.patient_id or self.key


@dataclass(frozen=True, slots=True)
class Series:
    """One stack of slices in display order.

    Attributes:
        path: the folder (or the single file) it came from, relative to the scanned folder.
        stack: 0 for the first stack of this UID, 1 for the next, ...
        orientation: direction cosines of rows and columns (6 values), or None.
        spacing_mm: (between rows, between columns) or None where the header has none.
        aspect_ratio: Pixel Aspect Ratio, which counts only where there is no spacing.
        warnings: sentences about gaps, duplicates and the like.
        time_points: how often every position was imaged (time, b-value, ...), at least 1.
            `slices` holds all positions of the first time point, then all of the second, ...:
            slice index = time point * positions + position.
        time_labels: a short text for each time point ("b 1000", "t 12.5 s"), empty where the
            header tells nothing; none at all where there is only one time point.
        frame_time_ms: how long a frame of a film was shown when it was made, or None.
        localizer: a planning series, which nobody looks for.
        lossy: compression has changed the values of at least one slice.
    """

    uid: str
    stack: int
    path: str
    patient: Patient
    study_uid: str
    study_date: str
    study_description: str
    number: int | None
    description: str
    modality: str
    rows: int
    columns: int
    slices: tuple[Slice, ...]
    orientation: tuple[float, ...] | None = None
    spacing_mm: tuple[float, float] | None = None
    aspect_ratio: float = 1.0
    transfer_syntaxes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    acquisition: Acquisition = Acquisition()
    time_points: int = 1
    time_labels: tuple[str, ...] = ()
    frame_time_ms: float | None = None
    localizer: bool = False
    lossy: bool = False

    @property
    def positions(self) -> int:
        """Number of places along the stack; of a 4-D stack each was imaged `time_points` times."""
        return len(self.slices) // self.time_points

    @property
    def key(self) -> tuple[str, int]:
        """What identifies this stack within one opened folder."""
        return (self.uid, self.stack)

    @property
    def pixel_aspect(self) -> float:
        """Height of a pixel divided by its width (PS3.3 C.7.6.3.1.7)."""
        spacing = self.spacing_mm
        return self.aspect_ratio if spacing is None else spacing[0] / spacing[1]

    @property
    def slice_distance_mm(self) -> float | None:
        """Usual distance between neighbouring slices, else their thickness, else None."""
        stack = self.slices[: self.positions]
        located = [s.location_mm for s in stack if s.location_mm is not None]
        steps = np.abs(np.diff(located))
        steps = steps[steps >= 1e-3]
        if steps.size:
            return float(np.median(steps))
        return self.acquisition.slice_thickness_mm

    @property
    def voxel_ml(self) -> float | None:
        """Volume of one pixel of a slice in millilitres; None where a size is unknown."""
        distance_mm = self.slice_distance_mm
        if self.spacing_mm is None or not distance_mm:
            return None
        return self.spacing_mm[0] * self.spacing_mm[1] * distance_mm / 1000

    @property
    def title(self) -> str:
        """A short name for lists: description, else sequence, else modality."""
        return self.description or self.acquisition.sequence or self.modality or "Series"


@lru_cache(maxsize=256)
def slice_normal(orientation: tuple[float, ...]) -> np.ndarray:
    """Unit normal (3,) of a slice: row direction x column direction (PS3.3 C.7.6.2.1.1).

    The array is read-only, because it is kept.
    """
    normal = np.cross(np.asarray(orientation[:3]), np.asarray(orientation[3:]))
    length = float(np.linalg.norm(normal))
    normal = normal / length if length > 1e-6 else np.array([0.0, 0.0, 1.0])
    normal.flags.writeable = False
    return normal


def direction_letters(direction: tuple[float, float, float]) -> str:
    """The patient side a direction points to: R/L, A/P, H/F, up to two, strongest first.

    DICOM's patient axes point to the left, posterior and head (PS3.3 C.7.6.2.1.1).
    """
    names = (("L", "R"), ("P", "A"), ("H", "F"))
    order = sorted(range(3), key=lambda axis: -abs(direction[axis]))
    return "".join(
        names[axis][0] if direction[axis] > 0 else names[axis][1]
        for axis in order
        if abs(direction[axis]) > 0.3
    )[:2]

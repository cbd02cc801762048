"""The converted training set on disk: slices and label maps as PNG, lists, and a manifest."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from medseg_desktop.core.errors import (
    DataError,
    DatasetError,
    WorkspaceError,
    describe_os_error,
)
from medseg_desktop.core.labels import BACKGROUND, Label, LabelTable
from medseg_desktop.core.preprocessing import Preprocessing
from medseg_desktop.core.split import SET_NAMES, SetName, SplitOrigin
from medseg_desktop.io.png import read_grey_png

MANIFEST = "manifest.json"
_OWN_NAMES = {
    MANIFEST, "images", "masks1", "masks2", "overlays", *(f"{s}_list.txt" for s in SET_NAMES),
}  # fmt: skip
Grey = npt.NDArray[np.uint8]


class SlicePlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where a slice lies: `stack` of its series UID, and its `index` therein.

    Attributes:
        positions: slices of one time point, see `core.lesions.find_lesions`.
        voxel_ml: volume of one pixel in millilitres; None where it is unknown.
    """

    stack: int
    index: int
    positions: int
    voxel_ml: float | None = None


class DatasetFile(msgspec.Struct, frozen=True, kw_only=True):
    """One converted slice.

    Attributes:
        name: file name in `images/`, `masks1/` and `masks2/`.
        frame: zero-based frame index in its DICOM file.
        pixels_per_label: label name -> pixels in the label map, background included (labels
            without are left out); see `lesion_pixels`.
        digest: SHA-256 of the slice's and label map's pixels (see `pixel_digest`), which tells
            whether they have changed since; "" in datasets that do not have it.
        shapes: how many shapes the slice has; None where the dataset does not tell, as below.
        outlines: fingerprint of each shape (see `core.shapes.fingerprint`), sorted; None where
            the dataset does not tell.
        overlap_pixels: pixels that shapes of different labels share.
        place: where in its series the slice lies.
    """

    name: str
    set: SetName
    patient_hash: str
    series_uid: str
    sop_uid: str
    frame: int
    pixels_per_label: dict[str, int]
    digest: str = ""
    shapes: int | None = None
    outlines: tuple[str, ...] | None = None
    overlap_pixels: int | None = None
    place: SlicePlace | None = None

    @property
    def lesion_pixels(self) -> dict[str, int]:
        """Label name -> pixels, without the background; empty for a slice without lesion."""
        return {n: k for n, k in self.pixels_per_label.items() if n != BACKGROUND and k > 0}


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """`manifest.json`.

    Attributes:
        salt_id: names the workspace whose salt made the patient hashes.
        split_origin: where the sets come from; "" in datasets that do not tell.
    """

    schema: int = 1
    preset: str
    preprocessing: Preprocessing
    labels: tuple[Label, ...]
    salt_id: str
    split_origin: SplitOrigin | Literal[""] = ""
    files: tuple[DatasetFile, ...]
    created: str = ""
    software: str = ""

    @property
    def table(self) -> LabelTable:
        return LabelTable(self.labels)

    @property
    def patients(self) -> dict[str, SetName]:
        """Patient hash -> set."""
        return {f.patient_hash: f.set for f in self.files}


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset folder whose manifest was read and checked."""

    folder: Path
    manifest: Manifest
    digest: str

    def files(self, name: SetName) -> tuple[DatasetFile, ...]:
        """The slices of one set, in manifest order."""
        return tuple(f for f in self.manifest.files if f.set == name)

    def slice(self, file: DatasetFile) -> Grey:
        """The preprocessed 8-bit slice (rows, columns)."""
        return self._read(Path("images") / file.name)

    def label_map(self, file: DatasetFile) -> Grey:
        """The label map (rows, columns) of class indices."""
        label_map = self._read(Path("masks2") / file.name)
        if int(label_map.max(initial=0)) >= len(self.manifest.labels):
            raise DatasetError(
                f"masks2/{file.name} holds class {int(label_map.max())}, but the dataset has "
                f"only {len(self.manifest.labels)} classes.",
                "Convert the annotations again.",
            )
        return label_map

    def _read(self, relative: Path) -> Grey:
        try:
            return read_grey_png(self.folder / relative)
        except DataError as error:
            raise DatasetError(
                f"{relative.as_posix()} of the dataset cannot be used: {error.message}.",
                "Convert the annotations again.",
            ) from error


def read_dataset(folder: Path) -> Dataset:
    """Read and check a dataset's manifest; pixels are read later, on demand.

    Raises:
        DatasetError: no dataset, damaged, or one patient on two sides of the split.
    """
    path = folder / MANIFEST
    try:
        data = path.read_bytes()
        manifest = msgspec.json.decode(data, type=Manifest)
    except FileNotFoundError as error:
        raise DatasetError(
            f"{folder} is no dataset: it has no {MANIFEST}.", "Make one with convert."
        ) from error
    except (OSError, msgspec.MsgspecError, RecursionError) as error:
        raise DatasetError(f"{path} cannot be read: {error}.", "Convert again.") from error
    if manifest.schema != 1:
        raise DatasetError(f"{path} was made by a newer version of the program.")
    if [x.index for x in manifest.labels] != list(range(len(manifest.labels))):
        raise DatasetError(f"{path} has a label table with gaps.", "Convert again.")
    for file in manifest.files:
        if Path(file.name).name != file.name or file.name in ("", ".", ".."):
            raise DatasetError(f"{path} names a file outside the dataset: {file.name}.")
    _check_split(folder, manifest)
    return Dataset(folder, manifest, hashlib.sha256(data).hexdigest())


def _check_split(folder: Path, manifest: Manifest) -> None:
    """Refuse a dataset with a patient in two sets; the sentence names one, with slices of both."""
    first: dict[str, dict[SetName, str]] = {}
    for file in manifest.files:
        if file.set in SET_NAMES:
            first.setdefault(file.patient_hash, {}).setdefault(file.set, file.name)
    shared = {patient: sets for patient, sets in first.items() if len(sets) > 1}
    if not shared:
        return
    patient, sets = next(iter(shared.items()))
    where = " and ".join(f"{name} ({file})" for name, file in sets.items())
    one = len(shared) == 1
    more = "" if one else f" and {len(shared) - 1} more"
    raise DatasetError(
        f"Patient {patient}{more} of {folder} {'stands' if one else 'stand'} on two sides of the "
        f"split: {where}.",
        "Convert again, so that each patient is on one side only.",
    )


def pixel_digest(grey: Grey, label_map: Grey) -> str:
    """SHA-256 of a slice's and its label map's pixels, as in `DatasetFile.digest`."""
    return hashlib.sha256(grey.tobytes() + label_map.tobytes()).hexdigest()


def check_replaceable(folder: Path) -> None:
    """Make sure that a folder is a dataset and nothing else, before it is replaced.

    Raises:
        WorkspaceError: it is no dataset, or holds what a conversion did not make.
    """
    try:
        read_dataset(folder)
        foreign = sorted(p.name for p in folder.iterdir() if p.name not in _OWN_NAMES)
    except DatasetError as error:
        raise WorkspaceError(
            f"{folder} is not a dataset, so it is not replaced.", "Choose another name."
        ) from error
    except OSError as error:
        raise WorkspaceError(describe_os_error(error, folder, "read")) from error
    if foreign:
        raise WorkspaceError(
            f"{folder} also holds {foreign[0]}, which no conversion made, so it is not replaced.",
            "Choose another name.",
        )


def write_lists(folder: Path, files: tuple[DatasetFile, ...]) -> None:
    """`train_list.txt`, `val_list.txt`, `test_list.txt`: "images/X.png masks2/X.png" a line."""
    for name in SET_NAMES:
        lines = [f"images/{f.name} masks2/{f.name}\n" for f in files if f.set == name]
        (folder / f"{name}_list.txt").write_text("".join(lines), encoding="utf-8", newline="\n")


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write `manifest.json`; the last file of a conversion."""
    data = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    (folder / MANIFEST).write_bytes(data + b"\n")


def split_digest(patients: dict[str, SetName]) -> str:
    """SHA-256 of the sorted (patient hash, set) pairs, so that equal splits have equal hashes."""
    lines = "".join(f"{h} {s}\n" for h, s in sorted(patients.items()))
    return hashlib.sha256(lines.encode()).hexdigest()

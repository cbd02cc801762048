"""Which patient of a conversion is in which set, and what the user should know of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from medseg_desktop.core.errors import DataError
from medseg_desktop.core.finding import named
from medseg_desktop.core.specs import ConvertSpec
from medseg_desktop.core.split import (
    TEST_MINIMUM_PATIENTS,
    LesionAmount,
    SetName,
    Split,
    SplitRequest,
    known_sets,
    resolve_split,
)
from medseg_desktop.core.volume import Patient
from medseg_desktop.io.converting.slices import Converted, Reviewed
from medseg_desktop.io.dicom.stacks import hashes_of_name
from medseg_desktop.io.dicom_series import ScanResult
from medseg_desktop.io.workspace import Workspace


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """The patients of a conversion before it is known how much lesion each has.

    Attributes:
        patients: with reviewed slices, by hash.
        ids: patient hash -> what a split file calls the patient.
        frozen: the workspace's split before the conversion.
        waiting: patients whose slices stay out, because they wait until they are assigned.
        notes: sentences on what a split file says otherwise than the data or the workspace.
    """

    request: SplitRequest
    patients: dict[str, Patient]
    ids: dict[str, str]
    frozen: Split
    waiting: frozenset[str]
    notes: tuple[str, ...] = field(default=())

    @property
    def keys(self) -> dict[str, str]:
        """Patient key -> patient hash."""
        return {p.key: p.hash for p in self.patients.values()}

    def settle(self, converted: Sequence[Converted]) -> dict[str, SetName]:
        """The set of every patient that is in the dataset or waits."""
        amounts: dict[str, LesionAmount] = {}
        for one in converted:
            patient = one.file.patient_hash
            amounts[patient] = amounts.get(patient, LesionAmount()) + _lesion(one)
        keys = {k: h for k, h in self.keys.items() if h in amounts or h in self.waiting}
        return resolve_split(keys, self.ids, self.request, amounts)

    def notes_on(self, sets: dict[str, SetName]) -> list[str]:
        """What the user should know of the split as it has become."""
        notes = [*self.notes, *self._notes_on_new(sets)]
        if self.request.origin == "workspace" and "test" not in sets.values():
            notes.append(
                f"No patient is kept for testing; that takes {TEST_MINIMUM_PATIENTS} patients in "
                "the first conversion of a workspace, or a split file."
            )
        return notes

    def _notes_on_new(self, sets: dict[str, SetName]) -> list[str]:
        """About patients that join the training set, and those that wait."""
        notes = []
        new = [h for h in sets if self.frozen.set_of(h) is None]
        joining = sum(sets[h] == "train" for h in new)
        if self.request.origin == "workspace" and self.frozen.patients and joining:
            one = _counted(joining, "new patient joins", "new patients join")
            notes.append(f"{one} the training set; the split of this workspace stays as it is.")
        if self.waiting:
            one = _counted(len(self.waiting), "patient waits", "patients wait")
            notes.append(
                f"{one} as incoming, not in this dataset, until somebody assigns a set "
                "(split move, or Patients and sets in the window)."
            )
        return notes


def _lesion(one: Converted) -> LesionAmount:
    pixels = sum(one.file.lesion_pixels.values())
    voxel_ml = one.item.place.voxel_ml
    if not pixels:
        return LesionAmount()
    return LesionAmount(pixels, None if voxel_ml is None else pixels * voxel_ml)


def plan_split(found: ScanResult, spec: ConvertSpec, reviewed: Reviewed) -> SplitPlan:
    """What is known of the split before anything is converted.

    Raises:
        DataError: a split file names patients that nobody knows, or everybody waits.
    """
    patients = {series.patient.hash: series.patient for series, _ in reviewed}
    ids = {h: p.called for h, p in patients.items()}
    frozen = Workspace(Path(spec.workspace)).split() if spec.workspace else Split()
    sets = known_sets({p.key: h for h, p in patients.items()}, ids, spec.split)
    waiting = frozenset(h for h, name in sets.items() if name == "incoming")
    if len(waiting) == len(patients):
        raise DataError(
            f"Every patient with reviewed slices in {found.source} waits as incoming, so there is "
            "nothing to convert.",
            "Assign them to a set (split move), or let new patients join the training set.",
        )
    notes: tuple[str, ...] = ()
    if spec.split.origin == "file":
        names = _FileNames(found, spec, frozen, ids)
        names.require_known()
        joining = [h for h, name in sets.items() if name == "train"]
        notes = (*names.notes(joining), *_moved(sets, ids, frozen))
    return SplitPlan(spec.split, patients, ids, frozen, waiting, notes)


class _FileNames:
    """The patients that a split file names, beside those of the data and of the workspace.

    Args:
        ids: of the patients with reviewed slices, see `SplitPlan`.
    """

    def __init__(
        self, found: ScanResult, spec: ConvertSpec, frozen: Split, ids: dict[str, str]
    ) -> None:
        everybody = {s.patient.hash: s.patient for s in found.series}
        self._reviewed = ids
        self._there = {h: p.called for h, p in everybody.items()}
        self._issuers = {p.key.partition("\n")[2] for p in everybody.values()} - {""}
        self._listed, self._by_hash = spec.split.by_patient_id, spec.split.frozen
        self._salt, self._frozen = bytes.fromhex(spec.salt), frozen

    def require_known(self) -> None:
        """Raise DataError where the file names somebody whom neither data nor workspace know."""
        if self._by_hash and not any(h in self._there or self._is_known(h) for h in self._by_hash):
            raise DataError(
                "The split file names none of these patients; it was made in another workspace.",
                "Name the patients by their PatientID.",
            )
        unknown = [name for name in self._absent if not self._is_known(name)]
        if unknown:
            one = "a patient that is" if len(unknown) == 1 else f"{len(unknown)} patients that are"
            raise DataError(
                f"The split file names {one} neither in the data nor in the split of this "
                f"workspace: {named(unknown)}.",
                "Mend the names, or take them out of the file.",
            )

    def notes(self, joining: Sequence[str]) -> list[str]:
        """About patients of the data that the file leaves out, and the other way round.

        Args:
            joining: hashes of those who are in the training set.
        """
        notes = []
        called = (self._reviewed[h] for h in joining if h not in self._by_hash)
        unlisted = sorted(name for name in called if name not in self._listed)
        if unlisted:
            notes.append(f"Not in the split file, so in training: {', '.join(unlisted)}.")
        if self._absent:
            notes.append(f"In the split file, but not in the data: {', '.join(self._absent)}.")
        return notes

    @property
    def _absent(self) -> list[str]:
        """Names of the file that the data does not have."""
        ids = set(self._listed) - set(self._there.values())
        return sorted(ids | (set(self._by_hash) - set(self._there)))

    def _is_known(self, name: str) -> bool:
        """The workspace has such a patient: a file may be of more data than is converted."""
        hashes = (name, *hashes_of_name(self._salt, name, self._issuers))
        return any(self._frozen.set_of(h) is not None for h in hashes)


def _moved(sets: dict[str, SetName], ids: dict[str, str], frozen: Split) -> list[str]:
    """About patients whom a split file puts elsewhere than the workspace."""
    moved = sorted(ids[h] for h in sets if frozen.set_of(h) not in (None, sets[h]))
    if not moved:
        return []
    return [
        "This dataset follows the split file, but the workspace has frozen other sets for: "
        f"{', '.join(moved)}. Do not compare its model with others on those patients."
    ]


def _counted(number: int, one: str, several: str) -> str:
    return f"1 {one}" if number == 1 else f"{number} {several}"

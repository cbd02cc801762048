"""Which patients an evaluation goes by, and whether a model has seen them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from medseg_desktop.core.errors import DataError
from medseg_desktop.core.specs import EvaluateSpec
from medseg_desktop.core.split import SetName
from medseg_desktop.core.volume import Series
from medseg_desktop.inference.evaluating.labels import CommonLabels
from medseg_desktop.io.dataset import split_digest
from medseg_desktop.io.dicom.stacks import relative_path
from medseg_desktop.io.dicom_series import ScanResult
from medseg_desktop.io.model_package import ModelInfo
from medseg_desktop.io.workspace import Workspace, salt_id


@dataclass(frozen=True, slots=True)
class KnownSets:
    """Patient hash -> set, as far as the patients of this workspace have one.

    Attributes:
        is_current: by the workspace's frozen split, not by that of the model's training.
    """

    sets: dict[str, SetName]
    is_current: bool = False

    @property
    def digest(self) -> str:
        """SHA-256 of the split; "" for none."""
        return split_digest(self.sets) if self.sets else ""

    def set_of(self, patient_hash: str) -> str:
        return self.sets.get(patient_hash, "unknown")


def known_sets(info: ModelInfo, spec: EvaluateSpec) -> KnownSets:
    """The split that an evaluation goes by.

    A model that was trained with the workspace's split is evaluated by that split as it is now,
    so that a patient who was moved counts where it is; one of another workspace, or from
    elsewhere, too, because it can say nothing of these patients itself.  A model that was trained
    with a file, by the recipe, or by an earlier version goes by its own.
    """
    is_own = is_of_workspace(info, spec)
    if spec.workspace and (info.split_origin == "workspace" or not is_own):
        split = Workspace(Path(spec.workspace)).split()
        if split.patients:
            return KnownSets({h: e.set for h, e in split.patients.items()}, is_current=True)
    return KnownSets(dict(info.split) if is_own else {})


def is_of_workspace(info: ModelInfo, spec: EvaluateSpec) -> bool:
    """Whether the patient hashes of a model mean the same as those of the evaluation."""
    return info.salt_id == salt_id(bytes.fromhex(spec.salt))


def was_seen(info: ModelInfo, patient_hash: str, spec: EvaluateSpec) -> bool | None:
    """Whether a model, or one it comes from, was trained or validated on a patient; None where
    that cannot be told."""
    return info.has_seen(patient_hash, salt_id(bytes.fromhex(spec.salt)))


def chosen_patients(
    found: ScanResult, info: ModelInfo, known: KnownSets, spec: EvaluateSpec
) -> dict[str, list[Series]]:
    """The reviewed series of the chosen patients, by patient hash, in the order of the source.

    Raises:
        DataError: there is none, or it cannot be told who they are.
    """
    patients: dict[str, list[Series]] = defaultdict(list)
    for series in found.series:
        if any(found.is_usable(item) for item in series.slices):
            patients[series.patient.hash].append(series)
    if not patients:
        raise DataError(f"{found.source} holds no reviewed slice.", "Annotate slices first.")
    if spec.subset == "all":
        return dict(patients)
    if not known.sets:
        raise DataError(
            f"{info.title} was not trained in this workspace, so its {spec.subset} patients "
            "cannot be told.",
            "Use --split all, or the workspace it was trained in.",
        )
    chosen = {h: s for h, s in patients.items() if known.set_of(h) == spec.subset}
    if not chosen:
        whose = "this workspace" if known.is_current else info.title
        raise DataError(f"{found.source} holds no {spec.subset} patient of {whose}.")
    return chosen


def check_labels(
    found: ScanResult,
    patients: dict[str, list[Series]],
    titles: Sequence[str],
    labels: CommonLabels,
) -> None:
    """Every label of the annotations must be one that a model knows.

    Raises:
        DataError: names the first other one, and its file.
    """
    for series in patients.values():
        for item in (item for stack in series for item in stack.slices):
            document = found.annotation(item)
            unknown = labels.unknown(document.shapes(item.frame)) if document else None
            if unknown is not None:
                name = relative_path(Path(item.path), found.root)
                do = "does" if len(titles) == 1 else "do"
                raise DataError(
                    f"{name} is annotated with {unknown!r}, a label that {' and '.join(titles)} "
                    f"{do} not know ({', '.join(labels.known)})."
                )

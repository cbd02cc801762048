"""What the model that a training starts from has seen: it hands on what it knows."""

from __future__ import annotations

from pathlib import Path

import msgspec

from medseg_desktop.core.errors import ModelError
from medseg_desktop.core.finding import LEAK, Finding
from medseg_desktop.core.specs import STARTER, TrainSpec
from medseg_desktop.io.dataset import Dataset
from medseg_desktop.io.model_package import read_info


class StartModel(msgspec.Struct, frozen=True):
    """The model that a training starts from.

    Attributes:
        seen: test patients of the dataset that it, or a model it comes from, was trained or
            validated on; None where nobody can tell, because it comes from elsewhere.
    """

    title: str
    seen: int | None


def start_model(dataset: Dataset, spec: TrainSpec) -> StartModel | None:
    """The model that `spec` starts from; None where it starts from no patient's slices.

    Raises:
        ModelError: it cannot be read.
    """
    if spec.init in ("none", STARTER):
        return None
    info = read_info(Path(spec.init))
    manifest = dataset.manifest
    test = {file.patient_hash for file in dataset.files("test")}
    seen = [info.has_seen(patient, manifest.salt_id) for patient in test]
    known = sum(answer is True for answer in seen)
    return StartModel(info.title, None if None in seen and not known else known)


def examined_start(
    dataset: Dataset, spec: TrainSpec
) -> tuple[StartModel | None, list[Finding], list[Finding], list[Finding]]:
    """The model that a training starts from, and problems, warnings and notes on it."""
    try:
        start = start_model(dataset, spec)
    except ModelError as error:
        # A training that goes on has its weights already, and needs the model no more.
        problems = [] if spec.resume else [Finding(error.message, error.hint)]
        return None, problems, [], []
    test = len({f.patient_hash for f in dataset.files("test")})
    if start is None or not test:
        return start, [], [], []
    if start.seen is None:
        note = Finding(
            f"Whether {start.title}, which this training starts from, has seen test patients is "
            "not known: it, or a model it comes from, was not trained in this workspace.",
            "Start from another model, or from none, to be sure.",
        )
        return start, [], [], [note]
    if not start.seen:
        return start, [], [], []
    warning = Finding(
        f"{start.seen} of {test} test patients were seen by {start.title}, which this training "
        "starts from.",
        "Start from another model, or from none; else the new model cannot be compared with "
        "others on these patients.",
        LEAK,
    )
    return start, [], [warning], []

"""From a user's choices to the spec of a conversion; the same for window and command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from medseg_desktop.core.errors import DataError
from medseg_desktop.core.preprocessing import PRESETS
from medseg_desktop.core.specs import ConvertSpec
from medseg_desktop.core.split import SplitRequest
from medseg_desktop.io.workspace import Workspace

#: Where patients go who are new to a split.
NewPatients = Literal["train", "incoming"]


def conversion_spec(
    workspace: Workspace,
    source: Path | Sequence[Path],
    dataset: Path,
    *,
    preset: str = "default",
    split: SplitRequest | None = None,
    seed: int = 0,
    patient_key: Literal["id", "folder"] = "id",
    include: list[str] | None = None,
    overlays: bool = False,
    overwrite: bool = False,
    skip_broken: bool = False,
    new_patients: NewPatients = "train",
    keeps_split: bool = False,
) -> ConvertSpec:
    """The spec of a conversion in a workspace.

    Args:
        split: a split of the user's own, with which the workspace freezes patients that are
            new to it; None for the workspace's frozen split (drawn at the first conversion), or
            for the preset `reference` its own split.
        new_patients: what becomes of patients whom a frozen split, or the user's own, does not
            know: they join the training set, or wait as incoming and stay out.
        keeps_split: the workspace's frozen split holds for the preset `reference` too.
    """
    if preset not in PRESETS:
        raise DataError(f"There is no preset {preset}.", f"Known: {', '.join(PRESETS)}.")
    return ConvertSpec(
        source=str(source) if isinstance(source, Path) else [str(path) for path in source],
        dataset=str(dataset),
        preset=preset,
        preprocessing=PRESETS[preset],
        labels=workspace.labels().bare(),
        split=_split_request(workspace, "" if keeps_split else preset, split, seed, new_patients),
        salt=workspace.salt().hex(),
        workspace=str(workspace.root),
        patient_key=patient_key,
        include=include or [],
        overlays=overlays,
        overwrite=overwrite,
        skip_broken=skip_broken,
    )


def _split_request(
    workspace: Workspace,
    preset: str,
    split: SplitRequest | None,
    seed: int,
    new_patients: NewPatients,
) -> SplitRequest:
    """The user's split, the frozen one of the workspace, or the reference recipe's own.

    The recipe's split has no test patients and is not frozen, so it never touches the
    workspace's; the model carries its own split, so an evaluation stays honest.  Patients who
    wait in the workspace stay out of it all the same.
    """
    known = workspace.split()
    waiting = known.members("incoming")
    if split is not None:
        return msgspec.structs.replace(split, draw=new_patients, waiting=waiting)
    if preset == "reference":
        return SplitRequest(draw="every_ninth", origin="recipe", waiting=waiting)
    draw = new_patients if known.patients else "random"
    return SplitRequest(frozen=known.sets, draw=draw, seed=seed, waiting=waiting)

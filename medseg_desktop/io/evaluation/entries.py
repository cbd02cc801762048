"""The evaluations of a workspace: which models were evaluated on whom, and how it went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from medseg_desktop.core.errors import WorkspaceError
from medseg_desktop.core.evaluation.measures import DICE, dice_of
from medseg_desktop.core.evaluation.result import (
    NO_CHANGES,
    ChangeCounts,
    Estimate,
    EvaluationRecord,
    ModelComparison,
)
from medseg_desktop.io.evaluation.folder import RECORD, read_record


@dataclass(frozen=True, slots=True)
class EvaluatedModel:
    """A model of an evaluation.

    Attributes:
        network: its SHA-256.
        seen: of the evaluated patients, so many it was trained on; its Dice flatters it then.
    """

    title: str
    network: str
    dice: Estimate
    seen: int = 0


@dataclass(frozen=True, slots=True)
class EvaluationEntry:
    """An evaluation of the workspace, for lists; `problem` says why it cannot be shown.

    Attributes:
        created: UTC, ISO 8601.
        subset: train, val, test or all.
        models: the evaluated model; behind it the one that it was compared with.
        difference: of the Dice, candidate - champion; None without a comparison.
        changes: lesions that only one of the two has.
        reasons: why the two cannot be compared fairly.
    """

    path: Path
    created: str = ""
    subset: str = ""
    models: tuple[EvaluatedModel, ...] = ()
    difference: Estimate | None = None
    changes: ChangeCounts = NO_CHANGES
    reasons: tuple[str, ...] = ()
    problem: str = ""

    @property
    def compares(self) -> bool:
        """Two models on the same patients."""
        return len(self.models) > 1

    def dice_of(self, network: str) -> Estimate | None:
        """The Dice of one of its models."""
        found = self.model_of(network)
        return found.dice if found else None

    def model_of(self, network: str) -> EvaluatedModel | None:
        """The one of its models with this network."""
        return next((m for m in self.models if network and m.network == network), None)


class EvaluationReader:
    """Reads the evaluations of a folder; those that have not changed since the last time are not
    read again.  For one thread at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[Path, tuple[object, EvaluationEntry]] = {}

    def entries(self) -> tuple[EvaluationEntry, ...]:
        """All evaluations, newest first; behind them broken ones."""
        known, self._known = self._known, {}
        for record in self._folder.glob(f"*/{RECORD}"):
            folder, state = record.parent, _state(record)
            if folder.name.startswith("."):
                continue  # one that is being made
            entry = known.get(folder)
            self._known[folder] = entry if entry and entry[0] == state else (state, _entry(folder))
        found = [entry for _, entry in self._known.values()]
        found.sort(key=lambda entry: (not entry.problem, entry.created, entry.path.name))
        return tuple(reversed(found))


def last_test(
    entries: Sequence[EvaluationEntry], network: str
) -> tuple[EvaluationEntry, Estimate] | None:
    """The newest evaluation of a network on test patients, and its Dice there."""
    for entry in entries:
        if entry.subset == "test" and (dice := entry.dice_of(network)) is not None:
            return entry, dice
    return None


def last_comparison(
    entries: Sequence[EvaluationEntry], candidate: str, champion: str
) -> EvaluationEntry | None:
    """The newest evaluation that compares one network with another on test patients."""
    wanted = [candidate, champion]
    tests = (e for e in entries if e.subset == "test")
    return next((e for e in tests if [m.network for m in e.models] == wanted), None)


def _entry(folder: Path) -> EvaluationEntry:
    try:
        record = read_record(folder)
    except WorkspaceError as error:
        return EvaluationEntry(folder, problem=error.message)
    comparison = record.comparison or ModelComparison(candidate="", champion="")
    return EvaluationEntry(
        folder,
        created=record.created,
        subset=record.subset,
        models=_models(record),
        difference=comparison.differences.get(DICE.key),
        changes=comparison.counts,
        reasons=comparison.reasons,
    )


def _models(record: EvaluationRecord) -> tuple[EvaluatedModel, ...]:
    return tuple(
        EvaluatedModel(r.model, r.network, dice_of(r), sum(bool(case.seen) for case in r.cases))
        for r in record.results
    )


def _state(record: Path) -> object:
    """Changes when the record has."""
    try:
        found = record.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size

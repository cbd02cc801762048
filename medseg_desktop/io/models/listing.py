"""The models of a workspace with what is known of each: champion or candidate, and its Dice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from medseg_desktop.core.errors import WorkspaceError
from medseg_desktop.core.evaluation.result import Estimate
from medseg_desktop.core.split import SetName, Split
from medseg_desktop.io.evaluation.entries import EvaluationEntry, EvaluationReader, last_test
from medseg_desktop.io.model_package import ModelInfo
from medseg_desktop.io.models.champions import Champion, Champions
from medseg_desktop.io.workspace import ModelEntry, Workspace

#: A model that was trained with another split than the workspace's carries it.
_OWN_SPLIT = ("file", "recipe")


class ModelStatus(StrEnum):
    """What a model is in its workspace."""

    CHAMPION = "champion"
    EARLIER = "earlier champion"
    CANDIDATE = "candidate"


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A model of the workspace.

    Attributes:
        test: its Dice in `tested`, the newest evaluation on test patients; None without one.
    """

    entry: ModelEntry
    status: ModelStatus
    test: Estimate | None = None
    tested: EvaluationEntry | None = None

    @property
    def seen(self) -> int:
        """Of the patients of `tested`, so many it was trained on: `test` flatters it then."""
        network = self.info.network_digest if self.info else ""
        found = self.tested.model_of(network) if self.tested else None
        return found.seen if found else 0

    @property
    def path(self) -> Path:
        return self.entry.path

    @property
    def title(self) -> str:
        return self.entry.title

    @property
    def info(self) -> ModelInfo | None:
        """None where it cannot be read."""
        return self.entry.info

    @property
    def validation_dice(self) -> float | None:
        """Mean Dice of its validation patients; None where none had a lesion."""
        dice = self.info.metrics.get("mean_patient_dice") if self.info else None
        return float(dice) if isinstance(dice, int | float) else None


@dataclass(frozen=True, slots=True)
class ModelList:
    """What a workspace knows of its models.

    Attributes:
        models: newest first.
        problem: what is wrong with the champion or the audit trail; "" for nothing.
        is_intact: the champion's files are those that were promoted.
        previous: title of the model that a rollback leads to; "" for none.
        evaluations: newest first.
        split: the frozen split of the workspace.
    """

    models: tuple[ListedModel, ...] = ()
    champion: Champion | None = None
    problem: str = ""
    is_intact: bool = True
    previous: str = ""
    evaluations: tuple[EvaluationEntry, ...] = ()
    split: Split = field(default_factory=Split)

    @property
    def champion_model(self) -> ListedModel | None:
        """The champion, where it is among the models."""
        return next((m for m in self.models if m.status is ModelStatus.CHAMPION), None)

    def set_of(self, model: ListedModel, patient_hash: str) -> SetName | None:
        """In which set a patient is by the split that an evaluation of this model goes by."""
        own = model.info.split if model.info and model.info.split_origin in _OWN_SPLIT else {}
        return own.get(patient_hash) or self.split.set_of(patient_hash)

    def of_path(self, path: Path | None) -> ListedModel | None:
        """The model in this folder."""
        return next((m for m in self.models if m.path == path), None)

    def status_of(self, path: Path | None) -> ModelStatus:
        """What the model in this folder is; one that is not in the workspace is a candidate."""
        found = self.of_path(path)
        return found.status if found else ModelStatus.CANDIDATE

    def of_network(self, network: str, title: str = "") -> ListedModel | None:
        """The model with this network; of several the one with this title."""
        found = [m for m in self.models if network and m.info and m.info.network_digest == network]
        return next((m for m in found if m.title == title), found[0] if found else None)


class ModelListReader:
    """Reads the list again and again; for one thread at a time."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._champions = Champions(workspace)
        self._evaluations = EvaluationReader(workspace.evaluations)

    def read(self) -> ModelList:
        """The list; what cannot be read of the champion is said in its `problem`."""
        champion, problem, split = None, "", Split()
        earlier: frozenset[str] = frozenset()
        previous, is_intact = "", True
        try:
            champion = self._champions.current()
            if champion is not None:
                problem = self._champions.problem(champion)
                is_intact = not problem
            earlier = self._champions.earlier()
            problem = problem or self._champions.verify(with_package=False).problem
            back = self._champions.previous()
            previous = back.model if back else ""
            split = self._workspace.split()
        except WorkspaceError as error:
            problem = problem or f"{error.message} {error.hint}".strip()
        evaluations = self._evaluations.entries()
        entries = self._workspace.model_entries()
        return ModelList(
            models=tuple(_listed(e, champion, earlier, evaluations) for e in entries),
            champion=champion,
            problem=problem,
            is_intact=is_intact,
            previous=previous,
            evaluations=evaluations,
            split=split,
        )


def _listed(
    entry: ModelEntry,
    champion: Champion | None,
    earlier: frozenset[str],
    evaluations: Sequence[EvaluationEntry],
) -> ListedModel:
    name = entry.path.name
    status = ModelStatus.EARLIER if name in earlier else ModelStatus.CANDIDATE
    if champion is not None and champion.model == name:
        status = ModelStatus.CHAMPION
    tested = last_test(evaluations, entry.info.network_digest) if entry.info else None
    if tested is None:
        return ListedModel(entry, status)
    evaluation, dice = tested
    return ListedModel(entry, status, dice, evaluation)

"""What a retraining of a source would be: what is new, what forbids it, and its plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from medseg_desktop.core.errors import ModelError
from medseg_desktop.core.estimate import disk_bytes
from medseg_desktop.core.finding import Finding
from medseg_desktop.core.measurement import SMALLEST_BATCH
from medseg_desktop.core.preprocessing import PRESETS
from medseg_desktop.core.retraining import RetrainOptions, RetrainPlan, steps_for, train_spec
from medseg_desktop.core.retraining_check import RetrainFacts, problems, warnings
from medseg_desktop.core.retraining_cost import Workload
from medseg_desktop.core.specs import TrainSpec
from medseg_desktop.core.split import TEST_FRACTION, TEST_MINIMUM_PATIENTS, VAL_FRACTION
from medseg_desktop.core.training_news import UNDRAWN, TrainingNews, training_news
from medseg_desktop.io.champions import Champions
from medseg_desktop.io.model_package import WEIGHTS, ModelInfo, read_info
from medseg_desktop.io.preflight import ARCHITECTURES, SIZES, TRAINING_PRESETS, free_disk_bytes
from medseg_desktop.io.training_news import (
    OutlineReader,
    Reviewed,
    converted_slices,
    dataset_of,
)
from medseg_desktop.io.workspace import Workspace, salt_id

_FIRST_NAME = "model"
#: A slice and its label map as PNG, and what an evaluation shows of it, in bytes a pixel.
_DATASET_BYTES = 1.5


@dataclass(frozen=True, slots=True)
class Situation:
    """A source beside the champion.

    Attributes:
        plan: what a retraining would be; it may begin where there are no problems.
        champion: None for the first model.
        train_slices, val_slices, test_slices: of the dataset; estimated before the first
            conversion has drawn the split.
        pixels: of a reviewed slice, on average.
    """

    facts: RetrainFacts
    plan: RetrainPlan
    champion: ModelInfo | None
    problems: tuple[Finding, ...]
    warnings: tuple[Finding, ...]
    train_slices: int
    val_slices: int
    test_slices: int
    pixels: float = 0.0

    @property
    def news(self) -> TrainingNews:
        return self.facts.news

    @property
    def automatic_iterations(self) -> int:
        """How many steps there are where nobody chooses."""
        return steps_for(self.train_slices, self.plan.batch_size)

    @property
    def train(self) -> TrainSpec:
        """The training that it would come to, for estimates; its folders do not exist."""
        return train_spec(
            self.plan,
            dataset=self.plan.dataset,
            run=self.plan.evaluation,
            champion="",
            train_slices=self.train_slices,
        )

    @property
    def workload(self) -> Workload:
        """How much there is to do."""
        return Workload(
            train=self.train,
            slices=self.train_slices + self.val_slices + self.test_slices,
            pixels=self.pixels,
            train_slices=self.train_slices,
            val_slices=self.val_slices,
            test_slices=self.test_slices,
            models=2 if self.champion else 1,
        )


@dataclass(frozen=True, slots=True)
class _Known:
    """The champion, as far as it is known."""

    info: ModelInfo | None = None
    folder: str = ""
    title: str = ""
    problem: str = ""


def look(
    workspace: Workspace,
    reviewed: Reviewed,
    options: RetrainOptions | None = None,
    *,
    outlines: OutlineReader | None = None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Situation:
    """Compare what is reviewed with what the champion was trained on.

    Args:
        outlines: one that has read the same source before is faster.

    Raises:
        WorkspaceError: the workspace cannot be read.
        Cancelled: nobody waits for it any more.
    """
    options = options or RetrainOptions()
    known = _champion(workspace)
    news, test_patients = _news(workspace, reviewed, known, outlines, is_cancelled)
    info = known.info
    seen = test_patients & info.seen_patients if info and _is_ours(workspace, info) else frozenset()
    untrainable = _untrainable(info)
    plan = _plan(workspace, known, options, not (seen or untrainable))
    train, val, test = _slices(news)
    iterations = plan.iterations or steps_for(train, plan.batch_size)
    spec = TrainSpec(dataset="", run="", model_name="", iterations=iterations, size=plan.size)
    pixels = sum(s.rows * s.columns for s, _, _ in reviewed.slices())
    facts = RetrainFacts(
        news,
        source=reviewed.title,
        champion=known.title,
        champion_problem=known.problem,
        untrainable=untrainable,
        slices=reviewed.slice_count,
        seen_test_patients=len(seen),
        broken=reviewed.broken,
        skip_broken=options.skip_broken,
        disk_bytes=disk_bytes(spec) + round(pixels * _DATASET_BYTES),
        disk_free_bytes=free_disk_bytes(workspace.root),
    )
    return Situation(
        facts=facts,
        plan=plan,
        champion=info,
        problems=problems(facts),
        warnings=warnings(facts),
        train_slices=train,
        val_slices=val,
        test_slices=test,
        pixels=pixels / max(news.size.slices, 1),
    )


def _champion(workspace: Workspace) -> _Known:
    champions = Champions(workspace)
    current = champions.current()
    if current is None:
        return _Known()
    if problem := champions.problem(current):
        return _Known(folder=current.model, title=current.model, problem=problem)
    try:
        info = read_info(champions.folder(current))
    except ModelError as error:
        return _Known(folder=current.model, title=current.model, problem=error.message)
    return _Known(info, current.model, info.title)


def _news(
    workspace: Workspace,
    reviewed: Reviewed,
    known: _Known,
    outlines: OutlineReader | None,
    is_cancelled: Callable[[], bool],
) -> tuple[TrainingNews, frozenset[str]]:
    """What is new, and the test patients that are there."""
    info = known.info
    dataset = dataset_of(workspace, info.dataset_hash) if info else None
    before = converted_slices(dataset) if dataset else None
    counted = {key for key, item in (before or {}).items() if item.outlines is None}
    now = (outlines or OutlineReader()).read(reviewed, counted, is_cancelled)
    sets = {h: entry.set for h, entry in workspace.split().patients.items()}
    news = training_news(
        now,
        before,
        sets,
        known=set(info.split) if info and _is_ours(workspace, info) and info.split else None,
        unlisted="train" if sets else UNDRAWN,
    )
    here = {item.patient for item in now.values()}
    test = frozenset(h for h in here if sets.get(h) == "test")
    return news, test


def _is_ours(workspace: Workspace, info: ModelInfo) -> bool:
    """Its patient hashes were made in this workspace."""
    return info.salt_id == salt_id(workspace.salt())


def _untrainable(info: ModelInfo | None) -> str:
    """Why no training can start from the champion; "" where one can."""
    if info is None:
        return ""
    if info.architecture not in ARCHITECTURES:
        return f"{info.title} is a {info.architecture} network, which cannot be trained here."
    if WEIGHTS not in info.files:
        return f"{info.title} has no weights to train from."
    return ""


def _plan(
    workspace: Workspace, known: _Known, options: RetrainOptions, may_start_from_it: bool
) -> RetrainPlan:
    info = known.info
    trained: dict[str, Any] = info.training if info else {}
    architecture = info.architecture if info else ARCHITECTURES[0]
    if architecture not in ARCHITECTURES:
        architecture = ARCHITECTURES[0]
    name = options.name or (info.name if info else _FIRST_NAME)
    defaults = RetrainPlan(dataset="", evaluation="", model_name=name)
    conversion = _conversion_preset(info)
    return msgspec.structs.replace(
        defaults.of_run(workspace.new_run().name),
        champion=known.folder,
        init=_init(architecture, conversion, info, options, may_start_from_it),
        conversion=conversion,
        recipe=_known_or(trained.get("preset"), TRAINING_PRESETS, defaults.recipe),
        architecture=architecture,
        size=options.size or _size(info, defaults.size),
        batch_size=options.batch_size or _batch(trained.get("batch_size"), defaults.batch_size),
        iterations=options.iterations,
        device=options.device,
        seed=options.seed,
    )


def _init(
    architecture: str,
    conversion: str,
    info: ModelInfo | None,
    options: RetrainOptions,
    may_start_from_it: bool,
) -> Literal["champion", "starter", "none"]:
    if info is not None and may_start_from_it and options.start == "auto":
        return "champion"
    # The starter weights are of one network, and know slices as that conversion prepares them.
    fits = architecture == ARCHITECTURES[0] and conversion == "default"
    return "starter" if fits else "none"


def _conversion_preset(info: ModelInfo | None) -> str:
    """The preset that prepares slices as the champion knows them."""
    if info is None:
        return "default"
    return next((name for name, how in PRESETS.items() if how == info.preprocessing), "default")


def _size(info: ModelInfo | None, default: int) -> int:
    """The champion's, where a training can have it."""
    if info is None or info.input.height != info.input.width or info.input.height not in SIZES:
        return default
    return info.input.height


def _batch(value: object, default: int) -> int:
    is_usable = isinstance(value, int) and SMALLEST_BATCH <= value <= 256
    return value if is_usable and isinstance(value, int) else default


def _known_or(value: object, known: tuple[str, ...], default: str) -> str:
    return value if isinstance(value, str) and value in known else default


def _slices(news: TrainingNews) -> tuple[int, int, int]:
    """Slices to train on, to validate on and to test with."""
    undrawn = news.size_of(UNDRAWN)
    test_share = TEST_FRACTION if undrawn.patients >= TEST_MINIMUM_PATIENTS else 0.0
    drawn = {
        "train": 1 - test_share - VAL_FRACTION,
        "val": VAL_FRACTION,
        "test": test_share,
    }
    train, val, test = (
        news.size_of(name).slices + round(share * undrawn.slices) for name, share in drawn.items()
    )
    return train, val, test

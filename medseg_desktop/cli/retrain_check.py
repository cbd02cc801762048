"""`retrain --check`: what is new since the champion, and what a retraining would cost."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from medseg_desktop.cli.output import JobPrinter, print_json, result_of, table, warn
from medseg_desktop.core.errors import JobError, MedSegError
from medseg_desktop.core.estimate import duration_text
from medseg_desktop.core.retraining import Retraining
from medseg_desktop.core.retraining_check import memory_warning
from medseg_desktop.core.retraining_cost import Cost, StepCost, cost_of
from medseg_desktop.core.settings import Settings
from medseg_desktop.core.training_news import UNDRAWN, Basis, SetNews, TrainingNews
from medseg_desktop.io.child_command import physical_cores
from medseg_desktop.io.dicom_series import require_series, scan
from medseg_desktop.io.memory import free_memory_bytes
from medseg_desktop.io.retraining_plan import Situation, look
from medseg_desktop.io.sources.source import open_source
from medseg_desktop.io.step_costs import StepCosts, cost_of_result, measuring
from medseg_desktop.io.store.annotation_store import AnnotationStore
from medseg_desktop.io.training_news import Reviewed
from medseg_desktop.io.workspace import Workspace
from medseg_desktop.jobs.run import run_job

_ROWS = {
    "patients": "new patients",
    "slices": "new slices",
    "corrected_slices": "corrected slices",
    "gone_slices": "slices no longer there",
    "shapes": "new shapes",
    "corrected_shapes": "corrected shapes",
    "removed_shapes": "removed shapes",
}


def check(
    workspace: Workspace, asked: Retraining, settings: Settings, arguments: argparse.Namespace
) -> int:
    """Print it; 0 where a retraining may begin."""
    situation = _situation(workspace, asked)
    cost = None
    if not situation.problems:
        cost = _cost(workspace, situation, settings, arguments.interpreter)
    if arguments.json:
        print_json(_json(situation, cost))
        return 1 if situation.problems else 0
    print("\n".join(_sentences(situation, cost)))
    memory = memory_warning(cost.memory_bytes, free_memory_bytes()) if cost else None
    said = [*situation.warnings, *([memory] if memory else [])]
    warn([f"{w.message} {w.cure}".strip() for w in said])
    if situation.problems:
        first = situation.problems[0]
        raise JobError(first.message, first.cure)
    return 0


def _situation(workspace: Workspace, asked: Retraining) -> Situation:
    with open_source([Path(path) for path in asked.source]) as opened:
        found = scan(
            opened,
            salt=workspace.salt(),
            patient_key=asked.patient_key,
            store=AnnotationStore(workspace.annotations),
        )
        require_series(found)
        return look(workspace, Reviewed.of_scan(found, workspace), asked.options)


def _cost(
    workspace: Workspace, situation: Situation, settings: Settings, interpreter: str | None
) -> Cost:
    """From a measurement: the stored one, or a new one."""
    interpreter = interpreter or settings.training_interpreter
    costs = StepCosts(workspace, settings.threads, interpreter)
    measured = costs.find(situation.train)
    if measured is None:
        measured = _measured(situation, settings, interpreter)
        if measured is not None:
            costs.keep(situation.train, measured)
    return cost_of(situation.workload, settings.threads or physical_cores(), measured)


def _measured(situation: Situation, settings: Settings, interpreter: str | None) -> StepCost | None:
    with measuring(situation.train) as spec:
        state = run_job(
            spec,
            interpreter=interpreter or None,
            threads=settings.threads,
            on_event=JobPrinter().on_event,
        )
    try:
        return cost_of_result(result_of(state))
    except MedSegError as error:
        warn([f"Nothing could be measured: {error}"])
        return None


def _sentences(situation: Situation, cost: Cost | None) -> Iterator[str]:
    news, champion = situation.news, situation.facts.champion
    if news.basis is Basis.DATASET:
        yield f"New since {champion}:"
    elif news.basis is Basis.PATIENTS:
        yield f"The dataset of {champion} is gone, so only new patients are known:"
    elif situation.champion is None:
        yield "Everything is new" + ("; this is the first model." if not champion else ":")
    else:
        yield f"Everything is new: {champion} was not trained in this workspace."
    yield _table(news) if news.total else "nothing"
    if cost is not None:
        how = "measured" if cost.is_measured else "roughly estimated"
        if cost.is_disturbed:
            how = "measured while other programs kept the processor busy"
        memory = f"{cost.memory_bytes / 1e9:.1f} GB"
        yield f"Cost: about {duration_text(cost.total_s)}, {memory} of memory ({how})."


def _table(news: TrainingNews) -> str:
    names = [n for n in (UNDRAWN, "train", "val", "test", "incoming") if n in news.sets]
    rows = [
        (_ROWS[f.name], *(str(getattr(news.of(name), f.name)) for name in names))
        for f in fields(SetNews)
        if getattr(news.total, f.name)
    ]
    return table(rows, ("", *(name or "all" for name in names)))


def _json(situation: Situation, cost: Cost | None) -> dict[str, Any]:
    news = situation.news

    def row(found: SetNews) -> dict[str, int]:
        return {f.name: getattr(found, f.name) for f in fields(SetNews)}

    return {
        "may_start": not situation.problems,
        "champion": situation.facts.champion or None,
        "basis": news.basis.value,
        "news": {name or "all": row(found) for name, found in news.sets.items()},
        "reviewed": {
            name or "all": {
                "patients": size.patients,
                "slices": size.slices,
                "slices_with_lesion": size.slices_with_lesion,
            }
            for name, size in news.sizes.items()
        },
        "absent_patients": news.absent_patients,
        "init": situation.plan.init,
        "iterations": situation.train.iterations,
        "size": situation.plan.size,
        "problems": [{"message": p.message, "cure": p.cure} for p in situation.problems],
        "warnings": [{"message": w.message, "cure": w.cure} for w in situation.warnings],
        "cost": None
        if cost is None
        else {
            "total_s": round(cost.total_s, 1),
            "stages_s": {stage.value: round(s, 1) for stage, s in cost.stages.items()},
            "memory_bytes": cost.memory_bytes,
            "is_measured": cost.is_measured,
        },
    }

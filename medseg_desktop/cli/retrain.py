"""`retrain`: one chain from the annotations to a candidate beside the champion."""

from __future__ import annotations

import argparse
from typing import Any

import msgspec

from medseg_desktop.cli.console import count
from medseg_desktop.cli.context import existing, sources, workspace_of
from medseg_desktop.cli.output import JobPrinter, ProgressLine, print_json, warn
from medseg_desktop.cli.retrain_check import check
from medseg_desktop.core.errors import Cancelled, JobError, ModelError, UsageError
from medseg_desktop.core.evaluation.measures import DICE, Verdict
from medseg_desktop.core.evaluation.result import Estimate
from medseg_desktop.core.retraining.outcome import RetrainOutcome
from medseg_desktop.core.retraining.state import Progress, Retraining, RetrainOptions, Stage
from medseg_desktop.core.run_state import RunState
from medseg_desktop.core.settings import Settings
from medseg_desktop.io.model_package import check_model_name
from medseg_desktop.io.settings_file import load_settings, user_name
from medseg_desktop.io.workspace import Workspace
from medseg_desktop.jobs.chain import Chain, Job, outcome, run_chain
from medseg_desktop.jobs.run import run_job

_STAGES = {
    Stage.CHECK: "1. Checking what is reviewed",
    Stage.CONVERT: "2. Converting the reviewed slices",
    Stage.TRAIN: "3. Training",
    Stage.EVALUATE: "4. Comparing on the test patients",
}
_SENTENCES = {
    Verdict.BETTER: "On the test patients it is better than {champion}.",
    Verdict.WORSE: "On the test patients it is worse than {champion}.",
    Verdict.NO_DIFFERENCE: "On the test patients there is no clear difference to {champion}.",
    Verdict.TOO_FEW: "There are too few test patients to tell it from {champion}.",
}


class ConsoleContext:
    """What is done in this process tells its progress on the console."""

    def __init__(self) -> None:
        self._line = ProgressLine()

    def progress(self, phase: str, done: int, total: int) -> None:
        self._line.show(f"{phase} {done} of {total}" if total else phase)

    def log(self, message: str) -> None:
        self._line.line(message)

    def check(self) -> None:
        """Ctrl-C ends it by itself."""


def run(arguments: argparse.Namespace) -> int:
    workspace, settings = workspace_of(arguments), load_settings()
    if arguments.resume is not None:
        if arguments.source or arguments.check:
            raise UsageError("--resume goes on with the source that the retraining was begun with.")
        run_folder = existing(arguments.resume)
        chain = Chain.reopen(workspace, run_folder, threads=settings.threads)
    elif not arguments.source:
        raise UsageError("Name the folder to retrain on, or --resume a retraining.")
    else:
        asked = _asked(arguments)
        if arguments.check:
            return check(workspace, asked, settings, arguments)
        chain = Chain.begin(workspace, asked, threads=settings.threads)
    interpreter = arguments.interpreter or settings.training_interpreter or None
    retraining = _drive(chain, settings, interpreter)
    _require_done(chain, retraining)
    return _tell(workspace, chain, retraining, arguments.json)


def _asked(arguments: argparse.Namespace) -> Retraining:
    if arguments.name:
        try:  # the model gets its name when all the work is done
            check_model_name(arguments.name)
        except ModelError as error:
            raise UsageError(error.message, error.hint) from error
    options = RetrainOptions(
        name=arguments.name,
        iterations=arguments.iters or 0,
        size=arguments.size or 0,
        batch_size=arguments.batch_size or 0,
        device=arguments.device,
        seed=arguments.seed,
        start="starter" if arguments.from_starter else "auto",
        skip_broken=arguments.skip_broken,
    )
    return Retraining(
        source=tuple(str(path) for path in sources(arguments.source)),
        patient_key=arguments.patient_key,
        options=options,
        by=arguments.by or user_name(),
    )


def _drive(chain: Chain, settings: Settings, interpreter: str | None) -> Retraining:
    shown: list[Stage] = []

    def show(retraining: Retraining) -> None:
        if retraining.stage is Stage.TRAIN and retraining.stage not in shown:
            warn(list(retraining.notes))
        if retraining.is_under_way and retraining.stage not in shown:
            shown.append(retraining.stage)
            context.log(f"{_STAGES[retraining.stage]} ...")

    def run_one(job: Job) -> RunState:
        is_training = job.work_dir is not None
        return run_job(
            job.spec,
            work_dir=job.work_dir,
            interpreter=interpreter if is_training else None,
            threads=settings.threads if is_training else 0,
            on_event=JobPrinter().on_event,
        )

    context = ConsoleContext()
    try:
        return run_chain(chain, context, run_one, show)
    except KeyboardInterrupt:
        chain.stop()
        return chain.retraining
    finally:
        chain.close()


def _require_done(chain: Chain, retraining: Retraining) -> None:
    """Say how to go on with one that is not done.

    Raises:
        JobError: it failed.
        Cancelled: it was stopped.
    """
    if retraining.is_done:
        return
    again = ""
    if retraining.stage is not Stage.CHECK:
        again = f"Go on with: medseg-desktop retrain --resume {chain.run}"
    if retraining.progress is Progress.FAILED:
        raise JobError(retraining.message, f"{retraining.hint} {again}".strip())
    if again:
        warn([again])
    raise Cancelled


def _tell(workspace: Workspace, chain: Chain, retraining: Retraining, as_json: bool) -> int:
    found = outcome(workspace, retraining)
    if as_json:
        print_json(_json(workspace, chain, retraining, found))
        return 0
    print(f"The candidate is {retraining.candidate}.")
    print(outcome_text(found))
    if not retraining.not_compared and retraining.plan is not None:
        print(f"More in {workspace.evaluations / retraining.plan.evaluation}")
    return 0


def outcome_text(found: RetrainOutcome) -> str:
    """The outcome in a few sentences."""
    if found.verdict is Verdict.NOT_COMPARED:
        text = " ".join(found.reasons)
        if found.dice is not None:
            text = f"{text} {_dice_text(found.dice)}".strip()
        return text
    lines = [_SENTENCES[found.verdict].format(champion=found.champion)]
    if found.difference is not None and found.difference.mean is not None:
        n = count(found.difference.n, "patient")
        lines.append(
            f"Difference of the Dice: {DICE.estimate(found.difference, signed=True)}, {n}."
        )
    counts = found.changes
    lines.append(
        f"Lesions: {counts.gained} gained, {counts.lost} lost; false ones: "
        f"{counts.new_false} new, {counts.gone_false} gone."
    )
    return "\n".join(lines)


def _dice_text(dice: Estimate) -> str:
    if dice.mean is None:
        return "No test patient has a lesion, so there is no Dice."
    return f"Mean Dice {DICE.number(dice.mean)} over {count(dice.n, 'test patient')}."


def _json(
    workspace: Workspace, chain: Chain, retraining: Retraining, found: RetrainOutcome
) -> dict[str, Any]:
    plan = retraining.plan
    assert plan is not None
    evaluation = workspace.evaluations / plan.evaluation
    return {
        "run": str(chain.run),
        "dataset": str(workspace.datasets / plan.dataset),
        "slices": retraining.slices,
        "warnings": list(retraining.notes),
        "init": plan.init,
        "champion": plan.champion or None,
        "candidate": retraining.candidate,
        "model": str(workspace.models / retraining.candidate),
        "evaluation": None if retraining.not_compared else str(evaluation),
        "verdict": found.verdict.value,
        "dice": msgspec.to_builtins(found.dice),
        "difference": msgspec.to_builtins(found.difference),
        **found.changes._asdict(),
        "reasons": list(found.reasons),
    }

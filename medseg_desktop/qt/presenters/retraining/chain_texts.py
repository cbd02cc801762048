"""A retraining and what came of it, in the words of the Train tab."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec
from PySide6.QtCore import QCoreApplication

from medseg_desktop.core.estimate import duration_text
from medseg_desktop.core.evaluation.measures import DICE, Verdict
from medseg_desktop.core.evaluation.result import Fate
from medseg_desktop.core.retraining.cost import Cost, remaining_s
from medseg_desktop.core.retraining.outcome import RetrainOutcome
from medseg_desktop.core.retraining.state import Mark, Progress, Retraining, Stage
from medseg_desktop.core.run_facts import run_facts
from medseg_desktop.core.run_state import RunState, RunStatus
from medseg_desktop.qt.panels.evaluation.texts import fate_title
from medseg_desktop.qt.panels.retraining.view import ChainView, Outcome, StageRow
from medseg_desktop.qt.panels.when_text import moment_text

_MOST_NOTES = 4
_WORK = (Stage.CHECK, Stage.CONVERT, Stage.TRAIN, Stage.EVALUATE)


def tr(text: str) -> str:
    return QCoreApplication.translate("Retraining", text)


def running_view(
    retraining: Retraining,
    job: RunState | None,
    cost: Cost | None,
    *,
    iterations: int = 0,
    elapsed_s: float = 0.0,
    is_stopping: bool = False,
    notes: Sequence[str] = (),
) -> ChainView:
    """One that is under way.

    Args:
        job: of the present stage.
        cost: what was estimated before; None for one that goes on after a start.
        iterations: of its training, 0 where unknown.
        elapsed_s: how long the present stage has been going on.
        notes: what the conversion has said of the data.
    """
    stage_left_s = _stage_left_s(retraining.stage, job, iterations)
    left = ""
    if cost is not None and not is_stopping:
        seconds = remaining_s(cost, retraining, stage_left_s, elapsed_s)
        left = tr("About {time} left").format(time=duration_text(seconds))
    rows = tuple(_rows(retraining, job, cost, stage_left_s, iterations))
    return ChainView(
        tr("Training the first model") if _is_first(retraining) else tr("Retraining"),
        rows,
        left=left,
        message="\n".join(notes),
        can_stop=True,
        is_stopping=is_stopping,
    )


def _is_first(retraining: Retraining) -> bool:
    """There was no champion when it was checked; before that nobody can tell."""
    return retraining.plan is not None and not retraining.plan.champion


def _past_title(retraining: Retraining) -> str:
    first, other = tr("Training of {day}"), tr("Retraining of {day}")
    return (first if _is_first(retraining) else other).format(day=moment_text(retraining.begun))


def halted_view(retraining: Retraining, was_ended: bool = False) -> ChainView:
    """One that was stopped, has failed, or (`was_ended`) was ended with the program."""
    title = _past_title(retraining)
    is_failed = retraining.progress is Progress.FAILED
    if is_failed:
        message, hint = retraining.message, retraining.hint
    else:
        message = tr("It was stopped.")
        if was_ended:
            message = tr("It was under way when the program ended.")
        hint = tr("What is finished stays; Continue goes on from there.")
    shown = retraining.stopped() if was_ended else retraining
    may_go_on = retraining.stage is not Stage.CHECK or was_ended
    return ChainView(
        title,
        tuple(_rows(shown, None, None, None, 0)) if may_go_on else (),
        message=message,
        hint=hint,
        is_failed=is_failed,
        can_continue=may_go_on,
        can_discard=True,
    )


def done_view(
    retraining: Retraining, outcome: RetrainOutcome, notes: Sequence[str] = ()
) -> ChainView:
    """One that is done; `notes` as of `running_view`."""
    return ChainView(
        _past_title(retraining),
        message="\n".join(notes),
        can_discard=True,
        outcome=outcome_view(outcome),
    )


def told_notes(retraining: Retraining, hides: Callable[[str], bool]) -> tuple[str, ...]:
    """What the conversion has said of the data, the first few; `hides` tells which sentences name
    a patient that is hidden."""
    shown = [note for note in retraining.notes if not hides(note)]
    told = shown[:_MOST_NOTES]
    if len(shown) > len(told):
        told.append(tr("and {n} more notes").format(n=len(shown) - len(told)))
    if hidden := len(retraining.notes) - len(shown):
        told.append(tr("Notes, hidden with the patient: {n}").format(n=hidden))
    return tuple(told)


def without_names(retraining: Retraining, hides: Callable[[str], bool]) -> Retraining:
    """Why it failed, unless that names a patient that is hidden."""
    if not hides(f"{retraining.message} {retraining.hint}"):
        return retraining
    if not retraining.message:
        return retraining
    text = tr("Why it failed is hidden with the patient; show the patient (Ctrl+H) to read it.")
    return msgspec.structs.replace(retraining, message=text, hint="")


def outcome_view(found: RetrainOutcome) -> Outcome:
    """What came of it; a candidate is never used by itself."""
    text, icon, token = _VERDICTS[found.verdict]
    if found.verdict is Verdict.NOT_COMPARED and found.champion:
        text = _NOT_COMPARED
    stays = (
        tr("{champion} stays in use until somebody promotes the candidate.")
        if found.champion
        else tr("It is a candidate until somebody promotes it.")
    )
    return Outcome(
        tr(text).format(candidate=found.candidate, champion=found.champion),
        icon,
        token,
        figures=tuple(_figures(found)),
        remarks=(*found.reasons, stays.format(champion=found.champion)),
        has_evaluation=found.dice is not None,
        has_champion=bool(found.champion),
    )


_VERDICTS = {
    Verdict.BETTER: ("{candidate} is better than {champion}.", "success", "good"),
    Verdict.WORSE: ("{candidate} is worse than {champion}.", "warning", "bad"),
    Verdict.NO_DIFFERENCE: (
        "There is no clear difference between {candidate} and {champion}.", "info", "accent",
    ),
    Verdict.TOO_FEW: (
        "There are too few test patients to tell {candidate} from {champion}.", "info", "accent",
    ),
    Verdict.NOT_COMPARED: ("{candidate} is ready.", "success", "good"),
}  # fmt: skip
_NOT_COMPARED = "{candidate} is ready, but cannot be compared with {champion}."


def _figures(found: RetrainOutcome) -> Iterator[tuple[str, str]]:
    change, dice = found.difference, found.dice
    is_compared = found.verdict is not Verdict.NOT_COMPARED
    if is_compared and change is not None and change.mean is not None:
        yield tr("Dice difference"), DICE.value(change.mean, signed=True)
        if interval := DICE.interval(change, signed=True):
            yield tr("95 % interval"), interval
    if dice is not None and dice.mean is not None:
        yield tr("Dice"), DICE.value(dice.mean)
        yield tr("Test patients"), str(dice.n)
    if not is_compared:
        return
    # The same words in the same order as where the lesions are listed.
    yield fate_title(Fate.LOST), str(found.changes.lost)
    yield fate_title(Fate.GAINED), str(found.changes.gained)
    yield fate_title(Fate.NEW_FALSE), str(found.changes.new_false)
    yield fate_title(Fate.GONE_FALSE), str(found.changes.gone_false)


def _rows(
    retraining: Retraining,
    job: RunState | None,
    cost: Cost | None,
    left_s: float | None,
    iterations: int,
) -> Iterator[StageRow]:
    names = {
        Stage.CHECK: tr("Check"),
        Stage.CONVERT: tr("Convert slices"),
        Stage.TRAIN: tr("Train"),
        Stage.EVALUATE: tr("Compare on test patients"),
    }
    if _is_first(retraining):
        names[Stage.EVALUATE] = tr("Evaluate on test patients")
    for stage in _WORK:
        mark = retraining.mark(stage)
        note = detail = ""
        done = total = 0
        if mark is Mark.WAITING and cost is not None:
            note = duration_text(cost.stages.get(stage, 0.0))
        elif mark is Mark.RUNNING:
            if left_s is not None:
                note = tr("{time} left").format(time=duration_text(left_s))
            detail, done, total = _detail(stage, job, iterations)
        yield StageRow(stage, names[stage], mark, note, detail, done, total)


def _detail(stage: Stage, job: RunState | None, iterations: int) -> tuple[str, int, int]:
    if job is None or job.status is RunStatus.STARTING or not job.phase:
        return tr("Starting"), 0, 0
    if stage is Stage.TRAIN and job.steps:
        step = job.steps[-1].iteration
        return (
            tr("{done} of {total} iterations").format(**_counts(step, iterations)),
            step,
            iterations,
        )
    names = {
        "list": tr("Reading the folder"),
        "scan": tr("Reading the folder"),
        "unpack": tr("Unpacking the archive"),
        "wait": tr("Waiting for the last run to end"),
        "check": tr("Checking the slices"),
        "convert": tr("{done} of {total} slices"),
        "evaluate": tr("{done} of {total} slices"),
        "prepare": tr("Reading the dataset"),
        "load": tr("Reading the dataset"),
    }
    text = names.get(job.phase, tr("Working"))
    return text.format(**_counts(job.done, job.total)), job.done, job.total


def _counts(done: int, total: int) -> dict[str, str]:
    """As wide at its beginning as at its end, so that the line does not shift."""
    width = len(f"{total:,}")
    return {"done": f"{done:,}".rjust(width, "\u2007"), "total": f"{total:,}"}


def _stage_left_s(stage: Stage, job: RunState | None, iterations: int) -> float | None:
    if job is None or job.is_over:
        return None
    if stage is Stage.TRAIN:
        return run_facts(job, iterations).remaining_s if job.steps else None
    return job.remaining_s

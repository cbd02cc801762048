"""What the measures and outcomes of an evaluation are called in the window."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from medseg_desktop.core.evaluation import text as evaluation_text
from medseg_desktop.core.evaluation.measures import DICE, Verdict
from medseg_desktop.core.evaluation.result import (
    ChangeCounts,
    Estimate,
    EvaluationRecord,
    Fate,
    ModelComparison,
)
from medseg_desktop.core.run_state import RunState, RunStatus
from medseg_desktop.qt.panels.when_text import minute_text


def _tr(text: str) -> str:
    return QCoreApplication.translate("Evaluation", text)


def measure_name(key: str) -> str:
    """The name of a measure of `core.evaluation.measures`."""
    names = {
        "foreground_dice": _tr("Dice"),
        "sensitivity": _tr("Lesions found"),
        "false_lesions": _tr("False lesions per patient"),
        "hd95_mm": _tr("HD95"),
        "volume_difference_ml": _tr("Volume difference"),
        "absolute_volume_difference_ml": _tr("Volume difference, absolute"),
        "false_positive_ml": _tr("False-positive volume"),
    }
    return names[key]


def measure_tip(key: str) -> str:
    """What a measure is."""
    tips = {
        "foreground_dice": _tr("Overlap with the annotation: 1 is equal, 0 is nothing in common"),
        "sensitivity": _tr("Share of a patient's lesions of which the model sees something"),
        "false_lesions": _tr("Lesions of the model that touch none of the annotation"),
        "hd95_mm": _tr("95th percentile of the distance between the two surfaces"),
        "volume_difference_ml": _tr("Predicted minus annotated volume"),
        "absolute_volume_difference_ml": _tr("Predicted and annotated volume, without the sign"),
        "false_positive_ml": _tr("Predicted volume, of patients whose annotation has no lesion"),
    }
    return tips[key]


def verdict_text(verdict: Verdict) -> str:
    """Whether the candidate is better, in words."""
    words = {
        Verdict.BETTER: _tr("better"),
        Verdict.WORSE: _tr("worse"),
        Verdict.NO_DIFFERENCE: _tr("no clear difference"),
        Verdict.TOO_FEW: _tr("too few patients"),
        Verdict.NOT_COMPARED: _tr("not comparable"),
    }
    return words[verdict]


def fate_title(fate: Fate) -> str:
    """The heading of a group of lesions."""
    titles = {
        Fate.LOST: _tr("Lesions lost"),
        Fate.GAINED: _tr("Lesions gained"),
        Fate.NEW_FALSE: _tr("New false lesions"),
        Fate.GONE_FALSE: _tr("False lesions gone"),
        Fate.MISSED: _tr("Missed lesions"),
        Fate.FALSE: _tr("False lesions"),
    }
    return titles[fate]


def fate_tip(fate: Fate) -> str:
    """What a group of lesions is."""
    tips = {
        Fate.LOST: _tr("Annotated lesions that the champion finds and the candidate misses"),
        Fate.GAINED: _tr("Annotated lesions that the candidate finds and the champion misses"),
        Fate.NEW_FALSE: _tr("Seen only by the candidate, where nothing is annotated"),
        Fate.GONE_FALSE: _tr("Seen only by the champion, where nothing is annotated"),
        Fate.MISSED: _tr("Annotated lesions of which the model sees nothing"),
        Fate.FALSE: _tr("Seen by the model, where nothing is annotated"),
    }
    return tips[fate]


def change_counts(counts: ChangeCounts) -> str:
    """E.g. "2 lesions lost, 1 gained; 1 new false lesion, 0 gone"."""
    lost, gained, new, gone = counts
    first = _tr("1 lesion lost") if lost == 1 else _tr("{n} lesions lost").format(n=lost)
    third = _tr("1 new false lesion") if new == 1 else _tr("{n} new false lesions").format(n=new)
    text = _tr("{lost}, {gained} gained; {new}, {gone} gone")
    return text.format(lost=first, gained=gained, new=third, gone=gone)


def patients_text(n: int) -> str:
    """E.g. "5 patients"."""
    return _tr("1 patient") if n == 1 else _tr("{n} patients").format(n=n)


def dice_text(dice: Estimate) -> str:
    """E.g. "0.812 (0.753 to 0.861), 5 patients"."""
    return f"{DICE.estimate(dice)}, {patients_text(dice.n)}"


def subset_text(subset: str) -> str:
    """Which patients an evaluation was about."""
    names = {
        "test": _tr("Test patients"),
        "val": _tr("Validation patients"),
        "train": _tr("Training patients"),
        "all": _tr("All reviewed patients"),
    }
    return names.get(subset, subset)


def about_text(record: EvaluationRecord) -> str:
    """Who was evaluated, and when."""
    patients = patients_text(len(record.candidate.cases))
    parts = (subset_text(record.subset), patients, minute_text(record.created))
    return " · ".join(part for part in parts if part)


def unfair_lines(comparison: ModelComparison) -> tuple[str, ...]:
    """Why two models cannot be compared fairly, a line a reason; none where they can."""
    if comparison.is_comparable:
        return ()
    first, *others = comparison.reasons
    return (f"{_tr('These two cannot be compared fairly.')} {first}", *others)


def volume_text(volume_ml: float | None, pixels: int) -> str:
    """In ml; in pixels where the volume of one is unknown."""
    if volume_ml is None:
        return _tr("{n} pixels").format(n=f"{pixels:,}")
    return evaluation_text.volume_text(volume_ml)


def progress_text(run: RunState, model: str) -> str:
    """Where an evaluation stands."""
    if run.status is RunStatus.STOPPING:
        return _tr("Stopping the evaluation of {name}").format(name=model)
    if run.phase == "evaluate" and run.total:
        text = _tr("Evaluating {name}: {done} of {total} slices")
        return text.format(name=model, done=f"{run.done:,}", total=f"{run.total:,}")
    phases = {
        "list": _tr("Reading the folder"),
        "scan": _tr("Reading the folder"),
        "unpack": _tr("Unpacking the archive"),
    }
    phase = phases.get(run.phase)
    text = _tr("Evaluating {name}").format(name=model)
    return f"{text}: {phase}" if phase else text

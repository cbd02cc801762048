"""The words and figures of an evaluation, as the console and the report show them."""

from __future__ import annotations

from medseg_desktop.core.evaluation.measures import DICE, NOTHING, Verdict, verdict
from medseg_desktop.core.evaluation.result import CaseResult, Estimate, ModelComparison, SizeBin
from medseg_desktop.core.finding import counted


def bin_title(size: SizeBin) -> str:
    """E.g. "below 0.1 ml", "1 to 10 ml", "10 ml or more"."""
    if size.high_ml is None:
        return f"{size.low_ml:g} ml or more"
    if size.low_ml == 0:
        return f"below {size.high_ml:g} ml"
    return f"{size.low_ml:g} to {size.high_ml:g} ml"


def found_text(case: CaseResult) -> str:
    """Lesions of a patient, e.g. "3 of 4"; a dash where there are none."""
    return f"{case.n_found} of {len(case.lesions)}" if case.lesions else NOTHING


def share_text(share: float) -> str:
    """E.g. "45 %"; a little is not told as nothing."""
    return "under 1 %" if 0 < share < 0.01 else f"{share:.0%}".replace("%", " %")


def volume_text(volume_ml: float) -> str:
    """The volume of a lesion, e.g. "1.23 ml"; small ones have a figure more."""
    return f"{volume_ml:.2f} ml" if volume_ml >= 0.1 else f"{volume_ml:.3f} ml"


def size_text(volume_ml: float | None, pixels: int) -> str:
    """The size of a lesion: "1.23 ml", or its pixels where the volume is unknown."""
    return f"{pixels} pixels" if volume_ml is None else volume_text(volume_ml)


def verdict_text(comparison: ModelComparison) -> str:
    """What a comparison comes to, in one or two sentences; it is withheld where it is unfair."""
    found = verdict(comparison)
    if found is Verdict.NOT_COMPARED:
        return "The two models cannot be compared fairly on these patients."
    ours, theirs = comparison.candidate, comparison.champion
    difference = comparison.differences.get(DICE.key, Estimate(mean=None))
    figures = f"{DICE.estimate(difference, signed=True)}, n = {difference.n}"
    if difference.mean is None:
        first = "No patient has a lesion, so there is no Dice to compare."
    elif found is Verdict.TOO_FEW:
        patients = counted(difference.n, "patient")
        first = f"{patients} with lesion: too few to tell whether {ours} or {theirs} is better."
    elif found is Verdict.NO_DIFFERENCE:
        first = f"No clear difference in Dice between {ours} and {theirs}: {figures}."
    else:
        how = f"agrees {found.value} with the annotations than {theirs}"
        first = f"{ours} {how}: Dice {figures}."
    return f"{first} {_changes(comparison)}"


def _changes(comparison: ModelComparison) -> str:
    gained, lost = len(comparison.gained), len(comparison.lost)
    if not gained and not lost:
        return "Both find the same lesions."
    return (
        f"{comparison.candidate} finds {counted(gained, 'lesion')} that {comparison.champion} "
        f"misses, and misses {lost} that it finds."
    )

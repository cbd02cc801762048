"""The words and figures of an evaluation, as the console and the report show them."""

from __future__ import annotations

from dataclasses import dataclass

from medseg_desktop.core.evaluation_result import CaseResult, Estimate, ModelComparison, SizeBin

NOTHING = "-"


@dataclass(frozen=True, slots=True)
class Measure:
    """How a measure is shown.

    Attributes:
        unit: "" for a plain number, "%" for a share.
        digits: after the point.
        better: 1 where more is better, -1 where less is, 0 where nearer to zero is.
    """

    title: str
    unit: str
    digits: int
    better: int

    @property
    def heading(self) -> str:
        """With its unit, e.g. "HD95, mm"."""
        return f"{self.title}, {self.unit}" if self.unit else self.title

    def value(self, value: float | None, *, signed: bool = False) -> str:
        """With its unit, e.g. "12.3 ml"."""
        number = self.number(value, signed=signed)
        return f"{number} {self.unit}" if self.unit and value is not None else number

    def number(self, value: float | None, *, signed: bool = False) -> str:
        """Without the unit; a dash for None."""
        if value is None:
            return NOTHING
        factor = 100 if self.unit == "%" else 1
        text = f"{value * factor:{'+' if signed else ''}.{self.digits}f}"
        return text.lstrip("+-") if float(text) == 0 else text  # no "-0.00"

    def estimate(self, found: Estimate, *, signed: bool = False) -> str:
        """E.g. "0.812 (0.743 to 0.871)" without unit; the mean alone where it has no interval."""
        text = self.number(found.mean, signed=signed)
        return text if found.low is None else f"{text} ({self.interval(found, signed=signed)})"

    def interval(self, found: Estimate, *, signed: bool = False) -> str:
        """E.g. "0.743 to 0.871"; a dash without one."""
        if found.low is None or found.high is None:
            return NOTHING
        low, high = (self.number(v, signed=signed) for v in (found.low, found.high))
        return f"{low} to {high}"


#: The measures of `EvaluationResult.summary` in the order in which they are shown.
MEASURES: dict[str, Measure] = {
    "foreground_dice": Measure("Dice", "", 3, 1),
    "sensitivity": Measure("Lesions found", "%", 0, 1),
    "false_lesions": Measure("False lesions per patient", "", 2, -1),
    "hd95_mm": Measure("HD95", "mm", 1, -1),
    "volume_difference_ml": Measure("Volume difference", "ml", 2, 0),
    "absolute_volume_difference_ml": Measure("Volume difference, absolute", "ml", 2, -1),
    "false_positive_ml": Measure("False-positive volume without lesion", "ml", 2, -1),
}


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


def size_text(volume_ml: float | None, pixels: int) -> str:
    """The size of a lesion: "1.23 ml", or its pixels where the volume is unknown."""
    if volume_ml is None:
        return f"{pixels} pixels"
    return f"{volume_ml:.2f} ml" if volume_ml >= 0.1 else f"{volume_ml:.3f} ml"


def verdict(comparison: ModelComparison) -> str:
    """What a comparison comes to, in one or two sentences; it is withheld where it is unfair."""
    if not comparison.is_comparable:
        return "The two models cannot be compared fairly on these patients."
    ours, theirs = comparison.candidate, comparison.champion
    difference = comparison.differences.get("foreground_dice", Estimate(mean=None))
    measure = MEASURES["foreground_dice"]
    if difference.mean is None:
        first = "No patient has a lesion, so there is no Dice to compare."
    elif difference.low is None or difference.high is None:
        patients = "1 patient" if difference.n == 1 else f"{difference.n} patients"
        first = f"{patients} with lesion: too few to tell whether {ours} or {theirs} is better."
    else:
        interval = f"{measure.estimate(difference, signed=True)}, n = {difference.n}"
        if difference.low > 0 or difference.high < 0:
            how = "better" if difference.low > 0 else "worse"
            first = f"{ours} agrees {how} with the annotations than {theirs}: Dice {interval}."
        else:
            first = f"No clear difference in Dice between {ours} and {theirs}: {interval}."
    return f"{first} {_changes(comparison)}"


def _changes(comparison: ModelComparison) -> str:
    gained, lost = len(comparison.gained), len(comparison.lost)
    if not gained and not lost:
        return "Both find the same lesions."
    return (
        f"{comparison.candidate} finds {gained} {_lesions(gained)} that {comparison.champion} "
        f"misses, and misses {lost} that it finds."
    )


def _lesions(number: int) -> str:
    return "lesion" if number == 1 else "lesions"

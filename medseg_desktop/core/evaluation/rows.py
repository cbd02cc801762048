"""An evaluation as rows of tables: patients side by side, lesions by what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from medseg_desktop.core.evaluation.result import (
    CHANGES,
    CaseResult,
    EvaluationRecord,
    Fate,
    LesionChange,
    LesionResult,
)


@dataclass(frozen=True, slots=True)
class CasePair:
    """A patient as both models see it; `champion` is None where only one was evaluated."""

    candidate: CaseResult
    champion: CaseResult | None = None

    @property
    def patient_hash(self) -> str:
        return self.candidate.patient_hash

    @property
    def dice_difference(self) -> float | None:
        """Candidate - champion; None where one of them has no Dice."""
        mine = self.candidate.foreground_dice
        other = self.champion.foreground_dice if self.champion else None
        return None if mine is None or other is None else mine - other


def case_pairs(record: EvaluationRecord) -> tuple[CasePair, ...]:
    """The patients, worst first: by what the candidate loses, or by the Dice of the only model;
    those without a Dice last."""
    other = record.champion
    champion = {case.patient_hash: case for case in other.cases} if other else {}
    pairs = [CasePair(case, champion.get(case.patient_hash)) for case in record.candidate.cases]

    def order(pair: CasePair) -> tuple[bool, float]:
        value = pair.dice_difference if champion else pair.candidate.foreground_dice
        return value is None, value or 0.0

    return tuple(sorted(pairs, key=order))


def lesion_groups(record: EvaluationRecord) -> dict[Fate, tuple[LesionChange, ...]]:
    """Lesions by their fate, each group with the largest first."""
    compared = record.comparison
    if compared is not None:
        groups = {fate: getattr(compared, fate) for fate in CHANGES}
    else:
        cases = record.candidate.cases
        groups = {
            Fate.MISSED: tuple(_of(c, x) for c in cases for x in c.lesions if not x.found),
            Fate.FALSE: tuple(_of(c, x) for c in cases for x in c.false_lesions),
        }
    return {fate: _largest_first(group) for fate, group in groups.items()}


def _of(case: CaseResult, lesion: LesionResult) -> LesionChange:
    return LesionChange(
        case=case.path,
        patient_hash=case.patient_hash,
        lesion=lesion,
        candidate=lesion.overlap,
        champion=0.0,
        picture=lesion.picture,
    )


def _largest_first(group: Sequence[LesionChange]) -> tuple[LesionChange, ...]:
    return tuple(sorted(group, key=lambda change: change.lesion.size_order, reverse=True))

"""Two models on the same patients: paired differences, lesions lost and gained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from medseg_desktop.core.evaluation.bootstrap import mean_estimate
from medseg_desktop.core.evaluation.measures import MEASURES
from medseg_desktop.core.evaluation.result import (
    CHANGES,
    CaseResult,
    EvaluationResult,
    Fate,
    LesionChange,
    LesionResult,
    ModelComparison,
)
from medseg_desktop.core.finding import counted, named

_Key = tuple[str, int, int]


def compare_evaluations(
    candidate: EvaluationResult, champion: EvaluationResult, reasons: Sequence[str] = ()
) -> ModelComparison:
    """A candidate beside the champion, patient by patient.

    Patients that a model has seen count in the differences like all others; the comparison is
    then not comparable, and says why.

    Args:
        candidate, champion: of the same slices, evaluated in one go, so that the lesions have the
            same numbers and false lesions know the other model's overlap.
        reasons: further sentences why the two cannot be compared fairly.
    """
    others = {case.patient_hash: case for case in champion.cases}
    pairs = [
        (case, others[case.patient_hash]) for case in candidate.cases if case.patient_hash in others
    ]
    changes = [case_changes(ours, theirs) for ours, theirs in pairs]
    sorted_changes = {
        kind: tuple(
            sorted(
                (change for found in changes for change in found[kind]),
                key=lambda change: change.lesion.size_order,
                reverse=True,
            )
        )
        for kind in CHANGES
    }
    return ModelComparison(
        candidate=candidate.model,
        champion=champion.model,
        reasons=(*_reasons(candidate, champion, len(pairs)), *reasons),
        differences={
            m.key: mean_estimate([_difference(m.value_of(c), m.value_of(d)) for c, d in pairs])
            for m in MEASURES
        },
        **sorted_changes,
    )


def case_changes(candidate: CaseResult, champion: CaseResult) -> dict[Fate, list[LesionChange]]:
    """The lesions of one patient that only one of two models has, by what became of them."""
    before = {_key(lesion): lesion for lesion in champion.lesions}
    changes: dict[Fate, list[LesionChange]] = {kind: [] for kind in CHANGES}

    def add(kind: Fate, lesion: LesionResult, ours: float, theirs: float) -> None:
        change = LesionChange(
            case=candidate.path,
            patient_hash=candidate.patient_hash,
            lesion=lesion,
            candidate=ours,
            champion=theirs,
        )
        changes[kind].append(change)

    for lesion in candidate.lesions:
        other = before.get(_key(lesion))
        if other is not None and other.found != lesion.found:
            kind, finder = (Fate.LOST, other) if other.found else (Fate.GAINED, lesion)
            add(kind, finder, lesion.overlap, other.overlap)
    # A false lesion is told whole by the model that has it, so it covers all of it.
    for lesion in candidate.false_lesions:
        if lesion.other_overlap == 0:
            add(Fate.NEW_FALSE, lesion, 1.0, 0.0)
    for lesion in champion.false_lesions:
        if lesion.other_overlap == 0:
            add(Fate.GONE_FALSE, lesion, 0.0, 1.0)
    return changes


def _key(lesion: LesionResult) -> _Key:
    return (lesion.series_uid, lesion.stack, lesion.number)


def _difference(ours: float | None, theirs: float | None) -> float | None:
    return None if ours is None or theirs is None else ours - theirs


def _reasons(
    candidate: EvaluationResult, champion: EvaluationResult, n_pairs: int
) -> Iterator[str]:
    if not len(candidate.cases) == len(champion.cases) == n_pairs:
        yield "The two models were not evaluated on the same patients."
    for result in (candidate, champion):
        seen = [case.patient_hash for case in result.cases if case.seen]
        if seen:
            yield seen_sentence(result.model, seen, len(result.cases))
        elif any(case.seen is None for case in result.cases):
            yield unknown_sentence(result.model)


def seen_sentence(model: str, seen: Sequence[str], n_patients: int) -> str:
    """Who of the evaluated patients is known to a model, by their hashes; of many the first."""
    verb = "was" if len(seen) == 1 else "were"
    who = f"{len(seen)} of {counted(n_patients, 'patient')}"
    return f"{who} {verb} used to train {model}: {named(seen, most=5)}."


def unknown_sentence(model: str) -> str:
    """A model that cannot say whom it has seen."""
    return (
        f"It cannot be told whether {model} was trained on these patients, because it, or a model "
        "it comes from, was made elsewhere."
    )

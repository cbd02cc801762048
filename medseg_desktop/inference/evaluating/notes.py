"""What a reader has to know of the figures of an evaluation; no sentence names a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from medseg_desktop.core.evaluation.comparison import seen_sentence, unknown_sentence
from medseg_desktop.core.evaluation.result import CaseResult
from medseg_desktop.core.evaluation.summary import unsized_lesions
from medseg_desktop.core.specs import EvaluateSpec
from medseg_desktop.io.model_package import ModelInfo


def model_notes(info: ModelInfo, cases: Sequence[CaseResult], spec: EvaluateSpec) -> Iterator[str]:
    """Sentences on one model: whom it has seen, what could not be measured or listed."""
    seen = [case.patient_hash for case in cases if case.seen]
    if seen and spec.subset in ("test", "all"):
        yield seen_sentence(info.title, seen, len(cases))
    elif any(case.seen is None for case in cases):
        yield unknown_sentence(info.title)
    if unsized := unsized_lesions(cases):
        yield (
            f"The volume of {unsized} {'lesion' if unsized == 1 else 'lesions'} is unknown, so "
            "the counts by size leave them out."
        )
    listed = sum(len(case.false_lesions) for case in cases)
    total = sum(case.n_false_lesions for case in cases)
    if total > listed:
        yield (
            f"{info.title} has {total} false lesions; {listed} of them, the largest of each "
            "patient, are listed."
        )

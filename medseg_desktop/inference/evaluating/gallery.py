"""The lesions that an evaluation shows: missed, false, lost and gained ones, the largest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from medseg_desktop.core.evaluation.comparison import case_changes
from medseg_desktop.core.evaluation.result import (
    CHANGES,
    CaseResult,
    EvaluationResult,
    Fate,
    LesionChange,
    LesionResult,
    ModelComparison,
)
from medseg_desktop.io.evaluation.folder import MOST_PICTURES, PICTURES

Picture = npt.NDArray[np.uint8]
#: What identifies a finding: its list, the patient, and the lesion in the patient's series.
FindingKey = tuple[Fate, str, str, int, int]
#: Which model sees the lesions of a list; the others are lesions of the annotation.
_SEEN_BY = {Fate.FALSE: 0, Fate.NEW_FALSE: 0, Fate.GONE_FALSE: 1}


def findings(cases: Sequence[CaseResult]) -> dict[Fate, list[LesionResult]]:
    """The lists of one patient: of one model what it misses and invents, of two what became of
    the lesions between them."""
    if len(cases) == 1:
        missed = [lesion for lesion in cases[0].lesions if not lesion.found]
        return {Fate.MISSED: missed, Fate.FALSE: list(cases[0].false_lesions)}
    changes = case_changes(cases[0], cases[1])
    return {kind: [change.lesion for change in changes[kind]] for kind in CHANGES}


class Gallery:
    """The pictures of the largest lesions of each list so far; the others are let go."""

    def __init__(self) -> None:
        self._kept: dict[Fate, list[tuple[tuple[float, int], FindingKey, Picture]]] = {}

    def offer(
        self, cases: Sequence[CaseResult], draw: Callable[[LesionResult, int | None], Picture]
    ) -> None:
        """The findings of one patient, drawn only if they are among the largest so far.

        Args:
            cases: of one model, or of two.
            draw: a lesion of a model, or with None one of the annotation.
        """
        for kind, lesions in findings(cases).items():
            kept = self._kept.setdefault(kind, [])
            for lesion in sorted(lesions, key=_size, reverse=True)[:MOST_PICTURES]:
                size = _size(lesion)
                if len(kept) >= MOST_PICTURES and size <= kept[-1][0]:
                    break
                key = _key(kind, cases[0].patient_hash, lesion)
                kept.append((size, key, draw(lesion, _SEEN_BY.get(kind))))
                kept.sort(key=lambda row: row[0], reverse=True)
                del kept[MOST_PICTURES:]

    def pictures(self) -> dict[str, Picture]:
        """Path in the folder of the evaluation, with "/" -> RGB."""
        return {name: picture for _, name, picture in self._files()}

    def named(self, result: EvaluationResult) -> EvaluationResult:
        """A model's result with the names of the pictures of what it misses and invents."""
        names = {key: name for key, name, _ in self._files()}
        cases = tuple(
            msgspec.structs.replace(
                case,
                lesions=_named(case.lesions, Fate.MISSED, case.patient_hash, names),
                false_lesions=_named(case.false_lesions, Fate.FALSE, case.patient_hash, names),
            )
            for case in result.cases
        )
        return msgspec.structs.replace(result, cases=cases)

    def named_changes(self, comparison: ModelComparison) -> ModelComparison:
        """A comparison with the names of the pictures."""
        names = {key: name for key, name, _ in self._files()}

        def with_name(kind: Fate, change: LesionChange) -> LesionChange:
            name = names.get(_key(kind, change.patient_hash, change.lesion), "")
            return msgspec.structs.replace(change, picture=name)

        lists = {
            kind: tuple(with_name(kind, change) for change in getattr(comparison, kind))
            for kind in CHANGES
        }
        return msgspec.structs.replace(comparison, **lists)

    def _files(self) -> list[tuple[FindingKey, str, Picture]]:
        return [
            (key, f"{PICTURES}/{kind.replace('_', '-')}-{place:02d}.png", picture)
            for kind, kept in self._kept.items()
            for place, (_, key, picture) in enumerate(kept, 1)
        ]


def _size(lesion: LesionResult) -> tuple[float, int]:
    return lesion.size_order


def _key(kind: Fate, patient_hash: str, lesion: LesionResult) -> FindingKey:
    return (kind, patient_hash, lesion.series_uid, lesion.stack, lesion.number)


def _named(
    lesions: Sequence[LesionResult], kind: Fate, patient_hash: str, names: Mapping[FindingKey, str]
) -> tuple[LesionResult, ...]:
    return tuple(
        msgspec.structs.replace(lesion, picture=names.get(_key(kind, patient_hash, lesion), ""))
        for lesion in lesions
    )

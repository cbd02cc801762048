"""The lists of lesions in the report of an evaluation, the largest first, with their pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medseg_desktop.core import html_parts as html
from medseg_desktop.core import lesion_picture as colors
from medseg_desktop.core.evaluation_result import (
    EvaluationRecord,
    EvaluationResult,
    LesionChange,
    LesionResult,
)
from medseg_desktop.core.evaluation_text import share_text, size_text
from medseg_desktop.core.lesion_matching import size_order
from medseg_desktop.io.report_pictures import data_uri

_Pictures = Mapping[str, npt.NDArray[np.uint8]]


@dataclass(frozen=True, slots=True)
class _Finding:
    patient_hash: str
    lesion: LesionResult
    picture: str
    more: str = ""


def finding_sections(record: EvaluationRecord, pictures: _Pictures) -> Iterator[str]:
    """A section for each list that is not empty; a sentence where all are."""
    lists = _of_two(record) if record.comparison is not None else _of_one(record.candidate)
    sections = [_section(*row, pictures) for row in lists]
    found = [markup for markup in sections if markup]
    if found:
        yield from found
        return
    text = (
        "Both models find the same lesions and have the same false lesions."
        if record.comparison is not None
        else "Every lesion is found, and there is no false one."
    )
    yield html.section("Lesions", html.paragraph(text))


def _of_one(result: EvaluationResult) -> Iterator[tuple[str, str, list[_Finding], int]]:
    missed = [
        _Finding(case.patient_hash, lesion, lesion.picture)
        for case in result.cases
        for lesion in case.lesions
        if not lesion.found
    ]
    wrong = [
        _Finding(case.patient_hash, lesion, lesion.picture)
        for case in result.cases
        for lesion in case.false_lesions
    ]
    panels = "Left the slice alone, right the same with outlines."
    total = sum(case.n_false_lesions for case in result.cases)
    yield "Missed lesions", panels, _sorted(missed), len(missed)
    yield "False lesions", panels, _sorted(wrong), total


def _of_two(record: EvaluationRecord) -> Iterator[tuple[str, str, list[_Finding], int]]:
    comparison = record.comparison
    assert comparison is not None
    panels = (
        f"From left to right: the slice alone, the candidate ({comparison.candidate}), the "
        f"champion ({comparison.champion})."
    )
    lists: Sequence[tuple[str, Sequence[LesionChange]]] = [
        ("Lost lesions: only the champion finds them", comparison.lost),
        ("Gained lesions: only the candidate finds them", comparison.gained),
        ("New false lesions: only the candidate has them", comparison.new_false),
        ("False lesions gone: only the champion has them", comparison.gone_false),
    ]
    for title, changes in lists:
        found = [
            _Finding(
                change.patient_hash,
                change.lesion,
                change.picture,
                f"overlap with the candidate {share_text(change.candidate)}, with the champion "
                f"{share_text(change.champion)}" if "false" not in title.lower() else "",
            )
            for change in changes
        ]  # fmt: skip
        yield title, panels, found, len(found)


def _sorted(found: list[_Finding]) -> list[_Finding]:
    return sorted(found, key=lambda finding: size_order(finding.lesion), reverse=True)


def _section(
    title: str, panels: str, found: Sequence[_Finding], total: int, pictures: _Pictures
) -> str:
    if not found:
        return ""
    shown = [finding for finding in found if finding.picture in pictures]
    figures = [_figure(place, finding, pictures) for place, finding in enumerate(shown, 1)]
    if len(shown) == total:
        which = "One lesion." if total == 1 else f"All {total}, the largest first."
    else:
        which = f"The {len(shown)} largest of {total}; the list is in lesions.csv."
    legend = html.legend(
        (name, f"rgb{color}")
        for name, color in (
            ("outline of the annotation", colors.MINE),
            ("outline of the model", colors.MODEL),
            ("only annotated", colors.ONLY_MINE),
            ("only predicted", colors.ONLY_MODEL),
        )
    )
    words = f"{which} {panels}" if shown else f"There are {total}; the list is in lesions.csv."
    return html.section(
        title,
        html.paragraph(words, "quiet"),
        legend if shown else "",
        html.grid("panels", figures),
    )


def _figure(place: int, finding: _Finding, pictures: _Pictures) -> str:
    lesion = finding.lesion
    size = size_text(lesion.volume_ml, lesion.pixels)
    title = f"{place}. {lesion.label}, {size}"
    slices = f"slice {lesion.shown_slice + 1}"
    if len(lesion.slices) > 1:
        slices += f" of {lesion.slices[0] + 1} to {lesion.slices[-1] + 1}"
    caption = ", ".join(
        part for part in (f"patient {finding.patient_hash}", slices, finding.more) if part
    )
    picture = html.picture(data_uri(pictures[finding.picture]), f"{title}, {caption}")
    return html.figure(title, picture, caption=caption)

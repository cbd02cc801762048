"""The lists of lesions in the report of an evaluation, the largest first, with their pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from medseg_desktop.core import html_parts as html
from medseg_desktop.core.evaluation import lesion_picture as colors
from medseg_desktop.core.evaluation.result import EvaluationRecord, Fate, LesionChange
from medseg_desktop.core.evaluation.rows import lesion_groups
from medseg_desktop.core.evaluation.text import share_text, size_text
from medseg_desktop.io.report_pictures import data_uri

_Pictures = Mapping[str, npt.NDArray[np.uint8]]


#: Titles of the lists of lesions.
_TITLES = {
    Fate.LOST: "Lost lesions: only the champion finds them",
    Fate.GAINED: "Gained lesions: only the candidate finds them",
    Fate.NEW_FALSE: "New false lesions: only the candidate has them",
    Fate.GONE_FALSE: "False lesions gone: only the champion has them",
    Fate.MISSED: "Missed lesions",
    Fate.FALSE: "False lesions",
}
#: Those of which both models may see a part.
_SHARED = (Fate.LOST, Fate.GAINED)


def finding_sections(record: EvaluationRecord, pictures: _Pictures) -> Iterator[str]:
    """A section for each list that is not empty; a sentence where all are."""
    panels = _panels(record)
    groups = {fate: group for fate, group in lesion_groups(record).items() if group}
    for fate, group in groups.items():
        # Of a model's false lesions only the largest are listed.
        total = len(group)
        if fate is Fate.FALSE:
            total = sum(case.n_false_lesions for case in record.candidate.cases)
        yield _section(fate, panels, group, total, pictures)
    if not groups:
        text = (
            "Both models find the same lesions and have the same false lesions."
            if record.comparison is not None
            else "Every lesion is found, and there is no false one."
        )
        yield html.section("Lesions", html.paragraph(text))


def _panels(record: EvaluationRecord) -> str:
    comparison = record.comparison
    if comparison is None:
        return "Left the slice alone, right the same with outlines."
    return (
        f"From left to right: the slice alone, the candidate ({comparison.candidate}), the "
        f"champion ({comparison.champion})."
    )


def _section(
    fate: Fate, panels: str, found: Sequence[LesionChange], total: int, pictures: _Pictures
) -> str:
    shown = [finding for finding in found if finding.picture in pictures]
    figures = [_figure(place, fate, finding, pictures) for place, finding in enumerate(shown, 1)]
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
        _TITLES[fate],
        html.paragraph(words, "quiet"),
        legend if shown else "",
        html.grid("panels", figures),
    )


def _figure(place: int, fate: Fate, finding: LesionChange, pictures: _Pictures) -> str:
    lesion = finding.lesion
    size = size_text(lesion.volume_ml, lesion.pixels)
    title = f"{place}. {lesion.label}, {size}"
    slices = f"slice {lesion.shown_slice + 1}"
    if len(lesion.slices) > 1:
        slices += f" of {lesion.slices[0] + 1} to {lesion.slices[-1] + 1}"
    parts = [f"patient {finding.patient_hash}", slices]
    if fate in _SHARED:
        parts.append(f"overlap with the candidate {share_text(finding.candidate)}")
        parts.append(f"with the champion {share_text(finding.champion)}")
    caption = ", ".join(parts)
    picture = html.picture(data_uri(pictures[finding.picture]), f"{title}, {caption}")
    return html.figure(title, picture, caption=caption)

"""`card.md` of a model package: what the model is, how it learned, and what it is not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from medseg_desktop.core.estimate import duration_text
from medseg_desktop.core.events import CaseScore
from medseg_desktop.core.notice import RESEARCH_NOTICE
from medseg_desktop.core.run_history import HistoryRow

if TYPE_CHECKING:
    from medseg_desktop.io.model_package import ModelInfo

#: Keys of `ModelInfo.training` that are numbers or words, and what the card calls them.
_SETTINGS = {
    "preset": "Preset",
    "iterations": "Training steps",
    "planned_iterations": "Planned steps",
    "batch_size": "Slices in a batch",
    "seed": "Seed",
    "device": "Device",
}


def model_card(info: ModelInfo) -> str:
    """A short description in Markdown for whoever finds the folder."""
    lines = [
        f"# {_plain(info.title)}",
        "",
        RESEARCH_NOTICE,
        "",
        *_summary(info),
        *_part("How it learned", _history(info)),
        *_part("Validation patients", _patients(info)),
        *_part("Settings", _settings(info)),
        *_part("Limits", _limits(info)),
    ]
    return "\n".join(lines) + "\n"


def _summary(info: ModelInfo) -> Iterator[str]:
    dice = info.metrics.get("mean_patient_dice")
    sets = list(info.split.values())
    shape = f"{info.input.channels} x {info.input.height} x {info.input.width}"
    yield f"- Architecture: {_plain(info.architecture)}, input {shape}"
    yield f"- Labels: {', '.join(_plain(label.name) for label in info.labels[1:])}"
    yield (
        f"- Patients: {sets.count('train')} in training, {sets.count('val')} in validation, "
        f"{sets.count('test')} kept for testing"
    )
    yield (
        f"- Validation: mean patient Dice {dice:.3f}"
        if isinstance(dice, float)
        else "- Validation: no patient with a lesion"
    )
    yield f"- Trained from: {_plain(info.parent) or 'scratch'}"
    yield f"- Created: {info.created}"
    yield f"- Dataset: {info.dataset_hash}"
    if info.split_hash:
        yield f"- Split: {info.split_hash}"


def _part(title: str, lines: Iterable[str]) -> list[str]:
    inside = list(lines)
    return ["", f"## {title}", "", *inside] if inside else []


def _history(info: ModelInfo) -> Iterator[str]:
    """The curves as a table: one row an evaluation, the packed one marked."""
    rows = _read(info.metrics.get("history"), list[HistoryRow])
    if not rows:
        return
    names = [label.name for label in info.labels[1:]]
    packed = info.metrics.get("iteration")
    yield from _table(
        ["Step", "Training loss", "Mean patient Dice", *names],
        [
            [
                f"**{row.iteration}**" if row.iteration == packed else str(row.iteration),
                _number(row.loss),
                _number(row.mean_dice),
                *(_number(row.dice.get(name)) for name in names),
            ]
            for row in rows
        ],
    )
    yield ""
    yield (
        "The loss is the mean since the row before; the columns of the labels are the Dice over "
        "all pixels of the validation set. The model is that of the step in bold."
    )


def _patients(info: ModelInfo) -> Iterator[str]:
    cases = _read(info.metrics.get("cases"), list[CaseScore])
    if not cases:
        return
    names = [label.name for label in info.labels[1:]]
    yield from _table(
        ["Patient", "Slices", *names, "Any lesion"],
        [
            [
                case.patient_hash,
                str(case.n_slices),
                *(_number(case.dice.get(name)) for name in names),
                _number(case.foreground_dice),
            ]
            for case in cases
        ],
    )
    yield ""
    yield "Dice over a patient's slices; a dash where the patient has no such lesion."


def _settings(info: ModelInfo) -> Iterator[str]:
    training = info.training
    for key, name in _SETTINGS.items():
        if isinstance(training.get(key), str | int | float):
            yield f"- {name}: {_plain(str(training[key]))}"
    if isinstance(elapsed := training.get("elapsed_s"), int | float):
        yield f"- Time: {duration_text(elapsed)}"
    if isinstance(agreement := training.get("onnx_agreement"), float):
        yield f"- Pixels on which ONNX and Paddle agree: {agreement:.3%}"
    how = info.preprocessing
    denoised = "with noise reduction" if how.denoise else "without noise reduction"
    yield f"- Slices: scaled by {how.scaling}, {denoised}"
    for name, version in info.software.items():
        yield f"- {_plain(name)}: {_plain(version)}"


def _limits(info: ModelInfo) -> Iterator[str]:
    patients = list(info.split.values()).count("train")
    if patients:
        yield f"- It has learned from {patients} patient{'s' if patients > 1 else ''} only."
    yield (
        "- Expect worse results on other scanners, sequences and field strengths, and on kinds of "
        "lesion that the training did not show."
    )
    yield (
        "- It is the best of several evaluations on the validation patients, so their figures are "
        "optimistic; compare it on patients that neither training nor validation has seen."
    )
    yield "- Every outline that it proposes has to be checked by a reader."


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    for row in (head, ["---", *["---:"] * (len(head) - 1)], *rows):
        yield f"| {' | '.join(_plain(cell) for cell in row)} |"


def _plain(text: str) -> str:
    """A name inside Markdown: on one line, without what would start a cell or a tag."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"  # noqa: RUF001


def _read(value: object, kind: type[Any]) -> Any:
    """A part of `ModelInfo.metrics`, which other versions may have written; None if it is not."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return None

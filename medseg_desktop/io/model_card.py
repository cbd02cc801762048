"""`card.md` of a model package: what the model is, how it learned, and what it is not.

First in English, then in Chinese.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from medseg_desktop.core.estimate import duration_text
from medseg_desktop.core.events import CaseScore
from medseg_desktop.core.run_history import HistoryRow
from medseg_desktop.io.card_words import CHINESE, ENGLISH, CardWords
from medseg_desktop.io.model_info import ModelInfo


def model_card(info: ModelInfo) -> str:
    """A description in Markdown, in two languages, for whoever finds the folder."""
    parts = ["\n".join(_Card(info, words).lines()) for words in (ENGLISH, CHINESE)]
    return "\n\n---\n\n".join(parts) + "\n"


class _Card:
    """The card in one language."""

    def __init__(self, info: ModelInfo, words: CardWords) -> None:
        self._info, self._words = info, words

    def lines(self) -> list[str]:
        words = self._words
        return [
            words.heading.format(title=_plain(self._info.title)),
            "",
            words.notice,
            "",
            *self._summary(),
            *_part(words.history, self._history()),
            *_part(words.cases, self._cases()),
            *_part(words.settings_title, self._settings()),
            *_part(words.provenance, self._provenance()),
            *_part(words.limits, self._limits()),
        ]

    def _item(self, name: str, value: object) -> str:
        return f"- {name}{self._words.colon}{_plain(str(value))}"

    def _summary(self) -> Iterator[str]:
        info, words = self._info, self._words
        size = msgspec.structs.asdict(info.input)
        yield self._item(
            words.architecture, words.architecture_value.format(name=info.architecture, **size)
        )
        yield self._item(words.labels, words.comma.join(label.name for label in info.labels[1:]))
        sets = list(info.split.values())
        counts = {name: sets.count(name) for name in ("train", "val", "test")}
        known = words.patients_value.format(**counts)
        yield self._item(words.patients, words.patients_unknown if info.imported else known)
        yield self._item(words.validation, self._validation())
        if info.imported:
            where = {key: info.imported.get(key, "?") for key in ("format", "sha256")}
            yield self._item(words.imported, words.imported_value.format(**where))
        else:
            yield self._item(words.trained_from, info.parent or words.scratch)
        yield self._item(words.created, info.created)

    def _validation(self) -> str:
        dice = self._info.metrics.get("mean_patient_dice")
        if isinstance(dice, float):
            return self._words.validation_value.format(dice=f"{dice:.3f}")
        words = self._words
        return words.validation_unknown if self._info.imported else words.validation_none

    def _history(self) -> Iterator[str]:
        """The curves as a table: one row an evaluation, the packed one marked."""
        info = self._info
        rows = _read(info.metrics.get("history"), list[HistoryRow])
        if not rows:
            return
        names = [label.name for label in info.labels[1:]]
        packed = info.metrics.get("iteration")
        yield from _table(
            [*self._words.history_head, *names],
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
        yield self._words.history_note

    def _cases(self) -> Iterator[str]:
        cases = _read(self._info.metrics.get("cases"), list[CaseScore])
        if not cases:
            return
        names = [label.name for label in self._info.labels[1:]]
        patient, slices, any_lesion = self._words.cases_head
        yield from _table(
            [patient, slices, *names, any_lesion],
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
        yield self._words.cases_note

    def _settings(self) -> Iterator[str]:
        training, words = self._info.training, self._words
        for key, name in words.settings.items():
            if isinstance(training.get(key), str | int | float):
                yield self._item(name, training[key])
        if isinstance(elapsed := training.get("elapsed_s"), int | float):
            yield self._item(words.time, self._duration(elapsed))
        if isinstance(agreement := training.get("onnx_agreement"), float):
            yield self._item(words.agreement, f"{agreement:.3%}")
        how = self._info.preprocessing
        denoised, not_denoised = words.slices_value
        value = denoised if how.denoise else not_denoised
        yield self._item(words.slices, value.format(scaling=words.scalings[how.scaling]))

    def _duration(self, seconds: float) -> str:
        minutes = self._words.minutes.format(n=max(1, round(seconds / 60)))
        return minutes or duration_text(seconds)

    def _provenance(self) -> Iterator[str]:
        info, words = self._info, self._words
        if info.dataset_hash:
            yield self._item(words.dataset, info.dataset_hash)
        if info.split_hash:
            origin = words.origins.get(info.split_origin)
            yield self._item(words.split, info.split_hash + (f" ({origin})" if origin else ""))
        if info.parent_network:
            yield self._item(words.parent_network, info.parent_network)
        if info.inherited:
            yield self._item(words.inherited, len(info.inherited))
        if isinstance(recipe := info.training.get("recipe"), Mapping):
            yield self._item(words.recipe, "; ".join(_flat(recipe)))
        if info.machine:
            yield self._item(words.machine, self._machine())
        for name, version in info.software.items():
            yield f"- {_plain(name)}: {_plain(version)}"

    def _machine(self) -> str:
        known, words = self._info.machine, self._words
        parts = [str(known[key]) for key in ("system", "processor") if known.get(key)]
        cores, memory = known.get("physical_cores"), known.get("memory_bytes")
        if isinstance(cores, int) and isinstance(memory, int):
            parts.append(words.machine_value.format(cores=cores, memory=round(memory / 2**30)))
        if known.get("gpu"):
            parts.append(str(known["gpu"]))
        return words.comma.join(parts)

    def _limits(self) -> Iterator[str]:
        info, words = self._info, self._words
        patients = list(info.split.values()).count("train")
        if patients:
            yield f"- {words.learned_from[patients == 1].format(n=patients)}"
        if info.unknown_patients:
            yield f"- {words.unknown_patients}"
        yield f"- {words.other_scanners}"
        if not info.imported:
            yield f"- {words.optimistic}"
        yield f"- {words.check}"


def _part(title: str, lines: Iterable[str]) -> list[str]:
    inside = list(lines)
    return ["", f"## {title}", "", *inside] if inside else []


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    for row in (head, ["---", *["---:"] * (len(head) - 1)], *rows):
        yield f"| {' | '.join(_plain(cell) for cell in row)} |"


def _flat(values: Mapping[str, Any], before: str = "") -> Iterator[str]:
    """E.g. "momentum 0.9", "schedule.power 1.0"; at most two levels, as a recipe has."""
    for key, value in values.items():
        if isinstance(value, Mapping) and not before:
            yield from _flat(value, f"{key}.")
        else:
            yield f"{before}{key} {value}"


def _plain(text: str) -> str:
    """A name inside Markdown: on one line, without what would start a cell, a tag, a link or a
    picture, which other programs would load."""
    line = " ".join(text.split())
    for mark, written in (("|", "\\|"), ("<", "&lt;"), ("[", "\\[")):
        line = line.replace(mark, written)
    return line


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"  # noqa: RUF001


def _read(value: object, kind: type[Any]) -> Any:
    """A part of `ModelInfo.metrics`, which other versions may have written; None if it is not."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return None

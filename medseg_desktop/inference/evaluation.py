"""How well one or two models agree with the annotations, patient by patient at native size."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from medseg_desktop.core.errors import DataError
from medseg_desktop.core.evaluation.case_measures import CaseIdentity, measure_case
from medseg_desktop.core.evaluation.comparison import compare_evaluations
from medseg_desktop.core.evaluation.result import (
    CaseResult,
    EvaluationRecord,
    EvaluationResult,
    ModelComparison,
)
from medseg_desktop.core.evaluation.summary import evaluation_result
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.specs import EvaluateSpec
from medseg_desktop.core.volume import Series
from medseg_desktop.inference.comparison import unfair
from medseg_desktop.inference.evaluating.cases import CaseReader, case_path
from medseg_desktop.inference.evaluating.gallery import Gallery
from medseg_desktop.inference.evaluating.labels import CommonLabels
from medseg_desktop.inference.evaluating.lesion_artist import LesionArtist
from medseg_desktop.inference.evaluating.notes import model_notes
from medseg_desktop.inference.evaluating.patients import (
    check_labels,
    chosen_patients,
    known_sets,
    was_seen,
)
from medseg_desktop.inference.predictor import Predictor
from medseg_desktop.io.atomic import check_free
from medseg_desktop.io.dicom_series import ScanResult, require_series
from medseg_desktop.io.evaluation.folder import write_evaluation
from medseg_desktop.io.job_input import Context, check_annotations, scanned_source
from medseg_desktop.io.pixels.reader import FrameReader
from medseg_desktop.io.workspace import Workspace

#: So many false lesions of a model are listed in all, but so many of each patient in any case:
#: a useless model has thousands, and the result is one line of the event stream.
_MOST_FALSE = 4000
_FEWEST_FALSE = 5


def run_evaluation(spec: EvaluateSpec, context: Context) -> dict[str, Any]:
    """Evaluate, and return what `evaluate --json` prints.

    That is an `EvaluationResult`; with a second model also `against`, its result, and
    `comparison`, a `ModelComparison`.

    Raises:
        DataError: no reviewed slice or chosen patient, or labels that no model knows.
        WorkspaceError: the folder for the result is in use or cannot be written.
    """
    if spec.out:
        check_free(Path(spec.out))
    models = [spec.model, spec.against] if spec.against else [spec.model]
    predictors = [Predictor.open(Path(model), spec.threads) for model in models]
    with scanned_source(spec.source, spec.salt, context, spec.patient_key, spec.workspace) as found:
        require_series(found)
        evaluation = _Evaluation(found, predictors, spec)
        evaluation.run(context)
        return evaluation.result(context)


class _Evaluation:
    """One evaluation from the scan to the result.

    Args:
        predictors: of the model, and of the one it is compared with.
    """

    def __init__(
        self, found: ScanResult, predictors: Sequence[Predictor], spec: EvaluateSpec
    ) -> None:
        self._found = found
        self._predictors = predictors
        self._spec = spec
        self._file_notes = check_annotations(found, spec.skip_broken)
        self._labels = CommonLabels.of([_present(p, spec) for p in predictors])
        self._known = known_sets(predictors[0].info, spec)
        self._patients = chosen_patients(found, predictors[0].info, self._known, spec)
        titles = [predictor.info.title for predictor in predictors]
        check_labels(found, self._patients, titles, self._labels)
        self._cases: list[list[CaseResult]] = [[] for _ in predictors]
        self._gallery = Gallery()

    def run(self, context: Context) -> None:
        """Read, predict and measure every patient; one patient's label maps are held at a time.

        Raises:
            Cancelled: the job was asked to stop.
            DataError: a slice, or with `skip_broken` every slice, cannot be read.
        """
        total = sum(
            self._found.is_usable(item)
            for series in self._patients.values()
            for stack in series
            for item in stack.slices
        )
        done = 0

        def on_slice() -> None:
            nonlocal done
            context.check()
            context.progress("evaluate", done, total)
            done += 1

        with FrameReader(plain=self._found.plain) as reader:
            cases = CaseReader(
                self._found,
                self._predictors,
                self._labels,
                reader,
                on_slice,
                skip_broken=self._spec.skip_broken,
            )
            for patient_hash, series in self._patients.items():
                self._add(patient_hash, series, cases, reader)
        self._file_notes += cases.left_out
        if not self._cases[0]:
            raise DataError(f"{self._found.source} holds no reviewed slice that can be read.")
        context.check()
        context.progress("evaluate", total, total)

    def _add(
        self, patient_hash: str, series: list[Series], cases: CaseReader, reader: FrameReader
    ) -> None:
        stacks = cases.read(series)
        if not stacks:
            return
        most_false = max(_FEWEST_FALSE, _MOST_FALSE // len(self._patients))
        found = []
        for model, predictor in enumerate(self._predictors):
            who = CaseIdentity(
                path=case_path(series),
                patient_hash=patient_hash,
                set=self._known.set_of(patient_hash),
                seen=was_seen(predictor.info, patient_hash, self._spec),
            )
            case = measure_case(stacks, who, self._labels.table, model, most_false)
            found.append(case)
            self._cases[model].append(case)
        if self._spec.out:
            self._gallery.offer(found, LesionArtist(self._found, reader, stacks).draw)

    def result(self, context: Context) -> dict[str, Any]:
        """What was found, written into the folder if there is to be one."""
        results = [self._of_model(model) for model in range(len(self._predictors))]
        comparison = None
        if len(results) > 1:
            infos = [p.info for p in self._predictors]
            reasons = tuple(unfair(infos[0], infos[1], self._labels, self._spec))
            comparison = compare_evaluations(results[0], results[1], reasons)
            comparison = self._gallery.named_changes(comparison)
        else:
            results = [self._gallery.named(results[0])]
        if self._spec.out:
            self._write(results, comparison, context)
        told = _as_json(results[0])
        if comparison is not None:
            told["against"] = _as_json(results[1])
            told["comparison"] = _as_json(comparison)
        return told

    def _of_model(self, model: int) -> EvaluationResult:
        info, cases = self._predictors[model].info, self._cases[model]
        return evaluation_result(
            info.title,
            cases,
            self._labels.table.names[1:],
            network=info.network_digest,
            dataset_hash=info.dataset_hash,
            split_hash=info.split_hash,
            warnings=[*self._file_notes, *self._notes(model)],
        )

    def _notes(self, model: int) -> list[str]:
        info = self._predictors[model].info
        return list(model_notes(info, self._cases[model], self._spec))

    def _write(
        self,
        results: Sequence[EvaluationResult],
        comparison: ModelComparison | None,
        context: Context,
    ) -> None:
        notes = [note for model in range(len(results)) for note in self._notes(model)]
        if self._file_notes:
            n = len(self._file_notes)
            notes.append(
                f"{n} {'note' if n == 1 else 'notes'} on annotation files: see evaluation.json."
            )
        sources = [self._spec.source] if isinstance(self._spec.source, str) else self._spec.source
        record = EvaluationRecord(
            subset=self._spec.subset,
            split_hash=self._known.digest,
            source=tuple(sources),
            notes=tuple(dict.fromkeys(notes)),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            candidate=results[0],
            champion=results[1] if len(results) > 1 else None,
            comparison=comparison,
        )
        write_evaluation(Path(self._spec.out), record, self._gallery.pictures(), context.check)


def _as_json(value: msgspec.Struct) -> dict[str, Any]:
    """What a reader of its JSON sees."""
    told: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(value))
    return told


def _present(predictor: Predictor, spec: EvaluateSpec) -> LabelTable:
    """The model's labels as the workspace calls them now: it may be older than a name."""
    if not spec.workspace:
        return predictor.table
    return Workspace(Path(spec.workspace)).labels().present(predictor.table)

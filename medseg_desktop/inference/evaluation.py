"""How well a model agrees with the annotations, patient by patient at native size."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path, PurePosixPath
from typing import Any

from medseg_desktop.core.errors import DataError
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.metrics import CaseCounts, mean_or_none
from medseg_desktop.core.raster import draw_label_map
from medseg_desktop.core.specs import EvaluateSpec
from medseg_desktop.core.volume import Series, Slice
from medseg_desktop.inference.predictor import Predictor
from medseg_desktop.io.dicom.stacks import relative_path
from medseg_desktop.io.dicom_series import ScanResult, require_series
from medseg_desktop.io.job_input import (
    Context,
    check_annotations,
    read_reviewed,
    scanned_source,
)
from medseg_desktop.io.pixels.reader import FrameReader
from medseg_desktop.io.workspace import Workspace, salt_id


def run_evaluation(spec: EvaluateSpec, context: Context) -> dict[str, Any]:
    """Evaluate, and return what `evaluate --json` prints.

    Raises:
        DataError: no reviewed slice, or labels that the model does not know.
    """
    predictor = Predictor.open(Path(spec.model), spec.threads)
    with scanned_source(spec.source, spec.salt, context, spec.patient_key, spec.workspace) as found:
        return _evaluate(found, predictor, spec, context)


def _evaluate(
    found: ScanResult, predictor: Predictor, spec: EvaluateSpec, context: Context
) -> dict[str, Any]:
    require_series(found)
    warnings = check_annotations(found, spec.skip_broken)
    table = _table(predictor, spec)
    patients = _patients(found, predictor, table, spec)
    sets = _known_sets(predictor, spec)
    total = sum(_reviewed_count(found, series) for series in patients.values())
    done, cases = 0, []
    with FrameReader(plain=found.plain) as reader:
        for patient_hash, series in patients.items():
            counts = CaseCounts(len(table))
            for stack in series:
                for item in stack.slices:
                    if not found.is_usable(item):
                        continue
                    context.check()
                    context.progress("evaluate", done, total)
                    _add_slice(counts, found, stack, item, predictor, table, reader)
                    done += 1
            row = _case(counts, _path(series), patient_hash, table, series)
            cases.append({**row, "set": sets.get(patient_hash, "unknown")})
    context.progress("evaluate", total, total)
    return _result(cases, warnings, predictor, table, spec)


def _table(predictor: Predictor, spec: EvaluateSpec) -> LabelTable:
    """The model's labels as the workspace calls them now: it may be older than a name."""
    if not spec.workspace:
        return predictor.table
    return Workspace(Path(spec.workspace)).labels().present(predictor.table)


def _known_sets(predictor: Predictor, spec: EvaluateSpec) -> dict[str, str]:
    """Patient hash -> set the model had it in; empty where the hashes are another workspace's."""
    if predictor.info.salt_id != salt_id(bytes.fromhex(spec.salt)):
        return {}
    return dict(predictor.info.split)


def _patients(
    found: ScanResult, predictor: Predictor, table: LabelTable, spec: EvaluateSpec
) -> dict[str, list[Series]]:
    """The reviewed grey series of the chosen patients, by patient hash."""
    sets = _known_sets(predictor, spec)
    patients: dict[str, list[Series]] = defaultdict(list)
    for series in found.series:
        if any(found.is_usable(item) for item in series.slices):
            patients[series.patient.hash].append(series)
    if not patients:
        raise DataError(f"{found.source} holds no reviewed slice.", "Annotate slices first.")
    if spec.subset != "all":
        if not sets:
            raise DataError(
                f"{predictor.info.title} was not trained in this workspace, so its "
                f"{spec.subset} patients cannot be told.",
                "Use --split all, or the workspace it was trained in.",
            )
        patients = {h: s for h, s in patients.items() if sets.get(h) == spec.subset}
        if not patients:
            raise DataError(
                f"{found.source} holds no {spec.subset} patient of {predictor.info.title}."
            )
    _check_labels(found, patients, predictor.info.title, table)
    return patients


def _check_labels(
    found: ScanResult, patients: dict[str, list[Series]], model: str, table: LabelTable
) -> None:
    """Every label of the annotations must be one that the model knows."""
    for series in patients.values():
        for item in (item for stack in series for item in stack.slices):
            document = found.annotation(item)
            for shape in document.shapes(item.frame) if document else ():
                if table.index_of(shape.label) is None:
                    name = relative_path(Path(item.path), found.root)
                    raise DataError(
                        f"{name} is annotated with {shape.label!r}, a label that "
                        f"{model} does not know ({', '.join(table.names[1:])})."
                    )


def _reviewed_count(found: ScanResult, series: list[Series]) -> int:
    return sum(found.is_usable(item) for stack in series for item in stack.slices)


def _add_slice(
    counts: CaseCounts,
    found: ScanResult,
    stack: Series,
    item: Slice,
    predictor: Predictor,
    table: LabelTable,
    reader: FrameReader,
) -> None:
    stored, fmt = read_reviewed(found, item, reader)
    document = found.annotations[item.path].annotation
    truth = draw_label_map(document.shapes(item.frame), table, *stored.shape)
    counts.add(truth, predictor.predict(stored, fmt), stack.voxel_ml)


def _path(series: list[Series]) -> str:
    """The folder that holds everything of a patient; the single file where it lies at the top."""
    folders = [PurePosixPath(s.path).parent if _is_file(s) else s.path for s in series]
    common = os.path.commonpath([str(f) for f in folders]).replace(os.sep, "/")
    if common in ("", ".") and len(series) == 1:
        return series[0].path
    return common or "."


def _is_file(series: Series) -> bool:
    return len({item.path for item in series.slices}) == 1


def _case(
    counts: CaseCounts, path: str, patient_hash: str, table: LabelTable, series: list[Series]
) -> dict[str, Any]:
    foreground = counts.foreground
    # Nothing predicted wrongly is 0 ml, whatever the size of a pixel.
    known_volume = foreground.predicted == foreground.both or all(
        s.voxel_ml is not None for s in series
    )
    return {
        "path": path,
        "patient_hash": patient_hash,
        "n_slices": counts.n_slices,
        "dice": {x.name: counts.labels[x.index].dice for x in table.foreground},
        "foreground_dice": foreground.dice,
        "truth_pixels": foreground.truth,
        "predicted_pixels": foreground.predicted,
        "false_positive_pixels": foreground.predicted - foreground.both,
        "false_positive_ml": round(counts.false_positive_ml, 6) if known_volume else None,
    }


def _result(
    cases: list[dict[str, Any]],
    warnings: list[str],
    predictor: Predictor,
    table: LabelTable,
    spec: EvaluateSpec,
) -> dict[str, Any]:
    scored = [c["foreground_dice"] for c in cases]
    seen = sum(c["set"] in ("train", "val") for c in cases)
    if seen and spec.subset == "all":
        warnings = [*warnings, f"{seen} of {len(cases)} patients were used to train this model."]
    return {
        "model": predictor.info.title,
        "cases": cases,
        "mean": {
            "foreground_dice": mean_or_none(scored),
            "n": sum(s is not None for s in scored),
            "dice": {
                x.name: mean_or_none([c["dice"][x.name] for c in cases]) for x in table.foreground
            },
        },
        "warnings": warnings,
    }

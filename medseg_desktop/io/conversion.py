"""Reviewed slices -> dataset: what the child process of a conversion does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from medseg_desktop import __version__
from medseg_desktop.core.errors import DataError, WorkspaceError, describe_os_error
from medseg_desktop.core.labels import MAXIMUM_LABELS, LabelTable
from medseg_desktop.core.specs import ConvertSpec
from medseg_desktop.core.split import SetName, count_sets
from medseg_desktop.core.volume import Slice
from medseg_desktop.io.atomic import is_free, new_folder
from medseg_desktop.io.converting.guards import check_sides
from medseg_desktop.io.converting.slices import Converted, Reviewed, convert_slices, numbered
from medseg_desktop.io.converting.split import plan_split
from medseg_desktop.io.dataset import (
    MANIFEST,
    Manifest,
    check_replaceable,
    write_lists,
    write_manifest,
)
from medseg_desktop.io.dicom_series import ScanResult, require_series
from medseg_desktop.io.job_input import Context, check_annotations, scanned_source
from medseg_desktop.io.workspace import Workspace, salt_id


def run_conversion(spec: ConvertSpec, context: Context) -> dict[str, Any]:
    """Convert, and return what `convert --json` prints.

    Raises:
        DataError: nothing to convert, annotation files that cannot be used, a split file with
            unknown patients, or something that would stand in two sets.
        WorkspaceError: the dataset folder cannot be written.
        Cancelled: the job was asked to stop.

    Whatever is raised, nothing is left under the dataset's name, and no patient was placed.
    """
    final = Path(spec.dataset)
    if spec.overwrite and not is_free(final):
        check_replaceable(final)
    with scanned_source(spec.source, spec.salt, context, spec.patient_key, spec.workspace) as found:
        return _convert_found(found, spec, final, context)


def _convert_found(
    found: ScanResult, spec: ConvertSpec, final: Path, context: Context
) -> dict[str, Any]:
    require_series(found)
    warnings = [*found.notes, *check_annotations(found, spec.skip_broken)]
    reviewed = _reviewed(found, spec.include)
    plan = plan_split(found, spec, reviewed)
    reviewed = [(s, item) for s, item in reviewed if s.patient.hash not in plan.waiting]
    table = _table(found, spec, reviewed)
    with new_folder(final, replace_marker=MANIFEST if spec.overwrite else "") as folder:
        # The sets come last, because a new split is stratified by what was drawn.
        converted, left_out = convert_slices(
            numbered(reviewed), found, table, spec, folder, context
        )
        sets = plan.settle(converted)
        doubts = check_sides(converted, sets, found.root, spec.patient_key)
        manifest = _manifest(spec, table, converted, sets)
        try:
            write_lists(folder, manifest.files)
            write_manifest(folder, manifest)
        except OSError as error:
            raise WorkspaceError(describe_os_error(error, final, "write")) from error
        context.check()
        # Before the dataset gets its name: it must not stand there without its split.
        _record(spec, manifest, sets)
    warnings += [*plan.notes_on(sets), *doubts, *left_out, *_label_notes(spec, manifest)]
    return _result(final, manifest, sets, warnings)


def _table(found: ScanResult, spec: ConvertSpec, reviewed: Reviewed) -> LabelTable:
    """The labels of the workspace and those that are new in the data."""
    table = spec.labels.extended(_label_names(found, (s for _, s in reviewed)))
    if len(table) > MAXIMUM_LABELS:
        raise DataError(
            f"The annotations use {len(table)} labels; at most {MAXIMUM_LABELS} are possible."
        )
    return table


def _manifest(
    spec: ConvertSpec,
    table: LabelTable,
    converted: list[Converted],
    sets: dict[str, SetName],
) -> Manifest:
    files = (one.file for one in converted)
    return Manifest(
        preset=spec.preset,
        preprocessing=spec.preprocessing,
        labels=table.bare().labels,
        salt_id=salt_id(bytes.fromhex(spec.salt)),
        split_origin=spec.split.origin,
        files=tuple(msgspec.structs.replace(f, set=sets[f.patient_hash]) for f in files),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        software=f"MedSeg Desktop {__version__}",
    )


def _record(spec: ConvertSpec, manifest: Manifest, sets: dict[str, SetName]) -> None:
    """Keep the split and the labels in the workspace."""
    if not spec.workspace:
        return
    workspace = Workspace(Path(spec.workspace))
    if spec.split.origin != "recipe":
        workspace.freeze(sets, spec.split)
    workspace.add_labels(manifest.table, len(spec.labels))


def _reviewed(found: ScanResult, include: list[str]) -> Reviewed:
    """Every reviewed slice of the chosen patients, in the order of the series."""
    chosen = set(include)
    reviewed = [
        (series, item)
        for series in found.series
        if not chosen or series.patient.hash in chosen
        for item in series.slices
        if found.is_usable(item)
    ]
    if not reviewed:
        raise DataError(
            f"{found.source} holds no reviewed slice.",
            "Annotate slices first; each DICOM file needs its JSON file.",
        )
    return reviewed


def _label_notes(spec: ConvertSpec, manifest: Manifest) -> list[str]:
    """Labels that the workspace did not know before; a typing error would be one."""
    notes = []
    for label in manifest.table.foreground:
        if spec.labels.index_of(label.name) is None:
            slices = sum(label.name in file.pixels_per_label for file in manifest.files)
            notes.append(f"The label {label.name!r} is new, on {slices} of the slices.")
    return notes


def _label_names(found: ScanResult, slices: Iterable[Slice]) -> list[str]:
    """Label names in order of first appearance."""
    names: dict[str, None] = {}
    for item in slices:
        document = found.annotation(item)
        for shape in document.shapes(item.frame) if document else ():
            names.setdefault(shape.label)
    return list(names)


def _result(
    final: Path, manifest: Manifest, sets: dict[str, SetName], warnings: list[str]
) -> dict[str, Any]:
    lesion = sum(bool(f.lesion_pixels) for f in manifest.files)
    if not lesion:
        warnings.append("No slice has a lesion; a model cannot be trained on this dataset.")
    if len(manifest.patients) < 2:
        warnings.append("Only one patient; training needs at least two.")
    return {
        "dataset": str(final),
        "preset": manifest.preset,
        "labels": [label.name for label in manifest.labels],
        "slices": len(manifest.files),
        "slices_with_lesion": lesion,
        "patients": count_sets(sets.values()),
        "slices_by_set": dict(Counter(f.set for f in manifest.files)),
        "warnings": warnings,
    }

"""Reviewed slices -> dataset: what the child process of a conversion does."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from medseg_desktop import __version__
from medseg_desktop.core.errors import (
    DataError,
    WorkspaceError,
    describe_os_error,
)
from medseg_desktop.core.labels import MAXIMUM_LABELS, LabelTable
from medseg_desktop.core.preprocessing import preprocess
from medseg_desktop.core.raster import draw_label_map, overlap_pixels
from medseg_desktop.core.specs import ConvertSpec
from medseg_desktop.core.split import TEST_MINIMUM_PATIENTS, SetName, Split, resolve_split
from medseg_desktop.core.volume import Series, Slice
from medseg_desktop.io.atomic import is_free, new_folder
from medseg_desktop.io.dataset import (
    MANIFEST,
    DatasetFile,
    Manifest,
    SlicePlace,
    check_replaceable,
    pixel_digest,
    write_lists,
    write_manifest,
)
from medseg_desktop.io.dicom_series import ScanResult, require_series
from medseg_desktop.io.job_input import (
    Context,
    UnusableSliceError,
    check_annotations,
    read_reviewed,
    scanned_source,
)
from medseg_desktop.io.pixels.reader import FrameReader
from medseg_desktop.io.png import write_png
from medseg_desktop.io.workspace import Workspace, salt_id


@dataclass(frozen=True, slots=True)
class _Item:
    """One reviewed slice on its way into the dataset."""

    series: Series
    slice: Slice
    name: str
    set: SetName
    place: SlicePlace


def run_conversion(spec: ConvertSpec, context: Context) -> dict[str, Any]:
    """Convert, and return what `convert --json` prints.

    Raises:
        DataError: nothing to convert, or annotation files that cannot be used.
        WorkspaceError: the dataset folder cannot be written.
        Cancelled: nothing is left under the dataset's name.
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
    sets, unlisted = _split(spec, reviewed)
    warnings += unlisted
    table = spec.labels.extended(_label_names(found, (s for _, s in reviewed)))
    if len(table) > MAXIMUM_LABELS:
        raise DataError(
            f"The annotations use {len(table)} labels; at most {MAXIMUM_LABELS} are possible."
        )
    items = [
        _Item(series, item, f"{i:05d}.png", sets[series.patient.hash], place)
        for i, ((series, item), place) in enumerate(zip(reviewed, _places(reviewed), strict=True))
    ]
    with new_folder(final, replace_marker=MANIFEST if spec.overwrite else "") as folder:
        files, left_out = _convert_all(items, found, table, spec, folder, context)
        manifest = Manifest(
            preset=spec.preset,
            preprocessing=spec.preprocessing,
            labels=table.bare().labels,
            salt_id=salt_id(bytes.fromhex(spec.salt)),
            split_origin=spec.split.origin,
            files=files,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            software=f"MedSeg Desktop {__version__}",
        )
        try:
            write_lists(folder, files)
            write_manifest(folder, manifest)
        except OSError as error:
            raise WorkspaceError(describe_os_error(error, final, "write")) from error
        context.check()
        # Before the dataset gets its name: it must not stand there without its split.
        _record(spec, manifest)
    warnings += [*left_out, *_label_notes(spec, manifest)]
    return _result(final, manifest, warnings)


def _record(spec: ConvertSpec, manifest: Manifest) -> None:
    """Keep the split and the labels in the workspace."""
    if not spec.workspace:
        return
    workspace = Workspace(Path(spec.workspace))
    if spec.split.origin != "recipe":
        workspace.freeze(manifest.patients)
    workspace.add_labels(manifest.table, len(spec.labels))


def _reviewed(found: ScanResult, include: list[str]) -> list[tuple[Series, Slice]]:
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


def _places(reviewed: list[tuple[Series, Slice]]) -> Iterator[SlicePlace]:
    """Where each slice lies in its series."""
    places: dict[tuple[str, int], dict[Slice, SlicePlace]] = {}
    for series, item in reviewed:
        if series.key not in places:
            stack, positions, voxel_ml = series.stack, series.positions, series.voxel_ml
            places[series.key] = {
                s: SlicePlace(stack=stack, index=i, positions=positions, voxel_ml=voxel_ml)
                for i, s in enumerate(series.slices)
            }
        yield places[series.key][item]


def _split(
    spec: ConvertSpec, reviewed: list[tuple[Series, Slice]]
) -> tuple[dict[str, SetName], list[str]]:
    """The set of each patient hash, and sentences about patients a split file left out."""
    patients = {series.patient.hash: series.patient for series, _ in reviewed}
    keys = {p.key: p.hash for p in patients.values()}
    by_folder = spec.patient_key == "folder"
    ids = {
        p.hash: p.key.removeprefix("folder:") if by_folder else p.patient_id or p.key
        for p in patients.values()
    }
    sets = resolve_split(keys, ids, spec.split)
    listed, by_hash = spec.split.by_patient_id, spec.split.frozen
    if spec.split.origin == "workspace":
        return sets, _split_notes(sets, by_hash)
    if spec.split.origin == "recipe":
        return sets, []
    if by_hash and not set(by_hash) & set(ids):
        raise DataError(
            "The split file names none of these patients; it was made in another workspace.",
            "Name the patients by their PatientID.",
        )
    unlisted = sorted(i for h, i in ids.items() if i not in listed and h not in by_hash)
    absent = sorted((set(listed) - set(ids.values())) | (set(by_hash) - set(ids)))
    notes = []
    if unlisted:
        notes.append(f"Not in the split file, so in training: {', '.join(unlisted)}.")
    if absent:
        notes.append(f"In the split file, but not in the data: {', '.join(absent)}.")
    known = Workspace(Path(spec.workspace)).split() if spec.workspace else Split()
    moved = sorted(ids[h] for h in sets if known.set_of(h) not in (None, sets[h]))
    if moved:
        notes.append(
            "This dataset follows the split file, but the workspace has frozen other sets for: "
            f"{', '.join(moved)}. Do not compare its model with others on those patients."
        )
    return sets, notes


def _split_notes(sets: dict[str, SetName], frozen: dict[str, SetName]) -> list[str]:
    """What the user should know of the workspace's split."""
    notes = []
    added = len(set(sets) - set(frozen))
    if frozen and added:
        one = "1 new patient joins" if added == 1 else f"{added} new patients join"
        notes.append(f"{one} the training set; the split of this workspace stays as it is.")
    if "test" not in sets.values():
        notes.append(
            f"No patient is kept for testing; that takes {TEST_MINIMUM_PATIENTS} patients in the "
            "first conversion of a workspace, or a split file."
        )
    return notes


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


def _convert_all(
    items: list[_Item],
    found: ScanResult,
    table: LabelTable,
    spec: ConvertSpec,
    folder: Path,
    context: Context,
) -> tuple[tuple[DatasetFile, ...], list[str]]:
    """Convert in parallel threads (decoding and filtering release the interpreter lock).

    Returns:
        The converted slices, and sentences about those that were left out.
    """
    subfolders = ["images", "masks1", "masks2", *(["overlays"] if spec.overlays else [])]
    try:
        for name in subfolders:
            (folder / name).mkdir()
    except OSError as error:
        raise WorkspaceError(describe_os_error(error, folder, "write")) from error
    cv2.setNumThreads(1)
    workers = spec.threads or os.cpu_count() or 1
    done: dict[str, DatasetFile] = {}
    left_out: dict[str, str] = {}
    with FrameReader(plain=found.plain) as reader, ThreadPoolExecutor(workers) as pool:
        futures: dict[Future[DatasetFile], str] = {
            pool.submit(_convert, item, found, table, spec, folder, reader): item.name
            for item in items
        }
        try:
            for i, future in enumerate(as_completed(futures)):
                context.check()
                name = futures[future]
                try:
                    done[name] = future.result()
                except UnusableSliceError as error:
                    if not spec.skip_broken:
                        raise
                    left_out[name] = f"A slice was left out: {error.message}"
                context.progress("convert", i + 1, len(items))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    if not done:
        raise DataError("No annotated slice could be read.", next(iter(left_out.values())))
    return (
        tuple(done[item.name] for item in items if item.name in done),
        [left_out[name] for name in sorted(left_out)],
    )


def _convert(
    item: _Item,
    found: ScanResult,
    table: LabelTable,
    spec: ConvertSpec,
    folder: Path,
    reader: FrameReader,
) -> DatasetFile:
    stored, fmt = read_reviewed(found, item.slice, reader)
    grey = preprocess(stored, fmt, spec.preprocessing)
    document = found.annotation(item.slice)
    shapes = document.shapes(item.slice.frame) if document else ()
    label_map = draw_label_map(shapes, table, *grey.shape)
    write_png(folder / "images" / item.name, grey)
    write_png(folder / "masks1" / item.name, (label_map > 0).astype(np.uint8) * 255)
    write_png(folder / "masks2" / item.name, label_map)
    if spec.overlays:
        write_png(folder / "overlays" / item.name, colored_overlay(grey, label_map, table))
    values, numbers = np.unique(label_map, return_counts=True)
    counts = Counter(dict(zip(values.tolist(), numbers.tolist(), strict=True)))
    return DatasetFile(
        name=item.name,
        set=item.set,
        patient_hash=item.series.patient.hash,
        series_uid=item.series.uid,
        sop_uid=item.slice.sop_uid,
        frame=item.slice.frame,
        pixels_per_label={x.name: counts[x.index] for x in table.labels if counts[x.index]},
        digest=pixel_digest(grey, label_map),
        shapes=len(shapes),
        overlap_pixels=overlap_pixels(shapes, table, *grey.shape),
        place=item.place,
    )


def colored_overlay(
    grey: npt.NDArray[np.uint8], label_map: npt.NDArray[np.uint8], table: LabelTable
) -> npt.NDArray[np.uint8]:
    """Slice and label map (rows, columns) as one RGB picture (rows, columns, 3)."""
    import imgviz

    colors = np.array([label.color for label in table.labels], np.uint8)
    picture: npt.NDArray[np.uint8] = imgviz.label2rgb(
        label_map, image=grey, colormap=colors, alpha=0.45
    )
    return picture


def _result(final: Path, manifest: Manifest, warnings: list[str]) -> dict[str, Any]:
    sets = Counter(manifest.patients.values())
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
        "patients": {name: sets.get(name, 0) for name in ("train", "val", "test", "incoming")},
        "slices_by_set": dict(Counter(f.set for f in manifest.files)),
        "warnings": warnings,
    }

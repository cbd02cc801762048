"""Reviewed slices -> PNG files of a dataset, in parallel threads."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from medseg_desktop.core.errors import DataError, WorkspaceError, describe_os_error
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.preprocessing import preprocess
from medseg_desktop.core.raster import draw_label_map, overlap_pixels
from medseg_desktop.core.shapes.fingerprint import fingerprint
from medseg_desktop.core.slice_facts import SliceFacts, facts_of
from medseg_desktop.core.specs import ConvertSpec
from medseg_desktop.core.volume import Series, Slice
from medseg_desktop.io.dataset import DatasetFile, SlicePlace, pixel_digest
from medseg_desktop.io.dicom_series import ScanResult
from medseg_desktop.io.job_input import Context, UnusableSliceError, read_reviewed
from medseg_desktop.io.pixels.reader import FrameReader
from medseg_desktop.io.png import write_png

Reviewed = list[tuple[Series, Slice]]


@dataclass(frozen=True, slots=True)
class Item:
    """One reviewed slice on its way into the dataset; `name` is its file there."""

    series: Series
    slice: Slice
    name: str
    place: SlicePlace


@dataclass(frozen=True, slots=True)
class Converted:
    """One slice in the dataset; its patient has no set yet, which `file.set` calls incoming."""

    item: Item
    file: DatasetFile
    facts: SliceFacts


def numbered(reviewed: Reviewed) -> list[Item]:
    """The slices with their names, which do not tell the set."""
    return [
        Item(series, item, f"{i:05d}.png", place)
        for i, ((series, item), place) in enumerate(zip(reviewed, _places(reviewed), strict=True))
    ]


def _places(reviewed: Reviewed) -> Iterator[SlicePlace]:
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


def convert_slices(
    items: list[Item],
    found: ScanResult,
    table: LabelTable,
    spec: ConvertSpec,
    folder: Path,
    context: Context,
) -> tuple[list[Converted], list[str]]:
    """Write `images/`, `masks1/`, `masks2/` and perhaps `overlays/` into `folder`.

    Threads help: decoding and filtering release the interpreter lock.

    Returns:
        The converted slices in the order of `items`, and sentences about those left out.

    Raises:
        DataError: a slice cannot be used, or none of them where they may be skipped.
        WorkspaceError: the folder cannot be written.
        Cancelled: the job was asked to stop.
    """
    subfolders = ["images", "masks1", "masks2", *(["overlays"] if spec.overlays else [])]
    try:
        for name in subfolders:
            (folder / name).mkdir()
    except OSError as error:
        raise WorkspaceError(describe_os_error(error, folder, "write")) from error
    cv2.setNumThreads(1)
    workers = spec.threads or os.cpu_count() or 1
    done: dict[str, Converted] = {}
    left_out: dict[str, str] = {}
    with FrameReader(plain=found.plain) as reader, ThreadPoolExecutor(workers) as pool:
        futures: dict[Future[Converted], str] = {
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
        [done[item.name] for item in items if item.name in done],
        [left_out[name] for name in sorted(left_out)],
    )


def _convert(
    item: Item,
    found: ScanResult,
    table: LabelTable,
    spec: ConvertSpec,
    folder: Path,
    reader: FrameReader,
) -> Converted:
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
    facts = facts_of(grey, label_map)
    file = DatasetFile(
        name=item.name,
        set="incoming",
        patient_hash=item.series.patient.hash,
        series_uid=item.series.uid,
        sop_uid=item.slice.sop_uid,
        frame=item.slice.frame,
        pixels_per_label={x.name: n for x in table.labels if (n := facts.pixels.get(x.index))},
        digest=pixel_digest(grey, label_map),
        shapes=len(shapes),
        outlines=tuple(sorted(fingerprint(s, table.index_of(s.label) or 0) for s in shapes)),
        overlap_pixels=overlap_pixels(shapes, table, *grey.shape),
        place=item.place,
    )
    return Converted(item, file, facts)


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

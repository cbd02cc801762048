"""`scan`: list the series below a path and what became of every file."""

from __future__ import annotations

import argparse
import hashlib
import math
import os
import secrets
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import numpy as np

from medseg_desktop.cli.context import sources, workspace_of
from medseg_desktop.cli.output import ProgressLine, print_json, table, warn
from medseg_desktop.core.errors import UnreadableSliceError, WorkspaceError
from medseg_desktop.core.volume import Series
from medseg_desktop.io.dicom.stacks import relative_path
from medseg_desktop.io.dicom_series import FileRow, FileStatus, ScanResult, require_series, scan
from medseg_desktop.io.pixels.reader import FrameReader
from medseg_desktop.io.sources.source import Source, open_source
from medseg_desktop.io.store.annotation_store import AnnotationStore


def run(arguments: argparse.Namespace) -> int:
    line = ProgressLine()

    def progress(phase: str, done: int, total: int) -> None:
        if phase == "unpack":
            line.show(f"unpacking {done} of {total} MB")

    with open_source(sources(arguments.path), progress) as source:
        _scan(source, arguments, line)
    return 0


def _scan(source: Source, arguments: argparse.Namespace, line: ProgressLine) -> None:
    notes: list[str] = []
    found = scan(
        source,
        salt=_salt(arguments, notes),
        patient_key=arguments.patient_key,
        progress=lambda done, total: line.show(f"reading {done} of {total} files"),
        store=AnnotationStore(workspace_of(arguments).annotations),
    )
    decoded: dict[str, dict[str, Any]] = {}
    if arguments.decode:
        decoded = _decode_all(found, line)
    line.clear()
    if arguments.json:
        print_json(scan_json(found, decoded))
    elif found.series or found.refused:
        _print(found, decoded)
    if not found.refused:  # a list of refused files is a result too
        require_series(found)
    warn([*notes, *found.notes, *found.loaded.warnings])


def _salt(arguments: argparse.Namespace, notes: list[str]) -> bytes:
    """The workspace's; where there can be none, looking must still be possible."""
    try:
        return workspace_of(arguments).salt()
    except WorkspaceError as error:
        notes.append(f"{error.message} The patient hashes of this list are good for nothing else.")
        return secrets.token_bytes(32)


def _decode_all(found: ScanResult, line: ProgressLine) -> dict[str, dict[str, Any]]:
    """Path -> shape, min, max and sha256 of the pixels, or status and reason of a refusal."""
    frames = {item.path: item.frames for series in found.series for item in series.slices}
    decoded: dict[str, dict[str, Any]] = {}
    with FrameReader(plain=found.plain) as reader, ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        futures = {
            pool.submit(_decode_file, reader, path, count): path for path, count in frames.items()
        }
        try:
            for i, future in enumerate(as_completed(futures)):
                line.show(f"decoding {i} of {len(frames)} files")
                path = relative_path(Path(futures[future]), found.root)
                decoded[path] = future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            reader.close()
            raise
    return decoded


def _decode_file(reader: FrameReader, path: str, frames: int) -> dict[str, Any]:
    """All frames of a file as one array; a file is refused with its first frame that is."""
    digest = hashlib.sha256()
    lows, highs, shape = [], [], []
    for frame in range(frames):
        try:
            pixels, _ = reader.read(path, frame)
        except UnreadableSliceError as error:
            where = f"frame {frame + 1} of {frames}: " if frames > 1 else ""
            return {"status": "refused", "reason": f"{where}{error.message}"}
        digest.update(np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("<")).data)
        lows.append(pixels.min().item())
        highs.append(pixels.max().item())
        shape = [frames, *pixels.shape] if frames > 1 else list(pixels.shape)
    return {
        "shape": shape,
        "min": _finite(np.min(lows).item()),
        "max": _finite(np.max(highs).item()),
        "sha256": digest.hexdigest(),
    }


def _finite(value: float) -> float | None:
    """JSON has no not-a-number."""
    return value if math.isfinite(value) else None


def scan_json(found: ScanResult, decoded: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What `scan --json` prints."""
    series = [_series_json(found, s) for s in found.series]
    files = [_file_json(f, decoded.get(f.path, {})) for f in found.files]
    return {
        "series": series,
        "files": files,
        "counts": {
            "series": len(series),
            "slices": sum(s["slices"] for s in series),
            "annotated": sum(s["annotated"] for s in series),
            "reviewed": sum(s["reviewed"] for s in series),
            "refused": sum(f["status"] == FileStatus.REFUSED for f in files),
        },
        "notes": list(found.notes),
    }


def _series_json(found: ScanResult, series: Series) -> dict[str, Any]:
    return {
        "path": series.path,
        "uid": series.uid,
        "stack": series.stack,
        "patient_hash": series.patient.hash,
        "modality": series.modality,
        "description": series.description,
        "slices": len(series.slices),
        "time_points": series.time_points,
        "annotated": sum(found.is_annotated(s) for s in series.slices),
        "reviewed": sum(found.is_reviewed(s) for s in series.slices),
        "rows": series.rows,
        "columns": series.columns,
        "transfer_syntaxes": list(series.transfer_syntaxes),
        "warnings": list(series.warnings),
    }


def _file_json(file: FileRow, decoded: dict[str, Any]) -> dict[str, Any]:
    return {"path": file.path, "status": file.status, "reason": file.reason, **decoded}


def _print(found: ScanResult, decoded: dict[str, dict[str, Any]]) -> None:
    rows = [
        (
            s.path,
            s.title,
            f"{s.positions} x {s.time_points}" if s.time_points > 1 else str(s.positions),
            str(sum(found.is_annotated(x) for x in s.slices)),
            str(sum(found.is_reviewed(x) for x in s.slices)),
            f"{s.columns} x {s.rows}",
        )
        for s in found.series
    ]
    undecoded = {path: row["reason"] for path, row in decoded.items() if "reason" in row}
    print(table(rows, ("Series", "Description", "Slices", "Annotated", "Reviewed", "Size")))
    print(
        f"\n{len(found.series)} series, {sum(len(s.slices) for s in found.series)} slices, "
        f"{sum(int(r[3]) for r in rows)} annotated, {sum(int(r[4]) for r in rows)} reviewed, "
        f"{len(found.refused) + len(undecoded)} files refused"
    )
    for series in found.series:
        for sentence in series.warnings:
            print(f"  {series.path}: {sentence}")
    for file in found.refused:
        print(f"  {file.path}: {file.reason}")
    for file in found.incomplete_annotations:
        print(f"  {file.sentence}")
    for path, reason in undecoded.items():
        print(f"  {path}: {reason}")

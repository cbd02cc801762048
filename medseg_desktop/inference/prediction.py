"""Predict every slice of a folder and write label maps, fused pictures or outlines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from medseg_desktop.core.annotation import Annotation, FrameAnnotation, Shape
from medseg_desktop.core.errors import (
    DataError,
    UnreadableSliceError,
    WorkspaceError,
    describe_os_error,
)
from medseg_desktop.core.preprocessing import Preprocessing, denoise, to_eight_bit
from medseg_desktop.core.shapes.provenance import proposed_by, with_own_keys
from medseg_desktop.core.shapes.rings import shapes_from_label_map
from medseg_desktop.core.specs import PredictSpec
from medseg_desktop.inference.predictor import Predictor
from medseg_desktop.io.atomic import is_free, new_folder, write_bytes
from medseg_desktop.io.dicom.stacks import relative_path
from medseg_desktop.io.dicom_series import FileStatus, ScanResult
from medseg_desktop.io.job_input import Context, scanned_source
from medseg_desktop.io.medlabelme import new_annotation, new_shape_keys, write_annotation
from medseg_desktop.io.pixels.reader import FrameReader
from medseg_desktop.io.png import encode_png, read_grey_png

Grey = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Source:
    """One file to predict.

    Attributes:
        path: relative to the source folder, with `/`.
        read: frame -> (8-bit slice as shown, 8-bit slice as the network gets it).
    """

    path: str
    frames: int
    read: Callable[[int], tuple[Grey, Grey]]


def run_prediction(spec: PredictSpec, context: Context) -> dict[str, Any]:
    """Predict, write, and return what `predict --json` prints.

    Raises:
        DataError: nothing to predict.
        ModelError: the model failed a check.
        WorkspaceError: the output folder cannot be written.
    """
    predictor = Predictor.open(Path(spec.model), spec.threads)
    with (
        scanned_source(spec.source, spec.salt, context) as found,
        FrameReader(plain=found.plain) as reader,
    ):
        return _predict_found(found, predictor, reader, spec, context)


def _predict_found(
    found: ScanResult,
    predictor: Predictor,
    reader: FrameReader,
    spec: PredictSpec,
    context: Context,
) -> dict[str, Any]:
    sources, rows = _sources(found, predictor.preprocessing, reader)
    if not sources:
        reason = f" ({rows[0]['path']}: {rows[0]['reason']})" if rows else ""
        raise DataError(f"{found.source} holds no slice to predict{reason}.")
    out = Path(spec.out)
    _check_not_source(out, found.root)
    with _output_folder(out, spec.overwrite) as folder:
        names = _output_names({s.path: s.frames for s in sources}, spec.formats)
        for i, source in enumerate(sources):
            context.check()
            context.progress("predict", i, len(sources))
            try:
                written = _predict_file(source, names[source.path], predictor, spec, folder)
                rows.append({"path": source.path, "status": "predicted", "outputs": written})
            except UnreadableSliceError as error:
                rows.append({"path": source.path, "status": "refused", "reason": error.message})
            except OSError as error:
                raise WorkspaceError(describe_os_error(error, out, "write")) from error
        context.progress("predict", len(sources), len(sources))
        predicted = sum(row["status"] == "predicted" for row in rows)
        if not predicted:
            raise DataError(f"No slice could be read; {rows[0]['path']}: {rows[0]['reason']}.")
    return {
        "model": predictor.info.title,
        "out": str(out),
        "files": sorted(rows, key=lambda row: str(row["path"])),
        "counts": {"predicted": predicted, "refused": len(rows) - predicted},
    }


def _check_not_source(out: Path, folder: Path) -> None:
    """Predictions must not replace the annotations that lie beside the slices."""
    if out.resolve() == folder.resolve():
        raise WorkspaceError(
            f"{out} is the folder of the slices, where predictions would replace annotations.",
            "Choose another folder.",
        )


def _output_folder(out: Path, overwrite: bool) -> AbstractContextManager[Path]:
    """A new folder that appears when all is done; with `overwrite`, the existing one."""
    if overwrite and not is_free(out):
        if not out.is_dir():
            raise WorkspaceError(f"{out} is a file; choose a folder.")
        return nullcontext(out)
    if not is_free(out):
        raise WorkspaceError(
            f"{out} exists already and is not empty.", "Choose another folder or use --overwrite."
        )
    return new_folder(out)


def _sources(
    found: ScanResult, how: Preprocessing, reader: FrameReader
) -> tuple[list[_Source], list[dict[str, Any]]]:
    """DICOM images and 8-bit grey PNG of the source, and rows for refused files."""
    rows = [
        {"path": f.path, "status": "refused", "reason": f.reason}
        for f in found.refused
        if f not in found.refused_annotations
    ]
    sources = list(_dicom_sources(found, how, reader))
    for file in found.files:
        if file.status is FileStatus.IGNORED and file.path.lower().endswith(".png"):
            sources.append(_Source(file.path, 1, _png_reader(found.root / file.path)))
    return sorted(sources, key=lambda s: s.path), rows


def _dicom_sources(found: ScanResult, how: Preprocessing, reader: FrameReader) -> Iterator[_Source]:
    frames = {item.path: item.frames for series in found.series for item in series.slices}
    for path, count in frames.items():

        def read(frame: int, path: str = path) -> tuple[Grey, Grey]:
            stored, fmt = reader.read(path, frame)
            if stored.ndim != 2:
                raise UnreadableSliceError("it is in colour; only grey slices can be predicted")
            eight_bit = to_eight_bit(stored, fmt, how)
            return eight_bit, denoise(eight_bit, how)

        yield _Source(relative_path(Path(path), found.root), count, read)


def _png_reader(path: Path) -> Callable[[int], tuple[Grey, Grey]]:
    """A PNG is a slice that was prepared already, as in a dataset: it is taken as it is."""

    def read(_frame: int) -> tuple[Grey, Grey]:
        try:
            grey = read_grey_png(path)
            return grey, grey
        except DataError as error:
            raise UnreadableSliceError(error.message) from error

    return read


def _output_names(sources: dict[str, int], formats: list[str]) -> dict[str, str]:
    """Names for the outputs of files, so that no output replaces another one.

    A final .dcm is stripped, unless one of the outputs would then be called like an output
    of another file (case disregarded, because some disks do).

    Args:
        sources: source path -> number of frames.

    Returns:
        Source path -> output path without suffix.
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for path, frames in sorted(sources.items(), key=lambda s: (_stem(s[0]) != s[0], s[0])):
        for name in (_stem(path), path):
            outputs = {o.casefold() for o in _outputs(name, frames, formats)}
            if name == path or not outputs & taken:
                break
        names[path] = name
        taken |= outputs
    return names


def _stem(path: str) -> str:
    """The path without a final .dcm in any case; the whole path where nothing would be left."""
    stem = path[: -len(".dcm")] if path.lower().endswith(".dcm") else path
    return path if not stem or stem.endswith("/") else stem


def _outputs(name: str, frames: int, formats: list[str]) -> list[str]:
    """Every path that the predictions of one file are written to."""
    suffixes = [f"-f{i:04d}" for i in range(frames)] if frames > 1 else [""]
    outputs = [f"{name}{s}.png" for s in suffixes if "png" in formats]
    outputs += [f"{name}{s}-overlay.png" for s in suffixes if "overlay" in formats]
    return outputs + ([f"{name}.json"] if "json" in formats else [])


def _predict_file(
    source: _Source, name: str, predictor: Predictor, spec: PredictSpec, folder: Path
) -> list[str]:
    """Predict all frames of one file and write them; returns the written paths.

    Raises:
        UnreadableSliceError: a frame cannot be used; nothing of the file stays.
    """
    written: list[str] = []
    try:
        _predict_frames(source, name, predictor, spec, folder, written)
    except UnreadableSliceError:
        for path in written:
            (folder / path).unlink(missing_ok=True)
        raise
    return written


def _predict_frames(
    source: _Source,
    name: str,
    predictor: Predictor,
    spec: PredictSpec,
    folder: Path,
    written: list[str],
) -> None:
    frames: list[FrameAnnotation] = []
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    for frame in range(source.frames):
        eight_bit, grey = source.read(frame)
        label_map = predictor.predict_grey(grey)
        suffix = f"-f{frame:04d}" if source.frames > 1 else ""
        if "png" in spec.formats:
            written.append(f"{name}{suffix}.png")
            _write_png(folder / written[-1], label_map, spec.overwrite)
        if "overlay" in spec.formats:
            written.append(f"{name}{suffix}-overlay.png")
            _write_png(folder / written[-1], fused_picture(eight_bit, label_map), spec.overwrite)
        rows, columns = label_map.shape
        shapes = _proposed(label_map, frame, predictor)
        frames.append(FrameAnnotation(frame, shapes, columns, rows))
    if "json" in spec.formats:
        written.append(f"{name}.json")
        document = _document(Path(source.path).name, frames, source.frames, predictor)
        write_annotation(folder / written[-1], document)


def _write_png(path: Path, pixels: npt.NDArray[np.uint8], replace: bool) -> None:
    """Write a PNG; where it may replace one, whole or not at all."""
    if replace:
        write_bytes(path, encode_png(pixels))
    else:
        path.write_bytes(encode_png(pixels))


def _proposed(label_map: Grey, frame: int, predictor: Predictor) -> tuple[Shape, ...]:
    """Outlines of a predicted label map, marked as not accepted by anybody."""
    return tuple(
        with_own_keys(
            replace(shape, extra={**new_shape_keys(frame), **shape.extra}),
            **proposed_by(predictor.info.title),
        )
        for shape in shapes_from_label_map(label_map, predictor.table)
    )


def _document(
    image: str, frames: list[FrameAnnotation], total: int, predictor: Predictor
) -> Annotation:
    """A MedicalLabelMe document of predictions; as always only frames with shapes are listed."""
    empty = new_annotation(image, total)
    return Annotation(
        image_path=image,
        total_frames=total,
        frames=tuple(f for f in frames if f.shapes),
        extra={**empty.extra, "medseg": {"prediction": predictor.info.title}},
    )


def fused_picture(eight_bit: Grey, label_map: Grey) -> npt.NDArray[np.uint8]:
    """0.2 x label map in blue + 0.5 x 8-bit slice -> RGB (rows, columns, 3).

    The fused picture of the reference recipe; any class counts as label map.
    """
    picture = np.repeat(eight_bit[:, :, None], 3, axis=2)
    blue = np.zeros_like(picture)
    blue[label_map > 0, 2] = 255
    return cv2.addWeighted(blue, 0.2, picture, 0.5, 0)  # type: ignore[return-value]

"""Small test data made on the fly."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import imagecodecs
import numpy as np
import numpy.typing as npt
import onnx
import pydicom
from onnx import TensorProto, helper
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from medseg_desktop.core.errors import Cancelled
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.preprocessing import Preprocessing
from medseg_desktop.core.split import SET_NAMES, SetName
from medseg_desktop.core.volume import Vector
from medseg_desktop.io.dataset import (
    DatasetFile,
    Manifest,
    write_lists,
    write_manifest,
)
from medseg_desktop.io.model_package import InputShape, ModelInfo, write_model
from medseg_desktop.io.png import write_png

Grey = npt.NDArray[np.uint8]


def write_dataset(
    folder: Path,
    patients: Mapping[SetName, int] | None = None,
    *,
    slices: int = 4,
    size: tuple[int, int] = (64, 64),
    labels: Sequence[str] = ("H",),
    without_lesion: Sequence[SetName] = (),
    seed: int = 0,
) -> Path:
    """Write a dataset folder: bright discs (lesions) on dark noise, and return it.

    Args:
        patients: number of patients by set; default two in training and one in validation.
            Patient k of a set is `patient_hash(set, k)`.
        slices: slices of each patient; the last one of more than two shows no lesion.
        size: rows and columns of a slice.
        labels: label names; each slice with lesions shows one disc of every label, the first
            label's brightest.
        without_lesion: sets whose patients have no lesion at all.
    """
    patients = {"train": 2, "val": 1} if patients is None else patients
    table = LabelTable.from_names(labels)
    rng = np.random.default_rng(seed)
    for name in ("images", "masks1", "masks2"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    files: list[DatasetFile] = []
    for set_name in SET_NAMES:
        for k in range(patients.get(set_name, 0)):
            for frame in range(slices):
                is_empty = set_name in without_lesion or (slices > 2 and frame == slices - 1)
                grey, label_map = draw_slice(size, 0 if is_empty else len(labels), rng)
                name = f"{len(files):05d}.png"
                write_png(folder / "images" / name, grey)
                write_png(folder / "masks1" / name, (label_map > 0).astype(np.uint8) * 255)
                write_png(folder / "masks2" / name, label_map)
                files.append(_entry(name, set_name, k, frame, label_map, table))
    write_lists(folder, tuple(files))
    write_manifest(
        folder,
        Manifest(
            preset="reference",
            preprocessing=Preprocessing(),
            labels=table.labels,
            salt_id="0" * 16,
            files=tuple(files),
        ),
    )
    return folder


def patient_hash(set_name: SetName, k: int) -> str:
    """The hash of patient k of a set in `write_dataset`: 16 hex digits."""
    return hashlib.sha256(f"{set_name}-{k}".encode()).hexdigest()[:16]


def draw_slice(size: tuple[int, int], n_discs: int, rng: np.random.Generator) -> tuple[Grey, Grey]:
    """A slice and its label map (rows, columns): disc i has class i + 1 and its own brightness."""
    rows, columns = size
    grey = rng.normal(60, 8, size)
    label_map = np.zeros(size, np.uint8)
    y, x = np.mgrid[:rows, :columns]
    radius = min(size) / (5 if n_discs < 2 else 8)
    for i in range(n_discs):
        # Discs lie in columns of their own, so that none hides another.
        low, high = columns * i / n_discs, columns * (i + 1) / n_discs
        centre_x = rng.uniform(low + radius, high - radius)
        centre_y = rng.uniform(radius, rows - radius)
        disc = (x - centre_x) ** 2 + (y - centre_y) ** 2 <= radius**2
        grey[disc] += 150 - 60 * i
        label_map[disc] = i + 1
    return np.clip(grey, 0, 255).astype(np.uint8), label_map


def _entry(
    name: str, set_name: SetName, k: int, frame: int, label_map: Grey, table: LabelTable
) -> DatasetFile:
    counts = {x.name: int((label_map == x.index).sum()) for x in table.foreground}
    return DatasetFile(
        name=name,
        set=set_name,
        patient_hash=patient_hash(set_name, k),
        series_uid=f"1.2.{SET_NAMES.index(set_name)}.{k}",
        sop_uid=f"1.2.{SET_NAMES.index(set_name)}.{k}.{frame}",
        frame=0,
        pixels_per_label={n: c for n, c in counts.items() if c},
    )


Syntax = Literal[
    "explicit", "implicit", "big", "deflated", "rle", "jpeg", "jpeg-lossless", "jpeg-ls", "jpeg2000"
]
_SYNTAXES = {
    "explicit": ExplicitVRLittleEndian,
    "implicit": ImplicitVRLittleEndian,
    "big": ExplicitVRBigEndian,
    "deflated": DeflatedExplicitVRLittleEndian,
}
#: Written as Explicit VR Little Endian and compressed afterwards.
_COMPRESSED = {
    "rle": RLELossless,
    "jpeg": JPEGBaseline8Bit,
    "jpeg-lossless": JPEGLosslessSV1,
    "jpeg-ls": JPEGLSLossless,
    "jpeg2000": JPEG2000Lossless,
}
_MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


def uid(*words: object) -> str:
    """A valid DICOM UID that is the same for the same words."""
    digest = hashlib.sha256("/".join(map(str, words)).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:12], 'big')}"


def write_dicom(
    path: Path,
    pixels: npt.NDArray[Any],
    *,
    patient: str = "P1",
    study: str | None = None,
    series: str = "",
    sop_uid: str | None = None,
    number: int = 1,
    position_mm: Vector | None = (0.0, 0.0, 0.0),
    orientation: Sequence[float] | None = (1, 0, 0, 0, 1, 0),
    spacing_mm: tuple[float, float] | None = (1.0, 1.0),
    thickness_mm: float | None = 5.0,
    photometric: str = "MONOCHROME2",
    rescale: tuple[float, float] | None = None,
    syntax: Syntax = "explicit",
    elements: Mapping[str, object] | None = None,
) -> Path:
    """Write one DICOM file and return its path; folders are made.

    Args:
        pixels: stored values, (rows, columns), (frames, rows, columns), or with RGB as
            photometric interpretation (rows, columns, 3); 8 or 16 bit, signed or not.
        study, series: words that the UIDs are made of; by default the patient's.
        number: InstanceNumber.
        position_mm, orientation, spacing_mm, thickness_mm: None leaves the element out.
        rescale: Rescale Slope and Intercept.
        elements: further elements by keyword; None removes one.
    """
    frames = pixels.shape[0] if photometric != "RGB" and pixels.ndim == 3 else 1
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = _SYNTAXES.get(syntax, ExplicitVRLittleEndian)
    meta.MediaStorageSOPClassUID = _SECONDARY_CAPTURE if frames > 1 else _MR_IMAGE
    ds = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    ds.SOPClassUID = meta.MediaStorageSOPClassUID
    ds.SOPInstanceUID = sop_uid or uid(path)
    meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.PatientID, ds.PatientName, ds.Modality = patient, f"Name^{patient}", "MR"
    ds.StudyInstanceUID = uid("study", study or patient)
    ds.SeriesInstanceUID = uid("series", study or patient, series)
    ds.InstanceNumber = number
    _place(ds, position_mm, orientation, spacing_mm, thickness_mm)
    if rescale is not None:
        ds.RescaleSlope, ds.RescaleIntercept = rescale
    _set_pixels(ds, pixels, photometric, frames, big_endian=syntax == "big")
    for name, value in (elements or {}).items():
        if value is None:
            delattr(ds, name)
        else:
            setattr(ds, name, value)
    if syntax in ("jpeg", "jpeg-lossless"):
        _compress_jpeg(ds, pixels.reshape(frames, *pixels.shape[-2:]), syntax)
    elif syntax in _COMPRESSED:
        ds.compress(_COMPRESSED[syntax], generate_instance_uid=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    pydicom.dcmwrite(path, ds, enforce_file_format=True)
    return path


def _compress_jpeg(ds: FileDataset, frames: npt.NDArray[Any], syntax: Syntax) -> None:
    """pydicom writes no JPEG; `frames` are grey, (frames, rows, columns)."""
    options: dict[str, Any] = {"lossless": True} if syntax == "jpeg-lossless" else {"level": 95}
    unsigned = frames.view(f"u{frames.itemsize}")
    ds.PixelData = encapsulate([imagecodecs.jpeg8_encode(frame, **options) for frame in unsigned])
    ds["PixelData"].VR = "OB"
    ds.file_meta.TransferSyntaxUID = _COMPRESSED[syntax]


def _place(
    ds: FileDataset,
    position_mm: Vector | None,
    orientation: Sequence[float] | None,
    spacing_mm: tuple[float, float] | None,
    thickness_mm: float | None,
) -> None:
    if position_mm is not None:
        ds.ImagePositionPatient = list(position_mm)
    if orientation is not None:
        ds.ImageOrientationPatient = list(orientation)
    if spacing_mm is not None:
        ds.PixelSpacing = list(spacing_mm)
    if thickness_mm is not None:
        ds.SliceThickness = thickness_mm


def _set_pixels(
    ds: FileDataset, pixels: npt.NDArray[Any], photometric: str, frames: int, *, big_endian: bool
) -> None:
    is_colour = photometric == "RGB"
    ds.PhotometricInterpretation = photometric
    ds.SamplesPerPixel = 3 if is_colour else 1
    if is_colour:
        ds.PlanarConfiguration = 0
    if frames > 1:
        ds.NumberOfFrames = frames
    ds.Rows, ds.Columns = pixels.shape[:2] if is_colour else pixels.shape[-2:]
    ds.BitsAllocated = ds.BitsStored = 8 * pixels.dtype.itemsize
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = int(pixels.dtype.kind == "i")
    data = pixels.astype(pixels.dtype.newbyteorder(">" if big_endian else "<")).tobytes()
    ds.PixelData = data + b"\0" * (len(data) % 2)
    ds["PixelData"].VR = "OB" if pixels.dtype.itemsize == 1 else "OW"


def shape_json(
    points: Sequence[Sequence[float]],
    label: str = "H",
    kind: str = "polygon",
    frame: int = 0,
    further: Mapping[str, object] | None = None,
) -> dict[str, Any]:
    """A shape as MedicalLabelMe writes it."""
    return {
        "label": label,
        "points": [list(p) for p in points],
        "group_id": None,
        "description": "",
        "shape_type": kind,
        "flags": {},
        "frame": frame,
        **(further or {}),
    }


def annotation_json(
    image: str,
    frames: Mapping[int, Sequence[dict[str, Any]]],
    size: tuple[int, int] = (32, 32),
    total: int = 1,
) -> dict[str, Any]:
    """A MedicalLabelMe document: frame index -> shapes, and the (rows, columns) of a slice."""
    rows, columns = size
    return {
        "version": "1.0.0",
        "flags": {},
        "image_path": image,
        "total_frames": total,
        "frames": [
            {"frame": i, "width": columns, "height": rows, "shapes": list(shapes)}
            for i, shapes in frames.items()
        ],
    }


def write_json(path: Path, document: object) -> Path:
    """Write a JSON file as UTF-8; folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    return path


def lesion_slice(size: tuple[int, int] = (32, 40), seed: int = 0) -> npt.NDArray[np.uint16]:
    """A dark noisy slice with a bright rectangle (rows 8..15, columns 10..19), 12 bit."""
    pixels = np.random.default_rng(seed).integers(0, 400, size).astype(np.uint16)
    pixels[8:16, 10:20] = 4000
    return pixels


#: The outline of `lesion_slice`'s rectangle; it fills to exactly its pixels.
LESION_OUTLINE = [[10.5, 8.5], [19.5, 8.5], [19.5, 15.5], [10.5, 15.5]]


def write_study(
    folder: Path,
    patients: Sequence[str] = ("A", "B"),
    *,
    slices: int = 2,
    size: tuple[int, int] = (32, 40),
    label: str = "H",
    healthy: Sequence[str] = (),
) -> Path:
    """One folder a patient with `lesion_slice`s, all annotated and reviewed; returns the folder.

    Args:
        healthy: patients whose slices are reviewed and hold no lesion (noise only).
    """
    for k, patient in enumerate(patients):
        for i in range(slices):
            pixels = lesion_slice(size, seed=100 * k + i)
            if patient in healthy:
                pixels[8:16, 10:20] = 200
                pixels[0, 0] = 4000  # one bright pixel, so that "maximum" scales alike
            name = f"IM{i:04d}"
            write_dicom(
                folder / patient / f"{name}.dcm",
                pixels,
                patient=patient,
                number=i,
                position_mm=(0.0, 0.0, 5.0 * i),
                sop_uid=uid(patient, i),
            )
            shapes = [] if patient in healthy else [shape_json(LESION_OUTLINE, label)]
            document = annotation_json(f"{name}.dcm", {0: shapes}, size)
            write_json(folder / patient / f"{name}.json", document)
    return folder


def threshold_network(
    size: tuple[int, int], thresholds: Sequence[float], *, output: str = "logits"
) -> onnx.ModelProto:
    """A 1 x 1 convolution that gives class i + 1 to grey values above thresholds[i] (0..255).

    The thresholds rise; the input is normalised as (x / 255 - 0.5) / 0.5.
    """
    cuts = [(t / 255 - 0.5) / 0.5 for t in thresholds]
    k = len(cuts) + 1
    weight = np.arange(k, dtype=np.float32).reshape(k, 1, 1, 1)
    bias = -np.concatenate([[0.0], np.cumsum(cuts)]).astype(np.float32)
    shape = ["N", 1, *size]
    graph = helper.make_graph(
        [helper.make_node("Conv", ["image", "weight", "bias"], [output])],
        "threshold",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["N", k, *size])],
        [
            helper.make_tensor("weight", TensorProto.FLOAT, weight.shape, weight.ravel()),
            helper.make_tensor("bias", TensorProto.FLOAT, [k], bias),
        ],
    )
    opset = helper.make_opsetid("", 13)
    return helper.make_model(graph, opset_imports=[opset], ir_version=8)


def model_info(
    size: tuple[int, int] = (32, 40),
    labels: Sequence[str] = ("H",),
    *,
    name: str = "tiny",
    preprocessing: Preprocessing | None = None,
    split: Mapping[str, SetName] | None = None,
    salt_id: str = "",
) -> ModelInfo:
    """`model.json` of `write_model_package`; preprocessing: maximum scaling, no denoising."""
    return ModelInfo(
        name=name,
        architecture="threshold",
        labels=LabelTable.from_names(labels).labels,
        preprocessing=preprocessing or Preprocessing(denoise=None),
        input=InputShape(1, *size),
        split=dict(split or {}),
        salt_id=salt_id,
        created="2026-01-01T00:00:00+00:00",
    )


def write_model_package(
    folder: Path,
    info: ModelInfo | None = None,
    *,
    thresholds: Sequence[float] = (128.5,),
    network: onnx.ModelProto | None = None,
) -> Path:
    """A valid package whose predictions are known: slices brighter than the thresholds.

    Args:
        info: by default `model_info()`; its labels must be as many as the thresholds.
        network: instead of `threshold_network`.
    """
    info = info or model_info()
    size = (info.input.height, info.input.width)
    onnx_bytes = (network or threshold_network(size, thresholds)).SerializeToString()
    empty_weights = struct.pack("<Q", 2) + b"{}"  # a safetensors file without tensors
    write_model(folder, info, onnx_bytes, empty_weights)
    return folder


class QuietContext:
    """The context of a job that runs in the test's own process.

    Args:
        stop_in: the phase in which the job is asked to stop, once its first item is done.
    """

    def __init__(self, stop_in: str = "") -> None:
        self.phases: list[tuple[str, int, int]] = []
        self._stop_in = stop_in

    def progress(self, phase: str, done: int, total: int) -> None:
        self.phases.append((phase, done, total))

    def log(self, message: str) -> None:
        """Nobody listens."""

    def check(self) -> None:
        if any(phase == self._stop_in and done > 0 for phase, done, _ in self.phases):
            raise Cancelled

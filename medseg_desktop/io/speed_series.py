"""A large generated series to measure speed with."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, MRImageStorage

from medseg_desktop.core.annotation import FrameAnnotation, Shape
from medseg_desktop.io.medlabelme import new_annotation, new_shape_keys, write_annotation

_OUTLINE_POINTS = 120
_ROOT = "2.25.31415926535"


def write_speed_series(
    folder: Path, *, slices: int = 1000, side: int = 512, annotated: int = 100
) -> int:
    """Write `slices` slices of `side` x `side` 16-bit pixels, one file each, uncompressed.

    The first `annotated` slices have a large outline, so that an overlay is filled.

    Returns:
        Bytes of all stored pixels.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:side, :side] / side - 0.5
    head = 3000 * np.exp(-((x / 0.33) ** 4 + (y / 0.4) ** 4))
    noise = rng.normal(0, 120, (4, side, side))
    for i in range(slices):
        pixels = np.clip(head * (1 + 0.2 * np.sin(9 * x + i / 20)) + noise[i % 4], 0, 4095)
        path = folder / f"IM{i:05d}.dcm"
        _slice(path, pixels.astype(np.uint16), i)
        if i < annotated:
            _annotate(path, side)
    if hasattr(os, "sync"):
        os.sync()  # so that nothing is still being written while somebody measures
    return slices * side * side * 2


def _slice(path: Path, pixels: np.ndarray, number: int) -> None:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = MRImageStorage
    meta.MediaStorageSOPInstanceUID = UID(f"{_ROOT}.3.{number}")
    ds = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    ds.SOPClassUID, ds.SOPInstanceUID = MRImageStorage, meta.MediaStorageSOPInstanceUID
    ds.PatientID, ds.PatientName, ds.Modality = "Speed", "Speed^Generated", "MR"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = f"{_ROOT}.1", f"{_ROOT}.2"
    ds.SeriesDescription, ds.InstanceNumber = "Speed series", number + 1
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.ImagePositionPatient = [0, 0, 0.5 * number]
    ds.PixelSpacing, ds.SliceThickness = [0.5, 0.5], 0.5
    ds.WindowCenter, ds.WindowWidth = 1500, 3000
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = pixels.shape
    ds.BitsAllocated = ds.BitsStored = 16
    ds.HighBit, ds.PixelRepresentation = 15, 0
    ds.PixelData = pixels.tobytes()
    ds.save_as(path, enforce_file_format=True)


def _annotate(path: Path, side: int) -> None:
    """An outline of a third of the slice's width, beside the file."""
    angle = np.linspace(0, 2 * np.pi, _OUTLINE_POINTS, endpoint=False)
    x = side / 2 + np.cos(angle) * side / 6
    y = side / 2 + np.sin(angle) * side / 6
    points = tuple((float(px), float(py)) for px, py in zip(x, y, strict=True))
    shape = Shape("H", points, extra=new_shape_keys(0))
    frame = FrameAnnotation(0, (shape,), width=side, height=side)
    write_annotation(path.with_suffix(".json"), new_annotation(path.name).with_frame(frame))

"""Slices with their label maps as pictures inside a report."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from medseg_desktop.core.errors import DataError
from medseg_desktop.core.events import PreviewSlice
from medseg_desktop.core.label_colors import outline_color
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.preprocessing import resize_label_map
from medseg_desktop.io.dataset import Dataset, DatasetFile
from medseg_desktop.io.png import read_grey_png

Grey = npt.NDArray[np.uint8]

_OPACITY = 0.22
_QUALITY = 90
#: Sides of a slice in a report, in pixels.
_LARGEST, _SMALLEST = 320, 160
_GAP = 4
#: Grey values up to this are background.
_BLACK = 16


@dataclass(frozen=True, slots=True)
class SamplePicture:
    """A training slice as it is shown: grey and label map, uint8 (rows, columns)."""

    caption: str
    grey: Grey
    label_map: Grey


def overlay(grey: Grey, label_map: Grey, table: LabelTable) -> Grey:
    """A slice (rows, columns) with its label map tinted and outlined -> RGB (rows, columns, 3).

    A class that the table lacks is drawn like the last one.
    """
    colors = np.array([outline_color(label.color) for label in table.labels], np.float32)
    classes = np.minimum(label_map, len(colors) - 1)
    inner = cv2.erode(label_map, np.ones((3, 3), np.uint8), borderValue=0)
    opacity = np.where(label_map > 0, _OPACITY, 0.0)
    opacity[(label_map > 0) & (inner != label_map)] = 1.0
    opacity = opacity[..., None]
    picture = grey[..., None] * (1 - opacity) + colors[classes] * opacity
    return np.asarray(picture, np.uint8)


def side_by_side(grey: Grey, label_maps: Sequence[Grey | None], table: LabelTable) -> str:
    """A slice under each label map (None: under nothing), as one picture in a data URI.

    Black margins are cut off.
    """
    window = _window(grey, [m for m in label_maps if m is not None])
    grey = grey[window]
    rows, columns = _shown_size(*grey.shape)
    how = cv2.INTER_AREA if rows < grey.shape[0] else cv2.INTER_LINEAR
    shown = np.asarray(cv2.resize(grey, (columns, rows), interpolation=how), np.uint8)
    gap = np.zeros((rows, _GAP, 3), np.uint8)
    row: list[Grey] = []
    for label_map in label_maps:
        if label_map is None:
            tile = np.repeat(shown[..., None], 3, axis=2)
        else:
            tile = overlay(shown, resize_label_map(label_map[window], rows, columns), table)
        row += [tile, gap]
    return data_uri(np.concatenate(row[:-1], axis=1))


def _window(grey: Grey, label_maps: Sequence[Grey]) -> tuple[slice, slice]:
    """Rows and columns in which there is something to see, and a little around them."""
    seen = cv2.blur(grey, (5, 5)) > _BLACK
    for label_map in label_maps:
        seen = seen | (label_map > 0)
    if not seen.any():
        return slice(None), slice(None)
    spans = [np.flatnonzero(seen.any(axis=axis)) for axis in (1, 0)]
    margin = max(2, max(grey.shape) // 40)
    rows, columns = [slice(max(0, int(s[0]) - margin), int(s[-1]) + margin + 1) for s in spans]
    return rows, columns


def data_uri(rgb: Grey) -> str:
    """RGB (rows, columns, 3) as a JPEG inside the document, colours at full resolution."""
    options = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
    options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    ok, data = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), options)
    if not ok:
        raise DataError("A picture of the report cannot be made.")
    return f"data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode()}"


def preview_uri(run: Path, shown: PreviewSlice, table: LabelTable) -> str | None:
    """A preview under its reference and its prediction; None where a file of it is missing."""
    folder = run.resolve()
    paths = [(run / name).resolve() for name in (shown.grey, shown.reference, shown.prediction)]
    if not all(path.is_relative_to(folder) for path in paths):
        return None
    try:
        grey, reference, prediction = map(read_grey_png, paths)
    except DataError:
        return None
    if not grey.shape == reference.shape == prediction.shape:
        return None
    return side_by_side(grey, [reference, prediction], table)


def choose_samples(files: Sequence[DatasetFile], count: int) -> list[DatasetFile]:
    """The slice with most lesion of each patient in turn, then the next ones; one in four
    without lesion, as far as there are any."""
    lesion = _in_turn([f for f in files if f.lesion_pixels])
    clear = _in_turn([f for f in files if not f.lesion_pixels])
    n_clear = min(len(clear), max(count // 4, count - len(lesion)))
    return lesion[: count - n_clear] + clear[:n_clear]


def training_samples(dataset: Dataset, count: int) -> list[SamplePicture]:
    """Some slices of the training set; those that cannot be read any more are left out."""
    samples = []
    for file in choose_samples(dataset.files("train"), count):
        try:
            grey, label_map = dataset.slice(file), dataset.label_map(file)
        except DataError:
            continue
        if grey.shape == label_map.shape:
            samples.append(SamplePicture(f"patient {file.patient_hash}", grey, label_map))
    return samples


def _in_turn(files: Sequence[DatasetFile]) -> list[DatasetFile]:
    """Sorted so that every patient's largest comes before anybody's second largest."""
    place: dict[str, int] = {}
    ranked: list[tuple[int, DatasetFile]] = []
    for file in sorted(files, key=lambda f: -sum(f.lesion_pixels.values())):
        place[file.patient_hash] = place.get(file.patient_hash, -1) + 1
        ranked.append((place[file.patient_hash], file))
    return [file for _, file in sorted(ranked, key=lambda pair: pair[0])]


def _shown_size(rows: int, columns: int) -> tuple[int, int]:
    """The size to draw at: large slices smaller, tiny ones larger by a whole factor."""
    side = max(rows, columns)
    factor: float = _LARGEST / side if side > _LARGEST else max(1, _SMALLEST // side)
    return max(1, round(rows * factor)), max(1, round(columns * factor))

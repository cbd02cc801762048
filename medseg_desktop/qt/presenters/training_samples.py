"""A few random slices of a dataset with their label maps, as pictures to look at."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PySide6.QtGui import QImage

from medseg_desktop.core.labels import LabelTable
from medseg_desktop.io.dataset import Dataset, DatasetFile
from medseg_desktop.qt.panels.sample_strip import SAMPLES

_OPACITY = 0.45
#: One of the samples may be without lesion, so that the strip does not mislead.
_WITH_LESION = SAMPLES - 1


def sample_pictures(dataset: Dataset) -> list[QImage]:
    """Up to four slices of the training set, most with a lesion, which is coloured.

    Reads from disk and may run in any thread.

    Raises:
        DatasetError: a picture of the dataset cannot be used.
    """
    table = dataset.manifest.table
    chosen = choose_samples(dataset.files("train"))
    return [picture(dataset.slice(f), dataset.label_map(f), table) for f in chosen]


def choose_samples(files: Sequence[DatasetFile]) -> list[DatasetFile]:
    """Up to four random ones, as many as possible but one of them with a lesion."""
    mixed = random.sample(files, len(files))
    chosen = [f for f in mixed if f.lesion_pixels][:_WITH_LESION]
    return chosen + [f for f in mixed if f not in chosen][: SAMPLES - len(chosen)]


def picture(
    grey: npt.NDArray[np.uint8], label_map: npt.NDArray[np.uint8], table: LabelTable
) -> QImage:
    """Slice and label map (rows, columns) blended into one colour picture."""
    colours = np.array([label.color for label in table.labels], np.float32)
    opacity = np.where(label_map > 0, _OPACITY, 0.0)[..., None]
    blended = grey[..., None] * (1 - opacity) + colours[label_map] * opacity
    rgb = np.ascontiguousarray(blended.astype(np.uint8))
    rows, columns = grey.shape
    return QImage(rgb.data, columns, rows, 3 * columns, QImage.Format.Format_RGB888).copy()

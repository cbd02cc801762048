"""The reviewed slices of one patient through one or two models."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt

from medseg_desktop.core.display import PixelFormat
from medseg_desktop.core.evaluation.reviewed_stack import ReviewedStack
from medseg_desktop.core.preprocessing import Preprocessing, preprocess
from medseg_desktop.core.raster import LabelMap
from medseg_desktop.core.volume import Series
from medseg_desktop.inference.evaluating.labels import CommonLabels
from medseg_desktop.inference.predictor import Predictor
from medseg_desktop.io.dicom_series import ScanResult
from medseg_desktop.io.job_input import UnusableSliceError, read_reviewed
from medseg_desktop.io.pixels.reader import FrameReader


class CaseReader:
    """Reads reviewed slices and predicts them.

    Args:
        labels: what the label maps are brought to.
        on_slice: called before each slice; may raise `core.errors.Cancelled`.
        skip_broken: leave out slices that cannot be used.

    Attributes:
        left_out: sentences on the slices that were left out.
    """

    def __init__(
        self,
        found: ScanResult,
        predictors: Sequence[Predictor],
        labels: CommonLabels,
        reader: FrameReader,
        on_slice: Callable[[], None],
        *,
        skip_broken: bool = False,
    ) -> None:
        self._found = found
        self._predictors = predictors
        self._labels = labels
        self._reader = reader
        self._on_slice = on_slice
        self._skip_broken = skip_broken
        self.left_out: list[str] = []

    def read(self, series: Sequence[Series]) -> list[ReviewedStack]:
        """All reviewed slices of a patient, each read once; series without any are left out.

        Raises:
            UnusableSliceError: one cannot be read, or is in colour.
        """
        return [found for stack in series if (found := self._stack(stack)).truth]

    def _stack(self, series: Series) -> ReviewedStack:
        truth: dict[int, LabelMap] = {}
        predicted: list[dict[int, LabelMap]] = [{} for _ in self._predictors]
        for index, item in enumerate(series.slices):
            if not self._found.is_usable(item):
                continue
            self._on_slice()
            try:
                stored, fmt = read_reviewed(self._found, item, self._reader)
            except UnusableSliceError as error:
                if not self._skip_broken:
                    raise
                self.left_out.append(f"A slice was left out: {error.message}")
                continue
            document = self._found.annotations[item.path].annotation
            truth[index] = self._labels.truth(document.shapes(item.frame), *stored.shape)
            for model, label_map in enumerate(self._predict(stored, fmt)):
                predicted[model][index] = self._labels.predicted(label_map, model)
        return ReviewedStack(series, truth, tuple(predicted))

    def _predict(self, stored: npt.NDArray[np.generic], fmt: PixelFormat) -> list[LabelMap]:
        """Each model's label map; models that prepare slices alike share that work."""
        prepared: dict[Preprocessing, npt.NDArray[np.uint8]] = {}
        label_maps = []
        for predictor in self._predictors:
            how = predictor.preprocessing
            if how not in prepared:
                prepared[how] = preprocess(stored, fmt, how)
            label_maps.append(predictor.predict_grey(prepared[how]))
        return label_maps


def case_path(series: Sequence[Series]) -> str:
    """The folder that holds everything of a patient, relative to the source; the single file
    where it lies at the top."""
    folders = [PurePosixPath(s.path).parent if _is_file(s) else s.path for s in series]
    common = os.path.commonpath([str(f) for f in folders]).replace(os.sep, "/")
    if common in ("", ".") and len(series) == 1:
        return series[0].path
    return common or "."


def _is_file(series: Series) -> bool:
    return len({item.path for item in series.slices}) == 1

"""Label maps from slices, through a checked model package and ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from medseg_desktop.core.display import PixelFormat
from medseg_desktop.core.errors import ModelError
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.preprocessing import (
    Preprocessing,
    network_input,
    preprocess,
    resize_label_map,
)
from medseg_desktop.io.model_package import ModelInfo, ModelPackage, open_model
from medseg_desktop.io.onnx_check import INPUT_NAME, OUTPUT_NAME

LabelMap = npt.NDArray[np.uint8]


class Predictor:
    """One loaded network.  `predict` may be called from any thread.

    Args:
        package: a package that `open_model` has checked.
        threads: threads of one prediction; 0 lets ONNX Runtime choose.
    """

    def __init__(self, package: ModelPackage, threads: int = 0) -> None:
        import onnxruntime

        if package.info.input.channels != 1:
            raise ModelError(
                f"{package.info.title} takes {package.info.input.channels} slices at once, "
                "which this version cannot do."
            )
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = threads
        try:
            self._session = onnxruntime.InferenceSession(
                package.onnx, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime raises many types of its own
            raise ModelError(f"The network in {package.path} does not load.") from error
        self.info: ModelInfo = package.info

    @classmethod
    def open(cls, path: Path, threads: int = 0) -> Predictor:
        """Check a package and load its network."""
        return cls(open_model(path), threads)

    @classmethod
    def require_runnable(cls, path: Path) -> None:
        """Predict an empty slice before a model is taken over or promoted: one that passes every
        check of `open_model` may still not load, or answer otherwise than it declares.

        Raises:
            ModelError: what failed.
        """
        cls.open(path).predict_grey(np.zeros((64, 64), np.uint8))

    @property
    def table(self) -> LabelTable:
        return self.info.table

    @property
    def preprocessing(self) -> Preprocessing:
        return self.info.preprocessing

    def predict(self, stored: npt.NDArray[np.generic], fmt: PixelFormat) -> LabelMap:
        """Stored values (rows, columns) -> label map (rows, columns), through the whole recipe."""
        return self.predict_grey(preprocess(stored, fmt, self.preprocessing))

    def predict_grey(self, grey: npt.NDArray[np.uint8]) -> LabelMap:
        """A preprocessed 8-bit slice (rows, columns) -> label map of the same size."""
        rows, columns = grey.shape
        size = self.info.input
        image = network_input(grey, size.height, size.width, self.preprocessing)
        logits = self.logits(image[None, None])
        label_map = logits[0].argmax(axis=0).astype(np.uint8)
        return resize_label_map(label_map, rows, columns)

    def logits(self, image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Network output (N, K, H, W) for normalised input (N, C, H, W), float32.

        Raises:
            ModelError: it cannot be run, or its answer is none: what a network declares of its
                output binds nobody, and of values that are no numbers the background would win.
        """
        try:
            (logits,) = self._session.run([OUTPUT_NAME], {INPUT_NAME: image})
        except Exception as error:  # ONNX Runtime raises many types of its own
            raise ModelError(f"The network of {self.info.title} cannot be run.") from error
        answer: npt.NDArray[np.float32] = logits
        if answer.shape != (len(image), len(self.info.labels), *image.shape[2:]):
            raise ModelError(f"The network of {self.info.title} answers in another size.")
        if not np.isfinite(answer).all():
            raise ModelError(f"The network of {self.info.title} gives values that are no numbers.")
        return answer

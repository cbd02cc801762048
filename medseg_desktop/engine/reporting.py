"""What a training leaves behind to be looked at: curves for VisualDL, and the report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from medseg_desktop.core.errors import Cancelled, MedSegError
from medseg_desktop.core.events import Evaluation, Event, Step
from medseg_desktop.core.preprocessing import denormalise
from medseg_desktop.core.run_history import history
from medseg_desktop.core.specs import TrainSpec
from medseg_desktop.engine.visualdl_log import ScalarLog
from medseg_desktop.io.dataset import Dataset
from medseg_desktop.io.report_pictures import SamplePicture
from medseg_desktop.io.run_folder import REPORT
from medseg_desktop.io.run_report import write_report

if TYPE_CHECKING:
    from medseg_desktop.engine.data import BatchSource
    from medseg_desktop.jobs.worker import JobContext

_SAMPLES = 9


class Reporter:
    """Listens to a training and reports on it when it is over, however it ended.

    Attributes:
        source: where the batches come from; its first slices are shown in the report.
    """

    def __init__(self, spec: TrainSpec, context: JobContext, dataset: Dataset) -> None:
        self.source: BatchSource | None = None
        self._spec = spec
        self._context = context
        self._dataset = dataset
        self._steps: list[Step] = []
        self._evaluations: list[Evaluation] = []
        context.listen(self._on_event)

    def run(self, training: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The result of `training`; the report lies in the run folder when this returns, if
        any step was made.  What goes wrong with it is a warning."""
        log = ScalarLog(Path(self._spec.run), self._warn)
        self._context.listen(log.on_event)
        try:
            result = training()
        except Cancelled as stopped:
            log.close()
            self._report(f"It was stopped after {stopped.result.get('iterations', 0)} steps.")
            raise
        except MedSegError as error:
            log.close()
            self._report(f"It failed: {error.message}")
            raise
        log.close()
        done = result["iterations"]
        early = f"It ended by itself after {done} steps, because it did not get better any more."
        self._report(early if result["ended_early"] else f"All {done} steps were done.")
        return result

    def history(self) -> list[dict[str, Any]]:
        """The curve so far for `model.json`, see `core.run_history`."""
        rows: list[dict[str, Any]] = msgspec.to_builtins(history(self._steps, self._evaluations))
        return rows

    def _on_event(self, event: Event) -> None:
        if isinstance(event, Step):
            self._steps.append(event)
        elif isinstance(event, Evaluation):
            self._evaluations.append(event)

    def _report(self, ended: str) -> None:
        if not self._steps:
            return
        try:
            write_report(
                Path(self._spec.run), spec=self._spec, ended=ended, samples=self._samples()
            )
        except MedSegError as error:
            self._warn(f"There is no {REPORT} of this training: {error.message}")

    def _samples(self) -> list[SamplePicture]:
        """The first slices of the training, as the network got them."""
        source, samples = self.source, []
        if source is None:
            return []
        patients = {file.name: file.patient_hash for file in self._dataset.manifest.files}
        how = self._dataset.manifest.preprocessing
        for iteration in range(1, -(-_SAMPLES // self._spec.batch_size) + 1):
            images, labels = source.batch(iteration)
            for name, image, label_map in zip(source.names(iteration), images, labels, strict=True):
                samples.append(
                    SamplePicture(
                        f"patient {patients[name]}",
                        denormalise(image[0], how),
                        label_map[0].astype(np.uint8),
                    )
                )
        return samples[:_SAMPLES]

    def _warn(self, sentence: str) -> None:
        self._context.log(sentence, "warning")

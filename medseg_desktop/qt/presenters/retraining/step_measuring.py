"""Measures a few training steps, once for each kind of training on this computer."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QObject, QTimer, Signal

from medseg_desktop.core.finding import Finding
from medseg_desktop.core.retraining.cost import StepCost
from medseg_desktop.core.run_state import RunState, RunStatus
from medseg_desktop.core.specs import MeasureSpec, TrainSpec
from medseg_desktop.io.retraining.step_costs import StepCosts, cost_of_result, measure_spec
from medseg_desktop.io.speed_dataset import write_speed_dataset
from medseg_desktop.qt.background import Background
from medseg_desktop.qt.panels.training_panel import TrainingPanel
from medseg_desktop.qt.sessions.runs import RunSession

#: The page must have been in sight for so long: who only passes by needs no measurement.
_LOOKED_AT_MS = 1500


def tr(text: str) -> str:
    return QCoreApplication.translate("Retraining", text)


class StepMeasuring(QObject):
    """Signals: changed(): another cost is known, or none.

    Attributes:
        cost: of a step of the training that was asked about; None where nothing was measured.
        problem: why nothing could be measured; None where it could, or nobody has tried.
        is_automatic: measures by itself when the page is looked at the first time.
    """

    changed = Signal()

    def __init__(
        self, panel: TrainingPanel, runs: RunSession, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._panel, self._runs = panel, runs
        self._background = Background(1, "measuring", self)
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._train: TrainSpec | None = None
        self._spec: MeasureSpec | None = None
        self._is_preparing = False
        self._tried: set[str] = set()
        self.cost: StepCost | None = None
        self.problem: Finding | None = None
        self.is_automatic = True
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_LOOKED_AT_MS)
        self._soon.timeout.connect(self._measure_by_itself)
        runs.measurements.changed.connect(self._on_measurement)
        runs.training_begun.connect(lambda _: self.cancel())
        runs.training_changed.connect(self._on_training)

    def set_training(self, train: TrainSpec | None) -> None:
        """What shall be known of this training is looked up, and measured where it is not."""
        known = self._train
        self._train = train
        self._soon.stop()
        if train is None:
            self.cost = self.problem = None
            return
        if known is not None and self._key(known) == self._key(train):
            if self.cost is None:
                self._soon.start()
            return
        self.cancel()
        self.cost = self.problem = None
        self._background.submit(partial(self._costs.find, train), partial(self._on_found, train))

    def _on_found(self, train: TrainSpec, cost: StepCost | None) -> None:
        if self._train is None or self._key(self._train) != self._key(train):
            return
        self.cost = cost
        if cost is None:
            self._soon.start()
        self.changed.emit()

    @property
    def _costs(self) -> StepCosts:
        settings = self._runs.settings
        return StepCosts(self._runs.workspace, settings.threads, settings.training_interpreter)

    @staticmethod
    def _key(train: TrainSpec) -> str:
        parts = (train.architecture, train.preset, train.size, train.batch_size, train.device)
        return "/".join(map(str, parts))

    @property
    def is_measuring(self) -> bool:
        return self._is_preparing or self._spec is not None

    @property
    def can_measure(self) -> bool:
        """Nothing that holds is measured yet, and could be at a press."""
        is_known = self.cost is not None and not self.cost.is_disturbed
        is_free = self._runs.is_idle and not self.is_measuring
        return self._train is not None and not is_known and is_free

    def _measure_by_itself(self) -> None:
        """Once, while the page is looked at and nothing else needs the processor."""
        train = self._train
        if train is None or not self.is_automatic or not self._panel.retrain.isVisible():
            return
        if self._key(train) not in self._tried and self.can_measure:
            self.measure()

    def measure(self) -> None:
        """Measure now."""
        train = self._train
        if train is None or not self.can_measure:
            return
        self._tried.add(self._key(train))
        self._is_preparing = True
        self.problem = None
        self._panel.retrain.set_work(tr("Measuring a few steps"))
        self.changed.emit()
        self._background.submit(self._dataset, partial(self._begin, train), self._on_failed)

    def _dataset(self) -> Path:
        """A generated dataset to measure on, kept for the next time."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="medseg-measure-")
            write_speed_dataset(Path(self._folder.name) / "dataset")
        return Path(self._folder.name) / "dataset"

    def _begin(self, train: TrainSpec, dataset: Path) -> None:
        if not self._is_preparing:
            return  # it was cancelled
        self._is_preparing = False
        if self._runs.is_training or train is not self._train:
            self._end()
            return
        self._spec = measure_spec(train, dataset)
        self._runs.measurements.start(self._spec)

    def _on_failed(self, error: object) -> None:
        self._is_preparing = False
        self._end()

    def _on_measurement(self, spec: MeasureSpec, run: RunState) -> None:
        if self._spec is None or spec is not self._spec:
            return
        if not run.is_over:
            self._panel.retrain.set_work(tr("Measuring a few steps"), run.done, run.total)
            return
        if run.status is RunStatus.FAILED:
            self.problem = Finding(
                tr("Nothing could be measured: {reason}").format(reason=run.message), run.hint
            )
        found = cost_of_result(run.result) if run.status is RunStatus.FINISHED else None
        if found is not None:
            train = spec.train
            self.cost = found
            self._background.submit(lambda: self._costs.keep(train, found), lambda _: None)
        self._end()

    def _on_training(self, run: RunState) -> None:
        """What a training has taken tells more than a few steps."""
        train, cost, spec = self._train, self.cost, self._runs.training_spec
        if not run.is_over or train is None or cost is None or spec is None:
            return
        if self._key(spec) == self._key(train) and (refined := cost.refined(run)) is not cost:
            self.cost = refined
            self._background.submit(lambda: self._costs.keep(train, refined), lambda _: None)
            self.changed.emit()

    def cancel(self) -> None:
        """Nobody waits for it any more."""
        self._soon.stop()
        if not self.is_measuring:
            return
        self._is_preparing = False
        if self._spec is not None:
            self._runs.measurements.stop()
        self._end()

    def _end(self) -> None:
        self._spec = None
        self._panel.retrain.set_work("")
        self.changed.emit()

    def quit(self) -> None:
        """Begin no more work; does not wait."""
        self._soon.stop()
        self._background.quit()

    def close(self) -> None:
        """End the thread, and remove what was generated."""
        self.quit()
        self._background.close()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

"""What the report of a run is made of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from medseg_desktop.core.events import Evaluation
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.run_state import RunState
from medseg_desktop.core.specs import TrainSpec
from medseg_desktop.io.dataset import Dataset
from medseg_desktop.io.model_package import ModelInfo
from medseg_desktop.io.report_pictures import SamplePicture

NOTHING = "–"  # noqa: RUF001


@dataclass(frozen=True, slots=True)
class RunFacts:
    """All that the report is made of.

    Attributes:
        ended: why the training ended, one sentence.
        warnings: what it said on the way.
        info: of the model in RUN/model; None without one.
        dataset: None where it is gone, or no longer the one that was trained on.
        samples: training slices to show.
        are_augmented: they are as the network saw them, not as they lie in the dataset.
    """

    run: Path
    spec: TrainSpec
    state: RunState
    ended: str
    warnings: Sequence[str]
    info: ModelInfo | None
    dataset: Dataset | None
    table: LabelTable
    samples: Sequence[SamplePicture]
    are_augmented: bool

    @property
    def best(self) -> Evaluation | None:
        """The evaluation of the model that was kept."""
        chosen = self.info.metrics.get("iteration") if self.info else None
        same = [e for e in self.state.evaluations if e.iteration == chosen]
        last = self.state.evaluations[-1] if self.state.evaluations else None
        return same[-1] if same else self.state.best or last

    @property
    def steps_done(self) -> int:
        done = [self.state.done if self.state.phase == "train" else 0]
        done += [step.iteration for step in self.state.steps[-1:]]
        done += [evaluation.iteration for evaluation in self.state.evaluations[-1:]]
        if self.info is not None and isinstance(self.info.training.get("iterations"), int):
            done.append(self.info.training["iterations"])
        return max(done)

    @property
    def label_names(self) -> list[str]:
        """Without the background."""
        return [label.name for label in self.table.foreground]


def dice_text(value: float | None) -> str:
    """Three digits, or a dash where there is no value."""
    return NOTHING if value is None or not math.isfinite(value) else f"{value:.3f}"

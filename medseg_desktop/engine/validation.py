"""How good the network is on the validation patients, at the slices' own size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from medseg_desktop.core.events import CaseScore, Evaluation
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.metrics import CaseCounts, Overlap, foreground_overlap, mean_or_none
from medseg_desktop.core.preprocessing import Preprocessing, network_input, resize_label_map
from medseg_desktop.engine.backend import paddle
from medseg_desktop.engine.data import Sample
from medseg_desktop.engine.losses import head_losses
from medseg_desktop.engine.previews import ScoredSlice

if TYPE_CHECKING:
    from paddle import Tensor
    from paddle.nn import Layer

LabelMap = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Validation:
    """One evaluation.

    Attributes:
        loss: the head's mean cross-entropy; None without validation slices.
        slices: those with lesion, as predicted.
    """

    evaluation: Evaluation
    loss: float | None
    slices: tuple[ScoredSlice, ...] = ()

    @property
    def rank(self) -> tuple[float, float]:
        """Higher is better: mean patient Dice; where that is equal or unknown, lower loss.

        Without validation slices the later weights win.
        """
        dice = self.evaluation.mean_dice
        second = self.evaluation.iteration if self.loss is None else -self.loss
        return (-1.0 if dice is None else dice, second)


@dataclass(slots=True)
class _Tally:
    """What an evaluation adds up: counts by patient, the sum of the losses, slices with lesion."""

    cases: dict[str, CaseCounts] = field(default_factory=dict)
    loss: float = 0.0
    slices: list[ScoredSlice] = field(default_factory=list)


class Validator:
    """Scores a network on a fixed list of validation slices.

    Args:
        samples: slices of the validation set, may be none; the test set never comes here.
        size: height and width of the network's input in pixels.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        table: LabelTable,
        preprocessing: Preprocessing,
        *,
        size: int,
        batch_size: int,
    ) -> None:
        self._samples = samples
        self._table = table
        self._preprocessing = preprocessing
        self._size = size
        self._batch_size = batch_size

    def run(
        self, network: Layer, iteration: int, is_stopping: Callable[[], bool]
    ) -> Validation | None:
        """Evaluate; None when `is_stopping()` became true on the way.

        The network predicts with its running statistics and is in its former mode after.
        """
        tally = _Tally()
        was_training = network.training
        network.eval()
        try:
            with paddle.no_grad():
                for start in range(0, len(self._samples), self._batch_size):
                    if is_stopping():
                        return None
                    batch = self._samples[start : start + self._batch_size]
                    self._score(network, batch, tally)
        finally:
            if was_training:
                network.train()
        evaluation = _evaluation(iteration, tally.cases, self._table)
        loss = tally.loss / len(self._samples) if self._samples else None
        return Validation(evaluation, loss, tuple(tally.slices))

    def _score(self, network: Layer, batch: Sequence[Sample], tally: _Tally) -> None:
        """Add a batch to the tally."""
        size = self._size
        images = np.stack(
            [network_input(s.grey, size, size, self._preprocessing)[None] for s in batch]
        )
        truths = np.stack(
            [resize_label_map(s.label_map, size, size)[None].astype(np.int64) for s in batch]
        )
        logits = network(paddle.to_tensor(images))[0]
        for sample, small in zip(batch, argmax(logits), strict=True):
            predicted = resize_label_map(small, *sample.label_map.shape)
            patient = sample.file.patient_hash
            counts = tally.cases.setdefault(patient, CaseCounts(len(self._table)))
            counts.add(sample.label_map, predicted)
            dice = foreground_overlap(sample.label_map, predicted).dice
            if dice is not None:
                tally.slices.append(ScoredSlice(sample, predicted, dice))
        tally.loss += float(head_losses([logits], paddle.to_tensor(truths))[0]) * len(batch)


def argmax(logits: Tensor) -> LabelMap:
    """Logits (N, K, H, W) -> label maps (N, H, W), uint8."""
    return np.asarray(logits.argmax(axis=1).numpy()).astype(np.uint8)


def _evaluation(iteration: int, cases: dict[str, CaseCounts], table: LabelTable) -> Evaluation:
    pooled = {
        label.name: sum((c.labels[label.index] for c in cases.values()), Overlap())
        for label in table.foreground
    }
    scores = [
        CaseScore(
            patient_hash=patient,
            n_slices=counts.n_slices,
            dice={x.name: counts.labels[x.index].dice for x in table.foreground},
            foreground_dice=counts.foreground.dice,
        )
        for patient, counts in sorted(cases.items())
    ]
    return Evaluation(
        iteration=iteration,
        dice={name: overlap.dice for name, overlap in pooled.items()},
        iou={name: overlap.iou for name, overlap in pooled.items()},
        cases=scores,
        mean_dice=mean_or_none([score.foreground_dice for score in scores]),
    )

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medseg_desktop.core.events import Evaluation
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.preprocessing import Preprocessing
from medseg_desktop.engine.backend import paddle
from medseg_desktop.engine.data import Sample, load_samples
from medseg_desktop.engine.validation import Validation, Validator
from medseg_desktop.io.dataset import read_dataset
from tests.builders import patient_hash, write_dataset


class Threshold(paddle.nn.Layer):
    """Calls every pixel class 1 whose normalised value is above `limit`."""

    def __init__(self, limit: float) -> None:
        super().__init__()
        self.limit = limit

    def forward(self, image: paddle.Tensor) -> list[paddle.Tensor]:
        return [paddle.concat([paddle.zeros_like(image), (image - self.limit) * 50], axis=1)]


@pytest.fixture
def val(tmp_path: Path) -> list[Sample]:
    dataset = read_dataset(write_dataset(tmp_path, {"train": 1, "val": 2}, slices=3))
    return load_samples(dataset, ("val",), lambda done, total: None)["val"]


def validator(samples: list[Sample], size: int = 64) -> Validator:
    table = LabelTable.from_names(["H"])
    return Validator(samples, table, Preprocessing(), size=size, batch_size=4)


def never() -> bool:
    return False


def test_a_perfect_network_scores_one_for_every_patient(val: list[Sample]) -> None:
    result = validator(val).run(Threshold(0.2), 7, never)
    assert result is not None
    evaluation = result.evaluation
    assert (evaluation.iteration, evaluation.mean_dice) == (7, 1.0)
    assert (evaluation.dice, evaluation.iou) == ({"H": 1.0}, {"H": 1.0})
    assert {c.patient_hash for c in evaluation.cases} == {
        patient_hash("val", 0),
        patient_hash("val", 1),
    }
    assert [c.n_slices for c in evaluation.cases] == [3, 3]
    assert result.loss < 0.01


def test_dice_is_pooled_over_the_pixels_of_a_patient(val: list[Sample]) -> None:
    result = validator(val).run(Threshold(-2.0), 1, never)  # everything is lesion
    assert result is not None
    dices = []
    for case in result.evaluation.cases:
        maps = [s.label_map for s in val if s.file.patient_hash == case.patient_hash]
        lesion = sum(int(m.sum()) for m in maps)
        dices.append(2 * lesion / (lesion + sum(m.size for m in maps)))
        assert case.foreground_dice == pytest.approx(dices[-1])
    assert result.evaluation.mean_dice == pytest.approx(np.mean(dices))


def test_counting_is_done_at_the_slices_own_size(val: list[Sample]) -> None:
    result = validator(val, size=128).run(Threshold(-2.0), 1, never)
    at_own_size = validator(val, size=64).run(Threshold(-2.0), 1, never)
    assert result is not None
    assert at_own_size is not None
    assert result.evaluation == at_own_size.evaluation


def test_without_a_lesion_there_is_no_dice_and_the_loss_decides(tmp_path: Path) -> None:
    dataset = read_dataset(write_dataset(tmp_path, slices=2, without_lesion=["val"]))
    samples = load_samples(dataset, ("val",), lambda done, total: None)["val"]
    bad = validator(samples).run(Threshold(-2.0), 1, never)
    good = validator(samples).run(Threshold(0.9), 2, never)
    assert bad is not None
    assert good is not None
    assert good.evaluation.mean_dice is None
    assert good.evaluation.cases[0].foreground_dice is None
    assert good.rank > bad.rank


def test_a_higher_dice_wins_over_a_lower_loss() -> None:
    def validation(dice: float, loss: float) -> Validation:
        return Validation(Evaluation(iteration=1, dice={}, iou={}, cases=[], mean_dice=dice), loss)

    assert validation(0.6, 2.0).rank > validation(0.5, 0.1).rank
    assert validation(0.5, 0.1).rank > validation(0.5, 0.2).rank


def test_a_stop_ends_the_evaluation_and_the_network_trains_on(val: list[Sample]) -> None:
    network = Threshold(0.2)
    assert validator(val).run(network, 1, lambda: True) is None
    assert network.training

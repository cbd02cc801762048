"""A training to measure or to compare: data, network, optimiser and step, without the rest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from medseg_desktop.engine.averaging import WeightAverage
from medseg_desktop.engine.backend import paddle
from medseg_desktop.engine.data import BatchSource, load_samples
from medseg_desktop.engine.networks.network import build_network
from medseg_desktop.engine.recipe import RECIPES, Recipe
from medseg_desktop.engine.step import TrainingStep
from medseg_desktop.engine.trainer import make_optimiser
from medseg_desktop.io.dataset import read_dataset
from medseg_desktop.io.speed_dataset import write_speed_dataset

if TYPE_CHECKING:
    from paddle.nn import Layer

    from medseg_desktop.engine.device import Device
    from medseg_desktop.engine.networks.network import Weights

_SEED = 1
#: High enough that a step which is not made shows in the losses of the next ones, and low
#: enough that rounding does not.
_RATE = 5e-4


@dataclass(frozen=True, slots=True)
class BenchData:
    """A generated dataset in memory, and how batches are made of it."""

    source: BatchSource
    recipe: Recipe
    slices: int
    n_labels: int


def bench_data(folder: Path, *, preset: str, batch_size: int, size: int) -> BenchData:
    """Generate a dataset below `folder` and read it back, as a training does."""
    dataset = read_dataset(write_speed_dataset(folder / "dataset"))
    recipe = RECIPES[preset]
    samples = load_samples(dataset, ("train",), lambda done, total: None)["train"]
    source = BatchSource(
        samples,
        augmentation=recipe.augmentation,
        preprocessing=dataset.manifest.preprocessing,
        batch_size=batch_size,
        size=size,
        seed=_SEED,
        lesion_share=recipe.lesion_share,
        resize_first=recipe.resize_first,
    )
    return BenchData(source, recipe, len(samples), len(dataset.manifest.table))


def bench_step(
    architecture: str, data: BenchData, device: Device, weights: Weights | None = None
) -> tuple[Layer, TrainingStep]:
    """A network on `device`, fresh or with `weights`, and what trains it."""
    paddle.seed(_SEED)
    network = build_network(architecture, data.n_labels)
    if weights is not None:
        network.set_state_dict({name: device.tensor(x) for name, x in weights.items()})
    network.train()
    optimiser = make_optimiser(data.recipe, network)
    optimiser.set_lr(_RATE)
    return network, TrainingStep(network, optimiser, data.recipe, device)


def bench_average(architecture: str, data: BenchData, network: Layer) -> WeightAverage | None:
    """The average of the weights that a training with this recipe keeps; None for none."""
    decay = data.recipe.average_decay
    if decay is None:
        return None
    return WeightAverage(network, build_network(architecture, data.n_labels), decay)

"""Checkpoints of a run: `checkpoints/latest.safetensors` and `checkpoints/best.safetensors`.

Each is one file, replaced atomically, so weights and optimiser always belong together.
`latest` holds all that a training needs to go on; `best` is what the model is made of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import safetensors

from medseg_desktop.core.errors import WorkspaceError, describe_os_error
from medseg_desktop.core.events import Evaluation
from medseg_desktop.engine.backend import paddle
from medseg_desktop.engine.beginning import Ancestry
from medseg_desktop.engine.networks.network import Weights, decode_weights, encode_weights
from medseg_desktop.io import atomic
from medseg_desktop.io.run_folder import BEST, CHECKPOINTS, LATEST, has_checkpoint

if TYPE_CHECKING:
    from paddle.nn import Layer
    from paddle.optimizer import Optimizer

_METADATA = "medseg"


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """An evaluation with the head's mean loss, as `validation.Validation` ranks them."""

    evaluation: Evaluation
    loss: float | None


class CheckpointInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON under the key `medseg` of a checkpoint's metadata.

    Attributes:
        iteration: steps done when it was written.
        best: the best evaluation so far.
        without_gain: evaluations since then.
        dataset: digest of the dataset.
        parent, parent_network, inherited, unknown_patients: see `ancestry`.
        device_state: see `device.Device.state`.
    """

    schema: int = 2
    iteration: int
    preset: str
    architecture: str
    seed: int
    labels: tuple[str, ...]
    dataset: str
    parent: str = ""
    parent_network: str = ""
    inherited: tuple[str, ...] = ()
    unknown_patients: bool = False
    best: Score | None = None
    without_gain: int = 0
    device_state: dict[str, float] = {}

    @property
    def ancestry(self) -> Ancestry:
        """What the training began with."""
        fields = {name: getattr(self, name) for name in Ancestry.__struct_fields__}
        return Ancestry(**fields)

    @property
    def best_iteration(self) -> int | None:
        """Steps done at the best evaluation; None before the first one."""
        return None if self.best is None else self.best.evaluation.iteration


@dataclass(frozen=True, slots=True)
class Latest:
    """What `latest` holds.

    Attributes:
        network: weights and running statistics.
        average: the same of the averaged weights; empty where the recipe averages none.
        optimiser: see `read_optimiser`.
    """

    info: CheckpointInfo
    network: Weights
    average: Weights
    optimiser: Weights


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """The checkpoint folder of one run."""

    folder: Path

    @classmethod
    def create(cls, run: Path) -> Checkpoints:
        """Make the folder in a run folder that holds no training yet.

        Raises:
            WorkspaceError: it cannot be written, or holds a training already.
        """
        checkpoints = cls._writable(run)
        if (checkpoints.folder / LATEST).exists():
            raise WorkspaceError(
                f"The run folder {run} holds a training already.",
                "Continue that training, or choose another folder for the run.",
            )
        return checkpoints

    @classmethod
    def reopen(cls, run: Path) -> Checkpoints:
        """The folder of a training that is to go on.

        Raises:
            WorkspaceError: it cannot be written, or holds no training.
        """
        if not has_checkpoint(run):
            raise WorkspaceError(
                f"The run folder {run} holds no checkpoint to go on from.",
                "Start the training anew.",
            )
        return cls._writable(run)

    @classmethod
    def _writable(cls, run: Path) -> Checkpoints:
        folder = run / CHECKPOINTS
        try:
            folder.mkdir(parents=True, exist_ok=True)
            probe = folder / ".write-test"
            probe.write_bytes(b"")
            probe.unlink()
            for name in (LATEST, BEST):
                atomic.remove_temporaries(folder / name)
        except OSError as error:
            raise WorkspaceError(
                describe_os_error(error, run, "write to the run folder"),
                "Choose another folder for the run.",
            ) from error
        return cls(folder)

    def write_latest(self, latest: Latest) -> None:
        """Replace the latest checkpoint; raises WorkspaceError and leaves the old one."""
        groups = {
            "network": latest.network,
            "average": latest.average,
            "optimiser": latest.optimiser,
        }
        tensors = {
            f"{group}/{name}": array
            for group, arrays in groups.items()
            for name, array in arrays.items()
        }
        self._write(LATEST, latest.info, tensors)

    def read_latest(self) -> Latest:
        """The latest checkpoint.

        Raises:
            ModelError, WorkspaceError: it is damaged, or cannot be read.
        """
        info, tensors = self._read(LATEST)
        groups: dict[str, Weights] = {"network": {}, "average": {}, "optimiser": {}}
        for key, array in tensors.items():
            group, _, name = key.partition("/")
            groups[group][name] = array
        return Latest(info, groups["network"], groups["average"], groups["optimiser"])

    def write_best(self, info: CheckpointInfo, network: Weights) -> None:
        """Replace the best weights; raises WorkspaceError and leaves the old ones."""
        self._write(BEST, info, network)

    def read_best(self) -> tuple[Score, Weights] | None:
        """The best evaluation and its weights; None before the first evaluation.

        Raises:
            ModelError, WorkspaceError: they are damaged, or cannot be read.
        """
        if not (self.folder / BEST).is_file():
            return None
        info, weights = self._read(BEST)
        return None if info.best is None else (info.best, weights)

    def _write(self, name: str, info: CheckpointInfo, tensors: Weights) -> None:
        metadata = {_METADATA: msgspec.json.encode(info).decode()}
        atomic.write_bytes(self.folder / name, encode_weights(tensors, metadata))

    def _read(self, name: str) -> tuple[CheckpointInfo, Weights]:
        path = self.folder / name
        try:
            weights = decode_weights(path.read_bytes(), str(path))
            with safetensors.safe_open(path, "np") as file:
                metadata = (file.metadata() or {}).get(_METADATA, "")
            return msgspec.json.decode(metadata, type=CheckpointInfo), weights
        except OSError as error:
            raise WorkspaceError(describe_os_error(error, path, "read")) from error
        except msgspec.MsgspecError as error:
            raise WorkspaceError(
                f"The checkpoint {path} is from another version of the program.",
                "Start a new training from the run's model.",
            ) from error


#: What momentum and AdamW keep of each parameter, as Paddle names it.
_ACCUMULATORS = ("velocity_0", "moment1_0", "moment2_0", "beta1_pow_acc_0", "beta2_pow_acc_0")


def read_optimiser(network: Layer, optimiser: Optimizer) -> Weights:
    """The optimiser's memory of each parameter, as ACCUMULATOR/NAME of the parameter.

    Paddle's own keys depend on how many layers a process has made before.
    """
    state = optimiser.state_dict()
    return {
        f"{accumulator}/{name}": np.array(state[key].numpy())
        for name, parameter in network.named_parameters()
        for accumulator in _ACCUMULATORS
        if (key := f"{parameter.name}_{accumulator}") in state
    }


def load_optimiser(
    network: Layer,
    optimiser: Optimizer,
    memory: Mapping[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]],
) -> None:
    """Give a fresh optimiser what `read_optimiser` returned."""
    state = {}
    for name, parameter in network.named_parameters():
        for accumulator in _ACCUMULATORS:
            array = memory.get(f"{accumulator}/{name}")
            if array is not None:
                tensor = paddle.to_tensor(array)
                tensor.name = f"{parameter.name}_{accumulator}"
                state[tensor.name] = tensor
    optimiser.set_state_dict(state)

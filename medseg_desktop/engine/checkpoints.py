"""Checkpoints of a run: `checkpoints/latest.safetensors` and `checkpoints/best.safetensors`.

Each is one file, replaced atomically, so weights and optimiser always belong together.
`latest` holds the optimiser's state as well; `best` is what the model is made of.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from medseg_desktop.core.errors import WorkspaceError, describe_os_error
from medseg_desktop.engine.network import Weights, encode_weights
from medseg_desktop.io import atomic

if TYPE_CHECKING:
    from paddle.nn import Layer
    from paddle.optimizer import Optimizer

FOLDER = "checkpoints"
LATEST = "latest.safetensors"
BEST = "best.safetensors"

#: In `latest`, names of the network's tensors and of the optimiser's begin with these.
NETWORK_PREFIX = "network/"
OPTIMISER_PREFIX = "optimiser/"


class CheckpointInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON under the key `medseg` of a checkpoint's metadata.

    Attributes:
        iteration: steps done when it was written.
        best_iteration, best_rank: of the best evaluation so far (see Validation.rank).
    """

    schema: int = 1
    iteration: int
    preset: str
    seed: int
    labels: tuple[str, ...]
    best_iteration: int | None = None
    best_rank: tuple[float, float] | None = None


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
        folder = run / FOLDER
        try:
            folder.mkdir(parents=True, exist_ok=True)
            probe = folder / ".write-test"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise WorkspaceError(
                describe_os_error(error, run, "write to the run folder"),
                "Choose another folder for the run.",
            ) from error
        if (folder / LATEST).exists():
            raise WorkspaceError(
                f"The run folder {run} holds a training already.",
                "Choose another folder for the run.",
            )
        return cls(folder)

    def write_latest(self, info: CheckpointInfo, network: Weights, optimiser: Weights) -> None:
        """Replace the latest checkpoint; raises WorkspaceError and leaves the old one."""
        tensors = {NETWORK_PREFIX + name: array for name, array in network.items()}
        tensors |= {OPTIMISER_PREFIX + name: array for name, array in optimiser.items()}
        self._write(LATEST, info, tensors)

    def write_best(self, info: CheckpointInfo, network: Weights) -> None:
        """Replace the best weights; raises WorkspaceError and leaves the old ones."""
        self._write(BEST, info, network)

    def _write(self, name: str, info: CheckpointInfo, tensors: Weights) -> None:
        metadata = {"medseg": msgspec.json.encode(info).decode()}
        atomic.write_bytes(self.folder / name, encode_weights(tensors, metadata))


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

"""Starting a training from the weights that come with the program.

They were trained on generated slices (`packaging/train_starter.py`) in which any lesion stands
against the background, so they know what an unusual region in a head looks like before they
have seen a patient.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from medseg_desktop.core.errors import JobError, describe_os_error
from medseg_desktop.engine.networks.network import decode_weights, load_state, read_state
from medseg_desktop.paths import resource

if TYPE_CHECKING:
    from paddle.nn import Layer

    from medseg_desktop.engine.networks.network import Weights


def load_starter(network: Layer, architecture: str) -> None:
    """Set a fresh network to the starter weights of its architecture.

    Every label but the background begins as the starter's lesion.  What the file does not
    hold (auxiliary heads, say) stays fresh.

    Raises:
        JobError: there are none for this architecture, or they cannot be read.
        ModelError: the file is damaged.
    """
    path = resource("weights", f"{architecture}-starter.safetensors")
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise JobError(
            f"There are no starter weights for {architecture}.", "Start from none or from a model."
        ) from error
    except OSError as error:
        raise JobError(
            describe_os_error(error, path, "read"), "Install the program again."
        ) from error
    weights = decode_weights(data, str(path))
    state = read_state(network)
    load_state(network, {name: _fitted(name, array, weights) for name, array in state.items()})


def _fitted(name: str, fresh: npt.NDArray[np.float32], starter: Weights) -> npt.NDArray[np.float32]:
    """The starter's values in the shape of this network's, which may have more labels."""
    values = starter.get(name)
    if values is None or values.shape == fresh.shape:
        return fresh if values is None else values
    if len(values) == 2 and values.shape[1:] == fresh.shape[1:]:
        return np.concatenate([values[:1], *[values[1:]] * (len(fresh) - 1)])
    raise JobError(
        "The starter weights do not fit this version of the network.",
        "Install the program again, or start from none.",
    )

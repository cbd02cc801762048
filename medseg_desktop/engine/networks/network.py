"""The network, its weights as safetensors, and starting from the weights of another model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import safetensors
import safetensors.numpy

from medseg_desktop.core.errors import ModelError
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.engine.backend import paddle
from medseg_desktop.engine.networks.architectures import architecture_of, class_layers_of
from medseg_desktop.engine.networks.spare_biases import (
    drop_spare_biases,
    with_spare_biases,
    without_spare_biases,
)

if TYPE_CHECKING:
    from paddle.nn import Layer

Weights = dict[str, npt.NDArray[np.float32]]


def build_network(architecture: str, n_labels: int, channels: int = 1) -> Layer:
    """A network with fresh weights; its input is float32 (N, channels, H, W).

    It returns a list of logits, each float32 (N, n_labels, H, W): of the head alone, or in
    training mode of the head and of each auxiliary head (BiSeNetV2 has four, PP-LiteSeg two,
    U-Net none).

    Raises:
        JobError: an unknown architecture.
    """
    network = architecture_of(architecture).make(n_labels, channels)
    drop_spare_biases(network)
    return network


def read_state(network: Layer) -> Weights:
    """A copy of all weights and running statistics, by PaddleSeg's names."""
    # numpy() may share the tensor's memory on a CPU.
    state = {name: np.array(t.numpy()) for name, t in network.state_dict().items()}
    return with_spare_biases(network, state)


def load_state(network: Layer, weights: Mapping[str, npt.NDArray[np.float32]]) -> None:
    """Set all weights and running statistics to what `read_state` returned."""
    kept = without_spare_biases(network, weights)
    state = {name: paddle.to_tensor(array) for name, array in kept.items()}
    missing, unexpected = network.set_state_dict(state)
    if missing or unexpected:
        raise ValueError(f"weights do not fit: {missing} {unexpected}")


def encode_weights(weights: Weights, metadata: dict[str, str] | None = None) -> bytes:
    """Weights as the bytes of a .safetensors file."""
    return safetensors.numpy.save(weights, metadata)


def decode_weights(data: bytes, source: str) -> Weights:
    """The weights of a .safetensors file; `source` names it in messages.

    Raises:
        ModelError: the bytes are damaged or hold something other than floating point numbers.
    """
    try:
        arrays = safetensors.numpy.load(data)
    except (safetensors.SafetensorError, KeyError, ValueError, TypeError) as error:
        raise ModelError(
            f"The weights of {source} are damaged.", "Copy the model again."
        ) from error
    if not all(a.dtype.kind == "f" and np.isfinite(a).all() for a in arrays.values()):
        raise ModelError(f"The weights of {source} hold values that are no numbers.")
    return {name: a.astype(np.float32) for name, a in arrays.items()}


def load_exactly(network: Layer, weights: Mapping[str, npt.NDArray[np.generic]], what: str) -> None:
    """Set a network to foreign weights, of which every name, shape and value is looked at.

    Args:
        weights: arrays of any type; numbers that float32 cannot hold are refused.
        what: what they should be, for the message, such as "x.pdparams is not a BiSeNetV2".

    Raises:
        ModelError: they are those of another network, or hold values that are no numbers.
    """
    wanted = read_state(network)
    if missing := [name for name in wanted if name not in weights]:
        raise ModelError(f"{what}: it lacks {_listed(missing)}.")
    if foreign := [name for name in weights if name not in wanted]:
        raise ModelError(f"{what}: it also holds {_listed(foreign)}.")
    state: Weights = {}
    for name, fresh in wanted.items():
        values = weights[name]
        if values.shape != fresh.shape:
            shapes = f"{_shape(values)} instead of {_shape(fresh)}"
            raise ModelError(f"{what}: {name} has the shape {shapes}.")
        if values.dtype.kind != "f":
            raise ModelError(f"{what}: {name} holds values of the type {values.dtype}.")
        with np.errstate(over="ignore"):
            state[name] = values.astype(np.float32)
        if not np.isfinite(state[name]).all():
            raise ModelError(f"{what} that can be used: {name} holds values that are no numbers.")
    load_state(network, state)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 1} more arrays" if len(names) > 1 else ""
    return "".join(c if c.isprintable() else "?" for c in names[0][:80]) + more


def _shape(values: npt.NDArray[np.generic]) -> str:
    return " x ".join(map(str, values.shape)) or "of a single number"


def load_matching(
    network: Layer, weights: Weights, from_table: LabelTable, to_table: LabelTable, source: str
) -> str:
    """Start `network` from a model with perhaps other labels.

    Everything but the class layers must fit exactly and is taken as a whole.  In the class
    layers each label gets the outputs of the same label, which may have had another name since
    (see `LabelTable.counterpart`); labels the model did not know keep their fresh ones.

    Args:
        from_table, to_table: the labels of the model and of `network`.
        source: names the model in messages.

    Returns:
        One sentence on what was taken.

    Raises:
        ModelError: the weights are those of another network.
    """
    fresh = read_state(network)
    if fresh.keys() != weights.keys():
        raise _misfit(source)
    pairs = [
        (label.index, old)
        for label in to_table.labels
        if (old := from_table.counterpart(label)) is not None
    ]
    class_layers = class_layers_of(network)
    merged: Weights = {}
    for name, values in fresh.items():
        is_class_layer = class_layers.fullmatch(name) is not None
        wanted = (len(from_table), *values.shape[1:]) if is_class_layer else values.shape
        if weights[name].shape != wanted:
            raise _misfit(source)
        if is_class_layer:
            for new, old in pairs:
                values[new] = weights[name][old]
            merged[name] = values
        else:
            merged[name] = weights[name]
    load_state(network, merged)
    return _taken(source, from_table, to_table)


def _misfit(source: str) -> ModelError:
    return ModelError(
        f"The weights of {source} belong to another network.", "Start from another model or none."
    )


def _taken(source: str, from_table: LabelTable, to_table: LabelTable) -> str:
    known: list[str] = []
    new: list[str] = []
    for label in to_table.foreground:
        (new if from_table.counterpart(label) is None else known).append(label.name)
    text = f"Training starts from {source}"
    text += f", which knows {', '.join(known)}" if known else ", which knows none of the labels"
    return f"{text}; new: {', '.join(new)}." if new else f"{text}."

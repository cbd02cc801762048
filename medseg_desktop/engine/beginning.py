"""What a training begins with: fresh weights, those that come with the program, or a model's.

And what that makes of the new model: whose child it is, and whom its ancestors have seen.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from medseg_desktop.core.errors import ModelError
from medseg_desktop.core.specs import STARTER, TrainSpec
from medseg_desktop.engine.networks.network import build_network, decode_weights, load_matching
from medseg_desktop.engine.networks.starter import load_starter
from medseg_desktop.io.dataset import Manifest
from medseg_desktop.io.model_package import ModelInfo, read_info, read_weights

if TYPE_CHECKING:
    from paddle.nn import Layer

#: Tells a sentence, of level "info" or "warning".
Log = Callable[[str, str], None]


class Ancestry(msgspec.Struct, frozen=True, kw_only=True):
    """What a new model owes to the one it began with; see `io.models.info.ModelInfo`."""

    parent: str = ""
    parent_network: str = ""
    inherited: tuple[str, ...] = ()
    unknown_patients: bool = False


def fresh_network(spec: TrainSpec, manifest: Manifest) -> Layer:
    """The spec's network for the dataset's labels."""
    return build_network(spec.architecture, len(manifest.table))


def begin(network: Layer, spec: TrainSpec, manifest: Manifest, log: Log) -> Ancestry:
    """Give a fresh network the weights that the spec names.

    Raises:
        ModelError, JobError: they cannot be used.
    """
    if spec.init == "none":
        return Ancestry()
    if spec.init == STARTER:
        load_starter(network, spec.architecture)
        log("Training starts from the starter weights.", "info")
        if manifest.preprocessing.scaling != "tissue":
            log(
                "The starter weights know slices as the conversion preset default prepares "
                "them, so they start with a handicap on this dataset.",
                "warning",
            )
        return Ancestry(parent=STARTER)  # which has seen generated slices only
    path = Path(spec.init)
    info = read_info(path)
    if info.architecture != spec.architecture:
        raise ModelError(
            f"{info.title} is a {info.architecture} network, not {spec.architecture}.",
            "Start from another model or none.",
        )
    weights = decode_weights(read_weights(path, info), info.title)
    log(load_matching(network, weights, info.table, manifest.table, info.title), "info")
    if info.preprocessing != manifest.preprocessing:
        log(
            f"{info.title} was trained on slices that were prepared differently, so it "
            "starts with a handicap.",
            "warning",
        )
    return _descent(info, manifest, log)


def _descent(info: ModelInfo, manifest: Manifest, log: Log) -> Ancestry:
    """Patient hashes of another workspace name nobody here, so they are not inherited."""
    is_known_here = info.salt_id == manifest.salt_id or not info.seen_patients
    unknown = info.unknown_patients or not is_known_here
    if unknown:
        log(
            f"{info.title} comes from elsewhere: which patients it has seen is not known here, so "
            "no patient counts as unseen for certain.",
            "warning",
        )
    return Ancestry(
        parent=info.title,
        parent_network=info.network_digest,
        inherited=tuple(sorted(info.seen_patients)) if is_known_here else (),
        unknown_patients=unknown,
    )

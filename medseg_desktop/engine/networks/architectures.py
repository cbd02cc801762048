"""The networks of PaddleSeg that can be trained, by the name in `train --model`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from medseg_desktop.core.errors import JobError
from medseg_desktop.engine.backend import models, paddle

if TYPE_CHECKING:
    from paddle import Tensor
    from paddle.nn import Layer


@dataclass(frozen=True, slots=True)
class Architecture:
    """How to make a network, and where its classes are.

    Attributes:
        kind: PaddleSeg's class.
        make: (number of labels, channels of the input) -> the network with fresh weights.
        class_layers: full names of the weights whose first axis is the class.
    """

    kind: type[Layer]
    make: Callable[[int, int], Layer]
    class_layers: re.Pattern[str]


def _bisenetv2(n_labels: int, channels: int) -> Layer:
    network: Layer = models.BiSeNetV2(
        num_classes=n_labels, in_channels=channels, lambd=0.25, align_corners=False
    )
    return network


def _unet(n_labels: int, channels: int) -> Layer:
    network: Layer = models.UNet(num_classes=n_labels, in_channels=channels, align_corners=False)
    return network


def _pp_liteseg(n_labels: int, channels: int) -> Layer:
    """The smaller of the two of the paper (PP-LiteSeg-T, arXiv:2204.02681)."""
    network: Layer = models.PPLiteSeg(
        num_classes=n_labels,
        backbone=models.STDC1(in_channels=channels),
        arm_out_chs=[32, 64, 128],
        seg_head_inter_chs=[32, 64, 64],
    )
    for stage in network.ppseg_head.cm.stages:
        stage[0] = _MeanPool(stage[0]._output_size)
    return network


class _MeanPool(paddle.nn.Layer):
    """Means over bins x bins windows of feature maps (N, C, H, W) of fixed H and W.

    It gives what paddle.nn.AdaptiveAvgPool2D gives: along n values, window i goes from
    floor(i n / bins) to ceil((i + 1) n / bins).  ONNX has no such operator, and the converter
    writes windows of one size and distance instead, which is right for some sizes only.
    """

    def __init__(self, bins: int) -> None:
        super().__init__()
        self._bins = bins

    def forward(self, x: Tensor) -> Tensor:
        rows, columns = (self._weights(n).astype(x.dtype) for n in x.shape[2:])
        means: Tensor = rows @ x @ columns.transpose([1, 0])
        return means

    def _weights(self, n: int) -> Tensor:
        """A matrix, float32 (bins, n), whose product with n values is their means."""
        weights = np.zeros((self._bins, n), np.float32)
        for i, row in enumerate(weights):
            window = slice(i * n // self._bins, -(-(i + 1) * n // self._bins))
            row[window] = 1 / len(row[window])
        return paddle.to_tensor(weights)


ARCHITECTURES: Mapping[str, Architecture] = MappingProxyType(
    {
        "bisenetv2": Architecture(
            models.BiSeNetV2,
            _bisenetv2,
            re.compile(r"(aux_)?head\d?\.conv_1x1\.(weight|bias)"),
        ),
        "unet": Architecture(
            models.UNet,
            _unet,
            # PaddleSeg gives the one class layer two names.
            re.compile(r"(cls|conv)\.(weight|bias)"),
        ),
        "pp_liteseg": Architecture(
            models.PPLiteSeg,
            _pp_liteseg,
            re.compile(r"seg_heads\.\d\.conv_out\.weight"),
        ),
    }
)


def architecture_of(name: str) -> Architecture:
    """The network of that name.

    Raises:
        JobError: there is none.
    """
    try:
        return ARCHITECTURES[name]
    except KeyError as error:
        raise JobError(
            f"There is no network called {name}.", f"Choose one of {', '.join(ARCHITECTURES)}."
        ) from error


def class_layers_of(network: Layer) -> re.Pattern[str]:
    """The pattern of the weights of a network whose first axis is the class."""
    return next(a.class_layers for a in ARCHITECTURES.values() if isinstance(network, a.kind))

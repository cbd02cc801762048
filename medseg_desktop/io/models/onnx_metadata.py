"""What an ONNX network says about itself, for programs that have nothing but the file.

Its metadata holds how a slice is prepared and what the classes are, as JSON, and, once the
network has become a model, which one.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from medseg_desktop.core.labels import Label
from medseg_desktop.core.notice import RESEARCH_NOTICE, RESEARCH_NOTICE_ZH
from medseg_desktop.core.preprocessing import Preprocessing
from medseg_desktop.io.models.info import ModelInfo


def described(
    data: bytes,
    preprocessing: Preprocessing,
    labels: tuple[Label, ...],
    further: Mapping[str, str] | None = None,
) -> bytes:
    """The same network with metadata: `preprocessing` and `labels` (JSON), the notice, more."""
    import onnx

    model = onnx.load_model_from_string(data)
    entries = {
        **{entry.key: entry.value for entry in model.metadata_props},
        "preprocessing": msgspec.json.encode(preprocessing).decode(),
        "labels": msgspec.json.encode(labels).decode(),
        "notice": f"{RESEARCH_NOTICE} {RESEARCH_NOTICE_ZH}",
        **(further or {}),
    }
    model.ClearField("metadata_props")
    for key, value in sorted(entries.items()):
        model.metadata_props.add(key=key, value=value)
    result: bytes = model.SerializeToString(deterministic=True)
    return result


def described_as(data: bytes, info: ModelInfo) -> bytes:
    """The network of a model with all that the model knows about using it.

    `network` is the SHA-256 of the package's own `model.onnx`, whose metadata tells less.
    """
    return described(
        data,
        info.preprocessing,
        info.labels,
        {
            "title": info.title,
            "architecture": info.architecture,
            "network": info.network_digest,
            "created": info.created,
        },
    )

"""The job `import`: from PaddleSeg's weights of a BiSeNetV2 to a model package.

The file is read before Paddle is imported, and Paddle never sees it.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medseg_desktop.core.errors import JobError, ModelError
from medseg_desktop.core.labels import MAXIMUM_LABELS, RECIPE_LABELS, LabelTable
from medseg_desktop.core.preprocessing import PRESETS, Preprocessing
from medseg_desktop.core.specs import ImportSpec
from medseg_desktop.io.machine import machine_facts
from medseg_desktop.io.model_package import write_model
from medseg_desktop.io.models.info import InputShape, ModelInfo
from medseg_desktop.io.models.pdparams import Arrays, read_pdparams
from medseg_desktop.io.process_memory import limited_memory

if TYPE_CHECKING:
    from medseg_desktop.jobs.worker import JobContext

_ARCHITECTURE = "bisenetv2"
#: Its first axis is the class.
_HEAD = "head.conv_1x1.weight"
#: The file, its arrays, and the small objects between them.
_READING_BYTES = 1 << 30
_FORMAT = "PaddleSeg .pdparams"
FOLDER = "model"


def run_import(spec: ImportSpec, context: JobContext) -> dict[str, Any]:
    """Read, check, export to ONNX, compare with Paddle, and write the package.

    Returns:
        model (path), labels, agreement (share of equal pixels, 0..1), sha256 (of the file).

    Raises:
        Cancelled: stopped by the user; there is no package.
        ModelError, JobError, WorkspaceError: what is wrong with the file; there is no package.
    """
    path = Path(spec.file)
    if spec.size % 32 or not 64 <= spec.size <= 2048:
        raise JobError(f"{spec.size} is no size for the network's input.", "Choose 512.")
    if spec.preset not in PRESETS:
        raise JobError(f"There is no conversion preset called {spec.preset}.")
    context.progress("read", 0, 4)
    arrays, digest = _read(path)
    n_labels = _count_of_classes(arrays, path)
    table = _table(spec.labels, n_labels, path)
    context.check()
    context.progress("load", 1, 4)
    from medseg_desktop.engine.backend import quiet

    with quiet():
        return _convert(spec, context, arrays, table, digest)


def _convert(
    spec: ImportSpec, context: JobContext, arrays: Arrays, table: LabelTable, digest: str
) -> dict[str, Any]:
    """The steps that need Paddle; always on the processor, as the model will be used."""
    from medseg_desktop.engine.backend import paddle
    from medseg_desktop.engine.networks.export import COMPARED_SLICES, compare, export_onnx
    from medseg_desktop.engine.networks.network import (
        build_network,
        encode_weights,
        load_exactly,
        read_state,
    )
    from medseg_desktop.engine.networks.sample_slices import generated_slices

    how = PRESETS[spec.preset]
    paddle.device.set_device("cpu")
    network = build_network(_ARCHITECTURE, len(table))
    load_exactly(network, arrays, _refusal(Path(spec.file)))
    context.check()
    context.progress("export", 2, 4)
    onnx = export_onnx(network, size=spec.size, table=table, preprocessing=how)
    context.check()
    context.progress("verify", 3, 4)
    slices = generated_slices(COMPARED_SLICES)
    agreement = compare(network, onnx, slices, size=spec.size, how=how, hint="")
    context.check()
    folder = Path(spec.package) if spec.package else context.work_dir / FOLDER
    info = _model_info(spec, table, how, digest, agreement)
    write_model(folder, info, onnx, encode_weights(read_state(network)))
    context.progress("export", 4, 4)
    return {
        "model": str(folder),
        "labels": list(table.names),
        "agreement": agreement,
        "sha256": digest,
    }


def _read(path: Path) -> tuple[Arrays, str]:
    """The arrays, and the SHA-256 of the file."""
    try:
        with limited_memory(_READING_BYTES):
            arrays, data = read_pdparams(path)
    except MemoryError as error:
        raise ModelError(f"{path} needs more memory than the weights of a network can.") from error
    return arrays, hashlib.sha256(data).hexdigest()


def _refusal(path: Path) -> str:
    return f"{path} is not a BiSeNetV2 for grey slices"


def _count_of_classes(arrays: Arrays, path: Path) -> int:
    head = arrays.get(_HEAD)
    if head is None or head.ndim != 4:
        raise ModelError(f"{_refusal(path)}: it lacks {_HEAD}.")
    if not 2 <= len(head) <= MAXIMUM_LABELS:
        raise ModelError(f"{path} has {len(head)} outputs, which no label table can have.")
    return len(head)


def _table(labels: LabelTable | None, n_labels: int, path: Path) -> LabelTable:
    table = labels or RECIPE_LABELS
    if len(table) != n_labels:
        others = n_labels - 1
        have = f"{path} has {n_labels} classes: the background and {others} more"
        named = len(table) - 1
        given = f", but {named} label{'s were' if named > 1 else ' was'} named" if labels else ""
        raise ModelError(
            f"{have}{given}.", "Name their labels in the order of its outputs (--labels A,B,...)."
        )
    if table.problem:
        raise ModelError(f"The label table {table.problem}.")
    return table


def _model_info(
    spec: ImportSpec, table: LabelTable, how: Preprocessing, digest: str, agreement: float
) -> ModelInfo:
    from medseg_desktop.engine.backend import software_versions

    return ModelInfo(
        name=spec.name,
        architecture=_ARCHITECTURE,
        labels=table.labels,
        preprocessing=how,
        input=InputShape(channels=1, height=spec.size, width=spec.size),
        unknown_patients=True,
        imported={"format": _FORMAT, "sha256": digest},
        training={"size": spec.size, "onnx_agreement": agreement},
        software=software_versions(),
        machine=machine_facts(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )

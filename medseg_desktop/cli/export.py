"""`export`: a checked model for other programs, in one or more forms in one folder."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from medseg_desktop.cli.context import named_model, workspace_of
from medseg_desktop.cli.output import JobPrinter, print_json, result_of, warn
from medseg_desktop.core.errors import UsageError, WorkspaceError, describe_os_error
from medseg_desktop.core.specs import ExportSpec
from medseg_desktop.io.atomic import new_folder
from medseg_desktop.io.model_card import model_card
from medseg_desktop.io.model_package import (
    CARD,
    ONNX,
    ModelInfo,
    ModelPackage,
    open_model,
    pack_model,
)
from medseg_desktop.io.models.onnx_metadata import described_as
from medseg_desktop.io.settings_file import load_settings
from medseg_desktop.jobs.run import run_job

_FORMATS = ("onnx", "paddle", "package")


def run(arguments: argparse.Namespace) -> int:
    formats = _chosen(arguments.format)
    package = open_model(named_model(workspace_of(arguments), arguments.model))
    out = arguments.out.absolute()
    try:
        with new_folder(out) as folder:
            written = _write(package, folder, formats, arguments.size)
    except OSError as error:
        raise WorkspaceError(describe_os_error(error, out, "write")) from error
    if "paddle" in written:
        warn(_size_note(package.info, arguments.size))
    if arguments.json:
        print_json({"title": package.info.title, "out": str(out), "formats": written})
    else:
        for facts in written.values():
            print(_line(out, package.info, facts))
    return 0


def _chosen(text: str) -> list[str]:
    formats = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    known = f"Known: {', '.join(_FORMATS)}."
    for name in formats:
        if name not in _FORMATS:
            raise UsageError(f"There is no format {name}.", known)
    if not formats:
        raise UsageError("No format was given.", known)
    return formats


def _write(
    package: ModelPackage, folder: Path, formats: Sequence[str], size: int
) -> dict[str, dict[str, Any]]:
    """Fill the folder; returns by format which files, and what was compared."""
    written: dict[str, dict[str, Any]] = {}
    if "paddle" in formats:  # first: it may fail, and takes the longest
        written["paddle"] = _write_paddle(package, folder, size)
    if "onnx" in formats:
        (folder / ONNX).write_bytes(described_as(package.onnx, package.info))
        written["onnx"] = {"files": [ONNX]}
    if "package" in formats:
        name = f"{package.info.title}.zip"
        pack_model(package.path, folder / name)
        written["package"] = {"files": [name]}
    (folder / CARD).write_text(model_card(package.info), encoding="utf-8", newline="\n")
    return written


def _write_paddle(package: ModelPackage, folder: Path, size: int) -> dict[str, Any]:
    settings = load_settings()
    spec = ExportSpec(model=str(package.path.absolute()), out=str(folder), size=size)
    state = run_job(
        spec,
        interpreter=settings.training_interpreter or None,
        threads=settings.threads,
        on_event=JobPrinter().on_event,
    )
    result = result_of(state)
    return {key: result[key] for key in ("files", "size", "agreement", "slices")}


def _size_note(info: ModelInfo, size: int) -> list[str]:
    """What to mind where the export takes slices at another size than the model has learned."""
    own = info.input
    if (own.height, own.width) == (size, size):
        return []
    return [
        f"{info.title} has learned on slices of {own.height} x {own.width} pixels; lesions look "
        f"larger or smaller to it at {size} x {size}. Evaluate it there, or export it with "
        f"--size {own.height}."
    ]


def _line(out: Path, info: ModelInfo, facts: dict[str, Any]) -> str:
    text = f"{out / facts['files'][-1]}: {info.title}"
    if "agreement" in facts:
        text = f"{', '.join(str(out / name) for name in facts['files'])}: {info.title}"
        text += f"; Paddle Inference agrees with the model on {facts['agreement']:.4%} of the "
        text += f"pixels of {facts['slices']} slices"
    return text

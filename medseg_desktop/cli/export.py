"""`export`: a checked model as a single file for other programs."""

from __future__ import annotations

import argparse

import msgspec

from medseg_desktop.cli.context import workspace_of
from medseg_desktop.cli.later import not_yet
from medseg_desktop.core.errors import UsageError, WorkspaceError, describe_os_error
from medseg_desktop.io.atomic import new_folder
from medseg_desktop.io.model_card import model_card
from medseg_desktop.io.model_package import CARD, MODEL_JSON, ONNX, open_model


def run(arguments: argparse.Namespace) -> int:
    formats = [name.strip() for name in arguments.format.split(",") if name.strip()]
    for name in formats:
        if name == "paddle":
            raise not_yet("export --format paddle")
        if name != "onnx":
            raise UsageError(f"There is no format {name}.", "Known: onnx.")
    if not formats:
        raise UsageError("No format was given.", "Known: onnx.")
    package = open_model(workspace_of(arguments).find_model(arguments.model))
    out = arguments.out.absolute()
    try:
        with new_folder(out) as folder:
            (folder / ONNX).write_bytes(package.onnx)
            info = msgspec.json.format(msgspec.json.encode(package.info), indent=2)
            (folder / MODEL_JSON).write_bytes(info + b"\n")
            (folder / CARD).write_text(model_card(package.info), encoding="utf-8")
    except OSError as error:
        raise WorkspaceError(describe_os_error(error, out, "write")) from error
    print(f"{out / ONNX}: {package.info.title}")
    return 0

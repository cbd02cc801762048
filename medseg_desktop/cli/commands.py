"""What the commands have in common: how they are added, and options that several of them have."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, TypeAlias

Run = Callable[[argparse.Namespace], int]

SOURCE = "folder or file of DICOM, DICOMDIR or .zip; several are read together, archives apart"
MODEL = "model folder, its .zip, or the name of a model of the workspace"


class Parser(argparse.ArgumentParser):
    """Says what is wrong with the options in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def command_of(module: str, function: str = "run") -> Run:
    """A command that is imported when it is used."""

    def run(arguments: argparse.Namespace) -> int:
        command: Run = getattr(importlib.import_module(f"medseg_desktop.cli.{module}"), function)
        return command(arguments)

    return run


Commands: TypeAlias = "argparse._SubParsersAction[Parser]"


def add_command(
    commands: Commands, name: str, help_: str, module: str, function: str = "run"
) -> argparse.ArgumentParser:
    """A command that `function` of `cli.<module>` runs."""
    command: argparse.ArgumentParser = commands.add_parser(name, help=help_, description=help_)
    add_workspace(command)
    command.set_defaults(run=command_of(module, function))
    return command


def add_workspace(parser: argparse.ArgumentParser) -> None:
    """Which workspace."""
    parser.add_argument(
        "--workspace",
        type=Path,
        default=argparse.SUPPRESS,
        help="folder for datasets, runs and models; default: MedSeg in your documents",
    )


def add_patient_key(command: argparse.ArgumentParser) -> None:
    """Who is a patient."""
    command.add_argument(
        "--patient-key", choices=["id", "folder"], default="id",
        help="what tells patients apart: PatientID, or the top-level folder",
    )  # fmt: skip


def add_skip_broken(command: argparse.ArgumentParser) -> None:
    """Whether broken annotations stop the work."""
    command.add_argument(
        "--skip-broken", action="store_true",
        help="leave out annotation files, and slices with shapes, that cannot be used "
        "instead of stopping",
    )  # fmt: skip


def add_json(command: argparse.ArgumentParser) -> None:
    """The result for other programs."""
    command.add_argument("--json", action="store_true", help="print one JSON object at the end")

"""The commands about data: scan, convert, split."""

from __future__ import annotations

from pathlib import Path

from medseg_desktop.cli.commands import (
    SOURCE,
    Commands,
    Parser,
    add_command,
    add_json,
    add_patient_key,
    add_skip_broken,
    add_workspace,
    command_of,
)
from medseg_desktop.cli.option_types import (
    seed,
)


def add_data_commands(commands: Commands) -> None:
    """From DICOM to a dataset."""
    _add_scan(commands)
    _add_convert(commands)
    _add_split(commands)


def _add_scan(commands: Commands) -> None:
    scan = add_command(
        commands, "scan", "list the series found, and what is wrong with files", "scan"
    )
    scan.add_argument("path", nargs="+", type=Path, metavar="PATH", help=SOURCE)
    scan.add_argument("--decode", action="store_true", help="also decode every slice")
    add_json(scan)
    add_patient_key(scan)


def _add_convert(commands: Commands) -> None:
    convert = add_command(
        commands, "convert", "convert reviewed slices into a training set", "convert"
    )
    convert.add_argument("source", nargs="+", type=Path, metavar="SRC", help=SOURCE)
    convert.add_argument("dataset", type=Path, metavar="DATASET")
    convert.add_argument("--preset", choices=["default", "reference"], default="default",
                         help="how grey values are prepared: each slice by itself (default), or "
                         "as in the original method")  # fmt: skip
    convert.add_argument("--split", type=Path, help="JSON file: which patient is in which set")
    convert.add_argument("--new-patients", choices=["train", "incoming"],
                         help="who is new to a frozen split joins the training set (default), or "
                         "waits until assigned and stays out of the dataset")  # fmt: skip
    convert.add_argument("--seed", type=seed, default=0, help="of a newly drawn split")
    convert.add_argument("--overlays", action="store_true", help="also write coloured overlays/")
    convert.add_argument("--overwrite", action="store_true", help="replace an earlier dataset")
    add_skip_broken(convert)
    add_patient_key(convert)
    add_json(convert)


def _add_split(commands: Commands) -> None:
    split = commands.add_parser(
        "split", help="which patient is in which set; move a patient",
        description="which patient is in which set of the workspace's frozen split",
    )  # fmt: skip
    add_workspace(split)
    what = split.add_subparsers(metavar="WHAT", required=True, parser_class=Parser)
    shown = add_command(what, "list", "list the patients and their sets", "split")
    shown.set_defaults(run=command_of("split", "run_list"))
    move = add_command(what, "move", "put a patient into another set, on record", "split")
    move.set_defaults(run=command_of("split", "run_move"))
    move.add_argument("patient", metavar="PATIENT", help="patient hash, PatientID, or folder")
    move.add_argument("set", metavar="SET", choices=["train", "val", "test", "incoming"],
                      help="train, val, test or incoming")  # fmt: skip
    move.add_argument("--by", required=True, metavar="NAME", help="who moves the patient")
    move.add_argument("--reason", required=True, metavar="TEXT", help="why")
    for command in (shown, move):
        command.add_argument("--source", nargs="+", type=Path, default=[], metavar="SRC",
                             help="also look here for who the patients are")  # fmt: skip
        add_patient_key(command)
        add_json(command)

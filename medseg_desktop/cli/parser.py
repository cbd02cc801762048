"""The commands and their options (the contract of the command line)."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, TypeAlias

from medseg_desktop import __version__

Run = Callable[[argparse.Namespace], int]

_SOURCE = "folder or file of DICOM, DICOMDIR or .zip; several are read together, archives apart"
_MODEL = "model folder, its .zip, or the name of a model of the workspace"


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with the options in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def _command(module: str, function: str = "run") -> Run:
    """A command that is imported when it is used."""

    def run(arguments: argparse.Namespace) -> int:
        command: Run = getattr(importlib.import_module(f"medseg_desktop.cli.{module}"), function)
        return command(arguments)

    return run


def _count(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number of at least 1")
    return value


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**31:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 0 to 2147483647")
    return int(text)


def _devices(text: str) -> list[int]:
    numbers = text.split(",")
    if not all(number.isdecimal() for number in numbers):
        raise argparse.ArgumentTypeError(f"{text} is not a list of device numbers such as 0,1")
    devices = [int(number) for number in numbers]
    if len(set(devices)) < len(devices):
        raise argparse.ArgumentTypeError(f"{text} names a device twice")
    return devices


def _patience(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**31:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number of evaluations")
    return int(text)


def _rate(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1e12:
        raise argparse.ArgumentTypeError(f"{text} is not a learning rate above 0")
    return value


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds")
    return value


def _counts(text: str) -> list[int]:
    """E.g. "1,2" -> [1, 2]."""
    return [_count(part) for part in text.split(",")]


def _network_size(text: str) -> int:
    value = _count(text)
    if value % 32 or value < 64:
        raise argparse.ArgumentTypeError(f"{text} is not a multiple of 32 of at least 64")
    return value


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = _Parser(
        prog="medseg-desktop",
        description="Review, outline, retrain and predict lesions on low-field MR. "
        "For research and education. Not a medical device.",
    )
    parser.add_argument("--version", action="version", version=f"MedSeg Desktop {__version__}")
    _add_workspace(parser)
    parser.add_argument("--quit-after", type=_seconds, help=argparse.SUPPRESS)
    # Options that stand before and after the command must not overwrite each other, so they
    # have no default of their own.
    parser.set_defaults(run=_command("gui"), path=[], workspace=None, quit_after=None)
    commands = parser.add_subparsers(metavar="COMMAND", parser_class=_Parser)
    _add_gui(commands)
    _add_demo(commands)
    _add_scan(commands)
    _add_convert(commands)
    _add_split(commands)
    _add_train(commands)
    _add_retrain(commands)
    _add_predict(commands)
    _add_evaluate(commands)
    _add_export(commands)
    _add_import_model(commands)
    _add_bench(commands)
    _add_doctor(commands)
    _add_models(commands)
    _add_audit(commands)
    _add_later(commands)
    worker = commands.add_parser("worker")
    worker.add_argument("spec", type=Path)
    worker.add_argument("--rank", action="store_true")  # one of several that train together
    worker.set_defaults(run=_command("worker"))
    decoder = commands.add_parser("decoder")
    decoder.add_argument("time_limit_s", type=_seconds)
    decoder.set_defaults(run=_command("decoder"))
    return parser


_Commands: TypeAlias = "argparse._SubParsersAction[_Parser]"


def _add(
    commands: _Commands, name: str, help_: str, module: str, function: str = "run"
) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=help_, description=help_)
    _add_workspace(command)
    command.set_defaults(run=_command(module, function))
    return command


def _add_workspace(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--workspace",
        type=Path,
        default=argparse.SUPPRESS,
        help="folder for datasets, runs and models; default: MedSeg in your documents",
    )


def _add_quit_after(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--quit-after", type=_seconds, default=argparse.SUPPRESS, help=argparse.SUPPRESS
    )


def _add_gui(commands: _Commands) -> None:
    gui = commands.add_parser("gui", help="open the window on a folder or file")
    gui.add_argument("path", nargs="*", type=Path, metavar="PATH", help=_SOURCE)
    _add_workspace(gui)
    _add_quit_after(gui)
    gui.set_defaults(run=_command("gui"))


def _add_demo(commands: _Commands) -> None:
    demo = _add(commands, "demo", "the whole main job on a generated phantom study", "demo")
    demo.add_argument("dir", nargs="?", type=Path, help="where to put it; default: medseg-demo")
    demo.add_argument("--headless", action="store_true", help="do not open the window afterwards")
    demo.add_argument("--iters", type=_count, help="training steps; default 80")
    _add_quit_after(demo)


def _add_patient_key(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--patient-key", choices=["id", "folder"], default="id",
        help="what tells patients apart: PatientID, or the top-level folder",
    )  # fmt: skip


def _add_scan(commands: _Commands) -> None:
    scan = _add(commands, "scan", "list the series found, and what is wrong with files", "scan")
    scan.add_argument("path", nargs="+", type=Path, metavar="PATH", help=_SOURCE)
    scan.add_argument("--decode", action="store_true", help="also decode every slice")
    scan.add_argument("--json", action="store_true", help="print one JSON object at the end")
    _add_patient_key(scan)


def _add_convert(commands: _Commands) -> None:
    convert = _add(commands, "convert", "convert reviewed slices into a training set", "convert")
    convert.add_argument("source", nargs="+", type=Path, metavar="SRC", help=_SOURCE)
    convert.add_argument("dataset", type=Path, metavar="DATASET")
    convert.add_argument("--preset", choices=["default", "reference"], default="default",
                         help="how grey values are prepared: each slice by itself (default), or "
                         "as in the original method")  # fmt: skip
    convert.add_argument("--split", type=Path, help="JSON file: which patient is in which set")
    convert.add_argument("--new-patients", choices=["train", "incoming"],
                         help="who is new to a frozen split joins the training set (default), or "
                         "waits until assigned and stays out of the dataset")  # fmt: skip
    convert.add_argument("--seed", type=_seed, default=0, help="of a newly drawn split")
    convert.add_argument("--overlays", action="store_true", help="also write coloured overlays/")
    convert.add_argument("--overwrite", action="store_true", help="replace an earlier dataset")
    _add_skip_broken(convert)
    _add_patient_key(convert)
    convert.add_argument("--json", action="store_true", help="print one JSON object at the end")


def _add_split(commands: _Commands) -> None:
    split = commands.add_parser(
        "split", help="which patient is in which set; move a patient",
        description="which patient is in which set of the workspace's frozen split",
    )  # fmt: skip
    _add_workspace(split)
    what = split.add_subparsers(metavar="WHAT", required=True, parser_class=_Parser)
    shown = _add(what, "list", "list the patients and their sets", "split")
    shown.set_defaults(run=_command("split", "run_list"))
    move = _add(what, "move", "put a patient into another set, on record", "split")
    move.set_defaults(run=_command("split", "run_move"))
    move.add_argument("patient", metavar="PATIENT", help="patient hash, PatientID, or folder")
    move.add_argument("set", metavar="SET", choices=["train", "val", "test", "incoming"],
                      help="train, val, test or incoming")  # fmt: skip
    move.add_argument("--by", required=True, metavar="NAME", help="who moves the patient")
    move.add_argument("--reason", required=True, metavar="TEXT", help="why")
    for command in (shown, move):
        command.add_argument("--source", nargs="+", type=Path, default=[], metavar="SRC",
                             help="also look here for who the patients are")  # fmt: skip
        _add_patient_key(command)
        command.add_argument("--json", action="store_true", help="print one JSON object at the end")


def _add_skip_broken(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--skip-broken", action="store_true",
        help="leave out annotation files, and slices with shapes, that cannot be used "
        "instead of stopping",
    )  # fmt: skip


def _add_train(commands: _Commands) -> None:
    train = _add(commands, "train", "train a model on a dataset", "train")
    train.add_argument("dataset", type=Path, metavar="DATASET")
    train.add_argument("--run", dest="run_folder", type=Path, required=True, metavar="RUN",
                       help="folder for curves, checkpoints and the model")  # fmt: skip
    train.add_argument("--preset", choices=["default", "reference"], default="default",
                       help="how the network learns: for few patients and short trainings "
                       "(default), or as in the original method")  # fmt: skip
    train.add_argument("--model", choices=["bisenetv2", "unet", "pp_liteseg"],
                       default="bisenetv2",
                       help="the network; unet takes ten times as long; "
                       "default bisenetv2")  # fmt: skip
    train.add_argument("--iters", type=_count,
                       help="training steps in all; default 3000, "
                       "with --resume as begun")  # fmt: skip
    train.add_argument("--batch-size", type=_count, default=8,
                       help="slices in one step, of all devices together; default 8")  # fmt: skip
    train.add_argument("--size", type=_count, default=512,
                       help="side of the network's input in pixels; default 512")  # fmt: skip
    train.add_argument("--device", choices=["auto", "cpu", "gpu"], default="auto")
    train.add_argument("--devices", type=_devices, default=[], metavar="0,1,...",
                       help="GPUs to train on together, each on its share of every batch; with "
                       "--device cpu, as many processes; --batch-size must be a multiple of "
                       "their number")  # fmt: skip
    train.add_argument("--init", metavar="MODEL|starter|none",
                       help="start from this model's weights, or those that come with the "
                       "program (starter; default for the preset default)")  # fmt: skip
    train.add_argument("--learning-rate", type=_rate,
                       help="highest learning rate; default: the preset's")  # fmt: skip
    train.add_argument("--patience", type=_patience, metavar="N",
                       help="end after N evaluations without a better one")  # fmt: skip
    train.add_argument("--resume", action="store_true",
                       help="continue a stopped, crashed or finished run, with the options "
                       "it was begun with, to --iters steps")  # fmt: skip
    train.add_argument("--seed", type=_seed, default=0, help="of everything random; default 0")
    train.add_argument("--check", action="store_true",
                       help="only say what is in the dataset, whether a training would work, and "
                       "what it would take on this computer")  # fmt: skip
    train.add_argument("--no-measure", action="store_true",
                       help="with --check: estimate time and memory instead of measuring a few "
                       "steps")  # fmt: skip
    train.add_argument("--sheet", type=Path, metavar="FILE",
                       help="with --check: draw the first slices as the network would get them "
                       "into this PNG")  # fmt: skip
    train.add_argument("--interpreter", help="another Python that has Paddle (GPU)")
    train.add_argument("--json", action="store_true", help="print one JSON object at the end")


def _add_retrain(commands: _Commands) -> None:
    retrain = _add(commands, "retrain",
                   "convert, train from the champion, and compare the two on the test patients",
                   "retrain")  # fmt: skip
    retrain.add_argument("source", nargs="*", type=Path, metavar="SRC", help=_SOURCE)
    retrain.add_argument("--resume", type=Path, metavar="RUN",
                         help="go on with a retraining that was stopped, has failed, or was ended "
                         "with the program; everything else stays as it was begun")  # fmt: skip
    retrain.add_argument("--check", action="store_true",
                         help="only say what is new since the champion, and what a retraining "
                         "would cost on this computer")  # fmt: skip
    retrain.add_argument("--by", default="", metavar="NAME",
                         help="who asks for it; default: the name of the account")  # fmt: skip
    retrain.add_argument("--name", default="", help="of the model; default: the champion's")
    retrain.add_argument("--iters", type=_count,
                         help="training steps; default by the number of slices")  # fmt: skip
    retrain.add_argument("--size", type=_network_size,
                         help="side of the network's input; default: the champion's")  # fmt: skip
    retrain.add_argument("--batch-size", type=_count, help="default: the champion's")
    retrain.add_argument("--device", choices=["auto", "cpu", "gpu"], default="auto")
    retrain.add_argument("--from-starter", action="store_true",
                         help="start from the starter weights and not from the "
                         "champion")  # fmt: skip
    retrain.add_argument("--seed", type=_seed, default=0, help="of everything random; default 0")
    _add_skip_broken(retrain)
    _add_patient_key(retrain)
    retrain.add_argument("--interpreter", help="another Python that has Paddle (GPU)")
    retrain.add_argument("--json", action="store_true", help="print one JSON object at the end")


def _add_predict(commands: _Commands) -> None:
    predict = _add(commands, "predict", "predict every slice of a folder", "predict")
    predict.add_argument("model", metavar="MODEL", help=_MODEL)
    predict.add_argument("source", nargs="+", type=Path, metavar="SRC", help=_SOURCE)
    predict.add_argument("--out", type=Path, required=True, metavar="DIR")
    predict.add_argument("--format", default="png",
                         help="png,overlay,json (comma-separated)")  # fmt: skip
    predict.add_argument("--overwrite", action="store_true", help="write into a non-empty DIR")
    predict.add_argument("--json", action="store_true", help="print one JSON object at the end")


def _add_evaluate(commands: _Commands) -> None:
    evaluate = _add(commands, "evaluate", "compare a model with annotations", "evaluate")
    evaluate.add_argument("model", metavar="MODEL", help=_MODEL)
    evaluate.add_argument("source", nargs="+", type=Path, metavar="SRC", help=_SOURCE)
    evaluate.add_argument("--split", choices=["train", "val", "test", "all"], default="all",
                          help="only patients that are in this set")  # fmt: skip
    evaluate.add_argument("--against", default="", metavar="MODEL",
                          help="a second model, with which the first one is compared on the same "
                          "patients")  # fmt: skip
    evaluate.add_argument("--out", type=Path, metavar="DIR",
                          help="a new folder for report, tables and pictures")  # fmt: skip
    _add_skip_broken(evaluate)
    _add_patient_key(evaluate)
    evaluate.add_argument("--json", action="store_true", help="print one JSON object at the end")


def _add_export(commands: _Commands) -> None:
    export = _add(commands, "export", "export a model for other programs", "export")
    export.add_argument("model", metavar="MODEL", help=_MODEL)
    export.add_argument("--out", type=Path, required=True, metavar="DIR")
    export.add_argument("--format", default="onnx",
                        help="onnx,paddle,package (comma-separated); default onnx")  # fmt: skip
    export.add_argument("--size", type=_network_size, default=512,
                        help="paddle: side of the input in pixels; default 512")  # fmt: skip
    export.add_argument("--json", action="store_true", help="print one JSON object at the end")


def _add_import_model(commands: _Commands) -> None:
    help_ = "take over a model: a package, or PaddleSeg's weights of a BiSeNetV2"
    command = _add(commands, "import-model", help_, "import_model")
    command.add_argument("file", type=Path, metavar="FILE",
                         help="a package (.zip, folder), or a .pdparams, which is read without "
                         "running its code")  # fmt: skip
    command.add_argument("--name", required=True, help="of the model in the workspace")
    command.add_argument("--labels", default="", metavar="A,B,...",
                         help=".pdparams: of its classes after the background, in the order of "
                         "its outputs; default H")  # fmt: skip
    command.add_argument("--size", type=_network_size, default=512,
                         help=".pdparams: side of the network's input in pixels; "
                         "default 512")  # fmt: skip
    command.add_argument("--json", action="store_true", help="print one JSON object at the end")


def _add_bench(commands: _Commands) -> None:
    bench = _add(commands, "bench", "measure how fast this program is on this machine", "bench")
    bench.add_argument("kind", choices=["viewer", "prediction", "conversion", "training"])
    bench.add_argument("--slices", type=_count, default=1000,
                       help="viewer: of the generated series; default 1000")  # fmt: skip
    bench.add_argument("--size", type=_network_size, default=256,
                       help="training: side of the network's input; default 256")  # fmt: skip
    bench.add_argument("--batch-size", type=_count, default=8,
                       help="training: slices in one step; default 8")  # fmt: skip
    bench.add_argument("--steps", type=_count, default=12,
                       help="training: steps of each kind that count; default 12")  # fmt: skip
    bench.add_argument("--threads", type=_counts, metavar="N[,N...]",
                       help="training: measured with each; default the number of physical "
                       "cores")  # fmt: skip
    bench.add_argument("--device", choices=["auto", "cpu", "gpu"], default="auto",
                       help="training: where")  # fmt: skip
    bench.add_argument("--json", action="store_true", help="print one JSON object at the end")


def _add_doctor(commands: _Commands) -> None:
    doctor = _add(commands, "doctor", "what is installed, what works, what to do", "doctor")
    doctor.add_argument("--gpu", action="store_true", help="also check training on the GPU")
    doctor.add_argument("--json", action="store_true", help="print one JSON object at the end")


def _add_models(commands: _Commands) -> None:
    help_ = "list models, promote one to the champion, go back to the one before"
    models = commands.add_parser("models", help=help_, description=help_)
    _add_workspace(models)
    acts = models.add_subparsers(metavar="ACTION", parser_class=_Parser, required=True)
    listing = _add(acts, "list", "list the models of the workspace", "models", "run_list")
    listing.add_argument("--json", action="store_true", help="print one JSON object at the end")
    promote = _add(acts, "promote", "make a model the champion", "models", "run_promote")
    promote.add_argument("model", metavar="MODEL", help=_MODEL)
    rollback = _add(acts, "rollback", "make the champion before this one the champion again",
                    "models", "run_rollback")  # fmt: skip
    for act in (promote, rollback):
        act.add_argument("--by", metavar="NAME",
                         help="who does it; default: the annotator of the settings, or the name "
                         "of the account")  # fmt: skip
        act.add_argument("--reason", metavar="TEXT", required=True, help="why")


def _add_audit(commands: _Commands) -> None:
    help_ = "verify or print the audit trail: promotions, rollbacks, changes of the split"
    audit = commands.add_parser("audit", help=help_, description=help_)
    _add_workspace(audit)
    acts = audit.add_subparsers(metavar="ACTION", parser_class=_Parser, required=True)
    verify = _add(acts, "verify", "prove that nothing of the trail was changed or removed",
                  "audit", "run_verify")  # fmt: skip
    listing = _add(acts, "list", "print the trail, oldest entry first", "audit", "run_list")
    for act in (verify, listing):
        act.add_argument("--json", action="store_true", help="print one JSON object at the end")


def _add_later(commands: _Commands) -> None:
    """Commands of later versions: they are recognised, and say so."""
    for name, help_ in {
        "annotations": "import or export annotations in other formats",
    }.items():
        later = _add(commands, name, f"{help_} (not in this version)", "later")
        later.add_argument("words", nargs=argparse.REMAINDER)
        later.set_defaults(feature=name)

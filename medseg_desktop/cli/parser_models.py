"""The commands about models: predict, evaluate, export, import-model, models, audit."""

from __future__ import annotations

from pathlib import Path

from medseg_desktop.cli.commands import (
    MODEL,
    SOURCE,
    Commands,
    Parser,
    add_command,
    add_json,
    add_patient_key,
    add_skip_broken,
    add_workspace,
)
from medseg_desktop.cli.option_types import (
    network_size,
)


def add_model_commands(commands: Commands) -> None:
    """What is done with a model, and who decided what about it."""
    _add_predict(commands)
    _add_evaluate(commands)
    _add_export(commands)
    _add_import_model(commands)
    _add_models(commands)
    _add_audit(commands)


def _add_predict(commands: Commands) -> None:
    predict = add_command(commands, "predict", "predict every slice of a folder", "predict")
    predict.add_argument("model", metavar="MODEL", help=MODEL)
    predict.add_argument("source", nargs="+", type=Path, metavar="SRC", help=SOURCE)
    predict.add_argument("--out", type=Path, required=True, metavar="DIR")
    predict.add_argument("--format", default="png",
                         help="png,overlay,json (comma-separated)")  # fmt: skip
    predict.add_argument("--overwrite", action="store_true", help="write into a non-empty DIR")
    add_json(predict)


def _add_evaluate(commands: Commands) -> None:
    evaluate = add_command(commands, "evaluate", "compare a model with annotations", "evaluate")
    evaluate.add_argument("model", metavar="MODEL", help=MODEL)
    evaluate.add_argument("source", nargs="+", type=Path, metavar="SRC", help=SOURCE)
    evaluate.add_argument("--split", choices=["train", "val", "test", "all"], default="all",
                          help="only patients that are in this set")  # fmt: skip
    evaluate.add_argument("--against", default="", metavar="MODEL",
                          help="a second model, with which the first one is compared on the same "
                          "patients")  # fmt: skip
    evaluate.add_argument("--out", type=Path, metavar="DIR",
                          help="a new folder for report, tables and pictures")  # fmt: skip
    add_skip_broken(evaluate)
    add_patient_key(evaluate)
    add_json(evaluate)


def _add_export(commands: Commands) -> None:
    export = add_command(commands, "export", "export a model for other programs", "export")
    export.add_argument("model", metavar="MODEL", help=MODEL)
    export.add_argument("--out", type=Path, required=True, metavar="DIR")
    export.add_argument("--format", default="onnx",
                        help="onnx,paddle,package (comma-separated); default onnx")  # fmt: skip
    export.add_argument("--size", type=network_size, default=512,
                        help="paddle: side of the input in pixels; default 512")  # fmt: skip
    add_json(export)


def _add_import_model(commands: Commands) -> None:
    help_ = "take over a model: a package, or PaddleSeg's weights of a BiSeNetV2"
    command = add_command(commands, "import-model", help_, "import_model")
    command.add_argument("file", type=Path, metavar="FILE",
                         help="a package (.zip, folder), or a .pdparams, which is read without "
                         "running its code")  # fmt: skip
    command.add_argument("--name", required=True, help="of the model in the workspace")
    command.add_argument("--labels", default="", metavar="A,B,...",
                         help=".pdparams: of its classes after the background, in the order of "
                         "its outputs; default H")  # fmt: skip
    command.add_argument("--size", type=network_size, default=512,
                         help=".pdparams: side of the network's input in pixels; "
                         "default 512")  # fmt: skip
    add_json(command)


def _add_models(commands: Commands) -> None:
    help_ = "list models, promote one to the champion, go back to the one before"
    models = commands.add_parser("models", help=help_, description=help_)
    add_workspace(models)
    acts = models.add_subparsers(metavar="ACTION", parser_class=Parser, required=True)
    listing = add_command(acts, "list", "list the models of the workspace", "models", "run_list")
    add_json(listing)
    promote = add_command(acts, "promote", "make a model the champion", "models", "run_promote")
    promote.add_argument("model", metavar="MODEL", help=MODEL)
    rollback = add_command(acts, "rollback", "make the champion before this one the champion again",
                    "models", "run_rollback")  # fmt: skip
    for act in (promote, rollback):
        act.add_argument("--by", metavar="NAME",
                         help="who does it; default: the annotator of the settings, or the name "
                         "of the account")  # fmt: skip
        act.add_argument("--reason", metavar="TEXT", required=True, help="why")


def _add_audit(commands: Commands) -> None:
    help_ = "verify or print the audit trail: promotions, rollbacks, changes of the split"
    audit = commands.add_parser("audit", help=help_, description=help_)
    add_workspace(audit)
    acts = audit.add_subparsers(metavar="ACTION", parser_class=Parser, required=True)
    verify = add_command(acts, "verify", "prove that nothing of the trail was changed or removed",
                  "audit", "run_verify")  # fmt: skip
    listing = add_command(acts, "list", "print the trail, oldest entry first", "audit", "run_list")
    for act in (verify, listing):
        add_json(act)

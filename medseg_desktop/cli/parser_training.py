"""The commands that train: train, retrain."""

from __future__ import annotations

from pathlib import Path

from medseg_desktop.cli.commands import (
    SOURCE,
    Commands,
    add_command,
    add_json,
    add_patient_key,
    add_skip_broken,
)
from medseg_desktop.cli.option_types import (
    count,
    devices,
    learning_rate,
    network_size,
    patience,
    seed,
)


def add_training_commands(commands: Commands) -> None:
    """From a dataset, or from annotations, to a model."""
    _add_train(commands)
    _add_retrain(commands)


def _add_train(commands: Commands) -> None:
    train = add_command(commands, "train", "train a model on a dataset", "train")
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
    train.add_argument("--iters", type=count,
                       help="training steps in all; default 3000, "
                       "with --resume as begun")  # fmt: skip
    train.add_argument("--batch-size", type=count, default=8,
                       help="slices in one step, of all devices together; default 8")  # fmt: skip
    train.add_argument("--size", type=count, default=512,
                       help="side of the network's input in pixels; default 512")  # fmt: skip
    train.add_argument("--device", choices=["auto", "cpu", "gpu"], default="auto")
    train.add_argument("--devices", type=devices, default=[], metavar="0,1,...",
                       help="GPUs to train on together, each on its share of every batch; with "
                       "--device cpu, as many processes; --batch-size must be a multiple of "
                       "their number")  # fmt: skip
    train.add_argument("--init", metavar="MODEL|starter|none",
                       help="start from this model's weights, or those that come with the "
                       "program (starter; default for the preset default)")  # fmt: skip
    train.add_argument("--learning-rate", type=learning_rate,
                       help="highest learning rate; default: the preset's")  # fmt: skip
    train.add_argument("--patience", type=patience, metavar="N",
                       help="end after N evaluations without a better one")  # fmt: skip
    train.add_argument("--resume", action="store_true",
                       help="continue a stopped, crashed or finished run, with the options "
                       "it was begun with, to --iters steps")  # fmt: skip
    train.add_argument("--seed", type=seed, default=0, help="of everything random; default 0")
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
    add_json(train)


def _add_retrain(commands: Commands) -> None:
    retrain = add_command(commands, "retrain",
                   "convert, train from the champion, and compare the two on the test patients",
                   "retrain")  # fmt: skip
    retrain.add_argument("source", nargs="*", type=Path, metavar="SRC", help=SOURCE)
    retrain.add_argument("--resume", type=Path, metavar="RUN",
                         help="go on with a retraining that was stopped, has failed, or was ended "
                         "with the program; everything else stays as it was begun")  # fmt: skip
    retrain.add_argument("--check", action="store_true",
                         help="only say what is new since the champion, and what a retraining "
                         "would cost on this computer")  # fmt: skip
    retrain.add_argument("--by", default="", metavar="NAME",
                         help="who asks for it; default: the name of the account")  # fmt: skip
    retrain.add_argument("--name", default="", help="of the model; default: the champion's")
    retrain.add_argument("--iters", type=count,
                         help="training steps; default by the number of slices")  # fmt: skip
    retrain.add_argument("--size", type=network_size,
                         help="side of the network's input; default: the champion's")  # fmt: skip
    retrain.add_argument("--batch-size", type=count, help="default: the champion's")
    retrain.add_argument("--device", choices=["auto", "cpu", "gpu"], default="auto")
    retrain.add_argument("--from-starter", action="store_true",
                         help="start from the starter weights and not from the "
                         "champion")  # fmt: skip
    retrain.add_argument("--seed", type=seed, default=0, help="of everything random; default 0")
    add_skip_broken(retrain)
    add_patient_key(retrain)
    retrain.add_argument("--interpreter", help="another Python that has Paddle (GPU)")
    add_json(retrain)

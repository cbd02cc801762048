"""The command line as a whole: the contract of its commands and their options."""

from __future__ import annotations

import argparse
from pathlib import Path

from medseg_desktop import __version__
from medseg_desktop.cli.commands import (
    SOURCE,
    Commands,
    Parser,
    add_command,
    add_json,
    add_workspace,
    command_of,
)
from medseg_desktop.cli.option_types import count, counts, network_size, seconds
from medseg_desktop.cli.parser_data import add_data_commands
from medseg_desktop.cli.parser_models import add_model_commands
from medseg_desktop.cli.parser_training import add_training_commands


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = Parser(
        prog="medseg-desktop",
        description="Review, outline, retrain and predict lesions on low-field MR. "
        "For research and education. Not a medical device.",
    )
    parser.add_argument("--version", action="version", version=f"MedSeg Desktop {__version__}")
    add_workspace(parser)
    parser.add_argument("--quit-after", type=seconds, help=argparse.SUPPRESS)
    # Options that stand before and after the command must not overwrite each other, so they
    # have no default of their own.
    parser.set_defaults(run=command_of("gui"), path=[], workspace=None, quit_after=None)
    commands = parser.add_subparsers(metavar="COMMAND", parser_class=Parser)
    _add_gui(commands)
    _add_demo(commands)
    add_data_commands(commands)
    add_training_commands(commands)
    add_model_commands(commands)
    _add_bench(commands)
    _add_doctor(commands)
    _add_later(commands)
    worker = commands.add_parser("worker")
    worker.add_argument("spec", type=Path)
    worker.add_argument("--rank", action="store_true")  # one of several that train together
    worker.set_defaults(run=command_of("worker"))
    decoder = commands.add_parser("decoder")
    decoder.add_argument("time_limit_s", type=seconds)
    decoder.set_defaults(run=command_of("decoder"))
    return parser


def _add_gui(commands: Commands) -> None:
    gui = commands.add_parser("gui", help="open the window on a folder or file")
    gui.add_argument("path", nargs="*", type=Path, metavar="PATH", help=SOURCE)
    add_workspace(gui)
    _add_quit_after(gui)
    gui.set_defaults(run=command_of("gui"))


def _add_demo(commands: Commands) -> None:
    demo = add_command(commands, "demo", "the whole main job on a generated phantom study", "demo")
    demo.add_argument("dir", nargs="?", type=Path, help="where to put it; default: medseg-demo")
    demo.add_argument("--headless", action="store_true", help="do not open the window afterwards")
    demo.add_argument("--iters", type=count, help="training steps; default 80")
    _add_quit_after(demo)


def _add_quit_after(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--quit-after", type=seconds, default=argparse.SUPPRESS, help=argparse.SUPPRESS
    )


def _add_bench(commands: Commands) -> None:
    bench = add_command(
        commands, "bench", "measure how fast this program is on this machine", "bench"
    )
    bench.add_argument("kind", choices=["viewer", "prediction", "conversion", "training"])
    bench.add_argument("--slices", type=count, default=1000,
                       help="viewer: of the generated series; default 1000")  # fmt: skip
    bench.add_argument("--size", type=network_size, default=256,
                       help="training: side of the network's input; default 256")  # fmt: skip
    bench.add_argument("--batch-size", type=count, default=8,
                       help="training: slices in one step; default 8")  # fmt: skip
    bench.add_argument("--steps", type=count, default=12,
                       help="training: steps of each kind that count; default 12")  # fmt: skip
    bench.add_argument("--threads", type=counts, metavar="N[,N...]",
                       help="training: measured with each; default the number of physical "
                       "cores")  # fmt: skip
    bench.add_argument("--device", choices=["auto", "cpu", "gpu"], default="auto",
                       help="training: where")  # fmt: skip
    add_json(bench)


def _add_doctor(commands: Commands) -> None:
    doctor = add_command(commands, "doctor", "what is installed, what works, what to do", "doctor")
    doctor.add_argument("--gpu", action="store_true", help="also check training on the GPU")
    add_json(doctor)


def _add_later(commands: Commands) -> None:
    """Commands of later versions: they are recognised, and say so."""
    for name, help_ in {
        "annotations": "import or export annotations in other formats",
    }.items():
        later = add_command(commands, name, f"{help_} (not in this version)", "later")
        later.add_argument("words", nargs=argparse.REMAINDER)
        later.set_defaults(feature=name)

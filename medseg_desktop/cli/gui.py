"""The window: `medseg-desktop` and `medseg-desktop gui [PATH]`."""

from __future__ import annotations

import argparse
from pathlib import Path

from medseg_desktop.cli.context import existing, workspace_of
from medseg_desktop.core.errors import MedSegError
from medseg_desktop.io.workspace import Workspace


def run(arguments: argparse.Namespace) -> int:
    path = existing(arguments.path) if arguments.path else None
    return open_window(workspace_of(arguments), path, arguments.quit_after)


def open_window(
    workspace: Workspace,
    path: Path | None,
    quit_after_s: float | None = None,
    model: Path | None = None,
) -> int:
    """Open the window and return when it is closed.

    Raises:
        MedSegError: Qt cannot start here (a system library is missing, say).
    """
    try:
        from medseg_desktop.qt.app import run_app
    except ImportError as error:
        raise MedSegError(
            f"The window cannot be opened: {error}.",
            "Run medseg-desktop doctor to see what is missing.",
        ) from error
    return run_app(workspace, path, quit_after_s=quit_after_s, model=model)

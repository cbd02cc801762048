"""The window: `medseg-desktop` and `medseg-desktop gui [PATH ...]`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from medseg_desktop.cli.context import sources, workspace_of
from medseg_desktop.core.errors import MedSegError
from medseg_desktop.io.workspace import Workspace
from medseg_desktop.jobs.system_libraries import Need, apt_line, missing_libraries, packages


def run(arguments: argparse.Namespace) -> int:
    named = sources(arguments.path)
    return open_window(workspace_of(arguments), named, arguments.quit_after)


def open_window(
    workspace: Workspace,
    named: Sequence[Path],
    quit_after_s: float | None = None,
    model: Path | None = None,
) -> int:
    """Open the window on what was named, or on the start page; return when it is closed.

    Raises:
        MedSegError: Qt cannot start here (a system library is missing, say).
    """
    choose_platform(quit_after_s)
    try:
        from medseg_desktop.qt.app import run_app
    except ImportError as error:
        raise MedSegError(
            f"The window cannot be opened: {error}.",
            "Run medseg-desktop doctor to see what is missing.",
        ) from error
    return run_app(workspace, named, quit_after_s=quit_after_s, model=model)


def choose_platform(quit_after_s: float | None) -> None:
    """Say in a sentence why no window can open on Linux, where Qt would end the process.

    A smoke test (`--quit-after`) needs no display: it runs offscreen where there is none.

    Raises:
        MedSegError: no display, or a system library is missing.
    """
    if not sys.platform.startswith("linux") or os.environ.get("QT_QPA_PLATFORM"):
        return
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        if quit_after_s is None:
            raise MedSegError(
                "The window cannot be opened: there is no display.",
                "Log in to a desktop, or use the commands (medseg-desktop --help).",
            )
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
        return
    missing = missing_libraries((Need.START, Need.WINDOW))
    if missing:
        raise MedSegError(
            "The window cannot be opened: system libraries are missing.",
            f"Type: {apt_line(packages(missing))}",
        )

"""What every command needs: the workspace, the settings, checked paths."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from medseg_desktop.core.errors import UsageError
from medseg_desktop.io.models.champions import Champions
from medseg_desktop.io.settings_file import default_workspace, load_settings
from medseg_desktop.io.workspace import Workspace


def workspace_of(arguments: argparse.Namespace) -> Workspace:
    """--workspace, else the environment, else the setting, else the user's documents."""
    if arguments.workspace:
        return Workspace(arguments.workspace)
    return Workspace(default_workspace(load_settings().workspace))


def named_model(workspace: Workspace, reference: str) -> Path:
    """A package folder, a .zip, NAME-vN or NAME of the workspace.

    A bare NAME means the champion where that has the name, else the newest version: a candidate
    is not used before somebody says so.

    Raises:
        UsageError: there is no such model.
        WorkspaceError: it cannot be told which model the champion is.
    """
    if not os.path.exists(reference):
        champions = Champions(workspace)
        champion = champions.current()
        if champion is not None and champion.model.rpartition("-v")[0] == reference:
            return champions.folder(champion)
    return workspace.find_model(reference).absolute()


def existing(path: Path) -> Path:
    """The absolute path; raises UsageError where nothing is there."""
    if not os.path.exists(path):
        raise UsageError(f"{path} does not exist.")
    return path.absolute()


def sources(paths: Sequence[Path]) -> list[Path]:
    """The absolute paths of everything named as SRC; raises UsageError where one is missing."""
    return [existing(path) for path in paths]

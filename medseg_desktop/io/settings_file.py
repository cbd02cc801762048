"""Settings on disk; a damaged file never stops the program."""

from __future__ import annotations

import getpass
import logging
import os
from pathlib import Path

import msgspec

from medseg_desktop.core.errors import WorkspaceError, describe_os_error
from medseg_desktop.core.settings import Settings, changed_settings, valid_settings
from medseg_desktop.io.atomic import write_bytes

SETTINGS_VARIABLE = "MEDSEG_SETTINGS"
WORKSPACE_VARIABLE = "MEDSEG_WORKSPACE"
_log = logging.getLogger(__name__)


def settings_path() -> Path:
    """MEDSEG_SETTINGS, else settings.json in the user's configuration folder."""
    configured = os.environ.get(SETTINGS_VARIABLE)
    if configured:
        return Path(configured)
    import platformdirs

    return platformdirs.user_config_path("MedSeg", appauthor=False) / "settings.json"


def default_workspace(setting: str = "") -> Path:
    """MEDSEG_WORKSPACE, else the user's setting, else a folder in the user's documents."""
    configured = os.environ.get(WORKSPACE_VARIABLE) or setting
    if configured:
        return Path(configured)
    import platformdirs

    return platformdirs.user_documents_path() / "MedSeg"


def load_settings() -> Settings:
    """The stored settings; values that make no sense are logged and left at their default."""
    path = settings_path()
    try:
        values = msgspec.json.decode(path.read_bytes())
    except FileNotFoundError:
        return Settings()
    except (OSError, msgspec.MsgspecError, RecursionError) as error:
        _log.warning("The settings file %s cannot be read: %s.", path, error)
        return Settings()
    if not isinstance(values, dict):
        _log.warning("The settings file %s is damaged.", path)
        return Settings()
    settings, bad = valid_settings(values)
    for name in bad:
        _log.warning("The setting %s in %s makes no sense and is ignored.", name, path)
    return settings


def save_settings(settings: Settings) -> None:
    """Write what differs from the defaults; raises WorkspaceError."""
    path = settings_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkspaceError(describe_os_error(error, path.parent, "make the folder")) from error
    data = msgspec.json.format(msgspec.json.encode(changed_settings(settings)), indent=2)
    write_bytes(path, data + b"\n")


def user_name() -> str:
    """The name of the account, which stands for the annotator until another one is given."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # an account without a name
        return ""

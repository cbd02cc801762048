"""Where the program's own resource files lie: checkout, installed wheel or frozen app."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def _candidates() -> list[Path]:
    """Possible resource folders, the most specific one first."""
    found = []
    bundle = getattr(sys, "_MEIPASS", None)
    if bundle is not None:
        found += [Path(bundle) / "medseg_desktop" / "resources", Path(bundle) / "resources"]
    # A wheel carries the folder inside the package, a checkout beside it.
    return [*found, _PACKAGE / "resources", _PACKAGE.parent / "resources"]


@cache
def resource_root() -> Path:
    """The folder that holds icons, style pictures, presets and translations.

    Raises:
        FileNotFoundError: the installation is damaged; the text names where it looked.
    """
    places = _candidates()
    for folder in places:
        if (folder / "icons").is_dir():
            return folder
    raise FileNotFoundError(
        "The program's resources folder is missing; install the program again. Looked in "
        + ", ".join(str(folder) for folder in places)
    )


def resource(*parts: str) -> Path:
    """The path of a resource, for example `resource("icons", "play.svg")`; it may not exist."""
    return resource_root().joinpath(*parts)

"""Commands and formats that this version does not have yet: one line, exit code 2."""

from __future__ import annotations

import argparse

from medseg_desktop import __version__
from medseg_desktop.core.errors import UsageError


def not_yet(feature: str) -> UsageError:
    """The error for a feature of a later version."""
    return UsageError(f"{feature} is not in version {__version__} yet.")


def run(arguments: argparse.Namespace) -> int:
    raise not_yet(arguments.feature)

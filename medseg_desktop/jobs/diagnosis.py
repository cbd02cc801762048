"""Everything that `doctor` looks at, one check after the other.

Nothing here may need a package that could be broken: checks import what they look at
themselves, or ask a child process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from medseg_desktop.core.settings import Settings
from medseg_desktop.jobs.check import Check, State
from medseg_desktop.jobs.machine_checks import check_memory, check_processor, check_workspace
from medseg_desktop.jobs.package_checks import (
    check_decoders,
    check_opencv,
    check_packages,
    check_python,
)
from medseg_desktop.jobs.qt_checks import check_qt
from medseg_desktop.jobs.training_checks import check_training

__all__ = ["Check", "State", "diagnose", "is_fine", "unchecked"]


def diagnose(settings: Settings, workspace: Callable[[], Path]) -> Iterator[Check]:
    """Every check, as soon as it is done (the slow ones take seconds).

    Args:
        workspace: finds the workspace; asked late, because it may need a broken package.
    """
    yield check_python()
    yield check_packages()
    yield check_opencv()
    yield _guarded("Decoders", check_decoders)
    yield from check_qt()
    yield check_training(settings.training_interpreter)
    yield check_memory()
    yield check_processor(settings.threads)
    yield _guarded("Workspace", lambda: check_workspace(workspace()))


def is_fine(checks: Iterable[Check]) -> bool:
    """Nothing is bad; cautions are allowed."""
    return all(check.status is not State.BAD for check in checks)


def _guarded(name: str, check: Callable[[], Check]) -> Check:
    """A check that itself needs packages."""
    try:
        return check()
    except ImportError as error:
        return unchecked(name, error)


def unchecked(name: str, error: ImportError) -> Check:
    """What a check says that needs a package which does not load."""
    return Check(
        name,
        State.BAD,
        f"This cannot be checked, because a package does not load: {error}.",
        "Mend the packages named above first.",
    )

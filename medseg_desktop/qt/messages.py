"""Errors as sentences for the window."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Callable
from types import TracebackType

from medseg_desktop.core.errors import MedSegError

_log = logging.getLogger(__name__)


def sentence(error: MedSegError) -> str:
    """What happened and what to do, in one line."""
    return " ".join(str(error).split())


def install_excepthook(show: Callable[[str], None]) -> Callable[[], None]:
    """Log unexpected errors with their traceback and show a sentence; never end the program.

    Returns:
        A function that restores the hook from before.
    """
    before = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            before(kind, error, trace)
            return
        if isinstance(error, MedSegError):
            show(sentence(error))
            return
        _log.error("unexpected error\n%s", "".join(traceback.format_exception(error)))
        reason = (str(error).splitlines() or [kind.__name__])[0]
        show(f"Something unexpected went wrong: {reason}. Nothing was lost; see the log.")

    sys.excepthook = hook

    def restore() -> None:
        sys.excepthook = before

    return restore

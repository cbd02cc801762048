"""The decoder process: decodes frames for its parent until its stdin ends.

Decoders of compressed pixels are large C libraries that meet whatever a file holds.  If one
of them crashes, runs for ever or takes all memory, only this process goes.
"""

from __future__ import annotations

import contextlib
import faulthandler
import io
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from medseg_desktop.core.errors import UnreadableSliceError
from medseg_desktop.io.dicom.quiet import quiet
from medseg_desktop.io.pixels.decoder_protocol import (
    ProtocolError,
    describe_array,
    receive,
    send,
)

_MEMORY_BYTES = 4 << 30


#: Path and frame -> stored values; raises UnreadableSliceError with the reason.
Decode = Callable[[str, int], npt.NDArray[np.generic]]


def serve(decode: Decode, time_limit_s: float) -> int:
    """Answer requests (see `io.pixels.decoder_protocol`) until stdin ends.

    Args:
        decode: what does the work; an error other than its own ends this process.
        time_limit_s: for one frame; then this process ends itself, whatever it is doing.

    Returns:
        The exit code.
    """
    requests, answers, log = _take_pipes()
    _protect_machine()
    with requests, answers, log, quiet(), contextlib.suppress(OSError, ProtocolError):
        while (request := receive(requests)) is not None:
            faulthandler.dump_traceback_later(time_limit_s, exit=True, file=log)
            message, values = _answer(decode, request)
            faulthandler.cancel_dump_traceback_later()
            send(answers, message, None if values is None else values.data.cast("B"))
    return 0


def _answer(
    decode: Decode, request: dict[str, Any]
) -> tuple[dict[str, Any], npt.NDArray[np.generic] | None]:
    """The message that answers a request, and the values that follow it."""
    try:
        values = np.ascontiguousarray(decode(str(request["path"]), int(request["frame"])))
    except UnreadableSliceError as error:
        return {"reason": error.message}, None
    except MemoryError:
        return {"reason": "its pixels do not fit into memory"}, None
    return describe_array(values), values


def _take_pipes() -> tuple[io.FileIO, io.FileIO, io.FileIO]:
    """Make stdin and stdout private: what libraries print must not reach the parent."""
    requests, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1):
        os.dup2(nothing, standard)
    return io.FileIO(requests, "r"), io.FileIO(answers, "w"), io.FileIO(nothing, "w")


def _protect_machine() -> None:
    """Bound the memory, leave no core dump and no dialog behind, and let the parent end us."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all processes of a terminal
    if sys.platform == "win32":
        import ctypes

        no_dialogs = 0x0001 | 0x0002  # SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX
        ctypes.windll.kernel32.SetErrorMode(no_dialogs)
        return
    import resource

    for kind, limit in ((resource.RLIMIT_AS, _MEMORY_BYTES), (resource.RLIMIT_CORE, 0)):
        _, hard = resource.getrlimit(kind)
        if hard != resource.RLIM_INFINITY:
            limit = min(limit, hard)
        with contextlib.suppress(ValueError, OSError):  # not every system has every limit
            resource.setrlimit(kind, (limit, hard))

"""pydicom's own warnings, kept away from users: what matters is said in our own sentences."""

from __future__ import annotations

import contextlib
import logging
import threading
import warnings
from collections.abc import Iterator

# pydicom logs every warning a second time, and failed decoders with their traceback; both
# reach us as exceptions where they matter.
logging.getLogger("pydicom").setLevel(logging.CRITICAL)

_lock = threading.Lock()
_stack = contextlib.ExitStack()
_depth = 0


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Ignore warnings inside the block; may overlap in several threads.

    `warnings.catch_warnings` alone restores the wrong filters when two threads overlap, so
    the first thread to enter changes them and the last one to leave restores them.
    """
    global _depth
    with _lock:
        if _depth == 0:
            _stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")
        _depth += 1
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            if _depth == 0:
                _stack.close()

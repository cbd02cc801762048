"""A decoder process that goes wrong as the name of the file tells it to."""

from __future__ import annotations

import ctypes
import gc
import io
import os
import sys
import time

import numpy as np

from medseg_desktop.core.errors import UnreadableSliceError
from medseg_desktop.io.pixels.decoder_process import serve


class PanicException(BaseException):
    """What decoders written in Rust raise; `except Exception` does not catch it."""


def decode(word: str, frame: int) -> np.ndarray:
    if word == "abort":
        os.abort()
    if word == "panic":
        raise PanicException
    if word == "hang":  # in native code, which does not let go of the interpreter's lock
        ctypes.PyDLL(None).sleep(60)
    if word == "slow":
        time.sleep(0.2)
    if word == "memory":
        np.ones(1 << 36, np.uint8)
    if word == "noise":
        print("a library prints", flush=True)
        os.write(1, b"and so does its C part\n")
    if word == "garbage":
        pipes = [x for x in gc.get_objects() if isinstance(x, io.FileIO) and x.mode == "wb"]
        for pipe in pipes:
            pipe.write(b"\0\0\0\x05hello")
    if word == "refuse":
        raise UnreadableSliceError("its pixels are damaged")
    return np.full((2, 3), frame, np.uint16)


if __name__ == "__main__":
    sys.exit(serve(decode, float(sys.argv[1])))

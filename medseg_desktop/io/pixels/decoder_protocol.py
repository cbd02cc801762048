"""What a decoder process and its parent say to each other over two pipes.

Every message is JSON behind its length (4 bytes, big endian).  The parent asks for one frame
of one file; the decoder answers with the type and the shape of the values and the values
themselves (C order), or with the reason why there are none.
"""

from __future__ import annotations

import json
import math
from io import RawIOBase
from typing import Any, Final

import numpy as np
import numpy.typing as npt

_LENGTH_BYTES: Final = 4
_LONGEST_MESSAGE: Final = 1 << 20
_MAXIMUM_ARRAY_BYTES: Final = 1 << 30
_KINDS: Final = "uif"


class ProtocolError(Exception):
    """The other side is gone, or says something that makes no sense."""


def send(pipe: RawIOBase, message: dict[str, Any], values: memoryview | None = None) -> None:
    """Write a message, and behind it the bytes of an array.

    Raises:
        OSError: nobody reads.
    """
    text = json.dumps(message).encode("ascii")  # a name that is no text survives as an escape
    write_all(pipe, memoryview(len(text).to_bytes(_LENGTH_BYTES, "big") + text))
    if values is not None:
        write_all(pipe, values)


def receive(pipe: RawIOBase) -> dict[str, Any] | None:
    """Read a message; None at the end of the pipe.

    Raises:
        ProtocolError: it ends within a message, or holds something else.
    """
    length = bytearray(_LENGTH_BYTES)
    got = _read_into(pipe, memoryview(length))
    if got == 0:
        return None
    size = int.from_bytes(length, "big")
    if got < _LENGTH_BYTES or size > _LONGEST_MESSAGE:
        raise ProtocolError
    text = bytearray(size)
    if _read_into(pipe, memoryview(text)) < size:
        raise ProtocolError
    try:
        message = json.loads(bytes(text))
    except (ValueError, RecursionError) as error:
        raise ProtocolError from error
    if not isinstance(message, dict):
        raise ProtocolError
    return message


def describe_array(values: npt.NDArray[np.generic]) -> dict[str, Any]:
    """The message that goes before the bytes of an array."""
    return {"dtype": values.dtype.str, "shape": list(values.shape)}


def receive_array(pipe: RawIOBase, message: dict[str, Any]) -> npt.NDArray[np.generic]:
    """Read the array that `describe_array` announced, straight into its memory.

    Raises:
        ProtocolError: the announcement makes no sense, or the pipe ends.
    """
    try:
        dtype = np.dtype(str(message["dtype"]))
        shape = tuple(int(side) for side in message["shape"])
    except (KeyError, TypeError, ValueError) as error:
        raise ProtocolError from error
    is_frame = len(shape) in (2, 3) and all(side > 0 for side in shape)
    if not is_frame or dtype.kind not in _KINDS:
        raise ProtocolError
    if math.prod(shape) * dtype.itemsize > _MAXIMUM_ARRAY_BYTES:
        raise ProtocolError
    values = np.empty(shape, dtype)
    if _read_into(pipe, values.data.cast("B")) < values.nbytes:
        raise ProtocolError
    return values


def write_all(pipe: RawIOBase, data: memoryview) -> None:
    while data:
        data = data[pipe.write(data) or 0 :]


def _read_into(pipe: RawIOBase, buffer: memoryview) -> int:
    """Fill the buffer; returns the number of bytes, fewer only at the end of the pipe."""
    got = 0
    while got < len(buffer):
        count = pipe.readinto(buffer[got:])
        if not count:
            break
        got += count
    return got

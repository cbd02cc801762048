"""What a safetensors file must look like before anything uses it.

The format is a header length (8 bytes, little-endian), a JSON header that gives each array its
type, shape and bytes, and these bytes without gaps (https://github.com/huggingface/safetensors).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from types import MappingProxyType

import msgspec
import numpy as np

from medseg_desktop.core.errors import ModelError

_TYPES: Mapping[str, str] = MappingProxyType({"F64": "<f8", "F32": "<f4", "F16": "<f2"})
_LENGTH = struct.Struct("<Q")
#: BiSeNetV2 has 30 KB.
_LONGEST_HEADER = 1 << 20
_MOST_ARRAYS = 10_000
_MOST_DIMENSIONS = 8
_METADATA = "__metadata__"


class _Entry(msgspec.Struct, frozen=True):
    """One array in the header."""

    dtype: str
    shape: tuple[int, ...]
    data_offsets: tuple[int, int]


def check_weights(data: bytes, source: str) -> None:
    """Refuse what is not plainly a file of finite floating point arrays.

    Args:
        data: the bytes of `weights.safetensors`.
        source: names the model in messages.

    Raises:
        ModelError: what is wrong.
    """
    damaged = ModelError(f"The weights of {source} are damaged.", "Copy the model again.")
    if len(data) < _LENGTH.size:
        raise damaged
    (length,) = _LENGTH.unpack_from(data)
    if length > min(_LONGEST_HEADER, len(data) - _LENGTH.size):
        raise damaged
    begin = _LENGTH.size + length
    try:
        header = msgspec.json.decode(data[_LENGTH.size : begin], type=dict[str, msgspec.Raw])
        header.pop(_METADATA, None)
        entries = [msgspec.json.decode(raw, type=_Entry) for raw in header.values()]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise damaged from error
    if len(entries) > _MOST_ARRAYS:
        raise damaged
    at = 0
    for entry in sorted(entries, key=lambda e: e.data_offsets):
        start, end = entry.data_offsets
        if entry.dtype not in _TYPES:
            raise ModelError(f"The weights of {source} hold values that are no numbers.")
        if start != at or end - start != _size(entry) or begin + end > len(data):
            raise damaged
        count = math.prod(entry.shape)
        values = np.frombuffer(data, _TYPES[entry.dtype], count, begin + start)
        if not np.isfinite(values).all():
            raise ModelError(f"The weights of {source} hold values that are no numbers.")
        at = end
    if begin + at != len(data):
        raise damaged


def _size(entry: _Entry) -> int:
    """Bytes of an array; -1, which no array has, where its shape makes no sense."""
    if len(entry.shape) > _MOST_DIMENSIONS or any(n < 0 for n in entry.shape):
        return -1
    return math.prod(entry.shape) * np.dtype(_TYPES[entry.dtype]).itemsize

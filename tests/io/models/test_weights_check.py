from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from medseg_desktop.core.errors import ModelError
from medseg_desktop.io.models.weights_check import check_weights


def file_of(header: dict[str, Any] | bytes, content: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + content


def entry(dtype: str = "F32", shape: Any = (2,), offsets: Any = (0, 8)) -> dict[str, Any]:
    return {"a": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}


def test_what_the_format_s_own_library_writes_passes() -> None:
    arrays: dict[str, Any] = {
        "a": np.ones((2, 3), np.float32),
        "b": np.ones((), np.float64),
        "c": np.zeros((0, 2), np.float16),
    }
    check_weights(safetensors.numpy.save(arrays, {"format": "x"}), "m")
    check_weights(safetensors.numpy.save({}), "m")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_are_refused(bad: float) -> None:
    data = safetensors.numpy.save({"a": np.array([0, bad], np.float32)})
    with pytest.raises(ModelError, match="no numbers"):
        check_weights(data, "m")


@pytest.mark.parametrize(
    "data",
    [
        b"", b"1234567", struct.pack("<Q", 1 << 62), struct.pack("<Q", 9) + b"{}",
        file_of(b"[]"), file_of(b"{"), file_of(b"\xff{}"), file_of(b"[" * 50_000),
        file_of({"a": 1}), file_of({"a": {"dtype": "F32"}}),
        file_of(entry(), bytes(7)), file_of(entry(), bytes(9)),
        file_of(entry(offsets=(0, 4)), bytes(8)), file_of(entry(offsets=(4, 12)), bytes(12)),
        file_of(entry(offsets=(8, 0)), bytes(8)), file_of(entry(shape=(1 << 40,)), bytes(8)),
        file_of(entry(shape=(-2,)), bytes(8)), file_of(entry(shape=(-1, -2)), bytes(8)),
        file_of(entry(shape=(1,) * 9, offsets=(0, 4)), bytes(4)),
        file_of(b" " * (1 << 20) + b"{} "),
        file_of({**entry(), **{"b": entry()["a"]}}, bytes(8)),  # two arrays in one place
    ],
)  # fmt: skip
def test_a_file_that_says_what_is_not_so_is_refused(data: bytes) -> None:
    with pytest.raises(ModelError, match="The weights of m are damaged"):
        check_weights(data, "m")


@pytest.mark.parametrize("dtype", ["I64", "BOOL", "BF16", "U8", "O"])
def test_other_types_than_floats_are_refused(dtype: str) -> None:
    with pytest.raises(ModelError, match="no numbers"):
        check_weights(file_of(entry(dtype), bytes(8)), "m")

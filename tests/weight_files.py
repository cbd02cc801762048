"""Weight files of PaddlePaddle for tests, good and hostile ones."""

from __future__ import annotations

import io
import os
import pickle
import pickletools
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

NAME_TABLE = "StructuredToParameterName@@"


def small_weights() -> dict[str, npt.NDArray[Any]]:
    """A few arrays of each kind that occurs in a state dictionary."""
    rng = np.random.default_rng(0)
    return {
        "conv.weight": rng.normal(size=(3, 1, 3, 3)).astype(np.float32),
        "conv.bias": rng.normal(size=3).astype(np.float32),
        "norm._mean": np.asfortranarray(rng.normal(size=(2, 5))),
        "half": rng.normal(size=4).astype(np.float16),
        "steps": np.array(7, np.int64),
        "big_endian": np.arange(4, dtype=">f4"),
    }


def pickled(weights: Mapping[str, npt.NDArray[Any]], protocol: int = 4) -> bytes:
    """As `paddle.save(network.state_dict(), path, protocol)` of 3.3 writes it."""
    table = {name: f"{name}_0" for name in weights}
    return pickle.dumps({**weights, NAME_TABLE: table}, protocol)


def as_numpy_1(data: bytes) -> bytes:
    """The same file as Paddle 2.6 writes it, which works with NumPy 1 only."""
    new, old = b"numpy._core.multiarray", b"numpy.core.multiarray"
    assert data.count(new) == 1
    if data[1] < 4:
        return data.replace(new, old)
    data = data.replace(b"\x8c\x16" + new, b"\x8c\x15" + old)
    (length,) = struct.unpack_from("<Q", data, 3)  # of the frame that it lies in
    assert data[2:3] == pickle.FRAME
    assert data.index(old) < length
    return data[:3] + struct.pack("<Q", length - 1) + data[11:]


class _Runs:
    """Makes a file when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self._canary = canary

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self._canary),)


def _text(value: str) -> bytes:
    data = value.encode()
    return pickle.BINUNICODE + struct.pack("<I", len(data)) + data


def _call(module: str, name: str, argument: str) -> bytes:
    """A dictionary whose one value calls a function."""
    called = f"c{module}\n{name}\n".encode() + _text(argument) + b"\x85R"
    return b"\x80\x02}" + _text("w") + called + b"s."


def hostile_files(canary: Path) -> dict[str, bytes]:
    """Files that would make `canary` (a folder), or take memory or time without end."""
    runs = _Runs(canary)
    made = f"__import__('os').mkdir({str(canary)!r})"
    weights = small_weights()
    files = {f"protocol {p}": pickle.dumps({"w": runs}, p) for p in range(6)}
    files |= {
        "GLOBAL": _call("builtins", "eval", made),
        "GLOBAL of a part of a known name": _call("numpy", "ndarray.tofile", str(canary)),
        "dotted name": _stack_global("numpy", "core.multiarray.os.mkdir", str(canary)),
        "STACK_GLOBAL": _stack_global("os", "mkdir", str(canary)),
        "wildcard of numpy": _stack_global("numpy.core.numeric", "builtins.eval", made),
        "known names with other cases": _stack_global("numpy", "Dtype", "f4"),
        "INST": b"\x80\x02}" + _text("w") + b"(" + _text(made) + b"ibuiltins\neval\ns.",
        "OBJ": b"\x80\x02}" + _text("w") + b"(cbuiltins\neval\n" + _text(made) + b"os.",
        "NEWOBJ": pickle.dumps({"w": _WithState()}, 4),
        "EXT": b"\x80\x02}" + _text("w") + b"\x82\x01s.",
        "persistent id": b"\x80\x02}" + _text("w") + b"Pname\ns.",
        "binary persistent id": b"\x80\x02}" + _text("w") + _text("name") + b"Qs.",
        "BUILD of a dictionary": b"\x80\x02}" + _text("w") + b"}" + _text("a") + b"bs.",
        "REDUCE of a known type": b"\x80\x02}" + _text("w") + b"cnumpy\nndarray\n(K\x02tR" + b"s.",
        "nested": pickle.dumps({"w": {"inner": [runs]}}, 4),
        "beside good arrays": pickle.dumps({**weights, "w": runs}, 4),
        "object array": pickle.dumps({"w": np.array([runs, 1], object)}, 4),
        "structured array": pickle.dumps({"w": np.zeros(2, [("a", "f4")])}, 4),
        "DenseTensor": pickle.dumps({"w": _Tensor()}, 4),
        "torch": _torch_zip(runs),
        "npz": _npz(weights),
        "pdmodel": b"\x0a\xd6\x01\x08\x00\x10\xff" + bytes(range(256)),
        "pdopt": pickle.dumps({"conv2d_0.w_0_velocity_0": weights["conv.bias"]}, 4),
        "empty": b"",
        "no dictionary": pickle.dumps([1, 2], 4),
        "nothing in it": pickled({}),
        "claims a terabyte": _claiming(1 << 38),
        "claims a negative size": _claiming(-4),
        "LONG4 of a gigabyte": b"\x80\x02\x8b" + struct.pack("<i", 1 << 30) + b"1.",
        "bytes of 2**62": b"\x80\x04\x8e" + struct.pack("<Q", 1 << 62) + b"1.",
        "the same bytes often": _repeated(),
        "nested 100,000 deep": b"\x80\x02}" + _text("w") + b")" + b"\x85" * 100_000 + b"s.",
        "nested name": b"\x80\x04)" + b"\x85" * 100_000 + _text("x") + b"\x93.",
        "nested type": b"\x80\x02cnumpy\ndtype\n)" + b"\x85" * 100_000 + b"\x85R.",
        "a million instructions": b"\x80\x02" + b"N" * 1_000_000 + b".",
        "a key that is a dictionary": b"\x80\x02}}Ns.",
        "a dictionary in itself": b"\x80\x02}q\x00" + _text("w") + b"h\x00s.",
    }
    return files


class _WithState:
    """An object of a class."""


class _Tensor:
    """How Paddle pickles a DenseTensor."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[Any, ...]]:
        return eval, ("data", {"data": np.zeros(2, np.float32)})


def _stack_global(module: str, name: str, argument: str) -> bytes:
    called = _text(module) + _text(name) + b"\x93" + _text(argument) + b"\x85R"
    return b"\x80\x04}" + _text("w") + called + b"s."


def _torch_zip(runs: _Runs) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"w": runs}, 2))
    return file.getvalue()


def _npz(weights: Mapping[str, npt.NDArray[Any]]) -> bytes:
    file = io.BytesIO()
    np.savez(file, **weights)  # type: ignore[arg-type]
    return file.getvalue()


def _array_code(shape: bytes, content: bytes) -> bytes:
    """The instructions of a float32 array, protocol 2."""
    empty = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + b"C\x01b\x87R"
    kind = b"cnumpy\ndtype\n" + _text("f4") + b"\x89\x88\x87R(K\x03" + _text("<")
    kind += b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    return empty + b"(K\x01" + shape + kind + b"\x89" + content + b"tb"


def _claiming(size: int) -> bytes:
    shape = pickle.BININT + struct.pack("<i", -4) + b"\x85" if size < 0 else b""
    if size >= 0:
        side = pickle.BININT + struct.pack("<i", 1 << 19)
        shape = side + side + b"\x86"
    return b"\x80\x04}" + _text("w") + _array_code(shape, b"C\x04abcd") + b"s."


def _repeated() -> bytes:
    """A thousand arrays of the same megabyte, kept in place 0."""
    content = pickle.BINBYTES + struct.pack("<I", 1 << 20) + bytes(1 << 20) + b"q\x00"
    shape = pickle.BININT + struct.pack("<i", 1 << 18) + b"\x85"
    parts = [_text("0") + _array_code(shape, content) + b"s"]
    parts += [_text(str(i)) + _array_code(shape, b"h\x00") + b"s" for i in range(1, 1000)]
    return b"\x80\x04}" + b"".join(parts) + b"."


def instructions(data: bytes) -> set[str]:
    """Names of the instructions in a pickle."""
    return {op.name for op, _, _ in pickletools.genops(data)}

"""A machine for pickles that hold arrays and nothing else.

A pickle is a program for a small machine with a stack and a memo (numbered places to keep
values in), whose instructions can also import and call any function.  Python's own machine is
not used.  The one below knows those instructions that a dictionary of arrays needs, protocols 2
to 4, and there is nothing in it that imports, calls or sets attributes: the four things that
NumPy pickles arrays with are only names here, and what they would return is made by
`numpy.frombuffer` from bytes that are in the file.

Nothing is as large as the file says, but only as large as the file is: bytes are views of it,
shapes must fit the bytes that are there, copies are counted, and so are instructions.
"""

from __future__ import annotations

import math
import pickle
import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.generic]

#: BiSeNetV2 needs 10,000.
_MOST_INSTRUCTIONS = 500_000
_MOST_DIMENSIONS = 8
#: What NumPy calls the types that are read, without the byte order.
_TYPES = frozenset({"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"})
_ORDERS = frozenset({"<", ">", "|", "="})
_WHY = "which weights do not need and which could run a program, so it is refused"


@dataclass(frozen=True, slots=True)
class _Name:
    """What stands for an importable thing; it is never imported."""

    text: str


_RECONSTRUCT: Final = _Name("numpy._reconstruct")
_NDARRAY: Final = _Name("numpy.ndarray")
_DTYPE: Final = _Name("numpy.dtype")
#: How protocol 2, which has no bytes, writes them.
_ENCODE: Final = _Name("_codecs.encode")
#: Exact pairs of module and name; NumPy 2 has moved the first.
_KNOWN = {
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy", "ndarray"): _NDARRAY,
    ("numpy", "dtype"): _DTYPE,
    ("_codecs", "encode"): _ENCODE,
}


@dataclass(slots=True, eq=False)
class _Type:
    """A dtype: of which type, and once it was built in which byte order."""

    code: str
    order: str = ""


@dataclass(slots=True, eq=False)
class Slot:
    """An array; `value` is None until it was built."""

    value: Array | None = None


class _Mark:
    """Where a group on the stack begins."""


class RefusedError(Exception):
    """The program is not run to its end; the text says why."""


def run_pickle(data: bytes) -> object:
    """The value that the program ends with: dictionaries, tuples, text, numbers, `Slot`s.

    Values may be nested as deep as the file is long: look at types before comparing them.

    Raises:
        RefusedError: it does something that a dictionary of arrays does not need.
        ValueError: it is damaged, or no pickle.
    """
    if data[:1] != pickle.PROTO:
        raise ValueError("no pickle of protocol 2 or later")
    try:
        return _Machine(data).run()
    except (IndexError, KeyError, TypeError, OverflowError) as error:
        # What a damaged program does: too little on the stack, a place that holds nothing.
        raise ValueError("a damaged pickle") from error


class _Machine:
    """Runs the instructions of one file."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._at = 0
        self._budget = 2 * len(data)
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> object:
        """The value that the program ends with.

        Raises:
            RefusedError: an instruction that weights do not need.
            IndexError, KeyError, TypeError, ValueError, OverflowError: a damaged program.
        """
        for _ in range(_MOST_INSTRUCTIONS):
            code = bytes(self.take(1))
            if code == pickle.STOP:
                (value,) = self.stack
                if self._at != len(self._data):
                    raise ValueError("something follows the end")
                return value
            instruction = _INSTRUCTIONS.get(code)
            if instruction is None:
                raise RefusedError(f"holds the instruction {_called(code)}, {_WHY}")
            instruction(self)
        raise RefusedError("holds far more instructions than the weights of a network need")

    # -- the bytes of the file

    def take(self, count: int) -> memoryview:
        end = self._at + count
        if end > len(self._data):
            raise ValueError("the file ends too early")
        taken = self._data[self._at : end]
        self._at = end
        return taken

    def check_frame(self) -> None:
        """Frames only help to read ahead; they must lie in the file."""
        if self.number(8) > len(self._data) - self._at:
            raise ValueError("the file ends too early")

    def _spend(self, count: int) -> None:
        """A copy of so many bytes is made; the same part of the file can be asked for often."""
        self._budget -= count
        if self._budget < 0:
            raise RefusedError("says that it holds more than it does")

    def number(self, size: int, *, signed: bool = False) -> int:
        return int.from_bytes(self.take(size), "little", signed=signed)

    def text(self, size: int) -> str:
        return bytes(self.take(size)).decode("utf-8", "surrogatepass")

    def line(self) -> str:
        rest = bytes(self._data[self._at : self._at + 256])
        line, end, _ = rest.partition(b"\n")
        if not end:
            raise ValueError("a line without end")
        self._at += len(line) + 1
        return line.decode("utf-8")

    # -- the stack

    def group(self) -> list[Any]:
        """What lies above the last mark, which goes too."""
        for i in range(len(self.stack) - 1, -1, -1):
            if isinstance(self.stack[i], _Mark):
                group = self.stack[i + 1 :]
                del self.stack[i:]
                return group
        raise ValueError("no mark")

    def push(self, value: object) -> None:
        self.stack.append(value)

    def push_tuple(self, count: int) -> None:
        values = tuple(self.stack[len(self.stack) - count :])
        if len(values) != count or any(isinstance(value, _Mark) for value in values):
            raise ValueError("too little on the stack")
        del self.stack[len(self.stack) - count :]
        self.push(values)

    def push_name(self, module: object, name: object) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise ValueError("no name")
        known = _KNOWN.get((module, name))
        if known is None:
            asked = "".join(c if c.isprintable() else "?" for c in f"{module}.{name}"[:80])
            raise RefusedError(f"asks for {asked}, {_WHY}")
        self.push(known)

    def set_items(self, pairs: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, dict) or len(pairs) % 2:
            raise ValueError("not a dictionary")
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            if not isinstance(key, str) or key in target:
                raise ValueError("a key that no weight has")
            target[key] = value

    # -- what would call a function

    def reduce(self) -> None:
        arguments, name = self.stack.pop(), self.stack.pop()
        if not isinstance(arguments, tuple):
            raise ValueError("no arguments")
        if name is _RECONSTRUCT:
            # (ndarray, (0,), b"b"): an empty array, which is filled when it is built.
            if arguments[0] is not _NDARRAY or arguments[1] != (0,):
                raise ValueError("no array")
            self.push(Slot())
        elif name is _DTYPE:
            code = arguments[0]
            if not isinstance(code, str):
                raise ValueError("no type")
            if code not in _TYPES:
                raise RefusedError(f"holds values of the type {code[:20]!r}, which are no numbers")
            self.push(_Type(code))
        elif name is _ENCODE:
            text, encoding = arguments
            if not isinstance(text, str) or encoding != "latin1":
                raise ValueError("no bytes")
            self._spend(len(text))
            self.push(memoryview(text.encode("latin1")))
        else:
            raise ValueError("no function")

    def build(self) -> None:
        state, target = self.stack.pop(), self.stack[-1]
        if not isinstance(state, tuple):
            raise ValueError("no state")
        if isinstance(target, _Type) and not target.order:
            # (version, byte order, ...): the rest describes types that are not read.
            order = state[1]
            is_known = isinstance(order, str) and order in _ORDERS
            if not is_known or any(part is not None for part in state[2:5]):
                raise ValueError("no plain type")
            target.order = order
        elif isinstance(target, Slot) and target.value is None:
            self._spend(len(state[-1]) if isinstance(state[-1], memoryview) else 0)
            target.value = _array(state)
        else:
            raise ValueError("nothing to build")


def _array(state: tuple[Any, ...]) -> Array:
    """An array from what NumPy pickles of it: (version, shape, type, Fortran order, bytes)."""
    _, shape, kind, is_fortran, content = state
    if not isinstance(kind, _Type) or not kind.order or not isinstance(content, memoryview):
        raise RefusedError("holds an array of something else than numbers, so it is refused")
    sizes_are_numbers = isinstance(shape, tuple) and all(type(n) is int and n >= 0 for n in shape)
    if not sizes_are_numbers or len(shape) > _MOST_DIMENSIONS or type(is_fortran) is not bool:
        raise ValueError("no shape")
    dtype = np.dtype(kind.order + kind.code)
    if math.prod(shape) * dtype.itemsize != len(content):
        raise RefusedError("says that it holds more than it does")
    flat = np.frombuffer(content, dtype)
    array: Array = flat.reshape(shape, order="F" if is_fortran else "C")
    return array.astype(dtype.newbyteorder("="), order="C", copy=False)


def _called(code: bytes) -> str:
    names = {op.code: op.name for op in pickletools.opcodes}
    return names.get(code.decode("latin-1"), f"0x{code.hex()}")


def _protocol(machine: _Machine) -> None:
    version = machine.number(1)
    if version not in (2, 3, 4):
        raise RefusedError(f"is a pickle of protocol {version}, which PaddlePaddle does not write")


def _remember(size: int) -> Callable[[_Machine], None]:
    """Keep the top of the stack at the place that is given in `size` bytes."""

    def instruction(machine: _Machine) -> None:
        machine.memo[machine.number(size)] = machine.stack[-1]

    return instruction


def _memoize(machine: _Machine) -> None:
    machine.memo[len(machine.memo)] = machine.stack[-1]


def _recall(size: int) -> Callable[[_Machine], None]:
    return lambda machine: machine.push(machine.memo[machine.number(size)])


def _text_of(size: int) -> Callable[[_Machine], None]:
    return lambda machine: machine.push(machine.text(machine.number(size)))


def _bytes_of(size: int) -> Callable[[_Machine], None]:
    return lambda machine: machine.push(machine.take(machine.number(size)))


def _number_of(size: int, *, signed: bool = False) -> Callable[[_Machine], None]:
    return lambda machine: machine.push(machine.number(size, signed=signed))


def _constant(value: object) -> Callable[[_Machine], None]:
    return lambda machine: machine.push(value)


def _tuple_of(count: int) -> Callable[[_Machine], None]:
    return lambda machine: machine.push_tuple(count)


def _stack_global(machine: _Machine) -> None:
    name, module = machine.stack.pop(), machine.stack.pop()
    machine.push_name(module, name)


def _set_item(machine: _Machine) -> None:
    value, key = machine.stack.pop(), machine.stack.pop()
    machine.set_items([key, value])


#: Every instruction that there is.
_INSTRUCTIONS: dict[bytes, Callable[[_Machine], None]] = {
    pickle.PROTO: _protocol,
    pickle.FRAME: lambda machine: machine.check_frame(),
    pickle.MARK: lambda machine: machine.push(_Mark()),
    pickle.MEMOIZE: _memoize,
    pickle.BINPUT: _remember(1),
    pickle.LONG_BINPUT: _remember(4),
    pickle.BINGET: _recall(1),
    pickle.LONG_BINGET: _recall(4),
    pickle.NONE: _constant(None),
    pickle.NEWTRUE: _constant(True),
    pickle.NEWFALSE: _constant(False),
    pickle.BININT: _number_of(4, signed=True),
    pickle.BININT1: _number_of(1),
    pickle.BININT2: _number_of(2),
    pickle.SHORT_BINUNICODE: _text_of(1),
    pickle.BINUNICODE: _text_of(4),
    pickle.SHORT_BINBYTES: _bytes_of(1),
    pickle.BINBYTES: _bytes_of(4),
    pickle.BINBYTES8: _bytes_of(8),
    pickle.EMPTY_TUPLE: _tuple_of(0),
    pickle.TUPLE1: _tuple_of(1),
    pickle.TUPLE2: _tuple_of(2),
    pickle.TUPLE3: _tuple_of(3),
    pickle.TUPLE: lambda machine: machine.push(tuple(machine.group())),
    pickle.EMPTY_DICT: lambda machine: machine.push({}),
    pickle.SETITEM: _set_item,
    pickle.SETITEMS: lambda machine: machine.set_items(machine.group()),
    pickle.GLOBAL: lambda machine: machine.push_name(machine.line(), machine.line()),
    pickle.STACK_GLOBAL: _stack_global,
    pickle.REDUCE: lambda machine: machine.reduce(),
    pickle.BUILD: lambda machine: machine.build(),
}

"""Model packages: a folder (or one .zip) with `model.json`, `model.onnx` and weights.

A package is never trusted: digests, sizes, shapes and operators are checked before anything
runs, and every byte is read once, so what was checked is what is used.  Nothing is unpickled.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import msgspec

from medseg_desktop.core.errors import ModelError, WorkspaceError, describe_os_error
from medseg_desktop.core.labels import MAXIMUM_LABELS
from medseg_desktop.core.preprocessing import Preprocessing
from medseg_desktop.io.atomic import new_folder
from medseg_desktop.io.model_card import model_card
from medseg_desktop.io.model_info import CARD, MODEL_JSON, ONNX, WEIGHTS, InputShape, ModelInfo
from medseg_desktop.io.onnx_check import check_onnx
from medseg_desktop.io.package_files import READ_ERRORS, PackageFiles, write_archive
from medseg_desktop.io.sources.inner_path import UnsafePathError, inner_parts, writable_part
from medseg_desktop.io.weights_check import check_weights

__all__ = [
    "CARD", "MODEL_JSON", "ONNX", "WEIGHTS", "InputShape", "ModelInfo", "ModelPackage",
    "check_model_name", "open_model", "pack_model", "read_info", "read_weights", "write_model",
]  # fmt: skip

_LONGEST_NAME = 150
#: Means, deviations and widths of a preparation that works with grey values up to 255 lie far
#: within.
_LARGEST_NUMBER = 1e6


@dataclass(frozen=True, slots=True)
class ModelPackage:
    """A package that passed every check; `onnx` is the network as checked."""

    path: Path
    info: ModelInfo
    onnx: bytes


def open_model(path: Path) -> ModelPackage:
    """Read a package and check it: schema, digests, declared shapes, operators.

    Raises:
        ModelError: what failed; nothing of the package has been run.
    """
    files = PackageFiles(path)
    info = _read_info(path, files)
    onnx = _read_checked(path, files, info, ONNX)
    if WEIGHTS in info.files:
        check_weights(_read_checked(path, files, info, WEIGHTS), str(path))
    if CARD in info.files:
        _read_checked(path, files, info, CARD)
    check_onnx(
        onnx,
        source=str(path),
        input_shape=(info.input.channels, info.input.height, info.input.width),
        n_labels=len(info.labels),
    )
    return ModelPackage(path, info, onnx)


def read_weights(path: Path, info: ModelInfo) -> bytes:
    """The bytes of `weights.safetensors`: the digest is right, and the arrays are finite.

    Raises:
        ModelError: they are not there, damaged, or hold something else.
    """
    data = _read_checked(path, PackageFiles(path), info, WEIGHTS)
    check_weights(data, str(path))
    return data


def read_info(path: Path) -> ModelInfo:
    """Only `model.json`, for lists; the network itself is not read."""
    return _read_info(path, PackageFiles(path))


def _read_info(path: Path, files: PackageFiles) -> ModelInfo:
    try:
        info = msgspec.json.decode(files.read(MODEL_JSON), type=ModelInfo)
    except FileNotFoundError as error:
        raise ModelError(f"{path} is no model: it has no {MODEL_JSON}.") from error
    except (*READ_ERRORS, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ModelError(f"{path} is no model that this program can read: {error}.") from error
    if info.schema != 1:
        raise ModelError(f"{path} was made by a newer version of the program.")
    sides = (info.input.height, info.input.width)
    if info.input.channels not in range(1, 17) or not all(32 <= s <= 4096 for s in sides):
        raise ModelError(f"{path} declares an input size that this program does not support.")
    if not 2 <= len(info.labels) <= MAXIMUM_LABELS:
        raise ModelError(f"{path} has no labels, or too many.")
    if problem := info.table.problem:
        raise ModelError(f"{path} has a label table that {problem}.")
    if not _is_file_name(info.name):
        raise ModelError(f"{path} has a name that no folder can have.")
    if not _is_usable(info.preprocessing):
        raise ModelError(f"{path} prepares slices in a way that this program does not know.")
    return info


def _is_file_name(name: str) -> bool:
    """A model's name becomes a folder's, so it must not lead anywhere else."""
    plain = not any(c in "/\\" or c < " " for c in name)
    return plain and 0 < len(name) <= _LONGEST_NAME and name.strip(". ") != ""


def check_model_name(name: str) -> None:
    """Refuse a name that a model cannot have on every system.

    Raises:
        ModelError: says why.
    """
    try:
        parts = inner_parts(name)
    except UnsafePathError as error:
        raise ModelError(f"{name!r} is no name for a model: {error}.") from error
    if parts != (name,) or writable_part(name, windows=True) != name or name != name.strip():
        raise ModelError(
            f"{name!r} is no name for a model.", "Use letters, digits, spaces, dots and dashes."
        )
    if len(name) > _LONGEST_NAME:
        raise ModelError(f"The name of a model has at most {_LONGEST_NAME} characters.")


def _is_usable(how: Preprocessing) -> bool:
    numbers = [how.low, how.high, how.mean, how.std]
    if how.denoise is not None:
        numbers += [how.denoise.sigma_color, how.denoise.sigma_space]
        if not 1 <= how.denoise.diameter <= 64:
            return False
    sane = all(abs(n) <= _LARGEST_NUMBER for n in numbers) and how.std >= 1 / _LARGEST_NUMBER
    return sane and 0 <= how.low < how.high <= 100 and how.version == 1


def _read_checked(path: Path, files: PackageFiles, info: ModelInfo, name: str) -> bytes:
    """One file whose digest must be the one in `model.json`."""
    try:
        data = files.read(name)
    except READ_ERRORS as error:
        raise ModelError(f"{path} has no readable {name}.", "Copy the model again.") from error
    if hashlib.sha256(data).hexdigest() != info.files.get(name):
        raise ModelError(
            f"{name} in {path} is not the file the model was saved with.",
            "Copy the model again.",
        )
    return data


def write_model(folder: Path, info: ModelInfo, onnx: bytes, weights: bytes) -> ModelInfo:
    """Write a package; it appears under its name only when it is whole.

    Returns:
        `info` with the digests of the files.
    """
    card = model_card(info).encode()
    contents = {ONNX: onnx, WEIGHTS: weights, CARD: card}
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()}
    info = msgspec.structs.replace(info, files=digests)
    with new_folder(folder) as partial:
        try:
            for name, data in contents.items():
                (partial / name).write_bytes(data)
            text = msgspec.json.format(msgspec.json.encode(info), indent=2)
            (partial / MODEL_JSON).write_bytes(text + b"\n")
        except OSError as error:
            raise WorkspaceError(describe_os_error(error, folder, "write")) from error
    return info


def pack_model(path: Path, archive: Path) -> None:
    """A package as one .zip, which `open_model` reads; equal packages give equal files.

    Raises:
        ModelError: the package fails a check.
        OSError: the archive exists, or cannot be written.
    """
    info = open_model(path).info
    files = PackageFiles(path)
    names = [name for name in (ONNX, WEIGHTS, CARD) if name in info.files]
    contents = {name: _read_checked(path, files, info, name) for name in names}
    contents[MODEL_JSON] = files.read(MODEL_JSON)
    write_archive(archive, info.title, contents)

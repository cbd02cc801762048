"""Model packages: a folder (or one .zip) with `model.json`, `model.onnx` and weights.

A package is never trusted: digests, sizes, shapes and operators are checked before anything
runs, and every byte is read once, so what was checked is what is used.  Nothing is unpickled.
"""

from __future__ import annotations

import hashlib
import math
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from medseg_desktop.core.errors import ModelError, WorkspaceError, describe_os_error
from medseg_desktop.core.labels import Label, LabelTable
from medseg_desktop.core.preprocessing import Preprocessing
from medseg_desktop.core.split import SetName, SplitOrigin
from medseg_desktop.io.atomic import new_folder
from medseg_desktop.io.model_card import model_card
from medseg_desktop.io.onnx_check import check_onnx

MODEL_JSON = "model.json"
ONNX = "model.onnx"
WEIGHTS = "weights.safetensors"
CARD = "card.md"

#: What reading a file or an archive member raises where it is damaged, absent or encrypted.
_READ_ERRORS = (
    OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError,
)  # fmt: skip
_LONGEST_NAME = 150
#: Sizes in bytes above which a file of a package is refused (BiSeNetV2 has about 15 MB).
_LIMITS = {MODEL_JSON: 4 << 20, ONNX: 256 << 20, WEIGHTS: 256 << 20, CARD: 1 << 20}


class InputShape(msgspec.Struct, frozen=True):
    """What the network takes: channels, and the size in pixels a slice is resized to."""

    channels: int
    height: int
    width: int


class ModelInfo(msgspec.Struct, frozen=True, kw_only=True):
    """`model.json`.

    Attributes:
        files: file name -> SHA-256 of every other file of the package.
        dataset_hash, split_hash: what it was trained on.
        split: patient hash -> set, so that an evaluation knows whom the model has seen.
        split_origin: as in the manifest of its dataset.
        inherited: patients that the models it was trained from were trained or validated on.
        parent: name of the model it was trained from; empty for none.
        metrics: of the validation, with `history` (see `core.run_history`) and `cases`.
        created: UTC, ISO 8601.
    """

    schema: int = 1
    name: str
    version: int = 1
    architecture: str
    labels: tuple[Label, ...]
    preprocessing: Preprocessing
    input: InputShape
    files: dict[str, str] = {}
    dataset_hash: str = ""
    split_hash: str = ""
    split: dict[str, SetName] = {}
    split_origin: SplitOrigin | Literal[""] = ""
    inherited: tuple[str, ...] = ()
    salt_id: str = ""
    parent: str = ""
    training: dict[str, Any] = {}
    metrics: dict[str, Any] = {}
    software: dict[str, str] = {}
    created: str = ""

    @property
    def table(self) -> LabelTable:
        return LabelTable(self.labels)

    @property
    def title(self) -> str:
        """NAME-vN, as the program shows it."""
        return f"{self.name}-v{self.version}"

    @property
    def seen_patients(self) -> frozenset[str]:
        """Hashes of the patients it, or a model it comes from, was trained or validated on."""
        own = {h for h, name in self.split.items() if name in ("train", "val")}
        return frozenset(own) | frozenset(self.inherited)

    @property
    def network_digest(self) -> str:
        """SHA-256 of `model.onnx`: tells networks apart, whatever they are called."""
        return self.files.get(ONNX, "")


@dataclass(frozen=True, slots=True)
class ModelPackage:
    """A package that passed every check; `onnx` is the network as checked."""

    path: Path
    info: ModelInfo
    onnx: bytes


class _Files:
    """The files of a package folder or .zip, each read whole and within its limit."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, name: str) -> bytes:
        limit = _LIMITS[name]
        if self._path.is_dir():
            file = self._path / name
            if file.stat().st_size > limit:
                raise ModelError(f"{name} in {self._path} is larger than a model can be.")
            return file.read_bytes()
        with zipfile.ZipFile(self._path) as archive:
            member = _member(archive, name)
            if member.file_size > limit or member.file_size > 1000 * member.compress_size + 4096:
                raise ModelError(f"{name} in {self._path} is larger than a model can be.")
            with archive.open(member) as stream:
                return stream.read(limit + 1)[:limit]


def _member(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    """The member called `name`, at the top or in the archive's single folder."""
    found = [i for i in archive.infolist() if i.filename == name or i.filename.endswith(f"/{name}")]
    if len(found) != 1:
        raise FileNotFoundError(name)
    return found[0]


def open_model(path: Path) -> ModelPackage:
    """Read a package and check it: schema, digests, declared shapes, operators.

    Raises:
        ModelError: what failed; nothing of the package has been run.
    """
    files = _Files(path)
    info = _read_info(path, files)
    onnx = _read_checked(path, files, info, ONNX)
    for name in (WEIGHTS, CARD):
        if name in info.files:
            _read_checked(path, files, info, name)
    check_onnx(
        onnx,
        source=str(path),
        input_shape=(info.input.channels, info.input.height, info.input.width),
        n_labels=len(info.labels),
    )
    return ModelPackage(path, info, onnx)


def read_weights(path: Path, info: ModelInfo) -> bytes:
    """The bytes of `weights.safetensors`, digest checked."""
    return _read_checked(path, _Files(path), info, WEIGHTS)


def read_info(path: Path) -> ModelInfo:
    """Only `model.json`, for lists; the network itself is not read."""
    return _read_info(path, _Files(path))


def _read_info(path: Path, files: _Files) -> ModelInfo:
    try:
        info = msgspec.json.decode(files.read(MODEL_JSON), type=ModelInfo)
    except FileNotFoundError as error:
        raise ModelError(f"{path} is no model: it has no {MODEL_JSON}.") from error
    except (*_READ_ERRORS, msgspec.MsgspecError) as error:
        raise ModelError(f"{path} is no model that this program can read: {error}.") from error
    if info.schema != 1:
        raise ModelError(f"{path} was made by a newer version of the program.")
    sides = (info.input.height, info.input.width)
    if info.input.channels not in range(1, 17) or not all(32 <= s <= 4096 for s in sides):
        raise ModelError(f"{path} declares an input size that this program does not support.")
    n_labels = len(info.labels)
    if not 2 <= n_labels <= 255 or [x.index for x in info.labels] != list(range(n_labels)):
        raise ModelError(f"{path} has a label table with gaps.")
    if not _is_file_name(info.name):
        raise ModelError(f"{path} has a name that no folder can have.")
    if not _is_usable(info.preprocessing):
        raise ModelError(f"{path} prepares slices in a way that this program does not know.")
    return info


def _is_file_name(name: str) -> bool:
    """A model's name becomes a folder's, so it must not lead anywhere else."""
    plain = not any(c in "/\\" or c < " " for c in name)
    return plain and 0 < len(name) <= _LONGEST_NAME and name.strip(". ") != ""


def _is_usable(how: Preprocessing) -> bool:
    numbers = [how.low, how.high, how.mean, how.std]
    if how.denoise is not None:
        numbers += [how.denoise.sigma_color, how.denoise.sigma_space]
        if not 1 <= how.denoise.diameter <= 64:
            return False
    finite = all(math.isfinite(n) for n in numbers)
    return finite and how.std > 0 and 0 <= how.low < how.high <= 100 and how.version == 1


def _read_checked(path: Path, files: _Files, info: ModelInfo, name: str) -> bytes:
    """One file whose digest must be the one in `model.json`."""
    try:
        data = files.read(name)
    except _READ_ERRORS as error:
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

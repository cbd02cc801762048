"""C4 of the quality plan for model archives: nothing outside is read or written, all is bounded."""

from __future__ import annotations

import os
import stat
import struct
import warnings
import zipfile
from pathlib import Path

import pytest

from medseg_desktop.core.errors import ModelError
from medseg_desktop.io.model_package import open_model, pack_model, read_info
from medseg_desktop.io.models import package_files
from tests.builders import write_model_package

Members = list[tuple[str, bytes]]
NAMES = ("card.md", "model.json", "model.onnx", "weights.safetensors")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model_package(tmp_path_factory.mktemp("package") / "m")


@pytest.fixture
def members(package: Path) -> Members:
    return [(name, (package / name).read_bytes()) for name in NAMES]


def write(path: Path, members: Members, kind: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", kind) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that are there twice
        for name, data in members:
            info = zipfile.ZipInfo(name)
            info.compress_type = kind
            archive.writestr(info, data)
    return path


def refused(path: Path, words: str) -> None:
    """Opening it fails in a sentence, and writes nothing anywhere near."""
    before = sorted(path.parent.rglob("*"))
    with pytest.raises(ModelError, match=words) as caught:
        open_model(path)
    assert "\n" not in str(caught.value)
    assert sorted(path.parent.rglob("*")) == before


@pytest.mark.parametrize(
    "name",
    [
        "../model.onnx", "a/../../model.onnx", "..\\model.onnx", "/model.onnx", "\\model.onnx",
        "C:\\model.onnx", "c:/model.onnx", "\\\\server\\share\\model.onnx", "con/model.onnx",
    ],
)  # fmt: skip
def test_a_file_of_the_package_outside_is_refused(
    tmp_path: Path, members: Members, name: str
) -> None:
    inside = [(n, d) for n, d in members if n != "model.onnx"]
    path = write(tmp_path / "x.zip", [*inside, (name, dict(members)["model.onnx"])])
    refused(path, "which is refused: its")


@pytest.mark.parametrize("name", ["model.onnx", "MODEL.ONNX", "x/model.onnx", "x\\Model.onnx"])
def test_a_second_network_is_refused_however_it_is_written(
    tmp_path: Path, members: Members, name: str
) -> None:
    path = write(tmp_path / "x.zip", [*members, (name, b"other")])
    refused(path, r"no readable model\.onnx: it holds more than one")


def test_a_name_in_another_case_is_not_the_file(tmp_path: Path, members: Members) -> None:
    renamed = [(n.replace("model.onnx", "Model.ONNX"), d) for n, d in members]
    refused(write(tmp_path / "x.zip", renamed), r"no readable model\.onnx")


def test_files_that_do_not_lie_together_are_refused(tmp_path: Path, members: Members) -> None:
    scattered = [(f"{i}/{name}", data) for i, (name, data) in enumerate(members)]
    refused(write(tmp_path / "x.zip", scattered), "do not lie together")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_are_refused(tmp_path: Path, members: Members, kind: int) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members:
            info = zipfile.ZipInfo(name)
            if name == "model.onnx":
                info.create_system, info.external_attr = 3, (kind | 0o777) << 16
                data = b"/etc/passwd"
            archive.writestr(info, data)
    refused(path, "no file but a link or a device")


def test_what_grows_more_than_a_hundredfold_is_refused(tmp_path: Path, members: Members) -> None:
    bomb = [(n, bytes(64 << 20) if n == "model.onnx" else d) for n, d in members]
    path = write(tmp_path / "x.zip", bomb)
    assert path.stat().st_size < 1 << 20
    refused(path, r"model\.onnx in .* is larger than a model can be")


def test_more_than_two_gigabytes_in_all_are_refused(tmp_path: Path, members: Members) -> None:
    path = write(tmp_path / "x.zip", [*members, ("film.bin", b"x"), ("film2.bin", b"x")])
    data = bytearray(path.read_bytes())
    for name in (b"film.bin", b"film2.bin"):  # the sizes in the list of the archive
        at = data.rindex(name) - 46
        assert data[at : at + 4] == b"PK\x01\x02"
        struct.pack_into("<I", data, at + 24, 3 << 29)
    path.write_bytes(data)
    refused(path, "larger unpacked than a model can be")


def test_a_hundred_thousand_members_are_refused(tmp_path: Path) -> None:
    count = 100_000
    entry = struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, 20, 20, 0, 0, 0, 33, 0, 0, 0, 1, 0, 0,
                        0, 0, 0, 0) + b"a"  # fmt: skip
    directory = entry * count
    zip64 = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, count, count,
                        len(directory), 0)  # fmt: skip
    locator = struct.pack("<IIQI", 0x07064B50, 0, len(directory), 1)
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 65535, 65535, len(directory), 0, 0)
    path = tmp_path / "x.zip"
    path.write_bytes(directory + zip64 + locator + end)
    refused(path, "holds 100,000 files; a model has 4")


def test_an_encrypted_archive_is_refused(tmp_path: Path, members: Members) -> None:
    path = write(tmp_path / "x.zip", members)
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := data.find(signature, at + 1)) >= 0:
            data[at + offset] |= 1
    path.write_bytes(data)
    refused(path, "is encrypted")


def test_an_unknown_method_is_refused(tmp_path: Path, members: Members) -> None:
    refused(write(tmp_path / "x.zip", members, zipfile.ZIP_LZMA), "unknown method")


def test_other_files_are_neither_read_nor_written(tmp_path: Path, members: Members) -> None:
    others = [("__MACOSX/._model.json", b"x"), ("README.txt", b"x"), ("../evil.txt", b"x"),
              ("/abs/evil.txt", b"x"), ("C:\\evil.txt", b"x"), ("evil.py", b"x")]  # fmt: skip
    path = write(tmp_path / "sub.zip", [*members, *others])
    before = sorted(tmp_path.parent.rglob("*"))
    assert open_model(path).info.title == "tiny-v1"
    assert sorted(tmp_path.parent.rglob("*")) == before


@pytest.mark.parametrize("part", range(30))
def test_a_cut_or_changed_archive_is_refused(tmp_path: Path, members: Members, part: int) -> None:
    """D2: of a package the digests tell every change, and a cut archive has no list."""
    whole = write(tmp_path / "whole.zip", members, zipfile.ZIP_STORED).read_bytes()
    cut = tmp_path / "cut.zip"
    cut.write_bytes(whole[: len(whole) * part // 30])
    refused(cut, str(cut))
    folder = tmp_path / "m"
    folder.mkdir()
    for name, data in members:
        (folder / name).write_bytes(data)
    name = NAMES[(0, 2, 3)[part % 3]]
    changed = bytearray(dict(members)[name])
    changed[len(changed) * part // 30] ^= 1 << part % 8
    (folder / name).write_bytes(changed)
    refused(folder, "not the file the model was saved with")


def test_a_pipe_in_a_folder_is_not_waited_for(tmp_path: Path, members: Members) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no named pipes")
    for name, data in members:
        if name != "model.onnx":
            (tmp_path / name).write_bytes(data)
    os.mkfifo(tmp_path / "model.onnx")
    refused(tmp_path, r"no readable model\.onnx")


def test_too_large_a_file_in_a_folder_is_refused(
    tmp_path: Path, members: Members, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, data in members:
        (tmp_path / name).write_bytes(data)
    monkeypatch.setattr(package_files, "LIMITS", dict.fromkeys(NAMES, 2000))
    (tmp_path / "model.onnx").write_bytes(bytes(2001))
    refused(tmp_path, r"model\.onnx in .* is larger than a model can be")


def test_a_packed_model_opens_and_is_the_same_each_time(tmp_path: Path, package: Path) -> None:
    pack_model(package, tmp_path / "a.zip")
    pack_model(tmp_path / "a.zip", tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert read_info(tmp_path / "a.zip") == read_info(package)
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.namelist() == [f"tiny-v1/{name}" for name in NAMES]
        assert archive.testzip() is None
    with pytest.raises(FileExistsError):
        pack_model(package, tmp_path / "a.zip")

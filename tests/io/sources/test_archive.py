"""C4 of the quality list: archives that mean no good, and honest ones of every make."""

from __future__ import annotations

import os
import shutil
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from medseg_desktop.core.errors import Cancelled, DataError
from medseg_desktop.io.sources import archive as archive_module
from medseg_desktop.io.sources.archive import unpack
from tests.media import files_below, write_raw_zip, write_zip


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "unpacked" / "here"
    folder.mkdir(parents=True)
    return folder


def nothing_beside(target: Path) -> None:
    """Nothing was written outside the folder."""
    assert list(target.parent.iterdir()) == [target]


HOSTILE = [
    "../evil", "a/../../evil", "..\\evil", "/evil", "\\evil", "C:\\evil", "c:evil",
    "\\\\server\\share\\evil", "//server/share/evil", "\\\\?\\C:\\evil", "CON", "a/nul.dcm",
    "com1", "new\nline",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_refused_and_the_rest_is_unpacked(
    tmp_path: Path, target: Path, name: str
) -> None:
    archive = write_raw_zip(tmp_path / "x.zip", [(name.encode(), b"x"), (b"good", b"fine")])
    ((_path, reason),) = unpack(archive, target)
    assert reason
    assert list(files_below(target)) == ["good"]
    nothing_beside(target)


def test_a_name_with_a_nul_is_not_cut_short(tmp_path: Path, target: Path) -> None:
    archive = write_raw_zip(tmp_path / "x.zip", [(b"IM1.dcm\0.exe", b"x")])
    ((path, reason),) = unpack(archive, target)
    assert path == "IM1.dcm?.exe"
    assert "control characters" in reason
    assert list(files_below(target)) == []


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_are_not_made(tmp_path: Path, target: Path, kind: int) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        info = zipfile.ZipInfo("link")
        info.create_system, info.external_attr = 3, (kind | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
        archive.writestr("link/passwd", "x")
    ((path, reason),) = unpack(tmp_path / "x.zip", target)
    assert path == "link"
    assert reason in ("it is a link", "it is no file")
    assert list(files_below(target)) == ["link/passwd"]
    assert not any(p.is_symlink() for p in target.rglob("*"))


def _encrypted(path: Path) -> None:
    write_raw_zip(path, [(b"IM1", b"x" * 20)], flags=1)


def _cut(path: Path) -> None:
    write_zip(path, {"IM1": os.urandom(5000)})
    path.write_bytes(path.read_bytes()[:3000])


def _text(path: Path) -> None:
    path.write_text("no archive at all")


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _bomb(path: Path) -> None:
    write_zip(path, {f"{i}": bytes(7 << 20) for i in range(5)})


def _members(path: Path) -> None:
    write_zip(path, {f"{i}": b"" for i in range(40)}, method=zipfile.ZIP_STORED)


def _long_list(path: Path) -> None:
    """The end record claims a list of 3 GB, which must not be read into memory."""
    write_zip(path, {"IM1": b"x"})
    data = path.read_bytes()
    end = data.rindex(b"PK\x05\x06")
    path.write_bytes(data[: end + 12] + struct.pack("<L", 3 << 30) + data[end + 16 :])


WHOLE = {
    "encrypted": (_encrypted, "is encrypted"),
    "cut off": (_cut, "is damaged"),
    "a text": (_text, "is damaged"),
    "empty file": (_empty, "is damaged"),
    "ratio over all": (_bomb, "far larger unpacked"),
    "too many members": (_members, "holds 40 files"),
    "an endless list": (_long_list, "is damaged"),
}


@pytest.mark.parametrize("case", WHOLE)
def test_an_archive_that_cannot_be_used_is_one_sentence_and_nothing_is_written(
    tmp_path: Path, target: Path, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive_module, "MAXIMUM_MEMBERS", 30)
    make, words = WHOLE[case]
    make(tmp_path / "x.zip")
    with pytest.raises(DataError) as failed:
        unpack(tmp_path / "x.zip", target)
    assert words in str(failed.value)
    assert "x.zip" in str(failed.value)
    assert list(target.iterdir()) == []


def test_a_member_that_expands_without_end_is_refused_alone(tmp_path: Path, target: Path) -> None:
    archive = write_zip(tmp_path / "x.zip", {"bomb": bytes(20 << 20), "good": os.urandom(1 << 20)})
    assert archive.stat().st_size < 2 << 20
    ((path, reason),) = unpack(archive, target)
    assert (path, "far larger" in reason) == ("bomb", True)
    assert list(files_below(target)) == ["good"]


def test_an_empty_slice_is_no_bomb(tmp_path: Path, target: Path) -> None:
    archive = write_zip(tmp_path / "x.zip", {"blank": bytes(512 * 512 * 2)})
    assert archive.stat().st_size < 512 * 512 * 2 / 500
    assert unpack(archive, target) == ()


def test_sizes_that_the_archive_states_wrongly_are_not_believed(
    tmp_path: Path, target: Path
) -> None:
    archive = write_zip(tmp_path / "x.zip", {"IM1": os.urandom(3 << 20), "good": b"fine"})
    data = archive.read_bytes()
    size = struct.pack("<L", 3 << 20)
    archive.write_bytes(data.replace(size, struct.pack("<L", 1000)))
    ((path, reason),) = unpack(archive, target)
    assert (path, reason) == ("IM1", "it is damaged in the archive")
    assert list(files_below(target)) == ["good"]


def test_what_is_written_is_counted(
    tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = write_zip(tmp_path / "x.zip", {"IM1": os.urandom(3 << 20)})
    monkeypatch.setattr(archive_module, "_check_room", lambda *_: 2 << 20)
    with pytest.raises(DataError, match="larger unpacked than it says"):
        unpack(archive, target)
    assert sum(p.stat().st_size for p in target.iterdir()) <= 2 << 20


@pytest.mark.parametrize("maximum", [1000, 8 << 30])
def test_the_total_is_limited_by_a_maximum_and_by_the_disk(
    tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch, maximum: int
) -> None:
    archive = write_zip(tmp_path / "x.zip", {"IM1": os.urandom(3 << 20)})
    monkeypatch.setattr(archive_module, "MAXIMUM_BYTES", maximum)
    usage = shutil.disk_usage(tmp_path)._replace(free=(512 << 20) + 1000)
    monkeypatch.setattr(archive_module.shutil, "disk_usage", lambda _: usage)
    words = "at most" if maximum == 1000 else "are free"
    with pytest.raises(DataError, match=words):
        unpack(archive, target)
    assert list(target.iterdir()) == []


def test_a_full_disk_is_told_in_a_sentence(
    tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = write_zip(tmp_path / "x.zip", {"IM1": b"x" * 5000})
    real = Path.open

    def fail(path: Path, mode: str = "r", *rest: object, **options: object) -> object:
        if mode == "xb":
            raise OSError(28, "No space left on device", str(path))
        return real(path, mode, *rest, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", fail)
    with pytest.raises(DataError, match=r"unpack .*x\.zip: the disk is full"):
        unpack(archive, target)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_equal_names_and_names_in_other_case_the_first_is_kept(
    tmp_path: Path, target: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name, data in (
            ("a/IM1", b"1"),
            ("a/IM1", b"2"),
            ("A/im1", b"3"),
            ("b", b"4"),
            ("b", b"5"),
        ):
            archive.writestr(name, data)
    refused = dict(unpack(tmp_path / "x.zip", target))
    assert "twice" in refused["a/IM1"]
    assert "twice" in refused["b"]
    assert "a/IM1" in refused["A/im1"]
    assert list(files_below(target)) == ["a/IM1", "b"]
    assert (target / "a" / "IM1").read_bytes() == b"1"


def test_a_file_that_another_one_needs_as_folder_stays_what_it_is(
    tmp_path: Path, target: Path
) -> None:
    archive = write_zip(tmp_path / "x.zip", {"a": b"1", "a/b": b"2", "c": b"3"})
    ((path, reason),) = unpack(archive, target)
    assert (path, reason) == ("a/b", "another file of the archive has its name")
    assert list(files_below(target)) == ["a", "c"]


def test_a_name_that_the_disk_cannot_have_is_refused_alone(tmp_path: Path, target: Path) -> None:
    archive = write_zip(tmp_path / "x.zip", {"影" * 200: b"1", "c": b"3"})
    ((_, reason),) = unpack(archive, target)
    assert reason == "its name is not possible on this disk"
    assert list(files_below(target)) == ["c"]


def test_a_damaged_member_is_refused_alone_and_leaves_no_file(tmp_path: Path, target: Path) -> None:
    archive = write_zip(tmp_path / "x.zip", {"IM1": b"A" * 100 + b"needle", "IM2": b"fine"},
                        method=zipfile.ZIP_STORED)  # fmt: skip
    archive.write_bytes(archive.read_bytes().replace(b"needle", b"NEEDLE"))
    assert unpack(archive, target) == (("IM1", "it is damaged in the archive"),)
    assert list(files_below(target)) == ["IM2"]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_dicom_archives_do_not_use_are_refused(
    tmp_path: Path, target: Path, method: int
) -> None:
    archive = write_zip(tmp_path / "x.zip", {"IM1": b"x" * 5000}, method=method)
    assert unpack(archive, target) == (
        ("IM1", f"it is packed with method {method}, which is not known"),
    )


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "gbk"])
def test_names_are_read_in_whatever_encoding_they_were_packed(
    tmp_path: Path, target: Path, encoding: str
) -> None:
    names = ["plain", "患者/IM1", "患者/头部/影像 001.dcm"]
    raw = [(name.encode(encoding), b"x") for name in names]
    assert unpack(write_raw_zip(tmp_path / "x.zip", raw), target) == ()
    assert sorted(files_below(target)) == sorted(names)


def test_names_in_no_known_encoding_are_unpacked_all_the_same(tmp_path: Path, target: Path) -> None:
    raw = [(b"a\xff\xff/IM1", b"x"), (b"b", b"x")]
    assert unpack(write_raw_zip(tmp_path / "x.zip", raw), target) == ()
    assert len(list(files_below(target))) == 2


def test_a_short_name_is_read_like_the_others_of_its_archive(tmp_path: Path, target: Path) -> None:
    # These four bytes of GBK are valid UTF-8 by accident.
    raw = [("联通".encode("gbk"), b"x"), ("患者".encode("gbk"), b"x")]
    assert unpack(write_raw_zip(tmp_path / "x.zip", raw), target) == ()
    assert sorted(files_below(target)) == sorted(["联通", "患者"])


def test_separators_of_windows_make_folders_and_folders_are_no_files(
    tmp_path: Path, target: Path
) -> None:
    raw = [(b"a\\", b""), (b"a\\b\\IM1", b"x"), (b"c/", b"")]
    assert unpack(write_raw_zip(tmp_path / "x.zip", raw), target) == ()
    assert list(files_below(target)) == ["a/b/IM1"]


def test_an_archive_in_the_archive_stays_packed(tmp_path: Path, target: Path) -> None:
    inner = write_zip(tmp_path / "inner.zip", {"IM1": b"x"})
    archive = write_zip(tmp_path / "x.zip", {"inner.zip": inner.read_bytes()})
    assert unpack(archive, target) == ()
    assert list(files_below(target)) == ["inner.zip"]


def test_progress_reaches_its_end_and_can_stop_in_the_middle_of_a_member(
    tmp_path: Path, target: Path
) -> None:
    archive = write_zip(tmp_path / "x.zip", {"IM1": os.urandom(5 << 20), "IM2": b"x"})
    calls: list[tuple[str, int, int]] = []
    unpack(archive, target, lambda *call: calls.append(call))
    assert calls[-1] == ("unpack", 5, 5)
    again = target.parent / "again"
    again.mkdir()

    def stop(_phase: str, done: int, _total: int) -> None:
        if done >= 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        unpack(archive, again, stop)
    assert not (again / "IM2").exists()

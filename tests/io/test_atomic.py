from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from medseg_desktop.core.errors import WorkspaceError
from medseg_desktop.io.atomic import is_free, new_folder, write_bytes


def fail_at(monkeypatch: pytest.MonkeyPatch, n: int, number: int) -> list[str]:
    """Let the n-th of all open, fsync, replace and close calls of `atomic` fail; log them."""
    calls: list[str] = []

    def wrap(owner: Any, name: str) -> None:
        real = getattr(owner, name)

        def call(*arguments: Any, **options: Any) -> Any:
            calls.append(name)
            if len(calls) == n:
                raise OSError(number, os.strerror(number))
            return real(*arguments, **options)

        monkeypatch.setattr(owner, name, call)

    wrap(Path, "open")
    for name in ("fsync", "replace", "open"):
        wrap(os, name)
    return calls


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("n", range(1, 6))
def test_a_fault_at_any_call_leaves_a_whole_file_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n: int, number: int
) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"old")
    with monkeypatch.context() as patched:
        calls = fail_at(patched, n, number)
        with pytest.raises(WorkspaceError, match="Cannot write"):
            write_bytes(path, b"new")
    replaced = "replace" in calls[: n - 1]
    assert path.read_bytes() == (b"new" if replaced else b"old")
    assert list(tmp_path.iterdir()) == [path]


def test_folders_that_cannot_be_synchronised_do_not_stop_saving(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    with monkeypatch.context() as patched:
        calls = fail_at(patched, 5, errno.EINVAL)  # the fsync of the folder
        write_bytes(path, b"new")
    assert calls[-1] == "fsync"
    assert path.read_bytes() == b"new"


def test_an_interrupted_write_leaves_nothing_beside_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_fd: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", interrupt)
        with pytest.raises(KeyboardInterrupt):
            write_bytes(tmp_path / "a.json", b"new")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="does not exist"):
        write_bytes(tmp_path / "none" / "a.json", b"new")


def test_a_new_folder_appears_when_its_block_succeeds(tmp_path: Path) -> None:
    final = tmp_path / "影像 数据" / "set"
    with new_folder(final) as folder:
        (folder / "x").write_text("1")
        assert not final.exists()
    assert [p.name for p in final.iterdir()] == ["x"]
    assert [p.name for p in final.parent.iterdir()] == ["set"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failed_block_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error), new_folder(tmp_path / "set") as folder:  # noqa: PT012
        (folder / "x").write_text("1")
        raise error
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_content_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "mine").write_text("1")
    with pytest.raises(WorkspaceError, match="not empty"), new_folder(tmp_path / "set"):
        pytest.fail("the block must not run")
    assert (tmp_path / "set" / "mine").read_text() == "1"


def test_a_folder_with_the_marker_is_replaced_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "manifest.json").write_text("old")
    with new_folder(tmp_path / "set", replace_marker="manifest.json") as folder:
        (folder / "new").write_text("1")
    assert [p.name for p in (tmp_path / "set").iterdir()] == ["new"]
    assert [p.name for p in tmp_path.iterdir()] == ["set"]


def test_the_old_folder_comes_back_when_the_new_one_cannot_take_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "manifest.json").write_text("old")
    real, calls = os.rename, []

    def rename(source: Any, target: Any) -> None:
        calls.append(target)
        if len(calls) == 2:
            raise OSError(errno.EACCES, "Permission denied")
        real(source, target)

    monkeypatch.setattr(os, "rename", rename)
    with (
        pytest.raises(WorkspaceError, match="permission is denied"),
        new_folder(tmp_path / "set", replace_marker="manifest.json"),
    ):
        pass
    assert (tmp_path / "set" / "manifest.json").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["set"]


def test_a_file_in_the_way_of_a_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("1")
    assert not is_free(tmp_path / "file")
    with (
        pytest.raises(WorkspaceError, match=r"file is in the way|exists already"),
        new_folder(tmp_path / "file" / "set"),
    ):
        pytest.fail("the block must not run")

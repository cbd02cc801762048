from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from medseg_desktop.core.errors import WorkspaceError
from medseg_desktop.io import file_lock
from medseg_desktop.io.sources import private_folder
from medseg_desktop.io.sources.private_folder import PrivateFolder, remove_leftovers
from tests.media import unpacked_folders

_MAKE = """
import os, sys, time
from medseg_desktop.io.sources.private_folder import PrivateFolder
folder = PrivateFolder()
(folder.path / "IM1").write_bytes(b"patient")
print(folder.path, flush=True)
"""


def _process(code: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _MAKE + code],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def _line(process: subprocess.Popen[str]) -> Path:
    assert process.stdout is not None
    return Path(process.stdout.readline().strip())


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes; the folder is the user's")
def test_only_the_user_can_look_into_it() -> None:
    folder = PrivateFolder()
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    folder.close()


def test_closing_removes_it_with_all_it_holds_and_may_be_repeated() -> None:
    folder = PrivateFolder()
    (folder.path / "a").mkdir()
    (folder.path / "a" / "IM1").write_bytes(b"patient")
    folder.close()
    folder.close()
    assert unpacked_folders() == []


def test_one_that_is_forgotten_is_removed() -> None:
    PrivateFolder()
    assert unpacked_folders() == []


def test_the_end_of_the_process_removes_it() -> None:
    with _process("sys.exit(1)") as process:
        _line(process)
    assert unpacked_folders() == []


def test_leftovers_of_a_killed_process_are_removed_and_what_is_in_use_stays() -> None:
    mine = PrivateFolder()
    with _process("sys.stdin.read()") as living, _process("sys.stdin.read()") as killed:
        theirs, leftover = _line(living), _line(killed)
        killed.kill()
        killed.wait()
        assert leftover.is_dir()
        remove_leftovers()
        assert not leftover.exists()
        assert (theirs / "IM1").read_bytes() == b"patient"
        assert mine.path.is_dir()
        living.communicate("")
    mine.close()
    assert unpacked_folders() == []


def test_a_leftover_that_cannot_be_removed_yet_is_removed_at_a_later_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = PrivateFolder()
    with monkeypatch.context() as patch:
        patch.setattr(private_folder.shutil, "rmtree", lambda *_, **__: None)
        folder.close()
    assert folder.path.is_dir()
    remove_leftovers()
    assert unpacked_folders() == []


def test_a_disk_without_locks_still_has_folders_and_nobody_takes_them_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(file_lock, "try_lock", lambda _file: False)
    monkeypatch.setattr(private_folder, "try_lock", lambda _file: False)
    folder = PrivateFolder()
    remove_leftovers()
    assert folder.path.is_dir()
    folder.close()
    assert not folder.path.exists()


def test_a_folder_that_cannot_be_made_is_told_in_a_sentence(tmp_path: Path) -> None:
    parent = Path(os.environ["XDG_CACHE_HOME"])
    parent.parent.mkdir(exist_ok=True)
    parent.write_text("a file in the way")
    with pytest.raises(WorkspaceError, match="a file is in the way"):
        PrivateFolder()
    remove_leftovers()

"""What `python -m tests` does about processes, bytecode and shared libraries of the system."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

import tests.__main__ as command
from medseg_desktop.jobs.system_libraries import SYSTEM_LIBRARIES, Need

MISSING = [x for x in SYSTEM_LIBRARIES if x.soname in ("libEGL.so.1", "libgomp.so.1")]


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What would be run on a bare machine that is root and has apt-get."""
    seen: list[list[str]] = []

    def run(argv: Sequence[str], env: dict[str, str]) -> bool:
        seen.append(list(argv))
        return True

    monkeypatch.setattr(command, "missing_libraries", lambda needs: MISSING)
    monkeypatch.setattr(command, "_run", run)
    monkeypatch.setattr("os.geteuid", lambda: 0, raising=False)
    monkeypatch.setattr("os.name", "posix")
    monkeypatch.setattr(shutil, "which", lambda name, path=None: f"/usr/bin/{name}")
    return seen


def test_a_machine_that_has_everything_installs_nothing(
    runs: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "missing_libraries", lambda needs: [])
    assert command._libraries_are_there()
    assert runs == []


def test_root_installs_exactly_what_is_missing(runs: list[list[str]]) -> None:
    assert command._libraries_are_there()
    install = ["apt-get", "install", "-y", "--no-install-recommends", "libegl1", "libgomp1"]
    assert runs == [["apt-get", "update"], install]


def test_others_are_told_the_one_line_and_the_step_fails(
    runs: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000, raising=False)
    assert not command._libraries_are_there()
    assert runs == []
    assert "sudo apt-get install -y libegl1 libgomp1" in capsys.readouterr().out


def test_windows_of_x11_are_not_needed_by_the_tests() -> None:
    assert Need.WINDOW not in command._NEEDS


@pytest.mark.parametrize(("cores", "processes", "threads"), [(1, 1, 1), (2, 2, 1), (16, 4, 4)])
def test_processes_and_their_threads_share_the_cores(
    cores: int, processes: int, threads: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert command._distribution()[:2] == ["-n", str(processes)]
    assert command._environment(tmp_path)["OMP_NUM_THREADS"] == str(threads)


def test_ones_own_options_come_last_and_so_win(runs: list[list[str]]) -> None:
    assert command.main(["-k", "x", "-n", "0"]) == 0
    assert runs[-1][1:3] == ["-m", "pytest"]
    assert runs[-1][-4:] == ["-k", "x", "-n", "0"]


def test_child_processes_have_bytecode_where_none_may_be_written_beside_the_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    env = command._environment(tmp_path)
    assert "PYTHONDONTWRITEBYTECODE" not in env
    assert Path(env["PYTHONPYCACHEPREFIX"]).is_relative_to(tmp_path)
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE")
    monkeypatch.delenv("PYTHONPYCACHEPREFIX", raising=False)
    assert "PYTHONPYCACHEPREFIX" not in command._environment(tmp_path)

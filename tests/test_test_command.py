"""What `python -m tests` does about shared libraries that the tests need."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

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
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
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

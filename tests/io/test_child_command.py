"""How the program starts itself once more."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from medseg_desktop.io import child_command
from medseg_desktop.io.child_command import own_command, physical_cores


def test_the_program_is_started_with_its_own_interpreter() -> None:
    assert own_command("decoder", "5") == [sys.executable, "-m", "medseg_desktop", "decoder", "5"]


def test_a_frozen_app_is_started_by_its_own_executable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert own_command("decoder") == [sys.executable, "decoder"]


def test_hyper_threads_of_one_core_count_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for cpu, siblings in enumerate(["0,2", "1,3", "0,2", "1,3"]):
        (tmp_path / str(cpu)).write_text(siblings + "\n")
    monkeypatch.setattr(child_command, "_CPU_TOPOLOGY", str(tmp_path / "{}"))
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3}, raising=False)
    assert physical_cores() == 2


def test_cores_are_counted_where_the_system_tells_nothing_about_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child_command, "_CPU_TOPOLOGY", str(tmp_path / "{}"))
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 5, 6}, raising=False)
    assert physical_cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert physical_cores() == 1

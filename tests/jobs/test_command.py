"""How a worker is started, tried with real interpreters where that is possible."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import medseg_desktop
from medseg_desktop.io.child_command import physical_cores
from medseg_desktop.jobs.command import worker_command

PACKAGE = Path(medseg_desktop.__file__).resolve().parent


def test_a_job_runs_in_our_own_interpreter(tmp_path: Path) -> None:
    argv, _ = worker_command(tmp_path / "spec.json")
    spec = str(tmp_path / "spec.json")
    assert argv == [sys.executable, "-m", "medseg_desktop", "worker", spec]


def test_a_frozen_app_enters_its_own_executable_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    argv, _ = worker_command(tmp_path / "spec.json")
    assert argv == [sys.executable, "worker", str(tmp_path / "spec.json")]


def test_the_environment_of_the_parent_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    _, env = worker_command(tmp_path / "spec.json", threads=3)
    expected = {"OMP_NUM_THREADS": "3", "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}
    assert env == dict(os.environ) | expected


@pytest.mark.parametrize(("chosen", "inherited", "threads"), [(0, "7", "7"), (2, "7", "2")])
def test_chosen_threads_go_before_those_of_the_environment(
    chosen: int, inherited: str, threads: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", inherited)
    assert worker_command(tmp_path / "s.json", threads=chosen)[1]["OMP_NUM_THREADS"] == threads


def test_without_a_choice_there_is_a_thread_for_each_physical_core(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    _, env = worker_command(tmp_path / "spec.json")
    assert env["OMP_NUM_THREADS"] == str(physical_cores())


def test_another_interpreter_finds_our_sources_before_its_own_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/theirs")
    argv, env = worker_command(tmp_path / "spec.json", interpreter="/gpu/bin/python")
    assert argv[:4] == ["/gpu/bin/python", "-m", "medseg_desktop", "worker"]
    first, second = env["PYTHONPATH"].split(os.pathsep)
    assert (Path(first) / "medseg_desktop" / "__init__.py").is_file()
    assert second == "/theirs"


def test_packages_installed_beside_ours_do_not_reach_another_interpreter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "site-packages"
    shutil.copytree(PACKAGE / "jobs", installed / "medseg_desktop" / "jobs")
    (installed / "medseg_desktop" / "__init__.py").write_text('__version__ = "7"\n')
    (installed / "neighbour.py").write_text("")
    monkeypatch.setattr(
        medseg_desktop, "__file__", str(installed / "medseg_desktop" / "__init__.py")
    )
    (tmp_path / "run").mkdir()
    _, env = worker_command(tmp_path / "run" / "spec.json", interpreter=sys.executable)
    code = (
        "import importlib.util, medseg_desktop, medseg_desktop.jobs as jobs;"
        "found = importlib.util.find_spec('neighbour');"
        "print(medseg_desktop.__version__, found, medseg_desktop.__file__, jobs.__file__)"
    )
    # -S leaves our own environment out, where the package is installed as well.
    run = subprocess.run(
        [sys.executable, "-S", "-c", code], env=env, capture_output=True, text=True, cwd=tmp_path
    )
    package = installed / "medseg_desktop"
    files = [str(package / "__init__.py"), str(package / "jobs" / "__init__.py")]
    assert run.stdout.split() == ["7", "None", *files]


def test_a_frozen_app_does_not_push_its_libraries_on_another_interpreter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "_MEIPASS", "/app/_internal", raising=False)
    monkeypatch.setenv("LD_LIBRARY_PATH", "/app/_internal")
    monkeypatch.setenv("LD_LIBRARY_PATH_ORIG", "/usr/local/cuda/lib64")
    _, env = worker_command(tmp_path / "spec.json", interpreter="/gpu/bin/python")
    assert env["LD_LIBRARY_PATH"] == "/usr/local/cuda/lib64"
    _, own = worker_command(tmp_path / "spec.json")
    assert own["LD_LIBRARY_PATH"] == "/app/_internal"

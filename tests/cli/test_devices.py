"""`train` in several processes: by the program itself, and by Paddle's launcher."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from medseg_desktop.core.events import Finished, Started, Step, decode_event
from medseg_desktop.io.model_package import open_model
from medseg_desktop.jobs.rank_process import free_port
from tests.builders import write_dataset
from tests.cli.test_commands import Capture, one_line, run

ROOT = Path(__file__).resolve().parents[2]
OPTIONS = ("--device", "cpu", "--iters", "2", "--batch-size", "4", "--size", "64", "--json")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="Paddle does it on Linux only")


@pytest.mark.parametrize(
    ("devices", "sentence"),
    [
        ("0,x", "0,x is not a list of device numbers such as 0,1"),
        ("1,1", "1,1 names a device twice"),
        ("", " is not a list of device numbers such as 0,1"),
        ("0,1,2", "A batch of 4 slices cannot be shared equally by 3 processes."),
    ],
)
def test_devices_that_cannot_train_together_are_a_usage_error(
    devices: str, sentence: str, tmp_path: Path, capsys: Capture
) -> None:
    dataset = write_dataset(tmp_path / "data", slices=2)
    code = run("train", dataset, "--run", tmp_path / "run", "--devices", devices, *OPTIONS)
    assert code == 2
    assert sentence in one_line(capsys)
    assert not (tmp_path / "run").exists()


def test_devices_are_not_chosen_twice(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PADDLE_TRAINERS_NUM", "2")
    monkeypatch.setenv("PADDLE_TRAINER_ID", "0")
    dataset = write_dataset(tmp_path / "data", slices=2)
    assert run("train", dataset, "--run", tmp_path / "r", "--devices", "0,1", *OPTIONS) == 2
    assert one_line(capsys).startswith("Paddle's launcher has chosen the devices already.")


def check_run(folder: Path) -> None:
    """One stream of events, and a model that can be used."""
    events = [decode_event(line) for line in (folder / "events.jsonl").read_bytes().splitlines()]
    assert [event.seq for event in events] == list(range(len(events)))
    assert isinstance(events[0], Started)
    assert events[0].details["processes"] == 2
    assert [event.iteration for event in events if isinstance(event, Step)] == [1, 2]
    assert isinstance(events[-1], Finished)
    assert open_model(folder / "model").info.training["processes"] == 2


@on_linux
@pytest.mark.timeout(400)
def test_two_processes_train_a_model_and_one_goes_on_with_it(
    tmp_path: Path, capsys: Capture
) -> None:
    dataset, folder = write_dataset(tmp_path / "data", slices=2), tmp_path / "run"
    assert run("train", dataset, "--run", folder, "--devices", "0,1", *OPTIONS) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["iterations"] == 2
    check_run(folder)
    more = ("--resume", "--devices", "0", "--device", "cpu", "--iters", "3")
    assert run("train", dataset, "--run", folder, *more) == 0
    assert open_model(folder / "model").info.training["processes"] == 1
    assert psutil.Process().children(recursive=True) == []


@on_linux
@pytest.mark.timeout(600)
def test_two_computers_train_one_model_through_paddles_launcher(tmp_path: Path) -> None:
    """Both are this one, with a launcher each."""
    dataset = write_dataset(tmp_path / "data", slices=2)
    program = tmp_path / "medseg-desktop"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nfrom medseg_desktop.cli import main\nsys.exit(main())\n"
    )
    program.chmod(0o755)
    master = f"127.0.0.1:{free_port()}"
    env = os.environ | {"PYTHONPATH": str(ROOT), "no_proxy": "127.0.0.1"}
    launchers = []
    for node in range(2):
        words = ["--master", master, "--nnodes", "2", "--rank", str(node), "--nproc_per_node", "1"]
        words += ["--log_dir", str(tmp_path / f"log-{node}"), "--host", "127.0.0.1", str(program)]
        words += ["train", str(dataset), "--run", str(tmp_path / f"run-{node}"), *OPTIONS]
        argv = [sys.executable, "-m", "paddle.distributed.launch", *words]
        with (tmp_path / f"launch-{node}.txt").open("wb") as out:
            launchers.append(subprocess.Popen(argv, env=env, cwd=tmp_path, stdout=out, stderr=out))
    try:
        codes = [launcher.wait(500) for launcher in launchers]
    finally:
        for launcher in launchers:
            launcher.terminate()
            launcher.wait()
    assert codes == [0, 0], (tmp_path / "launch-0.txt").read_text(errors="replace")[-3000:]
    check_run(tmp_path / "run-0")
    assert not (tmp_path / "run-1").exists()

from __future__ import annotations

import importlib.util
import json
import math
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from medseg_desktop.core.events import CaseScore, Evaluation, Log, Step
from medseg_desktop.engine.visualdl_log import FOLDER, ScalarLog

STEP = Step(iteration=20, loss=1.5, losses=[1.0, 0.5], lr=1e-3, time=2.0)
EVALUATION = Evaluation(
    iteration=20,
    dice={"H": 0.5, "100 %": None},
    iou={"H": 0.25, "100 %": math.nan},
    cases=[CaseScore(patient_hash="ab", n_slices=3, dice={"H": 0.5}, foreground_dice=0.5)],
    mean_dice=0.5,
)


def read_back(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Tag -> points, as VisualDL itself reads the newest file, in a process of its own.

    Importing its reader loads the web server, which warns of its own code.
    """
    code = (
        "import json, sys\n"
        "from visualdl import LogReader\n"
        "reader = LogReader(file_path=sys.argv[1])\n"
        "tags = reader.get_tags()['scalar']\n"
        "data = {t: [(p.id, p.value) for p in reader.get_data('scalar', t)] for t in tags}\n"
        "print(json.dumps(data))\n"
    )
    file = max(folder.iterdir())
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(file)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    points = json.loads(done.stdout.splitlines()[-1])
    return {tag.replace("%", "/"): [tuple(p) for p in row] for tag, row in points.items()}


def test_steps_and_evaluations_become_curves_that_visualdl_reads(tmp_path: Path) -> None:
    if importlib.util.find_spec("visualdl") is None:
        pytest.skip("VisualDL is not installed")
    said: list[str] = []
    log = ScalarLog(tmp_path / "影像 run", said.append)
    for event in (STEP, EVALUATION, Log(message="no curve")):
        log.on_event(event)
    log.close()
    assert not (Path(os.environ["HOME"]) / ".visualdl").exists()
    points = read_back(tmp_path / "影像 run" / FOLDER)
    assert points["loss/total"] == [(20, 1.5)]
    assert points["loss/auxiliary 1"] == [(20, 0.5)]
    assert points["lr"] == [(20, pytest.approx(1e-3))]
    assert points["val/dice"] == points["val/dice/H"] == points["val/patient/ab"] == [(20, 0.5)]
    assert not any("100" in tag for tag in points)
    assert said == []


def test_without_visualdl_nothing_is_written_and_nothing_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "visualdl", None)  # as if it were not installed
    log = ScalarLog(tmp_path, pytest.fail)
    log.on_event(STEP)
    log.close()
    assert list(tmp_path.iterdir()) == []


def test_without_a_point_no_folder_is_made(tmp_path: Path) -> None:
    log = ScalarLog(tmp_path, pytest.fail)
    log.on_event(Log(message="no curve"))
    log.close()
    assert list(tmp_path.iterdir()) == []


def test_what_fails_is_said_once_and_stops_nothing(tmp_path: Path) -> None:
    class Full:
        def add_scalar(self, *point: Any) -> None:
            raise OSError("No space left on device")

        def close(self) -> None: ...

    said: list[str] = []
    log = ScalarLog(tmp_path, said.append, lambda: lambda folder: Full())
    log.on_event(STEP)
    log.on_event(STEP)
    log.close()
    assert said == ["The curves are not written for VisualDL: No space left on device."]


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_bytes(b"in the way")
    said: list[str] = []
    log = ScalarLog(tmp_path, said.append)
    log.on_event(STEP)
    log.close()
    assert len(said) == 1


def test_a_writer_that_never_returns_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medseg_desktop.engine.visualdl_log._PATIENCE_S", 0.05)
    release = threading.Event()

    class Stuck:
        def add_scalar(self, *point: Any) -> None:
            release.wait()

        def close(self) -> None: ...

    said: list[str] = []
    log = ScalarLog(tmp_path, said.append, lambda: lambda folder: Stuck())
    for _ in range(1000):
        log.on_event(STEP)
    log.close()
    release.set()
    assert said == ["The curves are not written for VisualDL: it does not answer."]

"""An annotation session through real mouse and key events, killed in the middle and taken up."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from medseg_desktop.io.workspace import Workspace
from tests.annotator import HOLE, LATER, POLYGON
from tests.builders import model_info, write_model_package, write_study
from tests.drawn import opened, program, saved
from tests.stored import FULL

ROOT = Path(__file__).parents[2]
SIZE = (96, 96)
KILLS = 200 if FULL else 3
WAIT_S = 60.0
#: So many of the last shapes that were told to be drawn may be missing after a crash.
LOST_AT_MOST = 20


# -- a reader of the MedicalLabelMe format, with nothing of the program


def read_shapes(path: Path) -> list[dict[str, Any]]:
    document = json.loads(path.read_text(encoding="utf-8"))
    height, width = document["frames"][0]["height"], document["frames"][0]["width"]
    assert (height, width) == SIZE
    return [shape for frame in document["frames"] for shape in frame["shapes"]]


def fill(shape: dict[str, Any]) -> np.ndarray[Any, Any]:
    label_map = np.zeros(SIZE, np.uint8)
    cv2.fillPoly(label_map, [np.array(shape["points"]).astype(np.int32)], 1)
    return label_map


def number_in_rows(shape: dict[str, Any]) -> int:
    """Which one of the rectangles of `tests.annotator.draw` it is, from 0."""
    x, y = np.mean(shape["points"], axis=0)
    return int(20 * round((y - 2) / 4) + round((x - 2) / 4))


# -- the program in a process of its own


class Child:
    """The program with somebody who works on it."""

    def __init__(self, part: str, folder: Path, workspace: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.annotator", part, str(folder), str(workspace)],
            cwd=ROOT, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        )  # fmt: skip
        self.said: list[tuple[str, float]] = []

    def hear(self, word: str) -> str:
        """Wait until it says a line with the word first; the line."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            text, _, time_s = line.strip().rpartition(" ")
            self.said.append((text, float(time_s)))
            assert not text.startswith("stuck"), text
            if text.split()[0] == word:
                return text
        raise AssertionError(f"it ended with {self._process.wait()} after {self.said}")

    def kill(self) -> float:
        """SIGKILL, or what comes nearest; the time."""
        self._process.kill()
        killed_s = time.monotonic()
        assert self._process.stdout is not None
        for line in self._process.stdout:
            text, _, time_s = line.strip().rpartition(" ")
            if line.endswith("\n"):
                self.said.append((text, float(time_s)))
        self._process.wait()
        return killed_s

    def end(self) -> int:
        """Wait until it has closed by itself."""
        return self._process.wait(WAIT_S)

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()


@contextmanager
def child(part: str, folder: Path, workspace: Path) -> Iterator[Child]:
    process = Child(part, folder, workspace)
    try:
        yield process
    finally:
        process.close()


def wait_for_note(workspace: Path, shapes: int) -> None:
    """Until the journal holds a document with so many shapes."""
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        for path in (workspace / "recovery").glob("*/*.json"):
            document = json.loads(path.read_text(encoding="utf-8"))["document"]
            if sum(len(frame["shapes"]) for frame in document["frames"]) == shapes:
                return
        time.sleep(0.02)
    raise AssertionError("nothing was noted")


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """One slice with a bright rectangle, and no annotation."""
    folder = write_study(tmp_path / "s", ("A",), slices=1, size=SIZE)
    for file in folder.rglob("*.json"):
        file.unlink()
    return folder


@pytest.mark.timeout(240)
def test_a_session_that_is_killed_goes_on_where_it_was_and_anybody_can_read_the_result(
    study: Path, tmp_path: Path
) -> None:
    workspace, file = tmp_path / "w", study / "A" / "IM0000.json"
    package = write_model_package(tmp_path / "m", model_info(SIZE))
    Workspace(workspace).register_model(package)
    with child("session", study, workspace) as process:
        process.hear("saved")
        assert len(read_shapes(file)) == 2  # acknowledged, so it is there
        process.hear("drawn")
        wait_for_note(workspace, 3)
        process.kill()
    assert len(read_shapes(file)) == 2
    with child("restore", study, workspace) as process:
        assert process.hear("offered") == "offered 3 shapes|2 shapes"
        process.hear("saved")
        assert process.end() == 0
    drawn, accepted, later = read_shapes(file)
    check_polygon_with_hole(drawn)
    assert accepted["medseg"]["provenance"] == "model tiny-v1"
    expected = np.zeros(SIZE, np.uint8)
    expected[8:16, 10:20] = 1
    assert np.array_equal(fill(accepted), expected)
    for shape in (drawn, later):
        assert shape["medseg"]["provenance"] == "manual"
    assert {shape["label"] for shape in (drawn, accepted, later)} == {drawn["label"]}
    centre = ((LATER[0][0] + LATER[-1][0]) // 2, (LATER[0][1] + LATER[-1][1]) // 2)
    assert fill(later)[centre[1], centre[0]] == 1
    assert list((workspace / "recovery").rglob("*.json")) == []
    assert list(tmp_path.rglob("*.tmp")) == []


def check_polygon_with_hole(shape: dict[str, Any]) -> None:
    """The square of POLYGON, but for what the eraser went over."""
    label_map = fill(shape)
    left, top = POLYGON[0]
    right, bottom = POLYGON[2]
    for x, y in HOLE:
        assert label_map[y, x] == 0
    assert label_map[top + 2, left + 2] == label_map[bottom - 3, right - 3] == 1
    assert label_map[HOLE[0][1], left + 2] == label_map[HOLE[0][1], right - 3] == 1
    _, islands = cv2.connectedComponents(1 - label_map, connectivity=4)
    outside, inside = islands[0, 0], islands[HOLE[0][1], HOLE[0][0]]
    assert inside not in (0, outside)  # it reaches no rim
    assert 10 < (islands == inside).sum() < 400
    assert not label_map[: top - 1].any()
    assert not label_map[bottom + 2 :].any()


@pytest.mark.timeout(90 * KILLS)
def test_of_a_session_that_is_killed_at_any_moment_only_the_last_moment_is_missing(
    qtbot: QtBot, tmp_path: Path
) -> None:
    moments, lost, lost_s = random.Random(4), [], []
    for i in range(KILLS):
        folder, workspace = tmp_path / f"s{i}", tmp_path / f"w{i}"
        write_study(folder, ("A",), slices=1, size=SIZE)
        file = folder / "A" / "IM0000.json"
        file.unlink()
        with child("draw", folder, workspace) as process:
            process.hear("drawn")
            time.sleep(moments.uniform(0.0, 3.0))
            killed_s = process.kill()
        drawn = [time_s for text, time_s in process.said if text.startswith("drawn")]
        if file.exists():
            read_shapes(file)  # never torn
        with program(qtbot, workspace) as controller:
            opened(qtbot, controller, folder)
            qtbot.wait(100)
            dialog = controller.annotating.recovery.dialog
            if dialog is not None:
                dialog.restore.click()
            saved(qtbot, controller)
        shapes = read_shapes(file) if file.exists() else []
        there = len(shapes)
        assert there <= len(drawn) + 1  # one may have been drawn and not told
        assert [number_in_rows(shape) for shape in shapes] == list(range(there))
        lost.append(max(0, len(drawn) - there))
        lost_s.append(killed_s - drawn[there] if there < len(drawn) else 0.0)
        assert list(tmp_path.rglob("*.tmp")) == []
    print(f"lost at most {max(lost)} shapes, {max(lost_s):.2f} s of work at {KILLS} kills")
    print(f"as a rule {sorted(lost)[KILLS // 2]} shapes, {sorted(lost_s)[KILLS // 2]:.2f} s")
    assert max(lost) <= LOST_AT_MOST

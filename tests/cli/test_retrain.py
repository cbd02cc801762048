"""`retrain`, with jobs that play their part and once with real ones."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from medseg_desktop.cli import main
from medseg_desktop.core.run_state import RunState, RunStatus
from medseg_desktop.core.specs import EvaluateSpec, MeasureSpec, Spec
from medseg_desktop.io.retraining.file import stored_retrainings
from medseg_desktop.io.run_folder import has_checkpoint
from medseg_desktop.io.workspace import Workspace
from medseg_desktop.jobs import run as job_runner
from medseg_desktop.jobs.chain import Job
from tests.builders import write_study
from tests.conftest import ROOT
from tests.retraining import SIX, FakeJobs, player_command, promote, write_six


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return write_six(tmp_path / "study")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    root = tmp_path / "workspace"
    monkeypatch.setenv("MEDSEG_WORKSPACE", str(root))
    return Workspace(root)


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> FakeJobs:
    """What the command runs; it ends at once."""
    played = FakeJobs()

    def run_job(spec: Any, *, work_dir: Path | None = None, **options: object) -> RunState:
        return played(Job(spec, work_dir))

    monkeypatch.setattr("medseg_desktop.cli.retrain.run_job", run_job)
    return played


def printed(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return found


def test_the_outcome_is_told_in_words_and_as_json(
    study: Path, workspace: Workspace, jobs: FakeJobs, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["retrain", str(study), "--size", "64", "--name", "flair"]) == 0
    told = capsys.readouterr()
    assert "The candidate is flair-v1." in told.out
    assert "Mean Dice 0.700 over 1 test patient." in told.out
    assert "1. Checking" in told.err
    promote(workspace, "flair-v1")
    assert main(["retrain", str(study), "--json", "--by", "Li Wei"]) == 0
    found = printed(capsys)
    assert (found["champion"], found["candidate"], found["verdict"]) == (
        "flair-v1", "flair-v2", "better",
    )  # fmt: skip
    assert found["init"] == "champion"
    assert found["difference"]["mean"] == 0.04
    assert Path(found["evaluation"]).is_dir()
    assert main(["retrain", str(study)]) == 0
    assert "On the test patients it is better than flair-v1." in capsys.readouterr().out


def test_what_the_conversion_says_of_the_data_is_told(
    tmp_path: Path, workspace: Workspace, jobs: FakeJobs, capsys: pytest.CaptureFixture[str]
) -> None:
    study = write_study(tmp_path / "study", SIX, size=(64, 64), label="lesoin")
    assert main(["retrain", str(study), "--size", "64", "--json"]) == 0
    told = capsys.readouterr()
    note = "The label 'lesoin' is new, on 12 of the slices."
    assert f"Note: {note}" in told.err.splitlines()
    assert json.loads(told.out.splitlines()[-1])["warnings"] == [note]


def test_a_failed_stage_says_how_to_go_on(
    study: Path, workspace: Workspace, jobs: FakeJobs, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs.fails = ["train"]
    assert main(["retrain", str(study), "--size", "64"]) == 1
    (stored,) = stored_retrainings(workspace.runs)
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("The job train failed.")
    assert said.endswith(f"medseg-desktop retrain --resume {stored.run}")
    jobs.fails, jobs.cancels, jobs.done = [], ["evaluate"], []
    assert main(["retrain", "--resume", str(stored.run)]) == 130
    assert jobs.done == ["train", "evaluate"]
    jobs.cancels = []
    assert main(["retrain", "--resume", str(stored.run), "--json"]) == 0
    assert printed(capsys)["candidate"] == "model-v1"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 2, "Name the folder"),
        (["absent"], 2, "does not exist"),
        (["--resume", "absent"], 2, "does not exist"),
        (["--resume", "STUDY"], 1, "is not the folder of a retraining"),
        (["STUDY", "--resume", "STUDY"], 2, "--resume goes on"),
        (["STUDY", "--size", "65"], 2, "multiple of 32"),
        (["STUDY", "--name", "../flair"], 2, "no name for a model"),
        (["STUDY", "--name", "con"], 2, "no name for a model"),
        (["EMPTY"], 1, "is empty"),
    ],
)
def test_what_cannot_be_retrained_is_said_in_one_line(
    study: Path,
    workspace: Workspace,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    words: str,
) -> None:
    (tmp_path / "empty").mkdir()
    places = {"STUDY": str(study), "EMPTY": str(tmp_path / "empty")}
    try:
        got = main(["retrain", *(places.get(a, a) for a in arguments)])
    except SystemExit as ended:
        got = int(str(ended.code))
    said = capsys.readouterr().err.splitlines()
    assert got == code
    assert words in said[-1]
    assert "Traceback" not in " ".join(said)
    assert stored_retrainings(workspace.runs) == ()


def test_check_tells_what_is_new_and_measures_once(
    study: Path,
    workspace: Workspace,
    jobs: FakeJobs,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Spec] = []

    def measured(spec: Spec, **options: object) -> RunState:
        asked.append(spec)
        return RunState(message="Training needs PaddlePaddle.", status=RunStatus.FAILED)

    monkeypatch.setattr("medseg_desktop.cli.retrain_check.run_job", measured)
    monkeypatch.setattr(
        "medseg_desktop.io.retraining.step_costs.write_speed_dataset", lambda folder: folder
    )
    assert main(["retrain", str(study), "--check"]) == 0
    told = capsys.readouterr()
    assert "this is the first model" in told.out
    assert "roughly estimated" in told.out
    assert "Nothing could be measured" in told.err
    assert isinstance(asked[0], MeasureSpec)
    assert stored_retrainings(workspace.runs) == ()
    main(["retrain", str(study), "--size", "64"])
    promote(workspace, "model-v1")
    (study / "A" / "IM0000.json").unlink()
    capsys.readouterr()
    assert main(["retrain", str(study), "--check", "--json"]) == 0
    found = printed(capsys)
    assert sum(row["gone_slices"] for row in found["news"].values()) == 1
    assert (found["champion"], found["init"], found["size"]) == ("model-v1", "champion", 64)
    assert found["cost"]["total_s"] > 0


def test_check_says_that_the_champion_is_gone(
    study: Path, workspace: Workspace, jobs: FakeJobs, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["retrain", str(study), "--size", "64"])
    shutil.rmtree(promote(workspace, "model-v1"))
    capsys.readouterr()
    assert main(["retrain", str(study), "--check"]) == 1
    told = capsys.readouterr()
    assert "model-v1, which Li Wei promoted, is not in" in told.err
    assert "not trained in this workspace" not in told.out


@pytest.mark.timeout(180)
def test_killed_while_it_trains_it_goes_on_from_the_checkpoint(
    study: Path,
    workspace: Workspace,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    command = [sys.executable, "-m", "medseg_desktop", "retrain", str(study)]
    options = ["--size", "64", "--iters", "15", "--batch-size", "4", "--device", "cpu"]
    with subprocess.Popen([*command, *options], cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        end_s = time.monotonic() + 90
        while not any(has_checkpoint(s.run) for s in stored_retrainings(workspace.runs)):
            assert process.poll() is None
            assert time.monotonic() < end_s
            time.sleep(0.02)
        process.kill()
    (stored,) = stored_retrainings(workspace.runs)
    assert stored.retraining.stage == "train"
    monkeypatch.setattr("medseg_desktop.cli.retrain.run_job", _with_evaluator)
    assert main(["retrain", "--resume", str(stored.run), "--json"]) == 0
    found = printed(capsys)
    assert (found["run"], found["candidate"]) == (str(stored.run), "model-v1")
    records = list(stored.run.glob("events*.jsonl"))
    assert len(records) == 2  # the part before, kept aside, and the one that went on
    resumed = [json.loads(x) for x in (stored.run / "events.jsonl").read_text().splitlines()]
    assert resumed[0]["details"]["resumed_from"] > 0
    assert len(workspace.dataset_names()) == 1


def _with_evaluator(spec: Any, **options: Any) -> RunState:
    """Real jobs, but for the evaluation, whose outcome is known."""
    if isinstance(spec, EvaluateSpec):
        options["command"] = player_command(spec)
    return job_runner.run_job(spec, **options)

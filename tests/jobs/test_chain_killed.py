"""A retraining whose program is killed goes on with the stage it was in."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from medseg_desktop.core.retraining.state import Progress, Stage
from medseg_desktop.io.retraining.file import stored_retrainings
from medseg_desktop.io.workspace import Workspace
from medseg_desktop.jobs.chain import Chain, run_chain
from tests.builders import QuietContext
from tests.conftest import ROOT
from tests.retraining import FakeJobs, write_six

ALL = ["convert", "train", "evaluate"]


@pytest.mark.parametrize(
    ("stage", "when", "left"),
    [
        ("check", "before", ALL),
        ("convert", "before", ALL),
        ("convert", "after", ["train", "evaluate"]),
        ("train", "before", ["train", "evaluate"]),
        ("train", "after", ["evaluate"]),
        ("evaluate", "before", ["evaluate"]),
        ("evaluate", "after", []),
    ],
)
def test_killed_in_a_stage_only_what_is_not_finished_is_done(
    tmp_path: Path, stage: str, when: str, left: list[str]
) -> None:
    study, workspace = write_six(tmp_path / "study"), Workspace(tmp_path / "workspace")
    command = [sys.executable, "-m", "tests.jobs.chain_process"]
    with subprocess.Popen(
        [*command, str(workspace.root), str(study), stage, when],
        stdout=subprocess.PIPE, cwd=ROOT,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == b"here\n"
        (stored,) = stored_retrainings(workspace.runs)
        assert stored.is_held
        process.kill()
    (stored,) = stored_retrainings(workspace.runs)
    assert not stored.is_held
    assert stored.retraining.progress is Progress.UNDER_WAY
    assert stored.retraining.stage is Stage(stage)
    jobs = FakeJobs()
    chain = Chain.reopen(workspace, stored.run)
    done = run_chain(chain, QuietContext(), jobs)
    chain.close()
    assert jobs.done == left
    assert done.is_done
    assert [entry.path.name for entry in workspace.model_entries()] == ["model-v1"]
    assert len(workspace.dataset_names()) == 1

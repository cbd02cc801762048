"""`train`, with a job that only looks at what it is asked to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from medseg_desktop.cli import main
from medseg_desktop.core.run_state import RunState, RunStatus
from medseg_desktop.core.specs import TrainSpec
from tests.builders import write_dataset


@pytest.mark.parametrize(
    ("folder", "name"), [("flair.2", "flair.2"), ("con", "model"), ("x" * 160, "model")]
)
def test_the_model_is_named_after_its_run_unless_no_model_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, name: str
) -> None:
    asked: list[TrainSpec] = []

    def run_job(spec: TrainSpec, **options: Any) -> RunState:
        asked.append(spec)
        return RunState(status=RunStatus.CANCELLED)

    monkeypatch.setattr("medseg_desktop.cli.train.run_job", run_job)
    dataset = write_dataset(tmp_path / "dataset")
    options = ["--size", "64", "--iters", "2", "--workspace", str(tmp_path / "workspace")]
    assert main(["train", str(dataset), "--run", str(tmp_path / folder), *options]) == 130
    assert [spec.model_name for spec in asked] == [name]

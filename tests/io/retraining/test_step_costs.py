from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from medseg_desktop.core.retraining.cost import StepCost
from medseg_desktop.core.specs import TrainSpec
from medseg_desktop.io.retraining.step_costs import StepCosts
from medseg_desktop.io.workspace import Workspace

TRAIN = TrainSpec(dataset="d", run="r", model_name="m", size=256)
COST = StepCost(device="cpu", step_s=1.1, predict_s=0.1, start_s=5.0, memory_mb=1290)


def test_what_was_measured_is_found_for_such_a_training_only(tmp_path: Path) -> None:
    costs = StepCosts(Workspace(tmp_path / "new"))
    assert costs.find(TRAIN) is None
    costs.keep(TRAIN, COST)
    assert costs.find(msgspec.structs.replace(TRAIN, iterations=9, dataset="e")) == COST
    for other in ({"size": 128}, {"batch_size": 4}, {"architecture": "unet"}, {"device": "gpu"}):
        assert costs.find(msgspec.structs.replace(TRAIN, **other)) is None
    workspace = Workspace(tmp_path / "new")
    assert StepCosts(workspace, threads=64).find(TRAIN) is None
    assert StepCosts(workspace, interpreter="/opt/gpu/python").find(TRAIN) is None
    assert StepCosts(workspace).find(TRAIN) == COST


def test_a_disturbed_measurement_is_not_kept(tmp_path: Path) -> None:
    costs = StepCosts(Workspace(tmp_path))
    costs.keep(TRAIN, msgspec.structs.replace(COST, is_disturbed=True))
    assert costs.find(TRAIN) is None


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"schema": 9}', b"\xff" * 40, b"[" * 99_999])
def test_a_damaged_file_is_written_anew(tmp_path: Path, data: bytes) -> None:
    costs = StepCosts(Workspace(tmp_path))
    (tmp_path / "step-costs.json").write_bytes(data)
    assert costs.find(TRAIN) is None
    costs.keep(TRAIN, COST)
    assert costs.find(TRAIN) == COST


def test_a_workspace_that_cannot_be_written_is_no_reason_to_fail(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    costs = StepCosts(Workspace(tmp_path / "file"))
    costs.keep(TRAIN, COST)
    assert costs.find(TRAIN) is None
    assert (tmp_path / "file").read_bytes() == b""

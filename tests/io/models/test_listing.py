from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from medseg_desktop.io.evaluation.entries import EvaluationReader, last_comparison
from medseg_desktop.io.models.champions import Champions
from medseg_desktop.io.models.listing import ModelList, ModelListReader, ModelStatus
from medseg_desktop.io.workspace import Workspace
from tests.builders import model_info, write_model_package
from tests.evaluation_records import write_evaluation


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    result = Workspace(tmp_path / "w")
    for i, name in enumerate("abc"):
        info = msgspec.structs.replace(
            model_info(name=name), metrics={"mean_patient_dice": 0.5 + i / 10}, parent="x-v1"
        )
        write_model_package(result.models / f"{name}-v1", info, thresholds=(100.5 + i,))
    return result


def read(workspace: Workspace) -> ModelList:
    return ModelListReader(workspace).read()


def statuses(found: ModelList) -> dict[str, ModelStatus]:
    return {model.title: model.status for model in found.models}


def test_an_empty_workspace_has_an_empty_list(tmp_path: Path) -> None:
    assert read(Workspace(tmp_path / "w")) == ModelList()


def test_the_champion_candidates_and_those_that_were_it(workspace: Workspace) -> None:
    found = read(workspace)
    assert set(statuses(found).values()) == {ModelStatus.CANDIDATE}
    assert found.champion_model is None
    champions = Champions(workspace)
    champions.promote("a-v1", "Ann", "r")
    champions.promote("b-v1", "Ann", "r")
    found = read(workspace)
    assert statuses(found) == {
        "a-v1": ModelStatus.EARLIER,
        "b-v1": ModelStatus.CHAMPION,
        "c-v1": ModelStatus.CANDIDATE,
    }
    assert (found.problem, found.previous, found.is_intact) == ("", "a-v1", True)
    assert found.champion_model is not None
    assert found.champion_model.validation_dice == pytest.approx(0.6)


def test_the_newest_evaluation_on_test_patients_counts_for_both_models(
    workspace: Workspace,
) -> None:
    models, to = workspace.models, workspace.evaluations
    write_evaluation(to / "old", models / "a-v1", created="2026-01-01T00:00:00+00:00")
    write_evaluation(
        to / "both", models / "b-v1", models / "a-v1", created="2026-02-01T00:00:00+00:00"
    )
    write_evaluation(to / "val", models / "a-v1", subset="val", created="2026-03-01T00:00:00+00:00")
    found = {model.title: model for model in read(workspace).models}
    for title, mean in (("a-v1", (0.7 + 0.65 + 0.62) / 3), ("b-v1", 0.7)):
        model = found[title]
        assert model.tested is not None
        assert model.tested.path.name == "both"
        assert model.test is not None
        assert (model.test.mean, model.test.n) == (pytest.approx(mean), 3)
    assert found["c-v1"].test is None


def test_evaluations_are_listed_newest_first_and_broken_ones_last(workspace: Workspace) -> None:
    models, to = workspace.models, workspace.evaluations
    reader = EvaluationReader(to)
    assert reader.entries() == ()
    write_evaluation(to / "1", models / "a-v1", created="2026-01-01T00:00:00+00:00")
    write_evaluation(to / "2", models / "b-v1", models / "a-v1", created="2026-02-01")
    write_evaluation(to / ".3.partial", models / "a-v1")
    (to / "broken").mkdir()
    (to / "broken" / "evaluation.json").write_text("{")
    (to / "empty").mkdir()
    entries = reader.entries()
    assert [e.path.name for e in entries] == ["2", "1", "broken"]
    assert "is no evaluation" in entries[-1].problem
    assert (entries[0].compares, entries[1].compares) == (True, False)
    assert entries[0].changes == (2, 1, 1, 0)
    networks = [m.network for m in entries[0].models]
    assert last_comparison(entries, networks[0], networks[1]) is entries[0]
    assert last_comparison(entries, networks[1], networks[0]) is None


def test_what_has_not_changed_is_not_read_again(workspace: Workspace) -> None:
    write_evaluation(workspace.evaluations / "1", workspace.models / "a-v1")
    reader = EvaluationReader(workspace.evaluations)
    (first,) = reader.entries()
    assert reader.entries()[0] is first


def test_a_tampered_trail_or_a_damaged_champion_is_a_problem_and_the_list_is_there(
    workspace: Workspace,
) -> None:
    Champions(workspace).promote("a-v1", "Ann", "r")
    trail = workspace.audit.path
    good = trail.read_bytes()
    trail.write_bytes(good.replace(b"Ann", b"Eve"))
    found = read(workspace)
    assert "Line 1 of" in found.problem
    assert found.is_intact
    assert statuses(found)["a-v1"] is ModelStatus.CHAMPION
    trail.write_bytes(good)
    (workspace.root / "champion.json").write_text("{")
    found = read(workspace)
    assert "champion.json is damaged" in found.problem
    assert (len(found.models), found.champion) == (3, None)


def test_a_changed_champion_is_no_longer_intact(workspace: Workspace) -> None:
    Champions(workspace).promote("a-v1", "Ann", "r")
    (workspace.models / "a-v1" / "model.onnx").write_bytes(b"x")
    found = read(workspace)
    assert not found.is_intact
    assert "model.onnx" in found.problem

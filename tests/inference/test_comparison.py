"""Two models on the same patients, through the whole job; every number is counted by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from medseg_desktop.core.errors import DataError
from medseg_desktop.core.evaluation.result import EvaluationResult, ModelComparison
from medseg_desktop.core.specs import EvaluateSpec
from medseg_desktop.core.split import SetName
from medseg_desktop.inference.evaluation import run_evaluation
from medseg_desktop.io.dicom.stacks import patient_hash
from medseg_desktop.io.model_package import read_info
from medseg_desktop.io.workspace import Workspace
from tests.builders import QuietContext, model_info, write_model_package
from tests.scenes import SALT, SIZE, Box, write_scene, write_threshold

#: P1: two lesions, of which the dim one (6 pixels in two slices) only a low threshold finds, and
#: a dim spot that is none.  P2: a bright lesion and a bright spot.  P3: nothing but a dim spot.
SCENE: Mapping[str, Sequence[Sequence[Box]]] = {
    "P1": [
        [Box(4, 4, 5, 5, 220), Box(20, 20, 2, 2, 120), Box(28, 4, 3, 3, 110, "")],
        [Box(21, 21, 1, 2, 120)],
    ],
    "P2": [[Box(10, 10, 4, 4, 230), Box(20, 30, 2, 2, 240, "")], []],
    "P3": [[Box(4, 4, 2, 5, 115, "")]],
}
ALL_TEST: Mapping[str, SetName] = {"P1": "test", "P2": "test", "P3": "test", "P9": "train"}


def compare(ours: Path, theirs: Path, source: Path, **options: Any) -> dict[str, Any]:
    spec = EvaluateSpec(
        model=str(ours), against=str(theirs), source=str(source), salt=SALT.hex(), **options
    )
    return run_evaluation(spec, QuietContext())


def comparison_of(result: Mapping[str, Any]) -> ModelComparison:
    return msgspec.convert(result["comparison"], ModelComparison)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_scene(tmp_path / "s", SCENE)


@pytest.fixture
def keen(tmp_path: Path) -> Path:
    """Sees everything from 100 on."""
    return write_threshold(tmp_path / "keen", 100.5, ALL_TEST)


@pytest.fixture
def strict(tmp_path: Path) -> Path:
    """Sees what is brighter than 200."""
    return write_threshold(tmp_path / "strict", 200.5, ALL_TEST)


def test_lost_and_gained_lesions_are_exactly_those_of_the_scene(
    source: Path, keen: Path, strict: Path
) -> None:
    found = comparison_of(compare(keen, strict, source, subset="test"))
    assert found.is_comparable, found.reasons
    gained = [(c.case, c.lesion.number, c.lesion.pixels, c.lesion.slices) for c in found.gained]
    assert gained == [("P1", 2, 6, (0, 1))]
    assert (found.gained[0].candidate, found.gained[0].champion) == (1.0, 0.0)
    assert found.lost == ()
    new = [(c.case, c.lesion.pixels, c.lesion.largest_slice) for c in found.new_false]
    assert new == [("P3", 10, 0), ("P1", 9, 0)]
    assert found.gone_false == ()  # the corners and the bright spot are there with both

    other = comparison_of(compare(strict, keen, source, subset="test"))
    assert [c.lesion for c in other.lost] == [c.lesion for c in found.gained]
    assert [(c.case, c.lesion.pixels) for c in other.gone_false] == [("P3", 10), ("P1", 9)]
    assert (other.gained, other.new_false) == ((), ())


def test_both_results_are_those_of_each_model_alone(source: Path, keen: Path, strict: Path) -> None:
    together = compare(keen, strict, source, subset="test")
    for model, told in ((keen, together), (strict, together["against"])):
        spec = EvaluateSpec(model=str(model), source=str(source), salt=SALT.hex(), subset="test")
        alone = msgspec.convert(run_evaluation(spec, QuietContext()), EvaluationResult)
        both = msgspec.convert(told, EvaluationResult)
        assert both.summary == alone.summary
        assert both.sensitivity_by_size == alone.sensitivity_by_size
        assert [c.dice for c in both.cases] == [c.dice for c in alone.cases]
        assert both.network == read_info(model).network_digest
    assert "against" not in together["against"]


def test_the_measures_are_those_counted_by_hand(source: Path, keen: Path, strict: Path) -> None:
    result = compare(keen, strict, source, subset="test")
    ours, theirs = result["cases"], result["against"]["cases"]
    # P1: 25 + 6 annotated; each slice's corner and the spot of 9 are predicted too.
    assert ours[0]["foreground_dice"] == pytest.approx(2 * 31 / (31 + 31 + 9 + 2))
    assert theirs[0]["foreground_dice"] == pytest.approx(2 * 25 / (31 + 25 + 2))
    assert ours[0]["truth_ml"] == pytest.approx(31 * 0.005)
    assert ours[0]["volume_difference_ml"] == pytest.approx(11 * 0.005)
    assert theirs[0]["volume_difference_ml"] == pytest.approx(-4 * 0.005)
    # The corners of P1's slices touch, P2's too: one false lesion each.
    assert [c["n_false_lesions"] for c in ours] == [2, 2, 2]
    assert [c["n_false_lesions"] for c in theirs] == [1, 2, 1]
    assert [len(c["lesions"]) for c in ours] == [2, 1, 0]
    assert result["summary"]["sensitivity"]["mean"] == 1.0
    assert result["against"]["summary"]["sensitivity"]["mean"] == pytest.approx((0.5 + 1) / 2)
    assert result["summary"]["false_positive_ml"] == {
        "mean": pytest.approx(11 * 0.005), "low": None, "high": None, "n": 1,
    }  # fmt: skip
    differences = result["comparison"]["differences"]
    assert differences["sensitivity"]["mean"] == pytest.approx(0.25)
    assert differences["false_lesions"]["mean"] == pytest.approx(2 / 3)
    sizes = [(b["found"], b["total"]) for b in result["against"]["sensitivity_by_size"]]
    assert sizes == [(1, 2), (1, 1), (0, 0), (0, 0)]  # 0.03 and 0.08 ml; 0.125 ml


def test_every_slice_is_read_once_for_both_models(
    source: Path, keen: Path, strict: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from medseg_desktop.inference.evaluating import cases as case_evaluation

    read: list[str] = []
    real = case_evaluation.read_reviewed

    def counting(found: Any, item: Any, reader: Any) -> Any:
        read.append(item.path)
        return real(found, item, reader)

    monkeypatch.setattr(case_evaluation, "read_reviewed", counting)
    compare(keen, strict, source)
    assert len(read) == len(set(read)) == 5


def test_a_patient_that_a_model_has_seen_makes_it_unfair(
    tmp_path: Path, source: Path, keen: Path
) -> None:
    old = write_threshold(tmp_path / "old", 200.5, {"P1": "train", "P2": "test", "P3": "test"})
    result = compare(keen, old, source, subset="test")
    found = comparison_of(result)
    p1 = patient_hash(SALT, "P1")
    assert not found.is_comparable
    assert f"1 of 3 patients was used to train old-v1: {p1}." in found.reasons
    assert f"1 of 3 patients was used to train old-v1: {p1}." in result["against"]["warnings"]
    assert [c["seen"] for c in result["against"]["cases"]] == [True, False, False]
    assert [c["seen"] for c in result["cases"]] == [False, False, False]
    assert len(found.gained) == 1  # shown all the same


def test_patients_of_the_models_before_it_count_as_seen(
    tmp_path: Path, source: Path, strict: Path
) -> None:
    split: dict[str, SetName] = {patient_hash(SALT, p): s for p, s in ALL_TEST.items()}
    info = msgspec.structs.replace(
        read_info(strict), name="heir", split=split, inherited=(patient_hash(SALT, "P2"),)
    )
    heir = write_model_package(tmp_path / "heir", info, thresholds=(100.5,))
    found = comparison_of(compare(heir, strict, source, subset="test"))
    assert any("was used to train heir-v1" in reason for reason in found.reasons)


def test_models_of_different_splits_are_not_comparable(
    tmp_path: Path, source: Path, keen: Path
) -> None:
    """The other one keeps P9 for testing, which this one was trained on."""
    sets: dict[str, SetName] = {"P1": "test", "P2": "test", "P3": "test", "P9": "test"}
    other = write_threshold(tmp_path / "other", 200.5, sets)
    (reason,) = comparison_of(compare(keen, other, source, subset="test")).reasons
    assert reason.startswith("keen-v1 and other-v1 were trained with different splits")


def test_a_model_from_elsewhere_is_shown_but_not_compared_fairly(
    tmp_path: Path, source: Path, keen: Path
) -> None:
    foreign = write_threshold(tmp_path / "foreign", 200.5, ALL_TEST, salt=b"\2" * 32)
    result = compare(keen, foreign, source, subset="test")
    (reason,) = result["comparison"]["reasons"]
    assert reason.startswith("It cannot be told whether foreign-v1 was trained on these patients")
    assert [c["seen"] for c in result["against"]["cases"]] == [None] * 3


def test_models_with_different_labels_are_compared_on_the_common_ones(tmp_path: Path) -> None:
    """What the one calls I is nothing to the other, so it is nothing to both."""
    boxes = [Box(4, 4, 5, 5, 120), Box(20, 20, 4, 4, 220, "I")]
    source = write_scene(tmp_path / "s", {"P1": [boxes]})
    sets: Mapping[str, SetName] = {"P1": "test"}
    two = write_threshold(tmp_path / "two", 0, sets, labels=("H", "I"), cuts=(100.5, 200.5))
    one = write_threshold(tmp_path / "one", 100.5, sets)
    result = compare(two, one, source, subset="test")
    (reason,) = result["comparison"]["reasons"]
    assert "do not know the same labels, so H alone is compared, without I" in reason
    assert result["cases"][0]["dice"] == {"H": 1.0}
    # The one label of the other model also covers the 16 pixels of I, and the corner.
    assert result["against"]["cases"][0]["dice"] == {"H": pytest.approx(2 * 25 / (25 + 42))}
    alone = EvaluateSpec(model=str(one), source=str(source), salt=SALT.hex())
    with pytest.raises(DataError, match="'I', a label that one-v1 does not know"):
        run_evaluation(alone, QuietContext())


def test_labels_are_matched_by_name_and_not_by_place(tmp_path: Path) -> None:
    boxes = [Box(4, 4, 5, 5, 120, "I"), Box(20, 20, 4, 4, 220, "H")]
    source = write_scene(tmp_path / "s", {"P1": [boxes]})
    sets: Mapping[str, SetName] = {"P1": "test"}
    cuts = (100.5, 200.5)  # the first label from 100 on, the second from 200 on
    right = write_threshold(tmp_path / "right", 0, sets, labels=("I", "H"), cuts=cuts)
    wrong = write_threshold(tmp_path / "wrong", 0, sets, labels=("H", "I"), cuts=cuts)
    result = compare(right, wrong, source, subset="test")
    assert result["cases"][0]["dice"] == {"I": 1.0, "H": pytest.approx(2 * 16 / (16 + 17))}
    assert result["against"]["cases"][0]["dice"] == {"I": 0.0, "H": 0.0}
    assert result["comparison"]["reasons"] == []


def test_models_without_a_common_label_are_refused(
    tmp_path: Path, source: Path, keen: Path
) -> None:
    other = write_threshold(tmp_path / "other", 100.5, labels=("K",))
    with pytest.raises(DataError, match="no label in common"):
        compare(keen, other, source)


def test_a_label_that_neither_knows_names_both(tmp_path: Path, keen: Path, strict: Path) -> None:
    source = write_scene(tmp_path / "k", {"P1": [[Box(4, 4, 5, 5, 120, "K")]]})
    with pytest.raises(DataError, match="'K', a label that keen-v1 and strict-v1 do not know"):
        compare(keen, strict, source)


def by_workspace(folder: Path, cut: float, sets: Mapping[str, SetName]) -> Path:
    """A model that was trained with the workspace's frozen split."""
    own = read_info(write_threshold(folder.with_name(f"{folder.name}-draft"), cut, sets))
    info = msgspec.structs.replace(own, name=folder.name, split_origin="workspace", files={})
    return write_model_package(folder, info, thresholds=(cut,))


def frozen(root: Path, sets: Mapping[str, SetName]) -> Workspace:
    workspace = Workspace(root)
    workspace.freeze({patient_hash(SALT, patient): name for patient, name in sets.items()})
    return workspace


def test_the_frozen_split_counts_as_it_is_now(tmp_path: Path, source: Path) -> None:
    """P2 was moved to the test set after the old model was trained on it."""
    now: Mapping[str, SetName] = {"P1": "test", "P2": "test", "P3": "train"}
    workspace = frozen(tmp_path / "ws", now)
    before: Mapping[str, SetName] = {**now, "P2": "train"}
    old = by_workspace(tmp_path / "old", 200.5, before)
    new = by_workspace(tmp_path / "new", 100.5, now)
    result = compare(new, old, source, subset="test", workspace=str(workspace.root))
    assert [c["path"] for c in result["cases"]] == ["P1", "P2"]
    assert [c["set"] for c in result["against"]["cases"]] == ["test", "test"]
    p2 = patient_hash(SALT, "P2")
    assert result["comparison"]["reasons"] == [f"1 of 2 patients was used to train old-v1: {p2}."]


def test_a_patient_moved_away_from_the_test_set_spoils_nothing(
    tmp_path: Path, source: Path
) -> None:
    now: Mapping[str, SetName] = {"P1": "test", "P2": "train", "P3": "test"}
    workspace = frozen(tmp_path / "ws", now)
    old = by_workspace(tmp_path / "old", 200.5, {**now, "P2": "test"})
    new = by_workspace(tmp_path / "new", 100.5, now)
    result = compare(new, old, source, subset="test", workspace=str(workspace.root))
    assert [c["path"] for c in result["cases"]] == ["P1", "P3"]
    assert result["comparison"]["reasons"] == []


def test_a_model_from_elsewhere_goes_by_the_frozen_split(tmp_path: Path, source: Path) -> None:
    workspace = frozen(tmp_path / "ws", {"P1": "test", "P2": "train", "P3": "incoming"})
    foreign = write_model_package(tmp_path / "f", model_info(SIZE), thresholds=(100.5,))
    spec = EvaluateSpec(
        model=str(foreign), source=str(source), salt=SALT.hex(), workspace=str(workspace.root),
        subset="test",
    )  # fmt: skip
    result = run_evaluation(spec, QuietContext())
    assert [(c["path"], c["set"], c["seen"]) for c in result["cases"]] == [("P1", "test", None)]
    assert result["warnings"][0].startswith("It cannot be told whether tiny-v1 was trained")
    everybody = run_evaluation(msgspec.structs.replace(spec, subset="all"), QuietContext())
    assert [c["set"] for c in everybody["cases"]] == ["test", "train", "incoming"]

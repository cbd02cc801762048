from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medseg_desktop.core.errors import DataError
from medseg_desktop.core.specs import EvaluateSpec
from medseg_desktop.core.split import SetName
from medseg_desktop.inference.evaluation import run_evaluation
from medseg_desktop.io.dicom.stacks import patient_hash
from medseg_desktop.io.workspace import Workspace, salt_id
from tests.builders import (
    QuietContext,
    annotation_json,
    model_info,
    shape_json,
    write_dicom,
    write_json,
    write_model_package,
    write_study,
)

SALT = b"\1" * 32


def evaluate(model: Path, source: Path, **options: Any) -> dict[str, Any]:
    spec = EvaluateSpec(model=str(model), source=str(source), salt=SALT.hex(), **options)
    return run_evaluation(spec, QuietContext())


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model_package(tmp_path / "m")


def test_a_perfect_model_has_dice_one(tmp_path: Path, model: Path) -> None:
    result = evaluate(model, write_study(tmp_path / "s", ["A", "B"]))
    assert [c["foreground_dice"] for c in result["cases"]] == [1.0, 1.0]
    assert [c["path"] for c in result["cases"]] == ["A", "B"]
    assert [c["n_slices"] for c in result["cases"]] == [2, 2]
    assert result["cases"][0]["patient_hash"] == patient_hash(SALT, "A")
    assert result["mean"] == {"foreground_dice": 1.0, "n": 2, "dice": {"H": 1.0}}


def test_dice_is_pooled_over_the_reviewed_pixels_of_a_patient(tmp_path: Path, model: Path) -> None:
    rng = np.random.default_rng(1)
    both = truth_sum = predicted_sum = 0
    for i, (top, left) in enumerate([(2, 3), (5, 9), (0, 0)]):
        pixels = rng.integers(0, 256, (32, 40)).astype(np.uint8)
        pixels[0, 39] = 255
        write_dicom(tmp_path / "s" / f"{i}.dcm", pixels, number=i, position_mm=(0, 0, 3.0 * i))
        if i == 2:
            continue  # not reviewed: must not count
        corners = [[left, top], [left + 7, top], [left + 7, top + 4], [left, top + 4]]
        document = annotation_json(f"{i}.dcm", {0: [shape_json(corners)]}, (32, 40))
        write_json(tmp_path / "s" / f"{i}.json", document)
        truth = np.zeros((32, 40), bool)
        truth[top : top + 5, left : left + 8] = True
        predicted = pixels > 128
        both += int((truth & predicted).sum())
        truth_sum, predicted_sum = truth_sum + int(truth.sum()), predicted_sum + predicted.sum()
    (case,) = evaluate(model, tmp_path / "s")["cases"]
    assert case["foreground_dice"] == pytest.approx(2 * both / (truth_sum + predicted_sum))
    assert case["dice"]["H"] == case["foreground_dice"]
    assert case["n_slices"] == 2
    # 1 mm x 1 mm x 3 mm voxels
    assert case["false_positive_ml"] == pytest.approx((predicted_sum - both) * 0.003)


def test_without_a_lesion_there_is_no_dice_but_false_positive_volume(
    tmp_path: Path, model: Path
) -> None:
    result = evaluate(model, write_study(tmp_path / "s", ["A", "B"], healthy=["B"]))
    well, healthy = result["cases"]
    assert well["foreground_dice"] == 1.0
    assert healthy["foreground_dice"] is None
    assert healthy["dice"] == {"H": None}
    assert healthy["false_positive_ml"] == pytest.approx(2 * 1 * 5 / 1000)  # one pixel a slice
    assert (result["mean"]["foreground_dice"], result["mean"]["n"]) == (1.0, 1)


def test_without_any_lesion_the_mean_is_null(tmp_path: Path, model: Path) -> None:
    result = evaluate(model, write_study(tmp_path / "s", ["A"], healthy=["A"]))
    assert (result["mean"]["foreground_dice"], result["mean"]["n"]) == (None, 0)


def test_unknown_spacing_gives_no_volume(tmp_path: Path, model: Path) -> None:
    pixels = np.zeros((32, 40), np.uint8)
    pixels[0, 0] = 255
    write_dicom(tmp_path / "s" / "a.dcm", pixels, spacing_mm=None)
    write_json(tmp_path / "s" / "a.json", annotation_json("a.dcm", {0: []}, (32, 40)))
    (case,) = evaluate(model, tmp_path / "s")["cases"]
    assert case["false_positive_ml"] is None
    assert case["false_positive_pixels"] == 1


def test_a_label_that_the_model_does_not_know_is_refused(tmp_path: Path, model: Path) -> None:
    write_study(tmp_path / "s", ["A"], label="水肿")
    with pytest.raises(DataError, match=r"A/IM0000\.dcm is annotated with '水肿'"):
        evaluate(model, tmp_path / "s")


def test_a_model_from_before_a_label_was_renamed_is_evaluated_by_the_present_name(
    tmp_path: Path, model: Path
) -> None:
    workspace = Workspace(tmp_path / "ws")
    workspace.keep_labels(workspace.labels().renamed(1, "haematoma"))
    write_study(tmp_path / "s", ["A"], label="haematoma")
    write_study(tmp_path / "s", ["B"], label="H")  # nobody has opened it since
    result = evaluate(model, tmp_path / "s", workspace=str(workspace.root))
    assert [c["dice"] for c in result["cases"]] == [{"haematoma": 1.0}] * 2
    with pytest.raises(DataError, match="does not know"):
        evaluate(model, tmp_path / "s")


def with_split(tmp_path: Path, sets: dict[str, SetName], salt: bytes = SALT) -> Path:
    split = {patient_hash(SALT, p): s for p, s in sets.items()}
    return write_model_package(tmp_path / "s1", model_info(split=split, salt_id=salt_id(salt)))


def test_the_test_set_is_the_one_the_model_was_trained_with(tmp_path: Path) -> None:
    model = with_split(tmp_path, {"A": "train", "B": "test", "C": "val"})
    source = write_study(tmp_path / "s", ["A", "B", "C", "D"])
    result = evaluate(model, source, subset="test")
    assert [c["path"] for c in result["cases"]] == ["B"]
    everybody = evaluate(model, source)
    assert [c["set"] for c in everybody["cases"]] == ["train", "test", "val", "unknown"]
    assert "2 of 4 patients were used to train" in everybody["warnings"][0]


def test_a_set_without_patients_is_said(tmp_path: Path) -> None:
    model = with_split(tmp_path, {"A": "train"})
    source = write_study(tmp_path / "s", ["A"], slices=1)
    with pytest.raises(DataError, match="holds no test patient"):
        evaluate(model, source, subset="test")


def test_a_model_of_another_workspace_cannot_tell_its_patients(tmp_path: Path) -> None:
    model = with_split(tmp_path, {"A": "test"}, salt=b"\2" * 32)
    source = write_study(tmp_path / "s", ["A"], slices=1)
    with pytest.raises(DataError, match="not trained in this workspace"):
        evaluate(model, source, subset="test")


def test_nothing_reviewed_is_said(tmp_path: Path, model: Path) -> None:
    write_dicom(tmp_path / "s" / "a.dcm", np.zeros((8, 8), np.uint8))
    with pytest.raises(DataError, match="no reviewed slice"):
        evaluate(model, tmp_path / "s")


def test_a_truth_that_is_known_in_part_only_is_not_evaluated(tmp_path: Path, model: Path) -> None:
    source = write_study(tmp_path / "s", ["A"])
    shapes = [shape_json([[1, 1], [5, 5]])]  # the slice's only lesion, and no polygon
    write_json(source / "A" / "IM0000.json", annotation_json("IM0000.dcm", {0: shapes}, (32, 40)))
    with pytest.raises(DataError, match=r"A/IM0000\.json: shape 1 of frame 0"):
        evaluate(model, source)
    result = evaluate(model, source, skip_broken=True)
    assert [(c["n_slices"], c["foreground_dice"]) for c in result["cases"]] == [(1, 1.0)]
    assert any(w.startswith("Slices left out: A/IM0000.json: shape 1") for w in result["warnings"])

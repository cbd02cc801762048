"""Which patients of a conversion are in which set, and what the workspace keeps of it."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medseg_desktop.core.errors import DataError, WorkspaceError
from medseg_desktop.core.specs import ConvertSpec
from medseg_desktop.core.split import SET_NAMES, SetName, SplitRequest
from medseg_desktop.io.conversion import run_conversion
from medseg_desktop.io.conversion_request import conversion_spec
from medseg_desktop.io.dataset import Dataset, read_dataset
from medseg_desktop.io.dicom.stacks import patient_hash
from medseg_desktop.io.workspace import Workspace
from tests.builders import (
    LESION_OUTLINE,
    QuietContext,
    annotation_json,
    lesion_slice,
    shape_json,
    write_dicom,
    write_json,
    write_study,
)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "ws")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tmp_path / "影像 数据"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "out" / "数据 集"


def convert(spec: ConvertSpec) -> tuple[dict[str, Any], Dataset]:
    result = run_conversion(spec, QuietContext())
    return result, read_dataset(Path(spec.dataset))


def listed(dataset: Dataset) -> set[str]:
    """Hashes of the patients whose slices are in one of the lists."""
    names = {
        line.split()[0].removeprefix("images/")
        for name in SET_NAMES
        for line in (dataset.folder / f"{name}_list.txt").read_text("utf-8").splitlines()
    }
    assert names == {p.name for p in (dataset.folder / "images").iterdir()}
    return {f.patient_hash for f in dataset.manifest.files if f.name in names}


def test_every_ninth_patient_of_the_reference_preset_validates(
    source: Path, target: Path, workspace: Workspace
) -> None:
    write_study(source, [f"P{i:02d}" for i in range(18)], slices=1)
    result, dataset = convert(conversion_spec(workspace, source, target, preset="reference"))
    assert result["patients"] == {"train": 16, "val": 2, "test": 0, "incoming": 0}
    assert [f.name for f in dataset.files("val")] == ["00008.png", "00017.png"]
    assert not (workspace.root / "split.json").exists()
    lines = (target / "val_list.txt").read_text().splitlines()
    assert lines == ["images/00008.png masks2/00008.png", "images/00017.png masks2/00017.png"]


def test_a_frozen_split_holds_and_new_patients_join_training(
    source: Path, target: Path, workspace: Workspace
) -> None:
    write_study(source, [f"P{i}" for i in range(10)], slices=1)
    _, first = convert(conversion_spec(workspace, source, target, seed=3))
    before = first.manifest.patients
    assert sorted(before.values()).count("test") == 2
    write_study(source, [*(f"P{i}" for i in range(10)), "new1", "new2"], slices=1)
    second_spec = conversion_spec(workspace, source, target.with_name("two"), seed=99)
    _, second = convert(second_spec)
    after = second.manifest.patients
    assert {h: after[h] for h in before} == before
    assert {s for h, s in after.items() if h not in before} == {"train"}


def test_a_split_file_places_patients_and_reports_the_others(
    source: Path, target: Path, workspace: Workspace
) -> None:
    write_study(source, ["A", "B", "C", "D"], slices=1)
    split = SplitRequest(by_patient_id={"A": "test", "B": "val"}, draw="train", origin="file")
    result, dataset = convert(conversion_spec(workspace, source, target, split=split))
    assert result["patients"] == {"train": 2, "val": 1, "test": 1, "incoming": 0}
    assert "Not in the split file, so in training: C, D." in result["warnings"]
    frozen = {h: entry.set for h, entry in workspace.split().patients.items()}
    assert frozen == dataset.manifest.patients

    hashes: dict[str, SetName] = {
        h: s for h, s in dataset.manifest.patients.items() if s != "train"
    }
    by_hash = SplitRequest(frozen=hashes, draw="train", origin="file")
    again, second = convert(
        conversion_spec(workspace, source, target.with_name("two"), split=by_hash)
    )
    assert second.manifest.patients == dataset.manifest.patients
    assert "Not in the split file, so in training: C, D." in again["warnings"]


def test_a_split_file_does_not_move_frozen_patients_of_the_workspace(
    source: Path, target: Path, workspace: Workspace
) -> None:
    write_study(source, ["A", "B", "C"], slices=1)
    first = SplitRequest(by_patient_id={"A": "test", "B": "val"}, draw="train", origin="file")
    convert(conversion_spec(workspace, source, target, split=first))
    frozen = workspace.split()
    other = SplitRequest(by_patient_id={"C": "test", "B": "val"}, draw="train", origin="file")
    result, dataset = convert(
        conversion_spec(workspace, source, target.with_name("two"), split=other)
    )
    assert workspace.split() == frozen
    assert sorted(dataset.manifest.patients.values()) == ["test", "train", "val"]
    assert any("frozen other sets for: A, C." in text for text in result["warnings"])


def test_a_split_file_of_another_workspace_is_refused(
    source: Path, target: Path, workspace: Workspace
) -> None:
    write_study(source, ["A", "B"], slices=1)
    split = SplitRequest(frozen={"0" * 16: "train"}, draw="train", origin="file")
    with pytest.raises(DataError, match="made in another workspace"):
        convert(conversion_spec(workspace, source, target, split=split))


def test_with_folders_as_patients_a_split_file_names_folders(
    source: Path, target: Path, workspace: Workspace
) -> None:
    for seed, folder in enumerate(("p1", "p2")):
        path = source / folder / "a.dcm"
        write_dicom(path, lesion_slice(seed=seed), patient="ANON", study=folder)
        write_json(path.with_suffix(".json"), annotation_json("a.dcm", {0: []}, (32, 40)))
    split = SplitRequest(by_patient_id={"p2": "val"}, draw="train", origin="file")
    result, _ = convert(
        conversion_spec(workspace, source, target, split=split, patient_key="folder")
    )
    assert (result["patients"]["train"], result["patients"]["val"]) == (1, 1)
    assert "Not in the split file, so in training: p1." in result["warnings"]


def test_a_split_that_cannot_be_kept_leaves_no_dataset(
    source: Path, target: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_study(source, ["A", "B"])

    def freeze(*_: object) -> None:
        raise WorkspaceError("The split cannot be written.")

    monkeypatch.setattr(Workspace, "freeze", freeze)
    with pytest.raises(WorkspaceError):
        run_conversion(conversion_spec(workspace, source, target), QuietContext())
    assert list(target.parent.iterdir()) == []


def test_a_split_file_may_name_patients_of_the_workspace_that_are_not_in_the_data(
    source: Path, target: Path, workspace: Workspace
) -> None:
    """The file of a whole hospital, used on a part of the data."""
    write_study(source / "all", ["A", "B", "C"], slices=1)
    convert(conversion_spec(workspace, source / "all", target))
    split = SplitRequest(
        by_patient_id={"A": "train", "B": "val", "C": "train"}, draw="train", origin="file"
    )
    part = target.with_name("part")
    write_study(source / "part", ["A", "B"], slices=1)
    result, dataset = convert(conversion_spec(workspace, source / "part", part, split=split))
    assert "In the split file, but not in the data: C." in result["warnings"]
    assert len(dataset.manifest.patients) == 2


@pytest.mark.parametrize(
    ("split", "sentence"),
    [
        (SplitRequest(by_patient_id={"A": "val", "b": "train"}), "names a patient that is .*: b."),
        (
            SplitRequest(by_patient_id={"A": "val", **dict.fromkeys("wxyz", "test")}),
            "names 4 patients that are neither in the data .*: w, x, y and 1 more",
        ),
        (SplitRequest(frozen={"0" * 16: "train"}), "made in another workspace"),
    ],
)
def test_a_split_file_that_names_somebody_unknown_changes_nothing(
    source: Path, target: Path, workspace: Workspace, split: SplitRequest, sentence: str
) -> None:
    write_study(source, ["A", "B"], slices=1)
    workspace.salt()
    split = SplitRequest(split.frozen, split.by_patient_id, "train", origin="file")
    with pytest.raises(DataError, match=sentence):
        convert(conversion_spec(workspace, source, target, split=split))
    assert not target.parent.exists()
    assert [p.name for p in workspace.root.iterdir()] == ["salt"]


def test_a_hash_that_nobody_knows_in_a_split_file_is_refused_too(
    source: Path, target: Path, workspace: Workspace
) -> None:
    write_study(source, ["A", "B"], slices=1)
    known = patient_hash(workspace.salt(), "A")
    frozen: dict[str, SetName] = {known: "val", "f" * 16: "test"}
    split = SplitRequest(frozen=frozen, draw="train", origin="file")
    with pytest.raises(DataError, match=r"neither in the data .*: ffffffffffffffff"):
        convert(conversion_spec(workspace, source, target, split=split))


def test_a_patient_with_an_issuer_is_known_by_the_patient_id_alone(
    source: Path, target: Path, workspace: Workspace
) -> None:
    for seed, name in enumerate(["A", "B", "C"]):
        path = source / name / "a.dcm"
        issuer = {"IssuerOfPatientID": "HOSPITAL"}
        write_dicom(path, lesion_slice(seed=seed), patient=name, elements=issuer)
        write_json(path.with_suffix(".json"), annotation_json("a.dcm", {0: []}, (32, 40)))
    convert(conversion_spec(workspace, source, target))
    shutil.rmtree(source / "C")
    split = SplitRequest(by_patient_id={"A": "val", "C": "train"}, draw="train", origin="file")
    result, _ = convert(conversion_spec(workspace, source, target.with_name("two"), split=split))
    assert "In the split file, but not in the data: C." in result["warnings"]


# -- a new split is stratified


def write_cohort(folder: Path, sizes: dict[str, int], spacing_mm: tuple[float, float]) -> None:
    """One slice a patient, with a square lesion of so many pixels a side; 0 has none."""
    for seed, (name, side) in enumerate(sizes.items()):
        path = folder / name / "a.dcm"
        write_dicom(path, lesion_slice(seed=seed), patient=name, spacing_mm=spacing_mm)
        box = [[2.5, 2.5], [1.5 + side, 2.5], [1.5 + side, 1.5 + side], [2.5, 1.5 + side]]
        shapes = [shape_json(box)] if side else []
        write_json(path.with_suffix(".json"), annotation_json("a.dcm", {0: shapes}, (32, 40)))


@pytest.mark.parametrize("seed", range(4))
def test_test_patients_have_small_large_and_no_lesions(
    source: Path, target: Path, workspace: Workspace, seed: int
) -> None:
    sizes = {f"P{i:02d}": (0 if i < 5 else i) for i in range(15)}
    shuffled = list(sizes.items())
    random.Random(seed).shuffle(shuffled)
    write_cohort(source, dict(shuffled), (1.0, 1.0))
    result, dataset = convert(conversion_spec(workspace, source, target, seed=seed))
    assert result["patients"] == {"train": 10, "val": 2, "test": 3, "incoming": 0}
    pixels = sorted(sum(f.lesion_pixels.values()) for f in dataset.files("test"))
    assert pixels[0] == 0
    assert 5**2 <= pixels[1] <= 9**2
    assert pixels[2] >= 10**2


def test_the_volume_counts_and_not_the_pixels(
    source: Path, target: Path, workspace: Workspace
) -> None:
    write_cohort(source / "fine", {f"F{i}": 20 + i for i in range(5)}, (0.1, 0.1))
    coarse = source / "coarse"
    for seed in range(5):
        path = coarse / f"C{seed}" / "a.dcm"
        write_dicom(path, lesion_slice(seed=50 + seed), patient=f"C{seed}", spacing_mm=(1.0, 1.0))
        shapes = [shape_json(LESION_OUTLINE)]
        write_json(path.with_suffix(".json"), annotation_json("a.dcm", {0: shapes}, (32, 40)))
    for seed in range(3):
        spec = conversion_spec(Workspace(workspace.root / str(seed)), source, target, seed=seed,
                               overwrite=True)  # fmt: skip
        _, dataset = convert(spec)
        pixels = sorted(sum(f.lesion_pixels.values()) for f in dataset.files("test"))
        assert (pixels[0], pixels[1] > 80) == (80, True)  # a large and a small volume


# -- patients who come later


def test_new_patients_of_a_frozen_split_may_wait_until_they_are_assigned(
    source: Path, target: Path, workspace: Workspace
) -> None:
    write_study(source, [f"P{i}" for i in range(6)], slices=1)
    _, first = convert(conversion_spec(workspace, source, target, new_patients="incoming"))
    assert workspace.split().members("incoming") == ()  # nobody is new to a split that is drawn
    write_study(source, [*(f"P{i}" for i in range(6)), "new1", "new2"], slices=1)
    spec = conversion_spec(workspace, source, target.with_name("two"), new_patients="incoming")
    result, second = convert(spec)
    new1, new2 = (patient_hash(workspace.salt(), n) for n in ("new1", "new2"))
    assert workspace.split().members("incoming") == tuple(sorted((new1, new2)))
    assert result["patients"]["incoming"] == 2
    assert any(
        text.startswith("2 patients wait as incoming, not in this dataset")
        for text in result["warnings"]
    )
    assert listed(second) == set(second.manifest.patients) == set(first.manifest.patients)

    # Without being asked for they go on waiting.
    third_result, third = convert(conversion_spec(workspace, source, target.with_name("three")))
    assert third_result["patients"]["incoming"] == 2
    assert listed(third) == set(first.manifest.patients)
    recipe = conversion_spec(workspace, source, target.with_name("four"), preset="reference")
    assert listed(convert(recipe)[1]) == set(first.manifest.patients)

    workspace.move_patient(new1, "test", "Li", "a later scanner")
    result, fifth = convert(conversion_spec(workspace, source, target.with_name("five")))
    assert result["patients"]["incoming"] == 1
    assert listed(fifth) == {*first.manifest.patients, new1}
    assert fifth.manifest.patients[new1] == "test"
    assert {h: fifth.manifest.patients[h] for h in first.manifest.patients} == (
        first.manifest.patients
    )


def test_patients_that_a_split_file_does_not_list_may_wait_too(
    source: Path, target: Path, workspace: Workspace
) -> None:
    write_study(source, ["A", "B", "C"], slices=1)
    split = SplitRequest(by_patient_id={"A": "train", "B": "val"}, draw="train", origin="file")
    result, dataset = convert(
        conversion_spec(workspace, source, target, split=split, new_patients="incoming")
    )
    assert result["patients"] == {"train": 1, "val": 1, "test": 0, "incoming": 1}
    assert len(listed(dataset)) == 2
    assert not any("so in training" in text for text in result["warnings"])


def test_who_waits_in_the_workspace_goes_on_waiting_where_a_file_does_not_say_otherwise(
    source: Path, target: Path, workspace: Workspace
) -> None:
    write_study(source, ["A", "B", "C", "D"], slices=1)
    waiting = {patient_hash(workspace.salt(), name): "incoming" for name in "CD"}
    workspace.freeze(waiting)  # type: ignore[arg-type]
    split = SplitRequest(by_patient_id={"B": "val", "D": "train"}, draw="train", origin="file")
    result, dataset = convert(conversion_spec(workspace, source, target, split=split))
    assert result["patients"] == {"train": 2, "val": 1, "test": 0, "incoming": 1}
    assert "Not in the split file, so in training: A." in result["warnings"]
    assert patient_hash(workspace.salt(), "C") not in listed(dataset)
    assert workspace.split().members("incoming") == tuple(sorted(waiting))


def test_where_everybody_waits_nothing_is_converted(
    source: Path, target: Path, workspace: Workspace
) -> None:
    write_study(source / "old", ["A", "B"], slices=1)
    convert(conversion_spec(workspace, source / "old", target))
    before = (workspace.root / "split.json").read_bytes()
    pixels = lesion_slice(seed=77)
    path = write_dicom(source / "new" / "N" / "a.dcm", pixels, patient="N")
    write_json(path.with_suffix(".json"), annotation_json("a.dcm", {0: []}, (32, 40)))
    spec = conversion_spec(
        workspace, source / "new", target.with_name("two"), new_patients="incoming"
    )
    with pytest.raises(DataError, match="waits as incoming, so there is nothing to convert"):
        convert(spec)
    assert not target.with_name("two").exists()
    assert (workspace.root / "split.json").read_bytes() == before


def test_a_split_that_changed_during_the_conversion_leaves_no_dataset(
    source: Path, target: Path, workspace: Workspace
) -> None:
    write_study(source, ["A", "B", "C"], slices=1)
    first = conversion_spec(workspace, source, target)
    workspace.freeze({patient_hash(workspace.salt(), "A"): "test"})  # by another window
    with pytest.raises(WorkspaceError, match="changed during the conversion"):
        convert(first)
    assert list(target.parent.iterdir()) == []


# -- what is on record


def test_the_audit_trail_tells_who_has_made_and_extended_the_split(
    source: Path, target: Path, workspace: Workspace
) -> None:
    write_study(source, [f"P{i}" for i in range(6)], slices=1)
    convert(conversion_spec(workspace, source, target, seed=7))
    convert(conversion_spec(workspace, source, target.with_name("again")))
    write_study(source, [*(f"P{i}" for i in range(6)), "new"], slices=1)
    convert(conversion_spec(workspace, source, target.with_name("two")))
    report = workspace.audit.verify()
    assert report.problem == ""
    created, added = report.entries
    assert (created.action, added.action) == ("split_created", "patients_added")
    assert {k: created.details[k] for k in ("train", "val", "test", "incoming", "seed")} == {
        "train": 4, "val": 1, "test": 1, "incoming": 0, "seed": 7,
    }  # fmt: skip
    assert added.details["train"] == 1
    assert created.details["split_hash"] != added.details["split_hash"]
    assert created.actor == added.actor != ""
    assert b"P0" not in (workspace.root / "audit.jsonl").read_bytes()


def test_a_damaged_audit_trail_stops_a_new_split_and_leaves_nothing(
    source: Path, target: Path, workspace: Workspace
) -> None:
    write_study(source, ["A", "B"], slices=1)
    workspace.salt()
    (workspace.root / "audit.jsonl").write_text("{}\n")
    with pytest.raises(WorkspaceError, match="Line 1 of"):
        convert(conversion_spec(workspace, source, target))
    assert not (workspace.root / "split.json").exists()
    assert list(target.parent.iterdir()) == []


# -- D5 of the quality list


def test_a_hundred_random_projects_share_no_patient_between_the_sets(tmp_path: Path) -> None:
    """Projects grow, and every conversion of each keeps every patient on one side."""
    rng = random.Random(5)
    pictures = tmp_path / "pictures"
    names = [f"P{i:02d}" for i in range(24)]
    for seed, name in enumerate(names):
        for k in range(2):
            path = pictures / name / f"{k}.dcm"
            pixels = np.random.default_rng([seed, k]).integers(0, 999, (16, 16)).astype(np.uint16)
            write_dicom(path, pixels, patient=name, series=str(k))
            shapes = [shape_json([[2, 2], [2 + seed / 3, 2], [2, 9]])] if seed % 4 else []
            write_json(path.with_suffix(".json"), annotation_json(path.name, {0: shapes}, (16, 16)))
    for project in range(100):
        workspace = Workspace(tmp_path / f"ws{project}")
        chosen = rng.sample(names, rng.randint(2, 8))
        placed: dict[str, SetName] = {}
        for step in range(rng.randint(1, 2)):
            dataset = tmp_path / "datasets" / f"{project}-{step}"
            spec = conversion_spec(
                workspace,
                [pictures / name for name in chosen],
                dataset,
                seed=project,
                new_patients=rng.choice(["train", "incoming"]),
            )
            _, made = convert(spec)
            sides = {name: {f.patient_hash for f in made.files(name)} for name in SET_NAMES}
            assert sum(map(len, sides.values())) == len(set().union(*sides.values()))
            now = {h: name for name, hashes in sides.items() for h in hashes}
            assert now.items() >= placed.items()
            assert now.items() <= workspace.split().sets.items()
            assert json.loads((workspace.root / "split.json").read_bytes())["schema"] == 1
            placed = now
            chosen = sorted({*chosen, *rng.sample(names, rng.randint(1, 4))})

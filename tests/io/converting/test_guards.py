"""A conversion is blocked, and leaves nothing, where something would stand in two sets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from medseg_desktop.core.errors import DataError
from medseg_desktop.core.phantom import phantom_volume
from medseg_desktop.core.split import SetName, SplitRequest
from medseg_desktop.io.conversion import run_conversion
from medseg_desktop.io.conversion_request import conversion_spec
from medseg_desktop.io.workspace import Workspace
from tests.builders import (
    QuietContext,
    annotation_json,
    lesion_slice,
    shape_json,
    uid,
    write_dicom,
    write_json,
)

SIDES: dict[str, SetName] = {"A": "train", "B": "val", "C": "test", "D": "train"}
LEAST = [[2, 2], [9, 2], [9, 9]]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "ws")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Two slices of each of four patients."""
    for k, name in enumerate(SIDES):
        for i in range(2):
            add(tmp_path / "src" / name / f"{i}.dcm", lesion_slice(seed=10 * k + i), name)
    return tmp_path / "src"


def add(path: Path, pixels: npt.NDArray[Any], patient: str, **how: Any) -> Path:
    """One reviewed slice with a lesion."""
    write_dicom(path, pixels, patient=patient, **how)
    document = annotation_json(path.name, {0: [shape_json(LEAST)]}, pixels.shape)
    write_json(path.with_suffix(".json"), document)
    return path


def split(sides: dict[str, SetName] = SIDES) -> SplitRequest:
    return SplitRequest(by_patient_id=sides, draw="train", origin="file")


def blocked(workspace: Workspace, source: Path, **options: Any) -> str:
    """The sentence of a blocked conversion, which has left nothing behind."""
    target = source.parent / "out" / "ds"
    workspace.salt()
    with pytest.raises(DataError) as caught:
        run_conversion(
            conversion_spec(workspace, source, target, **{"split": split(), **options}),
            QuietContext(),
        )
    assert list(target.parent.iterdir()) == []
    assert [p.name for p in workspace.root.iterdir()] == ["salt"]
    assert caught.value.hint
    return caught.value.message


def warnings(workspace: Workspace, source: Path, **options: Any) -> list[str]:
    target = source.parent / "out" / "ds"
    spec = conversion_spec(workspace, source, target, **{"split": split(), **options})
    result: list[str] = run_conversion(spec, QuietContext())["warnings"]
    return result


def test_a_sound_study_is_not_blocked_or_warned_about(source: Path, workspace: Workspace) -> None:
    assert warnings(workspace, source) == []


def test_the_same_person_under_two_ids_is_known_by_copied_pixels(
    source: Path, workspace: Workspace
) -> None:
    add(source / "C" / "copy.dcm", lesion_slice(seed=1), "C")
    assert blocked(workspace, source) == (
        "The same picture stands in two sets: A/1.dcm of patient A (train) and "
        "C/copy.dcm of patient C (test)."
    )


def test_equal_pixels_on_one_side_block_nothing(source: Path, workspace: Workspace) -> None:
    add(source / "D" / "copy.dcm", lesion_slice(seed=1), "D")
    assert warnings(workspace, source) == []


def test_equal_slices_with_little_on_them_block_nothing(source: Path, workspace: Workspace) -> None:
    almost_empty = np.zeros((32, 40), np.uint16)
    almost_empty[:2, :8] = 500  # 7 % after the filter
    for name in ("A", "C"):
        add(source / name / "end.dcm", almost_empty, name)
    assert warnings(workspace, source) == []


def test_the_same_dicom_slice_on_two_sides_blocks(source: Path, workspace: Workspace) -> None:
    original = source / "B" / "0.dcm"
    add(source / "C" / "other.dcm", lesion_slice(seed=99), "C", sop_uid=uid(original))
    assert blocked(workspace, source) == (
        "The same DICOM slice stands in two sets: B/0.dcm of patient B (val) and "
        "C/other.dcm of patient C (test)."
    )


def test_a_frame_is_named_with_its_number(source: Path, workspace: Workspace) -> None:
    film = np.stack([lesion_slice(seed=k) for k in (70, 71, 1)])
    path = source / "C" / "film.dcm"
    write_dicom(path, film, patient="C", series="film")
    document = annotation_json(path.name, {k: [] for k in range(3)}, (32, 40), 3)
    write_json(path.with_suffix(".json"), document)
    assert "C/film.dcm, frame 3, of patient C (test)" in blocked(workspace, source)


@pytest.mark.parametrize("what", ["StudyInstanceUID", "SeriesInstanceUID"])
def test_one_study_or_series_under_two_patients_on_two_sides_blocks(
    source: Path, workspace: Workspace, what: str
) -> None:
    elements = {what: uid("study" if what.startswith("Study") else "series", "A",
                          *([] if what.startswith("Study") else [""]))}  # fmt: skip
    add(source / "C" / "other.dcm", lesion_slice(seed=99), "C", elements=elements)
    message = blocked(workspace, source)
    kind = "study" if what.startswith("Study") else "series"
    assert message.startswith(f"The same {kind} stands in two sets: A of patient A (train) and ")
    assert "of patient C (test)" in message


def test_with_folders_as_patients_one_patient_id_on_two_sides_blocks(
    source: Path, workspace: Workspace
) -> None:
    sides: dict[str, SetName] = {**SIDES, "visit 2": "test"}
    add(source / "visit 2" / "0.dcm", lesion_slice(seed=99), "A", study="later")
    message = blocked(workspace, source, split=split(sides), patient_key="folder")
    assert message == (
        "The same PatientID stands in two sets: A of patient A (train) and "
        "visit 2/0.dcm of patient visit 2 (test)."
    )


def test_a_tree_whose_patient_ids_were_all_made_equal_is_converted_by_folders(
    tmp_path: Path, workspace: Workspace
) -> None:
    for k, name in enumerate(SIDES):
        add(tmp_path / "src" / name / "0.dcm", lesion_slice(seed=k), "ANON", study="ANON")
    found = warnings(workspace, tmp_path / "src", patient_key="folder")
    assert not any("two sets" in text for text in found)


def test_who_waits_stands_on_no_side(source: Path, workspace: Workspace) -> None:
    add(source / "new" / "copy.dcm", lesion_slice(seed=1), "new")
    found = warnings(workspace, source, new_patients="incoming")
    assert len(found) == 1
    assert "1 patient waits as incoming" in found[0]


def test_series_that_look_nearly_the_same_are_a_warning_with_both(
    tmp_path: Path, workspace: Workspace
) -> None:
    source = tmp_path / "src"
    for number, name in enumerate(("A", "B", "C", "D")):
        volume = phantom_volume(3, 0 if name == "C" else number, slices=8, rows=128, columns=128)
        for k, stored in enumerate(volume.stored):
            # C is A, scanned once more as it were: darker and with other noise.
            noise = np.random.default_rng(k).normal(0, 30, stored.shape) if name == "C" else 0
            pixels = np.clip(stored * (0.6 if name == "C" else 1) + noise, 0, 4095)
            add(source / name / f"{k}.dcm", pixels.astype(np.uint16), name)
    (text,) = warnings(workspace, source)
    assert text.startswith(
        "Series of two sets look nearly the same: A of patient A (train) and C of patient C (test) "
        "on "
    )
    assert "Look whether they show one patient" in text

from __future__ import annotations

import json
import os
import random
import shutil
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pydicom
import pytest

from medseg_desktop.core.errors import Cancelled, DataError, UsageError
from medseg_desktop.io.dicom.stacks import patient_hash
from medseg_desktop.io.dicom_series import (
    FileRow,
    FileStatus,
    ScanResult,
    require_series,
    scan,
)
from medseg_desktop.io.sources.source import open_source
from tests.builders import (
    LESION_OUTLINE,
    Syntax,
    annotation_json,
    lesion_slice,
    shape_json,
    uid,
    write_dicom,
    write_json,
    write_study,
)

SALT = b"salt"
SLICE = lesion_slice()


def look(path: Path, **options: Any) -> ScanResult:
    return scan(open_source(path), salt=SALT, **options)


def row(found: ScanResult, path: str) -> FileRow:
    return next(f for f in found.files if f.path == path)


def write_stack(
    folder: Path, locations: Sequence[float], *, patient: str = "P1", series: str = ""
) -> None:
    """Axial slices at these positions along the normal, in shuffled file order."""
    order = list(range(len(locations)))
    random.Random(0).shuffle(order)
    for name, i in zip("abcdefghijklmnopqrstuvwxyz", order, strict=False):
        write_dicom(
            folder / f"{name}.dcm",
            SLICE,
            patient=patient,
            series=series,
            position_mm=(0.0, 0.0, locations[i]),
            number=len(locations) - i,
            sop_uid=uid(folder, i),
        )


def test_the_lesion_study_is_found_whole(test_data: Path) -> None:
    found = look(test_data / "data" / "lesions" / "series")
    slices = [(s, x) for s in found.series for x in s.slices]
    assert len(found.series) == 26
    assert len(slices) == 750
    assert sum(found.is_annotated(x) for _, x in slices) == 270
    assert found.refused == ()
    assert not any(s.warnings for s in found.series)
    assert len({s.patient.hash for s in found.series}) == 26


def test_series_with_random_file_names_are_sorted_by_position(test_data: Path) -> None:
    found = look(test_data / "data" / "pgbm")
    assert found.series
    for series in found.series:
        locations = [s.location_mm for s in series.slices]
        assert None not in locations
        assert locations == sorted(locations)  # type: ignore[type-var]
        assert len(locations) > 2


def test_slices_are_ordered_by_position_not_by_name_or_number(tmp_path: Path) -> None:
    write_stack(tmp_path, [0, 5, 10, 15, 20])
    (series,) = look(tmp_path).series
    assert [s.location_mm for s in series.slices] == [0, 5, 10, 15, 20]
    assert series.warnings == ()
    assert series.voxel_ml == pytest.approx(0.005)


def test_without_positions_the_instance_number_decides(tmp_path: Path) -> None:
    for name, number in (("a", 3), ("b", 1), ("c", 2)):
        write_dicom(tmp_path / name, SLICE, number=number, position_mm=None, orientation=None)
    (series,) = look(tmp_path).series
    assert [s.instance_number for s in series.slices] == [1, 2, 3]


def test_a_gap_is_said_and_marks_its_files(tmp_path: Path) -> None:
    write_stack(tmp_path, [0, 5, 15, 20])
    found = look(tmp_path)
    assert "missing" in found.series[0].warnings[0]
    assert {f.status for f in found.files} == {FileStatus.WARNED}


def test_a_tilted_gantry_is_said(tmp_path: Path) -> None:
    for i in range(3):
        write_dicom(tmp_path / f"{i}.dcm", SLICE, position_mm=(0.0, 2.0 * i, 5.0 * i))
    assert "tilted" in look(tmp_path).series[0].warnings[0]


def test_two_orientations_of_one_series_are_two_stacks(tmp_path: Path) -> None:
    write_stack(tmp_path / "a", [0, 5])
    write_dicom(tmp_path / "b" / "x.dcm", SLICE, orientation=(0, 1, 0, 0, 0, -1))
    found = look(tmp_path)
    assert [(len(s.slices), s.stack) for s in found.series] == [(2, 0), (1, 1)]
    assert all("2 orientations" in s.warnings[-1] for s in found.series)


def test_other_sizes_and_echoes_are_stacks_of_their_own(tmp_path: Path) -> None:
    write_dicom(tmp_path / "a", SLICE)
    write_dicom(tmp_path / "b", lesion_slice((48, 48)))
    write_dicom(tmp_path / "c", SLICE, elements={"EchoTime": 90})
    assert len(look(tmp_path).series) == 3


def test_a_multi_frame_file_with_one_position_raises_no_spacing_warning(tmp_path: Path) -> None:
    write_dicom(tmp_path / "m.dcm", np.stack([SLICE] * 4))
    (series,) = look(tmp_path).series
    assert [s.frame for s in series.slices] == [0, 1, 2, 3]
    assert series.warnings == ()
    assert series.path == "m.dcm"


def test_one_series_uid_of_two_patients_gives_two_series_with_different_names(
    tmp_path: Path,
) -> None:
    for patient in ("A", "B"):
        write_dicom(tmp_path / patient / "x.dcm", SLICE, patient=patient, study="same")
    found = look(tmp_path)
    assert len({s.patient.hash for s in found.series}) == 2
    assert len({s.key for s in found.series}) == 2


def test_mixed_patients_in_one_folder_are_told_apart(tmp_path: Path) -> None:
    for patient in ("A", "B", "C"):
        write_dicom(tmp_path / f"{patient}.dcm", SLICE, patient=patient)
    assert len({s.patient.hash for s in look(tmp_path).series}) == 3


def test_issuer_and_patient_id_are_the_key_and_the_hash_is_keyed_with_the_salt(
    tmp_path: Path,
) -> None:
    write_dicom(tmp_path / "x.dcm", SLICE, patient="A", elements={"IssuerOfPatientID": "KH"})
    patient = look(tmp_path).series[0].patient
    assert patient.hash == patient_hash(SALT, "A\nKH")
    assert len(patient.hash) == 16


def test_without_a_patient_id_the_study_is_the_patient(tmp_path: Path) -> None:
    write_dicom(tmp_path / "x.dcm", SLICE, patient="", study="S1")
    assert look(tmp_path).series[0].patient.key == uid("study", "S1")


def test_without_any_identity_a_folder_is_a_patient(tmp_path: Path) -> None:
    bare = {"StudyInstanceUID": None, "SeriesInstanceUID": None, "PatientID": None}
    for folder in ("p1", "p2"):
        for name in ("IM1", "IM2"):
            write_dicom(tmp_path / folder / name, SLICE, elements=bare)
    found = look(tmp_path)
    assert len(found.series) == 2
    assert len({s.patient.hash for s in found.series}) == 2


def test_one_patient_id_over_several_folders_is_said_and_folders_can_be_the_key(
    tmp_path: Path,
) -> None:
    for folder in ("a", "b", "c"):
        write_dicom(tmp_path / folder / "x.dcm", SLICE, patient="ANON", study=folder)
    found = look(tmp_path)
    assert "--patient-key folder" in found.notes[0]
    assert len({s.patient.hash for s in found.series}) == 1
    by_folder = look(tmp_path, patient_key="folder")
    assert by_folder.notes == ()
    assert len({s.patient.hash for s in by_folder.series}) == 3


def test_with_folders_as_key_equal_series_uids_stay_apart(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        write_dicom(tmp_path / folder / "x.dcm", SLICE, patient="ANON", study="same")
    found = look(tmp_path, patient_key="folder")
    assert sorted(s.path for s in found.series) == ["a/x.dcm", "b/x.dcm"]


def test_a_copied_file_is_warned_about(tmp_path: Path) -> None:
    write_dicom(tmp_path / "a.dcm", SLICE, sop_uid=uid("x"))
    shutil.copy(tmp_path / "a.dcm", tmp_path / "copy.dcm")
    found = look(tmp_path)
    assert row(found, "copy.dcm").status is FileStatus.WARNED
    assert "a.dcm" in row(found, "copy.dcm").reason


@pytest.mark.parametrize("syntax", ["explicit", "implicit", "big", "deflated", "rle"])
def test_files_are_found_by_content_without_a_suffix(tmp_path: Path, syntax: Syntax) -> None:
    write_dicom(tmp_path / "影像 数据" / "IM 0001", SLICE, syntax=syntax)
    (file,) = look(tmp_path).files
    assert (file.path, file.status) == ("影像 数据/IM 0001", FileStatus.SHOWN)


def test_missing_optional_elements_are_no_problem(tmp_path: Path) -> None:
    write_dicom(
        tmp_path / "x",
        SLICE,
        spacing_mm=None,
        thickness_mm=None,
        position_mm=None,
        orientation=None,
        elements={"Modality": None, "PatientName": None, "InstanceNumber": None},
    )
    (series,) = look(tmp_path).series
    assert series.spacing_mm is None
    assert series.voxel_ml is None


def test_other_files_are_ignored_and_named(tmp_path: Path) -> None:
    write_dicom(tmp_path / "x.dcm", SLICE)
    (tmp_path / "README.txt").write_text("hello\n" * 100)
    (tmp_path / "picture.jpg").write_bytes(b"\xff\xd8\xff\xe0" + b"\0" * 400)
    (tmp_path / "odd.bin").write_bytes(b"\x08\x00\x00\x77" + b"\xff" * 400)
    (tmp_path / "._x.dcm").write_bytes(b"\0\x05\x16\x07" + b"\0" * 400)
    (tmp_path / "._x.json").write_bytes(b"\0\x05\x16\x07" + b"\0" * 400)
    write_json(tmp_path / "sidecar.json", {"Modality": "MR"})
    found = look(tmp_path)
    ignored = {f.path for f in found.files if f.status is FileStatus.IGNORED}
    assert ignored == {
        "README.txt", "picture.jpg", "odd.bin", "._x.dcm", "._x.json", "sidecar.json",
    }  # fmt: skip
    assert found.refused == ()


def _truncate(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])


def write_broken_files(folder: Path) -> list[str]:
    """Broken DICOM files of many kinds; returns their names."""
    (folder / "empty.dcm").write_bytes(b"")
    (folder / "one.dcm").write_bytes(b"x")
    (folder / "text.dcm").write_text("no DICOM " * 50)
    _truncate(write_dicom(folder / "cut.dcm", SLICE), 1500)
    _truncate(write_dicom(folder / "header.dcm", SLICE), 300)
    write_dicom(folder / "no-pixels.dcm", SLICE, elements={"PixelData": None})
    write_dicom(folder / "no-rows.dcm", SLICE, elements={"Rows": None})
    for name, element, value in (
        ("rows", "Rows", 65535),
        ("rows2", "Rows", [4, 4]),
        ("frames", "NumberOfFrames", "2147483647"),
        ("samples", "SamplesPerPixel", 4),
    ):
        write_dicom(folder / f"{name}.dcm", SLICE, elements={element: value})
    path = write_dicom(folder / "frames-text.dcm", SLICE, elements={"NumberOfFrames": "77"})
    path.write_bytes(path.read_bytes().replace(b"IS\x02\x0077", b"IS\x02\x001A"))
    path = write_dicom(folder / "syntax.dcm", SLICE)
    path.write_bytes(path.read_bytes().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.9.9\0"))
    return [p.name for p in folder.glob("*.dcm")]


def test_broken_files_are_listed_with_their_reason_and_do_not_stop_the_rest(
    tmp_path: Path,
) -> None:
    broken = write_broken_files(tmp_path)
    write_dicom(tmp_path / "z-good.dcm", SLICE)
    found = look(tmp_path)
    assert [len(s.slices) for s in found.series] == [1]
    refused = {f.path: f.reason for f in found.refused}
    assert set(refused) == set(broken)
    assert all(refused.values())
    assert "truncated" in refused["cut.dcm"]


def test_a_deflate_bomb_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "bomb.dcm", SLICE, syntax="deflated")
    data = path.read_bytes()
    start = 144 + int.from_bytes(data[140:144], "little")
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    zeros = b"".join(squeeze.compress(bytes(1 << 20)) for _ in range(80)) + squeeze.flush()
    path.write_bytes(data[:start] + zeros)
    assert path.stat().st_size < 200_000
    (file,) = look(tmp_path).files
    assert "larger inside" in file.reason


def test_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    write_dicom(tmp_path / "data" / "x.dcm", SLICE)
    (tmp_path / "data" / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "data" / "nowhere").symlink_to(tmp_path / "none")
    assert [f.path for f in look(tmp_path).files] == ["data/x.dcm"]


def test_a_single_file_is_a_source_with_its_annotation(tmp_path: Path) -> None:
    write_study(tmp_path, ["A"])
    found = look(tmp_path / "A" / "IM0001.dcm")
    assert [f.path for f in found.files] == ["IM0001.dcm", "IM0001.json"]
    assert [len(s.slices) for s in found.series] == [1]
    assert found.is_annotated(found.series[0].slices[0])


def test_a_file_name_that_is_no_text_is_listed_with_question_marks(tmp_path: Path) -> None:
    write_dicom(tmp_path / "x.dcm", SLICE)
    try:
        os.rename(tmp_path / "x.dcm", os.fsencode(tmp_path) + b"/\xd0\xd0.dcm")
    except OSError:
        pytest.skip("this file system only takes names that are text")
    (file,) = look(tmp_path).files
    assert file.path == "??.dcm"
    assert file.status is FileStatus.SHOWN


def test_a_cancelled_scan_stops_at_once(tmp_path: Path) -> None:
    write_study(tmp_path, ["A"])
    progress = Mock(side_effect=Cancelled)
    with pytest.raises(Cancelled):
        look(tmp_path, progress=progress)
    progress.assert_called_once_with(0, 4)


def test_progress_ends_at_the_number_of_files(tmp_path: Path) -> None:
    write_study(tmp_path, ["A"])
    calls: list[tuple[int, int]] = []
    look(tmp_path, progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (4, 4)
    assert [done for done, _ in calls] == [0, 1, 2, 3, 4]


def test_a_folder_that_cannot_be_listed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_dicom(tmp_path / "x.dcm", SLICE)
    (tmp_path / "locked").mkdir()
    real = os.scandir

    def scandir(path: str) -> Any:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found = look(tmp_path)
    assert "permission is denied" in row(found, "locked").reason
    assert len(found.series) == 1


def test_a_path_that_does_not_exist_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        look(tmp_path / "none")


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, "is empty"),
        ({"README": b"hello"}, "holds no DICOM series"),
        ({"x.dcm": b"hello"}, r"x\.dcm: it is not DICOM"),
    ],
)
def test_a_folder_without_series_is_explained_in_one_sentence(
    tmp_path: Path, files: dict[str, bytes], sentence: str
) -> None:
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError, match=sentence):
        require_series(look(tmp_path))


# -- annotations and the slices they belong to


def test_annotations_are_paired_over_case_and_separators(tmp_path: Path) -> None:
    write_dicom(tmp_path / "d" / "IM1.DCM", SLICE)
    shape = shape_json(LESION_OUTLINE)
    write_json(tmp_path / "j" / "a.json", annotation_json("..\\d\\im1.dcm", {0: [shape]}, (32, 40)))
    found = look(tmp_path)
    assert found.is_annotated(found.series[0].slices[0])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"image_path": "gone.dcm"}, "gone.dcm"),
        ({"image_path": "../../x.dcm"}, "outside the opened folder"),
        ({"image_path": "y" * 300}, "not there"),
        ({"frames": [{"frame": 1, "shapes": []}]}, "lists frame 1"),
        ({"frames": [{"frame": 0, "width": 99, "shapes": []}]}, "99 x 32 pixels"),
        ({"frames": [{"frame": 0, "height": 99, "shapes": []}]}, "40 x 99 pixels"),
        ({"frames": [{"frame": 0, "shapes": {"label": "H"}}]}, "not a list"),
    ],
)
def test_an_annotation_that_does_not_fit_is_refused(
    tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    write_dicom(tmp_path / "x.dcm", SLICE)
    document = {**annotation_json("x.dcm", {0: []}, (32, 40)), **change}
    write_json(tmp_path / "x.json", document)
    found = look(tmp_path)
    (refused,) = found.refused_annotations
    assert reason in refused.reason
    assert not refused.reason.endswith(".")
    assert found.annotations == {}


def test_an_annotation_with_shapes_that_cannot_be_used_is_used_for_the_others(
    tmp_path: Path,
) -> None:
    write_dicom(tmp_path / "m.dcm", np.stack([SLICE] * 2))
    good = shape_json(LESION_OUTLINE)
    frames = {0: [{"label": "H"}, good, 3], 1: [good]}
    write_json(tmp_path / "m.json", annotation_json("m.dcm", frames, (32, 40), 2))
    found = look(tmp_path)
    file = row(found, "m.json")
    assert file.status is FileStatus.ANNOTATION
    assert file.reason == (
        "m.json: shape 1 of frame 0 has no points (1 more of its shapes cannot be used)"
    )
    assert (found.refused, found.incomplete_annotations) == ((), (file,))
    assert found.broken_annotations == (file,)
    slices = found.series[0].slices
    assert [found.is_annotated(s) for s in slices] == [True, True]
    assert [found.is_reviewed(s) for s in slices] == [True, True]
    assert [found.is_usable(s) for s in slices] == [False, True]


def test_shapes_of_a_prediction_that_cannot_be_used_stop_no_job(tmp_path: Path) -> None:
    write_dicom(tmp_path / "x.dcm", SLICE)
    predicted = annotation_json("x.dcm", {0: [{"label": "H"}]}, (32, 40))
    predicted["medseg"] = {"prediction": "tiny-v1"}
    write_json(tmp_path / "x.json", predicted)
    found = look(tmp_path)
    assert "shape 1 of frame 0" in row(found, "x.json").reason
    assert found.broken_annotations == ()


def test_a_second_annotation_of_a_file_is_refused(tmp_path: Path) -> None:
    write_dicom(tmp_path / "x.dcm", SLICE)
    for name in ("a.json", "b.json"):
        write_json(tmp_path / name, annotation_json("x.dcm", {0: []}, (32, 40)))
    found = look(tmp_path)
    assert row(found, "a.json").status is FileStatus.ANNOTATION
    assert "same file as a.json" in row(found, "b.json").reason


def test_predictions_never_stand_in_the_way_of_an_annotation(tmp_path: Path) -> None:
    write_dicom(tmp_path / "x.dcm", SLICE)
    predicted = annotation_json("x.dcm", {}, (32, 40))
    predicted["medseg"] = {"prediction": "tiny-v1"}
    write_json(tmp_path / "a.json", predicted)
    write_json(tmp_path / "z.json", annotation_json("x.dcm", {0: []}, (32, 40)))
    write_json(tmp_path / "out" / "x.json", predicted)  # its slice is not beside it
    found = look(tmp_path)
    assert found.refused == ()
    assert row(found, "z.json").status is FileStatus.ANNOTATION
    assert row(found, "a.json").status is FileStatus.IGNORED
    assert found.is_reviewed(found.series[0].slices[0])


def test_reviewed_frames_are_counted_with_and_without_shapes(tmp_path: Path) -> None:
    write_dicom(tmp_path / "m.dcm", np.stack([SLICE] * 4))
    shape = shape_json(LESION_OUTLINE, frame=2)
    write_json(tmp_path / "m.json", annotation_json("m.dcm", {1: [], 2: [shape]}, (32, 40), 4))
    found = look(tmp_path)
    slices = found.series[0].slices
    assert [found.is_reviewed(s) for s in slices] == [False, True, True, False]
    assert [found.is_annotated(s) for s in slices] == [False, False, True, False]


def test_scanning_changes_nothing_on_disk(tmp_path: Path) -> None:
    write_study(tmp_path, ["A"])
    before = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in tmp_path.rglob("*.*")}
    look(tmp_path)
    assert {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in tmp_path.rglob("*.*")} == before
    assert json.loads((tmp_path / "A" / "IM0000.json").read_text())["frames"]
    assert pydicom.dcmread(tmp_path / "A" / "IM0000.dcm").PatientID == "A"


@pytest.mark.parametrize(
    ("path", "reason", "text"),
    [
        ("a/IM1.json", "IM1.json refers to x.dcm", "a/IM1.json refers to x.dcm"),
        ("IM1.json", "IM1.json refers to x.dcm", "IM1.json refers to x.dcm"),
        ("a/IM1.dcm", "the file is truncated", "a/IM1.dcm: the file is truncated"),
    ],
)
def test_a_files_name_is_said_once(path: str, reason: str, text: str) -> None:
    assert FileRow(path, FileStatus.REFUSED, reason).sentence == text


def test_the_first_compressed_file_is_told_once_and_early(tmp_path: Path) -> None:
    for i in range(4):
        syntax: Syntax = "explicit" if i < 1 else "rle"
        write_dicom(tmp_path / f"{i}.dcm", lesion_slice(), syntax=syntax, number=i)
    told: list[str] = []
    scan(
        open_source(tmp_path),
        salt=b"salt",
        progress=lambda done, _: told.append(str(done)),
        on_compressed=lambda: told.append("compressed"),
    )
    assert told == ["0", "1", "compressed", "2", "3", "4"]

"""The phantom study on disk: valid DICOM, exact outlines, the same bytes every time."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import (
    ExplicitVRLittleEndian,
    JPEGLSLossless,
    MRImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    RLELossless,
)

from medseg_desktop.core.errors import Cancelled, WorkspaceError
from medseg_desktop.core.labels import RECIPE_LABELS
from medseg_desktop.core.phantom import PhantomVolume, phantom_volume
from medseg_desktop.core.raster import draw_label_map
from medseg_desktop.io import phantom_study
from medseg_desktop.io.medlabelme import read_annotation
from medseg_desktop.io.phantom_study import MARKER, write_phantom_study

SLICES, SIZE = 10, 64


def small_volume(seed: int, patient: int) -> PhantomVolume:
    return phantom_volume(seed, patient, slices=SLICES, rows=SIZE, columns=SIZE + 8)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Six small patients, one of every kind."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(phantom_study, "phantom_volume", small_volume)
        return write_phantom_study(tmp_path_factory.mktemp("study") / "demo", patients=6)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phantom_study, "phantom_volume", small_volume)


def in_position_order(folder: Path) -> list[pydicom.FileDataset]:
    slices = [pydicom.dcmread(p) for p in folder.glob("*.dcm")]
    return sorted(slices, key=lambda ds: ds.ImagePositionPatient[2])


def contents(folder: Path) -> dict[str, bytes]:
    files = (p for p in folder.rglob("*") if p.is_file())
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in files}


def test_there_is_one_folder_a_patient(study: list[Path]) -> None:
    assert [p.name for p in study] == [f"Phantom-{i:02d}" for i in range(1, 7)]
    assert {p.name for p in study[0].parent.iterdir()} == {MARKER, *(p.name for p in study)}


@pytest.mark.parametrize("number", [0, 1, 2, 3, 5])
def test_slices_decode_to_the_generators_values(study: list[Path], number: int) -> None:
    slices = in_position_order(study[number])
    decoded = np.stack([ds.pixel_array for ds in slices])
    np.testing.assert_array_equal(decoded, small_volume(0, number).stored)
    assert [ds.InstanceNumber for ds in slices] == list(range(1, SLICES + 1))


@pytest.mark.parametrize(
    ("number", "syntax"),
    [(0, ExplicitVRLittleEndian), (1, RLELossless), (2, JPEGLSLossless)],
)
def test_transfer_syntaxes_are_as_planned(study: list[Path], number: int, syntax: str) -> None:
    found = {pydicom.dcmread(p).file_meta.TransferSyntaxUID for p in study[number].glob("*.dcm")}
    assert found == {syntax}


def test_the_multi_frame_patient_is_one_secondary_capture_file(study: list[Path]) -> None:
    (path,) = study[4].glob("*.dcm")
    ds = pydicom.dcmread(path)
    assert ds.SOPClassUID == MultiFrameGrayscaleWordSecondaryCaptureImageStorage
    assert ds.NumberOfFrames == SLICES
    np.testing.assert_array_equal(ds.pixel_array, small_volume(0, 4).stored)


def test_headers_describe_a_low_field_flair(study: list[Path]) -> None:
    slices = in_position_order(study[0])
    ds, volume = slices[0], small_volume(0, 0)
    assert ds.SOPClassUID == ds.file_meta.MediaStorageSOPClassUID == MRImageStorage
    assert list(ds.ImageType[:2]) == ["DERIVED", "PRIMARY"]
    assert (ds.PatientID, ds.SeriesDescription) == ("PHANTOM-01", "FLAIR phantom")
    assert ds.Manufacturer == "MedSeg phantom"
    assert ds.MagneticFieldStrength == pytest.approx(0.35)
    assert min(ds.RepetitionTime, ds.EchoTime, ds.InversionTime, ds.NumberOfAverages) > 0
    assert (ds.Rows, ds.Columns, ds.BitsStored) == (SIZE, SIZE + 8, 12)
    assert ds.WindowCenter == volume.window_center
    np.testing.assert_allclose(ds.PixelSpacing, volume.spacing_mm, atol=1e-6)
    np.testing.assert_allclose(ds.ImagePositionPatient, volume.origin_mm, atol=1e-6)
    heights = [float(s.ImagePositionPatient[2]) for s in slices]
    np.testing.assert_allclose(np.diff(heights), ds.SliceThickness, atol=1e-5)


def test_identifiers_are_unique_and_shared_where_they_should_be(study: list[Path]) -> None:
    files = [pydicom.dcmread(p) for folder in study for p in sorted(folder.glob("*.dcm"))]
    assert len({ds.SOPInstanceUID for ds in files}) == len(files)
    assert len({ds.SeriesInstanceUID for ds in files}) == len(study)
    assert len({ds.StudyInstanceUID for ds in files}) == len(study)
    assert all(ds.SOPInstanceUID.is_valid for ds in files)


def test_one_patients_file_names_are_not_in_position_order(study: list[Path]) -> None:
    heights = [pydicom.dcmread(p).ImagePositionPatient[2] for p in sorted(study[3].glob("*.dcm"))]
    assert heights != sorted(heights)
    assert heights != sorted(heights, reverse=True)


def test_one_patient_has_a_chinese_name_in_gb18030(study: list[Path]) -> None:
    path = sorted(study[5].glob("*.dcm"))[0]
    ds = pydicom.dcmread(path)
    assert ds.SpecificCharacterSet == "GB18030"
    assert ds.PatientName.ideographic == "幻影^六"
    assert "幻影^六".encode("gb18030") in path.read_bytes()


@pytest.mark.parametrize("number", [0, 1, 2, 3, 5])
def test_outlines_rasterise_back_to_the_lesions(study: list[Path], number: int) -> None:
    volume, with_lesion = small_volume(0, number), set()
    for path in study[number].glob("*.json"):
        annotation = read_annotation(path)
        ds = pydicom.dcmread(path.with_suffix(".dcm"), stop_before_pixels=True)
        k = ds.InstanceNumber - 1
        drawn = draw_label_map(annotation.shapes(0), RECIPE_LABELS, ds.Rows, ds.Columns)
        np.testing.assert_array_equal(drawn, volume.label_map[k])
        assert annotation.image_path == path.with_suffix(".dcm").name
        if annotation.frames:
            with_lesion.add(k)
    assert with_lesion == set(np.flatnonzero(volume.label_map.any(axis=(1, 2))))


def test_about_half_of_the_slices_without_lesion_are_reviewed(study: list[Path]) -> None:
    annotations = [read_annotation(p) for p in study[3].glob("*.json")]
    assert len(annotations) == SLICES // 2
    assert all(a.frames == () and a.is_reviewed(0) for a in annotations)


def test_the_multi_frame_json_lists_the_reviewed_frames(study: list[Path]) -> None:
    volume = small_volume(0, 4)
    annotation = read_annotation(study[4] / "series.json")
    assert annotation.total_frames == SLICES
    lesions = set(np.flatnonzero(volume.label_map.any(axis=(1, 2))))
    listed = {f.frame for f in annotation.frames}
    assert lesions
    assert lesions < listed < set(range(SLICES))
    for k in listed:
        drawn = draw_label_map(annotation.shapes(k), RECIPE_LABELS, SIZE, SIZE + 8)
        np.testing.assert_array_equal(drawn, volume.label_map[k])


def test_the_json_has_the_keys_of_medicallabelme(study: list[Path]) -> None:
    document = json.loads((study[4] / "series.json").read_text("utf-8"))
    assert set(document) == {"version", "flags", "image_path", "total_frames", "frames"}
    assert document["version"] == "1.0.0"
    frame = next(f for f in document["frames"] if f["shapes"])
    assert set(frame) == {"frame", "width", "height", "shapes"}
    assert (frame["width"], frame["height"]) == (SIZE + 8, SIZE)
    shape = frame["shapes"][0]
    assert (shape["label"], shape["shape_type"]) == ("H", "polygon")
    assert shape["frame"] == frame["frame"]
    assert {"group_id", "description", "flags", "points"} < set(shape)


@pytest.mark.usefixtures("small")
def test_two_runs_with_one_seed_write_the_same_bytes(tmp_path: Path, study: list[Path]) -> None:
    write_phantom_study(tmp_path / "again", patients=6)
    assert contents(tmp_path / "again") == contents(study[0].parent)


@pytest.mark.usefixtures("small")
def test_another_seed_writes_other_patients(tmp_path: Path, study: list[Path]) -> None:
    (folder,) = write_phantom_study(tmp_path / "other", patients=1, seed=1)
    other, first = in_position_order(folder)[5], in_position_order(study[0])[5]
    assert other.SOPInstanceUID != first.SOPInstanceUID
    assert (other.pixel_array != first.pixel_array).any()


@pytest.mark.usefixtures("small")
def test_progress_counts_the_patients(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    write_phantom_study(
        tmp_path / "demo", patients=2, progress=lambda done, total: told.append((done, total))
    )
    assert told == [(1, 2), (2, 2)]


@pytest.mark.usefixtures("small")
def test_a_cancelled_study_leaves_nothing_behind(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        write_phantom_study(tmp_path / "demo", patients=3, progress=stop)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("small")
def test_a_folder_of_somebody_else_is_refused_and_untouched(tmp_path: Path) -> None:
    (tmp_path / "scan.dcm").write_bytes(b"precious")
    with pytest.raises(WorkspaceError):
        write_phantom_study(tmp_path, patients=1)
    assert contents(tmp_path) == {"scan.dcm": b"precious"}


@pytest.mark.usefixtures("small")
def test_an_unchanged_study_is_replaced(tmp_path: Path) -> None:
    write_phantom_study(tmp_path / "demo", patients=2)
    write_phantom_study(tmp_path / "demo", patients=1, seed=4)
    assert {p.name for p in (tmp_path / "demo").iterdir()} == {MARKER, "Phantom-01"}
    assert [p.name for p in tmp_path.iterdir()] == ["demo"]


@pytest.mark.usefixtures("small")
def test_a_study_with_somebodys_corrections_is_kept(tmp_path: Path) -> None:
    (folder,) = write_phantom_study(tmp_path / "demo", patients=1)
    corrected = next(folder.glob("*.json"))
    corrected.write_text("{}")
    with pytest.raises(WorkspaceError, match="was changed"):
        write_phantom_study(tmp_path / "demo", patients=1)
    assert corrected.read_text() == "{}"


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("marker", ["", "[]", "{}", "null"])
def test_a_damaged_marker_counts_as_a_change(tmp_path: Path, marker: str) -> None:
    (tmp_path / MARKER).write_text(marker)
    with pytest.raises(WorkspaceError):
        write_phantom_study(tmp_path, patients=1)
    assert contents(tmp_path) == {MARKER: marker.encode()}

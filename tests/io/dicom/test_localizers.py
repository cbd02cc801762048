"""What nobody looks for: localizers, and objects that are no images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from medseg_desktop.io.dicom_series import FileStatus
from tests.builders import write_dicom
from tests.stack_files import CORONAL, SAGITTAL, SLICE, look, write_slices


@pytest.mark.parametrize(
    "elements",
    [
        {"ImageType": "ORIGINAL\\PRIMARY\\LOCALIZER"},
        {"ImageType": "ORIGINAL\\PRIMARY\\M\\LOCALIZER"},
        {"SeriesDescription": "3-plane Localizer"},
        {"SeriesDescription": "Survey SCOUT"},
        {"SeriesDescription": "3 plane loc"},
        {"SeriesDescription": "Plan scan"},
    ],
)
def test_a_localizer_comes_after_the_other_series_of_its_study(
    tmp_path: Path, elements: dict[str, Any]
) -> None:
    write_slices(tmp_path / "1", {"z": 0, **elements}, series="first")
    write_slices(tmp_path / "2", {"z": 0, "SeriesDescription": "T2 TSE tra"}, series="second")
    assert [(s.path, s.localizer) for s in look(tmp_path).series] == [
        ("2/000.dcm", False), ("1/000.dcm", True),
    ]  # fmt: skip


def test_a_localizer_inside_a_series_is_a_stack_of_its_own_without_an_alarm(
    tmp_path: Path,
) -> None:
    write_slices(
        tmp_path, *({"z": 5 * p, "ImageType": "ORIGINAL\\PRIMARY\\AXIAL"} for p in range(3))
    )
    localizer = {"ImageType": "ORIGINAL\\PRIMARY\\LOCALIZER"}
    write_dicom(tmp_path / "scout", SLICE, orientation=CORONAL, elements=localizer)
    found = look(tmp_path)
    assert [(len(s.slices), s.localizer) for s in found.series] == [(3, False), (1, True)]
    assert {f.status for f in found.files} == {FileStatus.SHOWN}


@pytest.mark.parametrize("description", ["Planning CT", "T1 ext loc ref", "Explanation", "FLAIR"])
def test_other_descriptions_are_no_localizer(tmp_path: Path, description: str) -> None:
    write_slices(tmp_path, {"SeriesDescription": description})
    assert not look(tmp_path).series[0].localizer


def test_a_few_slices_in_three_planes_are_a_localizer_without_an_alarm(tmp_path: Path) -> None:
    for i, orientation in enumerate(((1, 0, 0, 0, 1, 0), SAGITTAL, CORONAL)):
        write_dicom(tmp_path / f"{i}", SLICE, orientation=orientation)
    found = look(tmp_path)
    assert [s.localizer for s in found.series] == [True] * 3
    assert {f.status for f in found.files} == {FileStatus.SHOWN}


def test_discs_at_three_angles_are_no_localizer(tmp_path: Path) -> None:
    for i, x in enumerate((0.0, 0.2, 0.4)):
        y = (1 - x * x) ** 0.5
        write_dicom(tmp_path / f"{i}", SLICE, orientation=(1, 0, 0, 0, y, x))
    assert not any(s.localizer for s in look(tmp_path).series)


@pytest.mark.parametrize(
    ("sop_class", "elements", "is_object"),
    [
        ("1.2.840.10008.5.1.4.1.1.88.33", {"Rows": None}, True),  # Comprehensive SR
        ("1.2.840.10008.5.1.4.1.1.481.3", {"Rows": None}, True),  # RT Structure Set
        ("1.2.840.10008.5.1.4.1.1.66.4", {}, True),  # Segmentation
        ("1.2.840.10008.5.1.4.1.1.4", {"Rows": None}, False),  # MR Image: damaged
        ("1.2.840.10008.5.1.4.1.1.4", {"PixelData": None}, False),
    ],
)
def test_objects_that_are_no_images_are_told_from_damaged_files(
    tmp_path: Path, sop_class: str, elements: dict[str, Any], is_object: bool
) -> None:
    write_dicom(tmp_path / "x.dcm", SLICE, elements={"SOPClassUID": sop_class, **elements})
    (file,) = look(tmp_path).files
    assert (file.status, file.is_object) == (FileStatus.REFUSED, is_object)

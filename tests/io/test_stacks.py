"""Which files are slices of one stack, in which order, and what is said about them."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medseg_desktop.core.time_axis import TimeAxis
from medseg_desktop.core.volume import Series
from medseg_desktop.io.dicom_header import Header, read_header
from medseg_desktop.io.dicom_series import FileStatus, ScanResult, scan
from medseg_desktop.io.stacks import group_stacks
from tests.builders import lesion_slice, uid, write_dicom

SLICE = lesion_slice((8, 8))
SAGITTAL = (0, 1, 0, 0, 0, -1)
CORONAL = (1, 0, 0, 0, 0, -1)


def look(path: Path) -> ScanResult:
    return scan(path, salt=b"s")


def write(folder: Path, *slices: Mapping[str, Any], **options: Any) -> None:
    """One file for each mapping: `z` is its height in mm, the rest are elements by keyword; files
    are named in random order."""
    names = list(range(len(slices)))
    random.Random(1).shuffle(names)
    for number, (name, elements) in enumerate(zip(names, slices, strict=True)):
        further = {k: v for k, v in elements.items() if k != "z"}
        write_dicom(
            folder / f"{name:03}.dcm",
            SLICE,
            number=further.pop("InstanceNumber", number + 1),
            sop_uid=uid(folder, number),
            position_mm=(0.0, 0.0, float(elements.get("z", 0))),
            elements=further,
            **options,
        )


def heights(series: Series) -> list[float | None]:
    return [s.location_mm for s in series.slices]


# -- stacks of one series


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("EchoTime", [10, 90]),
        ("EchoNumbers", [1, 2]),
        ("ImageType", ["ORIGINAL\\PRIMARY\\M\\ND", "ORIGINAL\\PRIMARY\\P\\ND"]),
        ("ImageType", ["ORIGINAL\\PRIMARY\\M_FFE\\M\\FFE", "ORIGINAL\\PRIMARY\\R_FFE\\R\\FFE"]),
        ("ImageType", ["ORIGINAL\\PRIMARY\\OTHER", "DERIVED\\PRIMARY\\OTHER"]),
        ("ImageType", ["DERIVED\\SECONDARY\\MPR", "DERIVED\\SECONDARY\\MIP"]),
        ("ComplexImageComponent", ["MAGNITUDE", "PHASE"]),
        ("ImageType", ["DERIVED\\PRIMARY\\DIFFUSION\\ADC", "DERIVED\\PRIMARY\\DIFFUSION\\TRACEW"]),
    ],
)
def test_other_kinds_of_pictures_are_stacks_of_their_own(
    tmp_path: Path, name: str, values: list[Any]
) -> None:
    write(tmp_path, *({"z": 5 * p, name: value} for p in range(3) for value in values))
    found = look(tmp_path)
    assert [heights(s) for s in found.series] == [[0, 5, 10], [0, 5, 10]]
    assert [s.time_points for s in found.series] == [1, 1]
    assert {f.status for f in found.files} == {FileStatus.SHOWN}


def test_ge_tells_magnitude_and_phase_in_a_private_element(tmp_path: Path) -> None:
    write(tmp_path, *({"z": 5 * p} for p in range(2) for _ in range(2)))
    for path in tmp_path.iterdir():
        ds = pydicom.dcmread(path)
        block = ds.private_block(0x0043, "GEMS_PARM_01", create=True)
        block.add_new(0x2F, "SS", ds.InstanceNumber % 2)
        ds.save_as(path)
    assert [heights(s) for s in look(tmp_path).series] == [[0, 5], [0, 5]]


def test_a_vendors_note_in_the_image_type_parts_no_stack(tmp_path: Path) -> None:
    notes = ["NORM", "NORM\\DIS2D", "ND"]
    write(
        tmp_path,
        *({"z": 5 * p, "ImageType": f"ORIGINAL\\PRIMARY\\M\\{n}"} for p, n in enumerate(notes)),
    )
    (series,) = look(tmp_path).series
    assert heights(series) == [0, 5, 10]
    assert series.warnings == ()


def test_acquisition_numbers_that_count_slices_part_no_stack(tmp_path: Path) -> None:
    write(tmp_path, *({"z": 5 * p, "AcquisitionNumber": p} for p in range(4)))
    (series,) = look(tmp_path).series
    assert heights(series) == [0, 5, 10, 15]


def test_acquisitions_that_overlap_are_stacks(tmp_path: Path) -> None:
    first = [{"z": z, "AcquisitionNumber": 1} for z in (0, 5, 10)]
    second = [{"z": z, "AcquisitionNumber": 2} for z in (10, 15, 20)]
    write(tmp_path, *first, *second)
    found = look(tmp_path)
    assert [heights(s) for s in found.series] == [[0, 5, 10], [10, 15, 20]]
    assert {f.status for f in found.files} == {FileStatus.SHOWN}


def test_slices_that_repeat_without_a_reason_stay_in_one_stack_and_are_told(
    tmp_path: Path,
) -> None:
    write(tmp_path, *({"z": z, "AcquisitionNumber": i} for i, z in enumerate((0, 5, 5, 10, 15))))
    (series,) = look(tmp_path).series
    assert heights(series) == [0, 5, 5, 10, 15]
    assert series.warnings == ("1 slice shares its position with another slice.",)


def test_orientations_that_differ_by_rounding_are_one(tmp_path: Path) -> None:
    for i, x in enumerate((0.124999, 0.125001, 0.125)):
        y = (1 - x * x) ** 0.5
        write_dicom(
            tmp_path / f"{i}", SLICE, position_mm=(0, 0, 5.0 * i), orientation=(y, x, 0, -x, y, 0)
        )
    (series,) = look(tmp_path).series
    assert len(series.slices) == 3


def test_a_rotation_is_one_list_and_says_so(tmp_path: Path) -> None:
    for i in range(6):
        x, y = (0.9 - 0.1 * i), (1 - (0.9 - 0.1 * i) ** 2) ** 0.5
        write_dicom(
            tmp_path / f"{9 - i}", SLICE, number=i, orientation=(x, y, 0, 0, 0, -1),
            elements={"ImageType": ["DERIVED", "SECONDARY", "MIP"]},
        )  # fmt: skip
    (series,) = look(tmp_path).series
    assert [s.instance_number for s in series.slices] == list(range(6))
    assert series.orientation is None
    assert "orientation of its own" in series.warnings[0]
    assert not series.localizer


def test_pixels_that_are_not_square_need_no_warning(tmp_path: Path) -> None:
    write(tmp_path, {"z": 0}, {"z": 5}, spacing_mm=(2.0, 0.5))
    (series,) = look(tmp_path).series
    assert series.spacing_mm == (2.0, 0.5)
    assert series.warnings == ()


# -- order


def headers_of(folder: Path) -> list[Header]:
    return [read_header(path) for path in sorted(folder.iterdir())]


def test_the_order_of_files_never_matters(tmp_path: Path) -> None:
    kinds = itertools.product(range(5), (1, 2), ("M", "P"))
    write(
        tmp_path,
        *(
            {"z": 5 * p, "TemporalPositionIdentifier": t, "ImageType": f"ORIGINAL\\PRIMARY\\{c}"}
            for p, t, c in kinds
        ),
        {"z": 100},
        {"z": 105},
    )
    headers = headers_of(tmp_path)
    expected = group_stacks(headers, tmp_path, b"s", "id")
    assert [(s.positions, s.time_points) for s in expected[0]] == [(5, 2), (5, 2), (2, 1)]

    @given(st.permutations(headers))
    def permuted(order: Sequence[Header]) -> None:
        assert group_stacks(order, tmp_path, b"s", "id") == expected

    permuted()


@settings(max_examples=30)
@given(st.lists(st.integers(-300, 300), min_size=2, max_size=12, unique=True), st.randoms())
def test_positions_rise_whatever_names_and_numbers_are(
    tmp_path_factory: pytest.TempPathFactory, places: list[int], chance: random.Random
) -> None:
    folder = tmp_path_factory.mktemp("stack")
    numbers = list(range(len(places)))
    chance.shuffle(numbers)
    write(folder, *({"z": z, "InstanceNumber": n} for z, n in zip(places, numbers, strict=True)))
    (series,) = look(folder).series
    assert heights(series) == sorted(places)


@pytest.mark.parametrize(
    ("orientation", "axis", "first_mm"),
    [((1, 0, 0, 0, 1, 0), 2, 0.0), (SAGITTAL, 0, 10.0), (CORONAL, 1, 0.0)],
)
def test_stacks_run_to_the_head_to_the_right_and_to_the_back(
    tmp_path: Path, orientation: Sequence[float], axis: int, first_mm: float
) -> None:
    for i in (2, 0, 1):
        position = [0.0, 0.0, 0.0]
        position[axis] = 5.0 * i
        write_dicom(
            tmp_path / f"{i}", SLICE, position_mm=tuple(position), orientation=orientation  # type: ignore[arg-type]
        )  # fmt: skip
    (series,) = look(tmp_path).series
    assert series.slices[0].position_mm is not None
    assert series.slices[0].position_mm[axis] == first_mm


# -- 4-D


def test_three_volumes_of_a_bold_run_are_a_4d_stack(test_data: Path) -> None:
    folder = test_data / "data" / "mr-series" / "studyforrest_brain_bold_3vol"
    (series,) = look(folder).series
    assert (series.positions, series.time_points) == (35, 3)
    assert (series.time_axis, series.time_labels) == (TimeAxis.TIME, ("t 0 s", "t 2 s", "t 4 s"))
    assert series.warnings == ()
    for t in range(3):
        volume = series.slices[35 * t : 35 * (t + 1)]
        assert heights(series)[:35] == [pytest.approx(s.location_mm) for s in volume]
        times = {pydicom.dcmread(s.path).TemporalPositionIdentifier for s in volume}
        assert times == {t + 1}


def test_fifteen_positions_at_ten_b_values_are_a_4d_stack(tmp_path: Path) -> None:
    grid = itertools.product(range(15), range(10))
    write(tmp_path, *({"z": 3 * p, "DiffusionBValue": 100.0 * b} for p, b in grid))
    found = look(tmp_path)
    (series,) = found.series
    assert (series.positions, series.time_points, series.warnings) == (15, 10, ())
    assert series.time_labels[:2] == ("b 0", "b 100")
    assert heights(series) == [3.0 * p for _ in range(10) for p in range(15)]
    assert {f.status for f in found.files} == {FileStatus.SHOWN}
    assert series.slice_distance_mm == 3


def test_a_siemens_b_value_is_read_from_its_private_element(tmp_path: Path) -> None:
    write(tmp_path, *({"z": 5 * p} for p in range(3) for _ in range(2)))
    for path in tmp_path.iterdir():
        ds = pydicom.dcmread(path)
        block = ds.private_block(0x0019, "SIEMENS MR HEADER", create=True)
        block.add_new(0x0C, "IS", 1000 * (ds.InstanceNumber % 2))
        ds.save_as(path)
    (series,) = look(tmp_path).series
    assert (series.time_axis, series.time_labels) == (TimeAxis.B_VALUE, ("b 0", "b 1000"))


def test_an_aborted_run_is_a_4d_stack_and_a_stack_of_what_is_left(tmp_path: Path) -> None:
    grid = [(p, t) for t in range(4) for p in range(5) if t < 3 or p < 2]
    write(tmp_path, *({"z": 5 * p, "TemporalPositionIdentifier": t} for p, t in grid))
    whole, rest = look(tmp_path).series
    assert (whole.positions, whole.time_points) == (5, 3)
    assert whole.warnings == (
        "1 of 4 time points lacks slices; what there is of it is a stack of its own.",
    )
    assert heights(rest) == [0, 5]
    assert rest.warnings == ("These slices belong to time points of the series that lack slices.",)


def test_copies_are_no_time_points(tmp_path: Path) -> None:
    write(tmp_path / "a", *({"z": 5 * p} for p in range(3)))
    for path in list((tmp_path / "a").iterdir()):
        (tmp_path / f"b-{path.name}").write_bytes(path.read_bytes())
    found = look(tmp_path)
    (series,) = found.series
    assert series.time_points == 1
    assert heights(series) == [0, 0, 5, 5, 10, 10]
    assert series.warnings == ("3 of 6 slices are copies of others (same SOP Instance UID).",)
    status = [f.status for f in found.files]
    assert status == [FileStatus.SHOWN] * 3 + [FileStatus.WARNED] * 3


def test_copies_of_a_4d_stack_are_a_stack_of_their_own(tmp_path: Path) -> None:
    grid = itertools.product(range(3), range(2))
    write(tmp_path / "a", *({"z": 5 * p, "TemporalPositionIdentifier": t} for p, t in grid))
    (tmp_path / "b").write_bytes((tmp_path / "a" / "000.dcm").read_bytes())
    whole, rest = look(tmp_path).series
    assert (whole.positions, whole.time_points, whole.warnings) == (3, 2, ())
    assert rest.warnings == ("The slice is a copy of another (same SOP Instance UID).",)


# -- banners


def test_files_of_one_position_are_a_film_where_they_have_times(tmp_path: Path) -> None:
    write(tmp_path, *({"TriggerTime": ms, "InstanceNumber": 1} for ms in (80, 0, 40)))
    (series,) = look(tmp_path).series
    shown = [pydicom.dcmread(s.path).TriggerTime for s in series.slices]
    assert (shown, series.time_points, series.warnings) == ([0, 40, 80], 1, ())


def test_files_of_one_position_without_times_are_told(tmp_path: Path) -> None:
    write(tmp_path, {}, {}, {})
    (series,) = look(tmp_path).series
    assert series.warnings == ("All 3 slices lie at one position.",)


def test_sections_without_positions_are_told(tmp_path: Path) -> None:
    for i in range(3):
        write_dicom(tmp_path / f"{i}", SLICE, position_mm=None, orientation=None)
    (series,) = look(tmp_path).series
    assert series.warnings == ("The slices have no positions; they are sorted by instance number.",)


def test_siemens_mosaics_are_recognised_with_their_number_of_tiles(test_data: Path) -> None:
    found = look(test_data / "data" / "mr-series" / "nih_siemens_mosaic_8")
    assert len(found.series) == 4
    for series in found.series:
        assert series.warnings == (
            "Each slice of this series is a mosaic of 5 slices; it is shown as it was stored.",
        )
    assert {f.status for f in found.files if f.status is not FileStatus.IGNORED} == {
        FileStatus.WARNED
    }


def test_a_mosaic_of_an_unknown_number_is_recognised_by_its_image_type(tmp_path: Path) -> None:
    write(tmp_path, {"ImageType": "ORIGINAL\\PRIMARY\\M\\ND\\MOSAIC"})
    assert "mosaic of several slices" in look(tmp_path).series[0].warnings[0]


# -- localizers and objects


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
    write(tmp_path / "1", {"z": 0, **elements}, series="first")
    write(tmp_path / "2", {"z": 0, "SeriesDescription": "T2 TSE tra"}, series="second")
    assert [(s.path, s.localizer) for s in look(tmp_path).series] == [
        ("2/000.dcm", False), ("1/000.dcm", True),
    ]  # fmt: skip


@pytest.mark.parametrize("description", ["Planning CT", "T1 ext loc ref", "Explanation", "FLAIR"])
def test_other_descriptions_are_no_localizer(tmp_path: Path, description: str) -> None:
    write(tmp_path, {"SeriesDescription": description})
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


def test_the_corpus_warns_about_series_and_copies_and_nothing_else(test_data: Path) -> None:
    """Beyond the manifest, only copies of files that the corpus holds more than once."""
    folder = test_data / "corpus"
    if not (folder / "manifest.csv").is_file():
        pytest.skip("there is no corpus")
    expected = {p.relative_to(folder).as_posix() for p in (folder / "badseries").rglob("*.dcm")}
    warned = {f.path: f.reason for f in look(folder).files if f.status is FileStatus.WARNED}
    assert expected <= set(warned)
    assert {reason[:33] for path, reason in warned.items() if path not in expected} == {
        "it has the same SOP Instance UID "
    }

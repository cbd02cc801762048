"""Which files are slices of one stack, in which order, and what is said about them."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from medseg_desktop.io.dicom.header import Header, read_header
from medseg_desktop.io.dicom.stacks import group_stacks
from medseg_desktop.io.dicom_series import FileStatus
from tests.builders import write_dicom
from tests.stack_files import CORONAL, SAGITTAL, SLICE, heights, look, write_slices

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
    write_slices(tmp_path, *({"z": 5 * p, name: value} for p in range(3) for value in values))
    found = look(tmp_path)
    assert [heights(s) for s in found.series] == [[0, 5, 10], [0, 5, 10]]
    assert [s.time_points for s in found.series] == [1, 1]
    assert {f.status for f in found.files} == {FileStatus.SHOWN}


def test_ge_tells_magnitude_and_phase_in_a_private_element(tmp_path: Path) -> None:
    write_slices(tmp_path, *({"z": 5 * p} for p in range(2) for _ in range(2)))
    for path in tmp_path.iterdir():
        ds = pydicom.dcmread(path)
        block = ds.private_block(0x0043, "GEMS_PARM_01", create=True)
        block.add_new(0x2F, "SS", ds.InstanceNumber % 2)
        ds.save_as(path)
    assert [heights(s) for s in look(tmp_path).series] == [[0, 5], [0, 5]]


def test_a_vendors_note_in_the_image_type_parts_no_stack(tmp_path: Path) -> None:
    notes = ["NORM", "NORM\\DIS2D", "ND"]
    write_slices(
        tmp_path,
        *({"z": 5 * p, "ImageType": f"ORIGINAL\\PRIMARY\\M\\{n}"} for p, n in enumerate(notes)),
    )
    (series,) = look(tmp_path).series
    assert heights(series) == [0, 5, 10]
    assert series.warnings == ()


def test_acquisition_numbers_that_count_slices_part_no_stack(tmp_path: Path) -> None:
    write_slices(tmp_path, *({"z": 5 * p, "AcquisitionNumber": p} for p in range(4)))
    (series,) = look(tmp_path).series
    assert heights(series) == [0, 5, 10, 15]


def test_acquisitions_that_overlap_are_stacks(tmp_path: Path) -> None:
    first = [{"z": z, "AcquisitionNumber": 1} for z in (0, 5, 10)]
    second = [{"z": z, "AcquisitionNumber": 2} for z in (10, 15, 20)]
    write_slices(tmp_path, *first, *second)
    found = look(tmp_path)
    assert [heights(s) for s in found.series] == [[0, 5, 10], [10, 15, 20]]
    assert {f.status for f in found.files} == {FileStatus.SHOWN}


def test_slices_that_repeat_without_a_reason_stay_in_one_stack_and_are_told(
    tmp_path: Path,
) -> None:
    write_slices(
        tmp_path, *({"z": z, "AcquisitionNumber": i} for i, z in enumerate((0, 5, 5, 10, 15)))
    )
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


def test_slices_of_other_pixel_spacings_are_stacks_of_their_own(tmp_path: Path) -> None:
    spacings = [[0.5, 0.5], [0.9, 0.9], [0.5, 0.9]]
    write_slices(tmp_path, *({"z": 5 * i, "PixelSpacing": spacings[i // 3]} for i in range(9)))
    found = look(tmp_path).series
    assert [heights(s) for s in found] == [[0, 5, 10], [15, 20, 25], [30, 35, 40]]
    assert [s.spacing_mm for s in found] == [(0.5, 0.5), (0.9, 0.9), (0.5, 0.9)]
    assert [s.warnings for s in found] == [(), (), ()]


def test_slices_without_spacing_do_not_get_that_of_others(tmp_path: Path) -> None:
    write_slices(
        tmp_path,
        *({"z": 5 * i, **({"PixelSpacing": None} if i > 2 else {})} for i in range(6)),
        spacing_mm=(0.5, 0.5),
    )
    found = look(tmp_path).series
    assert [(len(s.slices), s.spacing_mm) for s in found] == [(3, (0.5, 0.5)), (3, None)]


def test_spacings_that_differ_by_rounding_are_one(tmp_path: Path) -> None:
    spacings = [["0.4883", "0.48828"], ["0.48828125", "0.488281"], ["0.488", "0.48828125"]]
    write_slices(tmp_path, *({"z": 5 * i, "PixelSpacing": s} for i, s in enumerate(spacings)))
    (series,) = look(tmp_path).series
    assert heights(series) == [0, 5, 10]


@pytest.mark.parametrize(
    "stored",
    [
        "1e-320\\1e6", "0\\0", "0\\1", "-1\\-1", "nan\\1", "inf\\1", "1e-5\\1e-5", "1001\\1001",
        "0.01\\0.6", "abc\\1", "1", "1\\1\\1",
    ],
)  # fmt: skip
def test_a_spacing_that_makes_no_sense_counts_as_absent(tmp_path: Path, stored: str) -> None:
    path = write_dicom(
        tmp_path / "x.dcm", SLICE, spacing_mm=None, elements={"PixelAspectRatio": [3, 2]}
    )
    ds = pydicom.dcmread(path)
    value = stored.encode() + b" " * (len(stored) % 2)
    ds._dict[Tag("PixelSpacing")] = RawDataElement(  # nobody checks what it holds
        Tag("PixelSpacing"), "DS", len(value), value, 0, False, True
    )
    ds.save_as(path)
    (series,) = look(tmp_path).series
    assert (series.spacing_mm, series.pixel_aspect) == (None, 1.5)


@pytest.mark.parametrize(
    ("elements", "spacing_mm", "aspect"),
    [
        ({"PixelAspectRatio": [2, 1]}, None, 2.0),
        ({"PixelAspectRatio": [5, 6]}, None, 5 / 6),
        ({"PixelAspectRatio": [0, 1]}, None, 1.0),
        ({"PixelAspectRatio": [100, 1]}, None, 1.0),
        ({"PixelAspectRatio": [-2, -1]}, None, 1.0),
        ({"PixelAspectRatio": [2, 1], "ImagerPixelSpacing": [0.2, 0.2]}, (0.2, 0.2), 1.0),
        ({"PixelAspectRatio": [2, 1], "PixelSpacing": [1, 4]}, (1, 4), 0.25),
        ({"PixelSpacing": [0, 0], "ImagerPixelSpacing": [0.2, 0.1]}, (0.2, 0.1), 2.0),
        ({}, None, 1.0),
    ],
)
def test_the_shape_of_a_pixel_is_that_of_its_spacing_else_its_aspect_ratio(
    tmp_path: Path,
    elements: dict[str, Any],
    spacing_mm: tuple[float, float] | None,
    aspect: float,
) -> None:
    write_dicom(tmp_path / "x.dcm", SLICE, spacing_mm=None, elements=elements)
    (series,) = look(tmp_path).series
    assert (series.spacing_mm, series.pixel_aspect) == (spacing_mm, aspect)


def test_pixels_that_are_not_square_need_no_warning(tmp_path: Path) -> None:
    write_slices(tmp_path, {"z": 0}, {"z": 5}, spacing_mm=(2.0, 0.5))
    (series,) = look(tmp_path).series
    assert series.spacing_mm == (2.0, 0.5)
    assert series.warnings == ()


# -- order


def headers_of(folder: Path) -> list[Header]:
    return [read_header(path) for path in sorted(folder.iterdir())]


def test_the_order_of_files_never_matters(tmp_path: Path) -> None:
    kinds = itertools.product(range(5), (1, 2), ("M", "P"))
    write_slices(
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
    write_slices(
        folder, *({"z": z, "InstanceNumber": n} for z, n in zip(places, numbers, strict=True))
    )
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


# -- banners


def test_files_of_one_position_are_a_film_where_they_have_times(tmp_path: Path) -> None:
    write_slices(tmp_path, *({"TriggerTime": ms, "InstanceNumber": 1} for ms in (80, 0, 40)))
    (series,) = look(tmp_path).series
    shown = [pydicom.dcmread(s.path).TriggerTime for s in series.slices]
    assert (shown, series.time_points, series.warnings) == ([0, 40, 80], 1, ())


def test_files_of_one_position_without_times_are_told(tmp_path: Path) -> None:
    write_slices(tmp_path, {}, {}, {})
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
    write_slices(tmp_path, {"ImageType": "ORIGINAL\\PRIMARY\\M\\ND\\MOSAIC"})
    assert "mosaic of several slices" in look(tmp_path).series[0].warnings[0]


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

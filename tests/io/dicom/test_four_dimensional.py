"""Series that image every position several times."""

from __future__ import annotations

import itertools
from pathlib import Path

import pydicom
import pytest

from medseg_desktop.core.time_axis import TimeAxis
from medseg_desktop.io.dicom_series import FileStatus
from tests.stack_files import axis_of, heights, look, write_slices


def test_three_volumes_of_a_bold_run_are_a_4d_stack(test_data: Path) -> None:
    folder = test_data / "data" / "mr-series" / "studyforrest_brain_bold_3vol"
    (series,) = look(folder).series
    assert (series.positions, series.time_points) == (35, 3)
    assert (axis_of(series), series.time_labels) == (TimeAxis.TIME, ("t 0 s", "t 2 s", "t 4 s"))
    assert series.warnings == ()
    for t in range(3):
        volume = series.slices[35 * t : 35 * (t + 1)]
        assert heights(series)[:35] == [pytest.approx(s.location_mm) for s in volume]
        times = {pydicom.dcmread(s.path).TemporalPositionIdentifier for s in volume}
        assert times == {t + 1}


def test_fifteen_positions_at_ten_b_values_are_a_4d_stack(tmp_path: Path) -> None:
    grid = itertools.product(range(15), range(10))
    write_slices(tmp_path, *({"z": 3 * p, "DiffusionBValue": 100.0 * b} for p, b in grid))
    found = look(tmp_path)
    (series,) = found.series
    assert (series.positions, series.time_points, series.warnings) == (15, 10, ())
    assert series.time_labels[:2] == ("b 0", "b 100")
    assert heights(series) == [3.0 * p for _ in range(10) for p in range(15)]
    assert {f.status for f in found.files} == {FileStatus.SHOWN}
    assert series.slice_distance_mm == 3


def test_a_siemens_b_value_is_read_from_its_private_element(tmp_path: Path) -> None:
    write_slices(tmp_path, *({"z": 5 * p} for p in range(3) for _ in range(2)))
    for path in tmp_path.iterdir():
        ds = pydicom.dcmread(path)
        block = ds.private_block(0x0019, "SIEMENS MR HEADER", create=True)
        block.add_new(0x0C, "IS", 1000 * (ds.InstanceNumber % 2))
        ds.save_as(path)
    (series,) = look(tmp_path).series
    assert (axis_of(series), series.time_labels) == (TimeAxis.B_VALUE, ("b 0", "b 1000"))


def test_an_aborted_run_is_a_4d_stack_and_a_stack_of_what_is_left(tmp_path: Path) -> None:
    grid = [(p, t) for t in range(4) for p in range(5) if t < 3 or p < 2]
    write_slices(tmp_path, *({"z": 5 * p, "TemporalPositionIdentifier": t} for p, t in grid))
    whole, rest = look(tmp_path).series
    assert (whole.positions, whole.time_points) == (5, 3)
    assert whole.warnings == (
        "1 of 4 time points lacks slices; what there is of it is a stack of its own.",
    )
    assert heights(rest) == [0, 5]
    assert rest.warnings == ("These slices belong to time points of the series that lack slices.",)


def test_copies_are_no_time_points(tmp_path: Path) -> None:
    write_slices(tmp_path / "a", *({"z": 5 * p} for p in range(3)))
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
    write_slices(tmp_path / "a", *({"z": 5 * p, "TemporalPositionIdentifier": t} for p, t in grid))
    (tmp_path / "b").write_bytes((tmp_path / "a" / "000.dcm").read_bytes())
    whole, rest = look(tmp_path).series
    assert (whole.positions, whole.time_points, whole.warnings) == (3, 2, ())
    assert rest.warnings == ("The slice is a copy of another (same SOP Instance UID).",)

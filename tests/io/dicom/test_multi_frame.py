"""Files of many frames: enhanced MR, nuclear medicine, films."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from medseg_desktop.core.time_axis import TimeAxis
from medseg_desktop.core.volume import Series
from medseg_desktop.io.dicom_series import scan
from medseg_desktop.io.sources.source import open_source
from tests.builders import write_dicom
from tests.multi_frame import at, write_enhanced
from tests.stack_files import axis_of

AXIAL = [1, 0, 0, 0, 1, 0]
HEART = "CardiacSynchronizationSequence"


def series_of(folder: Path) -> tuple[Series, ...]:
    found = scan(open_source(folder), salt=b"s")
    assert found.refused == ()
    return found.series


def test_the_groups_of_a_frame_come_before_the_shared_ones(tmp_path: Path) -> None:
    write_enhanced(
        tmp_path / "x.dcm",
        [at(0), {**at(5), "PlaneOrientationSequence": {"ImageOrientationPatient": AXIAL}}],
        shared={
            "PlaneOrientationSequence": {"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]},
            "PixelMeasuresSequence": {"PixelSpacing": [2, 0.5], "SliceThickness": 3},
        },
    )  # fmt: skip
    first, second = series_of(tmp_path)
    assert {first.orientation, second.orientation} == {(0, 1, 0, 0, 0, -1), (1, 0, 0, 0, 1, 0)}
    assert first.spacing_mm == second.spacing_mm == (2, 0.5)


def test_slices_of_an_enhanced_file_lie_by_position_not_by_frame(tmp_path: Path) -> None:
    write_enhanced(tmp_path / "x.dcm", [at(z) for z in (10, 0, 15, 5)])
    (series,) = series_of(tmp_path)
    assert [s.frame for s in series.slices] == [1, 3, 0, 2]
    assert [s.location_mm for s in series.slices] == [0, 5, 10, 15]
    assert series.warnings == ()


@pytest.mark.parametrize(
    ("sequence", "elements"),
    [
        ("MREchoSequence", [{"EffectiveEchoTime": 20.0}, {"EffectiveEchoTime": 80.0}]),
        ("FrameContentSequence", [{"StackID": "1"}, {"StackID": "2"}]),
        (
            "MRImageFrameTypeSequence",
            [
                {"FrameType": ["ORIGINAL", "PRIMARY", "T2", "NONE"], "ComplexImageComponent": c}
                for c in ("MAGNITUDE", "PHASE")
            ],
        ),
    ],
)
def test_echoes_stacks_and_components_of_an_enhanced_file_are_stacks(
    tmp_path: Path, sequence: str, elements: list[dict[str, Any]]
) -> None:
    frames = [{**at(5.0 * p), sequence: kind} for p in range(3) for kind in elements]
    write_enhanced(tmp_path / "x.dcm", frames)
    stacks = series_of(tmp_path)
    assert [[s.frame for s in stack.slices] for stack in stacks] == [[0, 2, 4], [1, 3, 5]]
    assert all(stack.warnings == () and stack.time_points == 1 for stack in stacks)


@pytest.mark.parametrize(
    ("moment", "axis", "labels"),
    [
        (
            lambda t: {"FrameContentSequence": {"TemporalPositionIndex": t + 1}},
            TimeAxis.TIME,
            ("", ""),
        ),
        (
            lambda t: {"FrameContentSequence": {"FrameReferenceDateTime": f"20240101{3 * t:06}.5"}},
            TimeAxis.TIME,
            ("t 0 s", "t 3 s"),
        ),
        (
            lambda t: {HEART: {"NominalCardiacTriggerDelayTime": 50.0 * t}},
            TimeAxis.TRIGGER,
            ("t 0 ms", "t 50 ms"),
        ),
        (
            lambda t: {
                "MRDiffusionSequence": {
                    "DiffusionBValue": 1000.0,
                    "DiffusionGradientDirectionSequence": {
                        "DiffusionGradientOrientation": [float(t), 1.0 - t, 0.0]
                    },
                }
            },
            TimeAxis.B_VALUE,
            ("", ""),
        ),
        (
            lambda t: {"MRDiffusionSequence": {"DiffusionBValue": 800.0 * t}},
            TimeAxis.B_VALUE,
            ("b 0", "b 800"),
        ),
    ],
)  # fmt: skip
def test_time_points_of_an_enhanced_file_are_a_4d_stack(
    tmp_path: Path, moment: Any, axis: TimeAxis, labels: tuple[str, ...]
) -> None:
    frames = [{**at(5.0 * p), **moment(t)} for p in range(3) for t in range(2)]
    write_enhanced(tmp_path / "x.dcm", frames)
    (series,) = series_of(tmp_path)
    assert [s.frame for s in series.slices] == [0, 2, 4, 1, 3, 5]
    assert (series.time_points, series.positions) == (2, 3)
    assert (axis_of(series), series.time_labels, series.warnings) == (axis, labels, ())


def test_the_acquisition_of_an_enhanced_file_is_read_from_its_groups(tmp_path: Path) -> None:
    shared = {
        "PixelMeasuresSequence": {
            "PixelSpacing": [1, 1], "SliceThickness": 3, "SpacingBetweenSlices": 3.5,
        },
        "MREchoSequence": {"EffectiveEchoTime": 30.5},
        "MRTimingAndRelatedParametersSequence": {
            "RepetitionTime": 2000, "FlipAngle": 90, "EchoTrainLength": 8,
        },
        "MRModifierSequence": {"InversionTimes": [1400.0]},
        "MRAveragesSequence": {"NumberOfAverages": 4},
        "MRImagingModifierSequence": {"PixelBandwidth": 250},
        "MRReceiveCoilSequence": {"ReceiveCoilName": "HEAD"},
    }  # fmt: skip
    write_enhanced(
        tmp_path / "x.dcm",
        [at(0), at(3.5)],
        shared=shared,
        elements={
            "MagneticFieldStrength": 0.35,
            "PulseSequenceName": "fse",
            "Manufacturer": "Acme",
            "ManufacturerModelName": "Low 1",
        },
    )
    found = series_of(tmp_path)[0].acquisition
    assert (found.echo_time_ms, found.repetition_time_ms, found.inversion_time_ms) == (
        30.5, 2000, 1400,
    )  # fmt: skip
    assert (found.slice_thickness_mm, found.spacing_between_slices_mm) == (3, 3.5)
    assert (found.flip_angle_deg, found.echo_train_length, found.averages) == (90, 8, 4)
    assert (found.pixel_bandwidth_hz, found.receive_coil) == (250, "HEAD")
    assert (found.field_strength_t, found.sequence) == (0.35, "fse")
    assert (found.manufacturer, found.model) == ("Acme", "Low 1")


def test_damaged_groups_hide_no_frame(tmp_path: Path) -> None:
    write_enhanced(tmp_path / "x.dcm", [{}, at(5), at(10)])
    (series,) = series_of(tmp_path)
    assert len(series.slices) == 3
    assert "no position" in series.warnings[0]


def _detector(position: list[float]) -> Dataset:
    item = Dataset()
    item.ImagePositionPatient, item.ImageOrientationPatient = position, [1, 0, 0, 0, 1, 0]
    return item


def test_slices_of_nuclear_medicine_lie_behind_one_another(tmp_path: Path) -> None:
    elements = {
        "Modality": "NM",
        "ImageType": ["ORIGINAL", "PRIMARY", "RECON GATED TOMO"],
        "DetectorInformationSequence": [_detector([0, 0, 50])],
        "SliceVector": [1, 2, 3, 1, 2, 3],
        "TimeSlotVector": [1, 1, 1, 2, 2, 2],
        "SpacingBetweenSlices": -4,
    }
    write_dicom(
        tmp_path / "x.dcm", np.zeros((6, 4, 4), np.uint16), position_mm=None, elements=elements
    )
    (series,) = series_of(tmp_path)
    assert [s.location_mm for s in series.slices[:3]] == [42, 46, 50]
    assert [s.frame for s in series.slices] == [2, 1, 0, 5, 4, 3]
    assert series.time_points == 2


@pytest.mark.parametrize(
    ("elements", "frame_time_ms"),
    [
        ({"FrameTime": 40, "CineRate": 10}, 40),
        ({"FrameTimeVector": [0, 30, 50, 40]}, 40),
        ({"RecommendedDisplayFrameRate": 20, "CineRate": 10}, 50),
        ({"CineRate": 10}, 100),
        ({"FrameTime": 0}, None),
        ({}, None),
    ],
)
def test_a_film_tells_how_long_its_frames_last(
    tmp_path: Path, elements: dict[str, Any], frame_time_ms: float | None
) -> None:
    write_dicom(tmp_path / "x.dcm", np.zeros((4, 4, 4), np.uint8), elements=elements)
    (series,) = series_of(tmp_path)
    assert series.frame_time_ms == (None if frame_time_ms is None else pytest.approx(frame_time_ms))
    assert (series.positions, series.time_points, series.warnings) == (4, 1, ())


def test_a_thousand_frames_are_one_stack_of_fifty_time_points(tmp_path: Path) -> None:
    positions, times = 20, 50
    frames = [
        at(2.0 * p, TemporalPositionIndex=t + 1) for t in range(times) for p in range(positions)
    ]
    write_enhanced(tmp_path / "x.dcm", frames)
    (series,) = series_of(tmp_path)
    assert (series.positions, series.time_points) == (positions, times)
    assert [s.frame for s in series.slices] == list(range(positions * times))


def test_a_knee_that_moves_is_a_film_of_one_position(test_data: Path) -> None:
    file = test_data / "corpus" / "multiframe" / "fo__MOVEKNEE.dcm"
    if not file.is_file():
        pytest.skip("there is no corpus")
    (series,) = scan(open_source(file), salt=b"s").series
    assert (series.positions, series.time_points, series.warnings) == (19, 1, ())
    assert not series.localizer

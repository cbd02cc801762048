from __future__ import annotations

from typing import Any

import msgspec
import pytest

from medseg_desktop.core.finding import LEAK, Finding
from medseg_desktop.core.measurement import Measurement
from medseg_desktop.core.specs import TrainSpec
from medseg_desktop.io.dataset import read_dataset
from medseg_desktop.io.dataset_scan import scan_pixels
from medseg_desktop.io.preflight import Preflight, check_training
from medseg_desktop.io.preflight_start import StartModel
from medseg_desktop.qt.presenters.check_texts import check_report
from tests.builders import write_dataset

MEASURED = Measurement(
    device="cpu", size=64, batch_size=2, step_s=1.654, evaluation_s=1.0, start_s=2.0,
    total_s=700.0, memory_mb=1163, available_mb=20_600, fitting_batch=40, is_exact=True,
)  # fmt: skip


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Preflight:
    folder = write_dataset(tmp_path_factory.mktemp("texts") / "d", {"train": 5, "val": 1}, slices=3)
    dataset = read_dataset(folder)
    spec = TrainSpec(dataset=str(folder), run=str(folder / "r"), model_name="m", size=64,
                     batch_size=2)  # fmt: skip
    return check_training(dataset, spec, scan_pixels(dataset))


def needs(found: Preflight, **changes: Any) -> dict[str, str]:
    return dict(
        check_report(found.with_measurement(msgspec.structs.replace(MEASURED, **changes))).needs
    )


def test_a_set_without_slices_has_dashes(found: Preflight) -> None:
    report = check_report(found)
    rows = dict(report.rows)
    assert rows["Lesions"] == ("10", "2", "0")
    assert rows["Largest lesion"][2] == "–"
    assert dict(report.balance)["H, of slices"] == ("67 %", "67 %", "–")


def test_what_was_measured_is_told_with_its_unit(found: Preflight) -> None:
    assert needs(found)["Time"] == "about 12 min, 1.65 s a step"
    assert needs(found)["Memory"] == "1.2 GB of 20.6 GB free"
    assert needs(found)["Largest batch"] == "40"
    assert needs(found, fitting_batch=256)["Largest batch"] == "256 or more"
    assert needs(found, fitting_batch=1)["Largest batch"] == "none"
    assert "Largest batch" not in needs(found, fitting_batch=None, available_mb=None)
    measured = found.with_measurement(msgspec.structs.replace(MEASURED, device="gpu"))
    assert check_report(measured).needs_title == "On this computer, measured on the GPU"


def test_a_batch_that_does_not_fit_blocks_and_a_failed_measurement_does_not(
    found: Preflight,
) -> None:
    large = found.with_measurement(msgspec.structs.replace(MEASURED, memory_mb=30_000))
    assert not check_report(large).can_start
    report = check_report(found, unmeasured=Finding("Nothing could be measured.", "Look."))
    assert report.can_start
    assert report.problems[-1].text == "Nothing could be measured."


def test_the_line_on_the_split_is_the_proof_or_says_what_is_wrong(found: Preflight) -> None:
    def line(**changes: Any) -> tuple[str, bool | None, str]:
        report = check_report(msgspec.structs.replace(found, **changes))
        return report.split_line, report.split_ok, report.split_cure

    nobody = "No patient, slice or picture is in two sets."
    assert line() == (nobody, True, "")
    five = {**found.sets, "test": msgspec.structs.replace(found.sets["test"], patients=5)}
    rest = "No slice or picture is in two sets."
    seen = "0 of 5 test patients seen in training"
    assert line(sets=five) == (f"{seen}. {rest}", True, "")
    assert line(sets=five, pixels_read=False) == (f"{seen}.", None, "")
    assert line(sets=five, start=StartModel("demo-v1", 0)) == (
        f"{seen} or by demo-v1, which it starts from. {rest}", True, "",
    )  # fmt: skip
    assert line(sets=five, start=StartModel("demo-v1", None)) == (
        f"{seen}; what demo-v1 has seen is unknown. {rest}", None, "",
    )  # fmt: skip
    text, is_good, cure = line(sets=five, start=StartModel("demo-v1", 2))
    assert text == "2 of 5 test patients were seen by demo-v1, which this training starts from."
    assert is_good is False
    assert cure.startswith("Start from another model")


def test_what_the_line_on_the_split_says_is_not_said_twice(found: Preflight) -> None:
    warning = Finding("2 of 5 test patients were seen", "Start from another.", LEAK)
    changed = msgspec.structs.replace(
        found, warnings=[warning, Finding("Else.", "")], start=StartModel("demo-v1", 2)
    )
    assert [p.text for p in check_report(changed).problems] == ["Else."]

from __future__ import annotations

import base64
import json
import math
import re
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest

from medseg_desktop.core.errors import WorkspaceError
from medseg_desktop.core.events import (
    CancelledEvent,
    CaseScore,
    Evaluation,
    Event,
    Failed,
    Finished,
    Log,
    Preview,
    PreviewSlice,
    Started,
    Step,
    encode_event,
)
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.notice import RESEARCH_NOTICE
from medseg_desktop.core.specs import TrainSpec, encode_spec
from medseg_desktop.io.dataset import read_dataset, split_digest
from medseg_desktop.io.png import write_png
from medseg_desktop.io.report_pictures import (
    SamplePicture,
    choose_samples,
    overlay,
    side_by_side,
)
from medseg_desktop.io.run_folder import REPORT
from medseg_desktop.io.run_report import without_paths, write_report
from tests.builders import model_info, patient_hash, write_dataset, write_model_package
from tests.html_page import Page

EVIL = '<script>alert("x")</script>&'
VAL = patient_hash("val", 0)


def evaluation(iteration: int, dice: float, label: str = "H") -> Evaluation:
    cases = [
        CaseScore(patient_hash=VAL, n_slices=4, dice={label: dice}, foreground_dice=dice),
        CaseScore(patient_hash="e" * 16, n_slices=2, dice={label: None}, foreground_dice=None),
    ]
    return Evaluation(
        iteration=iteration, dice={label: dice}, iou={label: dice / 2}, cases=cases, mean_dice=dice
    )


def write_run(run: Path, dataset: Path, *more: Event, **changes: Any) -> TrainSpec:
    """A run folder of 20 steps, evaluated after 10 (best) and after 20, with `more` at its end."""
    (run / "previews").mkdir(parents=True)
    spec = msgspec.structs.replace(
        TrainSpec(
            dataset=str(dataset), run=str(run), model_name="flair", iterations=20, batch_size=2,
            size=64, seed=7,
        ),
        **changes,
    )  # fmt: skip
    grey, label_map = np.full((64, 64), 90, np.uint8), np.zeros((64, 64), np.uint8)
    label_map[20:40, 20:40] = 1
    names = {"grey": grey, "reference": label_map, "prediction": label_map}
    for name, pixels in names.items():
        write_png(run / "previews" / f"{name}.png", pixels)
    shown = PreviewSlice(
        rank="worst", patient_hash=VAL, name="00008.png", dice=0.25,
        **{name: f"previews/{name}.png" for name in names},
    )  # fmt: skip
    details = {
        "device": "cpu", "threads": 2, "patients": {"train": 2, "val": 1, "test": 0},
        "slices": {"train": 8, "val": 4, "test": 0},
    }  # fmt: skip
    events: list[Event] = [Started(kind="train", pid=1, details=details, time=1e9)]
    for i in range(1, 21):
        events.append(
            Step(
                iteration=i,
                loss=5.0 / i,
                losses=[4.0 / i, 1.0 / i],
                lr=1e-3,
                step_s=1.5,
                wait_s=0.015,
                memory_bytes=10**9,
                time=1e9 + i,
            )
        )
        if i in (10, 20):
            events.append(evaluation(i, 0.625 if i == 10 else 0.5))
            events.append(Preview(iteration=i, slices=[shown]))
    lines = [encode_event(event) for event in (*events, *more)]
    (run / "events.jsonl").write_bytes(b"".join(lines))
    (run / "spec.json").write_bytes(encode_spec(spec))
    return spec


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "data")


def with_model(run: Path, dataset: Path) -> None:
    found = read_dataset(dataset)
    write_model_package(
        run / "model",
        msgspec.structs.replace(
            model_info(name="flair"),
            dataset_hash=found.digest,
            split_hash=split_digest(found.manifest.patients),
            training={"iterations": 20, "onnx_agreement": 0.99998},
            metrics={"iteration": 10},
            software={"paddlepaddle": "3.3.1"},
        ),
    )


def test_a_report_holds_the_whole_training(tmp_path: Path, dataset: Path) -> None:
    run = tmp_path / "run"
    write_run(run, dataset, Finished(result={"iterations": 20}, time=1e9 + 100))
    with_model(run, dataset)
    assert write_report(run) == run / REPORT
    page = Page(run / REPORT)
    for word in (
        RESEARCH_NOTICE, "Run report: flair", "Dataset data", "All 20 steps were done.", "0.625",
        "mean patient Dice on validation", "Training loss", "Loss of each head", "Learning rate",
        "Validation Dice of each patient", "Dotted: step 10, the kept model.", VAL, "e" * 16,
        "First and best evaluation: step 10", "Last evaluation: step 20",
        "Worst slice, Dice 0.250", "Training slices", "Threads", "1.5 s", "1.0%", "1000 MB",
        "99.998% of the pixels", "paddlepaddle", "3.3.1", read_dataset(dataset).digest,
        "random weights", "64 x 64 pixels",
    ):  # fmt: skip
        assert word in page.text, word
    assert page.tags.count("svg") == 5
    # Two evaluations with one slice each, and the eight training slices.
    assert page.tags.count("img") == 2 + 8


def test_nothing_is_loaded_and_nothing_runs(tmp_path: Path, dataset: Path) -> None:
    write_run(tmp_path / "run", dataset)
    write_report(tmp_path / "run")
    page = Page(tmp_path / "run" / REPORT)
    assert page.addresses
    assert all(address.startswith("data:image/jpeg;base64,") for address in page.addresses)
    assert not {"script", "link", "iframe", "object", "base", "form"} & set(page.tags)
    html = (tmp_path / "run" / REPORT).read_text(encoding="utf-8")
    assert not re.search(r"https?://|url\(|@import", html)
    assert "default-src 'none'" in html


def test_names_are_text_and_never_markup(tmp_path: Path) -> None:
    data = write_dataset(tmp_path / "data", labels=(EVIL,))
    run = tmp_path / "run"
    events = (
        evaluation(30, 0.75, EVIL), Log(message=EVIL, level="warning"),
        Failed(message=f"Broken: {EVIL}"),
    )  # fmt: skip
    write_run(run, data, *events, model_name=EVIL, init=EVIL)
    write_report(run)
    page = Page(run / REPORT)
    assert "script" not in page.tags
    assert page.text.count(EVIL) >= 5
    assert f"It failed: Broken: {EVIL}" in page.text


def test_no_path_and_no_name_of_a_patient_gets_in(tmp_path: Path) -> None:
    data = write_dataset(tmp_path / "Zhang San 1958" / "flair set")
    run = tmp_path / "Zhang San 1958" / "run"
    message = f"{data / 'images' / '00001.png'} cannot be used."
    write_run(
        run, data, Log(message=message, level="warning"), Failed(message=message),
        init=str(tmp_path / "Zhang San 1958" / "old-v1"),
    )  # fmt: skip
    write_report(run, ended=f"The model is in {run / 'model'}.")
    html = (run / REPORT).read_text(encoding="utf-8")
    assert "Zhang" not in html
    assert str(tmp_path) not in html
    for word in ("flair set", "00001.png cannot be used.", "old-v1", "The model is in model."):
        assert word in html


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("in /a/b c/d.png now", "in d.png now"),
        (r"C:\Users\Li Wei\run is full", "run is full"),
        (r"\\server\share\x\y.dcm", "y.dcm"),
        ("images/00001.png and 3/4", "images/00001.png and 3/4"),
        ("no path at all", "no path at all"),
    ],
)
def test_absolute_paths_are_shortened(text: str, expected: str) -> None:
    assert without_paths(text) == expected


def test_a_stopped_run_without_dataset_or_model_still_has_a_report(tmp_path: Path) -> None:
    run = tmp_path / "run"
    write_run(run, tmp_path / "gone", CancelledEvent(result={"iterations": 20}))
    write_report(run)
    page = Page(run / REPORT)
    assert "It was stopped after 20 steps." in page.text
    assert "step of the best evaluation" in page.text
    assert "Training slices" not in page.text
    assert page.tags.count("svg") == 5


def test_a_run_that_diverged_or_said_nothing_has_a_report(tmp_path: Path, dataset: Path) -> None:
    run = tmp_path / "run"
    broken = [
        Step(iteration=i, loss=loss, losses=[loss, loss], lr=math.nan)
        for i, loss in ((21, 1e30), (22, math.nan))
    ]
    write_run(run, dataset, *broken, Failed(message="The training broke down."))
    with (run / "events.jsonl").open("ab") as file:
        file.write(b'{"event": "st')  # torn by a power loss
    write_report(run)
    assert re.search(r"1e\+\d\d", Page(run / REPORT).text)  # a tick of the logarithmic axis
    (run / "events.jsonl").unlink()
    write_report(run, ended="It ended.")
    assert "It ended." in Page(run / REPORT).text


def test_pictures_that_are_missing_or_lie_elsewhere_are_left_out(
    tmp_path: Path, dataset: Path
) -> None:
    run = tmp_path / "run"
    write_run(run, dataset)
    write_png(tmp_path / "secret.png", np.full((64, 64), 9, np.uint8))
    text = (run / "events.jsonl").read_text(encoding="utf-8")
    (run / "events.jsonl").write_text(text.replace("previews/grey.png", "../secret.png"))
    write_report(run, samples=[])
    assert "img" not in Page(run / REPORT).tags
    (run / "events.jsonl").write_text(text)
    (run / "previews" / "prediction.png").unlink()
    write_report(run, samples=[])
    assert "img" not in Page(run / REPORT).tags


def test_samples_of_a_dataset_that_has_changed_are_not_shown(tmp_path: Path, dataset: Path) -> None:
    run = tmp_path / "run"
    write_run(run, dataset)
    with_model(run, dataset)
    manifest = json.loads((dataset / "manifest.json").read_text())
    (dataset / "manifest.json").write_text(json.dumps({**manifest, "created": "later"}))
    write_report(run)
    assert "Training slices" not in Page(run / REPORT).text


def test_the_networks_own_samples_can_be_shown(tmp_path: Path, dataset: Path) -> None:
    write_run(tmp_path / "run", dataset)
    square = np.full((64, 64), 200, np.uint8)
    write_report(tmp_path / "run", samples=[SamplePicture("augmented", square, square * 0)])
    page = Page(tmp_path / "run" / REPORT)
    assert "augmented" in page.words


def test_a_folder_without_a_training_is_refused(tmp_path: Path, dataset: Path) -> None:
    with pytest.raises(WorkspaceError, match=r"Cannot read .*spec\.json: it does not exist"):
        write_report(tmp_path)
    write_run(tmp_path / "run", dataset)
    (tmp_path / "run" / "spec.json").write_bytes(b"[]")
    with pytest.raises(WorkspaceError, match="does not describe a training"):
        write_report(tmp_path / "run")
    (tmp_path / "run" / "spec.json").unlink()


def test_a_full_disk_leaves_the_report_before(
    tmp_path: Path, dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(tmp_path / "run", dataset)
    path = write_report(tmp_path / "run")
    before = path.read_bytes()

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("medseg_desktop.io.atomic.os.fsync", full)
    with pytest.raises(WorkspaceError, match=r"Cannot write .*report\.html: the disk is full"):
        write_report(tmp_path / "run", ended="again")
    assert path.read_bytes() == before


def test_an_overlay_outlines_a_lesion_and_leaves_the_rest_grey() -> None:
    grey = np.full((20, 20), 100, np.uint8)
    label_map = np.zeros((20, 20), np.uint8)
    label_map[5:15, 5:15] = 1
    table = LabelTable.from_names(["H"])
    picture = overlay(grey, label_map, table)
    assert (picture[0, 0] == 100).all()
    assert picture[5, 5, 0] > picture[10, 10, 0] > 100
    assert picture[10, 10, 1] < 100
    label_map[10, 10] = 9  # a class that the table lacks
    overlay(grey, label_map, table)


def test_pictures_lose_their_black_margins_but_no_lesion() -> None:
    grey = np.zeros((256, 256), np.uint8)
    grey[100:160, 90:190] = 120
    label_map = np.zeros((256, 256), np.uint8)
    label_map[20:24, 128:132] = 1
    uri = side_by_side(grey, [None, label_map], LabelTable.from_names(["H"]))
    data = np.frombuffer(base64.b64decode(uri.partition(",")[2]), np.uint8)
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR)
    rows, columns = picture.shape[:2]
    assert rows > 1.2 * (columns / 2)
    right = picture[:, columns // 2 :].astype(int)
    assert (right[..., 2] - right[..., 1]).max() > 100
    left = picture[:, : columns // 2 - 2].astype(int)
    assert (left[..., 2] - left[..., 1]).max() < 12
    assert side_by_side(grey * 0, [None], LabelTable.from_names(["H"]))


def test_samples_show_every_patient_before_one_twice(tmp_path: Path) -> None:
    data = read_dataset(write_dataset(tmp_path / "d", {"train": 3, "val": 1}, slices=4))
    chosen = choose_samples(data.files("train"), 8)
    assert len(chosen) == 8
    assert len({f.patient_hash for f in chosen[:3]}) == 3
    assert sum(not f.lesion_pixels for f in chosen) == 2
    assert len(choose_samples(data.files("train"), 100)) == 12
    assert choose_samples([], 8) == []

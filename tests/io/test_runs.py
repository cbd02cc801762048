"""Run folders read back: whole ones, broken ones, and what is none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from medseg_desktop.core.errors import WorkspaceError
from medseg_desktop.core.events import Preview, PreviewSlice
from medseg_desktop.core.run_state import RunStatus, fold
from medseg_desktop.core.specs import PredictSpec, encode_spec
from medseg_desktop.io.runs import RunReader, read_preview, read_run, read_train_spec
from tests.runs import run_events, write_run


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "workspace" / "runs"


def test_a_run_is_listed_with_what_it_came_to(runs: Path) -> None:
    events = run_events(40, every=10)
    folder = write_run(runs / "20260101-000000-aaaa", events, iterations=40)
    (entry,) = RunReader(runs).entries()
    assert (entry.path, entry.title, entry.status) == (folder, "flair", RunStatus.FINISHED)
    assert (entry.iterations, entry.continues, entry.problem) == (40, True, "")
    best = fold(events).best
    assert best is not None
    assert entry.best_dice == best.mean_dice
    assert read_run(folder) == fold(events)
    assert read_train_spec(folder).iterations == 40


def test_the_newest_run_is_the_first_and_broken_ones_are_the_last(runs: Path) -> None:
    for name in ("20260101-000000-aaaa", "20260301-000000-cccc", "20260201-000000-bbbb"):
        write_run(runs / name, run_events(10, every=5))
    (runs / "99990101").mkdir()
    names = [entry.path.name[:8] for entry in RunReader(runs).entries()]
    assert names == ["20260301", "20260201", "20260101", "99990101"]


def test_a_run_that_broke_off_counts_as_failed_and_keeps_its_curves(runs: Path) -> None:
    folder = write_run(runs / "r", run_events(30, every=10, end=""))
    with (folder / "events.jsonl").open("ab") as file:
        file.write(b'{"event": "step", "iteration": 31, "lo')  # torn by a power loss
    run = read_run(folder)
    assert (run.status, len(run.steps)) == (RunStatus.FAILED, 30)
    assert "checkpoint" in run.hint
    (folder / "checkpoints" / "latest.safetensors").unlink()
    assert read_run(folder).hint == ""
    (entry,) = RunReader(runs).entries()
    assert (entry.status, entry.continues) == (RunStatus.FAILED, False)


def spoil(folder: Path, how: str) -> None:
    spec, events = folder / "spec.json", folder / "events.jsonl"
    match how:
        case "no spec":
            spec.unlink()
        case "other job":
            predict = PredictSpec(model="m", source="s", out="o", formats=[], salt="")
            spec.write_bytes(encode_spec(predict))
        case "damaged spec":
            spec.write_bytes(b"\xff\xfe{" + b"[" * 5000)
        case "no events":
            events.unlink()
        case "empty events":
            events.write_bytes(b"")
        case "no event in it":
            events.write_bytes(b"hello\n\xff\xff\nnull\n[]\n" + b"[" * 100_000 + b"\n")
        case "folder for a file":
            events.unlink()
            events.mkdir()
        case "huge events":
            os.truncate(events, 2 * 1024**3)  # a sparse file


@pytest.mark.parametrize(
    "how",
    "no spec|other job|damaged spec|no events|empty events|no event in it|folder for a file|"
    "huge events".split("|"),
)
def test_what_is_no_run_of_a_training_is_listed_with_the_reason(runs: Path, how: str) -> None:
    spoil(write_run(runs / "bad", run_events(10, every=5)), how)
    write_run(runs / "good", run_events(10, every=5))
    good, bad = RunReader(runs).entries()
    assert (good.problem, bad.path.name) == ("", "bad")
    assert bad.problem.endswith(".")
    assert "\n" not in bad.problem
    assert (bad.status, bad.continues) == (None, False)


def test_a_workspace_without_runs_has_none(runs: Path) -> None:
    assert RunReader(runs).entries() == ()
    runs.parent.mkdir()
    runs.write_bytes(b"no folder")
    assert RunReader(runs).entries() == ()


def test_only_what_has_changed_is_read_again(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = write_run(runs / "a", run_events(10, every=5))
    write_run(runs / "b", run_events(10, every=5))
    reader, read = RunReader(runs), []
    monkeypatch.setattr(
        "medseg_desktop.io.runs.read_run",
        lambda folder: read.append(folder.name) or read_run(folder),
    )
    reader.entries()
    reader.entries()
    assert sorted(read) == ["a", "b"]
    with (first / "events.jsonl").open("ab") as file:
        file.write(b"\n")
    reader.entries()
    assert sorted(read) == ["a", "a", "b"]


def test_the_pictures_of_a_preview(runs: Path) -> None:
    events = run_events(20, every=20, previews=True)
    folder = write_run(runs / "r", events, iterations=20)
    (preview,) = (event for event in events if isinstance(event, Preview))
    grey, reference, prediction = read_preview(folder, preview.slices[0])
    assert grey.shape == reference.shape == prediction.shape
    assert set(reference.ravel()) == {0, 1}


@pytest.mark.parametrize("name", ["../spec.png", "/etc/passwd", "previews/../../x.png"])
def test_a_preview_never_leads_out_of_its_run(runs: Path, name: str) -> None:
    folder = write_run(runs / "r", run_events(10, every=5))
    shown = PreviewSlice(
        rank="best", patient_hash="", name="n", dice=0.0, grey=name, reference=name, prediction=name
    )
    with pytest.raises(WorkspaceError, match="not a picture of the run"):
        read_preview(folder, shown)


def test_a_missing_picture_is_said(runs: Path) -> None:
    folder = write_run(runs / "r", run_events(10, every=5))
    shown = PreviewSlice(
        rank="best",
        patient_hash="",
        name="n",
        dice=0.0,
        grey="a.png",
        reference="b",
        prediction="c",
    )
    with pytest.raises(WorkspaceError, match=r"The slice n cannot be shown: .*a\.png.*\.$"):
        read_preview(folder, shown)

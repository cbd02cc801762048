from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from medseg_desktop.core.errors import Cancelled, DatasetError
from medseg_desktop.core.measurement import Measurement
from medseg_desktop.core.sample_sheet import GAP, TILE, sample_sheet
from medseg_desktop.core.specs import MeasureSpec, TrainSpec
from medseg_desktop.engine.data import batch_source, load_samples
from medseg_desktop.engine.measuring import measure
from medseg_desktop.engine.measuring.measure import run_measurement
from medseg_desktop.io.dataset import read_dataset
from medseg_desktop.io.png import encode_png
from medseg_desktop.jobs.run import run_job

MakeSpec = Callable[..., TrainSpec]


def measured(result: dict[str, Any]) -> Measurement:
    return msgspec.convert(result["measured"], Measurement)


def test_a_few_steps_are_measured_and_nothing_is_left_in_the_run(
    make_spec: MakeSpec, context: Any
) -> None:
    train = make_spec(preset="default", batch_size=4, iterations=100)
    result = run_measurement(MeasureSpec(train=train, steps=1), context)
    found = measured(result)
    assert (found.device, found.batch_size, found.size) == ("cpu", 4, 64)
    assert found.is_exact
    assert found.step_s > 0
    assert found.total_s > 100 * found.step_s + found.start_s
    assert 100 < found.memory_mb < 20_000
    assert found.fitting_batch is None or found.fitting_batch > 4
    assert result["sheet"] == ""
    assert not Path(train.run).exists()
    assert ("measure", 3, 3) in context.phases


@pytest.mark.parametrize("preset", ["default", "reference"])
def test_the_sheet_shows_the_very_slices_of_the_first_batches(
    make_spec: MakeSpec, context: Any, tmp_path: Path, preset: str
) -> None:
    train = make_spec(preset=preset, batch_size=5, size=96)
    sheet = tmp_path / "sheet.png"
    result = run_measurement(MeasureSpec(train=train, sheet=str(sheet), steps=0), context)
    assert result == {"sheet": str(sheet), "measured": None}
    dataset = read_dataset(Path(train.dataset))
    samples = load_samples(dataset, ("train",), lambda done, total: None)["train"]
    source = batch_source(dataset, train, samples)
    expected = []
    for iteration in (1, 2):
        images, labels = source.batch(iteration)
        for image, label_map in zip(images[:, 0], labels[:, 0], strict=True):
            grey = np.rint((image * 0.5 + 0.5) * 255).astype(np.uint8)
            expected.append((grey, label_map.astype(np.uint8)))
    assert len(expected) == 10
    assert sheet.read_bytes() == encode_png(sample_sheet(expected, dataset.manifest.table))


def test_drawing_needs_no_paddle(make_spec: MakeSpec, tmp_path: Path) -> None:
    """With an interpreter in which Paddle cannot be imported."""
    block = tmp_path / "block"
    block.mkdir()
    (block / "paddle.py").write_text("raise ModuleNotFoundError('paddle', name='paddle')")
    start = f"import sys; sys.path.insert(0, {str(block)!r}); "
    start += "from medseg_desktop.cli import main; sys.exit(main(['worker', 'SPEC']))"
    spec = MeasureSpec(train=make_spec(), sheet=str(tmp_path / "sheet.png"))
    folder = tmp_path / "work"
    command = [sys.executable, "-c", start.replace("SPEC", str(folder / "spec.json"))]
    state = run_job(spec, work_dir=folder, command=command)
    assert state.status == "failed"
    assert "paddle" in state.message
    assert (tmp_path / "sheet.png").read_bytes().startswith(b"\x89PNG")


def test_the_job_runs_in_a_child_process(make_spec: MakeSpec, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    state = run_job(MeasureSpec(train=make_spec(batch_size=2), sheet=str(sheet), steps=1))
    assert state.message == ""
    assert state.status == "finished"
    assert measured(state.result).batch_size == 2
    assert sheet.stat().st_size > (TILE + GAP)


def test_a_batch_that_might_not_fit_is_told_from_smaller_ones(
    make_spec: MakeSpec, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from medseg_desktop.engine.device import Device

    monkeypatch.setattr(Device, "available_memory", lambda device: 900_000_000)
    seen: list[int] = []
    step = measure._Meter._step

    def noting(self: Any, images: np.ndarray, labels: np.ndarray) -> None:
        seen.append(len(images))
        step(self, images, labels)

    monkeypatch.setattr(measure._Meter, "_step", noting)
    train = make_spec(batch_size=200)
    found = measured(run_measurement(MeasureSpec(train=train, steps=1), context))
    assert set(seen) == {2, 4}
    assert not found.is_exact
    assert found.available_mb == 900
    assert found.batch_size == 200


def test_a_stop_ends_it_and_keeps_the_sheet(
    make_spec: MakeSpec, make_context: Any, tmp_path: Path
) -> None:
    sheet = tmp_path / "sheet.png"
    context = make_context()
    tell = context.progress

    def progress(phase: str, done: int, total: int = 0) -> None:
        tell(phase, done, total)
        context.stop_requested = phase == "measure" and done == 1

    context.progress = progress
    with pytest.raises(Cancelled) as stopped:
        run_measurement(MeasureSpec(train=make_spec(batch_size=4), sheet=str(sheet)), context)
    assert stopped.value.result == {"sheet": str(sheet), "measured": None}
    assert sheet.is_file()
    assert [done for phase, done, _ in context.phases if phase == "measure"] == [0, 1]


def test_a_dataset_that_cannot_be_trained_on_is_refused(
    make_spec: MakeSpec, context: Any, tmp_path: Path
) -> None:
    with pytest.raises(DatasetError, match="is no dataset"):
        run_measurement(MeasureSpec(train=make_spec(dataset=str(tmp_path))), context)

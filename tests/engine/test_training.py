from __future__ import annotations

import errno
import importlib.util
import json
import math
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors

from medseg_desktop.core.errors import Cancelled, DataError, JobError, ModelError, WorkspaceError
from medseg_desktop.core.events import (
    Checkpoint,
    Evaluation,
    Event,
    Finished,
    Started,
    Step,
    decode_event,
)
from medseg_desktop.core.specs import TrainSpec, encode_spec
from medseg_desktop.engine import step as training_step
from medseg_desktop.engine.backend import paddle
from medseg_desktop.engine.training import run_training
from medseg_desktop.inference.predictor import Predictor
from medseg_desktop.io import atomic
from medseg_desktop.io.dataset import read_dataset
from medseg_desktop.io.model_package import open_model, read_info
from medseg_desktop.io.png import write_png
from tests.builders import write_dataset

MakeSpec = Callable[..., TrainSpec]


def test_a_training_learns_and_its_package_predicts(
    tmp_path: Path, make_spec: MakeSpec, context: Any
) -> None:
    folder = write_dataset(tmp_path / "data", slices=4)
    spec = make_spec(
        dataset=str(folder), preset="default", iterations=24, batch_size=4, evaluate_every=12
    )

    result = run_training(spec, context)

    steps, evaluations = context.of(Step), context.of(Evaluation)
    assert steps[-1].loss < 0.8 * steps[0].loss
    assert [e.iteration for e in evaluations] == [12, 24]
    assert evaluations[-1].mean_dice > 0.5
    assert result["best"] == {"iteration": 24, "mean_dice": evaluations[-1].mean_dice}
    assert context.phases[-1] == ("export", 3, 3)
    predictor = Predictor.open(Path(result["model"]))
    dataset = read_dataset(folder)
    file = dataset.files("val")[0]
    predicted = predictor.predict_grey(dataset.slice(file))
    truth = dataset.label_map(file)
    overlap = 2 * (predicted & truth).sum() / (predicted.sum() + truth.sum())
    assert overlap > 0.4
    with safetensors.safe_open(Path(spec.run) / "checkpoints/latest.safetensors", "np") as file:
        names = {n.rsplit("/", 1)[0] for n in file.keys()}  # noqa: SIM118
    assert {"optimiser/moment1_0", "optimiser/moment2_0", "optimiser/beta1_pow_acc_0"} <= names


@pytest.fixture(scope="module")
def finished(
    dataset_folder: Path, tmp_path_factory: pytest.TempPathFactory, make_context: Any
) -> tuple[TrainSpec, dict[str, Any], Any]:
    """A training of three steps, evaluated after two and after three."""
    run = tmp_path_factory.mktemp("finished") / "run"
    spec = TrainSpec(
        dataset=str(dataset_folder),
        run=str(run),
        model_name="discs",
        iterations=3,
        batch_size=2,
        size=64,
        device="cpu",
        seed=1,
        evaluate_every=2,
    )
    context = make_context()
    return spec, run_training(spec, context), context


def test_the_result_says_what_was_done(finished: Any) -> None:
    spec, result, context = finished
    assert (result["run"], result["iterations"], result["device"]) == (spec.run, 3, "cpu")
    assert result["patients"] == {"train": 2, "val": 1, "test": 0}
    assert result["slices"] == {"train": 6, "val": 3, "test": 0}
    assert result["best"]["iteration"] in (2, 3)
    assert json.loads(json.dumps(result)) == result
    assert context.details["device"] == "cpu"


def test_steps_carry_each_heads_loss_and_the_rate_of_the_step(finished: Any) -> None:
    step = finished[2].of(Step)[0]
    weights = (0.8, 0.2, 0.8, 0.2, 0.8)
    assert step.iteration == 1
    assert step.loss == pytest.approx(sum(np.multiply(weights, step.losses)), rel=1e-5)
    assert step.lr == 5e-4
    assert step.step_s > 0


def test_each_evaluation_is_followed_by_its_checkpoint(finished: Any) -> None:
    events = [e for e in finished[2].events if isinstance(e, Evaluation | Checkpoint)]
    assert [(type(e), e.iteration) for e in events] == [
        (Evaluation, 2),
        (Checkpoint, 2),
        (Evaluation, 3),
        (Checkpoint, 3),
    ]
    assert events[1].best


def test_the_checkpoint_folder_holds_latest_with_its_optimiser_and_best(finished: Any) -> None:
    folder = Path(finished[0].run) / "checkpoints"
    assert sorted(p.name for p in folder.iterdir()) == ["best.safetensors", "latest.safetensors"]
    with safetensors.safe_open(folder / "latest.safetensors", "np") as file:
        info = json.loads(file.metadata()["medseg"])
        names = set(file.keys())
        assert "network/head.conv_1x1.weight" in names
        assert np.abs(file.get_tensor("optimiser/velocity_0/head.conv_1x1.weight")).max() > 0
    assert info["iteration"] == 3
    assert info["best"]["evaluation"]["iteration"] == finished[1]["best"]["iteration"]
    with safetensors.safe_open(folder / "best.safetensors", "np") as file:
        assert {f"network/{name}" for name in file.keys()} < names  # noqa: SIM118


def test_the_package_tells_where_the_model_comes_from(finished: Any, dataset_folder: Path) -> None:
    _, result, _ = finished
    info = open_model(Path(result["model"])).info
    dataset = read_dataset(dataset_folder)
    assert info.title == "discs-v1"
    assert info.dataset_hash == dataset.digest
    assert info.split == dataset.manifest.patients
    assert info.preprocessing == dataset.manifest.preprocessing
    assert (info.input.channels, info.input.height, info.input.width) == (1, 64, 64)
    assert info.training["seed"] == 1
    assert info.training["onnx_agreement"] > 0.999
    assert info.metrics["n_patients"] == 1
    assert info.metrics["iteration"] == result["best"]["iteration"]
    assert info.software["paddlepaddle"] == paddle.__version__
    assert info.created.endswith("+00:00")
    assert info.parent == ""


def test_the_package_holds_the_best_weights(finished: Any) -> None:
    _, result, _ = finished
    model = Path(result["model"])
    with (
        safetensors.safe_open(model / "weights.safetensors", "np") as packed,
        safetensors.safe_open(model.parent / "checkpoints/best.safetensors", "np") as best,
    ):
        for name in packed.keys():  # noqa: SIM118
            np.testing.assert_array_equal(packed.get_tensor(name), best.get_tensor(name))


def test_a_training_leaves_a_report_and_its_curve_in_the_model(finished: Any) -> None:
    spec, result, context = finished
    report = (Path(spec.run) / "report.html").read_text(encoding="utf-8")
    assert "All 3 steps were done." in report
    assert report.count("<img") == 9  # slices as the network saw them
    assert str(Path(spec.run).parent) not in report
    info = read_info(Path(result["model"]))
    assert [row["iteration"] for row in info.metrics["history"]] == [2, 3]
    assert "## How it learned" in (Path(result["model"]) / "card.md").read_text(encoding="utf-8")
    if importlib.util.find_spec("visualdl") is not None:
        assert list((Path(spec.run) / "visualdl").iterdir())
    assert "VisualDL" not in context.log_text


def test_a_run_folder_with_a_training_is_not_used_again(finished: Any, context: Any) -> None:
    with pytest.raises(WorkspaceError, match="holds a model already"):
        run_training(finished[0], context)


def test_the_same_seed_gives_the_same_validation_curve_and_another_seed_another(
    make_spec: MakeSpec, tmp_path: Path, make_context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medseg_desktop.engine.training._Job._pack", lambda *a: None)

    def curve(run: str, seed: int) -> list[Any]:
        context = make_context()
        spec = make_spec(run=str(tmp_path / run), seed=seed, log_every=1, evaluate_every=1)
        run_training(spec, context)
        losses = [step.losses for step in context.of(Step)]
        return losses + [(e.dice, e.iou, e.cases, e.mean_dice) for e in context.of(Evaluation)]

    first, second, other = curve("a", 4), curve("b", 4), curve("c", 5)
    assert len(first) == 4
    assert first == second
    assert first[:2] != other[:2]
    assert first[2:] != other[2:]


def test_a_stop_leaves_the_best_model_and_raises_cancelled(
    make_spec: MakeSpec, make_context: Any
) -> None:
    def stop_at_2(context: Any, event: Event) -> None:
        if isinstance(event, Step) and event.iteration == 2:
            context.stop_requested = True

    context = make_context(stop_at_2)
    spec = make_spec(iterations=50, evaluate_every=1, log_every=1)
    with pytest.raises(Cancelled) as stopped:
        run_training(spec, context)
    result = stopped.value.result
    assert (result["iterations"], result["best"]["iteration"]) == (2, 1)
    assert read_info(Path(result["model"])).training["iterations"] == 2
    Predictor.open(Path(result["model"]))
    assert [(e.iteration, e.best) for e in context.of(Checkpoint)] == [(1, True), (2, False)]


def test_a_stop_before_the_first_evaluation_leaves_a_checkpoint_and_no_model(
    make_spec: MakeSpec, make_context: Any
) -> None:
    def stop(context: Any, event: Event) -> None:
        context.stop_requested |= isinstance(event, Step)

    spec = make_spec(iterations=50)
    with pytest.raises(Cancelled) as stopped:
        run_training(spec, make_context(stop))
    assert stopped.value.result["model"] is None
    assert stopped.value.result["best"] is None
    run = Path(spec.run)
    assert not (run / "model").exists()
    assert [p.name for p in (run / "checkpoints").iterdir()] == ["latest.safetensors"]


def test_a_loss_that_is_no_number_ends_the_training_in_one_sentence(
    make_spec: MakeSpec, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = training_step.weighted_sum
    calls = []

    def poisoned(losses: Any, weights: Any) -> Any:
        calls.append(1)
        return real(losses, weights) * (math.nan if len(calls) == 2 else 1)

    monkeypatch.setattr(training_step, "weighted_sum", poisoned)
    spec = make_spec(iterations=5, evaluate_every=5)
    with pytest.raises(DataError, match="broke down at iteration 2: the loss is not a number") as e:
        run_training(spec, context)
    assert re.search(r"\(slices \d{5}\.png, \d{5}\.png\)", e.value.message)
    assert not (Path(spec.run) / "model").exists()


def test_a_training_starts_from_another_models_weights(
    finished: Any, tmp_path: Path, make_spec: MakeSpec, context: Any
) -> None:
    folder = write_dataset(tmp_path / "two", slices=2, labels=("edema", "H"))
    spec = make_spec(
        dataset=str(folder), init=finished[1]["model"], iterations=1, run=str(tmp_path / "warm")
    )
    result = run_training(spec, context)
    assert "Training starts from discs-v1, which knows H; new: edema." in context.log_text
    info = read_info(Path(result["model"]))
    assert info.parent == "discs-v1"
    assert info.table.names == ("_background_", "edema", "H")


def test_a_damaged_starting_model_is_refused(
    finished: Any, tmp_path: Path, make_spec: MakeSpec, context: Any
) -> None:
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    for file in Path(finished[1]["model"]).iterdir():
        (damaged / file.name).write_bytes(file.read_bytes())
    with (damaged / "weights.safetensors").open("r+b") as weights:
        weights.seek(1000)
        weights.write(b"\0\1\2\3")
    with pytest.raises(ModelError, match="is not the file the model was saved with"):
        run_training(make_spec(init=str(damaged)), context)


def test_a_full_disk_at_a_checkpoint_keeps_the_one_before(
    make_spec: MakeSpec, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = atomic.os.fsync
    spec = make_spec(iterations=3, evaluate_every=1)
    folder = Path(spec.run) / "checkpoints"

    def fsync(fd: int) -> None:
        if context.of(Checkpoint):
            raise OSError(errno.ENOSPC, "No space left on device")
        real(fd)

    monkeypatch.setattr(atomic.os, "fsync", fsync)
    with pytest.raises(WorkspaceError, match=r"Cannot write .*safetensors: the disk is full"):
        run_training(spec, context)
    assert sorted(p.name for p in folder.iterdir()) == ["best.safetensors", "latest.safetensors"]
    with safetensors.safe_open(folder / "latest.safetensors", "np") as file:
        assert json.loads(file.metadata()["medseg"])["iteration"] == 1
    # What little room a model needs was there, so the best one so far is packed.
    assert read_info(Path(spec.run) / "model").metrics["iteration"] == 1


def test_a_full_disk_at_the_package_leaves_no_model(
    make_spec: MakeSpec, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.write_bytes

    def write_bytes(path: Path, data: bytes) -> int:
        if path.name == "weights.safetensors":
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(path, data)

    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    spec = make_spec(iterations=1)
    with pytest.raises(WorkspaceError, match=r"Cannot write .*model: the disk is full"):
        run_training(spec, context)
    assert not [p.name for p in Path(spec.run).iterdir() if "model" in p.name]


def test_a_run_folder_that_cannot_be_made_is_named(
    make_spec: MakeSpec, tmp_path: Path, context: Any
) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(
        WorkspaceError, match=r"Cannot write to the run folder .*: a file is in the way"
    ):
        run_training(make_spec(run=str(tmp_path / "file" / "run")), context)


def test_a_gpu_that_is_not_there_is_refused(make_spec: MakeSpec, context: Any) -> None:
    if paddle.device.is_compiled_with_cuda():
        pytest.skip("this PaddlePaddle can use a GPU")
    with pytest.raises(JobError, match="Training on the GPU is not possible"):
        run_training(make_spec(device="gpu"), context)


def test_a_damaged_slice_is_named(tmp_path: Path, make_spec: MakeSpec, context: Any) -> None:
    folder = write_dataset(tmp_path / "data", slices=2)
    (folder / "images" / "00001.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"images/00001\.png of the dataset cannot be used"):
        run_training(make_spec(dataset=str(folder)), context)


def test_a_validation_without_lesion_is_announced_and_still_gives_a_model(
    tmp_path: Path, make_spec: MakeSpec, context: Any
) -> None:
    folder = write_dataset(tmp_path / "data", slices=2, without_lesion=["val"])
    result = run_training(make_spec(dataset=str(folder), iterations=1), context)
    assert "the best model is chosen by its loss" in context.log_text
    assert result["best"] == {"iteration": 1, "mean_dice": None}
    assert read_info(Path(result["model"])).metrics["n_patients"] == 0


def test_without_validation_patients_the_last_weights_become_the_model(
    tmp_path: Path, make_spec: MakeSpec, context: Any
) -> None:
    folder = write_dataset(tmp_path / "data", {"train": 2}, slices=2)
    spec = make_spec(dataset=str(folder), iterations=3, evaluate_every=1)
    result = run_training(spec, context)
    assert result["best"] == {"iteration": 3, "mean_dice": None}
    assert open_model(Path(result["model"])).info.metrics["iteration"] == 3


def test_a_class_that_the_table_lacks_is_refused(
    tmp_path: Path, make_spec: MakeSpec, context: Any
) -> None:
    folder = write_dataset(tmp_path / "data", slices=2)
    write_png(folder / "masks2" / "00000.png", np.full((64, 64), 7, np.uint8))
    with pytest.raises(DataError, match="holds class 7, but the dataset has only 2 classes"):
        run_training(make_spec(dataset=str(folder)), context)


def test_a_worker_process_trains_and_leaves_the_window_libraries_alone(
    make_spec: MakeSpec, tmp_path: Path
) -> None:
    spec = make_spec(iterations=1)
    spec_path = tmp_path / "spec.json"
    spec_path.write_bytes(encode_spec(spec))
    code = (
        "import sys; from pathlib import Path\n"
        "from medseg_desktop.engine.training import run_training\n"
        "from medseg_desktop.jobs.worker import run_worker\n"
        "assert 'paddle' not in sys.modules\n"
        "code = run_worker(Path(sys.argv[1]), {'train': run_training})\n"
        "barred = {'PySide6', 'pyqtgraph', 'pydicom', 'imgviz', 'platformdirs'}\n"
        "sys.exit(str(barred & sys.modules.keys()) if barred & sys.modules.keys() else code)\n"
    )
    log = tmp_path / "log"
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            [sys.executable, "-c", code, str(spec_path)],
            stdin=subprocess.PIPE,  # held open: its end would mean that the parent died
            stdout=subprocess.PIPE,
            stderr=errors,
        ) as worker,
    ):
        assert worker.stdout is not None
        events = [decode_event(line) for line in worker.stdout]
    assert worker.returncode == 0, log.read_text(encoding="utf-8")[-2000:]
    assert isinstance(events[0], Started)
    assert events[0].details["slices"] == {"train": 6, "val": 3, "test": 0}
    assert isinstance(events[-1], Finished)
    assert Path(events[-1].result["model"]).is_dir()
    report = (spec_path.parent / "run" / "report.html").read_text(encoding="utf-8")
    assert "All 1 steps were done." in report

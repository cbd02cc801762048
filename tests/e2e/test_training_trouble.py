"""What goes wrong with a training, through the real command line: one sentence, and the best
model so far stays usable."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from medseg_desktop.core.events import Checkpoint, Evaluation, Event, Started, Step, decode_event
from medseg_desktop.inference.predictor import Predictor
from medseg_desktop.io.dataset import read_dataset
from medseg_desktop.io.model_package import read_info
from medseg_desktop.io.png import write_png
from tests.builders import write_dataset
from tests.conftest import ROOT

#: Paddle alone takes seconds to import, and much longer on a busy machine.
pytestmark = pytest.mark.timeout(600)
posix = pytest.mark.skipif(os.name == "nt", reason="signals and limits of POSIX")

SMALL = ("--batch-size", "2", "--size", "64", "--device", "cpu", "--seed", "3")
_WAIT_S = 300.0


def command(dataset: Path, run: Path, *options: object) -> list[str]:
    words = ["train", dataset, "--run", run, *SMALL, *options]
    return [sys.executable, "-m", "medseg_desktop", *map(str, words)]


def environment() -> dict[str, str]:
    """The test's own, so that the command finds these sources and works in an empty home."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def train(dataset: Path, run: Path, *options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(dataset, run, *options), env=environment(), capture_output=True, text=True
    )


@contextlib.contextmanager
def training(dataset: Path, run: Path, *options: object) -> Iterator[subprocess.Popen[str]]:
    """A training that runs; it has ended when the block is left."""
    with subprocess.Popen(
        command(dataset, run, *options),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()


def sentence(errors: str) -> str:
    """The last line on stderr; none of them may be a traceback."""
    assert "Traceback" not in errors
    assert "Unexpected error" not in errors
    assert "Error:" not in errors
    lines = errors.splitlines()
    assert lines
    return lines[-1]


def events(run: Path) -> list[Event]:
    try:
        lines = (run / "events.jsonl").read_bytes().splitlines()
    except FileNotFoundError:
        return []
    found = []
    for line in lines:
        with contextlib.suppress(ValueError):  # being written right now
            found.append(decode_event(line))
    return found


def wait_for(run: Path, is_it: Callable[[Event], bool]) -> None:
    end = time.monotonic() + _WAIT_S
    while not any(is_it(event) for event in events(run)):
        assert time.monotonic() < end, "the training does not get there"
        time.sleep(0.02)


def kill_worker(run: Path) -> None:
    """As the system does that has no memory left."""
    started = next(event for event in events(run) if isinstance(event, Started))
    os.kill(started.pid, signal.SIGKILL)


def curve(run: Path) -> list[tuple[int, float]]:
    """Mean Dice after each evaluation."""
    return [(e.iteration, e.mean_dice or 0.0) for e in events(run) if isinstance(e, Evaluation)]


def predicts(run: Path, dataset: Path) -> None:
    """RUN/model passes every check and predicts a slice."""
    found = read_dataset(dataset)
    file = found.files("val")[0]
    predicted = Predictor.open(run / "model").predict_grey(found.slice(file))
    assert predicted.shape == found.slice(file).shape


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For reading only."""
    return write_dataset(tmp_path_factory.mktemp("trouble") / "discs", slices=3)


def test_a_learning_rate_of_a_billion_ends_in_one_sentence(tmp_path: Path, dataset: Path) -> None:
    run = tmp_path / "run"
    done = train(dataset, run, "--iters", 30, "--learning-rate", "1e9")
    assert done.returncode == 1
    said = sentence(done.stderr)
    assert said.startswith("The training broke down at iteration ")
    assert "slices 0" in said
    assert "Choose a lower learning rate" in said
    if (run / "model").exists():
        predicts(run, dataset)


def test_a_class_outside_the_table_is_named_with_its_file(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path / "data", slices=2)
    write_png(dataset / "masks2" / "00001.png", np.full((64, 64), 7, np.uint8))
    done = train(dataset, tmp_path / "run", "--iters", 1)
    assert done.returncode == 1
    said = sentence(done.stderr)
    assert "masks2/00001.png holds class 7, but the dataset has only 2 classes" in said
    assert not (tmp_path / "run" / "model").exists()


def test_a_dataset_may_go_or_change_while_a_training_runs(tmp_path: Path, dataset: Path) -> None:
    mine, run = tmp_path / "data", tmp_path / "run"
    shutil.copytree(dataset, mine)
    with training(mine, run, "--iters", 6) as process:
        wait_for(run, lambda event: isinstance(event, Step))
        shutil.rmtree(mine)
        _, errors = process.communicate()
    assert process.returncode == 0, errors
    predicts(run, dataset)

    shutil.copytree(dataset, mine)
    manifest = json.loads((mine / "manifest.json").read_text(encoding="utf-8"))
    (mine / "manifest.json").write_text(json.dumps({**manifest, "created": "later"}))
    before = read_info(run / "model")
    refused = train(mine, run, "--resume", "--iters", 8)
    assert refused.returncode == 1
    assert "The dataset data has changed since the training" in sentence(refused.stderr)
    assert read_info(run / "model") == before


@posix
def test_a_full_disk_at_a_checkpoint_keeps_the_best_model(tmp_path: Path, dataset: Path) -> None:
    import resource

    def limit_files() -> None:
        # A checkpoint to go on from is several times as large as the weights alone.
        resource.setrlimit(resource.RLIMIT_FSIZE, (20 << 20, 20 << 20))

    run = tmp_path / "run"
    done = subprocess.run(
        command(dataset, run, "--iters", 3),
        env=environment(), capture_output=True, text=True, preexec_fn=limit_files,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Cannot write" in sentence(done.stderr)
    assert "latest.safetensors" in sentence(done.stderr)
    assert f"The best model so far, of step 1, is in {run / 'model'}." in done.stderr
    predicts(run, dataset)
    assert "It failed: Cannot write latest.safetensors" in (run / "report.html").read_text("utf-8")


@posix
def test_a_killed_training_goes_on_and_ends_as_if_undisturbed(
    tmp_path: Path, dataset: Path
) -> None:
    undisturbed, run = tmp_path / "undisturbed", tmp_path / "run"
    # Evaluated after every second step, with batches larger than the set.
    options = ("--iters", 6, "--batch-size", 8)
    done = train(dataset, undisturbed, *options)
    assert done.returncode == 0, done.stderr
    assert "fewer training slices (6) than a batch holds (8)" in done.stderr
    predicts(undisturbed, dataset)

    with training(dataset, run, *options) as process:
        wait_for(run, lambda event: isinstance(event, Started))
        kill_worker(run)
        _, errors = process.communicate()
    assert process.returncode == 1
    assert sentence(errors).startswith(
        "The job was killed from outside, most likely because it ran out of memory."
    )
    refused = train(dataset, run, "--resume")
    assert refused.returncode == 1
    assert "holds no checkpoint to go on from. Start the training anew." in sentence(refused.stderr)

    # What a writer leaves that is killed on the way.
    (run / "checkpoints").mkdir(exist_ok=True)
    (run / "checkpoints" / ".latest.safetensors.0123abcd.tmp").write_bytes(b"half")
    with training(dataset, run, *options) as process:
        wait_for(run, lambda event: isinstance(event, Checkpoint))
        kill_worker(run)
        process.communicate()
    done = train(dataset, run, "--resume")
    assert done.returncode == 0, done.stderr
    assert dict(curve(run)) == pytest.approx(dict(curve(undisturbed)))
    best = read_info(undisturbed / "model").metrics["iteration"]
    assert read_info(run / "model").metrics["iteration"] == best
    assert not list((run / "checkpoints").glob(".*"))
    predicts(run, dataset)

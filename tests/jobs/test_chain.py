"""A retraining through its stages: real files and conversions, a training that plays its part."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from medseg_desktop.core.errors import Cancelled, WorkspaceError
from medseg_desktop.core.retrain_outcome import Verdict
from medseg_desktop.core.retraining import Progress, Retraining, RetrainOptions, Stage
from medseg_desktop.core.specs import EvaluateSpec, TrainSpec
from medseg_desktop.io.retraining_file import is_held, read_retraining, stored_retrainings
from medseg_desktop.io.workspace import Workspace
from medseg_desktop.jobs.chain import Chain, outcome, run_chain
from tests.builders import QuietContext, write_study
from tests.retraining import FakeJobs, begin_training, promote, work, write_six

ALL = ["convert", "train", "evaluate"]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_six(tmp_path_factory.mktemp("six") / "study")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


def asked(study: Path, **options: Any) -> Retraining:
    return Retraining(source=(str(study),), options=RetrainOptions(size=64, **options), by="Li Wei")


def driven(chain: Chain, jobs: FakeJobs) -> Retraining:
    try:
        return run_chain(chain, QuietContext(), jobs)
    finally:
        chain.close()


def first_model(workspace: Workspace, study: Path) -> None:
    """A champion that was trained by a retraining."""
    done = driven(Chain.begin(workspace, asked(study)), FakeJobs())
    assert done.is_done, done.message
    promote(workspace, done.candidate)


def test_the_first_model_begins_with_the_starter_and_is_evaluated_alone(
    workspace: Workspace, study: Path
) -> None:
    jobs, chain = FakeJobs(), Chain.begin(workspace, asked(study))
    done = driven(chain, jobs)
    assert jobs.done == ALL
    assert done.is_done
    assert done.candidate == "model-v1"
    train, evaluate = jobs.specs[1:]
    assert isinstance(train, TrainSpec)
    assert isinstance(evaluate, EvaluateSpec)
    assert (train.init, train.run, train.iterations) == ("starter", str(chain.run), 400)
    assert (evaluate.against, evaluate.subset) == ("", "test")
    assert outcome(workspace, done).verdict is Verdict.NOT_COMPARED
    assert read_retraining(chain.run) == done
    assert not is_held(chain.run)


def test_two_that_begin_at_once_keep_their_datasets_apart(
    workspace: Workspace, study: Path, tmp_path: Path
) -> None:
    other = write_study(tmp_path / "other", ("G", "H", "I", "J"), slices=2, size=(64, 64))
    chains = [Chain.begin(workspace, asked(folder)) for folder in (study, other)]
    for chain in chains:  # both look before either converts
        assert chain.prepare(QuietContext()) is None
    done = [driven(chain, FakeJobs(fails=["evaluate"])) for chain in chains]
    plans = [retraining.plan for retraining in done]
    assert None not in plans
    assert len({plan.dataset for plan in plans if plan}) == 2
    assert [sum(retraining.slices.values()) for retraining in done] == [12, 8]


def test_a_retraining_trains_from_the_champion_and_is_compared_with_it(
    workspace: Workspace, study: Path
) -> None:
    first_model(workspace, study)
    jobs = FakeJobs()
    done = driven(Chain.begin(workspace, asked(study, iterations=60, seed=5)), jobs)
    champion = str(workspace.models / "model-v1")
    train, evaluate = jobs.specs[1:]
    assert isinstance(train, TrainSpec)
    assert isinstance(evaluate, EvaluateSpec)
    assert (train.init, train.iterations, train.seed) == (champion, 60, 5)
    assert evaluate.against == champion
    assert evaluate.model == str(workspace.models / "model-v2")
    found = outcome(workspace, done)
    assert found.verdict is Verdict.BETTER
    assert (found.candidate, found.champion) == ("model-v2", "model-v1")


def test_without_test_patients_nothing_is_compared_and_that_is_said(
    workspace: Workspace, tmp_path: Path
) -> None:
    jobs = FakeJobs()
    three = write_study(tmp_path / "three", ("A", "B", "C"), size=(64, 64))
    done = driven(Chain.begin(workspace, asked(three)), jobs)
    assert jobs.done == ["convert", "train"]
    assert done.is_done
    found = outcome(workspace, done)
    assert "No test patient" in found.reasons[0]
    assert "5 patients" in found.reasons[0]


def test_a_refused_check_leaves_nothing_to_go_on_with(workspace: Workspace, tmp_path: Path) -> None:
    healthy = write_study(tmp_path / "h", ("A", "B"), size=(64, 64), healthy=("A", "B"))
    chain = Chain.begin(workspace, asked(healthy))
    ended = driven(chain, FakeJobs())
    assert ended.progress is Progress.FAILED
    assert ended.message == "No reviewed slice has a lesion."
    assert not chain.run.exists()
    assert stored_retrainings(workspace.runs) == ()


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("how", ["fails", "cancels"])
def test_a_stage_that_did_not_work_is_all_that_is_done_again(
    workspace: Workspace, study: Path, kind: str, how: str
) -> None:
    chain = Chain.begin(workspace, asked(study))
    jobs = FakeJobs(**{how: [kind]})
    halted = driven(chain, jobs)
    place = ALL.index(kind)
    assert jobs.done == ALL[: place + 1]
    assert halted.progress is (Progress.FAILED if how == "fails" else Progress.STOPPED)
    assert halted.message == (f"The job {kind} failed." if how == "fails" else "")
    (stored,) = stored_retrainings(workspace.runs)
    assert stored.retraining == halted
    again = FakeJobs()
    done = driven(Chain.reopen(workspace, chain.run), again)
    assert again.done == ALL[place:]
    assert done.is_done
    assert len(workspace.model_entries()) == 1


@pytest.mark.parametrize("kind", ALL)
def test_what_was_finished_when_the_program_was_killed_is_not_done_again(
    workspace: Workspace, study: Path, kind: str
) -> None:
    chain = Chain.begin(workspace, asked(study))
    while (job := chain.prepare(QuietContext())) is None or _kind(job.spec) != kind:
        if job is not None:
            chain.take(FakeJobs()(job))
    work(job)  # it has done its work, and nobody is there to hear it
    chain.close()
    again = FakeJobs()
    done = driven(Chain.reopen(workspace, chain.run), again)
    assert again.done == ALL[ALL.index(kind) + 1 :]
    assert done.is_done
    assert len(workspace.model_entries()) == 1


def _kind(spec: msgspec.Struct) -> str:
    return str(spec.__struct_config__.tag)


def test_a_model_comes_into_the_workspace_once(workspace: Workspace, study: Path) -> None:
    chain = Chain.begin(workspace, asked(study))
    while chain.retraining.stage is not Stage.TRAIN:
        if (job := chain.prepare(QuietContext())) is not None:
            chain.take(FakeJobs()(job))
    job = chain.prepare(QuietContext())
    assert job is not None
    work(job)
    # The window copies it as soon as the training says that it is finished.
    registered = workspace.register_model(chain.run / "model", "model")
    chain.close()
    done = driven(Chain.reopen(workspace, chain.run), FakeJobs())
    assert done.candidate == registered.path.name
    assert len(workspace.model_entries()) == 1


@pytest.mark.parametrize("checkpoint", [True, False])
def test_a_training_goes_on_from_its_checkpoint_or_begins_anew(
    workspace: Workspace, study: Path, checkpoint: bool
) -> None:
    chain = Chain.begin(workspace, asked(study))
    driven(chain, FakeJobs(cancels=["train"]))
    spec = TrainSpec(dataset="d", run=str(chain.run), model_name="model")
    begin_training(spec, checkpoint)
    if not checkpoint:  # the disk was full after the best one, which was packed as a model
        (chain.run / "checkpoints").mkdir()
        (chain.run / "checkpoints" / "best.safetensors").write_bytes(b"x")
        (chain.run / "model").mkdir()
        (chain.run / "model" / "model.onnx").write_bytes(b"x")
    jobs = FakeJobs()
    driven(Chain.reopen(workspace, chain.run), jobs)
    train = jobs.specs[0]
    assert isinstance(train, TrainSpec)
    assert train.resume == checkpoint
    assert jobs.done == ["train", "evaluate"]


def test_a_lost_dataset_is_said_when_it_goes_on(workspace: Workspace, study: Path) -> None:
    chain = Chain.begin(workspace, asked(study))
    halted = driven(chain, FakeJobs(cancels=["train"]))
    assert halted.plan is not None
    shutil.rmtree(workspace.datasets / halted.plan.dataset)
    again = driven(Chain.reopen(workspace, chain.run), FakeJobs())
    assert again.progress is Progress.FAILED
    assert "is no dataset" in again.message


def test_the_comparison_is_with_whoever_is_champion_then(workspace: Workspace, study: Path) -> None:
    first_model(workspace, study)
    chain = Chain.begin(workspace, asked(study))
    driven(chain, FakeJobs(cancels=["evaluate"]))
    second = driven(Chain.begin(workspace, asked(study)), FakeJobs())
    promote(workspace, second.candidate)
    jobs = FakeJobs()
    driven(Chain.reopen(workspace, chain.run), jobs)
    (evaluate,) = jobs.specs
    assert isinstance(evaluate, EvaluateSpec)
    assert Path(evaluate.against).name == second.candidate


def test_two_programs_do_not_work_at_the_same_retraining(workspace: Workspace, study: Path) -> None:
    chain = Chain.begin(workspace, asked(study))
    with pytest.raises(WorkspaceError, match="another window"):
        Chain.reopen(workspace, chain.run)
    chain.close()


class Stopping(QuietContext):
    """Asked to stop from the beginning."""

    def check(self) -> None:
        raise Cancelled


def test_a_stop_in_the_check_leaves_nothing(workspace: Workspace, study: Path) -> None:
    chain = Chain.begin(workspace, asked(study))
    ended = run_chain(chain, Stopping(), FakeJobs())
    assert ended.progress is Progress.STOPPED
    assert not chain.run.exists()


def test_leaving_out_what_is_broken_reaches_every_job(workspace: Workspace, tmp_path: Path) -> None:
    six = write_six(tmp_path / "study")
    (six / "A" / "IM0000.json").write_text('{"frames": [{"frame": 0, "shapes": [{}]}]}')
    refused = driven(Chain.begin(workspace, asked(six)), FakeJobs())
    assert "IM0000.json" in refused.message
    jobs = FakeJobs()
    done = driven(Chain.begin(workspace, asked(six, skip_broken=True)), jobs)
    assert done.is_done
    assert all(getattr(spec, "skip_broken", True) for spec in jobs.specs)

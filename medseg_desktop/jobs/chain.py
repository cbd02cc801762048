"""A retraining, stage by stage: what is to be done next, and what came of it.

The same for window and command line: whoever drives it asks `prepare` for the job of the present
stage, runs it wherever it likes, and hands its last state to `take`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import msgspec

from medseg_desktop.core.errors import Cancelled, JobError, MedSegError, WorkspaceError
from medseg_desktop.core.evaluation.measures import Verdict
from medseg_desktop.core.retraining.check import no_test_cure
from medseg_desktop.core.retraining.outcome import RetrainOutcome, outcome_of
from medseg_desktop.core.retraining.state import (
    Retraining,
    RetrainPlan,
    Stage,
    evaluate_spec,
    train_spec,
)
from medseg_desktop.core.run_state import RunState, RunStatus
from medseg_desktop.core.specs import ConvertSpec, EvaluateSpec, TrainSpec
from medseg_desktop.io.conversion_request import conversion_spec
from medseg_desktop.io.dataset import MANIFEST, Dataset, read_dataset
from medseg_desktop.io.dataset_scan import scan_pixels
from medseg_desktop.io.dicom_series import require_series
from medseg_desktop.io.evaluation.folder import RECORD, read_record
from medseg_desktop.io.job_input import Context, scanned_source
from medseg_desktop.io.model_package import read_info
from medseg_desktop.io.models.champions import Champions
from medseg_desktop.io.preflight import check_training
from medseg_desktop.io.retraining.file import discard, hold, read_retraining, write_retraining
from medseg_desktop.io.retraining.news import Reviewed
from medseg_desktop.io.retraining.plan import Situation, look
from medseg_desktop.io.run_folder import (
    MODEL_FOLDER,
    RETRAINING,
    RETRAINING_LOCK,
    has_checkpoint,
)
from medseg_desktop.io.runs import read_run
from medseg_desktop.io.workspace import Workspace
from medseg_desktop.jobs.failed_run import clear_failed_run
from medseg_desktop.jobs.orphans import wait_for_orphan


@dataclass(frozen=True, slots=True)
class Job:
    """What a child process has to do; `work_dir` None for a temporary one."""

    spec: ConvertSpec | TrainSpec | EvaluateSpec
    work_dir: Path | None = None


#: Looks at the source once more.
Look = Callable[[Retraining, Context], Situation]


class Chain:
    """One retraining, which this program holds until `close`.

    Every change is in `retrain.json` of the run folder before anything follows from it.

    Args:
        look: how the source is looked at; None scans it.
        threads: of the evaluation; 0 chooses.

    Raises:
        WorkspaceError: another program is at it, or the folder cannot be written.
    """

    def __init__(
        self,
        workspace: Workspace,
        run: Path,
        retraining: Retraining,
        *,
        look: Look | None = None,
        threads: int = 0,
    ) -> None:
        self.run = run
        self._workspace = workspace
        self._look = look or self._scan
        self._threads = threads
        self._lock: IO[bytes] | None = hold(run)
        self.retraining = retraining
        try:
            self._set(retraining)
        except MedSegError:
            self.close()
            raise

    @classmethod
    def begin(
        cls,
        workspace: Workspace,
        asked: Retraining,
        *,
        look: Look | None = None,
        threads: int = 0,
    ) -> Chain:
        """A new one; `asked` tells source, options and who asks."""
        begun = msgspec.structs.replace(
            asked, begun=datetime.now(UTC).isoformat(timespec="seconds")
        )
        return cls(workspace, workspace.new_run(), begun, look=look, threads=threads)

    @classmethod
    def reopen(cls, workspace: Workspace, run: Path, *, threads: int = 0) -> Chain:
        """One that was stopped, has failed, or was ended with its program.

        Raises:
            WorkspaceError: there is none, or it is under way elsewhere.
        """
        return cls(workspace, run, read_retraining(run).resumed(), threads=threads)

    # -- what is next

    def prepare(self, context: Context) -> Job | None:
        """Do what the present stage needs in this process, and tell its job.

        Returns:
            None where it has no job (any more): it was finished before, or has failed.  Then
            ask again, as long as `retraining.is_under_way`.
        """
        steps = {
            Stage.CHECK: self._check,
            Stage.CONVERT: self._convert,
            Stage.TRAIN: self._train,
            Stage.EVALUATE: self._evaluate,
        }
        try:
            context.check()
            return steps[self.retraining.stage](context)
        except Cancelled:
            self.stop()
        except MedSegError as error:
            self.fail(error)
        return None

    def take(self, state: RunState) -> None:
        """The job of the present stage has come to its end."""
        if state.status is RunStatus.CANCELLED:
            self.stop()
        elif state.status is not RunStatus.FINISHED:
            self.fail(JobError(state.message, state.hint))
        else:
            try:
                self._set(self._after(state))
            except MedSegError as error:
                self.fail(error)

    def stop(self) -> None:
        """It can be gone on with; where nothing was done yet, nothing stays."""
        self._end(self.retraining.stopped())

    def fail(self, error: MedSegError) -> None:
        """The present stage did not work; it can be tried again, but for the check."""
        self._end(self.retraining.failed(error.message, error.hint))

    def close(self) -> None:
        """Let another program go on with it."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _end(self, retraining: Retraining) -> None:
        if retraining.stage is Stage.CHECK:
            self.retraining = retraining
            self.close()
            discard(self.run)
        else:
            self._set(retraining)

    def _set(self, retraining: Retraining) -> None:
        write_retraining(self.run, retraining)
        self.retraining = retraining

    # -- stages

    @property
    def _plan(self) -> RetrainPlan:
        assert self.retraining.plan is not None
        return self.retraining.plan

    @property
    def _dataset(self) -> Path:
        return self._workspace.datasets / self._plan.dataset

    @property
    def _model(self) -> Path:
        return self._workspace.models / self.retraining.candidate

    def _check(self, context: Context) -> None:
        situation = self._look(self.retraining, context)
        if situation.problems:
            first = situation.problems[0]
            raise JobError(first.message, first.cure)
        self._set(self.retraining.checked(situation.plan.of_run(self.run.name)))

    def _scan(self, retraining: Retraining, context: Context) -> Situation:
        salt = self._workspace.salt().hex()
        source, key = list(retraining.source), retraining.patient_key
        with scanned_source(source, salt, context, key, str(self._workspace.root)) as found:
            require_series(found)
            reviewed = Reviewed.of_scan(found, self._workspace)
            return look(
                self._workspace,
                reviewed,
                retraining.options,
                is_cancelled=lambda: is_cancelled(context),
            )

    def _convert(self, context: Context) -> Job | None:
        if (self._dataset / MANIFEST).is_file():  # the program ended right behind it
            self._set(self.retraining.converted(_slices(read_dataset(self._dataset))))
            return None
        plan, retraining = self._plan, self.retraining
        spec = conversion_spec(
            self._workspace,
            [Path(path) for path in retraining.source],
            self._dataset,
            preset=plan.conversion,
            keeps_split=True,
            seed=plan.seed,
            patient_key=retraining.patient_key,
            skip_broken=retraining.options.skip_broken,
        )
        return Job(spec)

    def _train(self, context: Context) -> Job | None:
        wait_for_orphan(self.run, context)
        if (candidate := self._trained_before()) is not None:
            self._set(self.retraining.trained(candidate))
            return None
        dataset = read_dataset(self._dataset)
        plan = self._plan
        spec = train_spec(
            plan,
            dataset=str(self._dataset),
            run=str(self.run),
            champion=str(self._workspace.models / plan.champion) if plan.champion else "",
            train_slices=len(dataset.files("train")),
            resume=has_checkpoint(self.run),
        )
        if not spec.resume:
            # A training that fails packs its best model; here nobody else asks for that one.
            clear_failed_run(self.run, keep=(RETRAINING, RETRAINING_LOCK), also=(MODEL_FOLDER,))
            scan = scan_pixels(
                dataset,
                lambda done, total: context.progress("check", done, total),
                lambda: is_cancelled(context),
            )
            check_training(dataset, spec, scan).require()
        return Job(spec, self.run)

    def _trained_before(self) -> str | None:
        """The candidate of a training that was finished when the program ended."""
        package = self.run / MODEL_FOLDER
        if not package.is_dir():
            return None
        try:
            run = read_run(self.run)
        except WorkspaceError:
            return None
        return self._register(package) if run.status is RunStatus.FINISHED else None

    def _register(self, package: Path) -> str:
        """The folder of the model in the workspace, where it comes to only once."""
        name, digest = self._plan.model_name, read_info(package).network_digest
        for entry in self._workspace.model_entries():
            info = entry.info
            if digest and info and info.name == name and info.network_digest == digest:
                return entry.path.name
        return self._workspace.register_model(package, name).path.name

    def _evaluate(self, context: Context) -> Job | None:
        info = read_info(self._model)
        if "test" not in info.split.values():
            text = "No test patient is in the dataset, so nothing was compared."
            self._set(self.retraining.evaluated(f"{text} {no_test_cure()}"))
            return None
        out = self._workspace.evaluations / self._plan.evaluation
        if self._evaluated_before(out, info.network_digest):
            self._set(self.retraining.evaluated())
            return None
        champions = Champions(self._workspace)
        champion = champions.current()
        spec = evaluate_spec(
            self.retraining,
            candidate=str(self._model),
            against=str(champions.folder(champion)) if champion else "",
            out=str(out),
            salt=self._workspace.salt().hex(),
            workspace=str(self._workspace.root),
            threads=self._threads,
        )
        return Job(spec)

    @staticmethod
    def _evaluated_before(out: Path, network: str) -> bool:
        """The program ended right behind the evaluation of this network."""
        if not (out / RECORD).is_file():
            return False
        return read_record(out).candidate.network in ("", network)

    def _after(self, state: RunState) -> Retraining:
        """The retraining after the job of its stage was finished."""
        retraining = self.retraining
        if retraining.stage is Stage.CONVERT:
            notes = map(str, state.result.get("warnings") or ())
            return retraining.converted(_slices(read_dataset(self._dataset)), notes)
        if retraining.stage is Stage.TRAIN:
            registered = str(state.result.get("registered") or "")
            package = Path(str(state.result.get("model") or self.run / MODEL_FOLDER))
            return retraining.trained(Path(registered).name or self._register(package))
        read_record(self._workspace.evaluations / self._plan.evaluation)
        return retraining.evaluated()


def run_chain(
    chain: Chain,
    context: Context,
    run: Callable[[Job], RunState],
    on_change: Callable[[Retraining], None] = lambda _: None,
) -> Retraining:
    """Drive a retraining to its end, or to where it stops."""
    while chain.retraining.is_under_way:
        on_change(chain.retraining)
        job = chain.prepare(context)
        if job is not None:
            chain.take(run(job))
    on_change(chain.retraining)
    return chain.retraining


def outcome(workspace: Workspace, retraining: Retraining) -> RetrainOutcome:
    """What came of a retraining that is done.

    Raises:
        WorkspaceError: its evaluation cannot be read.
    """
    assert retraining.is_done
    assert retraining.plan is not None
    if retraining.not_compared:
        return RetrainOutcome(
            Verdict.NOT_COMPARED, retraining.candidate, reasons=(retraining.not_compared,)
        )
    return outcome_of(read_record(workspace.evaluations / retraining.plan.evaluation))


def _slices(dataset: Dataset) -> dict[str, int]:
    names = ("train", "val", "test", "incoming")
    return {name: len(dataset.files(name)) for name in names}  # type: ignore[arg-type]


def is_cancelled(context: Context) -> bool:
    """Nobody waits for it any more."""
    try:
        context.check()
    except Cancelled:
        return True
    return False

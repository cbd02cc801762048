"""The report of a training: RUN/report.html, one file that needs nothing else.

It is made of what lies in the run folder, so also of a run that was stopped, or long ago.  It
is meant to be shown around: patients appear by their hashes only, and of paths only the names
of the dataset and the run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from medseg_desktop.core.errors import DataError, WorkspaceError, describe_os_error
from medseg_desktop.core.events import Event, Log, decode_event
from medseg_desktop.core.html_parts import page
from medseg_desktop.core.labels import BACKGROUND, LabelTable
from medseg_desktop.core.run_state import RunState, RunStatus, reduce
from medseg_desktop.core.specs import TrainSpec, decode_spec
from medseg_desktop.io import atomic
from medseg_desktop.io.dataset import Dataset, read_dataset
from medseg_desktop.io.model_package import ModelInfo, read_info
from medseg_desktop.io.report_facts import RunFacts
from medseg_desktop.io.report_pictures import SamplePicture, training_samples
from medseg_desktop.io.report_sections import body
from medseg_desktop.io.run_folder import REPORT

_SPEC, _EVENTS, _MODEL = "spec.json", "events.jsonl", "model"
#: A longer line is no event.
_LONGEST_LINE = 16 * 1024 * 1024
_SAMPLES = 8
#: The folders of an absolute path, whose names may tell who the patient is.
_FOLDERS = re.compile(r"(?<![\w.])(?:[A-Za-z]:)?[\\/]+(?:[^\\/:*?\"<>|\r\n]+[\\/]+)+")


def write_report(
    run: Path,
    *,
    spec: TrainSpec | None = None,
    ended: str = "",
    samples: Sequence[SamplePicture] | None = None,
) -> Path:
    """Write the report of a training that is over, or about to be, and return its path.

    Args:
        run: the run folder with `events.jsonl`.
        spec: by default `spec.json` of the run folder.
        ended: one sentence on why it ended; by default what the record says.
        samples: training slices as the network saw them; by default some of the dataset as they
            lie there.

    Raises:
        WorkspaceError: the folder holds no training, or the report cannot be written.
    """
    spec = spec or _read_spec(run)
    state, warnings = RunState(), []
    for event in _events(run):
        state = reduce(state, event)
        if isinstance(event, Log) and event.level != "info":
            warnings.append(without_paths(event.message))
    info = _model(run)
    dataset = _dataset(Path(spec.dataset), info)
    are_augmented = samples is not None
    if samples is None:
        samples = training_samples(dataset, _SAMPLES) if dataset else []
    facts = RunFacts(
        run=run,
        spec=spec,
        state=state,
        ended=without_paths(ended or why_ended(state)),
        warnings=warnings,
        info=info,
        dataset=dataset,
        table=_table(info, dataset, state),
        samples=samples,
        are_augmented=are_augmented,
    )
    path = run / REPORT
    atomic.write_bytes(path, page(f"Run report: {spec.model_name}", body(facts)).encode())
    return path


def why_ended(state: RunState) -> str:
    """One sentence from the record of a run."""
    done = state.result.get("iterations", state.steps[-1].iteration if state.steps else 0)
    match state.status:
        case RunStatus.FINISHED if state.result.get("ended_early"):
            return f"It ended by itself after {done} steps, because it did not get better."
        case RunStatus.FINISHED:
            return f"All {done} steps were done."
        case RunStatus.CANCELLED:
            return f"It was stopped after {done} steps."
        case RunStatus.FAILED:
            return f"It failed: {state.message}"
        case _:
            return f"The record ends after step {done}."


def without_paths(text: str) -> str:
    """`text` with absolute paths shortened to their last part."""
    return _FOLDERS.sub("", text)


def _read_spec(run: Path) -> TrainSpec:
    path = run / _SPEC
    try:
        spec = decode_spec(path.read_bytes())
    except OSError as error:
        raise WorkspaceError(describe_os_error(error, path, "read")) from error
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise WorkspaceError(f"{path} does not describe a training.") from error
    if not isinstance(spec, TrainSpec):
        raise WorkspaceError(f"{run} is not the run of a training.")
    return spec


def _events(run: Path) -> Iterator[Event]:
    """The run's record; none where there is no such file, torn lines are left out."""
    path = run / _EVENTS
    try:
        with path.open("rb") as file:
            while line := file.readline(_LONGEST_LINE):
                try:
                    event = decode_event(line)
                except ValueError:
                    continue
                yield event
    except FileNotFoundError:
        return
    except OSError as error:
        raise WorkspaceError(describe_os_error(error, path, "read")) from error


def _model(run: Path) -> ModelInfo | None:
    try:
        return read_info(run / _MODEL)
    except DataError:
        return None


def _dataset(folder: Path, info: ModelInfo | None) -> Dataset | None:
    """The dataset, if it is still there and still the one that was trained on."""
    try:
        dataset = read_dataset(folder)
    except DataError:
        return None
    return None if info is not None and info.dataset_hash != dataset.digest else dataset


def _table(info: ModelInfo | None, dataset: Dataset | None, state: RunState) -> LabelTable:
    if info is not None:
        return info.table
    if dataset is not None:
        return dataset.manifest.table
    names = state.evaluations[-1].dice if state.evaluations else {}
    return LabelTable.from_names([name for name in names if name != BACKGROUND])

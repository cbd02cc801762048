"""`train --check`: what is in the dataset, whether a training would work, what it would take."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import msgspec

from medseg_desktop.cli.output import JobPrinter, ProgressLine, print_json, result_of, table, warn
from medseg_desktop.core.errors import JobError, UsageError
from medseg_desktop.core.estimate import duration_text
from medseg_desktop.core.finding import Finding
from medseg_desktop.core.measurement import SMALLEST_BATCH, Measurement
from medseg_desktop.core.slice_facts import share_text, size_text
from medseg_desktop.core.specs import MeasureSpec, TrainSpec
from medseg_desktop.core.split import SET_NAMES
from medseg_desktop.io.dataset import read_dataset
from medseg_desktop.io.dataset_scan import scan_pixels
from medseg_desktop.io.preflight import Preflight, check_training
from medseg_desktop.io.settings_file import load_settings
from medseg_desktop.jobs.run import run_job


def refuse_check_options(arguments: argparse.Namespace) -> None:
    """Raise UsageError for options that only `--check` has."""
    if not arguments.check and (arguments.sheet or arguments.no_measure):
        option = "--sheet" if arguments.sheet else "--no-measure"
        raise UsageError(f"{option} is an option of --check.", "Add --check.")
    if arguments.sheet and not arguments.sheet.absolute().parent.is_dir():
        raise UsageError(f"The folder of {arguments.sheet} does not exist.")


def checked(spec: TrainSpec) -> Preflight:
    """Check a dataset with all its pixels."""
    dataset = read_dataset(Path(spec.dataset))
    line = ProgressLine()
    scan = scan_pixels(dataset, lambda done, total: line.show(f"checking slice {done} of {total}"))
    line.clear()
    return check_training(dataset, spec, scan)


def report(preflight: Preflight, spec: TrainSpec, arguments: argparse.Namespace) -> int:
    """Measure, and print what `--check` found; 0 when training may start."""
    sheet = ""
    if preflight.may_start and (arguments.sheet or not arguments.no_measure):
        preflight, sheet = _measured(preflight, spec, arguments)
    if arguments.json:
        data = {"may_start": preflight.may_start, **preflight.as_dict(), "sheet": sheet or None}
        print_json(data)
        return 0 if preflight.may_start else 1
    print(_numbers(preflight))
    for sentence in _sentences(preflight, sheet):
        print(sentence)
    warn([f"{w.message} {w.cure}".strip() for w in (*preflight.warnings, *preflight.notes)])
    warn([f"{p.message} {p.cure}".strip() for p in preflight.problems[1:]])
    preflight.require()
    print("Training can start.")
    return 0


def _measured(
    preflight: Preflight, spec: TrainSpec, arguments: argparse.Namespace
) -> tuple[Preflight, str]:
    """With what a child process measured, and the path of the sheet it drew, if any."""
    settings = load_settings()
    sheet = str(arguments.sheet.absolute()) if arguments.sheet else ""
    state = run_job(
        MeasureSpec(train=spec, sheet=sheet, steps=0 if arguments.no_measure else 3),
        interpreter=arguments.interpreter or settings.training_interpreter or None,
        threads=settings.threads,
        on_event=JobPrinter().on_event,
    )
    try:
        result = result_of(state)
    except JobError as error:
        # What was found is worth telling all the same.
        warning = Finding(f"Nothing could be measured: {error.message}", error.hint)
        warnings = [*preflight.warnings, warning]
        return msgspec.structs.replace(preflight, warnings=warnings), ""
    if result["measured"] is not None:
        measured = msgspec.convert(result["measured"], Measurement)
        preflight = preflight.with_measurement(measured)
    return preflight, result["sheet"]


def _numbers(preflight: Preflight) -> str:
    """The table of the three sets."""
    sets = [preflight.sets[name] for name in SET_NAMES]
    rows: list[tuple[str, ...]] = [
        ("patients", *(str(s.patients) for s in sets)),
        ("slices", *(str(s.slices) for s in sets)),
        ("with lesion", *(str(s.slices_with_lesion) for s in sets)),
    ]
    lesions = [s.lesions for s in sets if s.lesions is not None]
    if len(lesions) == len(sets):
        rows.append(("lesions", *(str(x.number) for x in lesions)))
        for name in ("smallest", "median", "largest"):
            sizes = (size_text(getattr(x, name), x.unit) if x.number else "-" for x in lesions)
            rows.append((f"{name} lesion", *sizes))
    for label in sets[0].shares:
        shares = [s.shares[label] for s in sets]
        rows.append((f"{label}: of pixels", *(share_text(x.pixels) for x in shares)))
        rows.append((f"{label}: of slices", *(share_text(x.slices) for x in shares)))
    return table(rows, ("", *SET_NAMES))


def _proof(preflight: Preflight) -> Iterator[str]:
    """That the training knows nothing of what it is tested on."""
    test, start = preflight.sets["test"].patients, preflight.start
    if test and start is not None and start.seen is not None:
        yield (
            f"0 of {test} test patients seen in training or by {start.title}, which it starts from."
        )
    elif test:
        yield f"0 of {test} test patients seen in training."
    yield "No patient, slice or picture stands in two sets."


def _sentences(preflight: Preflight, sheet: str) -> Iterator[str]:
    if not preflight.leaks:
        yield from _proof(preflight)
    measured = preflight.measured
    how = "estimated" if measured is None else f"measured on this {measured.device}"
    yield (
        f"Time: about {duration_text(preflight.estimate_s)}; memory: about "
        f"{preflight.memory_mb} MB ({how})."
    )
    if measured is not None and (measured.fitting_batch or 0) >= SMALLEST_BATCH:
        yield f"Batches of up to {measured.fitting_batch} slices fit into the memory."
    free = preflight.disk_free_mb
    yield f"Disk: about {preflight.disk_mb} MB will be written" + (
        "." if free is None else f"; {free} MB are free."
    )
    if sheet:
        yield f"Sheet of samples: {sheet}"

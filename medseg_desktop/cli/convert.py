"""`convert`: reviewed slices of a folder become a dataset."""

from __future__ import annotations

import argparse
import codecs
import json
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from medseg_desktop.cli.context import existing, sources, workspace_of
from medseg_desktop.cli.output import JobPrinter, print_json, result_of, warn
from medseg_desktop.core.errors import DataError, UsageError, describe_os_error
from medseg_desktop.core.split import SET_NAMES, SetName, Split, SplitRequest
from medseg_desktop.io.conversion_request import conversion_spec
from medseg_desktop.jobs.run import run_job


def run(arguments: argparse.Namespace) -> int:
    workspace = workspace_of(arguments)
    if arguments.preset == "reference" and not arguments.split and arguments.new_patients:
        raise UsageError(
            "The preset reference has a split of its own, in which no patient is new.",
            "Leave out --new-patients, or give --split.",
        )
    spec = conversion_spec(
        workspace,
        sources(arguments.source),
        arguments.dataset.absolute(),
        preset=arguments.preset,
        split=read_split_file(arguments.split) if arguments.split else None,
        seed=arguments.seed,
        patient_key=arguments.patient_key,
        overlays=arguments.overlays,
        overwrite=arguments.overwrite,
        skip_broken=arguments.skip_broken,
        new_patients=arguments.new_patients or "train",
    )
    result = result_of(run_job(spec, on_event=JobPrinter().on_event))
    warn(result["warnings"])
    if arguments.json:
        print_json(result)
    else:
        _print(result)
    return 0


def read_split_file(path: Path) -> SplitRequest:
    """A `--split` file: by PatientID (lists) or by patient hash (as in split.json).

    Raises:
        UsageError: the file does not exist.
        DataError: it is not a split, or names a patient twice.
    """
    existing(path)
    try:
        data = path.read_bytes().removeprefix(codecs.BOM_UTF8)
        value: Any = msgspec.json.decode(data)
        json.loads(data, object_pairs_hook=_without_repeats)
        if isinstance(value, dict) and "patients" in value:
            split = msgspec.convert(value, Split)
            return SplitRequest(frozen=split.sets, draw="train", origin="file")
        lists = msgspec.convert(value, dict[SetName, list[str]])
    except OSError as error:
        raise DataError(describe_os_error(error, path, "read")) from error
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise DataError(f"{path} is not a split file: {error}.") from error
    by_patient_id: dict[str, SetName] = {}
    for name, patients in lists.items():
        for patient in patients:
            if by_patient_id.setdefault(patient, name) != name:
                raise DataError(
                    f"{path} puts the patient {patient} into {by_patient_id[patient]} and {name}."
                )
    return SplitRequest(by_patient_id=by_patient_id, draw="train", origin="file")


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of a key that is there twice the last one would count, and the others be lost unseen."""
    for name, times in Counter(name for name, _ in pairs).items():
        if times > 1:
            raise ValueError(f"{name!r} is there {times} times")
    return dict(pairs)


def _print(result: dict[str, Any]) -> None:
    patients = result["patients"]
    named = [*SET_NAMES, *(["incoming"] if patients["incoming"] else [])]
    sets = ", ".join(f"{patients[name]} {name}" for name in named)
    print(
        f"{result['dataset']}: {result['slices']} slices "
        f"({result['slices_with_lesion']} with lesion), patients: {sets}; "
        f"labels: {', '.join(result['labels'][1:])}"
    )

"""`split`: which patient is in which set of the workspace, and moving one."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any

from medseg_desktop.cli.console import count
from medseg_desktop.cli.context import sources, workspace_of
from medseg_desktop.cli.output import ProgressLine, print_json, table, warn
from medseg_desktop.core.errors import UsageError
from medseg_desktop.core.split import count_sets
from medseg_desktop.io.dicom.stacks import hashes_of_name
from medseg_desktop.io.dicom_series import scan
from medseg_desktop.io.sources.source import open_source
from medseg_desktop.io.workspace import Workspace


@dataclass(frozen=True, slots=True)
class _Person:
    """A patient of a source: `name` is what the user calls the patient."""

    name: str
    path: str


def run_list(arguments: argparse.Namespace) -> int:
    workspace = workspace_of(arguments)
    split = workspace.split()
    people = _people(arguments, workspace)
    rows: list[dict[str, Any]] = [
        {"patient_hash": h, "set": name} for h, name in sorted(split.sets.items())
    ]
    rows += [{"patient_hash": h, "set": None} for h in people if split.set_of(h) is None]
    if arguments.source:
        for row in rows:
            person = people.get(row["patient_hash"])
            row["patient_id"] = person.name if person else None
            row["path"] = person.path if person else None
    counts = count_sets(split.sets.values())
    if arguments.json:
        print_json({"patients": rows, "counts": counts})
    elif rows:
        print(_table(rows))
        print("\n" + ", ".join(f"{n} {name}" for name, n in counts.items()))
    else:
        print("No patient has a set yet; the first conversion draws the split.")
    return 0


def _table(rows: list[dict[str, Any]]) -> str:
    heads = {"patient_hash": "Patient", "set": "Set", "patient_id": "PatientID", "path": "Path"}
    keys = list(rows[0])
    lines = [tuple(row[key] or ("new" if key == "set" else "-") for key in keys) for row in rows]
    return table(lines, tuple(heads[key] for key in keys))


def run_move(arguments: argparse.Namespace) -> int:
    workspace = workspace_of(arguments)
    patient = _patient(arguments, workspace)
    before = workspace.move_patient(patient, arguments.set, arguments.by, arguments.reason)
    saw = [entry.title for entry in workspace.models_by_patient().get(patient, [])]
    result = {
        "patient_hash": patient,
        "from": before,
        "to": arguments.set,
        "models_that_saw": saw,
    }
    if arguments.json:
        print_json(result)
    else:
        print(f"{patient}: {before} -> {arguments.set}; datasets made from now on follow it.")
    if arguments.set == "test" and saw:
        models = f"{count(len(saw), 'model')} of the workspace"
        warn([f"{models} cannot be compared on this patient any more: {', '.join(saw)}."])
    return 0


def _patient(arguments: argparse.Namespace, workspace: Workspace) -> str:
    """The hash of the patient that the user names.

    Raises:
        UsageError: the workspace knows no such patient, or several.
    """
    named: str = arguments.patient
    split = workspace.split()
    if not split.patients:
        raise UsageError("No patient of this workspace has a set yet.", "Convert slices first.")
    hashes = [named, *hashes_of_name(workspace.salt(), named)]
    hashes += [h for h, p in _people(arguments, workspace).items() if p.name == named]
    known = sorted({h for h in hashes if split.set_of(h) is not None})
    if not known:
        raise UsageError(
            f"The split of this workspace has no patient {named}.",
            "See medseg-desktop split list.",
        )
    if len(known) > 1:
        raise UsageError(
            f"Several patients of this workspace are called {named}: {', '.join(known)}.",
            "Name the hash.",
        )
    return known[0]


def _people(arguments: argparse.Namespace, workspace: Workspace) -> dict[str, _Person]:
    """The patients of `--source` by hash, in the order of their series."""
    if not arguments.source:
        return {}
    line = ProgressLine()
    with open_source(sources(arguments.source), lambda *_: None) as source:
        found = scan(
            source,
            salt=workspace.salt(),
            patient_key=arguments.patient_key,
            progress=lambda done, total: line.show(f"reading {done} of {total} files"),
        )
    line.clear()
    people: dict[str, _Person] = {}
    for series in found.series:
        people.setdefault(series.patient.hash, _Person(series.patient.called, series.path))
    return people

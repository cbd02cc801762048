"""`audit`: verify the audit trail of the workspace, or print it."""

from __future__ import annotations

import argparse
import sys
from typing import Any

import msgspec

from medseg_desktop.cli.console import print_json
from medseg_desktop.cli.context import workspace_of
from medseg_desktop.io.audit import AuditEntry, AuditReport
from medseg_desktop.io.audit_text import reason, what
from medseg_desktop.io.models.champions import Champions


def run_verify(arguments: argparse.Namespace) -> int:
    """`audit verify`: the chain, and that champion and split are those that it ends with."""
    report = Champions(workspace_of(arguments)).verify()
    if arguments.json:
        print_json(
            {
                "holds": not report.problem,
                "entries": len(report.entries),
                "problem": report.problem,
            }
        )
    if report.problem:
        return _tell(report)
    if not arguments.json:
        entries = "1 entry" if len(report.entries) == 1 else f"{len(report.entries)} entries"
        print(f"{entries}, the chain holds")
    return 0


def run_list(arguments: argparse.Namespace) -> int:
    """`audit list`: the entries that hold, oldest first."""
    report = workspace_of(arguments).audit.verify()
    if arguments.json:
        print_json({"entries": [_row(e) for e in report.entries], "problem": report.problem})
    else:
        for entry in report.entries:
            print(_line(entry))
        if not report.entries and not report.problem:
            print("The audit trail is empty.")
    return _tell(report) if report.problem else 0


def _tell(report: AuditReport) -> int:
    print(" ".join(report.problem.split()), file=sys.stderr)
    return 1


def _line(entry: AuditEntry) -> str:
    head = f"{entry.time}  {entry.actor}  {entry.action.replace('_', ' ')}"
    why = f"  ({reason(entry)})" if reason(entry) else ""
    return " ".join(f"{head}: {what(entry)}{why}".splitlines())


def _row(entry: AuditEntry) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.to_builtins(entry)
    return row

"""`bench training`: how long a training step takes on this machine."""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Sequence
from typing import Any

from medseg_desktop import __version__
from medseg_desktop.cli.console import count
from medseg_desktop.cli.output import JobPrinter, print_json, result_of
from medseg_desktop.core.specs import BenchTrainingSpec
from medseg_desktop.io.child_command import physical_cores
from medseg_desktop.io.settings_file import load_settings
from medseg_desktop.jobs.run import run_job


def run(arguments: argparse.Namespace) -> int:
    settings = load_settings()
    spec = BenchTrainingSpec(
        device=arguments.device,
        size=arguments.size,
        batch_size=arguments.batch_size,
        steps=arguments.steps,
    )
    runs = [
        result_of(
            run_job(
                spec,
                interpreter=settings.training_interpreter or None,
                threads=threads,
                on_event=JobPrinter().on_event,
            )
        )
        for threads in arguments.threads or [settings.threads]
    ]
    if arguments.json:
        machine = {
            "system": platform.platform(),
            "cores": os.cpu_count(),
            "physical_cores": physical_cores(),
        }
        print_json({"version": __version__, "machine": machine, "runs": runs})
    else:
        print("\n\n".join(training_text(run) for run in runs) + compared(runs))
    return 0


def training_text(measured: dict[str, Any]) -> str:
    """One measurement as a table."""
    device = measured["device"]
    threads = f", {count(measured['threads'], 'thread')}" if device["kind"] == "cpu" else ""
    rows = [
        ("device", f"{device['name'] or device['kind']}, {device['precision']}{threads}"),
        ("batch", f"{measured['batch_size']} slices at {measured['size']} x {measured['size']}"),
        ("a step", _seconds(measured["step_s"])),
        (
            "  of which waiting for data",
            f"{_seconds(measured['wait_s'])} ({measured['wait_share']:.1%})",
        ),
        ("the same on a constant batch", _seconds(measured["bare_step_s"])),
        ("a step beside that", f"{measured['ratio']:.3f} x"),
        ("one thread makes a batch in", _seconds(measured["batch_s"])),
        (
            "processor time of a step",
            f"{_seconds(measured['processor_s'])}, "
            f"{measured['processor_s'] / measured['bare_processor_s']:.3f} x",
        ),
        ("most memory", f"{measured['peak_memory_bytes'] / 1e6:.0f} MB"),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name.ljust(width)}  {value}" for name, value in rows)


def compared(runs: Sequence[dict[str, Any]]) -> str:
    """What the number of threads makes of a step; "" for one measurement."""
    if len(runs) < 2:
        return ""
    best = min(runs, key=lambda run: float(run["step_s"]))
    others = ", ".join(
        f"{count(run['threads'], 'thread')} takes {run['step_s'] / best['step_s']:.2f} x as long"
        if run["threads"] == 1
        else f"{run['threads']} threads take {run['step_s'] / best['step_s']:.2f} x as long"
        for run in runs
        if run is not best
    )
    return f"\n\nFastest: {count(best['threads'], 'thread')}; {others}."


def _seconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"

"""`bench`: how fast this program is on this machine."""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from pathlib import Path
from typing import Any

from medseg_desktop import __version__
from medseg_desktop.cli.gui import choose_platform
from medseg_desktop.cli.later import not_yet
from medseg_desktop.cli.output import print_json
from medseg_desktop.core.errors import MedSegError
from medseg_desktop.io.speed_series import write_speed_series

_FRAMES = 400


def run(arguments: argparse.Namespace) -> int:
    if arguments.kind == "training":
        from medseg_desktop.cli.bench_training import run as run_training

        return run_training(arguments)
    if arguments.kind != "viewer":
        raise not_yet(f"bench {arguments.kind}")
    # Nothing is to be looked at, and a screen of the machine's own would only blur the figures.
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    choose_platform(None)
    with tempfile.TemporaryDirectory(prefix="medseg-bench-") as folder:
        measured = _viewer(Path(folder), arguments.slices)
    if arguments.json:
        print_json(measured)
    else:
        _print(measured)
    return 0


def _viewer(folder: Path, slices: int) -> dict[str, Any]:
    try:
        from medseg_desktop.qt.viewer_speed import measure_viewer
    except ImportError as error:
        raise MedSegError(
            f"The window cannot be measured: {error}.",
            "Run medseg-desktop doctor to see what is missing.",
        ) from error
    stored = write_speed_series(folder / "series", slices=slices)
    return {
        "version": __version__,
        "machine": {"system": platform.platform(), "cores": os.cpu_count()},
        "series": {"slices": slices, "rows": 512, "columns": 512, "stored_bytes": stored},
        **measure_viewer(folder, stored, _FRAMES),
    }


def _print(measured: dict[str, Any]) -> None:
    load, frames = measured["load"], measured["frames"]
    reference = measured["simpleitk_s"]
    beside = f" (SimpleITK's reader: {reference:.2f} s)" if reference else ""
    stalls = {k: v for k, v in measured["stalls_ms"].items() if v is not None}
    rows = [
        ("first slice on screen", f"{load['first_slice_s']:.2f} s"),
        ("whole series in memory", f"{load['whole_series_s']:.2f} s{beside}"),
        ("memory growth", f"{load['memory_ratio']:.2f} x the stored bytes"),
        *(
            (f"{name.replace('_', ' ')}, 95th percentile", f"{spread['p95_ms']:.1f} ms a frame")
            for name, spread in frames.items()
        ),
        *((f"longest stall while {name}", f"{ms:.0f} ms") for name, ms in stalls.items()),
    ]
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        print(f"{name.ljust(width)}  {value}")

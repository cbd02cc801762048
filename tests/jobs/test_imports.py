"""What importing the supervisor and the worker may drag in."""

from __future__ import annotations

import subprocess
import sys

import pytest

MODULES = ("child", "command", "failures", "process_group", "protocol", "record", "run", "worker")


@pytest.mark.parametrize("foreign", ["PySide6", "paddle", "pydicom", "onnxruntime", "psutil"])
def test_jobs_need_no_heavy_package(foreign: str) -> None:
    imports = ";".join(f"import medseg_desktop.jobs.{module}" for module in MODULES)
    code = f"import sys;{imports};print({foreign!r} in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout.strip() == "False", run.stderr

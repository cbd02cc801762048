"""Do packages import?  Asked in a child process: a broken one may print, crash or hang."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

#: Run with -c by the asked interpreter, which may be older than ours and without our package.
_SCRIPT = """
import importlib, importlib.util, json, os, sys, warnings
warnings.simplefilter("ignore")
stream = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
report = {"python": list(sys.version_info[:3]), "versions": {}, "missing": [], "errors": {}}
names = sys.argv[1:]
for name in names:
    if importlib.util.find_spec(name.partition(".")[0]) is None:
        report["missing"].append(name)
for name in names:
    if name in report["missing"]:
        continue
    try:
        version = getattr(importlib.import_module(name), "__version__", "")
        report["versions"][name] = str(version)
    except BaseException as error:
        text = str(error).strip() or type(error).__name__
        report["errors"][name] = text.splitlines()[-1]
stream.write(json.dumps(report))
stream.flush()
os._exit(0)
"""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an interpreter said about a list of modules.

    Attributes:
        python: its version, e.g. (3, 11, 7); empty when it could not be asked.
        versions: modules that import -> `__version__`, or "".
        missing: modules that are not installed.
        errors: modules that are installed and fail to import -> the last line of the reason.
        failure: why the interpreter gave no answer at all; "" when it did.
    """

    python: tuple[int, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    missing: Sequence[str] = ()
    errors: Mapping[str, str] = field(default_factory=dict)
    failure: str = ""


def probe_imports(
    modules: Sequence[str], *, interpreter: str = "", limit_s: float = 120.0
) -> ImportReport:
    """Import `modules` in another process and report; never raises.

    Args:
        interpreter: a Python; "" for our own.
        limit_s: after this many seconds the process is ended.
    """
    if not interpreter and getattr(sys, "frozen", False):
        return _look(modules)  # a frozen app is no interpreter that could be asked
    argv = [interpreter or sys.executable, "-c", _SCRIPT, *modules]
    answer, failure = run_probe(argv, limit_s)
    if failure:
        return ImportReport(failure=failure)
    try:
        # Standard library only: doctor has to run where msgspec itself is broken.
        report: dict[str, Any] = json.loads(answer)
        report["python"] = tuple(report["python"])
        return ImportReport(**report)
    except (ValueError, TypeError, KeyError):
        return ImportReport(failure="it gave no answer that makes sense")


def _look(modules: Sequence[str]) -> ImportReport:
    """Which modules are there, without importing them."""
    found = {m: importlib.util.find_spec(m.partition(".")[0]) is not None for m in modules}
    return ImportReport(
        python=tuple(sys.version_info[:3]),
        versions={name: "" for name, there in found.items() if there},
        missing=[name for name, there in found.items() if not there],
    )


def run_probe(argv: Sequence[str], limit_s: float) -> tuple[bytes, str]:
    """Output of a short child process and "", or what went wrong in half a sentence."""
    with tempfile.TemporaryDirectory() as folder:
        return _run(argv, limit_s, folder)


def _run(argv: Sequence[str], limit_s: float, folder: str) -> tuple[bytes, str]:
    env = {
        **os.environ,
        # PaddleSeg makes empty download folders in the user's home unless it is sent elsewhere.
        "SEG_HOME": folder,
        # The folder the user stands in must not lend its modules.
        "PYTHONSAFEPATH": "1",
        "PYTHONUTF8": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    if sys.platform == "win32":
        flags = subprocess.CREATE_NO_WINDOW
    else:
        flags = 0
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=limit_s,
            env=env,
            creationflags=flags,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return b"", f"it did not answer within {limit_s:.0f} seconds"
    except OSError as error:
        return b"", f"it cannot be started ({(error.strerror or str(error)).lower()})"
    if done.returncode != 0 and not done.stdout:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        return b"", lines[-1] if lines else f"it ended with the code {done.returncode}"
    return done.stdout, ""

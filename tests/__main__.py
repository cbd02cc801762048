"""The test command: `python -m tests [PYTEST OPTIONS]` runs every check and then the tests.

Every step runs even when one before it has failed; the exit code is 0 only when all passed.
The tests run in several processes; `-n 0` runs them in one, as a debugger needs it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from medseg_desktop.jobs.system_libraries import Need, apt_line, missing_libraries, packages

ROOT = Path(__file__).resolve().parents[1]
#: Even the offscreen platform of Qt and a training on the CPU need these.
_NEEDS = (Need.START, Need.TRAINING)
#: Each process that has trained holds more than a gigabyte.
_MOST_PROCESSES = 4


def main(pytest_options: Sequence[str]) -> int:
    """Run all steps; returns the exit code."""
    python = sys.executable
    with tempfile.TemporaryDirectory(prefix="medseg-tests-", ignore_cleanup_errors=True) as folder:
        env = _environment(Path(folder))
        steps = {
            "ruff check": [python, "-m", "ruff", "check", "."],
            "ruff format": [python, "-m", "ruff", "format", "--check", "."],
            "mypy": [python, "-m", "mypy"],
            "import contracts": [_script("lint-imports"), "--no-cache"],
            "pytest": [python, "-m", "pytest", *_distribution(), *pytest_options],
        }
        outcome: dict[str, tuple[bool, float]] = {}
        for name, argv in steps.items():
            print(f"== {name}", flush=True)
            begun = time.monotonic()
            good = (name != "pytest" or _libraries_are_there()) and _run(argv, env)
            outcome[name] = (good, time.monotonic() - begun)
    print("== summary")
    for name, (good, elapsed_s) in outcome.items():
        print(f"{name:<18}{'passed' if good else 'FAILED':<8}{elapsed_s:7.1f} s")
    return 0 if all(good for good, _ in outcome.values()) else 1


def _processes() -> int:
    """How many processes run tests at once."""
    return min(_MOST_PROCESSES, os.cpu_count() or 1)


def _distribution() -> list[str]:
    """Whole files go to the next free process, so that their fixtures are made once.

    They go in the order of collection (tests/conftest.py has the long ones first), not in
    xdist's own, by which files with a few long tests would come last.
    """
    return [
        "-n",
        str(_processes()),
        "--dist",
        "loadfile",
        "--no-loadscope-reorder",
        "--max-worker-restart=0",
    ]


def _environment(folder: Path) -> dict[str, str]:
    """Nothing of the user's own settings, no display, a fixed number of threads."""
    env = dict(os.environ)
    env.setdefault("QT_QPA_PLATFORM", "offscreen")
    env.setdefault("OMP_NUM_THREADS", str(min(4, (os.cpu_count() or 1) // _processes())))
    if env.pop("PYTHONDONTWRITEBYTECODE", ""):
        # Without bytecode each of the hundreds of child processes would compile all that it
        # imports, Paddle and NumPy included; still nothing is written beside the sources.
        env["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")
    env["PYTHONUTF8"] = "1"
    env["MEDSEG_WORKSPACE"] = str(folder / "workspace")
    env["MEDSEG_SETTINGS"] = str(folder / "settings.json")
    return env


def _script(name: str) -> str:
    """A command that a package installed beside this interpreter."""
    return shutil.which(name, path=str(Path(sys.executable).parent)) or name


def _run(argv: Sequence[str], env: dict[str, str]) -> bool:
    try:
        done = subprocess.run(argv, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, check=False)
    except OSError as error:
        print(f"{argv[0]} cannot be run: {error}", flush=True)
        return False
    return done.returncode == 0


def _libraries_are_there() -> bool:
    """Install the shared libraries that the tests need, where that is possible."""
    missing = missing_libraries(_NEEDS)
    if not missing:
        return True
    wanted = packages(missing)
    if os.name != "posix" or os.geteuid() != 0 or shutil.which("apt-get") is None:
        print(f"The tests need shared libraries of the system. Type: {apt_line(wanted)}")
        return False
    print(f"Installing {' '.join(wanted)}", flush=True)
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "--no-install-recommends", *wanted]
    return _run(["apt-get", "update"], env) and _run(install, env)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

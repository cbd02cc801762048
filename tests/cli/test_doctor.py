"""`medseg-desktop doctor`, the real command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

#: Makes `import cv2` fail the way it does with an OpenCV that was built for NumPy 1.
BROKEN_CV2 = "raise ImportError('numpy.core.multiarray failed to import')\n"


def doctor(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "medseg_desktop", "doctor", *options],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=100,
        check=False,
    )


def test_the_installation_of_the_tests_has_nothing_bad(tmp_path: Path) -> None:
    done = doctor("--json", "--workspace", str(tmp_path))
    report = json.loads(done.stdout.splitlines()[-1])
    assert [check for check in report["checks"] if check["status"] == "bad"] == []
    assert report["ok"] is True
    assert done.returncode == 0
    for check in report["checks"]:
        assert set(check) == {"name", "status", "message", "cure"}
    names = [check["name"] for check in report["checks"]]
    assert {"Python", "Packages", "OpenCV", "Decoders", "Qt", "Training", "Workspace"} <= {*names}


@pytest.fixture
def broken_cv2(tmp_path: Path) -> dict[str, str]:
    """An environment in which OpenCV does not import; the training interpreter is absent."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "cv2.py").write_text(BROKEN_CV2, encoding="utf-8")
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps({"training_interpreter": str(tmp_path / "no-python")}))
    return {"PYTHONPATH": str(tmp_path / "modules"), "MEDSEG_SETTINGS": str(settings)}


def test_a_broken_opencv_is_told_with_the_way_to_mend_it(broken_cv2: dict[str, str]) -> None:
    done = doctor(**broken_cv2)
    assert done.returncode == 1
    assert "OpenCV" in done.stdout
    assert "multiarray failed to import" in done.stdout
    assert "pip uninstall -y opencv-python" in done.stdout
    assert "no-python" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_doctor_runs_where_packages_it_would_use_itself_are_broken(
    broken_cv2: dict[str, str], tmp_path: Path
) -> None:
    for module in ("msgspec", "numpy", "psutil", "platformdirs"):
        (tmp_path / "modules" / f"{module}.py").write_text("raise ImportError('broken')\n")
    done = doctor("--json", **broken_cv2)
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert done.returncode == 1
    for name in ("Packages", "OpenCV", "Workspace"):
        assert checks[name]["status"] == "bad"


def test_a_command_that_meets_a_broken_package_points_to_doctor(
    broken_cv2: dict[str, str], tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "medseg_desktop", "scan", str(tmp_path)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, **broken_cv2},
        timeout=100,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "medseg-desktop doctor" in done.stderr


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a check for Linux")
def test_a_library_that_qt_needs_and_cannot_load_is_named_with_its_package(
    broken_cv2: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "libraries").mkdir()
    (tmp_path / "libraries" / "libEGL.so.1").write_bytes(b"")
    done = doctor(**broken_cv2, LD_LIBRARY_PATH=str(tmp_path / "libraries"))
    assert done.returncode == 1
    assert "Qt does not start, because the system lacks libEGL.so.1." in done.stdout
    assert "sudo apt-get install -y libegl1" in done.stdout


def test_the_check_of_the_gpu_says_what_is_there_and_what_to_do(tmp_path: Path) -> None:
    done = doctor("--gpu", "--json", "--workspace", str(tmp_path))
    report = json.loads(done.stdout.splitlines()[-1])
    check = report["checks"][-1]
    assert check["name"] == "GPU"
    assert check["cure"] or check["status"] == "ok"
    assert report["gpu"]["usable"] == (check["status"] == "ok")
    assert done.returncode == (0 if report["ok"] else 1)
    if "reason" in report["gpu"]:
        assert report["gpu"]["reason"] in check["message"]

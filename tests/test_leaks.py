"""The suite's own guard: a test that leaves something behind fails and is named."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).with_name("conftest.py")
SUITE = """
import subprocess, sys, threading, time
from PySide6.QtCore import QThread, qWarning
from PySide6.QtWidgets import QLabel

KEPT = []


def test_thread():
    threading.Thread(target=time.sleep, args=(1.5,), name="forgotten").start()


def test_process():
    KEPT.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(20)"]))


def test_process_is_ended():
    KEPT[-1].kill()
    KEPT.pop().wait()


def test_window(qtbot):
    KEPT.append(QLabel("forgotten"))
    KEPT[-1].show()


def test_qthread(qtbot):
    class Sleeper(QThread):
        def run(self):
            time.sleep(1.5)

    KEPT.append(Sleeper())
    KEPT[-1].start()


def test_qthread_has_ended():
    assert KEPT[-1].wait(5000)


def test_warning_of_qt(qtbot):
    qWarning(b"something is wrong")


def test_clean(qtbot):
    label = QLabel("closed")
    qtbot.addWidget(label)
    label.show()
    thread = threading.Thread(target=time.sleep, args=(0.01,))
    thread.start()
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What pytest says about a suite of careless tests."""
    folder = tmp_path_factory.mktemp("careless")
    conftest = CONFTEST.read_text(encoding="utf-8")
    assert "_GRACE_S = 2.0" in conftest
    conftest = conftest.replace("_GRACE_S = 2.0", "_GRACE_S = 0.2")
    (folder / "conftest.py").write_text(conftest, encoding="utf-8")
    (folder / "test_careless.py").write_text(SUITE, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\nqt_log_level_fail = WARNING\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-rA", "-p", "no:cacheprovider", "test_careless.py"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    return done.stdout


@pytest.mark.parametrize(
    ("test", "left"),
    [
        ("test_thread", "the thread forgotten"),
        ("test_process", "the process"),
        ("test_window", "the window QLabel"),
        ("test_qthread", "the running QThread Sleeper"),
    ],
)
def test_what_a_test_leaves_behind_is_an_error_with_its_name(
    test: str, left: str, report: str
) -> None:
    assert f"{test} left behind: {left}" in report
    assert f"ERROR test_careless.py::{test}" in report


def test_a_warning_of_qt_fails_a_test(report: str) -> None:
    assert "FAILED test_careless.py::test_warning_of_qt" in report


def test_a_test_that_cleans_up_passes(report: str) -> None:
    assert "PASSED test_careless.py::test_clean" in report
    assert "4 errors" in report

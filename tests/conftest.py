"""What holds for every test: no display, nothing of the user's own, nothing left behind."""

from __future__ import annotations

import gc
import os
import threading
import time
import weakref
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")  # before anything imports Qt

import hypothesis
import psutil
import pytest
import shiboken6
from PySide6.QtCore import QCoreApplication, QEvent, QSettings, QThread
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

if TYPE_CHECKING:
    from medseg_desktop.qt.controller import Controller

ROOT = Path(__file__).resolve().parents[1]
#: A thread that was told to end, or a process that was killed, may need this long.
_GRACE_S = 2.0
_passed = pytest.StashKey[bool]()
_started_threads: weakref.WeakSet[QThread] = weakref.WeakSet()

# Machines that run tests are slow at odd moments; no test depends on a deadline.
hypothesis.settings.register_profile("medseg", deadline=None, print_blob=True)
hypothesis.settings.load_profile("medseg")


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The real data: MEDSEG_TEST_DATA, else ../shared beside the checkout; skips without it."""
    folder = Path(os.environ.get("MEDSEG_TEST_DATA") or ROOT.parent / "shared")
    if not (folder / "data").is_dir():
        pytest.skip(f"there is no real data in {folder} (set MEDSEG_TEST_DATA)")
    return folder


@pytest.fixture(autouse=True)
def _home_of_its_own(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings, workspace, caches and QSettings of each test lie in a folder of its own."""
    home = tmp_path_factory.mktemp("home")
    places = {
        "HOME": home,
        "USERPROFILE": home,
        "APPDATA": home / "config",
        "LOCALAPPDATA": home / "local",
        "XDG_CONFIG_HOME": home / "config",
        "XDG_DATA_HOME": home / "data",
        "XDG_STATE_HOME": home / "state",
        "XDG_CACHE_HOME": home / "cache",
        "XDG_RUNTIME_DIR": home / "run",
        "MEDSEG_WORKSPACE": home / "workspace",
        "MEDSEG_SETTINGS": home / "settings.json",
    }
    (home / "run").mkdir(mode=0o700)
    for name, place in places.items():
        monkeypatch.setenv(name, str(place))
    for format_ in (QSettings.Format.NativeFormat, QSettings.Format.IniFormat):
        QSettings.setPath(format_, QSettings.Scope.UserScope, str(home / "config"))


#: Folders and files whose single tests take long, the longest first.  Processes that share the
#: tests begin with these, so that none of them is left alone with one of them at the end.
_FIRST = ("tests/test_imports.py", "tests/e2e/", "tests/engine/", "tests/test_", "tests/cli/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long tests first; the order within a file, and of files otherwise, stays."""
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    return next((i for i, start in enumerate(_FIRST) if item.nodeid.startswith(start)), 99)


@pytest.fixture(autouse=True, scope="module")
def _what_is_there_is_no_garbage() -> None:
    """Leave all that is imported by now out of every later garbage collection.

    The guard below collects after each test that had a window; going through the hundreds of
    thousands of objects of modules, of Paddle and of pytest would be the longest part of it.
    """
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call":
        item.stash[_passed] = report.passed
    return report


@pytest.fixture(autouse=True, scope="session")
def _remember_qthreads() -> Iterator[None]:
    """Notice every QThread that Python starts; Qt has no list of them."""
    start: Callable[..., None] = QThread.start

    def remember(thread: QThread, *arguments: object) -> None:
        _started_threads.add(thread)
        start(thread, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(QThread, "start", remember)
        yield


@pytest.fixture(autouse=True)
def _nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a thread, a child process or a top-level window behind."""
    threads = set(threading.enumerate())
    children = _processes()
    windows = set(_top_level_windows())
    yield
    if not request.node.stash.get(_passed, False):
        return  # a failed test has no chance to clean up, and its traceback keeps objects alive
    request.node.funcargs.clear()  # pytest would keep the widgets that fixtures have returned
    left: list[str] = []
    left += _still_there(lambda: _python_threads(threads))
    left += _still_there(_running_qthreads)
    left += _still_there(lambda: _child_processes(children))
    left += _still_there(lambda: _windows(windows))
    if left:
        pytest.fail(f"{request.node.name} left behind: {', '.join(left)}", pytrace=False)


def _still_there(find: Callable[[], list[str]]) -> list[str]:
    """What `find` finds, after it has had time to go away."""
    end = time.monotonic() + _GRACE_S
    while (found := find()) and time.monotonic() < end:
        gc.collect()
        if QCoreApplication.instance() is not None:
            QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
            QCoreApplication.processEvents()
        time.sleep(0.01)
    return found


def _python_threads(before: set[threading.Thread]) -> list[str]:
    """New threads that would keep the interpreter alive (native pools are not listed)."""
    new = [t for t in threading.enumerate() if t not in before and not t.daemon]
    return [f"the thread {t.name}" for t in new]


def _running_qthreads() -> list[str]:
    running = [t for t in _started_threads if shiboken6.isValid(t) and t.isRunning()]
    return [f"the running QThread {type(t).__name__}" for t in running]


def _processes() -> set[psutil.Process]:
    """Our children and theirs."""
    if os.name == "posix":
        # psutil goes through all processes of the machine; the system knows when there are none.
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return set()
    return set(psutil.Process().children(recursive=True))


def _child_processes(before: set[psutil.Process]) -> list[str]:
    names = []
    for process in _processes() - before:
        try:
            if process.status() != psutil.STATUS_ZOMBIE:
                names.append(f"the process {' '.join(process.cmdline())[:120]}")
        except psutil.NoSuchProcess:
            continue
    return names


def _top_level_windows() -> list[QWidget]:
    return QApplication.topLevelWidgets() if QApplication.instance() is not None else []


def _windows(before: set[QWidget]) -> list[str]:
    new = [w for w in _top_level_windows() if w not in before]
    return [f"the window {type(w).__name__} {w.objectName() or w.windowTitle()!r}" for w in new]


@pytest.fixture
def controller(qtbot: QtBot, tmp_path: Path) -> Iterator[Controller]:
    """The whole window on an empty workspace; afterwards everything of it is ended."""
    from medseg_desktop.core.settings import Settings
    from medseg_desktop.io.workspace import Workspace
    from medseg_desktop.qt.controller import Controller

    result = Controller(Workspace(tmp_path / "workspace"), Settings())
    result.retrain.measuring.is_automatic = False  # it would be under way in any test
    result.window.show()
    qtbot.waitExposed(result.window)
    yield result
    result.close()
    result.window.allow_close()
    result.window.deleteLater()
    result.deleteLater()


@pytest.fixture(scope="session")
def phantom_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A phantom study of three patients; for reading only."""
    from medseg_desktop.io.phantom_study import write_phantom_study

    folder = tmp_path_factory.mktemp("phantom") / "study"
    write_phantom_study(folder, patients=3)
    return folder

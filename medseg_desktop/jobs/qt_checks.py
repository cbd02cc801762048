"""Does Qt start here, and can it show a window and Chinese text?"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator

from medseg_desktop.jobs.check import Check, State, installed_version
from medseg_desktop.jobs.import_probe import run_probe
from medseg_desktop.jobs.system_libraries import (
    CJK_FONTS,
    Need,
    SystemLibrary,
    apt_line,
    missing_libraries,
    package_of,
    packages,
)

#: Offscreen, so that it needs no display; Qt is imported in this child process only.
_SCRIPT = """
import json, os, sys
os.environ["QT_QPA_PLATFORM"] = "offscreen"
stream = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
from PySide6.QtCore import qVersion
from PySide6.QtGui import QFontDatabase, QGuiApplication
application = QGuiApplication([])
chinese = QFontDatabase.families(QFontDatabase.WritingSystem.SimplifiedChinese)
stream.write(json.dumps({"qt": qVersion(), "chinese": bool(chinese)}))
stream.flush()
os._exit(0)
"""
_LIMIT_S = 60.0
_MISSING = re.compile(r"(\S+\.so[.\d]*): cannot open shared object file")

Start = Callable[[], tuple[bytes, str]]
Missing = Callable[[tuple[Need, ...]], list[SystemLibrary]]


def start_qt() -> tuple[bytes, str]:
    """Start Qt without a screen in a child process: its answer, or the reason why not."""
    if getattr(sys, "frozen", False):
        return b"{}", ""  # the app is no interpreter; its own Qt was tested when it was built
    return run_probe([sys.executable, "-c", _SCRIPT], _LIMIT_S)


def check_qt(start: Start = start_qt, missing: Missing = missing_libraries) -> Iterator[Check]:
    """Qt itself, its libraries for a window, and on Linux a font for Chinese."""
    version = installed_version("PySide6-Essentials") or installed_version("PySide6")
    if not version and not getattr(sys, "frozen", False):
        yield Check(
            "Qt",
            State.BAD,
            "PySide6-Essentials is not installed, so there is no window.",
            "Type: pip install PySide6-Essentials",
        )
        return
    answer, failure = start()
    if failure:
        yield _does_not_start(failure, missing((Need.START, Need.WINDOW)))
        return
    found = json.loads(answer)
    yield Check("Qt", State.OK, f"Qt {found.get('qt', version)} starts.")
    yield _check_window(missing((Need.WINDOW,)))
    if sys.platform.startswith("linux") and not found.get("chinese", True):
        yield Check(
            "Fonts",
            State.CAUTION,
            "There is no font for Chinese, so Chinese names appear as boxes.",
            f"Type: {apt_line([CJK_FONTS])}",
        )


def _does_not_start(failure: str, libraries: list[SystemLibrary]) -> Check:
    names = [x.soname for x in libraries if x.need is Need.START]
    wanted = packages(libraries)
    match = _MISSING.search(failure)
    if match and match[1] not in names:
        names.append(match[1])
        wanted += [p for p in (package_of(match[1]),) if p and p not in wanted]
    if not names:
        return Check(
            "Qt",
            State.BAD,
            f"Qt does not start: {failure.rstrip('.')}.",
            "Type: pip install --force-reinstall PySide6-Essentials",
        )
    cure = f"Type: {apt_line(wanted)}" if wanted else "Install the package that has it."
    return Check(
        "Qt",
        State.BAD,
        f"Qt does not start, because the system lacks {', '.join(names)}.",
        cure,
    )


def _check_window(libraries: list[SystemLibrary]) -> Check:
    if not libraries:
        return Check("Window", State.OK, "Everything that a window needs is there.")
    # On Wayland, or without a display at all, nobody misses the libraries of X11.
    on_x11 = "DISPLAY" in os.environ and "WAYLAND_DISPLAY" not in os.environ
    names = ", ".join(x.soname for x in libraries)
    return Check(
        "Window",
        State.BAD if on_x11 else State.CAUTION,
        f"No window can be opened on X11, because the system lacks {names}.",
        f"Type: {apt_line(packages(libraries))}",
    )

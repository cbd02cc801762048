"""Draw the pictures of the README from a demo: `uv run python packaging/readme_pictures.py DEMO`.

DEMO is a folder that `medseg-desktop demo` made.  The window is driven offscreen: the first
slice with outline and prediction, and the curves of the demo's training beside it.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtWidgets import QApplication

from medseg_desktop.core.events import decode_event
from medseg_desktop.core.run_state import RunState, reduce
from medseg_desktop.core.settings import Settings
from medseg_desktop.io.workspace import Workspace
from medseg_desktop.qt.controller import Controller
from medseg_desktop.qt.theme import apply_theme

PICTURES = Path(__file__).parent.parent / "docs" / "images"
_PATIENCE_S = 60.0


def _wait(app: QApplication, ready: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE_S
    while not ready():
        if time.monotonic() > end:
            raise SystemExit("The window did not get ready.")
        app.processEvents()
        time.sleep(0.01)


def _settle(app: QApplication, seconds: float = 1.0) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        app.processEvents()
        time.sleep(0.01)


def _last_training(workspace: Workspace) -> RunState:
    """The state of the newest run of the workspace."""
    events = max(workspace.runs.glob("*/events.jsonl"), key=lambda p: p.stat().st_mtime)
    run = RunState()
    for line in events.read_bytes().splitlines():
        run = reduce(run, decode_event(line))
    return run


def main(demo: Path) -> None:
    app = QApplication(sys.argv[:1])
    apply_theme(app, dark=True)
    workspace = Workspace(demo / "workspace")
    controller = Controller(workspace, Settings())
    window = controller.window
    window.resize(1440, 900)
    window.show()
    controller.open(demo / "study")
    _wait(app, lambda: controller.study.view is not None)
    controller.runs.choose_model(workspace.model_entries()[0].path)
    controller.set_prediction_visible(True)
    _wait(app, lambda: controller.runs.predictor is not None)
    run = _last_training(workspace)
    window.training_panel.show_run(run, int(run.details["iterations"]))
    PICTURES.mkdir(parents=True, exist_ok=True)
    _settle(app, 3.0)
    window.tabs.setCurrentWidget(window.training_panel)
    _settle(app)
    window.grab().save(str(PICTURES / "window.png"))
    controller.close()
    window.allow_close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

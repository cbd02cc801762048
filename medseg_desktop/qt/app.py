"""Starting the window: application, theme, log, controller."""

from __future__ import annotations

import gc
import logging
import logging.handlers
import sys
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from medseg_desktop import __version__
from medseg_desktop.io.settings_file import load_settings, settings_path
from medseg_desktop.io.workspace import Workspace
from medseg_desktop.qt.controller import Controller
from medseg_desktop.qt.messages import install_excepthook
from medseg_desktop.qt.panels.message_bar import Level
from medseg_desktop.qt.theme import apply_theme

_log = logging.getLogger(__name__)


def run_app(
    workspace: Workspace,
    named: Sequence[Path],
    *,
    quit_after_s: float | None = None,
    model: Path | None = None,
) -> int:
    """Open the window, and return the exit code when it is closed.

    Args:
        named: what to open (see `io.sources.source`); nothing for the start page.
        quit_after_s: close by itself after so many seconds (smoke tests).
        model: package to use for predictions from the start.
    """
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    app.setApplicationName("MedSeg Desktop")
    app.setApplicationVersion(__version__)
    log = _write_log()
    settings = load_settings()
    apply_theme(app, dark=settings.theme == "dark")
    controller = Controller(workspace, settings)
    restore = install_excepthook(lambda text: controller.show_message(text, Level.ERROR))
    controller.window.show()
    keep_collections_short()
    if model is not None:
        controller.runs.choose_model(model)
        controller.set_prediction_visible(True)
    if named:
        controller.open(named)
    if quit_after_s is not None:
        QTimer.singleShot(int(quit_after_s * 1000), controller.closing.close_now)
    try:
        return app.exec()
    finally:
        controller.close()
        restore()
        if log is not None:
            logging.getLogger().removeHandler(log)
            log.close()


def keep_collections_short() -> None:
    """Leave what the program itself is made of out of garbage collections from now on.

    Going through its hundred thousand objects (modules, functions, widgets) stops the window for
    a twentieth of a second, every now and then; none of them ever becomes garbage.
    """
    gc.freeze()


def _write_log() -> logging.Handler | None:
    """Keep warnings and errors in a small file beside the settings."""
    path = settings_path().with_name("medseg-desktop.log")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.handlers.RotatingFileHandler(
            path, maxBytes=1_000_000, backupCount=2, encoding="utf-8", delay=True
        )
    except OSError:
        _log.warning("The log file %s cannot be written.", path)
        return None
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.setLevel(logging.WARNING)
    logging.getLogger().addHandler(handler)
    return handler

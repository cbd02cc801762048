"""Loads the pictures of a training's previews off the GUI thread."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject

from medseg_desktop.core.errors import MedSegError
from medseg_desktop.core.events import Preview
from medseg_desktop.io.runs import read_preview
from medseg_desktop.qt.background import Background
from medseg_desktop.qt.messages import sentence
from medseg_desktop.qt.panels.preview_slice import PreviewPicture, preview_picture
from medseg_desktop.qt.panels.training_previews import PreviewStrip

_KEPT = 60
Pictures = dict[str, PreviewPicture]
_Key = tuple[Path, int, float]


class PreviewLoader(QObject):
    """Fills a strip; the latest evaluations that were looked at stay in memory."""

    def __init__(self, strip: PreviewStrip, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._strip = strip
        self._background = Background(1, "previews", self)
        self._run = Path()
        self._wanted: Preview | None = None
        self._kept: OrderedDict[_Key, Pictures] = OrderedDict()
        strip.wanted.connect(self._load)

    def set_run(self, run: Path) -> None:
        """Where the pictures lie that are wanted from now on."""
        if run != self._run:
            self._run = run
            self._wanted = None

    def _load(self, preview: Preview) -> None:
        self._wanted = preview
        # A continued run goes through iterations again, with other weights.
        key = (self._run, preview.iteration, preview.time)
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            self._strip.set_pictures(preview, kept)
            return
        self._background.submit(
            partial(self._read, self._run, preview, lambda: self._wanted is preview),
            partial(self._show, key, preview),
            partial(self._fail, preview),
        )

    @staticmethod
    def _read(run: Path, preview: Preview, is_wanted: Callable[[], bool]) -> Pictures | None:
        """In the worker thread; None where the slider has gone on meanwhile."""
        if not is_wanted():
            return None
        return {s.rank: preview_picture(*read_preview(run, s)) for s in preview.slices}

    def _show(self, key: _Key, preview: Preview, pictures: Pictures | None) -> None:
        if pictures is None:
            return
        self._kept[key] = pictures
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        self._strip.set_pictures(preview, pictures)

    def _fail(self, preview: Preview, error: MedSegError) -> None:
        self._strip.set_problem(preview, sentence(error))

    def quit(self) -> None:
        """Begin no more work; does not wait."""
        self._background.quit()

    def close(self) -> None:
        """End the thread."""
        self._background.close()

"""The last saves of a window, which a disk that does not answer must not keep from closing."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Mapping

from medseg_desktop.core.annotation import Annotation
from medseg_desktop.core.errors import MedSegError
from medseg_desktop.io.store.saver import Saver
from medseg_desktop.qt.background import Background, ended_in_time

_log = logging.getLogger(__name__)


class LastSaves:
    """Ends the thread that saves, saves what is unsaved, and ends the session in the journal.

    Args:
        documents: path of the image -> what is unsaved.
        kept: images whose documents are not saved but left to the journal.
    """

    def __init__(
        self,
        saver: Saver,
        background: Background,
        documents: Mapping[str, Annotation | None],
        kept: frozenset[str],
    ) -> None:
        self._saver, self._background = saver, background
        self._documents, self._kept = documents, kept
        self._is_written = threading.Event()
        self._done = 0  # documents that were seen to

    def run(self, patience_s: float) -> None:
        """Wait for all of it, but where nothing goes forward for so long.

        What is unsaved is in the journal then, if the disk of the workspace answers.
        """
        self._background.submit(self._is_written.set, lambda _: None)
        if ended_in_time(self._save, "last saves", patience_s, self._progress):
            return
        _log.warning("saving does not end; %d documents may be unsaved", len(self._documents))
        self._background.quit()
        ended_in_time(self._note, "last notes", patience_s, self._progress)

    def _progress(self) -> int:
        return self._background.worked + self._done

    def _save(self) -> None:
        self._is_written.wait()
        self._background.close()
        for path, document in self._documents.items():
            with contextlib.suppress(MedSegError):
                self._saver.note(path, document)
            if path not in self._kept:
                with contextlib.suppress(MedSegError):
                    self._saver.save(path, document, autosave=True)
            self._done += 1
        self._saver.forget_all_but(self._documents.keys())
        self._saver.close()

    def _note(self) -> None:
        for path, document in self._documents.items():
            with contextlib.suppress(MedSegError):
                self._saver.note(path, document, look=False)
            self._done += 1

"""The label table of the session, kept in the workspace."""

from __future__ import annotations

import threading
from collections.abc import Callable

from PySide6.QtCore import QObject

from medseg_desktop.core.errors import MedSegError
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.io.workspace import Workspace
from medseg_desktop.qt.background import Background
from medseg_desktop.qt.sessions import AnnotationSession


class LabelKeeping(QObject):
    """Stores the table after every change; what a folder has brought, when it is edited or
    converted.

    Args:
        background: whose thread stores it; its owner ends it.
        worked, failed: called in the GUI thread, whenever it could or could not be stored.
    """

    def __init__(
        self,
        workspace: Workspace,
        annotations: AnnotationSession,
        background: Background,
        worked: Callable[[], None],
        failed: Callable[[MedSegError], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._workspace, self._annotations = workspace, annotations
        self._background, self._worked, self._failed = background, worked, failed
        self._known = annotations.labels
        # Asked of two threads: only the last table that is wanted is stored.
        self._wanted = self._stored = annotations.labels
        self._lock = threading.Lock()
        annotations.labels_changed.connect(self._keep)

    def begin(self) -> None:
        """Another folder is open; what it has brought is not a change."""
        self._known = self._annotations.labels

    def keep_now(self, labels: LabelTable) -> None:
        """Store the table, as a conversion needs it; raises WorkspaceError."""
        self._wanted = labels
        self._store()

    def _keep(self, labels: LabelTable) -> None:
        if self._annotations.are_labels_edited and labels != self._known:
            self._known = self._wanted = labels
            self._background.submit(self._store, lambda _: self._worked(), self._failed)

    def _store(self) -> None:
        """Bring into the workspace what has changed since the last time; raises WorkspaceError."""
        with self._lock:
            labels = self._wanted
            self._workspace.keep_labels(labels, self._stored)
            self._stored = labels

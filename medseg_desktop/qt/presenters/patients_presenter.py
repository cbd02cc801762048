"""The window for the sets of the workspace's patients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from medseg_desktop.core.errors import MedSegError
from medseg_desktop.core.split import Split
from medseg_desktop.io.dicom_series import ScanResult
from medseg_desktop.io.workspace import Workspace
from medseg_desktop.qt.background import Background
from medseg_desktop.qt.dialogs.move_dialog import Move, MoveDialog
from medseg_desktop.qt.dialogs.patients_dialog import PatientsDialog, SetRow
from medseg_desktop.qt.dialogs.set_titles import set_title
from medseg_desktop.qt.messages import sentence
from medseg_desktop.qt.presenters.patient_titles import patient_titles


@dataclass(frozen=True, slots=True)
class _State:
    """What the workspace tells: the split, and the models that know each patient."""

    split: Split
    seen_by: dict[str, tuple[str, ...]]


class PatientsPresenter(QObject):
    """Owns the dialog; reads and writes off the GUI thread.

    Signals:
        moved(): the split of the workspace has changed.

    Args:
        name: of who works here, for the audit trail.
    """

    moved = Signal()

    def __init__(self, workspace: Workspace, name: Callable[[], str], parent: QWidget) -> None:
        super().__init__(parent)
        self._workspace, self._name, self._parent = workspace, name, parent
        self._background = Background(1, "patients", self)
        self._found: ScanResult | None = None
        self._identity = True
        self._state: _State | None = None
        self.dialog: PatientsDialog | None = None
        self.asking: MoveDialog | None = None

    def set_folder(self, found: ScanResult) -> None:
        """Another folder is open, whose patients can be called by their names."""
        self._found = found
        self._fill()

    def set_identity(self, visible: bool) -> None:
        """Show or hide who the patients are."""
        self._identity = visible
        self._fill()

    def open(self) -> PatientsDialog:
        """Show the dialog, and read the split anew."""
        if self.dialog is None:
            self.dialog = PatientsDialog(self._parent)
            self.dialog.move_requested.connect(self._ask)
        self.dialog.say("", "")
        self.read()
        self.dialog.show()
        self.dialog.raise_()
        return self.dialog

    def read(self) -> None:
        """Read the split and the models again, if anybody looks."""
        if self.dialog is not None:
            self.dialog.set_busy(True)
            self._background.submit(lambda: _read(self._workspace), self._take, self._fail)

    def _take(self, state: _State) -> None:
        self._state = state
        if self.dialog is not None:
            self.dialog.set_busy(False)
        self._fill()

    def _fail(self, error: MedSegError) -> None:
        if self.dialog is not None:
            self.dialog.set_busy(False)
            self.dialog.say(sentence(error), "bad")

    def _fill(self) -> None:
        if self.dialog is None or self._state is None:
            return
        split, seen_by = self._state.split, self._state.seen_by
        titles = patient_titles(self._found, True) if self._found and self._identity else {}
        new = [h for h in titles if split.set_of(h) is None]
        rows = [
            SetRow(h, titles.get(h, h), split.set_of(h) or "", seen_by.get(h, ()))
            for h in (*split.patients, *new)
        ]
        self.dialog.set_rows(sorted(rows, key=lambda r: (r.title.casefold(), r.key)))
        if not rows:
            self.dialog.say(
                self.tr("No patient has a set yet; making the first dataset draws the sets."),
                "muted",
            )

    def _ask(self, keys: tuple[str, ...]) -> None:
        dialog = self.dialog
        if dialog is None:
            return
        self.asking = MoveDialog(dialog.marked, self._name(), dialog)
        self.asking.chosen.connect(self._move)
        self.asking.finished.connect(self._forget_asking)
        self.asking.open()

    def _forget_asking(self) -> None:
        self.asking = None

    def _move(self, move: Move) -> None:
        assert self.dialog is not None
        self.dialog.set_busy(True)

        def work() -> tuple[int, _State]:
            split = self._workspace.split()
            keys = [k for k in move.patients if split.set_of(k) != move.set_name]
            for key in keys:
                self._workspace.move_patient(key, move.set_name, move.by, move.reason)
            return len(keys), _read(self._workspace)

        def done(result: tuple[int, _State]) -> None:
            number, state = result
            self._take(state)
            if self.dialog is not None:
                text = self.tr("Moved to {set}: {n}.")
                self.dialog.say(text.format(set=set_title(move.set_name), n=number), "good")
            self.moved.emit()

        def failed(error: MedSegError) -> None:
            self._fail(error)
            self.read()  # some may have been moved before
            self.moved.emit()

        self._background.submit(work, done, failed)

    def quit(self) -> None:
        """Begin no more work; does not wait for the thread."""
        self._background.quit()

    def close(self) -> None:
        """End the thread."""
        self._background.close()


def _read(workspace: Workspace) -> _State:
    split = workspace.split()
    saw = workspace.models_by_patient() if split.patients else {}
    return _State(split, {h: tuple(e.title for e in entries) for h, entries in saw.items()})

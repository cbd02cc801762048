"""The editor of a label's name, in place."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent, QValidator
from PySide6.QtWidgets import QLineEdit, QWidget

from medseg_desktop.core.errors import LabelError
from medseg_desktop.core.label_names import LONGEST_NAME, checked_name
from medseg_desktop.qt.panels.controls import set_role


class NameEdit(QLineEdit):
    """The editor of a name: it keeps the keys that it needs from the window's shortcuts.

    Signals:
        problem_changed(str): why the text cannot be the name; "" when it can.
    """

    problem_changed = Signal(str)

    def __init__(self, parent: QWidget, old: str, others: list[str]) -> None:
        super().__init__(parent)
        self._old, self._others = old, others
        self.setMaxLength(2 * LONGEST_NAME)  # beyond the limit, so that it can be told
        self.setAccessibleName(self.tr("Name of the label"))
        self.setValidator(_NameValidator(self))
        self.textChanged.connect(self._tell)

    @property
    def problem(self) -> str:
        """Why the text cannot be the name; "" when it can."""
        if self.text() == self._old:
            return ""  # whatever a file has called it
        try:
            checked_name(self.text(), self._others)
        except LabelError as error:
            return error.message
        return ""

    @property
    def name(self) -> str:
        """The name as it is stored; the old one if the text cannot be one."""
        same = self.text() == self._old or self.problem
        return self._old if same else checked_name(self.text(), self._others)

    def event(self, event: QEvent) -> bool:
        # Return would otherwise accept a prediction instead of the name.
        if (
            isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.ShortcutOverride
            and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        ):
            event.accept()
            return True
        return super().event(event)

    def _tell(self) -> None:
        problem = self.problem
        set_role(self, "invalid", bool(problem))
        self.setToolTip(problem)
        self.problem_changed.emit(problem)


class _NameValidator(QValidator):
    """Lets everything be typed; Return and leaving take only a name that can be used."""

    def __init__(self, edit: NameEdit) -> None:
        super().__init__(edit)
        self._edit = edit

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        bad = text == self._edit.text() and self._edit.problem
        state = QValidator.State.Intermediate if bad else QValidator.State.Acceptable
        return state, text, position

"""A step of work on Qt's undo stack."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QUndoCommand

from medseg_desktop.core.shapes.history import Step


class StepCommand(QUndoCommand):
    """Carries a step out when it is pushed, and the opposite one when it is taken back.

    Args:
        apply: does it; told whether the step was done before, so that the window has to go where
            it happened.
    """

    def __init__(self, step: Step, apply: Callable[[Step, bool], None]) -> None:
        super().__init__(step.text)
        self._step, self._apply = step, apply
        self._done = False

    def redo(self) -> None:
        self._apply(self._step, self._done)
        self._done = True

    def undo(self) -> None:
        self._apply(self._step.reversed(), True)

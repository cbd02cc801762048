"""What is known of the slice on screen, and what a model proposes for it."""

from __future__ import annotations

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QWidget

from medseg_desktop.core.annotation import SliceState
from medseg_desktop.qt.panels.controls import button, column, label, row, set_role
from medseg_desktop.qt.theme.tokens import SPACE_S

_ROLES = {SliceState.UNSEEN: "muted", SliceState.NO_LESION: "good", SliceState.LESION: "mine"}


class SlicePanel(QWidget):
    """The state of the slice with a button for it; below, proposals with accept and reject.

    Args:
        reviewed, accept, reject: actions that the buttons trigger.
    """

    def __init__(
        self,
        reviewed: QAction,
        accept: QAction,
        reject: QAction,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.state = label("")
        self.reviewed = button(self.tr("No lesion"), "check")
        self.reviewed.setCheckable(True)
        self.reviewed.setToolTip(reviewed.toolTip())
        self.reviewed.clicked.connect(lambda _: reviewed.trigger())
        self.proposals = label("", wrap=True)
        self.accept = button(self.tr("Accept"), "check")
        self.accept.setToolTip(accept.toolTip())
        self.accept.clicked.connect(lambda _: accept.trigger())
        self.reject = button(self.tr("Reject"), "close")
        self.reject.setToolTip(reject.toolTip())
        self.reject.clicked.connect(lambda _: reject.trigger())
        first = row(spacing=SPACE_S)
        first.addWidget(self.state, 1)
        first.addWidget(self.reviewed)
        second = row(spacing=SPACE_S)
        second.addWidget(self.proposals, 1)
        second.addWidget(self.accept)
        second.addWidget(self.reject)
        layout = column(self, spacing=SPACE_S)
        layout.addLayout(first)
        layout.addLayout(second)
        self._second = (self.proposals, self.accept, self.reject)
        self.set_state(None)
        self.set_proposals("", True)

    def set_state(self, state: SliceState | None) -> None:
        """Shows the state of the slice; None where no slice is shown."""
        texts = {
            SliceState.UNSEEN: self.tr("This slice: not reviewed"),
            SliceState.NO_LESION: self.tr("This slice: no lesion"),
            SliceState.LESION: self.tr("This slice: has lesion"),
        }
        self.setVisible(state is not None)
        if state is None:
            return
        self.state.setText(texts[state])
        set_role(self.state, "role", _ROLES[state])
        self.reviewed.setChecked(state is SliceState.NO_LESION)
        self.reviewed.setEnabled(state is not SliceState.LESION)

    def set_proposals(self, text: str, can_decide: bool) -> None:
        """What is to be decided about; an empty text hides the row.

        Args:
            can_decide: something of it lies on this slice.
        """
        self.proposals.setText(text)
        self.proposals.setVisible(bool(text))
        for widget in (self.accept, self.reject):
            widget.setVisible(bool(text) and can_decide)

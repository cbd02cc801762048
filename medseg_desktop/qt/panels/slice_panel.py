"""What is known of the slice on screen, and what a model proposes for it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFrame, QWidget

from medseg_desktop.core.annotation import SliceState
from medseg_desktop.qt.panels.controls import button, column, label, row, set_role
from medseg_desktop.qt.theme.tokens import SPACE_M, SPACE_S, SPACE_XS

_ROLES = {SliceState.UNSEEN: "muted", SliceState.NO_LESION: "good", SliceState.LESION: ""}


class SlicePanel(QFrame):
    """The state of the slice with a button for it; below, proposals with accept and reject.

    Args:
        reviewed, accept, reject: actions that the buttons trigger.

    Signals:
        clip_requested(): cut off what reaches beyond the slice.
    """

    clip_requested = Signal()

    def __init__(
        self,
        reviewed: QAction,
        accept: QAction,
        reject: QAction,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("slicePanel")
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
        second.addWidget(self.accept, 1)
        second.addWidget(self.reject, 1)
        self.outside = label("", "caution", wrap=True)
        self.clip = button("")
        self.clip.setProperty("link", True)
        self.clip.clicked.connect(self.clip_requested)
        third = row(spacing=SPACE_XS)
        third.addWidget(self.outside, 1)
        third.addWidget(self.clip, 0, Qt.AlignmentFlag.AlignTop)
        layout = column(self, SPACE_M, SPACE_S)
        layout.addLayout(first)
        layout.addWidget(self.proposals)
        layout.addLayout(second)
        layout.addLayout(third)
        self.set_state(None)
        self.set_proposals("", True)
        self.set_outside("", False, False)

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
        """What is to be decided about; an empty text hides the rows.

        Args:
            can_decide: something of it lies on this slice.
        """
        self.proposals.setText(text)
        for widget in (self.proposals, self.accept, self.reject):
            widget.setVisible(bool(text))
        # Where nothing lies on one of the slices they stay in their place.
        for widget in (self.accept, self.reject):
            widget.setEnabled(can_decide)

    def set_outside(self, text: str, is_one: bool, can_clip: bool) -> None:
        """Shapes that reach beyond the slice; an empty text hides the row.

        Args:
            is_one: it is said of one shape.
            can_clip: they can be cut off.
        """
        self.outside.setText(text)
        self.outside.setVisible(bool(text))
        self.clip.setText(self.tr("Clip it") if is_one else self.tr("Clip them"))
        self.clip.setVisible(bool(text) and can_clip)

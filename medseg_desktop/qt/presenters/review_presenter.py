"""Slice states, and what becomes of proposals."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction

from medseg_desktop.core.annotation import Shape, SliceState
from medseg_desktop.core.shapes.edit import Shapes
from medseg_desktop.core.shapes.history import Place
from medseg_desktop.core.view import ResolvedView
from medseg_desktop.core.volume import Series
from medseg_desktop.io.dicom_series import ScanResult
from medseg_desktop.qt.panels.slice_panel import SlicePanel
from medseg_desktop.qt.sessions import AnnotationSession, DrawingSession, StudySession


class ReviewPresenter(QObject):
    """Between the panel of the slice, its actions, and the documents.

    Accept and reject work on the selected proposals, or on all of the slice where none is
    selected.

    Signals:
        said(str): a sentence about what was done, or could not be.
    """

    said = Signal(str)

    def __init__(
        self,
        panel: SlicePanel,
        actions: dict[str, QAction],
        study: StudySession,
        annotations: AnnotationSession,
        drawing: DrawingSession,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._panel, self._actions = panel, actions
        self._study, self._annotations, self._drawing = study, annotations, drawing
        handlers = {
            "reviewed": self.toggle_reviewed,
            "reviewed_rest": self.review_rest,
            "accept": self.accept,
            "reject": self.reject,
            "accept_series": self.accept_series,
            "accept_all": self.accept_all,
        }
        for key, handler in handlers.items():
            actions[key].triggered.connect(lambda _=False, handler=handler: handler())
        study.view_changed.connect(self._on_view)
        study.view_closed.connect(self._show)
        annotations.documents_changed.connect(self._show)
        annotations.proposals_changed.connect(self._show)
        drawing.selection_changed.connect(self._show)
        self._show()

    # -- states

    def toggle_reviewed(self) -> None:
        """Say that the slice was looked at and has no lesion, or take that back."""
        place = self._place
        if place is None:
            return
        state = self._annotations.state(place.item)
        if state is SliceState.LESION:
            self.said.emit(
                self.tr("This slice has outlines. Delete them first if it has no lesion.")
            )
        else:
            self._set_reviewed(place, state is SliceState.UNSEEN)
        self._show()  # the action ticks itself, also where nothing has changed

    def _set_reviewed(self, place: Place, reviewed: bool) -> None:
        """Who sees no lesion rejects those that are proposed to him, by the same step."""
        if not reviewed:
            self._annotations.set_reviewed([place], self.tr("mark as not reviewed"), False)
            self.said.emit(self.tr("This slice counts as not reviewed again."))
            return
        text = self.tr("mark as reviewed")
        offered = self._annotations.open_proposals(place.item) if self._offers else ()
        if not offered:
            self._annotations.set_reviewed([place], text, True)
            return
        self._drawing.select([])
        self._annotations.edit_slices(
            [place], text, self._dropping(offered), with_proposals=True, reviewed=True
        )
        said = self.tr("The proposed lesion was rejected with it.")
        if len(offered) > 1:
            said = self.tr("The {n} proposed lesions were rejected with it.")
        self.said.emit(said.format(n=len(offered)))

    def review_rest(self) -> None:
        """Every slice of the series that nobody has marked was looked at and has no lesion; not
        so where a model says otherwise and nobody has decided."""
        view = self._study.view
        if view is None:
            return
        reviewed = set(self._annotations.reviewed(view.series))
        proposed = set(self._annotations.proposed(view.series)) - reviewed
        rest = set(range(len(view.series.slices))) - reviewed - proposed
        places = [Place(view.series, i) for i in sorted(rest)]
        text = self.tr("mark the rest as reviewed")
        self._annotations.set_reviewed(places, text, True)
        self.said.emit(self._rest_sentence(len(rest), len(proposed)))

    def _rest_sentence(self, marked: int, left: int) -> str:
        if not marked:
            said = self.tr("No slice is left to be marked as without lesion.")
        elif marked == 1:
            said = self.tr("1 slice was marked as without lesion.")
        else:
            said = self.tr("{n} slices were marked as without lesion.").format(n=marked)
        if not left:
            return said
        if left == 1:
            return said + " " + self.tr("1 with open proposals stays to be decided.")
        return said + " " + self.tr("{n} with open proposals stay to be decided.").format(n=left)

    # -- proposals

    def accept(self) -> None:
        """Make proposals of the slice shapes of it."""
        place, chosen = self._place, self._chosen()
        if place is None or not chosen:
            return
        one = len(chosen) == 1
        text = self.tr("accept lesion") if one else self.tr("accept lesions")
        self._drawing.select([])  # by their numbers: others would take the place of these
        self._annotations.edit(place, text, self._accepting(chosen), with_proposals=True)

    def reject(self) -> None:
        """Drop proposals of the slice."""
        place, chosen = self._place, self._chosen()
        if place is None or not chosen:
            return
        one = len(chosen) == 1
        text = self.tr("reject lesion") if one else self.tr("reject lesions")
        self._drawing.select([])
        self._annotations.edit(place, text, self._dropping(chosen), with_proposals=True)

    @staticmethod
    def _dropping(gone: Sequence[Shape]) -> Callable[[Shapes], Shapes]:
        ids = set(map(id, gone))
        return lambda shapes: tuple(s for s in shapes if id(s) not in ids)

    def accept_series(self) -> None:
        """Make all proposals of the series shapes of their slices, as one step."""
        view = self._study.view
        if view is not None and self._offers:
            self._accept_in([view.series], self.tr("accept lesions of the series"))

    def accept_all(self) -> None:
        """Make all proposals of all series shapes, as one step."""
        found: ScanResult | None = self._study.found
        if found is not None and self._offers:
            self._accept_in(found.series, self.tr("accept all lesions"))

    def _accept_in(self, several: Sequence[Series], text: str) -> None:
        proposed = [
            Place(series, i) for series in several for i in self._annotations.proposed(series)
        ]
        # What a person has said is not undone by the way; there they can be accepted one by one.
        places = [
            place
            for place in proposed
            if self._annotations.state(place.item) is not SliceState.NO_LESION
        ]
        offered = [
            shape for place in places for shape in self._annotations.open_proposals(place.item)
        ]
        left = len(proposed) - len(places)
        if not places:
            if left:
                self.said.emit(self._left_sentence(left))
            return
        self._drawing.select([])
        accepting = self._accepting(offered)
        self._annotations.edit_slices(places, text, accepting, with_proposals=True)
        slices, lesions = len(places), len(offered)
        said = self.tr("Accepted {lesions} lesions on {slices} slices.")
        said = said.format(lesions=lesions, slices=slices)
        self.said.emit(f"{said} {self._left_sentence(left)}" if left else said)

    def _left_sentence(self, left: int) -> str:
        if left == 1:
            return self.tr("1 slice that was marked as without lesion was left alone.")
        text = self.tr("{n} slices that were marked as without lesion were left alone.")
        return text.format(n=left)

    def _accepting(self, chosen: Sequence[Shape]) -> Callable[[Shapes], Shapes]:
        author = self._annotations.author
        ids = set(map(id, chosen))
        return lambda shapes: tuple(author.accepted(s) if id(s) in ids else s for s in shapes)

    def _chosen(self) -> tuple[Shape, ...]:
        """The selected proposals of the slice, else all of them."""
        view = self._study.view
        if view is None or not self._offers:
            return ()
        offered = self._annotations.open_proposals(view.slice)
        first = len(self._annotations.shapes(view.slice))
        numbers = [i - first for i in self._drawing.selection if first <= i < first + len(offered)]
        return tuple(offered[i] for i in numbers) or offered

    # -- what is shown

    def _on_view(self, now: ResolvedView, before: ResolvedView | None) -> None:
        if (
            before is None
            or before.slice != now.slice
            or before.offers_proposals != now.offers_proposals
        ):
            self._show()

    @property
    def _offers(self) -> bool:
        """Predictions are shown; nothing is decided about what nobody sees."""
        view = self._study.view
        return view is not None and view.offers_proposals

    def _show(self) -> None:
        view, offers = self._study.view, self._offers
        state = self._annotations.state(view.slice) if view else None
        self._panel.set_state(state)
        self._actions["reviewed"].setChecked(state is SliceState.NO_LESION)
        here = len(self._annotations.open_proposals(view.slice)) if view and offers else 0
        slices = len(self._annotations.proposed(view.series)) if view and offers else 0
        self._panel.set_proposals(self._sentence(here, slices), here > 0)
        enabled = {
            "accept": here > 0,
            "reject": here > 0,
            "accept_series": slices > 0,
            "accept_all": offers and self._annotations.has_open_proposals,
            "next_proposal": slices > 0,
            "previous_proposal": slices > 0,
        }
        for key, on in enabled.items():
            self._actions[key].setEnabled(on)

    def _sentence(self, here: int, slices: int) -> str:
        """What a model proposes and nobody has decided about."""
        if here == 1:
            return self.tr("1 lesion proposed")
        if here:
            return self.tr("{n} lesions proposed").format(n=here)
        if slices == 1:
            return self.tr("Nothing proposed here, on 1 other slice")
        if slices:
            return self.tr("Nothing proposed here, on {n} other slices").format(n=slices)
        return ""

    @property
    def _place(self) -> Place | None:
        view = self._study.view
        return Place(view.series, view.index) if view else None

"""The legend of compare mode: how much of the slice and of the series is of which category."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer

from medseg_desktop.core.comparison_map import OTHER_LABEL, Disagreement, Side
from medseg_desktop.core.view import ResolvedView
from medseg_desktop.qt.comparisons import Comparisons
from medseg_desktop.qt.panels.comparison_box import ComparisonBox, LegendRow
from medseg_desktop.qt.presenters.comparing import texts as compare_texts
from medseg_desktop.qt.presenters.comparing.areas import area_styles
from medseg_desktop.qt.sessions import AnnotationSession, StudySession
from medseg_desktop.qt.sessions.compared_model import ComparedModels

#: The legend follows what is found out, but need not do so within the same frame.
_AFTER_MS = 30
_UNKNOWN = "-"


class CompareLegend(QObject):
    """Fills the legend, and says below it what is to be known of the slice on screen."""

    def __init__(
        self,
        box: ComparisonBox,
        study: StudySession,
        annotations: AnnotationSession,
        models: ComparedModels,
        comparisons: Comparisons,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._box, self._study, self._annotations = box, study, annotations
        self._models, self._comparisons = models, comparisons
        self._place = ""
        #: Nothing more is predicted for the comparison.
        self.is_cancelled = False
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_AFTER_MS)
        self._soon.timeout.connect(self.show)
        comparisons.changed.connect(self._soon.start)
        study.view_changed.connect(self._on_view)

    def say(self, text: str) -> None:
        """A sentence about the way to the next disagreement; empty for none."""
        self._place = text
        self.show()

    def say_place(self, place: Disagreement, number: int, count: int) -> None:
        """Which place of the slice, from 1, was gone to."""
        view = self._study.view
        if view is not None:
            text = self.tr("Disagreement {i} of {n} on this slice\n{who}, {area}")
            area = compare_texts.area_text(place.pixels, view.series)
            who = self._name(place.category)
            self.say(text.format(i=number, n=count, who=who, area=area))

    def _on_view(self, now: ResolvedView, before: ResolvedView | None) -> None:
        if before is None or before.slice != now.slice:
            self._place = ""
        if now.comparison.visible:
            self._soon.start()

    def _name(self, category: int) -> str:
        models = self._models
        asked = self._comparisons.asked
        return compare_texts.category_name(category, asked, models.title, models.other_title)

    def show(self) -> None:
        """Amounts of the slice on screen and of the series, as far as they are known."""
        view = self._study.view
        if view is None or not view.comparison.visible:
            return
        series, asked = view.series, self._comparisons.asked
        known = self._comparisons.known(series)
        here = known.get(view.index)
        # Where a side says nothing, the others have nothing of it to agree with.
        whole = [found for found in known.values() if found.sides == asked]
        styles = area_styles(asked) if asked.bit_count() > 1 else {}
        if len(self._annotations.labels.foreground) < 2 and not any(
            OTHER_LABEL in found.pixels for found in known.values()
        ):
            styles.pop(OTHER_LABEL, None)  # with a single label it could only puzzle
        rows = []
        for category, style in styles.items():
            pixels = here.pixels.get(category, 0) if here is not None else None
            total = sum(found.pixels.get(category, 0) for found in whole)
            area = compare_texts.area_text(pixels, series) if pixels is not None else _UNKNOWN
            volume = compare_texts.volume_text(total, series) if whole else _UNKNOWN
            name = self._name(category)
            tip = f"{name}: {compare_texts.pixels_text(pixels, total)}"
            rows.append(LegendRow(name, style, area, volume, tip))
        self._box.set_legend(rows)
        self._box.set_note(self._place or self._note(view, asked))

    def _note(self, view: ResolvedView, asked: Side) -> str:
        """What is to be known of the slice on screen."""
        compared, series, index = self._comparisons, view.series, view.index
        if asked.bit_count() < 2 or not self._models.title:
            return self.tr("The model is being loaded…")
        sides = compared.sides_of(series, index).sides
        if compared.pending(series, index):
            if self.is_cancelled:
                return self.tr("This slice is not predicted.")
            return self.tr("This slice is being predicted…")
        if Side.MINE in asked and Side.MINE not in sides:
            if Side.OTHER in asked:
                return self.tr("This slice is not reviewed: only the models are compared.")
            text = self.tr("This slice is not reviewed: only what {model} finds is shown.")
            return text.format(model=self._models.title)
        if sides != asked:
            return self.tr("This slice cannot be predicted.")
        return self._summary(view)

    def _summary(self, view: ResolvedView) -> str:
        """How many disagreements there are."""
        known = self._comparisons.known(view.series)
        counts = {i: len(found.disagreements) for i, found in known.items() if found.disagreements}
        if not counts:
            return self.tr("No disagreement on the {n} slices compared.").format(n=len(known))
        worst = max(counts, key=lambda i: (known[i].amount, -i))
        text = self.tr("Disagreements: {here} here, {n} on {slices} of {all} slices compared; ")
        text += self.tr("the largest on slice {worst}.")
        return text.format(
            here=counts.get(view.index, 0),
            n=sum(counts.values()),
            slices=len(counts),
            all=len(known),
            worst=worst + 1,
        )

"""The window of an evaluation: what windows of one model and of two have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QEvent, Qt, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QDialog, QFrame, QScrollArea, QTabWidget, QVBoxLayout, QWidget

from medseg_desktop.core.evaluation.result import EvaluationRecord, Fate, LesionChange
from medseg_desktop.core.evaluation.rows import case_pairs, lesion_groups
from medseg_desktop.qt.panels.controls import button, column, label, row
from medseg_desktop.qt.panels.evaluation.cases import CaseTable
from medseg_desktop.qt.panels.evaluation.lesions import LesionPage
from medseg_desktop.qt.panels.evaluation.measures import ChangeCounts, MeasureTable, SizeTable
from medseg_desktop.qt.panels.evaluation.plot import DicePlot, DicePoint
from medseg_desktop.qt.panels.evaluation.texts import about_text
from medseg_desktop.qt.panels.number_table import IconLine
from medseg_desktop.qt.theme.tokens import SPACE_L, SPACE_M, SPACE_S, SPACE_XL

_SIZE = (1040, 740)


def _tr(text: str) -> str:
    return QCoreApplication.translate("Evaluation", text)


class ResultWindow(QDialog):
    """Head, and three pages: summary, lesions, patients.

    Args:
        titles: of the patients, by hash; a patient without one is shown by the hash.

    Signals:
        picture_requested(LesionChange): the picture of the selected lesion is wanted.
        lesion_requested(LesionChange): show it in the viewer.
        report_requested(), csv_requested(), promote_requested(): by the buttons.
    """

    picture_requested = Signal(object)
    lesion_requested = Signal(object)
    report_requested = Signal()
    csv_requested = Signal()
    promote_requested = Signal()

    def __init__(self, folder: Path, record: EvaluationRecord, titles: Mapping[str, str]) -> None:
        # Without a parent: it may lie behind the slice that it leads to.
        super().__init__(None, Qt.WindowType.Window)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(*_SIZE)
        self.folder, self.record = folder, record
        self._is_made = False
        self._titles = dict(titles)
        self._make_parts(compares=record.comparison is not None)
        self._lay_out()
        self._connect()
        self.setWindowTitle(self._headline())
        self.title.setText(self._headline())
        self._show_warnings()
        self._show_patients()
        self._show_measures()
        self._is_made = True

    # -- what the two kinds of window differ in

    def _headline(self) -> str:
        """What was evaluated."""
        raise NotImplementedError

    def _warnings(self) -> Sequence[str]:
        """What has to be known before the figures are read."""
        raise NotImplementedError

    def _show_measures(self) -> None:
        """Fill the tables of the summary; also after a change of the theme."""
        raise NotImplementedError

    def _show_plot(self, points: Sequence[DicePoint]) -> None:
        """Show the patients on the plot."""
        raise NotImplementedError

    # -- parts

    def _make_parts(self, *, compares: bool) -> None:
        self.title = label("", "title", wrap=True)
        self.about = label("", "muted", wrap=True)
        self.banner = QWidget()
        self._banner = column(self.banner, 0, SPACE_S)
        self.promote = button(_tr("Promote…"), "champion")
        self.open_report = button(_tr("Open report"), "open-folder")
        self.export_csv = button(_tr("Export CSV…"), "save")
        self.measures = MeasureTable()
        self.counts = ChangeCounts()
        self.sizes = SizeTable()
        self.plot = DicePlot()
        self.plot_key = label("", "muted", wrap=True)
        self.lesions = LesionPage(compares=compares)
        self.cases = CaseTable()
        self.pages = QTabWidget()
        self.pages.setDocumentMode(True)

    def _lay_out(self) -> None:
        layout = column(self, SPACE_L, SPACE_M)
        head = row(spacing=SPACE_S)
        names = QVBoxLayout()
        names.setSpacing(0)
        names.addWidget(self.title)
        names.addWidget(self.about)
        head.addLayout(names, 1)
        for action in (self.open_report, self.export_csv, self.promote):
            head.addWidget(action, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(head)
        layout.addWidget(self.banner)
        layout.addWidget(self.pages, 1)
        self.pages.addTab(_padded(self._summary()), _tr("Summary"))
        self.pages.addTab(_padded(self.lesions), _tr("Lesions"))
        self.pages.addTab(_padded(self.cases), _tr("Patients"))

    def _summary(self) -> QWidget:
        """What is to be read stays as wide as it is; the plot takes the rest."""
        page = QWidget()
        left = QVBoxLayout()
        left.setSpacing(SPACE_XL)
        for part in (self.measures, self.counts, self.sizes):
            left.addWidget(part)
        left.addStretch(1)
        right = QVBoxLayout()
        right.setSpacing(SPACE_S)
        right.addWidget(label(_tr("Dice of every patient"), "section"))
        right.addWidget(self.plot, 1)
        right.addWidget(self.plot_key)
        right.addStretch(0)
        whole = row(page, 0, SPACE_XL)
        whole.addLayout(left)
        whole.addLayout(right, 1)
        whole.addStretch(0)
        area = QScrollArea()
        area.setWidget(page)
        page.setObjectName("scrollContent")
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        return area

    def _connect(self) -> None:
        self.open_report.clicked.connect(self.report_requested)
        self.export_csv.clicked.connect(self.csv_requested)
        self.promote.clicked.connect(self.promote_requested)
        self.lesions.selected.connect(self.picture_requested)
        self.lesions.show_requested.connect(self.lesion_requested)
        for fate, each in self.counts.buttons.items():
            each.clicked.connect(lambda _=False, fate=fate: self._show_group(fate))

    # -- contents

    def _show_warnings(self) -> None:
        lines = self._warnings()
        for line in lines:
            self._banner.addWidget(IconLine(line, "warning", "caution"))
        self.banner.setVisible(bool(lines))

    def _show_patients(self) -> None:
        """All that names patients."""
        record = self.record
        pairs, groups = case_pairs(record), lesion_groups(record)
        compares = record.comparison is not None
        self.about.setText(about_text(record))
        self.counts.set_counts({fate: len(group) for fate, group in groups.items()})
        self.pages.setTabText(1, _tr("Lesions ({n})").format(n=sum(map(len, groups.values()))))
        self.pages.setTabText(2, _tr("Patients ({n})").format(n=len(pairs)))
        self.lesions.set_groups(groups, self._titles)
        self.cases.set_cases(pairs, self._titles, compares=compares)
        self._show_plot(self._points())

    def _points(self) -> list[DicePoint]:
        """The patients of the plot, in the order of the table."""
        points = []
        for pair in case_pairs(self.record):
            dice = pair.candidate.foreground_dice
            if dice is None:
                continue
            old = pair.champion.foreground_dice if pair.champion else None
            title = self._titles.get(pair.patient_hash, pair.patient_hash[:8])
            points.append(DicePoint(title, dice, old))
        return points

    def set_titles(self, titles: Mapping[str, str]) -> None:
        """Call the patients otherwise, or hide who they are."""
        if dict(titles) != self._titles:
            self._titles = dict(titles)
            self._show_patients()

    def set_picture(self, change: LesionChange, image: QImage | None, text: str = "") -> None:
        """The picture of a lesion was read; `text` says why there is none."""
        if change == self.lesions.tree.current:
            self.lesions.picture.set_image(image, text)

    def set_promotable(self, reason: str) -> None:
        """Whether the model may be promoted; the reason why not, "" where it may."""
        self.promote.setEnabled(not reason)
        self.promote.setToolTip(reason)

    def _show_group(self, fate: Fate) -> None:
        self.pages.setCurrentIndex(1)
        self.lesions.tree.show_group(fate)
        self.lesions.tree.table.setFocus()

    def begin(self) -> None:
        """Come to the front, and ask for the first picture."""
        self.show()
        self.raise_()
        self.activateWindow()
        self.pages.tabBar().setFocus()
        if self.lesions.tree.current is not None:
            self.picture_requested.emit(self.lesions.tree.current)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.StyleChange and self._is_made:
            self._show_measures()


def _padded(content: QWidget) -> QWidget:
    """Room between a page and the line below the tabs."""
    page = QWidget()
    layout = column(page, 0, 0)
    layout.setContentsMargins(0, SPACE_M, 0, 0)
    layout.addWidget(content)
    return page

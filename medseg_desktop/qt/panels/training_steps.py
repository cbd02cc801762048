"""The training panel before a training: three steps, and the result of the check."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from medseg_desktop.qt.panels.check_report import CheckReport, Problem
from medseg_desktop.qt.panels.controls import (
    Section,
    button,
    column,
    label,
    row,
    separator,
    set_role,
)
from medseg_desktop.qt.panels.number_table import IconLine, NumberTable
from medseg_desktop.qt.panels.problem_lines import show_problems
from medseg_desktop.qt.panels.sample_sheet_view import SampleSheetView
from medseg_desktop.qt.panels.work_line import WorkLine
from medseg_desktop.qt.theme.icons import pixmap
from medseg_desktop.qt.theme.state import current_tokens
from medseg_desktop.qt.theme.tokens import SPACE_L, SPACE_M, SPACE_S, SPACE_XS

__all__ = ["CheckReport", "CheckedPage", "Problem", "StepsPage"]

#: A longer class balance has a section of its own, which can be folded away.
_FEW_ROWS = 4


class _StepRow(QWidget):
    """A numbered step: title, one line of what it does, one button."""

    def __init__(self, number: int, title: str, line: str, action: QPushButton) -> None:
        super().__init__()
        self._number = number
        self.badge = QLabel(str(number))
        self.badge.setProperty("step", True)
        self.badge.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.badge.setFixedSize(24, 24)
        self.line = label(line, "muted", wrap=True)
        self.action = action
        heading = label(title)
        font = heading.font()
        font.setWeight(font.Weight.DemiBold)
        heading.setFont(font)
        text = QVBoxLayout()
        text.setSpacing(4)
        text.addWidget(heading)
        text.addWidget(self.line)
        text.addSpacing(4)
        text.addWidget(action, 0, Qt.AlignmentFlag.AlignLeft)
        layout = row(self, 0, SPACE_M)
        layout.addWidget(self.badge, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(text, 1)

    def set_progress(self, done: bool, now: bool) -> None:
        """Done steps get a check mark, the next one the accent colour."""
        if done:
            colour = current_tokens().window
            ratio = self.devicePixelRatioF()
            self.badge.setPixmap(pixmap("check", colour, 16, ratio))
        else:
            self.badge.setText(str(self._number))
        set_role(self.badge, "done", done)
        set_role(self.badge, "now", now)


class StepsPage(QWidget):
    """Nothing runs: choose patients, check, train.

    Signals:
        convert_requested, check_requested, start_requested.
    """

    convert_requested = Signal()
    check_requested = Signal()
    start_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.convert = button(self.tr("Choose patients…"), "convert")
        self.check = button(self.tr("Check dataset"), "check")
        self.start = button(self.tr("Start training"), "play")
        self._steps = (
            _StepRow(
                1,
                self.tr("Choose patients"),
                self.tr("Turns reviewed slices into a dataset. The DICOM files stay as they are."),
                self.convert,
            ),
            _StepRow(
                2,
                self.tr("Check"),
                self.tr("Looks at every slice, and measures how long and how large it gets."),
                self.check,
            ),
            _StepRow(
                3,
                self.tr("Train"),
                self.tr("Trains a new model. The window stays usable meanwhile."),
                self.start,
            ),
        )
        self.reason = label("", "caution", wrap=True)
        layout = column(self, 0, SPACE_L)
        for index, step in enumerate(self._steps):
            if index:
                layout.addWidget(separator())
            layout.addWidget(step)
        layout.addWidget(self.reason)
        self.convert.clicked.connect(self.convert_requested)
        self.check.clicked.connect(self.check_requested)
        self.start.clicked.connect(self.start_requested)
        self.set_state(has_dataset=False, reason="")

    def set_waiting(self, waiting: bool) -> None:
        """A training was asked for, whose dataset is looked at first."""
        self.start.setEnabled(not waiting and self.check.isEnabled())

    def set_state(self, has_dataset: bool, reason: str) -> None:
        """Marks the next step; a reason forbids checking and training."""
        ready = has_dataset and not reason
        self.check.setEnabled(ready)
        self.start.setEnabled(ready)
        first, second, third = self._steps
        first.set_progress(done=has_dataset, now=not has_dataset)
        second.set_progress(done=False, now=ready)
        third.set_progress(done=False, now=False)
        self.reason.setText(reason)
        self.reason.setVisible(bool(reason))


class CheckedPage(QWidget):
    """The check: numbers, split, needs, samples, problems, and one large start button.

    Signals:
        start_requested, back_requested.
        cancel_requested: end what is under way; what is known stays.
        sheet_opened(QImage): show the samples large.
    """

    start_requested = Signal()
    back_requested = Signal()
    cancel_requested = Signal()
    sheet_opened = Signal(QImage)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._report = CheckReport()
        self.title = label("", "title")
        self.work = WorkLine()
        self._numbers = NumberTable()
        self.balance = Section(self.tr("Class balance"))
        self._balance = NumberTable()
        self.balance.body.addWidget(self._balance)
        self.split_line = IconLine()
        self._needs_title = label("", "section", wrap=True)
        self._needs = NumberTable()
        self.samples = SampleSheetView()
        self._samples_title = label(self.tr("What the network will see"), "section")
        # What forbids to start comes first; what is only doubtful stands beside the button.
        self._blocking, self._problems = QVBoxLayout(), QVBoxLayout()
        for problems in (self._blocking, self._problems):
            problems.setSpacing(SPACE_S)
        self._needs_group = _group(self._needs_title, self._needs)
        self._samples_group = _group(self._samples_title, self.samples)
        self.start = button(self.tr("Start training"), "play", primary=True)
        self.back = button(self.tr("Back"), "chevron-left", quiet=True)
        layout = column(self, 0, SPACE_M)
        layout.addWidget(self.title)
        layout.addWidget(self.work)
        layout.addLayout(self._blocking)
        for part in (
            self._numbers, self.split_line, self.balance, self._needs_group, self._samples_group,
        ):  # fmt: skip
            layout.addWidget(part)
        layout.addLayout(self._problems)
        layout.addWidget(self.start)
        layout.addWidget(self.back, 0, Qt.AlignmentFlag.AlignLeft)
        self.start.clicked.connect(self.start_requested)
        self.back.clicked.connect(self.back_requested)
        self.work.cancel_requested.connect(self.cancel_requested)
        self.samples.opened.connect(self.sheet_opened)

    def set_work(self, text: str, done: int, total: int) -> None:
        """The check goes on."""
        self.work.set_work(text, done, total)
        self._show_title(is_checking=True)

    def set_done(self, text: str) -> None:
        """The check is over; the text says what it looked at."""
        self.work.set_done(text)
        self._show_title(is_checking=False)
        if self._report.sheet is None:
            self._samples_group.hide()

    def set_waiting(self, waiting: bool) -> None:
        """A training was asked for, which is looked at once more."""
        self.start.setEnabled(not waiting and self._report.can_start)

    def show_report(self, report: CheckReport) -> None:
        """Replaces what is shown."""
        before, self._report = self._report, report
        self._show_title(is_checking=self.work.bar.isVisibleTo(self.work))
        few = len(report.balance) <= _FEW_ROWS
        self._numbers.set_rows(report.columns, (*report.rows, *(report.balance if few else ())))
        self._show_balance(report, before)
        self._show_split(report)
        self._needs_title.setText(report.needs_title)
        self._needs.set_rows((), tuple((caption, (text,)) for caption, text in report.needs))
        self._needs_group.setVisible(bool(report.needs_title))
        self._show_samples(report)
        self._show_problems(report)
        self.start.setEnabled(report.can_start)

    def _show_title(self, is_checking: bool) -> None:
        if not self._report.can_start:
            self.title.setText(self.tr("Not ready to train"))
        elif is_checking:
            self.title.setText(self.tr("Checking the dataset"))
        else:
            self.title.setText(self.tr("Ready to train"))

    def _show_balance(self, report: CheckReport, before: CheckReport) -> None:
        self.balance.setVisible(len(report.balance) > _FEW_ROWS)
        if report.balance != before.balance:
            self._balance.set_rows(report.columns, report.balance)

    def _show_split(self, report: CheckReport) -> None:
        icons = {True: ("success", "good"), False: ("error", "bad"), None: ("info", "muted")}
        icon = icons[report.split_ok]
        self.split_line.set_line(report.split_line, *icon, below=report.split_cure)
        self.split_line.setVisible(bool(report.split_line))

    def _show_samples(self, report: CheckReport) -> None:
        waiting = self.tr("Drawing the first slices…") if report.can_start else ""
        self.samples.set_sheet(report.sheet, waiting)
        # A dataset that cannot be trained on is not drawn.
        self._samples_group.setVisible(report.sheet is not None or report.can_start)

    def _show_problems(self, report: CheckReport) -> None:
        show_problems(report.problems, self._blocking, self._problems)
        for note in report.notes:
            self._problems.addWidget(IconLine(note, "info", "muted"))


def _group(*parts: QWidget) -> QWidget:
    """A heading with what belongs to it."""
    holder = QWidget()
    layout = column(holder, 0, SPACE_XS)
    for part in parts:
        layout.addWidget(part)
    return holder

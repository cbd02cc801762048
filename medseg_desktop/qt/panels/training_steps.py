"""The training panel before a training: three steps, and the result of the check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QGridLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from medseg_desktop.qt.panels.controls import (
    button,
    clear_layout,
    column,
    label,
    row,
    separator,
    set_role,
)
from medseg_desktop.qt.panels.sample_strip import SampleStrip
from medseg_desktop.qt.theme.icons import pixmap
from medseg_desktop.qt.theme.state import current_tokens
from medseg_desktop.qt.theme.tokens import SPACE_L, SPACE_M


@dataclass(frozen=True, slots=True)
class Problem:
    """Something the check found: what it is, what to do, and whether it forbids to start."""

    text: str
    cure: str = ""
    blocks: bool = False


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What the check of a dataset found.

    Attributes:
        columns: heads of the table, for example ("Train", "Validation", "Test").
        rows: (caption, one text for each column).
        split_line: one sentence on whether any patient is in two sets.
        split_ok: the sentence is good news.
        estimate: expected time and memory; empty if unknown.
        samples: pictures of a few training slices, with lesions coloured.
    """

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, tuple[str, ...]], ...] = ()
    split_line: str = ""
    split_ok: bool = True
    estimate: str = ""
    problems: tuple[Problem, ...] = ()
    samples: tuple[QImage, ...] = ()

    @property
    def can_start(self) -> bool:
        """No problem forbids the training."""
        return not any(problem.blocks for problem in self.problems)


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
                self.tr("Counts patients and lesions, and estimates time and memory."),
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
    """The check is done: numbers, split, estimate, problems, one large start button.

    Signals:
        start_requested, back_requested.
    """

    start_requested = Signal()
    back_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = label("", "title")
        self._table = QGridLayout()
        self._table.setHorizontalSpacing(SPACE_L)
        self._table.setVerticalSpacing(4)
        self.split_line = label("", "muted", wrap=True)
        self.estimate = label("", "muted", wrap=True)
        self._problems = QVBoxLayout()
        self._problems.setSpacing(8)
        self.samples = SampleStrip()
        self._samples_title = label(self.tr("Some of the training slices"), "section")
        self.start = button(self.tr("Start training"), "play", primary=True)
        self.back = button(self.tr("Back"), "chevron-left", quiet=True)
        layout = column(self, 0, SPACE_M)
        layout.addWidget(self.title)
        layout.addLayout(self._table)
        layout.addWidget(self.split_line)
        layout.addWidget(self.estimate)
        layout.addWidget(self._samples_title)
        layout.addWidget(self.samples)
        layout.addLayout(self._problems)
        layout.addWidget(self.start)
        layout.addWidget(self.back, 0, Qt.AlignmentFlag.AlignLeft)
        self.start.clicked.connect(self.start_requested)
        self.back.clicked.connect(self.back_requested)

    def show_report(self, report: CheckReport) -> None:
        """Replaces everything that is shown."""
        ready = self.tr("Ready to train")
        self.title.setText(ready if report.can_start else self.tr("Not ready to train"))
        self.samples.set_pictures(report.samples)
        self.samples.setVisible(bool(report.samples))
        self._samples_title.setVisible(bool(report.samples))
        clear_layout(self._table)
        for position, text in enumerate(report.columns, start=1):
            self._cell(0, position, text, "muted")
        for line, (caption, texts) in enumerate(report.rows, start=1):
            self._cell(line, 0, caption, "muted")
            for position, text in enumerate(texts, start=1):
                self._cell(line, position, text, "")
        self._table.setColumnStretch(0, 1)
        self.split_line.setText(report.split_line)
        set_role(self.split_line, "role", "muted" if report.split_ok else "bad")
        self.split_line.setVisible(bool(report.split_line))
        self.estimate.setText(report.estimate)
        self.estimate.setVisible(bool(report.estimate))
        self._show_problems(report.problems)
        self.start.setEnabled(report.can_start)

    def _cell(self, line: int, position: int, text: str, role: str) -> None:
        side = Qt.AlignmentFlag.AlignLeft if position == 0 else Qt.AlignmentFlag.AlignRight
        self._table.addWidget(label(text, role), line, position, side)

    def _show_problems(self, problems: Sequence[Problem]) -> None:
        clear_layout(self._problems)
        for problem in problems:
            self._problems.addWidget(_problem_row(problem))


def _problem_row(problem: Problem) -> QWidget:
    t = current_tokens()
    holder = QWidget()
    mark = QLabel()
    name, colour = ("error", t.bad) if problem.blocks else ("warning", t.caution)
    mark.setPixmap(pixmap(name, colour, 16, holder.devicePixelRatioF()))
    text = QVBoxLayout()
    text.setSpacing(0)
    text.addWidget(label(problem.text, wrap=True))
    if problem.cure:
        text.addWidget(label(problem.cure, "muted", wrap=True))
    layout = row(holder)
    layout.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
    layout.addLayout(text, 1)
    return holder

"""What a check found, as lines with an icon."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QLayout

from medseg_desktop.qt.panels.check_report import Problem
from medseg_desktop.qt.panels.controls import clear_layout
from medseg_desktop.qt.panels.number_table import IconLine


def show_problems(problems: Sequence[Problem], blocking: QLayout, others: QLayout) -> None:
    """Replace the lines: what forbids to start in one place, what should be known in another."""
    clear_layout(blocking)
    clear_layout(others)
    for problem in problems:
        place = blocking if problem.blocks else others
        icon = ("error", "bad") if problem.blocks else ("warning", "caution")
        place.addWidget(IconLine(problem.text, *icon, below=problem.cure))

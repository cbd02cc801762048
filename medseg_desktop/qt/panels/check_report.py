"""What the page before a training shows, as data."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtGui import QImage

Rows = tuple[tuple[str, tuple[str, ...]], ...]


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
        balance: how common each label is, as further rows; empty until that is known.
        split_line: one sentence on whether anything is in two sets.
        split_ok: the sentence is good news; None while it is not settled.
        split_cure: what to do where it is bad news.
        needs_title: where the needs are and how they are known; empty if unknown.
        needs: (caption, text) of time, memory, disk and the like.
        notes: sentences on what is not known.
        sheet: training slices as the network sees them, with their label maps.
    """

    columns: tuple[str, ...] = ()
    rows: Rows = ()
    split_line: str = ""
    split_ok: bool | None = True
    split_cure: str = ""
    needs_title: str = ""
    balance: Rows = ()
    needs: tuple[tuple[str, str], ...] = ()
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    sheet: QImage | None = None

    @property
    def can_start(self) -> bool:
        """No problem forbids the training."""
        return not any(problem.blocks for problem in self.problems)

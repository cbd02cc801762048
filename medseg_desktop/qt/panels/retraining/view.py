"""What the Retrain page shows, as data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from medseg_desktop.core.retraining.state import Mark, Stage
from medseg_desktop.qt.panels.check_report import Problem, Rows


class Start(StrEnum):
    """What the one large button of the page does."""

    RETRAIN = "retrain"
    #: The same without a champion to train from.
    FIRST = "first"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class RetrainView:
    """Before a retraining.

    Attributes:
        title: what would come of it; lead: one sentence on what is new.
        columns, rows: how much is new, by set.
        proof: that no training sees a test patient; is_proven: False where it is not known of
            the champion.
        cost: one line; how: a muted one below it.
        can_measure: steps may be measured at a press.
        problems: what forbids it, what should be known.
        start, can_start: the button.
    """

    title: str = ""
    lead: str = ""
    columns: tuple[str, ...] = ()
    rows: Rows = ()
    proof: str = ""
    is_proven: bool = False
    cost: str = ""
    how: str = ""
    can_measure: bool = False
    problems: tuple[Problem, ...] = ()
    start: Start = Start.RETRAIN
    can_start: bool = False


@dataclass(frozen=True, slots=True)
class StageRow:
    """One stage of the list.

    Attributes:
        note: at the right, for example how long it took or may take.
        detail: below it while it runs; done of total: how far it is.
    """

    stage: Stage
    text: str
    mark: Mark
    note: str = ""
    detail: str = ""
    done: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: a sentence with an icon in a token's colour, figures, and remarks."""

    text: str
    icon: str
    token: str
    figures: tuple[tuple[str, str], ...] = ()
    remarks: tuple[str, ...] = ()
    has_evaluation: bool = False
    has_champion: bool = False


@dataclass(frozen=True, slots=True)
class ChainView:
    """A retraining that is under way, was stopped, has failed, or is done.

    Attributes:
        left: how long it may still take.
        message, hint: why it failed, or how it can go on.
        can_stop, can_continue, can_discard: the buttons; `is_stopping`: it was asked to.
    """

    title: str
    rows: tuple[StageRow, ...] = ()
    left: str = ""
    message: str = ""
    hint: str = ""
    is_failed: bool = False
    can_stop: bool = False
    is_stopping: bool = False
    can_continue: bool = False
    can_discard: bool = False
    outcome: Outcome | None = None

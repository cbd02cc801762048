"""What the window has to say: messages with their order, and errors as sentences."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType

from medseg_desktop.core.errors import MedSegError

_log = logging.getLogger(__name__)


class Level(StrEnum):
    """How serious a message is, least first."""

    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    ERROR = "error"


_URGENCY = {level: order for order, level in enumerate(Level)}


@dataclass(frozen=True, slots=True)
class Message:
    """One message.

    Attributes:
        text: one sentence, plain text.
        action_text: a verb for the link beside it; empty for none.
        action_key: what the link asks for.
        other_text, other_key: of a second link; empty for none.
        subject: what a standing message is about; dismissed by the user, it does not come back
            for the same subject.  None: it comes back whenever it is said.
    """

    text: str
    level: Level = Level.WARNING
    action_text: str = ""
    action_key: str = ""
    subject: Hashable = None
    other_text: str = ""
    other_key: str = ""

    @property
    def passes(self) -> bool:
        """Nothing is wrong and there is nothing to do: it goes by itself."""
        return self.level in (Level.INFO, Level.SUCCESS) and not self.action_key

    def offers(self, key: str) -> bool:
        """One of its links asks for this."""
        return key in (self.action_key, self.other_key)


class Messages:
    """All there is to say at a time; nothing replaces anything else, one is shown.

    News tell what has just happened.  The latest is shown until `settle`; then those that pass
    are gone, and the others wait by urgency until they are dismissed.  A standing message holds
    for what is on screen and is known by its place ("series", "folder"), which has one at a
    time; it comes back when the news before it have gone.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[str, Message]] = []  # place, "" for news; the oldest first
        self._fresh: Message | None = None
        self._dismissed: set[tuple[str, Hashable]] = set()

    @property
    def shown(self) -> Message | None:
        """The latest news, else the most urgent message, of equal ones the latest."""
        first = self._first()
        return first[1] if first else None

    @property
    def behind(self) -> int:
        """How many messages wait behind the one that is shown."""
        return max(len(self._waiting) - 1, 0)

    def tell(self, message: Message) -> None:
        """Something has happened; said again in the same words, it replaces itself."""
        self.settle()
        self._waiting = [(p, m) for p, m in self._waiting if p or m.text != message.text]
        self._waiting.append(("", message))
        self._fresh = message

    def settle(self) -> None:
        """The latest news have been there for long enough."""
        fresh, self._fresh = self._fresh, None
        if fresh is not None and fresh.passes:
            self._waiting.remove(("", fresh))

    def stand(self, place: str, message: Message | None) -> None:
        """What holds at a place from now on; None for nothing."""
        entry = (place, message)
        if message is not None and entry in self._waiting:
            return
        self._waiting = [(p, m) for p, m in self._waiting if p != place]
        if message is not None and (place, message.subject) not in self._dismissed:
            self._waiting.append((place, message))

    def dismiss(self) -> None:
        """The user has read the message that is shown."""
        first = self._first()
        if first is None:
            return
        place, message = first
        if place and message.subject is not None:
            self._dismissed.add((place, message.subject))
        self._drop(lambda entry: entry == first)

    def withdraw(self, action_key: str) -> None:
        """News that offer this action are out of date."""
        self._drop(lambda entry: not entry[0] and entry[1].offers(action_key))

    def clear_news(self) -> None:
        """Something else begins; what stands stays."""
        self._drop(lambda entry: not entry[0])

    def _first(self) -> tuple[str, Message] | None:
        if self._fresh is not None:
            return ("", self._fresh)
        by_urgency = sorted(self._waiting, key=lambda entry: _URGENCY[entry[1].level])
        return by_urgency[-1] if by_urgency else None

    def _drop(self, gone: Callable[[tuple[str, Message]], bool]) -> None:
        if self._fresh is not None and gone(("", self._fresh)):
            self._fresh = None
        self._waiting = [entry for entry in self._waiting if not gone(entry)]


def sentence(error: MedSegError) -> str:
    """What happened and what to do, in one line."""
    return " ".join(str(error).split())


def install_excepthook(show: Callable[[str], None]) -> Callable[[], None]:
    """Log unexpected errors with their traceback and show a sentence; never end the program.

    Returns:
        A function that restores the hook from before.
    """
    before = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            before(kind, error, trace)
            return
        if isinstance(error, MedSegError):
            show(sentence(error))
            return
        _log.error("unexpected error\n%s", "".join(traceback.format_exception(error)))
        reason = (str(error).splitlines() or [kind.__name__])[0]
        show(f"Something unexpected went wrong: {reason}. Nothing was lost; see the log.")

    sys.excepthook = hook

    def restore() -> None:
        sys.excepthook = before

    return restore

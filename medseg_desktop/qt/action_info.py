"""What is to be known of an action before there is one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ActionInfo:
    """One action; `shortcuts` are key sequences, the first of which is shown in menus.

    `local`: the keys are the main window's own, for when no widget with the focus uses them.
    """

    key: str
    text: str
    icon: str = ""
    shortcuts: tuple[str, ...] = ()
    tip: str = ""
    checkable: bool = False
    local: bool = False

"""Which theme is on: read by everything that paints itself."""

from __future__ import annotations

from medseg_desktop.qt.theme.tokens import DARK, Tokens

_current: list[Tokens] = [DARK]


def current_tokens() -> Tokens:
    """The tokens of the theme that is on; dark before the first `apply_theme`."""
    return _current[0]


def set_current_tokens(tokens: Tokens) -> None:
    """Called by `apply_theme` only."""
    _current[0] = tokens

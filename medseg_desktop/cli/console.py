"""Lines on the console.  Standard library only: `doctor` needs it where packages are broken."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from typing import Any

#: On a terminal the line is redrawn this often; elsewhere a line is printed now and then.
_REDRAW_S = 0.1
_LINE_S = 15.0


class ProgressLine:
    """One line that says how far the work is."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._last = time.monotonic() - (_REDRAW_S if self._terminal else 0)
        self._width = 0

    def show(self, text: str) -> None:
        """Show `text` if it is time to."""
        now = time.monotonic()
        if now - self._last < (_REDRAW_S if self._terminal else _LINE_S):
            return
        self._last = now
        if self._terminal:
            print(f"\r{text.ljust(self._width)}", end="", file=sys.stderr, flush=True)
            self._width = len(text)
        else:
            print(text, file=sys.stderr, flush=True)

    def line(self, text: str) -> None:
        """Print a line of its own."""
        self.clear()
        print(text, file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Remove the line from a terminal."""
        if self._terminal and self._width:
            print(f"\r{' ' * self._width}\r", end="", file=sys.stderr, flush=True)
            self._width = 0


def print_json(value: dict[str, Any]) -> None:
    """One JSON object as the last line of stdout (ASCII, so that any console can show it)."""
    print(json.dumps(value, ensure_ascii=True, allow_nan=False), flush=True)


def warn(sentences: list[str]) -> None:
    """Warnings, one a line, on stderr."""
    for sentence in sentences:
        print(f"Note: {sentence}", file=sys.stderr)


def count(number: int, noun: str) -> str:
    """E.g. "1 patient", "2 patients"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def table(rows: Sequence[tuple[str, ...]], header: tuple[str, ...]) -> str:
    """A plain text table; the first column is left-aligned, the others right-aligned."""
    widths = [max(len(r[i]) for r in [header, *rows]) for i in range(len(header))]

    def line(row: tuple[str, ...]) -> str:
        cells = [row[0].ljust(widths[0])]
        cells += [c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True)]
        return "  ".join(cells).rstrip()

    return "\n".join([line(header), *(line(r) for r in rows)])

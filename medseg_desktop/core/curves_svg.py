"""Curves over the iterations as one SVG picture, for the report of a run.

A pure function of the points.  The picture needs nothing from outside: text and grid take the
colour of the text around them (`currentColor`), so it fits light, dark and paper.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import TypeGuard

#: Colours that are told apart by colour-blind readers too, and seen on white and on black
#: (after M. Okabe and K. Ito, Color Universal Design, 2008).
COLORS = ("#1f8fd1", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#6a7fdb", "#8c8c8c", "#c0504d")

_WIDTH, _HEIGHT = 480, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 14, 12, 36
_TICKS = 5
#: A curve is drawn with at most twice as many points; more would not be seen.
_BUCKETS = 240
#: A loss that spans more than this factor is drawn on a logarithmic axis.
_LOG_FACTOR = 50.0
#: A smoothed value is the mean over a share of two in so many of the curve.
_NEIGHBOURHOODS = 50
#: Up to this many points each is marked.
_MARKED = 30

Points = Sequence[tuple[float, float | None]]


@dataclass(frozen=True, slots=True)
class Curve:
    """One line: (iteration, value) in order; None and NaN are gaps.

    Attributes:
        faint: drawn thin and pale, behind what matters.
    """

    name: str
    points: Points
    color: str
    faint: bool = False


@dataclass(frozen=True, slots=True)
class Axis:
    """Values from `low` to `high`, which lie `length` units apart; `base` is `at(low)`."""

    low: float
    high: float
    base: float
    length: float
    is_log: bool = False

    def at(self, value: float) -> float:
        """Where a value lies."""
        return self.base + self.length * self._share(value)

    def ticks(self) -> list[float]:
        """Round values within the axis."""
        if self.is_log:
            lowest, highest = math.log10(self.low), math.log10(self.high)
            stride = max(1, round((highest - lowest) / _TICKS))
            return [10.0**n for n in range(math.ceil(lowest), math.floor(highest) + 1, stride)]
        step = round_step((self.high - self.low) / _TICKS)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [n * step for n in range(first, last + 1)]

    def _share(self, value: float) -> float:
        low, high = self.low, self.high
        if self.is_log:
            low, high, value = math.log(low), math.log(high), math.log(max(value, low))
        return min(1.0, max(0.0, (value - low) / (high - low)))


def chart(
    title: str,
    curves: Sequence[Curve],
    *,
    y_range: tuple[float, float] | None = None,
    may_be_log: bool = False,
    marked: int | None = None,
) -> str:
    """The curves as an `<svg>` element; "" where there is no point to draw.

    Args:
        title: for those who cannot see it.
        y_range: (lowest, highest) value; by default what the curves need, from 0 on.
        may_be_log: values that span orders of magnitude get a logarithmic axis.
        marked: an iteration that a vertical line points out.
    """
    known = [p for curve in curves for p in _known(curve.points)]
    if not known:
        return ""
    x = _x_axis([p[0] for p in known])
    y = _y_axis([p[1] for p in known], y_range, may_be_log)
    parts = [*_grid(x, y)]
    if marked is not None:
        parts.append(
            f'<line x1="{x.at(marked):.1f}" x2="{x.at(marked):.1f}" y1="{_TOP}" '
            f'y2="{_HEIGHT - _BOTTOM}" stroke="currentColor" stroke-dasharray="2 3" opacity=".6"/>'
        )
    for curve in sorted(curves, key=lambda c: not c.faint):
        parts += _line(curve, x, y)
    return document(title, parts, _WIDTH, _HEIGHT)


def document(title: str, parts: Iterable[str], width: float, height: float) -> str:
    """Parts of a picture as one `<svg>` element; `title` is for those who cannot see it."""
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" font-size="12" '
        f'font-family="system-ui, sans-serif" fill="currentColor"><title>{escape(title)}</title>'
        f"{''.join(parts)}</svg>"
    )


def value_lines(y: Axis, left: float, right: float, unit: str = "") -> Iterator[str]:
    """A faint line across the picture at every tick of its vertical axis, with its value."""
    for value in y.ticks():
        at = y.at(value)
        yield (
            f'<line x1="{left}" x2="{right}" y1="{at:.1f}" y2="{at:.1f}" '
            'stroke="currentColor" opacity=".15"/>'
            f'<text x="{left - 6}" y="{at + 4:.1f}" text-anchor="end">{number(value)}{unit}</text>'
        )


def round_step(step: float) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that is at least `step` (> 0)."""
    power: float = 10.0 ** math.floor(math.log10(step))
    return next(f * power for f in (1, 2, 5, 10) if f * power >= step * (1 - 1e-9))


def thinned(points: Points) -> list[tuple[float, float]]:
    """The known points; of many, the lowest and the highest of each of equal parts."""
    known = list(_known(points))
    if len(known) <= 2 * _BUCKETS:
        return known
    kept: list[tuple[float, float]] = []
    for i in range(_BUCKETS):
        part = known[i * len(known) // _BUCKETS : (i + 1) * len(known) // _BUCKETS]
        extremes = {min(part, key=lambda p: p[1]), max(part, key=lambda p: p[1])}
        kept += sorted(extremes)
    return kept


def smoothed(points: Points) -> list[tuple[float, float | None]]:
    """Each value as the mean of its neighbours on both sides, without lagging; gaps stay gaps."""
    reach = max(1, len(points) // _NEIGHBOURHOODS)
    smooth: list[tuple[float, float | None]] = []
    for i, (x, y) in enumerate(points):
        near = [near for _, near in points[max(0, i - reach) : i + reach + 1] if _is_known(near)]
        smooth.append((x, math.fsum(near) / len(near) if _is_known(y) else None))
    return smooth


def number(value: float) -> str:
    """A tick's value in a few digits: "0.002", "1e-05", "400"."""
    return f"{value:.4g}" if value else "0"


def _is_known(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)


def _known(points: Points) -> Iterator[tuple[float, float]]:
    for x, y in points:
        if _is_known(y):
            yield x, y


def _pieces(points: Points) -> Iterator[list[tuple[float, float]]]:
    """The parts of a curve between its gaps."""
    piece: list[tuple[float, float | None]] = []
    for point in (*points, (0.0, None)):
        if _is_known(point[1]):
            piece.append(point)
        elif piece:
            yield thinned(piece)
            piece = []


def _x_axis(values: Sequence[float]) -> Axis:
    high = max(values)
    return Axis(0.0, high if high > 0 else 1.0, _LEFT, _WIDTH - _LEFT - _RIGHT)


def _y_axis(values: Sequence[float], y_range: tuple[float, float] | None, may_be_log: bool) -> Axis:
    low, high = min(values), max(values)
    base, length = _HEIGHT - _BOTTOM, -(_HEIGHT - _TOP - _BOTTOM)
    if y_range is not None:
        return Axis(*y_range, base, length)
    if may_be_log and low > 0 and high > _LOG_FACTOR * low:
        floor, ceiling = math.floor(math.log10(low)), math.ceil(math.log10(high))
        return Axis(10.0**floor, 10.0**ceiling, base, length, is_log=True)
    low, high = min(low, 0.0), max(high, 0.0)
    step = round_step((high - low) / _TICKS) if high > low else 1.0
    return Axis(math.floor(low / step) * step, math.ceil(high / step) * step or 1.0, base, length)


def _grid(x: Axis, y: Axis) -> Iterator[str]:
    left, right, bottom = _LEFT, _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    yield from value_lines(y, left, right)
    for value in x.ticks():
        at = x.at(value)
        anchor = "end" if at > right - 12 else "middle"
        yield (
            f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{bottom}" y2="{bottom + 4}" '
            'stroke="currentColor" opacity=".5"/>'
            f'<text x="{at:.1f}" y="{bottom + 17}" text-anchor="{anchor}">{number(value)}</text>'
        )
    yield (
        f'<line x1="{left}" x2="{right}" y1="{bottom}" y2="{bottom}" '
        'stroke="currentColor" opacity=".5"/>'
        f'<text x="{(left + right) / 2}" y="{_HEIGHT - 3}" text-anchor="middle" '
        'opacity=".7">step</text>'
    )


def _line(curve: Curve, x: Axis, y: Axis) -> Iterator[str]:
    look = 'stroke-width="1" opacity=".35"' if curve.faint else 'stroke-width="1.8"'
    name = f"<title>{escape(curve.name)}</title>"
    is_sparse = len(curve.points) <= _MARKED and not curve.faint
    for piece in _pieces(curve.points):
        places = [(f"{x.at(a):.1f}", f"{y.at(b):.1f}") for a, b in piece]
        text = " ".join(f"{a},{b}" for a, b in places)
        yield (
            f'<polyline points="{text}" fill="none" stroke="{escape(curve.color)}" {look} '
            f'stroke-linejoin="round">{name}</polyline>'
        )
        if is_sparse or len(places) == 1:
            yield from (
                f'<circle cx="{a}" cy="{b}" r="2.4" fill="{escape(curve.color)}">{name}</circle>'
                for a, b in places
            )

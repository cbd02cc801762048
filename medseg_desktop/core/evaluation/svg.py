"""The plots of an evaluation as SVG pictures, which need nothing from outside.

Text and grid take the colour of the text around them, as in `core.curves_svg`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from medseg_desktop.core.curves_svg import COLORS, Axis, document, number, round_step, value_lines
from medseg_desktop.core.evaluation.result import Estimate, SizeBin
from medseg_desktop.core.evaluation.text import bin_title

#: Of the model, and of the one it is compared with.
MODEL_COLORS = COLORS[:2]
#: Of a patient who is better, and worse, than before.
BETTER, WORSE = COLORS[2], COLORS[1]

_WIDTH, _HEIGHT = 480, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 16, 14, 40
#: No figure differs by so little; a smaller span has no round steps in floating point.
_SMALLEST_SPAN = 1e-9
_TICKS = 5


@dataclass(frozen=True, slots=True)
class Dot:
    """One patient: what is shown when the pointer rests on it, and one or two values."""

    name: str
    x: float
    y: float = 0.0


def ranked(title: str, dots: Sequence[Dot], mean: Estimate) -> str:
    """A dot for each patient (`x`: 0..1) from the worst to the best, with the mean as a line and
    its interval as a band; "" without patients."""
    if not dots:
        return ""
    y = Axis(0.0, 1.0, _HEIGHT - _BOTTOM, -(_HEIGHT - _TOP - _BOTTOM))
    ordered = sorted(dots, key=lambda dot: dot.x)
    parts = [*value_lines(y, _LEFT, _WIDTH - _RIGHT), *_mean_band(mean, y)]
    for dot, x in zip(ordered, _spread(len(ordered)), strict=True):
        parts.append(_circle(x, y.at(dot.x), MODEL_COLORS[0], f"{dot.name}: {dot.x:.3f}"))
    parts.append(_below("patients, worst first"))
    return document(title, parts, _WIDTH, _HEIGHT)


def slopes(title: str, names: tuple[str, str], dots: Sequence[Dot]) -> str:
    """A line for each patient from the one model (`x`) to the other one (`y`), 0..1."""
    if not dots:
        return ""
    y = Axis(0.0, 1.0, _HEIGHT - _BOTTOM, -(_HEIGHT - _TOP - _BOTTOM))
    columns = [_LEFT + (_WIDTH - _LEFT - _RIGHT) * share for share in (0.2, 0.8)]
    parts = [*value_lines(y, _LEFT, _WIDTH - _RIGHT)]
    for dot in dots:
        color = BETTER if dot.y > dot.x else WORSE if dot.y < dot.x else "currentColor"
        name = f"{dot.name}: {dot.x:.3f} to {dot.y:.3f}"
        ends = [(column, y.at(v)) for column, v in zip(columns, (dot.x, dot.y), strict=True)]
        (x1, y1), (x2, y2) = ends
        parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{color}" '
            f'stroke-width="1.5" opacity=".7"><title>{escape(name)}</title></line>'
        )
        parts += [_circle(a, b, color, name) for a, b in ends]
    for column, name in zip(columns, names, strict=True):
        parts.append(_text(column, _HEIGHT - 16, name))
    return document(title, parts, _WIDTH, _HEIGHT)


def differences(title: str, dots: Sequence[Dot], mean: Estimate) -> str:
    """A bar for each patient from zero to its paired difference (`x`), the largest loss first."""
    if not dots:
        return ""
    bounds = [0.0, *(dot.x for dot in dots)]
    bounds += [v for v in (mean.low, mean.high) if v is not None]
    y = _axis(min(bounds), max(bounds), _HEIGHT - _BOTTOM, -(_HEIGHT - _TOP - _BOTTOM))
    ordered = sorted(dots, key=lambda dot: dot.x)
    width = max(2.0, min(24.0, 0.7 * (_WIDTH - _LEFT - _RIGHT) / len(ordered)))
    parts = [*value_lines(y, _LEFT, _WIDTH - _RIGHT)]
    for dot, x in zip(ordered, _spread(len(ordered)), strict=True):
        top, bottom = sorted((y.at(dot.x), y.at(0.0)))
        color = BETTER if dot.x > 0 else WORSE
        parts.append(
            f'<rect x="{x - width / 2:.1f}" y="{top:.1f}" width="{width:.1f}" '
            f'height="{max(1.0, bottom - top):.1f}" fill="{color}" opacity=".85">'
            f"<title>{escape(dot.name)}: {dot.x:+.3f}</title></rect>"
        )
    parts += [_line_across(y.at(0.0), "", ".6"), *_mean_band(mean, y)]
    parts.append(_below("patients, largest loss of Dice first"))
    return document(title, parts, _WIDTH, _HEIGHT)


def volumes(title: str, models: Sequence[Sequence[Dot]]) -> str:
    """Predicted (`y`) over annotated (`x`) ml, on equal axes with the line of agreement."""
    values = [v for dots in models for dot in dots for v in (dot.x, dot.y)]
    if not values:
        return ""
    top = _axis(0.0, max(values), 0, 1).high
    x = Axis(0.0, top, _LEFT, _WIDTH - _LEFT - _RIGHT)
    y = Axis(0.0, top, _HEIGHT - _BOTTOM, -(_HEIGHT - _TOP - _BOTTOM))
    parts = [*value_lines(y, _LEFT, _WIDTH - _RIGHT)]
    for value in x.ticks():
        at = x.at(value)
        anchor = "end" if at > _WIDTH - _RIGHT - 12 else "middle"
        parts.append(_text(at, _HEIGHT - _BOTTOM + 16, number(value), anchor))
    parts.append(
        f'<line x1="{x.at(0):.1f}" y1="{y.at(0):.1f}" x2="{x.at(top):.1f}" y2="{y.at(top):.1f}" '
        'stroke="currentColor" stroke-dasharray="3 4" opacity=".6"/>'
    )
    for dots, color in reversed(list(zip(models, MODEL_COLORS, strict=False))):
        for dot in dots:
            name = f"{dot.name}: {dot.x:.2f} ml annotated, {dot.y:.2f} ml predicted"
            parts.append(_circle(x.at(dot.x), y.at(dot.y), color, name))
    parts.append(_below("annotated, ml"))
    return document(title, parts, _WIDTH, _HEIGHT)


def found_by_size(title: str, models: Sequence[Sequence[SizeBin]]) -> str:
    """Bars of the share of lesions found, by size, with "found of all" above each; "" where no
    lesion has a size."""
    if not any(size.total for bins in models for size in bins):
        return ""
    y = Axis(0.0, 100.0, _HEIGHT - _BOTTOM, -(_HEIGHT - _TOP - 16 - _BOTTOM))
    parts = [*value_lines(y, _LEFT, _WIDTH - _RIGHT, " %")]
    step = (_WIDTH - _LEFT - _RIGHT) / len(models[0])
    width = min(40.0, 0.7 * step / len(models))
    for i, size in enumerate(models[0]):
        middle = _LEFT + (i + 0.5) * step
        parts.append(_text(middle, _HEIGHT - _BOTTOM + 17, bin_title(size)))
        for k, bins in enumerate(models):
            left = middle + (k - len(models) / 2) * width
            parts += _bar(bins[i], left, width, y, MODEL_COLORS[k])
    return document(title, parts, _WIDTH, _HEIGHT)


def _bar(size: SizeBin, left: float, width: float, y: Axis, color: str) -> Iterator[str]:
    middle = left + width / 2
    if not size.total:
        yield _text(middle, y.at(0.0) - 5, "none")
        return
    top = y.at(100 * size.found / size.total)
    name = f"{bin_title(size)}: {size.found} of {size.total} found"
    yield (
        f'<rect x="{left + 1:.1f}" y="{top:.1f}" width="{width - 2:.1f}" '
        f'height="{max(1.0, y.at(0.0) - top):.1f}" fill="{color}" opacity=".85">'
        f"<title>{escape(name)}</title></rect>"
    )
    yield _text(middle, top - 5, f"{size.found}/{size.total}")


def _axis(low: float, high: float, base: float, length: float) -> Axis:
    """From a round value below to a round value above."""
    step = round_step((high - low) / _TICKS) if high - low > _SMALLEST_SPAN else 1.0
    return Axis(
        math.floor(low / step) * step, math.ceil(high / step - 1e-9) * step or step, base, length
    )


def _mean_band(mean: Estimate, y: Axis) -> Iterator[str]:
    if mean.mean is None:
        return
    if mean.low is not None and mean.high is not None:
        top, bottom = y.at(mean.high), y.at(mean.low)
        yield (
            f'<rect x="{_LEFT}" width="{_WIDTH - _LEFT - _RIGHT}" y="{top:.1f}" '
            f'height="{max(1.0, bottom - top):.1f}" fill="currentColor" opacity=".12"/>'
        )
    yield _line_across(y.at(mean.mean), "5 4", ".8")


def _line_across(at: float, dashes: str, opacity: str) -> str:
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return (
        f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{at:.1f}" y2="{at:.1f}" '
        f'stroke="currentColor" opacity="{opacity}"{dashed}/>'
    )


def _spread(count: int) -> Iterable[float]:
    """Places of so many patients beside each other."""
    step = (_WIDTH - _LEFT - _RIGHT) / count
    return [_LEFT + (i + 0.5) * step for i in range(count)]


def _circle(x: float, y: float, color: str, name: str) -> str:
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{color}" opacity=".85">'
        f"<title>{escape(name)}</title></circle>"
    )


def _text(x: float, y: float, text: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _below(text: str) -> str:
    x = _LEFT + (_WIDTH - _LEFT - _RIGHT) / 2
    return (
        f'<text x="{x:.1f}" y="{_HEIGHT - 6}" text-anchor="middle" opacity=".7">'
        f"{escape(text)}</text>"
    )

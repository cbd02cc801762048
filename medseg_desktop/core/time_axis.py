"""The second axis of a series that images every position more than once (4-D).

Only numbers go in and indices come out; which frames may share a series is decided elsewhere.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from typing import Any


class TimeAxis(StrEnum):
    """What differs between the time points of a 4-D stack."""

    TIME = "time"
    B_VALUE = "b_value"
    TRIGGER = "trigger"
    ACQUISITION = "acquisition"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Moment:
    """When and how one frame was acquired, as far as the header tells; None where it does not.

    Attributes:
        temporal_index: Temporal Position Identifier or Temporal Position Index.
        b_value: diffusion weighting in s/mm^2; `gradient` is its direction.
        trigger_ms: time after the trigger (heart beat, start of the series).
        acquired_s, content_s: time of acquisition and of the pixels, in seconds since any start.
        instance_number, frame: the order in which the files and their frames are numbered.
    """

    temporal_index: int | None = None
    b_value: float | None = None
    gradient: tuple[float, ...] | None = None
    trigger_ms: float | None = None
    acquisition_number: int | None = None
    acquired_s: float | None = None
    content_s: float | None = None
    instance_number: int = 0
    frame: int = 0

    @property
    def number(self) -> tuple[int, int]:
        return (self.instance_number, self.frame)


@dataclass(frozen=True, slots=True)
class TimeGrid:
    """Frames as time points x positions.

    Attributes:
        order: indices of the frames, all positions of the first time point, then of the second...
        labels: one short text per time point, or an empty one where nothing is known.
        rest: indices of the frames of `incomplete` time points that lack positions; they fit in
            no grid.
    """

    axis: TimeAxis
    order: tuple[int, ...]
    labels: tuple[str, ...]
    rest: tuple[int, ...] = ()
    incomplete: int = 0

    @property
    def time_points(self) -> int:
        return len(self.labels)


def _diffusion(moment: Moment) -> Hashable | None:
    return None if moment.b_value is None else (moment.b_value, moment.gradient)


_Value = Callable[[Moment], Hashable | None]
_Number = Callable[[Moment], float | None]
#: Equal at all positions of one time point, different between time points.
_SHARED: dict[str, tuple[TimeAxis, _Value]] = {
    "temporal": (TimeAxis.TIME, lambda m: m.temporal_index),
    "diffusion": (TimeAxis.B_VALUE, _diffusion),
    "trigger": (TimeAxis.TRIGGER, lambda m: m.trigger_ms),
    "acquisition": (TimeAxis.ACQUISITION, lambda m: m.acquisition_number),
    "acquired": (TimeAxis.TIME, lambda m: m.acquired_s),
    "content": (TimeAxis.TIME, lambda m: m.content_s),
}
#: Different between the frames of one position; slices of a time point follow one another, or
#: hearts beat unevenly, so that the values of one time point need not be equal.
_RISING: dict[str, tuple[TimeAxis, _Number]] = {
    "trigger": (TimeAxis.TRIGGER, lambda m: m.trigger_ms),
    "acquired": (TimeAxis.TIME, lambda m: m.acquired_s),
    "content": (TimeAxis.TIME, lambda m: m.content_s),
}
_ORDER = ("temporal", "diffusion", "trigger", "acquisition", "acquired", "content")


def find_grid(positions: Sequence[int], moments: Sequence[Moment]) -> TimeGrid | None:
    """Time points x positions of a stack, or None where it is no 4-D stack.

    Every position must be imaged the same number of times, more than once.  The time points are
    told apart by the first attribute that separates the frames of every position: temporal
    position, diffusion weighting, trigger time, acquisition number, acquisition time, content
    time, and in the end the instance number.  If a few time points are incomplete (an aborted
    run), an attribute must have the same values at all positions, because counting would pair
    frames of different times; the incomplete ones are the `rest`.

    Args:
        positions: of each frame, 0 .. n - 1 along the stack.
        moments: of each frame.
    """
    counts = Counter(positions)
    if len(counts) < 2 or max(counts.values()) < 2:
        return None
    if len(set(counts.values())) == 1:
        axis, columns = _regular(positions, moments, max(counts.values()))
        return _grid(axis, columns, positions, moments)
    for name in _ORDER:
        axis, value = _SHARED[name]
        columns = _columns(positions, moments, value) or []
        complete = [c for c in columns if len(c) == len(counts)]
        if len(complete) > 1 and 2 * len(complete) > len(columns):
            rest = sorted(i for c in columns if len(c) < len(counts) for i in c)
            grid = _grid(axis, complete, positions, moments)
            missing = len(columns) - len(complete)
            return replace(grid, rest=tuple(rest), incomplete=missing)
    return None


def in_time_order(moments: Sequence[Moment]) -> list[int] | None:
    """Indices of frames of one position by the first attribute that tells all of them apart
    (not counting instance numbers), or None."""
    for name in _ORDER:
        _, value = _SHARED[name]
        columns = _columns([0] * len(moments), moments, value)
        if columns is not None:
            return [i for column in columns for i in column]
    return None


def _regular(
    positions: Sequence[int], moments: Sequence[Moment], time_points: int
) -> tuple[TimeAxis, list[list[int]]]:
    """The axis of a grid without holes and the frames of each time point."""
    for name in _ORDER:
        axis, value = _SHARED[name]
        columns = _columns(positions, moments, value)
        if columns is not None and len(columns) == time_points:
            return axis, columns
        if name in _RISING:
            axis, number = _RISING[name]
            numbers = [number(m) for m in moments]
            separate = len(set(zip(positions, numbers, strict=True))) == len(moments)
            if separate and None not in numbers:
                return axis, _ranked(positions, numbers)
    return TimeAxis.UNKNOWN, _ranked(positions, [m.number for m in moments])


def _columns(
    positions: Sequence[int], moments: Sequence[Moment], value: _Value
) -> list[list[int]] | None:
    """Frames by equal value, rising; None where one lacks it or two of a position share it."""
    columns: dict[Hashable, dict[int, int]] = defaultdict(dict)
    for i, (position, moment) in enumerate(zip(positions, moments, strict=True)):
        found = value(moment)
        if found is None or position in columns[found]:
            return None
        columns[found][position] = i

    def rising(found: Hashable) -> tuple[object, ...]:
        first = min(moments[i].number for i in columns[found].values())
        # Gradient directions have no order of their own: as they were acquired.
        return (found[0] if isinstance(found, tuple) else found, first)

    return [list(columns[found].values()) for found in sorted(columns, key=rising)]


def _ranked(positions: Sequence[int], values: Sequence[Any]) -> list[list[int]]:
    """The first frame of each position, the second of each position, ..."""
    stacks: dict[int, list[int]] = defaultdict(list)
    for i in sorted(range(len(values)), key=lambda i: (values[i], i)):
        stacks[positions[i]].append(i)
    return [list(column) for column in zip(*stacks.values(), strict=True)]


def _grid(
    axis: TimeAxis,
    columns: list[list[int]],
    positions: Sequence[int],
    moments: Sequence[Moment],
) -> TimeGrid:
    in_space = [sorted(column, key=lambda i: positions[i]) for column in columns]
    by_time = [[moments[i] for i in column] for column in in_space]
    labels = _b_labels(by_time)
    if labels:
        axis = TimeAxis.B_VALUE
    elif axis is TimeAxis.TRIGGER:
        labels = [f"t {_median([m.trigger_ms or 0.0 for m in p]):.0f} ms" for p in by_time]
    else:
        labels = _time_labels(by_time)
    order = tuple(i for column in in_space for i in column)
    return TimeGrid(axis, order, tuple(labels))


def _b_labels(by_time: list[list[Moment]]) -> list[str]:
    """Where each time point has one b-value and not all have the same."""
    values = [{m.b_value for m in point} for point in by_time]
    if any(len(v) > 1 or None in v for v in values) or len(set.union(*values)) < 2:
        return []
    return [f"b {point[0].b_value:.0f}" for point in by_time]


def _time_labels(by_time: list[list[Moment]]) -> list[str]:
    """Seconds since the first time point, where all have a time and the times rise."""
    for name in ("acquired_s", "content_s"):
        times = [[getattr(m, name) for m in point] for point in by_time]
        if any(None in point for point in times):
            continue
        starts = [min(point) for point in times]
        if all(a < b for a, b in pairwise(starts)):
            return [f"t {round(start - starts[0], 1):g} s" for start in starts]
    return [""] * len(by_time)


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]

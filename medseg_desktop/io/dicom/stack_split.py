"""Which frames of one Series Instance UID are slices of the same stack.

Always apart are frames that differ in orientation, size, samples per pixel, size of a pixel, echo,
stack of an enhanced file, and kind of picture: ORIGINAL or DERIVED, value 3 of Image Type, and
magnitude, phase, real or imaginary part.

Apart only where positions would repeat otherwise are frames that differ in the further values of
Image Type: they may name another picture (a parameter map) or be a vendor's note (NORM, DIS2D)
that some slices of a stack have and others lack.  The same holds for the acquisition number, which
many scanners count up with every slice; besides, a series that images every position equally often
is one 4-D stack (`core.time_axis`), whatever its acquisition numbers are.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace

from medseg_desktop.core.stack_geometry import position_indices
from medseg_desktop.core.time_axis import TimeGrid, find_grid, in_time_order
from medseg_desktop.core.volume import slice_normal
from medseg_desktop.io.dicom.frames import FrameHeader
from medseg_desktop.io.dicom.header import Header

#: Direction cosines that differ less than this (0.6 degrees) are one orientation.
_SAME_DIRECTION = 0.01
#: Spacings that differ by less than this part are one, written with other digits.
_SAME_SPACING = 1e-3
#: From so many orientations of one slice each on they are a rotation, and one list.
_ROTATION = 4


@dataclass(frozen=True, slots=True)
class StackFrame:
    """One frame on its way into a stack."""

    file: Header
    index: int
    frame: FrameHeader

    @property
    def name(self) -> tuple[str, int]:
        """What tells it from other frames wherever it is stored; equal ones are copies."""
        return (self.file.sop_uid or str(self.file.path), self.index)

    @property
    def number(self) -> tuple[int, str, int]:
        """The order of frames without positions: by instance number, and where that is the same,
        as their files are named."""
        return (self.frame.moment.instance_number, str(self.file.path), self.index)


@dataclass(frozen=True, slots=True)
class Stack:
    """Frames of one stack in display order.

    Attributes:
        locations_mm: along the normal, of each frame; None where not all have positions.
        grid: time points x positions, where there is more than one time point.
        orientations: how many the series has, localizers not counted.
        rotating: every frame has an orientation of its own.
        is_film: frames of one position in the order of their times.
        left_over: of a 4-D stack: frames that do not fit into it.
    """

    frames: tuple[StackFrame, ...]
    locations_mm: tuple[float | None, ...]
    grid: TimeGrid | None = None
    orientations: int = 1
    rotating: bool = False
    is_film: bool = False
    left_over: bool = False


def split_series(frames: Sequence[StackFrame]) -> list[Stack]:
    """The stacks of one series, in an order that does not depend on the order of the files.

    Slices run along the normal, row direction x column direction, from low to high: transverse
    ones from the feet to the head, sagittal ones from left to right, coronal ones from the front
    to the back, where rows and columns point as usual.  Slices without positions come by instance
    number.  File names decide only where a header has neither.
    """
    frames = sorted(frames, key=lambda f: f.number)
    directions = _directions([f.frame.orientation for f in frames])
    pictures = [f.frame.orientation for f in frames if not f.frame.is_localizer]
    orientations = len({directions[o] for o in pictures if o is not None})
    groups: dict[Hashable, list[StackFrame]] = defaultdict(list)
    heights, widths = (_lengths([_pixel_size(f)[i] for f in frames]) for i in (0, 1))
    for frame in frames:
        height, width = _pixel_size(frame)
        groups[heights[height], widths[width], _kind(frame)].append(frame)
    stacks: list[Stack] = []
    for group in groups.values():
        by_direction: dict[int, list[StackFrame]] = defaultdict(list)
        for frame in group:
            by_direction[directions[frame.frame.orientation]].append(frame)
        if len(by_direction) >= _ROTATION and len(group) == len(by_direction):
            stacks.append(Stack(tuple(group), (None,) * len(group), rotating=True))
            continue
        for one_way in by_direction.values():
            for by_id in _by_stack_id(one_way):
                stacks += _arranged(by_id, orientations)
    return sorted(stacks, key=_rank)


def _rank(stack: Stack) -> tuple[object, ...]:
    first = min(f.number for f in stack.frames)
    echo = tuple(-1.0 if v is None else v for v in stack.frames[0].frame.echo)
    return (stack.left_over, echo, first[0], -len(stack.frames), first)


def _kind(frame: StackFrame) -> Hashable:
    """What always makes a stack of its own, apart from direction, pixel size and Stack ID."""
    file = frame.file
    return (file.rows, file.columns, file.samples, frame.frame.echo, frame.frame.kind)


def _pixel_size(frame: StackFrame) -> tuple[float, float]:
    """Height and width of a pixel in mm; where they are unknown, its aspect ratio and 0."""
    return frame.frame.spacing_mm or (frame.frame.aspect_ratio, 0.0)


def _lengths(values: Sequence[float]) -> dict[float, int]:
    """A number for each length; lengths that nearly equal the next one have the same."""
    numbers: dict[float, int] = {}
    last: float | None = None
    for value in sorted(set(values)):
        if last is not None and value <= last * (1 + _SAME_SPACING):
            numbers[value] = numbers[last]
        else:
            numbers[value] = len(numbers)
        last = value
    return numbers


def _directions(
    orientations: Sequence[tuple[float, ...] | None],
) -> dict[tuple[float, ...] | None, int]:
    """A number for each orientation; nearly equal ones have the same, -1 stands for none."""
    numbers: dict[tuple[float, ...] | None, int] = {None: -1}
    named: list[tuple[float, ...]] = []
    for orientation in sorted({o for o in orientations if o is not None}):
        number = len(named)
        for i in reversed(range(len(named))):
            apart = [abs(a - b) for a, b in zip(orientation, named[i], strict=True)]
            if max(apart) < _SAME_DIRECTION:
                number = i
                break
            if apart[0] >= _SAME_DIRECTION:  # sorted: those before it are further away still
                break
        if number == len(named):
            named.append(orientation)
        numbers[orientation] = number
    return numbers


def _by_stack_id(frames: list[StackFrame]) -> list[list[StackFrame]]:
    """Stack ID (PS3.3 C.7.6.16.2.2), unless it is as good as a number of the frame."""
    groups = _grouped(frames, lambda f: f.frame.stack_id)
    return groups if 2 * len(groups) <= len(frames) else [frames]


def _grouped(
    frames: list[StackFrame], key: Callable[[StackFrame], Hashable]
) -> list[list[StackFrame]]:
    groups: dict[Hashable, list[StackFrame]] = defaultdict(list)
    for frame in frames:
        groups[key(frame)].append(frame)
    return list(groups.values())


def _locations(frames: Sequence[StackFrame]) -> tuple[float | None, ...]:
    """Of each frame along the normal that all of them share, in mm."""
    orientations = [f.frame.orientation for f in frames if f.frame.orientation is not None]
    normal = slice_normal(min(orientations)).tolist() if orientations else None
    return tuple(
        None
        if normal is None or (at := f.frame.position_mm) is None
        else normal[0] * at[0] + normal[1] * at[1] + normal[2] * at[2]
        for f in frames
    )


def _arranged(frames: list[StackFrame], orientations: int) -> list[Stack]:
    """One stack in order, or several where positions repeat and something tells them apart."""
    locations = _locations(frames)
    located = [mm for mm in locations if mm is not None]
    if len(located) < len(frames):
        return [Stack(tuple(frames), locations, orientations=orientations)]
    places = position_indices(located)
    first: dict[tuple[str, int], int] = {}
    for i, frame in enumerate(frames):
        first.setdefault(frame.name, i)
    originals = list(first.values())
    if len({places[i] for i in originals}) not in (1, len(originals)):
        parts = _parted(frames, originals, places, lambda f: f.frame.flavour)
        if parts is None:
            moments = [frames[i].frame.moment for i in originals]
            grid = find_grid([places[i] for i in originals], moments)
            if grid is not None:
                return _four_dimensional(frames, originals, located, grid, orientations)
            parts = _parted(frames, originals, places, lambda f: f.frame.moment.acquisition_number)
        if parts is not None:
            return [stack for part in parts for stack in _arranged(part, orientations)]
    return [_listed(frames, located, places, orientations)]


def _parted(
    frames: list[StackFrame],
    originals: list[int],
    places: list[int],
    key: Callable[[StackFrame], Hashable],
) -> list[list[StackFrame]] | None:
    """Groups by a key that explains why positions repeat, or None: there are no more groups than
    repetitions, and in each of them positions repeat less often."""
    keys = {key(frames[i]) for i in originals}
    most = max(Counter(places[i] for i in originals).values())
    repeats = Counter((key(frames[i]), places[i]) for i in originals)
    if not 1 < len(keys) <= most or max(repeats.values()) >= most:
        return None
    return _grouped(frames, key)


def _listed(
    frames: list[StackFrame], located: list[float], places: list[int], orientations: int
) -> Stack:
    """A stack by position; slices at one position by time, else by instance number."""
    in_time = None
    if len(set(places)) == 1 and len({f.file.path for f in frames}) > 1:
        in_time = in_time_order([f.frame.moment for f in frames])
    # Sorting is stable: without times the order of instance numbers stays.
    order = in_time or sorted(range(len(frames)), key=lambda i: places[i])
    return Stack(
        tuple(frames[i] for i in order),
        tuple(located[i] for i in order),
        orientations=orientations,
        is_film=in_time is not None,
    )


def _four_dimensional(
    frames: list[StackFrame],
    originals: list[int],
    located: list[float],
    grid: TimeGrid,
    orientations: int,
) -> list[Stack]:
    """The 4-D stack, and a list of what does not fit into it: incomplete time points, copies."""
    order = [originals[i] for i in grid.order]
    stack = Stack(
        tuple(frames[i] for i in order),
        tuple(located[i] for i in order),
        grid=grid,
        orientations=orientations,
    )
    others = sorted(set(range(len(frames))) - set(order))
    if not others:
        return [stack]
    rest = _listed(
        [frames[i] for i in others],
        [located[i] for i in others],
        position_indices([located[i] for i in others]),
        orientations,
    )
    return [stack, replace(rest, left_over=True)]

"""What is drawn on the slice while the mouse works on it, in corner coordinates.

In these coordinates (x = column, y = row) the pixel (r, c) covers [c, c + 1) x [r, r + 1).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from medseg_desktop.qt.canvas.outline import Points


def _no_points() -> Points:
    return np.empty((0, 2))


@dataclass(frozen=True)
class CursorRing:
    """The edge of the brush: a circle in slice pixels, an ellipse where these are not square.

    Attributes:
        x, y: centre, column and row in corner coordinates.
        radius: in slice pixels.
    """

    x: float
    y: float
    radius: float


@dataclass(frozen=True, eq=False)
class LiveMask:
    """Some pixels of the slice.

    Attributes:
        pixels: (rows, columns) bool; a part of the slice or all of it.  It is read when it is
            given to the view and may be changed afterwards.
        top, left: row and column of the slice where `pixels` begins.
        colour: `#rrggbb`.
        opacity: 0..1.
    """

    pixels: npt.NDArray[np.bool_]
    top: int = 0
    left: int = 0
    colour: str = "#ffffff"
    opacity: float = 0.4


@dataclass(frozen=True, eq=False)
class LiveDrawing:
    """Everything that changes with the mouse; an empty one draws nothing.

    Attributes:
        path: (N, 2) points (x, y) of a line that is being drawn.
        closed: the path will be a closed ring.
        cursor: (x, y) that the path goes on to; a closed path then ends in a dashed line from
            there back to its first point.
        colour: of the path and the handles, `#rrggbb`.
        handles: (N, 2) vertices that can be taken.
        active: index of the handle that is under the pointer or held; None for none.
        midpoints: (N, 2) places where a vertex can be added.
        cursor_ring: the edge of the brush.
        mask: the stroke that is being brushed.
        calipers: diameters, each two points (2, 2).
        caliper_texts: what is written at the end of each; fewer leave the others without.
        overlap: pixels that belong to more than one label, hatched.  Its colour and opacity are
            not used, and its `pixels` must not be changed afterwards.
    """

    path: Points = field(default_factory=_no_points)
    closed: bool = False
    cursor: tuple[float, float] | None = None
    colour: str = "#ffffff"
    handles: Points = field(default_factory=_no_points)
    active: int | None = None
    midpoints: Points = field(default_factory=_no_points)
    cursor_ring: CursorRing | None = None
    mask: LiveMask | None = None
    calipers: tuple[Points, ...] = ()
    caliper_texts: tuple[str, ...] = ()
    overlap: LiveMask | None = None

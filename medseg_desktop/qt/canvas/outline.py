"""What one outline on the slice is, in corner coordinates.

In these coordinates (x = column, y = row) the pixel (r, c) covers [c, c + 1) x [r, r + 1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Outline:
    """One outline on the slice.

    Arrays are not copied and must not be changed afterwards: an outline with the same arrays as
    one that is drawn already costs nothing.

    Attributes:
        points: (N, 2) floats, x = column and y = row, in corner coordinates; N >= 1.  A single
            point is drawn as a dot; points that are not finite are left out.
        colour: `#rrggbb`.
        closed: the last point joins the first.
        dashed: for predictions, so that colour is not the only difference.
        label: text beside the topmost point; empty for none.
        highlighted: selected, drawn thicker.
        holes: further closed rings, each (N, 2) like `points`.
        hovered: the pointer is on it, drawn slightly thicker.
        fill: opacity of the inside in the outline's colour, 0..1; holes are left out.
    """

    points: Points
    colour: str
    closed: bool = True
    dashed: bool = False
    label: str = ""
    highlighted: bool = False
    holes: tuple[Points, ...] = ()
    hovered: bool = False
    fill: float = 0.0

    def draws_like(self, other: Outline) -> bool:
        """Both have the same points, colour and pen; nothing else is compared."""
        return self is other or (
            self.points is other.points
            and self.colour == other.colour
            and self.closed == other.closed
            and self.dashed == other.dashed
            and len(self.holes) == len(other.holes)
            and all(a is b for a, b in zip(self.holes, other.holes, strict=True))
        )

"""Where things lie: slices turned on the screen, and points of a slice in the patient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from medseg_desktop.core.volume import Series, Slice, Vector, direction_letters

#: Texts at the (left, right, top, bottom) edge of the slice.
EdgeLetters = tuple[str, str, str, str]
QuarterTurns = Literal[0, 1, 2, 3]
_TURNS: tuple[QuarterTurns, ...] = (0, 1, 2, 3)


@dataclass(frozen=True, slots=True)
class SpatialTransformation:
    """How a slice is turned on the screen (PS3.3 C.10.6): first rotated, then flipped.

    Attributes:
        quarter_turns: clockwise, 0 to 3 (Image Rotation divided by 90 degrees).
        flipped: left and right are swapped after the rotation (Image Horizontal Flip).
    """

    quarter_turns: QuarterTurns = 0
    flipped: bool = False

    def rotated(self, turns: int) -> SpatialTransformation:
        """Turned further clockwise, as it is seen on the screen."""
        # A rotation after a flip is the opposite rotation before it.
        step = -turns if self.flipped else turns
        return SpatialTransformation(_TURNS[(self.quarter_turns + step) % 4], self.flipped)

    def flipped_horizontally(self) -> SpatialTransformation:
        """Left and right swapped, as seen on the screen."""
        return SpatialTransformation(self.quarter_turns, not self.flipped)

    def flipped_vertically(self) -> SpatialTransformation:
        """Top and bottom swapped: half a turn and a horizontal flip."""
        return self.rotated(2).flipped_horizontally()

    def edges(self, letters: EdgeLetters) -> EdgeLetters:
        """The texts at the edges of the stored slice -> at the edges of the screen."""
        left, right, top, bottom = letters
        for _ in range(self.quarter_turns):
            left, right, top, bottom = bottom, top, left, right
        return (right, left, top, bottom) if self.flipped else (left, right, top, bottom)

    def matrix(self, rows: int, columns: int) -> tuple[float, float, float, float, float, float]:
        """Corner coordinates of the slice -> of the turned slice, both from (0, 0).

        Returns:
            (m11, m12, m21, m22, dx, dy) with x' = m11 x + m21 y + dx, y' = m12 x + m22 y + dy.
        """
        turned = {
            0: (1.0, 0.0, 0.0, 1.0, 0.0, 0.0),
            1: (0.0, 1.0, -1.0, 0.0, float(rows), 0.0),
            2: (-1.0, 0.0, 0.0, -1.0, float(columns), float(rows)),
            3: (0.0, -1.0, 1.0, 0.0, 0.0, float(columns)),
        }[self.quarter_turns]
        if not self.flipped:
            return turned
        m11, m12, m21, m22, dx, dy = turned
        width = rows if self.quarter_turns % 2 else columns
        return (-m11, m12, -m21, m22, width - dx, dy)


#: Neither rotated nor flipped.
AS_STORED = SpatialTransformation()


def edge_letters(orientation: tuple[float, ...] | None) -> EdgeLetters:
    """Patient directions at the edges of the stored slice; empty without orientation."""
    if orientation is None:
        return ("", "", "", "")
    along_row = (orientation[0], orientation[1], orientation[2])
    along_column = (orientation[3], orientation[4], orientation[5])
    against_row = (-along_row[0], -along_row[1], -along_row[2])
    against_column = (-along_column[0], -along_column[1], -along_column[2])
    return (
        direction_letters(against_row),
        direction_letters(along_row),
        direction_letters(against_column),
        direction_letters(along_column),
    )


def patient_position_mm(series: Series, item: Slice, x: float, y: float) -> Vector | None:
    """A point of a slice in the patient's coordinates (PS3.3 C.7.6.2.1.1).

    Args:
        x, y: corner coordinates (x = column, y = row); the centre of the first pixel, which
            Image Position (Patient) is for, is (0.5, 0.5).

    Returns:
        (to the left, to the back, to the head) in mm; None where the header does not tell.
    """
    if item.position_mm is None or series.orientation is None or series.spacing_mm is None:
        return None
    along_row, along_column = np.reshape(series.orientation, (2, 3))
    between_rows, between_columns = series.spacing_mm
    point = (
        np.asarray(item.position_mm)
        + along_row * between_columns * (x - 0.5)
        + along_column * between_rows * (y - 0.5)
    )
    return (float(point[0]), float(point[1]), float(point[2]))

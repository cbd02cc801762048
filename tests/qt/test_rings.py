from __future__ import annotations

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PySide6.QtCore import QSize
from PySide6.QtGui import QPainterPath, QTransform

from medseg_desktop.qt.canvas.outline import Outline
from medseg_desktop.qt.canvas.rings import Rings, cell_of, keep_one_per_cell

POINTS = arrays(np.float64, st.tuples(st.integers(2, 60), st.just(2)), elements=st.floats(-50, 50))
CELLS = st.tuples(*[st.sampled_from([0.125, 0.5, 1.0, 4.0])] * 2)


def elements(path: QPainterPath) -> list[tuple[bool, float, float]]:
    """(starts a ring, x, y) of each vertex."""
    found = [path.elementAt(i) for i in range(path.elementCount())]
    return [(e.isMoveTo(), e.x, e.y) for e in found]


@given(points=POINTS, cell=CELLS)
def test_every_point_has_a_kept_one_before_it_in_its_own_cell(
    points: np.ndarray, cell: tuple[float, float]
) -> None:
    keep = keep_one_per_cell(points.T, cell)
    last = np.maximum.accumulate(np.where(keep, np.arange(len(points)), 0))
    assert (np.abs(points - points[last]) <= cell).all()


@given(points=POINTS, hole=POINTS, cell=CELLS)
def test_the_ends_of_every_ring_are_kept_and_rings_stay_apart(
    points: np.ndarray, hole: np.ndarray, cell: tuple[float, float]
) -> None:
    path = elements(Rings([Outline(points, "#fff", closed=False, holes=(hole,))]).path(cell))
    starts = [i for i, (begins, _, _) in enumerate(path) if begins]
    assert len(starts) == 2
    assert path[0][1:] == tuple(points[0])
    assert path[starts[1] - 1][1:] == tuple(points[-1])
    assert path[starts[1]][1:] == tuple(hole[0])
    assert path[-1][1:] == tuple(hole[0] if len(hole) > 2 else hole[-1])


@given(points=POINTS)
def test_with_small_cells_every_point_is_drawn_unless_it_repeats_the_one_before(
    points: np.ndarray,
) -> None:
    path = elements(Rings([Outline(np.rint(points), "#fff", closed=False)]).path((0.5, 0.5)))
    expected = [tuple(p) for p in np.rint(points)]
    last = len(expected) - 1
    kept = [p for i, p in enumerate(expected) if i in (0, last) or p != expected[i - 1]]
    assert [p[1:] for p in path] == kept


@given(points=POINTS, hole=POINTS, scale=st.sampled_from([0.5, 1.0, 6.0]))
def test_insides_in_sight_do_not_change_when_points_out_of_sight_are_left_out(
    points: np.ndarray, hole: np.ndarray, scale: float
) -> None:
    rings = Rings([Outline(points, "#fff", holes=(hole,))])
    around = QTransform(scale, 0, 0, scale, 400, 400)
    seen = QTransform(scale, 0, 0, scale, 0, 0)
    whole, part = np.zeros((800, 800), np.uint8), np.zeros((90, 120), np.uint8)
    cv2.fillPoly(whole, rings.mapped(around, QSize(800, 800), 16), 255, shift=4)
    cv2.fillPoly(part, rings.mapped(seen, QSize(120, 90), 16), 255, shift=4)
    # OpenCV draws the edges too, and rounds them where it cuts them off.
    differs = (part != whole[400:490, 400:520]).astype(np.uint8)
    assert not cv2.erode(differs, np.ones((3, 3), np.uint8)).any()


def test_a_path_is_kept_while_the_cells_stay_the_same() -> None:
    rings = Rings([Outline(np.array([[0, 0], [5, 0], [5, 5.0]]), "#fff")])
    path = rings.path((1.0, 1.0))
    assert rings.path((1.0, 1.0)) is path
    assert rings.path((0.5, 1.0)) is not path


def test_cells_are_half_to_one_pixel_of_the_screen_also_when_turned() -> None:
    for across, down in ((1.0, 1.0), (1.53, 3.06), (96.0, 96.0), (0.1, 0.3)):
        for degrees in (0, 90, 180):
            to_device = QTransform.fromScale(across, down) * QTransform().rotate(degrees)
            cell = cell_of(to_device)
            assert 0.5 < cell[0] * across <= 1.0
            assert 0.5 < cell[1] * down <= 1.0

"""Shapes to label maps and back."""

from __future__ import annotations

import time
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from medseg_desktop.core.annotation import Shape, ShapeType
from medseg_desktop.core.labels import RECIPE_LABELS, LabelTable
from medseg_desktop.core.raster import (
    bridge,
    draw_label_map,
    outline_points,
    overlap_pixels,
    pixel_centre,
    pixel_index,
    region_outlines,
    regions,
)
from medseg_desktop.core.shapes.rings import shapes_from_label_map

TABLE = LabelTable.from_names(["H", "edema", "core"])

random_maps = st.tuples(st.integers(1, 14), st.integers(1, 14)).flatmap(
    lambda size: arrays(np.uint8, size, elements=st.integers(0, 3))
)


def there_and_back(label_map: np.ndarray) -> np.ndarray:
    shapes = shapes_from_label_map(label_map, TABLE)
    assert all(len(s.points) >= 3 for s in shapes)
    return draw_label_map(shapes, TABLE, *label_map.shape)


def from_text(*rows: str) -> np.ndarray:
    return np.array([[int(c) for c in row] for row in rows], np.uint8)


def drawn(shape: Shape, rows: int = 10, columns: int = 12) -> np.ndarray:
    return draw_label_map([shape], RECIPE_LABELS, rows, columns)


@settings(max_examples=300, deadline=None)
@given(random_maps)
def test_any_label_map_survives_becoming_shapes(label_map: np.ndarray) -> None:
    np.testing.assert_array_equal(there_and_back(label_map), label_map)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 9), st.floats(0.2, 0.8))
def test_blobs_with_holes_survive_becoming_shapes(seed: int, size: int, level: float) -> None:
    noise = np.random.default_rng(seed).random((60, 70))
    smooth = cv2.blur(noise, (size, size))
    low, high = np.quantile(smooth, [level, level + 0.15])
    label_map = (smooth > low).astype(np.uint8) + (smooth > high).astype(np.uint8)
    np.testing.assert_array_equal(there_and_back(label_map), label_map)


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(["000", "010", "000"], id="single pixel"),
        pytest.param(["100", "010", "001"], id="diagonal pixels"),
        pytest.param(["1110", "1011", "1110"], id="hole"),
        pytest.param(["11111", "10101", "11111"], id="two holes"),
        pytest.param(["11111", "10001", "10101", "10001", "11111"], id="island in a hole"),
        pytest.param(["111", "121", "111"], id="class inside a class"),
        pytest.param(["1122", "1122", "3311"], id="touching classes"),
        pytest.param(["0101", "1010", "0101"], id="checkerboard"),
        pytest.param(["0110", "1001", "0110"], id="diagonal ring"),
        pytest.param(["1111", "1111"], id="whole slice"),
        pytest.param(["1"], id="one pixel slice"),
        pytest.param(["0000", "0000"], id="nothing"),
    ],
)
def test_awkward_label_maps_survive_becoming_shapes(rows: list[str]) -> None:
    label_map = from_text(*rows)
    np.testing.assert_array_equal(there_and_back(label_map), label_map)


def test_an_empty_label_map_gives_no_shapes() -> None:
    assert shapes_from_label_map(np.zeros((5, 5), np.uint8), TABLE) == ()


def test_vertices_of_own_outlines_lie_at_pixel_centres() -> None:
    (shape,) = shapes_from_label_map(from_text("000", "011", "011"), TABLE)
    assert set(shape.points) == {(1.5, 1.5), (2.5, 1.5), (2.5, 2.5), (1.5, 2.5)}
    assert shape.label == "H"


def test_a_simple_region_becomes_one_outline() -> None:
    mask = from_text("0110", "1111", "0110")
    assert len(region_outlines(mask)) == 1


def test_a_ring_becomes_one_bridged_outline() -> None:
    mask = np.zeros((20, 20), np.uint8)
    mask[3:17, 3:17] = 1
    mask[8:12, 8:12] = 0
    assert len(region_outlines(mask)) == 1


@given(arrays(np.int64, (6, 2), elements=st.integers(0, 5000)))
def test_pixel_centres_truncate_back_to_their_pixels(columns_rows: np.ndarray) -> None:
    np.testing.assert_array_equal(pixel_index(pixel_centre(columns_rows)), columns_rows)


def test_a_polygon_is_filled_by_truncated_points_like_the_recipe() -> None:
    points = ((1.2, 1.9), (8.7, 2.1), (6.4, 7.99))
    expected = np.zeros((10, 12), np.uint8)
    cv2.fillPoly(expected, [np.array([[1, 1], [8, 2], [6, 7]], np.int32)], 1)
    np.testing.assert_array_equal(drawn(Shape("H", points)), expected)


@pytest.mark.parametrize(
    "corners",
    [
        ((2.5, 1.5), (6.5, 4.5)),
        ((6.5, 4.5), (2.5, 1.5)),
        ((2.5, 4.5), (6.5, 1.5)),
        ((6.5, 1.5), (2.5, 4.5)),
    ],
)
def test_a_rectangle_is_the_same_from_any_two_opposite_corners(
    corners: tuple[tuple[float, float], ...],
) -> None:
    expected = np.zeros((10, 12), np.uint8)
    expected[1:5, 2:7] = 1
    np.testing.assert_array_equal(drawn(Shape("H", corners, ShapeType.RECTANGLE)), expected)


def test_a_circle_covers_the_pixels_within_its_radius() -> None:
    circle = Shape("H", ((20.5, 18.5), (20.5, 28.5)), ShapeType.CIRCLE)
    label_map = drawn(circle, 40, 40)
    row, column = np.mgrid[:40, :40]
    distance = np.hypot(row - 18, column - 20)
    assert label_map[distance <= 9].all()
    assert not label_map[distance >= 11.5].any()
    radius = np.hypot(*(outline_points(circle) - (20.5, 18.5)).T)
    np.testing.assert_allclose(radius, 10)


@pytest.mark.parametrize("level", [0.3, 0.5, 0.8])
def test_noise_becomes_shapes_in_seconds_and_exactly(level: float) -> None:
    """A noisy prediction has thousands of holes and specks."""
    noise = (np.random.default_rng(1).random((256, 256)) < level).astype(np.uint8)
    begun = time.process_time()
    found = regions(noise)
    assert time.process_time() - begun < 20
    filled = np.zeros_like(noise)
    for region in found:
        cv2.fillPoly(filled, [region.outline], 1)
    np.testing.assert_array_equal(filled, noise)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.7, 0.95])
def test_a_speckled_prediction_becomes_shapes_at_once_and_exactly(share: float) -> None:
    random = np.random.default_rng(0).standard_normal((512, 512)).astype(np.float32)
    smooth = cv2.GaussianBlur(random, (0, 0), 1.2)
    speckled = (smooth < np.quantile(smooth, share)).astype(np.uint8)
    begun = time.process_time()
    found = regions(speckled)
    assert time.process_time() - begun < 4
    filled = np.zeros_like(speckled)
    for region in found:
        cv2.fillPoly(filled, [region.outline], 1)
    np.testing.assert_array_equal(filled, speckled)


rings = st.integers(1, 30).flatmap(lambda n: arrays(np.int32, (n, 2), elements=st.integers(0, 40)))


@given(rings, rings)
def test_a_bridge_leaves_and_arrives_at_the_first_of_the_nearest_vertices(
    outline: np.ndarray, hole: np.ndarray
) -> None:
    distance = ((outline[:, None] - hole[None]) ** 2).sum(axis=2)
    i, j = np.unravel_index(distance.argmin(), distance.shape)
    np.testing.assert_array_equal(
        bridge(outline, hole), [*outline[: i + 1], *hole[j:], *hole[: j + 1], *outline[i:]]
    )


def test_bridges_join_the_nearest_vertices_of_long_rings() -> None:
    angle = np.linspace(0, 2 * np.pi, 3001)[:-1]
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    outline, hole = 100 * circle, 30 * circle + (40, 0)
    joined = bridge(outline, hole)
    distance = np.hypot(*(outline[:, None] - hole[None]).T).T
    i, j = np.unravel_index(distance.argmin(), distance.shape)
    np.testing.assert_array_equal(joined[i : i + 2], [outline[i], hole[j]])
    assert len(joined) == len(outline) + len(hole) + 2


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(300, 3000), st.floats(0.05, 30))
def test_points_in_one_pixel_count_once_and_fill_the_same(
    seed: int, count: int, radius: float
) -> None:
    random = np.random.default_rng(seed)
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    way = np.stack([np.cos(angle), np.sin(angle)], 1)
    ring = random.uniform(-5, 45, 2) + radius * way + random.normal(0, 0.6, (count, 2))
    plain = cv2.fillPoly(np.zeros((40, 44), np.uint8), [pixel_index(ring)], 1)
    shape = Shape("H", tuple((x, y) for x, y in ring.tolist()))
    np.testing.assert_array_equal(drawn(shape, 40, 44), plain)


def test_what_is_worked_out_of_a_shape_cannot_be_written_to() -> None:
    shape = Shape("H", ((1.0, 1.0), (5.0, 1.0), (3.0, 6.0)))
    assert outline_points(shape) is outline_points(shape)
    with pytest.raises(ValueError, match="read-only"):
        outline_points(shape)[0] = 7
    moved = replace(shape, points=((2.0, 2.0), (6.0, 2.0), (4.0, 7.0)))
    assert outline_points(moved)[0].tolist() == [2, 2]


def test_a_line_is_one_pixel_wide() -> None:
    line = drawn(Shape("H", ((1.5, 3.5), (7.5, 3.5)), ShapeType.LINE))
    expected = np.zeros((10, 12), np.uint8)
    expected[3, 1:8] = 1
    np.testing.assert_array_equal(line, expected)


def test_a_linestrip_follows_its_corners_and_stays_open() -> None:
    strip = drawn(Shape("H", ((1, 1), (5, 1), (5, 6)), ShapeType.LINESTRIP))
    expected = np.zeros((10, 12), np.uint8)
    expected[1, 1:6] = 1
    expected[1:7, 5] = 1
    np.testing.assert_array_equal(strip, expected)


@pytest.mark.parametrize("shape_type", [ShapeType.POINT, ShapeType.POINTS])
def test_points_are_the_pixels_they_lie_in(shape_type: ShapeType) -> None:
    label_map = drawn(Shape("H", ((3.99, 2.0), (0.0, 9.99)), shape_type))
    assert sorted(map(tuple, np.argwhere(label_map))) == [(2, 3), (9, 0)]


@settings(deadline=None)
@given(
    st.sampled_from([t for t in ShapeType if t is not ShapeType.MASK]),
    st.lists(
        st.tuples(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9))
        | st.tuples(st.floats(-20, 30), st.floats(-20, 30)),
        min_size=1,
        max_size=6,
    ),
)
def test_points_outside_the_slice_are_cut_off_without_harm(
    shape_type: ShapeType, points: list[tuple[float, float]]
) -> None:
    label_map = drawn(Shape("H", tuple(points), shape_type))
    assert label_map.shape == (10, 12)
    assert set(np.unique(label_map)) <= {0, 1}


@pytest.mark.parametrize("point", [(-1.0, 5.0), (5.0, -3.5), (12.0, 5.0), (5.0, 10.0)])
def test_a_point_beside_the_slice_marks_no_pixel(point: tuple[float, float]) -> None:
    assert not drawn(Shape("H", (point,), ShapeType.POINT)).any()


def test_the_part_of_a_polygon_inside_the_slice_is_drawn() -> None:
    label_map = drawn(Shape("H", ((-50, -50), (5, -50), (5, 50), (-50, 50))))
    assert label_map[:, :6].all()
    assert not label_map[:, 6:].any()


@pytest.mark.parametrize(
    ("corner", "expected"),
    [
        ((2.0, 1.0), ["000000", "001100", "001000", "000000"]),
        ((-1.0, -1.0), ["000000", "000000", "000000", "000000"]),
        ((5.0, 3.0), ["000000", "000000", "000000", "000001"]),
        ((-1.0, 1.0), ["000000", "100000", "000000", "000000"]),
        ((9.0, 9.0), ["000000", "000000", "000000", "000000"]),
    ],
)
def test_a_bitmap_is_pasted_at_its_corner_and_cut_at_the_edges(
    corner: tuple[float, float], expected: list[str]
) -> None:
    bitmap = np.array([[1, 1], [1, 0]], bool)
    other = (corner[0] + 1, corner[1] + 1)
    shape = Shape("H", (corner, other), ShapeType.MASK, bitmap=bitmap)
    np.testing.assert_array_equal(drawn(shape, 4, 6), from_text(*expected))


def test_the_later_of_two_overlapping_shapes_wins() -> None:
    square = ((1.5, 1.5), (4.5, 1.5), (4.5, 4.5), (1.5, 4.5))
    dot = Shape("core", ((2.5, 2.5),), ShapeType.POINT)
    both = draw_label_map([Shape("H", square), dot], TABLE, 6, 6)
    assert both[2, 2] == 3
    assert (draw_label_map([dot, Shape("H", square)], TABLE, 6, 6) == 1).sum() == 16


def test_a_label_that_the_table_lacks_is_not_drawn() -> None:
    assert not drawn(Shape("unknown", ((1, 1), (5, 1), (5, 5)))).any()


def box(left: int, top: int, right: int, bottom: int, label: str = "H") -> Shape:
    return Shape(label, ((left, top), (right, top), (right, bottom), (left, bottom)))


def test_only_shapes_of_different_labels_overlap() -> None:
    first, second = box(0, 0, 4, 4), box(3, 3, 8, 8)
    other, foreign = replace(second, label="edema"), replace(second, label="unknown")
    assert overlap_pixels([first, second], TABLE, 10, 12) == 0
    assert overlap_pixels([first, other], TABLE, 10, 12) == 4
    assert overlap_pixels([other, first], TABLE, 10, 12) == 4
    assert overlap_pixels([first, foreign], TABLE, 10, 12) == 0
    assert overlap_pixels([first, other, replace(first, label="core")], TABLE, 10, 12) == 25

"""Speed of what a move of the mouse asks: 2,000 shapes, and an outline of 50,000 points.

The test command runs each of these once, so that they keep working; to measure:
uv run pytest tests/benchmarks --benchmark-enable
"""

from __future__ import annotations

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from medseg_desktop.core.annotation import Point, Shape
from medseg_desktop.core.shapes.hit import HitMap


def rough_disc(count: int, centre: Point, radius: float) -> Shape:
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    away = radius * (1 + 0.02 * np.sin(37 * angle))
    ring = np.stack([centre[0] + away * np.cos(angle), centre[1] + away * np.sin(angle)], axis=1)
    return Shape("H", tuple((float(x), float(y)) for x, y in ring))


@pytest.fixture(scope="module")
def two_thousand() -> list[Shape]:
    return [rough_disc(100, (10 + 10 * (i % 50), 10 + 10 * (i // 50)), 8.0) for i in range(2000)]


def move(hits: HitMap, at: Point) -> int | None:
    """What the edit tool asks at each move of the mouse."""
    hits.vertex(at, 4.0, among=(0,))
    hits.vertex(at, 2.0)
    hits.edge(at, 2.0, among=(0,))
    return hits.shape(at, 4.0)


def test_a_move_over_two_thousand_shapes(
    benchmark: BenchmarkFixture, two_thousand: list[Shape]
) -> None:
    hits = HitMap(two_thousand, range(2000))
    assert benchmark(move, hits, (200.0, 200.0)) is not None


def test_one_of_two_thousand_shapes_has_changed(
    benchmark: BenchmarkFixture, two_thousand: list[Shape]
) -> None:
    before = HitMap(two_thousand, range(2000))
    after = [*two_thousand[1:], rough_disc(100, (600.0, 10.0), 8.0)]
    hits = benchmark(HitMap, after, range(2000), 1.0, before)
    assert hits.shape((600.0, 10.0), 1.0) == 1999


@pytest.mark.parametrize("at", [(256.0, 256.0), (456.0, 256.0)], ids=["inside", "border"])
def test_a_move_over_an_outline_of_fifty_thousand_points(
    benchmark: BenchmarkFixture, at: Point
) -> None:
    hits = HitMap([rough_disc(50_000, (256.0, 256.0), 200)], [0])
    assert benchmark(move, hits, at) == 0

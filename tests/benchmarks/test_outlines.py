"""Speed of outlines on the slice, beside plain drawing of the same paths in the same run.

The test command runs each of these once with few points, so that they keep working; to
measure:  uv run pytest tests/benchmarks/test_outlines.py --benchmark-enable -s
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pyqtgraph as pg
import pytest
from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPen, QTransform
from pytest_benchmark.fixture import BenchmarkFixture
from pytestqt.qtbot import QtBot

from medseg_desktop.core.display import PixelFormat, window_between
from medseg_desktop.qt.canvas.slice_view import (
    CursorRing,
    LiveDrawing,
    LiveMask,
    Outline,
    Rendering,
    SliceView,
)

LOADS = {"500 of 100 points": (500, 100), "2,000 of 20": (2000, 20), "one of 50,000": (1, 50000)}
_SIDE = 512
_COLOURS = ("#7ee081", "#f2a33c", "#ff5050", "#5080ff", "#c58af9")
#: A 60 Hz screen shows a new picture every 16 ms.
_FRAME_MS = 16.0
_ROUNDS = 15


@pytest.fixture
def view(qtbot: QtBot) -> SliceView:
    result = SliceView()
    qtbot.addWidget(result)
    result.resize(1000, 800)
    result.show()
    qtbot.waitExposed(result)
    noise = np.random.default_rng(1).integers(0, 4000, (_SIDE, _SIDE)).astype(np.uint16)
    result.set_slice(noise, Rendering(PixelFormat(), window_between(0, 4000)))
    return result


def load(name: str, small: bool) -> list[Outline]:
    """Stars all over the slice, or one large ring with a rough edge; five colours."""
    count, points = LOADS[name]
    if small:
        count, points = min(count, 20), min(points, 500)
    random = np.random.default_rng(0)
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    outlines = []
    for i in range(count):
        middle, radius = random.uniform(20, _SIDE - 20, 2), random.uniform(5, 20)
        if count == 1:
            middle, radius = np.array([_SIDE / 2, _SIDE / 2]), _SIDE / 3
        radii = radius * (1 + 0.2 * np.sin(5 * angle)) + random.normal(0, 0.01 * radius, points)
        ring = middle + np.stack([np.cos(angle), np.sin(angle)], 1) * radii[:, None]
        outlines.append(Outline(ring, _COLOURS[i % 5], label="lesion"))
    return outlines


def milliseconds(work: Callable[[], object], rounds: int) -> float:
    """The median of some rounds."""
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        times.append((time.perf_counter() - begun) * 1e3)
    return statistics.median(times)


def plain_paths(outlines: Sequence[Outline]) -> list[tuple[QPainterPath, str]]:
    """The points of each outline as a path."""
    paths = []
    for outline in outlines:
        path = pg.arrayToQPath(*np.ascontiguousarray(outline.points.T), connect="all")
        path.closeSubpath()
        paths.append((path, outline.colour))
    return paths


def draw_plainly(paths: Sequence[tuple[QPainterPath, str]], image: QImage, to: QTransform) -> None:
    """The reference: each path with smooth lines and a dark one below, as any program would."""
    image.fill(0)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setTransform(to)
    for path, colour in paths:
        for pen in (QPen(QColor(0, 0, 0, 150), 3.4), QPen(QColor(colour), 1.6)):
            pen.setCosmetic(True)
            painter.setPen(pen)
            painter.drawPath(path)
    painter.end()


def with_vertex_moved(outlines: list[Outline], index: int, step: float) -> list[Outline]:
    """As a tool gives them: the one that is changed is selected, has new points and a fill."""
    points = outlines[index].points.copy()
    points[len(points) // 2] += step
    changed = replace(outlines[index], points=points, highlighted=True, fill=0.2)
    return [*outlines[:index], changed, *outlines[index + 1 :]]


def copied(outlines: Sequence[Outline]) -> list[Outline]:
    """Outlines that the view has not seen before."""
    return [replace(outline, points=outline.points.copy()) for outline in outlines]


def measure(view: SliceView, outlines: list[Outline], rounds: int) -> dict[str, float]:
    """Milliseconds of GUI work at the zoom of the view, each with its frame."""
    stage = view._stage
    show = stage.viewport().repaint
    steps = iter(range(10**9))
    middle = QPointF(500, 400)
    new = iter(
        [[replace(o, points=o.points.copy()) for o in outlines] for _ in range(2 * rounds + 1)]
    )

    def first() -> None:
        view.set_outlines(next(new))
        show()

    def pan() -> None:
        stage.pan(QPointF((3, -3)[next(steps) % 2], 1 - 2 * (next(steps) % 2)))
        show()

    def zoom() -> None:
        # Six notches of the wheel closer, and back.
        stage.zoom(1.2 if next(steps) % 12 < 6 else 1 / 1.2, middle)
        show()

    def drag() -> None:
        view.set_outlines(with_vertex_moved(outlines, 0, 0.001 * next(steps)))
        show()

    def hover() -> None:
        k = next(steps) % len(outlines)
        hovered = replace(outlines[k], hovered=True, fill=0.2)
        view.set_outlines([*outlines[:k], hovered, *outlines[k + 1 :]])
        show()

    def live() -> None:
        view.set_live(LiveDrawing(cursor_ring=CursorRing(200 + next(steps) % 50, 250, 12)))
        show()

    view.set_outlines(outlines)
    figures = {"set": milliseconds(lambda: view.set_outlines(next(new)), rounds)}
    for work in (first, pan, zoom, drag, hover, live):
        work()
        figures[work.__name__] = milliseconds(work, rounds)
    view.set_live(LiveDrawing())
    return {name: round(value, 2) for name, value in figures.items()}


@pytest.mark.parametrize("magnified", [1, 4])
@pytest.mark.parametrize("name", LOADS)
def test_frames_with_many_outlines(
    benchmark: BenchmarkFixture, view: SliceView, name: str, magnified: int
) -> None:
    """The plain drawing has no slice below and its paths are there already."""
    benchmark.group = f"outlines: {name}, zoom x{magnified}"
    outlines = load(name, benchmark.disabled)
    view._stage.zoom(magnified, QPointF(500, 400))
    view._stage.viewport().repaint()
    to_view = view._stage.outlines.sceneTransform()
    image = QImage(1000, 800, QImage.Format.Format_ARGB32_Premultiplied)
    rounds = 1 if benchmark.disabled else _ROUNDS
    plain = milliseconds(
        lambda: draw_plainly(plain_paths(outlines), image, to_view), min(rounds, 3)
    )
    figures = benchmark.pedantic(measure, (view, outlines, rounds), rounds=1)
    figures["plain"] = round(plain, 2)
    benchmark.extra_info.update(figures)
    print(f"\n{name}, zoom x{magnified}, ms: {figures}")
    if not benchmark.disabled:  # a few points are drawn fast in any way
        # Both suffer alike where the machine is busy with something else.
        assert (
            max(figures[k] for k in ("first", "pan", "zoom", "drag", "hover", "live")) < plain / 2
        )


def test_a_brush_stroke_over_the_whole_slice(benchmark: BenchmarkFixture, view: SliceView) -> None:
    """Set and frame of a mask that grows under the pointer."""
    benchmark.group = "brush stroke"
    row, column = np.indices((_SIDE, _SIDE))
    pixels = np.hypot(row - 256, column - 256) < 240
    places = iter(range(10**9))

    def stroke() -> None:
        x = next(places) % _SIDE
        pixels[250:262, max(x - 6, 0) : x + 6] ^= True
        mask = LiveMask(pixels, colour="#ff0000", opacity=0.5)
        view.set_live(LiveDrawing(mask=mask, cursor_ring=CursorRing(x, 256, 6)))
        view._stage.viewport().repaint()

    benchmark(stroke)
    if not benchmark.disabled:
        assert benchmark.stats.stats.median < _FRAME_MS / 1000

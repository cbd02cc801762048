"""Speed of drawing and editing in the real window, beside a bare repaint of it in the same run.

Each figure is the work of the GUI thread (its processor time, so that other programs do not
count) from the event of mouse or key to the end of the paint that shows what it did.  `later` is
the longest time for which the window then did not answer: lists, marks, notes in the journal and
saving follow an edit by themselves, some of it in other threads.

The test command runs each of these once with few points, so that they keep working; to
measure:  uv run pytest tests/benchmarks/test_annotation.py --benchmark-enable -s
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication
from pytest_benchmark.fixture import BenchmarkFixture
from pytestqt.qtbot import QtBot

from medseg_desktop.core.annotation import FrameAnnotation, Shape
from medseg_desktop.core.shapes.proposals import Proposals
from medseg_desktop.core.shapes.provenance import proposed_by, with_own_keys
from medseg_desktop.io.medlabelme import new_annotation, new_shape_keys, write_annotation
from medseg_desktop.io.speed_series import write_speed_series
from medseg_desktop.io.workspace import Workspace
from medseg_desktop.qt.sessions import AnnotationSession
from medseg_desktop.qt.tools.tool import ToolName
from medseg_desktop.qt.viewer_speed import StallMeter, ViewerSpeed
from tests.mouse import surface

#: Shapes and points of each, by the slice they lie on.
LOADS = {"500 of 100 points": (500, 100), "2,000 of 20": (2000, 20), "one of 50,000": (1, 50_000)}
_SIDE = 512
#: A 60 Hz screen shows a new picture every 16 ms.
_FRAME_MS = 16.0
_LEFT, _NONE = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
_NAMES = ("H", "edema", "core", "cyst", "vessel")


def load(name: str, small: bool) -> list[Shape]:
    """Stars all over the slice that overlap a little, or one large ring with a rough edge; labels
    in turn."""
    count, points = LOADS[name]
    if small:
        count, points = min(count, 20), min(points, 500)
    random = np.random.default_rng(0)
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    across = math.ceil(math.sqrt(count))
    cell = _SIDE / across
    shapes = []
    for i in range(count):
        middle = (np.array(divmod(i, across)) + 0.5) * cell
        radius = cell / 3 if count == 1 else random.uniform(0.3, 0.6) * cell
        radii = radius * (1 + 0.2 * np.sin(5 * angle)) + random.normal(0, 0.01 * radius, points)
        ring = middle + np.stack([np.cos(angle), np.sin(angle)], 1) * radii[:, None]
        outline = tuple((x, y) for x, y in ring.tolist())
        shapes.append(Shape(_NAMES[i % len(_NAMES)], outline, extra=new_shape_keys(0)))
    return shapes


def write_loads(folder: Path, small: bool) -> None:
    """A series whose first slice is empty, and each further one has a load."""
    write_speed_series(folder, slices=len(LOADS) + 1, side=_SIDE, annotated=0)
    for name, path in zip(LOADS, sorted(folder.glob("*.dcm"))[1:], strict=True):
        frame = FrameAnnotation(0, tuple(load(name, small)), width=_SIDE, height=_SIDE)
        write_annotation(path.with_suffix(".json"), new_annotation(path.name).with_frame(frame))


class Desk:
    """The window with a mouse; `figures` keeps what was measured, in ms."""

    def __init__(self, qtbot: QtBot, speed: ViewerSpeed, folder: Path, rounds: int) -> None:
        self.controller, self.rounds = speed.controller, rounds
        self._qtbot, self._stalls = qtbot, StallMeter()
        self.view = self.controller.window.slice_view
        self.figures: dict[str, float] = {}
        self._stalls.take()
        self.controller.open(folder)
        qtbot.waitUntil(lambda: self.controller.slices.loaded is not None, timeout=60_000)
        opening = self._stalls.take()
        self.figures["open the folder, longest stall"] = max(opening, self.settle())

    def close(self) -> None:
        self._stalls.stop()
        self._stalls.deleteLater()

    @property
    def annotations(self) -> AnnotationSession:
        return self.controller.annotations

    def settle(self) -> float:
        """Let everything follow by itself; the longest time without an answer, in ms."""
        self._stalls.take()
        self._qtbot.wait(900 if self.rounds > 1 else 50)
        return self._stalls.take()

    def go(self, index: int) -> None:
        """To a slice, and wait for it."""
        self.controller.study.set_slice(index)
        slices = self.controller.slices
        self._qtbot.waitUntil(lambda: slices.loaded is not None and slices.loaded.index == index)
        self.settle()

    def mouse(self, kind: str, x: float, y: float, keys: Qt.KeyboardModifier | None = None) -> None:
        """`press`, `move`, `drag` or `release` at a point of the slice."""
        at = QPointF(self.view._stage.from_slice(QPointF(x, y)))
        types = {"press": QEvent.Type.MouseButtonPress, "release": QEvent.Type.MouseButtonRelease}
        event = QMouseEvent(
            types.get(kind, QEvent.Type.MouseMove),
            at,
            surface(self.view).mapToGlobal(at),
            _LEFT if kind in types else _NONE,
            _LEFT if kind in ("press", "drag") else _NONE,
            keys or Qt.KeyboardModifier.NoModifier,
        )
        QApplication.sendEvent(surface(self.view), event)

    def frame(self, act: Callable[[], object]) -> float:
        """Milliseconds of work of one action with the paint that follows it."""
        begun = time.thread_time()
        act()
        QApplication.processEvents()
        return (time.thread_time() - begun) * 1e3

    def measure(self, name: str, act: Callable[[int], object], rounds: int | None = None) -> None:
        """The median of an action, and what follows."""
        rounds = min(rounds or self.rounds, self.rounds)
        self.figures[name] = statistics.median(
            self.frame(lambda i=i: act(i)) for i in range(rounds)
        )

    def steps(self, name: str, act: Callable[[int], object], rounds: int = 3) -> None:
        """The same for what makes steps of work, with what follows of itself."""
        self.measure(name, act, rounds)
        self.figures[f"{name}, later"] = self.settle()

    def zoom_to(self, x: float, y: float) -> None:
        """Six times closer."""
        self.view._stage.zoom(6, QPointF(self.view._stage.from_slice(QPointF(x, y))))
        QApplication.processEvents()

    def tool(self, name: ToolName) -> None:
        self.controller.drawing.set_tool(name)
        QApplication.processEvents()

    def take_back(self) -> None:
        """Everything that was done."""
        while self.annotations.stack.canUndo():
            self.annotations.stack.undo()
        self.controller.drawing.select([])
        self.settle()


def is_small(config: pytest.Config) -> bool:
    """Nothing is measured (`--benchmark-enable` only outweighs the other option)."""
    return bool(config.getoption("benchmark_disable")) and not config.getoption("benchmark_enable")


@pytest.fixture(scope="module")
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    result = tmp_path_factory.mktemp("annotation-speed") / "series"
    write_loads(result, is_small(request.config))
    return result


@pytest.fixture
def desk(
    request: pytest.FixtureRequest, qtbot: QtBot, folder: Path, tmp_path: Path
) -> Iterator[Desk]:
    speed = ViewerSpeed(folder, Workspace(tmp_path / "workspace"))
    result = Desk(qtbot, speed, folder, 1 if is_small(request.config) else 15)
    # What is written beside the slices would be read by the next one.
    result.controller.saving.set_autosave(False)
    yield result
    result.close()
    speed.close()
    qtbot.wait(1)


def hover_and_select(desk: Desk, shapes: list[Shape]) -> None:
    """The pointer over many shapes, and drags of what it takes."""
    desk.tool(ToolName.EDIT)
    middles = [np.mean(shape.points, axis=0) for shape in shapes]
    desk.measure("hover", lambda i: desk.mouse("move", *middles[i % len(shapes)]))
    rim = shapes[-1].points
    desk.measure("hover at the rim", lambda i: desk.mouse("move", *rim[7 * i % len(rim)]))
    first = shapes[0].points[0]
    desk.frame(lambda: desk.mouse("press", *first))
    desk.measure("drag a vertex", lambda i: desk.mouse("drag", first[0] + 5 + i, first[1] + 3))
    desk.steps("drop the vertex", lambda _: desk.mouse("release", first[0] + 30, first[1] + 3), 1)
    desk.steps("undo", lambda _: desk.annotations.stack.undo(), 1)
    desk.steps("redo", lambda _: desk.annotations.stack.redo(), 1)
    desk.take_back()
    x, y = middles[len(middles) // 2]
    desk.zoom_to(x, y)  # or a vertex would be nearer than what the shape is taken by
    desk.frame(lambda: desk.mouse("press", x, y))
    desk.measure("drag a shape", lambda i: desk.mouse("drag", x + 5 + i, y + 3))
    desk.steps("drop the shape", lambda _: desk.mouse("release", x + 30, y + 3), 1)
    desk.take_back()
    select_all = desk.controller.window.actions_by_key["select_all"].trigger
    desk.steps("select all", lambda _: select_all(), 1)
    desk.frame(lambda: desk.mouse("press", x, y))
    desk.measure("drag all", lambda i: desk.mouse("drag", x + 5 + i, y + 3))
    assert len(desk.controller.drawing.drawing.replaced) == len(shapes)
    desk.steps("drop all", lambda _: desk.mouse("release", x + 5, y + 3), 1)
    desk.take_back()
    desk.view.fit()


def draw_and_paint(desk: Desk, shapes: list[Shape]) -> None:
    """Polygon, brush and eraser over what is there."""
    desk.tool(ToolName.POLYGON)
    desk.measure("polygon: hover", lambda i: desk.mouse("move", 100 + 3 * i, 200))

    def click(i: int) -> None:
        desk.mouse("press", 100 + 9 * i, 200 + 40 * (i % 2))
        desk.mouse("release", 100 + 9 * i, 200 + 40 * (i % 2))

    desk.measure("polygon: click", click)
    desk.controller.desk.cancel()
    for tool in (ToolName.BRUSH, ToolName.ERASER):
        desk.controller.drawing.set_brush_radius(20)
        desk.tool(tool)
        desk.mouse("press", 100, 256)
        desk.measure(f"{tool}: move", lambda i: desk.mouse("drag", 100 + 20 * i, 256))
        desk.steps(f"{tool}: release", lambda _: desk.mouse("release", 400, 256), 1)
        desk.take_back()
    desk.tool(ToolName.CUT)
    for kind, x in (("press", 100.0), ("drag", 250.0), ("drag", 400.0)):
        desk.mouse(kind, x, 250)
    desk.steps("cut", lambda _: desk.mouse("release", 400, 250), 1)
    desk.take_back()
    desk.tool(ToolName.EDIT)
    for key in ("smooth_shapes", "simplify_shapes"):
        desk.controller.drawing.select([0])
        desk.steps(key, lambda _, key=key: desk.controller.window.actions_by_key[key].trigger(), 1)
        desk.take_back()


def scroll(desk: Desk, index: int) -> None:
    """To the slice from an empty one, with its label map filled."""
    study = desk.controller.study
    times = []
    for _ in range(min(desk.rounds, 5)):
        study.set_slice(0)
        QApplication.processEvents()
        times.append(desk.frame(lambda: study.set_slice(index)))
    desk.figures["scroll there"] = statistics.median(times)
    desk.figures["scroll there, later"] = desk.settle()


def accept(desk: Desk, shapes: list[Shape]) -> None:
    """All of a model's proposals on a slice without shapes."""
    desk.go(0)
    view = desk.controller.study.view
    assert view is not None
    marked = tuple(with_own_keys(s, **proposed_by("speed-v1")) for s in shapes)
    desk.controller.set_prediction_visible(True)
    desk.steps(
        "show proposals",
        lambda _: desk.annotations.set_proposals(view.slice, Proposals("speed-v1", marked)),
        1,
    )
    trigger = desk.controller.window.actions_by_key["accept"].trigger
    desk.steps("accept all", lambda _: trigger(), 1)
    desk.take_back()


def measure(desk: Desk, index: int, shapes: list[Shape]) -> dict[str, float]:
    """Everything on one slice, in ms."""
    desk.go(index)
    desk.measure("bare repaint", lambda _: surface(desk.view).repaint())
    hover_and_select(desk, shapes)
    draw_and_paint(desk, shapes)
    scroll(desk, index)
    if len(shapes) > 1:
        accept(desk, shapes)
    return {name: round(value, 1) for name, value in desk.figures.items()}


@pytest.mark.parametrize("name", LOADS)
def test_working_on_a_slice_with_many_points(
    benchmark: BenchmarkFixture, desk: Desk, name: str
) -> None:
    benchmark.group = f"annotation: {name}"
    shapes = load(name, benchmark.disabled)
    index = 1 + list(LOADS).index(name)
    figures = benchmark.pedantic(measure, (desk, index, shapes), rounds=1)
    benchmark.extra_info.update(figures)
    print(f"\n{name}:")
    for what, value in figures.items():
        print(f"  {what:<32}{value:9.1f} ms")
    assert figures["bare repaint"] > 0

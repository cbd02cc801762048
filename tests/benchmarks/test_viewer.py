"""Speed of the viewer, beside the libraries it is compared with.

The test command runs each of these once on a small series, so that they keep working; to
measure:  uv run pytest tests/benchmarks --benchmark-enable
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyqtgraph as pg
import pytest
from PySide6.QtWidgets import QApplication
from pytest_benchmark.fixture import BenchmarkFixture
from pytestqt.qtbot import QtBot

from medseg_desktop.core.display import PixelFormat, Window
from medseg_desktop.io.dicom_series import scan
from medseg_desktop.io.pixels.reader import FrameReader
from medseg_desktop.io.sources.source import open_source
from medseg_desktop.io.speed_series import write_speed_series
from medseg_desktop.io.workspace import Workspace
from medseg_desktop.qt.canvas.grey import GreyMapper, Rendering
from medseg_desktop.qt.viewer_speed import ViewerSpeed

_SMALL, _LARGE = (24, 128), (1000, 512)


@pytest.fixture(scope="module")
def series(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated series: small where nothing is measured."""
    option = request.config.getoption
    is_measured = option("benchmark_enable") or not option("benchmark_disable")
    slices, side = _LARGE if is_measured else _SMALL
    folder = tmp_path_factory.mktemp("speed") / "series"
    write_speed_series(folder, slices=slices, side=side, annotated=min(slices, 100))
    return folder


@pytest.fixture
def speed(qtbot: QtBot, series: Path, tmp_path: Path) -> Iterator[ViewerSpeed]:
    result = ViewerSpeed(series, Workspace(tmp_path / "workspace"))
    yield result
    result.close()
    qtbot.wait(1)


def stored_bytes(series: Path) -> int:
    files = sorted(series.glob("*.dcm"))
    return len(files) * os.path.getsize(files[0])


def read_all(series: Path) -> int:
    """Scan and read the whole series as the program does, in one thread."""
    found = scan(open_source(series), salt=b"salt")
    with FrameReader() as reader:
        return sum(reader.read(s.path, s.frame)[0].nbytes for s in found.series[0].slices)


def test_reading_a_series(benchmark: BenchmarkFixture, series: Path) -> None:
    benchmark.group = "read a whole series"
    assert benchmark.pedantic(read_all, (series,), rounds=3) > 0


def test_reading_a_series_with_simple_itk(benchmark: BenchmarkFixture, series: Path) -> None:
    sitk = pytest.importorskip("SimpleITK")
    benchmark.group = "read a whole series"

    def read() -> int:
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(series)))
        return int(reader.Execute().GetSize()[2])

    assert benchmark.pedantic(read, rounds=3) == len(list(series.glob("*.dcm")))


def test_opening_a_series_in_the_window(
    benchmark: BenchmarkFixture, speed: ViewerSpeed, series: Path
) -> None:
    """Memory is a matter of design and not of the machine, so it is also asserted."""
    benchmark.group = "open a series in the window"
    load: dict[str, Any] = benchmark.pedantic(speed.load, (stored_bytes(series),), rounds=1)
    benchmark.extra_info.update(load)
    print({name: round(value, 3) for name, value in load.items()})
    if not benchmark.disabled:  # a small series is nothing beside the window itself
        assert load["memory_ratio"] <= 1.3


def test_frames_of_scrolling_and_of_a_window_drag(
    benchmark: BenchmarkFixture, speed: ViewerSpeed, series: Path
) -> None:
    benchmark.group = "frames"
    speed.load(stored_bytes(series))
    steps = 20 if benchmark.disabled else 400
    frames = benchmark.pedantic(speed.frames, (steps,), rounds=1)
    benchmark.extra_info.update(frames)
    print(frames)
    assert set(frames) == {"scroll", "window_drag"}


def test_a_bare_image_item(benchmark: BenchmarkFixture, qtbot: QtBot) -> None:
    """What any program pays that shows a new 16-bit slice with pyqtgraph."""
    benchmark.group = "frames"
    view = pg.GraphicsLayoutWidget()
    qtbot.addWidget(view)
    item = pg.ImageItem(axisOrder="row-major")
    view.addViewBox(lockAspect=True).addItem(item)
    view.resize(860, 780)
    view.show()
    slices = np.random.default_rng(0).integers(0, 4096, (8, 512, 512)).astype(np.uint16)
    count = iter(range(10**9))

    def frame() -> None:
        i = next(count)
        item.setImage(slices[i % 8], levels=(i % 50, 3000 + i % 50))
        QApplication.processEvents()

    benchmark(frame)
    assert item.image is not None


def test_grey_of_a_new_window(benchmark: BenchmarkFixture) -> None:
    benchmark.group = "grey"
    pixels = np.random.default_rng(0).integers(0, 4096, (512, 512)).astype(np.uint16)
    mapper, count = GreyMapper(), iter(range(10**9))

    def grey() -> np.ndarray:
        return mapper.grey(pixels, Rendering(PixelFormat(), Window(600 + next(count), 1200)))

    assert benchmark(grey).shape == (512, 512)

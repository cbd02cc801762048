"""Speed of the numbers and lists of the Annotate panel, beside an empty list of Qt.

The test command runs each of these once, so that they keep working; to measure:
uv run pytest tests/benchmarks --benchmark-enable
"""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest
from PySide6.QtWidgets import QApplication, QListWidget
from pytest_benchmark.fixture import BenchmarkFixture
from pytestqt.qtbot import QtBot

from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.lesions import Lesion, find_lesions
from medseg_desktop.core.measures import Diameter, measure
from medseg_desktop.qt.panels.labels_panel import LabelRow, LabelsPanel
from medseg_desktop.qt.panels.lesions_panel import LesionRow, LesionsPanel
from medseg_desktop.qt.panels.shapes_panel import ShapeRow, ShapesPanel

_ROWS = 2000
_SPACING = (0.9, 0.9)


def test_measuring_a_region_of_twenty_thousand_pixels(benchmark: BenchmarkFixture) -> None:
    region = np.zeros((512, 512), np.uint8)
    cv2.ellipse(region, (256, 256), (110, 58), 30, 0, 360, 1, -1)
    values = np.ones(region.shape, np.float32)
    found = benchmark(measure, region, _SPACING, values)
    assert found.pixels == int(region.sum()) > 20_000


@pytest.fixture
def two_hundred(request: pytest.FixtureRequest) -> dict[int, np.ndarray]:
    """Label maps of lesions over forty slices; a few where nothing is measured."""
    few = request.config.getoption("benchmark_disable")
    slices, side, count = (6, 96, 5) if few else (40, 512, 200)
    rng = np.random.default_rng(1)
    volume = np.zeros((slices, side, side), np.uint8)
    for _ in range(count):
        x, y = rng.integers(8, side - 8, 2).tolist()
        first = int(rng.integers(0, slices - 3))
        for k in range(first, min(first + int(rng.integers(3, 10)), slices)):
            cv2.circle(volume[k], (x, y), int(rng.integers(3, 8)), 1, -1)
    return dict(enumerate(volume))


def test_finding_the_lesions_of_a_series(
    benchmark: BenchmarkFixture, two_hundred: dict[int, np.ndarray]
) -> None:
    values = np.ones(two_hundred[0].shape, np.float32)
    found = benchmark(
        find_lesions, two_hundred, len(two_hundred), _SPACING, 0.004, lambda _: values
    )
    assert found


def test_two_thousand_rows_of_a_plain_list(benchmark: BenchmarkFixture, qtbot: QtBot) -> None:
    """What the lists of ours are compared with."""
    plain = QListWidget()
    qtbot.addWidget(plain)
    plain.show()
    texts = [f"Row {i}" for i in range(_ROWS)]

    def fill() -> None:
        plain.clear()
        plain.addItems(texts)
        QApplication.processEvents()

    benchmark(fill)


def test_two_thousand_shapes_in_their_list(benchmark: BenchmarkFixture, qtbot: QtBot) -> None:
    panel = ShapesPanel()
    qtbot.addWidget(panel)
    panel.show()
    seeds = itertools.count()

    def fill() -> None:
        seed = next(seeds)
        rows = [ShapeRow(i, "H", "#800000", i + seed, float(i)) for i in range(_ROWS - seed % 2)]
        panel.set_shapes(rows, (3,))
        QApplication.processEvents()

    benchmark(fill)


def test_two_thousand_lesions_in_their_list(benchmark: BenchmarkFixture, qtbot: QtBot) -> None:
    panel = LesionsPanel()
    qtbot.addWidget(panel)
    panel.show()
    line = Diameter((1.0, 1.0), (9.0, 1.0), 7.2)
    seeds = itertools.count()

    def fill() -> None:
        seed = next(seeds)
        lesions = [
            Lesion(i + 1, 1, (i % 40,), (9,), i / 77 + seed, i % 40, i % 40, line, line, (5.0, 5.0))
            for i in range(_ROWS - seed % 2)
        ]
        panel.set_lesions([LesionRow(lesion, "H", "#800000") for lesion in lesions], 1.0)
        QApplication.processEvents()

    benchmark(fill)


def test_all_labels_in_their_table(benchmark: BenchmarkFixture, qtbot: QtBot) -> None:
    panel = LabelsPanel()
    qtbot.addWidget(panel)
    panel.show()
    table = LabelTable.from_names(f"label {i}" for i in range(254))
    rows = [LabelRow(x.index, x.name, x.color) for x in table.foreground]
    currents = itertools.cycle((1, 2))

    def fill() -> None:
        panel.set_labels(rows, next(currents))
        QApplication.processEvents()

    benchmark(fill)

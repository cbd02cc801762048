from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET

import pytest

from medseg_desktop.core.curves_svg import Axis, Curve, chart, round_step, smoothed, thinned


def elements(svg: str, tag: str) -> list[ET.Element]:
    return list(ET.fromstring(svg).iter(tag))


def heights(line: ET.Element) -> list[float]:
    return [float(pair.split(",")[1]) for pair in line.attrib["points"].split()]


def test_a_falling_curve_falls_and_its_axis_has_round_values() -> None:
    svg = chart("Loss", [Curve("total", [(1, 3.0), (10, 1.5), (20, 0.4)], "#123456")])
    (line,) = elements(svg, "polyline")
    assert line.attrib["stroke"] == "#123456"
    assert heights(line) == sorted(heights(line))  # y grows downwards in SVG
    texts = [t.text for t in elements(svg, "text")]
    assert {"0", "1", "2", "3", "5", "10", "15", "20", "step"} <= set(texts)
    width, height = map(float, ET.fromstring(svg).attrib["viewBox"].split()[2:])
    for x, y in (p.split(",") for p in line.attrib["points"].split()):
        assert 0 <= float(x) <= width
        assert 0 <= float(y) <= height


def test_a_gap_divides_a_curve_and_a_lonely_point_is_seen() -> None:
    points = [(1, 1.0), (2, 2.0), (3, math.nan), (4, 1.0), (5, None), (6, 1.0), (7, 2.0)]
    svg = chart("Loss", [Curve("total", points, "red", faint=True)])
    assert [len(heights(line)) for line in elements(svg, "polyline")] == [2, 1, 2]
    assert len(elements(svg, "circle")) == 1


def test_a_loss_that_explodes_gets_a_logarithmic_axis() -> None:
    curve = Curve("total", [(1, 0.5), (2, 5e3), (3, 1e30)], "red")
    texts = [t.text for t in elements(chart("Loss", [curve], may_be_log=True), "text")]
    assert "1e+29" in texts
    assert len(texts) < 16
    linear = chart("Loss", [Curve("total", [(1, 0.5), (2, 5.0)], "red")], may_be_log=True)
    assert "4" in [t.text for t in elements(linear, "text")]


def test_names_and_colours_are_escaped() -> None:
    svg = chart("<b>&", [Curve('"><script>', [(1, 1.0)], '"/><script>')])
    assert "<script" not in svg
    assert elements(svg, "title")[0].text == "<b>&"


@pytest.mark.parametrize("points", [[], [(1, None)], [(1, math.nan), (2, math.inf)]])
def test_nothing_to_draw_gives_nothing(points: list[tuple[float, float | None]]) -> None:
    assert chart("Loss", [Curve("total", points, "red")]) == ""


def test_equal_values_zero_and_iteration_zero_can_be_drawn() -> None:
    for points in ([(0, 0.0)], [(1, 0.0), (2, 0.0)], [(5, 7.0), (5, 7.0)], [(1, -2.0)]):
        assert not re.search("nan|inf", chart("Loss", [Curve("total", points, "red")]))


def test_many_points_are_thinned_without_losing_a_peak() -> None:
    points = [(float(i), 1.0 if i != 5001 else 9.0) for i in range(10_000)]
    kept = thinned(points)
    assert len(kept) <= 480
    assert (5001.0, 9.0) in kept
    assert kept == sorted(kept)


def test_smoothing_follows_without_lagging_and_keeps_gaps() -> None:
    assert smoothed([(1, 4.0), (2, None), (3, 4.0), (4, 0.0)]) == [
        (1, 4.0), (2, None), (3, 2.0), (4, 2.0),
    ]  # fmt: skip
    falling: list[tuple[float, float | None]] = [(i, float(-i)) for i in range(400)]
    assert smoothed(falling)[20:380] == falling[20:380]


@pytest.mark.parametrize(("step", "expected"), [(0.13, 0.2), (1, 1), (2.1, 5), (70, 100)])
def test_steps_of_an_axis_are_round(step: float, expected: float) -> None:
    assert round_step(step) == pytest.approx(expected)


def test_an_axis_of_ten_thousand_orders_has_few_ticks() -> None:
    assert 2 <= len(Axis(1e-30, 1e30, 0, 1, is_log=True).ticks()) <= 8

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QSize
from PySide6.QtGui import QColor, QImage
from pytestqt.qtbot import QtBot

from medseg_desktop.core.display import PixelFormat, window_between
from medseg_desktop.core.geometry import SpatialTransformation
from medseg_desktop.core.label_colors import relative_luminance
from medseg_desktop.qt.canvas import line_layer
from medseg_desktop.qt.canvas.overlay_items import text_colour
from medseg_desktop.qt.canvas.slice_view import Outline, Rendering, SliceView

SQUARE = np.array([[20, 20], [80, 20], [80, 80], [20, 80]], float)
HOLE = np.array([[40, 40], [60, 40], [60, 60], [40, 60]], float)


@pytest.fixture
def view(qtbot: QtBot) -> SliceView:
    """A black slice of 100 x 100 pixels, four pixels of the screen each."""
    result = SliceView()
    qtbot.addWidget(result)
    result.resize(420, 420)
    result.show()
    qtbot.waitExposed(result)
    result.set_slice(np.zeros((100, 100), np.uint16), black_and_white())
    return result


def black_and_white() -> Rendering:
    return Rendering(PixelFormat(), window_between(0, 100))


def image_of(view: SliceView) -> QImage:
    return view.grab().toImage()


def colour_at(view: SliceView, column: float, row: float) -> QColor:
    """The colour of the screen pixel that holds a place."""
    image = image_of(view)
    # `widget_position` is rounded and may be the neighbour of this pixel.
    at = view._stage.outlines.sceneTransform().map(QPointF(column, row))
    inside = QPoint(math.floor(at.x()), math.floor(at.y()))
    return image.pixelColor(view._stage.viewport().mapTo(view, inside))


def pixels_of(view: SliceView) -> np.ndarray:
    """(rows, columns, 3) of blue, green and red on the screen."""
    image = image_of(view).convertToFormat(QImage.Format.Format_RGB32)
    flat = np.frombuffer(image.constBits(), np.uint8)
    return flat.reshape(image.height(), image.width(), 4)[:, :, :3].astype(int)


def red_across(view: SliceView, column: float, row: float) -> np.ndarray:
    """Red of the screen pixels above and below a place, -8 to 8."""
    at = view.widget_position(column, row)
    return pixels_of(view)[at.y() - 8 : at.y() + 9, at.x(), 2]


def ring(points: int, radius: float, x: float = 50, y: float = 50) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    return np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle)], axis=1)


def test_the_ring_of_a_hole_is_drawn_and_hides_with_the_overlays(view: SliceView) -> None:
    view.set_outlines([Outline(SQUARE, "#ff0000", holes=(HOLE,))])
    for column, row in ((50, 20), (20, 50), (50, 40), (40, 50), (50, 60)):
        assert colour_at(view, column, row).red() > 150
    assert colour_at(view, 50, 30).red() == 0
    view.set_overlays_visible(False)
    assert colour_at(view, 50, 40).red() == 0
    view.set_overlays_visible(True)
    assert colour_at(view, 50, 40).red() > 150


def test_the_inside_is_filled_without_the_holes(view: SliceView) -> None:
    view.set_outlines([Outline(SQUARE, "#ff0000", holes=(HOLE,), fill=0.5)])
    assert colour_at(view, 30, 30).red() == pytest.approx(128, abs=2)
    assert colour_at(view, 50, 50).red() == 0
    assert colour_at(view, 10, 10).red() == 0
    view.set_outlines([Outline(SQUARE, "#ff0000", holes=(HOLE,))])
    assert colour_at(view, 30, 30).red() == 0


def test_two_insides_that_overlap_are_both_filled(view: SliceView) -> None:
    other = Outline(SQUARE + 10, "#ff0000", fill=0.4)
    view.set_outlines([Outline(SQUARE, "#ff0000", fill=0.4), other])
    assert colour_at(view, 50, 50).red() > 90


def test_hovered_lines_are_thicker_and_highlighted_ones_thicker_still(view: SliceView) -> None:
    def thickness(outline: Outline) -> float:
        view.set_outlines([outline])
        return float(red_across(view, 50, 20).sum() / 255)

    plain = Outline(SQUARE, "#ff0000")
    hovered, selected = replace(plain, hovered=True), replace(plain, highlighted=True)
    assert 1.3 < thickness(plain) < thickness(hovered) < thickness(selected) < 3.5


@pytest.mark.parametrize("slope", [-1.0, -0.3, 0.0, 0.3, 1.0])
def test_a_line_lies_where_its_points_lie_whatever_its_slope(view: SliceView, slope: float) -> None:
    line = np.array([[10, 50 - 40 * slope], [90, 50 + 40 * slope]])
    view.set_outlines([Outline(line, "#ff0000", closed=False)])
    red = red_across(view, 50, 50)
    at, origin = view.widget_position(50, 50), view._stage.from_slice(QPointF(50, 50))
    middle = float((red * (np.arange(-8, 9) + at.y() + 0.5)).sum() / red.sum())
    along = slope * (at.x() + 0.5 - origin.x())
    assert middle == pytest.approx(origin.y() + along, abs=0.15)


def test_a_dark_rim_keeps_lines_visible_on_bright_tissue(view: SliceView) -> None:
    view.set_slice(np.full((100, 100), 100, np.uint16), black_and_white())
    view.set_outlines([Outline(SQUARE, "#ffffff")])
    assert red_across(view, 50, 20).min() < 170


def test_many_vertices_in_one_pixel_do_not_make_the_line_fainter(view: SliceView) -> None:
    def strength(points: int) -> float:
        view.set_outlines([Outline(ring(points, 30), "#ff0000")])
        return float(pixels_of(view)[:, :, 2].sum())

    assert strength(50_000) == pytest.approx(strength(200), rel=0.12)


def test_fifty_thousand_points_lie_on_their_circle_at_any_zoom(view: SliceView) -> None:
    view.set_outlines([Outline(ring(50_000, 30), "#ff0000")])
    for factor in (1.0, 5.0):
        view._stage.zoom(factor, QPointF(view.widget_position(80, 50)))
        assert colour_at(view, 80, 50).red() > 120
        assert colour_at(view, 78, 50).red() == 0


def test_points_that_are_not_numbers_are_left_out(view: SliceView) -> None:
    broken = np.insert(SQUARE, 2, [[np.nan, 30], [np.inf, 3]], axis=0)
    nothing = np.full((4, 2), np.nan)
    view.set_outlines(
        [
            Outline(broken, "#ff0000", label="broken", fill=0.5, holes=(HOLE, nothing)),
            Outline(nothing, "#ff0000", label="nothing", fill=0.5),
            Outline(nothing[:1], "#ff0000"),
            Outline(np.empty((0, 2)), "#ff0000", label="empty"),
        ]
    )
    assert colour_at(view, 80, 50).red() > 150
    assert colour_at(view, 20, 50).red() > 150
    assert colour_at(view, 30, 30).red() == pytest.approx(128, abs=2)
    assert colour_at(view, 50, 50).red() == 0


def test_lines_far_outside_and_far_inside_the_view_are_drawn_right(view: SliceView) -> None:
    far = np.array([[-1e7, 50], [1e7, 50]])
    view.set_outlines([Outline(far, "#ff0000", closed=False), Outline(SQUARE + 1e5, "#00ff00")])
    assert colour_at(view, 50, 50).red() > 150
    view.set_outlines([Outline(SQUARE + 1e5, "#00ff00", fill=1.0)])
    assert pixels_of(view).max() == 0


def test_outlines_turn_with_the_slice(view: SliceView) -> None:
    line = np.array([[10, 30], [90, 30]], float)
    view.set_outlines([Outline(line, "#ff0000", closed=False)])
    before = pixels_of(view)
    view.set_turned(SpatialTransformation(quarter_turns=1))
    assert (pixels_of(view) != before).any()
    assert colour_at(view, 50, 30).red() > 150
    assert colour_at(view, 30, 50).red() == 0


def test_lines_of_several_colours_keep_them(view: SliceView) -> None:
    beside = SQUARE + np.array([10, 0])
    view.set_outlines([Outline(SQUARE, "#ff0000"), Outline(beside, "#0000ff")])
    first, second = colour_at(view, 20, 50), colour_at(view, 30, 50)
    assert (first.red() > 150, first.blue()) == (True, 0)
    assert (second.blue() > 150, second.red()) == (True, 0)


def count_labels(view: SliceView) -> int:
    """How many of the labels are drawn, one over the other."""
    return len(view._stage.outlines._labelled)


def test_more_than_sixty_labels_are_left_out_but_for_those_in_hand(view: SliceView) -> None:
    dots = [Outline(np.array([[50.0, 90.0]]), "#ff0000", label="cyst") for _ in range(60)]
    view.set_outlines(dots)
    assert count_labels(view) == 60
    text = view.widget_position(50, 90)
    area = np.s_[text.y() - 18 : text.y() - 7, text.x() + 7 : text.x() + 26]
    assert pixels_of(view)[area].max() > 150
    view.set_outlines([*dots, replace(dots[0], hovered=False)])
    assert count_labels(view) == 0
    assert pixels_of(view)[area].max() == 0
    view.set_outlines([*dots, replace(dots[0], hovered=True), replace(dots[0], highlighted=True)])
    assert count_labels(view) == 2
    assert pixels_of(view)[area].max() > 150


def test_only_the_outline_that_changed_is_drawn_again(
    view: SliceView, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[float] = []
    draw = line_layer.LineLayer._draw

    def counted(layer: line_layer.LineLayer, *arguments: object) -> QImage:
        drawn.append(layer._width_px)
        return draw(layer, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(line_layer.LineLayer, "_draw", counted)
    still = [Outline(ring(20, 5, 20 + k, 20), "#ff0000") for k in range(30)]
    held = Outline(SQUARE, "#00ff00", highlighted=True)
    view.set_outlines([*still, held])
    image_of(view)
    assert len(drawn) == 2
    drawn.clear()
    # New objects with the same arrays, one with a vertex moved, as a tool gives them.
    again = [replace(outline) for outline in still]
    moved = SQUARE.copy()
    moved[0] += 1
    view.set_outlines([*again, replace(held, points=moved)])
    image_of(view)
    assert len(drawn) == 1
    drawn.clear()
    view.set_outlines([replace(again[0], hovered=True, fill=0.2), *again[1:], held])
    image_of(view)
    assert min(drawn) > 2  # the plain ones are thinner
    drawn.clear()
    view._stage.pan(QPointF(5, 0))
    image_of(view)
    assert drawn == []
    view._stage.zoom(1.2, QPointF(50, 50))
    image_of(view)
    assert len(drawn) == 3


@pytest.mark.parametrize("dashed", [False, True])
def test_a_view_that_was_moved_shows_the_same_as_one_that_was_drawn_there(
    view: SliceView, dashed: bool
) -> None:
    view._stage.zoom(3, QPointF(view.widget_position(50, 50)))
    outlines = [
        Outline(
            ring(40, 6 + k % 9, 5 + 10 * (k % 10), 5 + 10 * (k // 10)), "#ff0000", dashed=dashed
        )
        for k in range(100)
    ]
    outlines.append(Outline(SQUARE, "#00ff00", highlighted=True, fill=0.3, holes=(HOLE,)))
    outlines.append(Outline(np.array([[50.0, 50.0]]), "#0000ff"))
    view.set_outlines(outlines)
    before = pixels_of(view)
    for step in ((3, 0), (-7, 5), (0, -40), (250, 100), (-500, 30), (2.5, 0.5), (1, 1)):
        view._stage.pan(QPointF(*step))
        moved = pixels_of(view)
        assert (moved != before).any()
        view.set_outlines([])
        view.set_outlines([replace(o, points=o.points.copy()) for o in outlines])
        drawn_there = pixels_of(view)
        # Qt rounds to parts of a pixel that depend on the edge of what is drawn.
        assert np.abs(moved - drawn_there).max() <= 12
        before = moved


def test_moving_the_view_draws_only_what_comes_into_sight(
    view: SliceView, monkeypatch: pytest.MonkeyPatch
) -> None:
    heights: list[int] = []
    draw = line_layer.LineLayer._draw

    def measured(layer: line_layer.LineLayer, size: QSize, *arguments: object) -> QImage:
        heights.append(size.height())
        return draw(layer, size, *arguments)  # type: ignore[arg-type]

    view._stage.zoom(3.3, QPointF(100, 150))
    view.set_outlines([Outline(SQUARE, "#ff0000"), Outline(HOLE, "#00ff00")])
    image_of(view)
    monkeypatch.setattr(line_layer.LineLayer, "_draw", measured)
    for _ in range(20):
        view._stage.pan(QPointF(0, -3))
        image_of(view)
    assert len(heights) == 20
    assert max(heights) < 30


def test_another_colour_of_the_same_points_is_drawn(view: SliceView) -> None:
    view.set_outlines([Outline(SQUARE, "#ff0000")])
    assert colour_at(view, 50, 20).red() > 150
    view.set_outlines([Outline(SQUARE, "#0000ff")])
    assert colour_at(view, 50, 20).red() == 0
    view.set_outlines([])
    assert pixels_of(view).max() == 0


@pytest.mark.parametrize("colour", ["#800000", "#0000ff", "#008000", "#000000", "#ff2020"])
def test_labels_are_written_in_a_colour_that_can_be_read_on_a_dark_rim(colour: str) -> None:
    shown = QColor(text_colour(colour))
    luminance = relative_luminance((shown.red(), shown.green(), shown.blue()))
    assert (luminance + 0.05) / 0.05 >= 7


def test_a_bright_colour_of_a_label_is_not_made_paler() -> None:
    assert text_colour("#7ee081") == "#7ee081"

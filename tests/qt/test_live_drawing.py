from __future__ import annotations

import math

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF
from PySide6.QtGui import QColor, QImage
from pytestqt.qtbot import QtBot

from medseg_desktop.core.display import PixelFormat, window_between
from medseg_desktop.core.geometry import SpatialTransformation
from medseg_desktop.qt.canvas.slice_view import (
    CursorRing,
    LiveDrawing,
    LiveMask,
    Outline,
    Rendering,
    SliceView,
)


@pytest.fixture
def view(qtbot: QtBot) -> SliceView:
    """A slice of 100 x 100 pixels in middle grey, four pixels of the screen each."""
    result = SliceView()
    qtbot.addWidget(result)
    result.resize(420, 420)
    result.show()
    qtbot.waitExposed(result)
    rendering = Rendering(PixelFormat(), window_between(0, 100))
    result.set_slice(np.full((100, 100), 50, np.uint16), rendering)
    return result


def image_of(view: SliceView) -> QImage:
    return view.grab().toImage()


def colour_at(view: SliceView, column: float, row: float) -> QColor:
    """The colour of the screen pixel that holds a place."""
    image = image_of(view)
    # `widget_position` is rounded and may be the neighbour of this pixel.
    at = view._stage.outlines.sceneTransform().map(QPointF(column, row))
    inside = QPoint(math.floor(at.x()), math.floor(at.y()))
    return image.pixelColor(view._stage.viewport().mapTo(view, inside))


def drawn(view: SliceView) -> np.ndarray:
    """(rows, columns, 3) of blue, green, red where the live drawing changes the screen, else 0."""
    pictures = []
    for visible in (False, True):
        view._stage.live.setVisible(visible)
        image = image_of(view).convertToFormat(QImage.Format.Format_RGB32)
        flat = np.frombuffer(image.constBits(), np.uint8)
        pictures.append(flat.reshape(image.height(), image.width(), 4)[:, :, :3].astype(int))
    without, with_it = pictures
    return np.where((with_it != without).any(axis=2, keepdims=True), with_it, 0)


def extent(view: SliceView) -> tuple[int, int]:
    """(width, height) in screen pixels of all that is drawn and not black."""
    rows, columns = np.nonzero(drawn(view).max(axis=2) > 100)
    return int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1


def test_a_path_goes_on_to_the_cursor_and_back_in_dashes(view: SliceView) -> None:
    path = np.array([[20, 20], [80, 20]], float)
    view.set_live(LiveDrawing(path=path, closed=True, cursor=(80, 80), colour="#ff0000"))
    assert colour_at(view, 50, 20).red() > 180
    assert colour_at(view, 80, 50).red() > 180
    image = image_of(view)
    back = [image.pixelColor(view.widget_position(v, v)).red() for v in np.arange(25, 75, 0.2)]
    assert 0.3 < np.mean(np.array(back) > 140) < 0.85
    view.set_live(LiveDrawing(path=path, cursor=(80, 80), colour="#ff0000"))
    assert colour_at(view, 50, 50).red() == 128
    view.set_live(LiveDrawing())
    assert colour_at(view, 50, 20).red() == 128


def test_a_closed_path_without_cursor_is_closed(view: SliceView) -> None:
    path = np.array([[20, 20], [80, 20], [80, 80]], float)
    view.set_live(LiveDrawing(path=path, closed=True, colour="#ff0000"))
    assert colour_at(view, 50, 50).red() > 180
    view.set_live(LiveDrawing(path=path, colour="#ff0000"))
    assert colour_at(view, 50, 50).red() == 128


@pytest.mark.parametrize("factor", [1.0, 5.0])
def test_handles_have_the_same_size_at_every_zoom(view: SliceView, factor: float) -> None:
    view._stage.zoom(factor, QPointF(view.widget_position(50, 50)))
    view.set_live(LiveDrawing(handles=np.array([[50.0, 50.0]])))
    white = drawn(view).min(axis=2) == 255
    assert white.sum() == 5 * 5  # within a dark edge of one pixel: 7 x 7
    view.set_live(LiveDrawing(handles=np.array([[50.0, 50.0]]), active=0, colour="#ff0000"))
    assert extent(view) == (7, 7)
    assert colour_at(view, 50, 50) == QColor("#ff0000")


def test_midpoints_are_hollow_and_smaller(view: SliceView) -> None:
    view.set_live(LiveDrawing(midpoints=np.array([[50.0, 50.0]])))
    assert colour_at(view, 50, 50).red() == 128
    changed = drawn(view).max(axis=2) == 255
    assert 0 < changed.sum() < 5 * 5


def test_of_very_many_handles_those_that_would_cover_each_other_are_left_out(
    view: SliceView,
) -> None:
    angle = np.linspace(0, 2 * np.pi, 50_000, endpoint=False)
    ring = np.stack([50 + 40 * np.cos(angle), 50 + 40 * np.sin(angle)], axis=1)
    view.set_live(LiveDrawing(handles=ring, active=12_500, colour="#ff0000"))
    assert 1000 < (drawn(view).min(axis=2) == 255).sum() < 5000
    assert colour_at(view, *ring[12_500]) == QColor("#ff0000")


def test_handles_out_of_sight_or_without_a_place_do_no_harm(view: SliceView) -> None:
    places = np.array([[np.nan, 50.0], [-1e9, 50.0], [50.0, 50.0]])
    view.set_live(LiveDrawing(handles=places, midpoints=places, active=7))
    assert (drawn(view).min(axis=2) == 255).sum() > 0


def test_the_cursor_ring_is_seen_on_black_and_on_white(view: SliceView) -> None:
    view.set_live(LiveDrawing(cursor_ring=CursorRing(50, 50, 20)))
    for grey in (0, 100):
        levels = Rendering(PixelFormat(), window_between(0, 100))
        view.set_slice(np.full((100, 100), grey, np.uint16), levels)
        at, image = view.widget_position(50, 30), image_of(view)
        column = [image.pixelColor(at.x(), at.y() + k).lightness() for k in range(-3, 4)]
        assert max(column) > 200
        assert min(column) < 60


def test_the_cursor_ring_is_an_ellipse_where_pixels_are_tall(view: SliceView) -> None:
    view.set_live(LiveDrawing(cursor_ring=CursorRing(50, 50, 20)))
    width, height = extent(view)
    assert width == pytest.approx(height, abs=1)
    view.set_pixel_aspect(2.0)
    width, height = extent(view)
    assert height == pytest.approx(2 * width, abs=4)
    assert width == pytest.approx(40 * view._stage.pixel_width_px(), abs=4)
    view.set_turned(SpatialTransformation(quarter_turns=1))
    width, height = extent(view)
    assert width == pytest.approx(2 * height, abs=4)


def test_a_mask_lies_over_its_own_pixels(view: SliceView) -> None:
    pixels = np.zeros((10, 20), bool)
    pixels[2:5, 3:8] = True
    view.set_live(LiveDrawing(mask=LiveMask(pixels, top=40, left=30, colour="#ff0000", opacity=1)))
    for column, row in ((33.2, 42.2), (37.8, 44.8)):
        assert colour_at(view, column, row) == QColor("#ff0000")
    for column, row in ((32.7, 42.5), (38.3, 42.5), (35, 41.7), (35, 45.3)):
        assert colour_at(view, column, row).green() == 128
    view.set_live(LiveDrawing(mask=LiveMask(pixels, 40, 30, "#ff0000", 0.5)))
    assert colour_at(view, 35, 43).red() == pytest.approx(191, abs=3)


def test_a_mask_may_be_brushed_on_in_place(view: SliceView) -> None:
    pixels = np.zeros((100, 100), bool)
    pixels[10, 10] = True
    view.set_live(LiveDrawing(mask=LiveMask(pixels, colour="#ff0000", opacity=1.0)))
    pixels[50:60, 50:60] = True
    assert colour_at(view, 55, 55).green() == 128
    view.set_live(LiveDrawing(mask=LiveMask(pixels, colour="#ff0000", opacity=1.0)))
    assert colour_at(view, 55, 55) == QColor("#ff0000")


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (4, 4)])
def test_an_empty_mask_draws_nothing(view: SliceView, shape: tuple[int, int]) -> None:
    empty = LiveMask(np.zeros(shape, bool))
    view.set_live(LiveDrawing(mask=empty, overlap=empty))
    assert drawn(view).max() == 0


def test_overlaps_are_hatched_and_only_there(view: SliceView) -> None:
    pixels = np.ones((40, 40), bool)
    view.set_live(LiveDrawing(overlap=LiveMask(pixels, top=30, left=30)))
    there = drawn(view)
    origin, end = view.widget_position(30, 30), view.widget_position(70, 70)
    inside = there[origin.y() + 1 : end.y() - 1, origin.x() + 1 : end.x() - 1]
    assert 0.05 < (inside.min(axis=2) == 255).mean() < 0.3
    there[origin.y() : end.y() + 1, origin.x() : end.x() + 1] = 0
    assert there.max() == 0
    view._stage.zoom(3.0, QPointF(view.widget_position(50, 50)))
    assert 0.05 < (drawn(view).min(axis=2) == 255).mean() < 0.3


def test_calipers_are_drawn_with_their_ends(view: SliceView) -> None:
    longest, across = np.array([[20.0, 50], [80, 50]]), np.array([[50.0, 40], [50, 60]])
    view.set_live(LiveDrawing(calipers=(longest, across)))
    assert colour_at(view, 35, 50).lightness() > 160
    assert colour_at(view, 50, 45).lightness() > 160
    assert colour_at(view, 20, 49.2).lightness() > 160  # the tick
    assert colour_at(view, 35, 55).lightness() == 128


def test_the_length_of_a_caliper_stands_beyond_its_end(view: SliceView) -> None:
    line = np.array([[20.0, 50], [60, 50]])
    view.set_live(LiveDrawing(calipers=(line,)))
    without = drawn(view)
    view.set_live(LiveDrawing(calipers=(line,), caliper_texts=("41.3 mm",)))
    new = (drawn(view) != without).any(axis=2)
    rows, columns = np.nonzero(new)
    end = view.widget_position(60, 50)
    assert columns.size > 0
    assert columns.min() > end.x() + 2
    assert abs(rows.mean() - end.y()) < 4


def test_handles_are_smaller_where_they_would_hide_the_outline(view: SliceView) -> None:
    def side(handles: np.ndarray) -> int:
        view.set_live(LiveDrawing(handles=handles))
        near = drawn(view).max(axis=2) == 255
        at = view.widget_position(*handles[0])
        return int(near[at.y() - 12 : at.y() + 12, at.x() - 6 : at.x() + 6].any(axis=0).sum())

    few = np.array([[20.0, 20], [20, 60], [60, 60]])
    crowd = np.stack([np.full(30, 20.0), np.arange(20, 80, 2)], axis=1)
    assert side(crowd) < side(few)


def test_the_live_drawing_lies_above_the_outlines_and_hides_with_them(view: SliceView) -> None:
    square = np.array([[20, 20], [80, 20], [80, 80], [20, 80]], float)
    view.set_outlines([Outline(square, "#ff0000")])
    view.set_live(LiveDrawing(handles=square))
    assert colour_at(view, 20, 20) == QColor("#ffffff")
    view.set_overlays_visible(False)
    assert colour_at(view, 20, 20).red() == 128
    view.set_overlays_visible(True)
    view.clear()
    assert drawn(view).max() == 0


def test_a_length_on_the_screen_is_told_in_pixels_of_the_slice(view: SliceView) -> None:
    stage = view._stage
    assert view.pixels_to_slice(8) == pytest.approx(8 / stage.pixel_width_px())
    before = view.pixels_to_slice(8)
    stage.zoom(2.0, QPointF(view.widget_position(50, 50)))
    assert view.pixels_to_slice(8) == pytest.approx(before / 2)
    view.set_pixel_aspect(2.0)
    assert view.pixels_to_slice(8) == pytest.approx(8 / stage.pixel_width_px())
    assert stage.pixel_height_px() == pytest.approx(2 * stage.pixel_width_px())

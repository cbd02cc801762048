from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from medseg_desktop.core.display import PixelFormat, window_between
from medseg_desktop.qt.canvas.corner_text import scale_bar
from medseg_desktop.qt.canvas.mouse import WheelSteps
from medseg_desktop.qt.canvas.slice_view import (
    CornerTexts,
    LabelLayer,
    Outline,
    Rendering,
    SliceView,
)

LEFT, MIDDLE, RIGHT = (
    Qt.MouseButton.LeftButton,
    Qt.MouseButton.MiddleButton,
    Qt.MouseButton.RightButton,
)


@pytest.fixture
def view(qtbot: QtBot) -> SliceView:
    result = SliceView()
    qtbot.addWidget(result)
    result.resize(400, 400)
    result.show()
    qtbot.waitExposed(result)
    result.set_slice(np.zeros((20, 20), np.uint16), levels(0, 100))
    return result


def levels(low: float, high: float, inverted: bool = False) -> Rendering:
    return Rendering(PixelFormat(), window_between(low, high), inverted)


def surface(view: SliceView) -> QWidget:
    return view._stage.viewport()


def wheel(view: SliceView, angle: int, control: bool = False, at: QPoint | None = None) -> None:
    position = QPointF(at or surface(view).rect().center())
    modifiers = Qt.KeyboardModifier.ControlModifier if control else Qt.KeyboardModifier.NoModifier
    event = QWheelEvent(
        position,
        surface(view).mapToGlobal(position),
        QPoint(),
        QPoint(0, angle),
        Qt.MouseButton.NoButton,
        modifiers,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(surface(view), event)


def drag(view: SliceView, button: Qt.MouseButton, start: QPoint, *ways: QPoint) -> None:
    QTest.mousePress(surface(view), button, pos=start)
    for way in ways:
        event_at = start + way
        # QTest.mouseMove carries no buttons on some platforms; the view must not need them.
        QTest.mouseMove(surface(view), event_at)
    QTest.mouseRelease(surface(view), button, pos=start + ways[-1])


def colour_at(view: SliceView, column: float, row: float) -> QColor:
    image = view.grab().toImage()
    return image.pixelColor(view.widget_position(column, row))


def test_each_pixel_is_drawn_over_its_own_unit_square(view: SliceView) -> None:
    pixels = np.zeros((20, 20), np.uint16)
    pixels[3, 15] = 100
    view.set_slice(pixels, levels(0, 100))
    assert colour_at(view, 15.1, 3.1).lightness() == 255
    assert colour_at(view, 15.9, 3.9).lightness() == 255
    assert colour_at(view, 14.9, 3.5).lightness() == 0
    assert colour_at(view, 15.5, 4.1).lightness() == 0


def test_levels_and_inversion_change_the_shown_grey(view: SliceView) -> None:
    view.set_slice(np.full((20, 20), 50, np.int16), levels(0, 100))
    assert colour_at(view, 10, 10).red() == 128
    view.set_rendering(levels(0, 200))
    assert colour_at(view, 10, 10).red() == 64
    view.set_rendering(levels(0, 200, inverted=True))
    assert colour_at(view, 10, 10).red() == 191


def test_a_slice_of_another_shape_is_refused(view: SliceView) -> None:
    with pytest.raises(ValueError, match="rows, columns"):
        view.set_slice(np.zeros((20, 20, 4)), levels(0, 1))


def test_outlines_lie_where_their_points_lie_and_hide_with_the_overlays(view: SliceView) -> None:
    square = np.array([[5, 5], [15, 5], [15, 15], [5, 15]], float)
    view.set_outlines([Outline(square, "#ff0000")])
    assert colour_at(view, 10, 5).red() > 150
    assert colour_at(view, 5, 10).red() > 150  # the closing edge
    assert colour_at(view, 10, 10).red() == 0
    view.set_overlays_visible(False)
    assert colour_at(view, 10, 5).red() == 0
    view.set_overlays_visible(True)
    assert colour_at(view, 10, 5).red() > 150


def test_dashed_outlines_have_gaps(view: SliceView) -> None:
    line = np.array([[2, 10], [18, 10]], float)
    view.set_outlines([Outline(line, "#ff0000", closed=False, dashed=True)])
    image = view.grab().toImage()
    start, end = view.widget_position(3, 10), view.widget_position(17, 10)
    reds = [image.pixelColor(x, start.y()).red() > 128 for x in range(start.x(), end.x())]
    assert 0.3 < sum(reds) / len(reds) < 0.9


def test_an_open_outline_of_one_point_is_a_dot(view: SliceView) -> None:
    view.set_outlines([Outline(np.array([[10.0, 10.0]]), "#ff0000")])
    assert colour_at(view, 10, 10).red() > 150


def test_the_label_map_is_mixed_in_with_its_opacity(view: SliceView) -> None:
    label_map = np.zeros((20, 20), np.uint8)
    label_map[5, 5] = 1
    label_map[15, 17] = 2
    view.set_label_map(LabelLayer(label_map, [(9, 9, 9), (255, 0, 0), (0, 0, 255)]), 0.5)
    assert colour_at(view, 5.5, 5.5).red() == pytest.approx(128, abs=2)
    assert colour_at(view, 17.5, 15.5).blue() == pytest.approx(128, abs=2)
    assert colour_at(view, 6.5, 5.5).red() == 0
    view.set_label_map(None)
    assert colour_at(view, 5.5, 5.5).red() == 0


def test_hidden_overlays_stay_hidden_when_a_new_slice_brings_a_map(view: SliceView) -> None:
    view.set_overlays_visible(False)
    everywhere = LabelLayer(np.ones((20, 20), np.uint8), [(0, 0, 0), (255, 255, 255)])
    view.set_label_map(everywhere, 1.0)
    view.set_prediction_map(everywhere, 1.0)
    assert colour_at(view, 5.5, 5.5).red() == 0
    view.set_overlays_visible(True)
    assert colour_at(view, 5.5, 5.5).red() == 255


def test_an_empty_label_map_and_labels_without_a_colour_are_not_drawn(view: SliceView) -> None:
    view.set_label_map(LabelLayer(np.zeros((20, 20), np.uint8), [(9, 9, 9)]), 1.0)
    assert colour_at(view, 5.5, 5.5).lightness() == 0
    view.set_label_map(LabelLayer(np.full((20, 20), 7, np.uint8), [(9, 9, 9), (9, 9, 9)]), 1.0)
    assert colour_at(view, 5.5, 5.5).lightness() == 0


def test_wheel_down_asks_for_the_next_slice_and_up_for_the_previous(view: SliceView) -> None:
    steps: list[int] = []
    view.slice_step_requested.connect(steps.append)
    wheel(view, -120)
    wheel(view, 120)
    wheel(view, -360)
    assert steps == [1, -1, 3]


def test_small_trackpad_angles_add_up_to_one_step(view: SliceView) -> None:
    steps: list[int] = []
    view.slice_step_requested.connect(steps.append)
    for _ in range(5):
        wheel(view, -25)
    assert steps == [1]


def test_turning_round_forgets_the_rest_of_the_old_direction() -> None:
    steps = WheelSteps()
    assert steps.add(-110) == 0
    assert steps.add(30) == 0
    assert steps.add(-110) == 0
    assert steps.add(-10) == 1


def test_control_wheel_zooms_at_the_pointer(view: SliceView) -> None:
    at = view.widget_position(5, 5)
    before = view.widget_position(15, 15) - at
    wheel(view, 120, control=True, at=at)
    after = view.widget_position(15, 15) - view.widget_position(5, 5)
    assert after.x() > before.x()
    assert (view.widget_position(5, 5) - at).manhattanLength() <= 2


def test_zoom_has_an_end_in_both_directions(view: SliceView) -> None:
    for _ in range(100):
        wheel(view, 240, control=True)
    assert view._stage.pixel_width_px() <= 97
    for _ in range(100):
        wheel(view, -240, control=True)
    assert view._stage.pixel_width_px() * 20 >= 47


def test_left_drag_reports_window_steps_between_start_and_finish(view: SliceView) -> None:
    events: list[object] = []
    view.window_drag_started.connect(lambda: events.append("start"))
    view.window_drag.connect(lambda dx, dy, _m: events.append((dx, dy)))
    view.window_drag_finished.connect(lambda: events.append("end"))
    drag(view, LEFT, QPoint(200, 200), QPoint(20, 5), QPoint(30, -10))
    assert events[0] == "start"
    assert events[-1] == "end"
    moves = [e for e in events if isinstance(e, tuple)]
    assert (sum(m[0] for m in moves), sum(m[1] for m in moves)) == (30, -10)


def test_a_left_click_without_a_drag_changes_nothing(view: SliceView, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(view.window_drag_started):
        QTest.mouseClick(surface(view), LEFT, pos=QPoint(100, 100))


def test_middle_drag_pans_with_the_pointer(view: SliceView) -> None:
    before = view.widget_position(10, 10)
    drag(view, MIDDLE, QPoint(200, 200), QPoint(20, 0), QPoint(40, 25))
    moved = view.widget_position(10, 10) - before
    assert (moved - QPoint(40, 25)).manhattanLength() <= 2


@pytest.mark.parametrize("way", [(3000, 0), (-3000, 0), (0, 3000), (0, -3000), (3000, -3000)])
def test_a_slice_cannot_be_moved_out_of_sight(view: SliceView, way: tuple[int, int]) -> None:
    stage = view._stage
    stage.zoom(3, QPointF(stage.viewport().rect().center()))
    stage.pan(QPointF(*way))
    shape = stage.slice_shape
    assert shape is not None
    corners = (stage.from_slice(QPointF(0, 0)), stage.from_slice(QPointF(shape[1], shape[0])))
    seen = QRectF(*corners).normalized() & QRectF(stage.viewport().rect())
    assert seen.width() >= 63
    assert seen.height() >= 63


def test_right_drag_up_zooms_in_and_opens_no_menu(view: SliceView, qtbot: QtBot) -> None:
    before = view._stage.pixel_width_px()
    with qtbot.assertNotEmitted(view.context_menu_requested):
        drag(view, RIGHT, QPoint(200, 200), QPoint(0, -30), QPoint(0, -60))
    assert view._stage.pixel_width_px() > before * 1.2


def test_a_right_click_asks_for_the_menu_at_the_pointer(view: SliceView, qtbot: QtBot) -> None:
    at = QPoint(120, 90)
    with qtbot.waitSignal(view.context_menu_requested, timeout=5000) as asked:
        QTest.mouseClick(surface(view), RIGHT, pos=at)
    assert asked.args == [surface(view).mapToGlobal(at)]


def test_double_click_fits_the_slice_again(view: SliceView) -> None:
    fitted = view.widget_position(0, 0)
    wheel(view, 480, control=True)
    assert view.widget_position(0, 0) != fitted
    QTest.mouseDClick(surface(view), LEFT, pos=QPoint(200, 200))
    assert (view.widget_position(0, 0) - fitted).manhattanLength() <= 1


def test_zoom_is_kept_between_slices_of_a_series_and_fitted_for_another_shape(
    view: SliceView,
) -> None:
    wheel(view, 240, control=True)
    zoomed = view._stage.pixel_width_px()
    view.set_slice(np.ones((20, 20), np.uint16), levels(0, 100))
    assert view._stage.pixel_width_px() == pytest.approx(zoomed)
    view.set_slice(np.ones((40, 40), np.uint16), levels(0, 100))
    assert view._stage.pixel_width_px() < zoomed


def test_the_pointer_is_reported_in_corner_coordinates(view: SliceView) -> None:
    places: list[tuple[float, float]] = []
    left: list[bool] = []
    view.cursor_moved.connect(lambda c, r: places.append((c, r)))
    view.cursor_left.connect(lambda: left.append(True))
    QTest.mouseMove(surface(view), view.widget_position(7.5, 3.5))
    assert places[-1] == pytest.approx((7.5, 3.5), abs=0.1)
    QTest.mouseMove(surface(view), view.widget_position(-0.3, 3.5))
    assert left == [True]


def test_tall_pixels_are_drawn_tall(view: SliceView) -> None:
    view.set_pixel_aspect(2.0, 0.5)
    one = view.widget_position(1, 1)
    far = view.widget_position(11, 11)
    assert (far.y() - one.y()) == pytest.approx(2 * (far.x() - one.x()), abs=2)
    with pytest.raises(ValueError, match="aspect"):
        view.set_pixel_aspect(0.0)


def test_corner_texts_are_drawn_only_while_a_slice_is_shown(view: SliceView) -> None:
    def bright() -> int:
        image = view.grab().toImage()
        return sum(
            image.pixelColor(x, y).lightness() > 200 for x in range(8, 120) for y in range(8, 30)
        )

    view.set_corner_texts(CornerTexts(top_left=["Patient 7f3a"]))
    assert bright() > 20
    view.clear()
    assert bright() == 0


def test_corner_text_stays_readable_on_a_white_slice(view: SliceView) -> None:
    view.set_slice(np.full((20, 20), 100, np.uint16), levels(0, 100))
    view.set_corner_texts(CornerTexts(top_left=["WW 1200"]))
    image = view.grab().toImage()
    dark = sum(image.pixelColor(x, y).lightness() < 90 for x in range(8, 80) for y in range(8, 30))
    assert dark > 50


def test_a_message_is_drawn_with_and_without_a_slice(view: SliceView) -> None:
    empty = view.grab().toImage()
    view.set_message("Reading 3 of 20 slices")
    assert view.grab().toImage() != empty
    view.clear()
    view.set_message("")
    assert view.grab().toImage().pixelColor(200, 200).lightness() == 0


@pytest.mark.parametrize(
    ("px_per_mm", "room", "text"), [(2.0, 200, "10 cm"), (2.0, 150, "5 cm"), (40.0, 200, "5 mm")]
)
def test_the_scale_bar_has_the_longest_round_length_that_fits(
    px_per_mm: float, room: float, text: str
) -> None:
    bar = scale_bar(px_per_mm, room)
    assert bar is not None
    assert bar.text == text
    assert bar.length_px <= room


def test_no_scale_bar_without_a_scale() -> None:
    assert scale_bar(float("nan"), 200) is None
    assert scale_bar(1.0, 10) is None

"""The list of shapes: what it shows, what it reports, and how quick it is."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QItemSelectionModel, QPoint, Qt
from PySide6.QtGui import QContextMenuEvent, QGuiApplication, QKeySequence, QShortcut
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from medseg_desktop.qt.panels.shapes_panel import ShapeRow, ShapesPanel
from medseg_desktop.qt.theme import apply_theme
from tests.qt.table_cells import cut_off, shown

LEFT = Qt.MouseButton.LeftButton
SHAPES = (
    ShapeRow(4, "H", "#7ee081", 512, 412.3, annotator="Dr Wang", provenance="Drawn by Dr Wang."),
    ShapeRow(7, "H", "#7ee081", 480, 388.0, from_model=True, provenance="Found by flair-v3."),
    ShapeRow(9, "edema", "#f2a33c", 8, 6.46, from_model=True, edited=True, overlaps=True),
    ShapeRow(2, "edema", "#f2a33c", 1234),
)


@pytest.fixture
def panel(qtbot: QtBot) -> ShapesPanel:
    result = ShapesPanel()
    qtbot.addWidget(result)
    result.resize(296, 400)
    result.show()
    qtbot.waitExposed(result)
    return result


def click(panel: ShapesPanel, row: int, modifier: Qt.KeyboardModifier | None = None) -> None:
    table = panel.table
    place = table.visualRect(table.model().index(row, 2)).center()
    keys = modifier or Qt.KeyboardModifier.NoModifier
    QTest.mouseClick(table.viewport(), LEFT, keys, place)


def test_a_shape_is_listed_with_area_and_who_or_what_drew_it(panel: ShapesPanel) -> None:
    panel.set_shapes(SHAPES)
    assert shown(panel.table) == [
        ["H", "", "412 mm²", "Dr Wang"],
        ["H", "", "388 mm²", "AI"],
        ["edema", "", "6.5 mm²", "AI, edited"],
        ["edema", "", "1,234 px", "Drawn"],
    ]
    assert panel.count.text() == "4"


def test_the_tooltip_of_the_source_tells_the_whole_provenance(panel: ShapesPanel) -> None:
    panel.set_shapes(SHAPES)
    tips = [panel.table.model().index(i, 3).data(Qt.ItemDataRole.ToolTipRole) for i in range(4)]
    assert tips == ["Drawn by Dr Wang.", "Found by flair-v3.", None, None]


def test_only_shapes_that_overlap_are_marked_and_the_mark_has_words(panel: ShapesPanel) -> None:
    panel.set_shapes(SHAPES)
    cells = [panel.table.model().index(i, 1) for i in range(4)]
    marked = [cell.data(Qt.ItemDataRole.DecorationRole) is not None for cell in cells]
    assert marked == [False, False, True, False]
    assert "another label" in cells[2].data(Qt.ItemDataRole.AccessibleTextRole)
    panel.set_shapes(SHAPES[:2])
    assert panel.table.isColumnHidden(1)


def test_the_overlap_line_takes_no_room_while_nothing_overlaps(panel: ShapesPanel) -> None:
    assert not panel.overlap.isVisible()
    panel.set_overlap("34 px lie in two labels; the later shape counts.")
    assert panel.overlap.isVisible()
    assert "34 px" in panel.overlap.text()


def test_showing_shapes_and_a_selection_is_not_reported_back(
    panel: ShapesPanel, qtbot: QtBot
) -> None:
    with qtbot.assertNotEmitted(panel.selection_changed):
        panel.set_shapes(SHAPES, [9, 4])
        assert panel.table.selected_keys == (4, 9)
        panel.set_selection([2])
        assert panel.table.selected_keys == (2,)
        panel.set_shapes(SHAPES[:3], [7])
        panel.set_shapes(())
    assert panel.table.selected_keys == ()


def test_the_user_selects_several_shapes(panel: ShapesPanel) -> None:
    panel.set_shapes(SHAPES)
    seen: list[tuple[int, ...]] = []
    panel.selection_changed.connect(seen.append)
    click(panel, 2)
    click(panel, 0, Qt.KeyboardModifier.ControlModifier)
    click(panel, 3, Qt.KeyboardModifier.ShiftModifier)
    assert seen == [(9,), (4, 9), (4, 7, 9, 2)]


def test_a_selection_survives_a_change_of_areas(panel: ShapesPanel) -> None:
    panel.set_shapes(SHAPES)
    click(panel, 1)
    grown = (*SHAPES[:3], ShapeRow(2, "edema", "#f2a33c", 1300))
    panel.set_shapes(grown, [7])
    assert panel.table.selected_keys == (7,)
    assert shown(panel.table)[3][2] == "1,300 px"
    current = panel.table.selectionModel().currentIndex()
    assert current.row() == 1


def test_double_click_and_enter_activate_a_shape(panel: ShapesPanel) -> None:
    panel.set_shapes(SHAPES)
    seen: list[int] = []
    panel.activated.connect(seen.append)
    click(panel, 1)
    assert seen == []
    QTest.keyClick(panel.table, Qt.Key.Key_Return)
    place = panel.table.visualRect(panel.table.model().index(2, 0)).center()
    QTest.mouseClick(panel.table.viewport(), LEFT, pos=place)
    QTest.mouseDClick(panel.table.viewport(), LEFT, pos=place)
    assert seen == [7, 9]


def test_buttons_are_there_only_for_selected_shapes_and_tell_which(panel: ShapesPanel) -> None:
    panel.set_shapes(SHAPES)
    seen: list[tuple[str, tuple[int, ...]]] = []
    panel.raise_requested.connect(lambda keys: seen.append(("raise", keys)))
    panel.lower_requested.connect(lambda keys: seen.append(("lower", keys)))
    panel.delete_requested.connect(lambda keys: seen.append(("delete", keys)))
    buttons = (panel.to_front, panel.to_back, panel.delete)
    assert not any(b.isEnabled() for b in buttons)
    assert all(b.toolTip() and b.accessibleName() for b in buttons)
    click(panel, 0)
    click(panel, 3, Qt.KeyboardModifier.ControlModifier)
    for b in buttons:
        QTest.mouseClick(b, LEFT)
    assert seen == [("raise", (4, 2)), ("lower", (4, 2)), ("delete", (4, 2))]
    panel.set_shapes(SHAPES)
    assert not any(b.isEnabled() for b in buttons)


def test_a_right_click_asks_for_the_menu_where_it_was(panel: ShapesPanel, qtbot: QtBot) -> None:
    panel.set_shapes(SHAPES)
    viewport = panel.table.viewport()
    place = viewport.mapToGlobal(QPoint(40, 30))
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, QPoint(40, 30), place)
    with qtbot.waitSignal(panel.context_menu_requested, timeout=5000) as asked:
        QApplication.sendEvent(viewport, event)
    assert asked.args == [place]


def test_the_table_is_copied_as_text_for_a_spreadsheet(panel: ShapesPanel) -> None:
    broken = ShapeRow(1, "a\tb", "#ffffff", 10, 8.125, provenance="Found.\nDice 0.91.")
    panel.set_shapes([SHAPES[0], broken])
    QTest.keyClick(panel.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = QGuiApplication.clipboard().text().splitlines()
    assert lines == [
        "Label\tArea (mm²)\tPixels\tSource\tProvenance",
        "H\t412.30\t512\tDr Wang\tDrawn by Dr Wang.",
        "a b\t8.12\t10\tDrawn\tFound. Dice 0.91.",
    ]
    QGuiApplication.clipboard().clear()
    panel.copy_action.trigger()
    assert QGuiApplication.clipboard().text().splitlines() == lines


def test_a_window_that_copies_shapes_keeps_its_key(panel: ShapesPanel, qtbot: QtBot) -> None:
    panel.set_shapes(SHAPES)
    QGuiApplication.clipboard().clear()
    of_window = QShortcut(QKeySequence(QKeySequence.StandardKey.Copy), panel)
    panel.activateWindow()
    panel.table.setFocus()
    with qtbot.waitSignal(of_window.activated, timeout=5000):
        QTest.keyClick(panel.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == ""


@pytest.mark.parametrize("dark", [True, False], ids=["dark", "light"])
def test_no_area_is_cut_off_beside_long_names(
    panel: ShapesPanel, qapp: QApplication, dark: bool
) -> None:
    apply_theme(qapp, dark)
    panel.set_shapes(
        [
            ShapeRow(0, "Perifocal oedema of the left lobe", "#7ee081", 9, 88888.0, overlaps=True),
            ShapeRow(1, "左侧额叶病灶周围水肿带", "#7ee081", 9, 1.1, annotator="欧阳娜娜主任医师"),
            ShapeRow(2, "H", "#7ee081", 9, 4.0, annotator="Prof. Dr. Hubert Blaine Wolfe"),
        ]
    )
    cut = {text for column, text in cut_off(panel.table) if column == 2}
    assert cut == set()
    names = [text for column, text in cut_off(panel.table) if column == 0]
    assert "H" not in names
    apply_theme(qapp, dark=True)
    qapp.setStyleSheet("")


def test_nothing_below_moves_while_slices_have_few_shapes(panel: ShapesPanel) -> None:
    panel.set_shapes(())
    height = panel.table.height()
    panel.set_shapes(SHAPES[:3])
    assert panel.table.height() == height
    panel.set_shapes([ShapeRow(i, "H", "#7ee081", 5) for i in range(50)])
    tall = panel.table.height()
    assert height < tall < 7 * 28


def many(count: int, seed: int) -> list[ShapeRow]:
    return [
        ShapeRow(
            i,
            f"label {i % 7}",
            "#7ee081",
            (i * 7919 + seed) % 90_000,
            (i * 7919 + seed) % 90_000 * 0.81,
            annotator=f"Reader {i % 30}",
            overlaps=i % 9 == 0,
        )
        for i in range(count)
    ]


def test_all_of_two_thousand_shapes_are_selected_at_once(panel: ShapesPanel, qtbot: QtBot) -> None:
    panel.set_shapes(many(2000, 1))
    with qtbot.waitSignal(panel.selection_changed, timeout=5000) as chosen:
        panel.table.selectAll()
    assert chosen.args == [tuple(range(2000))]
    flags = QItemSelectionModel.SelectionFlag.Clear
    with qtbot.waitSignal(panel.selection_changed, timeout=5000) as chosen:
        panel.table.selectionModel().select(panel.table.model().index(0, 0), flags)
    assert chosen.args == [()]

"""The list of lesions: numbers with their units, nothing cut off, and the way to a lesion."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPoint, Qt, QTranslator
from PySide6.QtGui import QContextMenuEvent, QGuiApplication, QKeySequence, QShortcut
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from medseg_desktop.core.lesions import Lesion
from medseg_desktop.core.measures import Diameter
from medseg_desktop.qt.panels.lesions_panel import LesionRow, LesionsPanel
from medseg_desktop.qt.theme import apply_theme
from tests.qt.table_cells import cut_off, shown

CHINESE = {
    "Lesions of the series": "本序列病灶",
    "Label": "标签",
    "ml": "毫升",
    "voxels": "体素数",
    "Ø mm": "径线 mm",
    "Ø px": "径线 px",
    "Slices": "层数",
    "Mean": "平均值",
    "{n} lesions": "{n} 个病灶",
}


def lesion(
    number: int,
    volume_ml: float | None,
    longest: float,
    perpendicular: float,
    slices: int = 3,
    mean: float | None = None,
    in_mm: bool = True,
) -> Lesion:
    return Lesion(
        number=number,
        label=1,
        slices=tuple(range(slices)),
        pixels=(40,) * slices,
        volume_ml=volume_ml,
        largest_slice=0,
        diameter_slice=1,
        longest=Diameter((0.0, 0.0), (longest, 0.0), longest if in_mm else None),
        perpendicular=Diameter((0.0, 0.0), (0.0, perpendicular), perpendicular if in_mm else None),
        centroid=(1.0, 1.0),
        mean_intensity=mean,
    )


ROWS = (
    LesionRow(lesion(1, 6.2, 31.44, 18.2, 5, 312.4), "H", "#7ee081", "Slice 17"),
    LesionRow(lesion(2, 0.52, 12.0, 8.1, 3, 301.0), "edema", "#f2a33c", "Slice 4"),
    LesionRow(lesion(3, 0.003, 1.9, 1.1, 1), "H", "#7ee081", "Slice 9"),
)


@pytest.fixture
def panel(qtbot: QtBot) -> LesionsPanel:
    result = LesionsPanel()
    qtbot.addWidget(result)
    result.resize(296, 400)
    result.show()
    qtbot.waitExposed(result)
    return result


@pytest.fixture
def in_chinese(qapp: QApplication) -> Iterator[None]:
    class Chinese(QTranslator):
        def isEmpty(self) -> bool:
            return False

        def translate(
            self, context: str, source: str, disambiguation: str | None = None, n: int = -1
        ) -> str | None:
            return CHINESE.get(source)

    translator = Chinese()
    qapp.installTranslator(translator)
    yield
    qapp.removeTranslator(translator)


def click(panel: LesionsPanel, row: int) -> None:
    place = panel.table.visualRect(panel.table.model().index(row, 3)).center()
    QTest.mouseClick(panel.table.viewport(), Qt.MouseButton.LeftButton, pos=place)


def titles(panel: LesionsPanel) -> list[str]:
    model = panel.table.model()
    count = model.columnCount()
    return [str(model.headerData(c, Qt.Orientation.Horizontal)) for c in range(count)]


def test_a_lesion_is_listed_with_volume_diameters_and_slices(panel: LesionsPanel) -> None:
    panel.set_lesions(ROWS, 6.723)
    assert titles(panel)[:5] == ["#", "Label", "ml", "Ø mm", "Slices"]
    assert [line[:5] for line in shown(panel.table)] == [
        ["1", "H", "6.20", "31.4 × 18.2", "5"],
        ["2", "edema", "0.52", "12.0 × 8.1", "3"],
        ["3", "H", "<0.01", "1.9 × 1.1", "1"],
    ]
    assert panel.total.text() == "3 lesions · 6.72 ml"
    panel.set_lesions(ROWS[:1], 6.2)
    assert panel.total.text() == "1 lesion · 6.20 ml"


def test_without_known_sizes_voxels_and_pixels_are_shown(panel: LesionsPanel) -> None:
    row = LesionRow(lesion(1, None, 31.4, 18.2, in_mm=False), "H", "#7ee081")
    panel.set_lesions([row], None)
    assert titles(panel)[2:4] == ["voxels", "Ø px"]
    assert shown(panel.table)[0][2:4] == ["120", "31.4 × 18.2"]
    assert panel.total.text() == "1 lesion · 120 voxels"
    tip = panel.table.model().index(0, 3).data(Qt.ItemDataRole.ToolTipRole)
    assert "mm" not in tip
    assert "ml" not in tip
    assert "mm" not in panel.table.table_text()
    panel.set_lesions(ROWS, 6.7)
    assert titles(panel)[2:4] == ["ml", "Ø mm"]


def test_a_known_spacing_without_slice_distance_keeps_millimetres(panel: LesionsPanel) -> None:
    panel.set_lesions([LesionRow(lesion(1, None, 31.4, 18.2), "H", "#7ee081")], None)
    assert titles(panel)[2:4] == ["voxels", "Ø mm"]


def test_the_tooltip_tells_everything_in_words(panel: LesionsPanel) -> None:
    panel.set_lesions(ROWS, 6.7)
    tip = panel.table.model().index(0, 2).data(Qt.ItemDataRole.ToolTipRole)
    assert tip.splitlines() == [
        "#1 · H",
        "6.20 ml · 200 voxels",
        "Longest diameter 31.4 mm",
        "Perpendicular diameter 18.2 mm",
        "Mean intensity 312",
        "Slice 17",
    ]
    without = panel.table.model().index(2, 2).data(Qt.ItemDataRole.ToolTipRole)
    assert "intensity" not in without


def test_the_mean_has_a_column_only_where_there_is_room(panel: LesionsPanel) -> None:
    panel.set_lesions(ROWS, 6.7)
    assert panel.table.isColumnHidden(5)
    panel.resize(420, 400)
    QApplication.processEvents()
    assert not panel.table.isColumnHidden(5)
    assert shown(panel.table)[0][5] == "312"
    panel.set_lesions(ROWS[2:], 0.003)
    assert panel.table.isColumnHidden(5)


def test_a_click_and_enter_go_to_the_lesion(panel: LesionsPanel, qtbot: QtBot) -> None:
    panel.set_lesions(ROWS, 6.7)
    seen: list[int] = []
    panel.lesion_activated.connect(seen.append)
    click(panel, 1)
    assert seen == [2]
    QTest.keyClick(panel.table, Qt.Key.Key_Down)
    assert seen == [2]
    QTest.keyClick(panel.table, Qt.Key.Key_Return)
    assert seen == [2, 3]


def test_setters_report_nothing_and_keep_the_marked_lesion(
    panel: LesionsPanel, qtbot: QtBot
) -> None:
    with qtbot.assertNotEmitted(panel.lesion_activated):
        panel.set_lesions(ROWS, 6.7)
        panel.select(2)
        changed = LesionRow(lesion(2, 0.61, 13.0, 8.1), "edema", "#f2a33c")
        panel.set_lesions((ROWS[0], changed, ROWS[2]), 6.8)
        assert panel.table.selected_keys == (2,)
        panel.select(None)
        assert panel.table.selected_keys == ()
        panel.set_lesions((), None)


def test_while_lesions_are_computed_the_old_ones_stay(panel: LesionsPanel) -> None:
    panel.set_lesions(ROWS, 6.723)
    height = panel.sizeHint().height()
    panel.set_busy("Computing…")
    assert panel.total.text() == "Computing…"
    assert len(shown(panel.table)) == 3
    panel.set_busy("")
    assert panel.total.text() == "3 lesions · 6.72 ml"
    panel.set_busy("Computing…")
    panel.set_lesions(ROWS[:2], 6.72)
    assert panel.total.text() == "2 lesions · 6.72 ml"
    assert panel.sizeHint().height() <= height


def test_an_empty_list_says_why(panel: LesionsPanel) -> None:
    empty = panel.table.viewport().grab().toImage()
    panel.set_busy("Computing…")
    busy = panel.table.viewport().grab().toImage()
    assert busy != empty
    assert panel.total.text().strip() == ""
    panel.set_lesions((), None)
    assert panel.table.viewport().grab().toImage() == empty
    assert panel.table.isHeaderHidden()
    panel.set_lesions(ROWS, 6.7)
    assert not panel.table.isHeaderHidden()


@pytest.mark.parametrize("dark", [True, False], ids=["dark", "light"])
@pytest.mark.parametrize("units", ["mm", "px"])
def test_no_number_is_cut_off_at_the_width_of_the_panel(
    qapp: QApplication, panel: LesionsPanel, units: str, dark: bool
) -> None:
    apply_theme(qapp, dark)
    check_nothing_is_cut_off(panel, units)
    apply_theme(qapp, dark=True)
    qapp.setStyleSheet("")


def test_no_number_is_cut_off_in_chinese(
    qapp: QApplication, in_chinese: None, qtbot: QtBot
) -> None:
    apply_theme(qapp, dark=True)
    panel = LesionsPanel()
    qtbot.addWidget(panel)
    panel.resize(296, 400)
    panel.show()
    qtbot.waitExposed(panel)
    for units in ("mm", "px"):
        check_nothing_is_cut_off(panel, units)
    assert titles(panel)[3:5] == ["径线 px", "层数"]
    qapp.setStyleSheet("")


def check_nothing_is_cut_off(panel: LesionsPanel, units: str) -> None:
    """With the largest lesions, a scroll bar and long names; names alone may be cut off."""
    names = ("Perifocal oedema of the left lobe", "左侧额叶病灶周围水肿带", "H")
    rows = [
        LesionRow(
            lesion(
                i + 1,
                1888.888 / (i + 1) ** 2 if units == "mm" else None,
                288.8 / (i + 1),
                188.8 / (i + 1),
                28,
                1888.0,
                in_mm=units == "mm",
            ),
            names[i % 3],
            "#7ee081",
        )
        for i in range(120)
    ]
    panel.set_lesions(rows, 1999.9 if units == "mm" else None)
    QApplication.processEvents()
    assert panel.table.verticalScrollBar().isVisible()
    assert {text for column, text in cut_off(panel.table)} <= set(names)
    assert panel.table.columnWidth(1) >= 40


def test_the_table_is_copied_with_its_units(panel: LesionsPanel, qtbot: QtBot) -> None:
    panel.set_lesions(ROWS, 6.7)
    of_window = QShortcut(QKeySequence(QKeySequence.StandardKey.Copy), panel)
    panel.activateWindow()
    panel.table.setFocus()
    with qtbot.assertNotEmitted(of_window.activated):
        QTest.keyClick(panel.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = [line.split("\t") for line in QGuiApplication.clipboard().text().splitlines()]
    assert lines[0] == [
        "Lesion",
        "Label",
        "Volume (ml)",
        "Voxels",
        "Longest diameter (mm)",
        "Perpendicular diameter (mm)",
        "Slices",
        "Mean intensity",
        "Where",
    ]
    assert lines[1] == ["1", "H", "6.2000", "200", "31.44", "18.20", "5", "312.40", "Slice 17"]
    assert lines[3][7] == ""
    assert len(lines) == 4


def test_the_menu_copies_the_table(panel: LesionsPanel, qtbot: QtBot) -> None:
    panel.set_lesions(ROWS, 6.7)
    QGuiApplication.clipboard().clear()
    place = QPoint(20, 40)
    viewport = panel.table.viewport()
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, viewport.mapToGlobal(place))
    QApplication.sendEvent(viewport, event)
    assert panel.menu.isVisible()
    assert panel.copy_action.isEnabled()
    panel.copy_action.trigger()
    panel.menu.close()
    assert QGuiApplication.clipboard().text() == panel.table.table_text()
    panel.set_lesions((), None)
    QApplication.sendEvent(viewport, event)
    assert not panel.copy_action.isEnabled()
    panel.menu.close()

"""The label table, with the mouse and the keys of a user."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QContextMenuEvent, QShortcut
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QColorDialog, QLineEdit, QMenu
from pytestqt.qtbot import QtBot

from medseg_desktop.core.errors import LabelError
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.qt.panels.labels_delegate import Part, part_at, part_rect
from medseg_desktop.qt.panels.labels_panel import LabelRow, LabelsPanel
from medseg_desktop.qt.theme import apply_theme
from medseg_desktop.qt.theme.tokens import DARK

LEFT = Qt.MouseButton.LeftButton
NO_KEY = Qt.KeyboardModifier.NoModifier
T3 = LabelTable.from_names(["H", "水肿", "core"])
SIGNALS = (
    "current_changed renamed recolored shortcut_changed visibility_changed lock_changed "
    "add_requested remove_requested"
).split()


def rows_of(table: LabelTable) -> list[LabelRow]:
    """The rows of a table that nothing uses."""
    last, digits = len(table) - 1, table.digits
    return [
        LabelRow(x.index, x.name, x.color, digits[x.index], x.visible, x.locked, x.index == last)
        for x in table.foreground
    ]


@pytest.fixture
def panel(qtbot: QtBot) -> LabelsPanel:
    result = LabelsPanel()
    qtbot.addWidget(result)
    result.resize(296, 400)
    result.show()
    qtbot.waitExposed(result)
    result.activateWindow()
    result.set_labels(rows_of(T3), 1)
    return result


@pytest.fixture
def reported(panel: LabelsPanel) -> list[tuple[Any, ...]]:
    """What the panel has said, each as the signal's name and its values."""
    seen: list[tuple[Any, ...]] = []
    for name in SIGNALS:
        getattr(panel, name).connect(lambda *values, name=name: seen.append((name, *values)))
    return seen


@pytest.fixture
def tabled(panel: LabelsPanel) -> Callable[[], LabelTable]:
    """A presenter of a few lines: every edit goes into a table, which is shown again."""
    state = {"table": T3, "current": 1}

    def edit(name: str, *values: Any) -> None:
        try:
            state["table"] = getattr(state["table"], name)(*values)
        except LabelError as error:
            panel.show_problem(error.message)
        panel.set_labels(rows_of(state["table"]), state["current"])

    panel.renamed.connect(lambda *v: edit("renamed", *v))
    panel.recolored.connect(lambda *v: edit("recolored", *v))
    panel.shortcut_changed.connect(lambda *v: edit("with_shortcut", *v))
    panel.visibility_changed.connect(lambda *v: edit("with_visible", *v))
    panel.lock_changed.connect(lambda *v: edit("with_locked", *v))
    panel.add_requested.connect(lambda *v: edit("add", *v))
    panel.current_changed.connect(lambda index: state.update(current=index))
    return lambda: state["table"]


def place(panel: LabelsPanel, label: int, part: Part) -> QPoint:
    row = panel.list.visualRect(panel.list.model().index(label - 1, 0))
    return part_rect(row, part).center()


def click(panel: LabelsPanel, label: int, part: Part = Part.NAME, button: Any = LEFT) -> None:
    QTest.mouseClick(panel.list.viewport(), button, pos=place(panel, label, part))


def double_click(panel: LabelsPanel, label: int, part: Part = Part.NAME) -> None:
    """All four events of a double click, of which Qt's own helper sends the third."""
    click(panel, label, part)
    QTest.mouseDClick(panel.list.viewport(), LEFT, pos=place(panel, label, part))
    QTest.mouseRelease(panel.list.viewport(), LEFT, pos=place(panel, label, part))


def editor(panel: LabelsPanel) -> QLineEdit:
    found = [e for e in panel.list.viewport().findChildren(QLineEdit) if e.isVisible()]
    assert len(found) == 1
    return found[0]


def type_name(panel: LabelsPanel, text: str, key: Qt.Key = Qt.Key.Key_Return) -> None:
    box = editor(panel)
    box.selectAll()
    QTest.keyClick(box, Qt.Key.Key_Backspace)
    for letter in text:
        QTest.sendKeyEvent(QTest.KeyAction.Click, box, Qt.Key.Key_unknown, letter, NO_KEY)
    QTest.keyClick(box, key)
    QApplication.processEvents()  # Qt commits a name after the key


def right_click(panel: LabelsPanel, label: int) -> QMenu:
    """The menu of a row; a real right click is a press and what the platform makes of it."""
    at = place(panel, label, Part.NAME)
    QTest.mouseClick(panel.list.viewport(), Qt.MouseButton.RightButton, pos=at)
    where = panel.list.viewport().mapToGlobal(at)
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, at, where)
    QApplication.sendEvent(panel.list.viewport(), event)
    return open_menu()


def open_menu() -> QMenu:
    QApplication.processEvents()
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    return menu


def pick(menu: QMenu, text: str) -> None:
    """Click an entry that begins with `text`."""
    action = next(a for a in menu.actions() if a.text().startswith(text))
    QTest.mouseClick(menu, LEFT, pos=menu.actionGeometry(action).center())
    # The offscreen platform makes menus the active window and does not go back by itself.
    menu.window().parentWidget().window().activateWindow()
    QApplication.processEvents()


# -- what is shown


def test_a_row_shows_digit_name_eye_and_lock_and_no_signal_is_sent(
    panel: LabelsPanel, reported: list[tuple[Any, ...]]
) -> None:
    panel.set_labels(rows_of(T3.with_visible(2, False).with_locked(3, True)), 2)
    model = panel.list.model()
    texts = [
        model.index(i, 0).data(Qt.ItemDataRole.AccessibleTextRole) for i in range(model.rowCount())
    ]
    assert texts == ["H, key 1", "水肿, key 2, hidden", "core, key 3, locked"]
    assert reported == []


def test_the_current_label_is_marked(panel: LabelsPanel, qapp: QApplication) -> None:
    apply_theme(qapp, dark=True)
    try:
        panel.set_labels(rows_of(T3), 2)
        picture = panel.list.viewport().grab().toImage()
        bars = [picture.pixelColor(1, 28 * i + 14).name() for i in range(3)]
        assert [colour == DARK.accent for colour in bars] == [False, True, False]
    finally:
        qapp.setStyleSheet("")


def test_the_swatch_has_the_labels_own_colour(panel: LabelsPanel) -> None:
    picture = panel.list.viewport().grab().toImage()
    colours = [
        picture.pixelColor(place(panel, x.index, Part.SWATCH)).getRgb()[:3] for x in T3.foreground
    ]
    assert colours == [x.color for x in T3.foreground]


def test_every_place_across_a_row_belongs_to_one_part(panel: LabelsPanel) -> None:
    row = panel.list.visualRect(panel.list.model().index(0, 0))
    parts = [part_at(row, x) for x in range(row.left() + 4, row.right() - 3)]
    assert list(dict.fromkeys(parts)) == list(Part)
    assert parts == sorted(parts, key=list(Part).index)


def test_the_list_is_as_high_as_its_rows_and_scrolls_after_eight(panel: LabelsPanel) -> None:
    heights = []
    for n in (1, 3, 8, 12):
        panel.set_labels(rows_of(LabelTable.from_names(f"label {i}" for i in range(n))), 1)
        heights.append(panel.list.viewport().height() // 28)
    assert heights == [1, 3, 8, 8]


# -- the current label


def test_a_click_on_a_name_makes_it_the_current_label(
    panel: LabelsPanel, reported: list[tuple[Any, ...]]
) -> None:
    click(panel, 3)
    click(panel, 3)
    assert reported == [("current_changed", 3)]


@pytest.mark.parametrize("part", [Part.EYE, Part.LOCK])
def test_eye_and_lock_leave_the_current_label_as_it_is(
    part: Part, panel: LabelsPanel, reported: list[tuple[Any, ...]]
) -> None:
    click(panel, 3, part)
    assert "current_changed" not in [name for name, *_ in reported]
    assert panel.list.currentIndex().row() == 0


def test_arrow_keys_move_the_current_label_and_letters_do_not(
    panel: LabelsPanel, reported: list[tuple[Any, ...]]
) -> None:
    panel.list.setFocus()
    QTest.keyClick(panel.list, Qt.Key.Key_Down)
    QTest.keyClick(panel.list, Qt.Key.Key_C)
    assert reported == [("current_changed", 2)]


# -- eye, lock


def test_the_eye_hides_and_shows(
    panel: LabelsPanel, reported: list[tuple[Any, ...]], tabled: Callable[[], LabelTable]
) -> None:
    click(panel, 2, Part.EYE)
    assert not tabled().labels[2].visible
    click(panel, 2, Part.EYE)
    assert reported == [("visibility_changed", 2, False), ("visibility_changed", 2, True)]


def test_the_lock_locks_and_unlocks(
    panel: LabelsPanel, reported: list[tuple[Any, ...]], tabled: Callable[[], LabelTable]
) -> None:
    double_click(panel, 3, Part.LOCK)
    assert reported == [("lock_changed", 3, True), ("lock_changed", 3, False)]
    assert not panel.list.is_editing


def test_a_press_that_is_let_go_elsewhere_does_nothing(
    panel: LabelsPanel, reported: list[tuple[Any, ...]]
) -> None:
    QTest.mousePress(panel.list.viewport(), LEFT, pos=place(panel, 2, Part.EYE))
    QTest.mouseRelease(panel.list.viewport(), LEFT, pos=place(panel, 3, Part.EYE))
    assert reported == []


# -- names


@pytest.mark.parametrize("how", ["double click", "F2", "menu"])
def test_a_name_is_edited_in_place(
    how: str, panel: LabelsPanel, reported: list[tuple[Any, ...]]
) -> None:
    if how == "double click":
        double_click(panel, 1)
    elif how == "F2":
        panel.list.setFocus()
        QTest.keyClick(panel.list, Qt.Key.Key_F2)
    else:
        pick(right_click(panel, 1), "Rename")
    assert editor(panel).selectedText() == "H"
    type_name(panel, " lesion ")
    assert reported == [("renamed", 1, "lesion")]
    assert not panel.list.is_editing


def test_escape_keeps_the_old_name(panel: LabelsPanel, reported: list[tuple[Any, ...]]) -> None:
    double_click(panel, 1)
    type_name(panel, "core", Qt.Key.Key_Escape)
    assert reported == []
    assert not panel.list.is_editing
    assert not panel.problem.isVisible()


def test_an_unchanged_name_is_not_reported(
    panel: LabelsPanel, reported: list[tuple[Any, ...]]
) -> None:
    double_click(panel, 1)
    type_name(panel, "H")
    assert reported == []


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "A label needs a name."),
        ("CORE", "There is a label core already."),
        ("_background_", "_background_ is the name of the background."),
        ("x" * 65, "A name of a label has at most 64 characters."),
    ],
)
def test_a_name_that_cannot_be_used_says_why_and_keeps_the_old_one(
    name: str, sentence: str, panel: LabelsPanel, reported: list[tuple[Any, ...]]
) -> None:
    double_click(panel, 1)
    type_name(panel, name)
    assert panel.list.is_editing
    assert panel.problem.isVisible()
    assert panel.problem.text() == editor(panel).toolTip() == sentence
    assert editor(panel).property("invalid")
    type_name(panel, "lesion")
    assert reported == [("renamed", 1, "lesion")]
    assert not panel.problem.isVisible()


def test_leaving_the_editor_takes_a_good_name_and_drops_a_bad_one(
    panel: LabelsPanel, reported: list[tuple[Any, ...]]
) -> None:
    double_click(panel, 1)
    editor(panel).setText("core")
    panel.add_button.setFocus()
    assert not panel.list.is_editing
    assert reported == []
    double_click(panel, 1)
    editor(panel).setText("lesion")
    panel.add_button.setFocus()
    assert reported == [("renamed", 1, "lesion")]


def test_tab_ends_the_edit_and_chooses_no_other_label(
    panel: LabelsPanel, reported: list[tuple[Any, ...]]
) -> None:
    double_click(panel, 1)
    type_name(panel, "lesion", Qt.Key.Key_Tab)
    assert reported == [("renamed", 1, "lesion")]
    assert not panel.list.is_editing


def test_return_and_letters_do_not_reach_the_windows_shortcuts(
    panel: LabelsPanel, reported: list[tuple[Any, ...]]
) -> None:
    pressed: list[str] = []
    for key in ("Return", "I", "1"):
        QShortcut(key, panel).activated.connect(lambda key=key: pressed.append(key))
    double_click(panel, 1)
    box = editor(panel)
    for key in (Qt.Key.Key_I, Qt.Key.Key_1, Qt.Key.Key_Return):
        QTest.keyClick(box, key)
    QApplication.processEvents()
    assert reported == [("renamed", 1, "i1")]
    assert pressed == []


def test_a_name_that_a_file_brought_may_stay(
    panel: LabelsPanel, reported: list[tuple[Any, ...]]
) -> None:
    panel.set_labels(rows_of(T3.extended(["CORE"])), 4)
    double_click(panel, 4)
    type_name(panel, "CORE")
    assert not panel.list.is_editing
    assert reported == []


def test_a_name_that_is_being_typed_survives_other_changes_of_the_table(
    panel: LabelsPanel, reported: list[tuple[Any, ...]]
) -> None:
    double_click(panel, 2)
    reported.clear()
    box = editor(panel)
    QTest.keyClicks(box, "rim")
    changed = T3.with_locked(2, True).renamed(1, "lesion").add("one more")
    panel.set_labels(rows_of(changed), 1)
    assert editor(panel) is box
    assert box.text() == "rim"
    assert box.hasFocus()
    panel.set_labels(rows_of(T3), 1)
    type_name(panel, "rim")
    assert reported == [("renamed", 2, "rim")]
    assert panel.list.currentIndex().row() == 0


def test_the_editor_of_a_label_that_has_gone_closes(
    panel: LabelsPanel, reported: list[tuple[Any, ...]]
) -> None:
    double_click(panel, 3)
    reported.clear()
    QTest.keyClicks(editor(panel), "rim")
    panel.set_labels(rows_of(T3.removed(3, unused=True)), 1)
    QApplication.processEvents()
    assert not panel.list.is_editing
    assert panel.list.model().rowCount() == 2
    assert reported == []


# -- adding and removing


def test_an_added_label_is_named_at_once(
    panel: LabelsPanel, reported: list[tuple[Any, ...]], tabled: Callable[[], LabelTable]
) -> None:
    QTest.mouseClick(panel.add_button, LEFT)
    assert editor(panel).text() == "Label 4"
    type_name(panel, "坏死")
    assert reported == [("add_requested", "Label 4"), ("renamed", 4, "坏死")]
    assert tabled().names[1:] == ("H", "水肿", "core", "坏死")


def test_the_name_of_an_added_label_is_free(
    panel: LabelsPanel, reported: list[tuple[Any, ...]]
) -> None:
    panel.set_labels(rows_of(T3.renamed(1, "LABEL 4").renamed(2, "label 5")), 1)
    QTest.mouseClick(panel.add_button, LEFT)
    assert reported == [("add_requested", "Label 6")]


def test_a_full_table_takes_no_more_labels(panel: LabelsPanel) -> None:
    full = LabelTable.from_names(f"label {i}" for i in range(254))
    panel.set_labels(rows_of(full), 1)
    assert not panel.add_button.isEnabled()
    assert panel.add_button.toolTip()
    panel.set_labels(rows_of(full.removed(254, unused=True)), 1)
    assert panel.add_button.isEnabled()


def test_only_a_label_that_may_go_can_be_removed(
    panel: LabelsPanel, reported: list[tuple[Any, ...]]
) -> None:
    menu = right_click(panel, 2)
    assert not next(a for a in menu.actions() if a.text() == "Remove").isEnabled()
    menu.close()
    pick(right_click(panel, 3), "Remove")
    assert reported == [("remove_requested", 3)]


def test_a_problem_of_the_table_is_told_until_the_next_action(panel: LabelsPanel) -> None:
    panel.show_problem("The label core is in use and cannot be removed.")
    assert panel.problem.isVisible()
    click(panel, 2)
    assert not panel.problem.isVisible()


# -- colour


def test_the_swatch_opens_a_dialog_whose_colour_is_reported(
    panel: LabelsPanel, qtbot: QtBot, reported: list[tuple[Any, ...]]
) -> None:
    click(panel, 2, Part.SWATCH)
    dialog = panel.findChild(QColorDialog)
    assert dialog.isVisible()
    assert dialog.currentColor().getRgb()[:3] == T3.labels[2].color
    dialog.setCurrentColor(QColor(10, 20, 30))
    QTest.keyClick(dialog, Qt.Key.Key_Return)
    assert reported == [("recolored", 2, (10, 20, 30))]
    qtbot.waitUntil(lambda: panel.findChild(QColorDialog) is None)


@pytest.mark.parametrize("key", [Qt.Key.Key_Escape, Qt.Key.Key_Return])
def test_a_colour_that_was_not_changed_is_not_reported(
    key: Qt.Key, panel: LabelsPanel, qtbot: QtBot, reported: list[tuple[Any, ...]]
) -> None:
    pick(right_click(panel, 2), "Colour")
    QTest.keyClick(panel.findChild(QColorDialog), key)
    qtbot.waitUntil(lambda: panel.findChild(QColorDialog) is None)
    assert reported == []


def test_the_colour_of_a_label_that_has_gone_meanwhile_is_dropped(
    panel: LabelsPanel, qtbot: QtBot, reported: list[tuple[Any, ...]]
) -> None:
    click(panel, 3, Part.SWATCH)
    panel.set_labels(rows_of(T3.removed(3, unused=True)), 1)
    dialog = panel.findChild(QColorDialog)
    dialog.setCurrentColor(QColor(10, 20, 30))
    QTest.keyClick(dialog, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: panel.findChild(QColorDialog) is None)
    assert reported == []


# -- digits


def test_a_click_on_the_digit_offers_the_ten_digits_and_who_has_them(panel: LabelsPanel) -> None:
    panel.set_labels(rows_of(T3.renamed(1, "H & E")), 1)
    click(panel, 2, Part.DIGIT)
    menu = open_menu()
    texts = [a.text() for a in menu.actions() if not a.isSeparator()]
    assert texts == [
        "1\tH && E", "2", "3\tcore", "4", "5", "6", "7", "8", "9", "0", "Automatic",
    ]  # fmt: skip
    assert [a.text() for a in menu.actions() if a.isChecked()] == ["2"]
    menu.close()


def test_a_digit_that_is_chosen_moves_away_from_the_label_that_had_it(
    panel: LabelsPanel, reported: list[tuple[Any, ...]], tabled: Callable[[], LabelTable]
) -> None:
    click(panel, 3, Part.DIGIT)
    pick(open_menu(), "1")
    assert tabled().digits == (None, None, 2, 1)
    click(panel, 3, Part.DIGIT)
    pick(open_menu(), "Automatic")
    assert tabled() == T3
    assert reported == [("shortcut_changed", 3, 1), ("shortcut_changed", 3, None)]


def test_the_menu_is_reached_with_the_keyboard(
    panel: LabelsPanel, reported: list[tuple[Any, ...]]
) -> None:
    panel.list.setFocus()
    event = QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, QPoint(), QPoint())
    QApplication.sendEvent(panel.list, event)
    menu = open_menu()
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Right):
        QTest.keyClick(menu, key)
    digits = open_menu()
    assert digits is not menu
    QTest.keyClick(digits, Qt.Key.Key_Up)  # from the first entry over the end to the last
    QTest.keyClick(digits, Qt.Key.Key_Up)
    QTest.keyClick(digits, Qt.Key.Key_Return)
    QApplication.processEvents()
    assert reported == [("shortcut_changed", 1, 0)]


@pytest.mark.parametrize(
    ("text", "said"),
    [("Hide", ("visibility_changed", 2, False)), ("Lock", ("lock_changed", 2, True))],
)
def test_eye_and_lock_are_in_the_menu_too(
    text: str, said: tuple[Any, ...], panel: LabelsPanel, reported: list[tuple[Any, ...]]
) -> None:
    pick(right_click(panel, 2), text)
    assert reported == [said]


@pytest.mark.parametrize("part", Part)
def test_every_part_says_what_a_click_does(part: Part, panel: LabelsPanel) -> None:
    shown, other = rows_of(T3.with_visible(2, False).with_locked(2, True).with_shortcut(1, 2))[:2]
    tips = [panel.list.delegate.tip(row, part) for row in (shown, other)]
    assert all(tips)
    assert (tips[0] == tips[1]) == (part is Part.SWATCH)


# -- many labels


def test_255_labels_need_no_widget_each(panel: LabelsPanel) -> None:
    full = LabelTable.from_names(f"label {i}" for i in range(254))
    panel.set_labels(rows_of(full), 1)
    for index in range(1, 21):
        full = full.with_visible(index, False)
        panel.set_labels(rows_of(full), index)
        panel.list.viewport().grab()
    assert len(panel.list.viewport().findChildren(QLineEdit)) == 0

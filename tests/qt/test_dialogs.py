"""Dialogs that only show something: keys, versions, what can be restored."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QTreeWidgetItem
from pytestqt.qtbot import QtBot

from medseg_desktop.qt.actions import ACTIONS
from medseg_desktop.qt.dialogs.keys_dialog import KeysDialog
from medseg_desktop.qt.dialogs.restore_dialog import RestoreDialog, RestoreRow, RestoreWords
from medseg_desktop.qt.dialogs.versions_dialog import VersionsDialog


def groups(dialog: KeysDialog) -> dict[str, list[tuple[str, str]]]:
    def rows(group: QTreeWidgetItem) -> list[tuple[str, str]]:
        items = [group.child(i) for i in range(group.childCount())]
        return [(item.text(0), item.text(1)) for item in items if item is not None]

    tops = [dialog.list.topLevelItem(i) for i in range(dialog.list.topLevelItemCount())]
    return {top.text(0): rows(top) for top in tops if top is not None}


def test_every_action_with_a_key_is_listed_once_and_no_other(qtbot: QtBot) -> None:
    dialog = KeysDialog()
    qtbot.addWidget(dialog)
    listed = [
        row for title, rows in groups(dialog).items() if " while " not in title for row in rows
    ]
    assert all(how for _, how in listed)
    names = sorted(name for name, _ in listed)
    assert names == sorted(
        QCoreApplication.translate("Actions", info.text).rstrip("…")
        for info in ACTIONS
        if info.shortcuts
    )


def test_the_mouse_is_told_for_browsing_and_for_drawing(qtbot: QtBot) -> None:
    dialog = KeysDialog()
    qtbot.addWidget(dialog)
    told = groups(dialog)
    assert ("Window and level", "left drag") in told["Mouse while browsing"]
    assert ("Window and level", "right drag") in told["Mouse while drawing"]
    assert ("Size of the brush", "Shift + wheel") in told["Mouse while drawing"]
    assert any("0 to 9" in how for _, how in told["Keys while drawing"])


def test_no_version_leaves_nothing_to_choose(qtbot: QtBot) -> None:
    dialog = VersionsDialog("slice 3", [])
    qtbot.addWidget(dialog)
    dialog.show()
    assert dialog.list.isHidden()
    assert dialog.restore.isHidden()
    assert dialog.height() < 200


def test_a_warning_about_unsaved_work_stands_on_a_line_of_its_own(qtbot: QtBot) -> None:
    long = "LGG-CS4941, a very long series description that does not fit, slice 16"
    words = RestoreWords("Restore", "They are newer.", "Unsaved", "Discard")
    rows = [RestoreRow("a", long, "3 shapes", "1 shape", "14:02", "file changed")]
    dialog = RestoreDialog(words, rows)
    qtbot.addWidget(dialog)
    item = dialog.list.topLevelItem(0)
    assert item is not None
    assert item.text(0).split("\n") == [long, "file changed"]
    assert dialog.list.textElideMode() is Qt.TextElideMode.ElideMiddle
    assert dialog.ticked == []  # who restores it has to mean it

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from medseg_desktop.qt.panels.worklist_delegate import counts_text
from medseg_desktop.qt.panels.worklist_model import Role
from medseg_desktop.qt.panels.worklist_panel import Filter, SeriesRow, WorklistPanel

ROWS = (
    SeriesRow("a", "Patient 1", "2000-01-01", "FLAIR", 37, 13, 26),
    SeriesRow("b", "Patient 1", "2000-01-01", "T1", 20, 0, 20),
    SeriesRow("c", "Patient 2", "2000-02-01", "FLAIR", 30, 0, 0, ("Gap after slice 7.",)),
)


@pytest.fixture
def panel(qtbot: QtBot) -> WorklistPanel:
    result = WorklistPanel()
    qtbot.addWidget(result)
    result.resize(260, 600)
    result.show()
    qtbot.waitExposed(result)
    return result


@pytest.fixture
def activated(panel: WorklistPanel) -> list[str]:
    keys: list[str] = []
    panel.series_activated.connect(keys.append)
    return keys


def click(panel: WorklistPanel, key: str) -> None:
    index = panel._filter.mapFromSource(panel._model.index_of(key))
    at = panel.tree.visualRect(index).center()
    QTest.mouseClick(panel.tree.viewport(), Qt.MouseButton.LeftButton, pos=at)


def test_the_empty_list_offers_to_open_a_folder(panel: WorklistPanel, qtbot: QtBot) -> None:
    assert panel.open_button.isVisible()
    with qtbot.waitSignal(panel.open_requested, timeout=5000):
        QTest.mouseClick(panel.open_button, Qt.MouseButton.LeftButton)


def test_series_are_listed_under_patient_and_study(panel: WorklistPanel) -> None:
    panel.set_rows(ROWS)
    model = panel.tree.model()
    assert [model.index(i, 0).data() for i in range(model.rowCount())] == [
        "Patient 1",
        "Patient 2",
    ]
    patient = model.index(0, 0)
    assert [model.index(i, 0, patient).data() for i in range(2)] == ["FLAIR", "T1"]
    assert patient.data(Role.STUDY) == "2000-01-01"
    assert panel.progress.text() == "1 of 3 done"


def test_a_patient_with_two_studies_has_a_branch_for_each(panel: WorklistPanel) -> None:
    panel.set_rows((*ROWS, SeriesRow("d", "Patient 2", "2001-02-01", "FLAIR", 30)))
    model = panel.tree.model()
    studies = [model.index(i, 0, model.index(1, 0)) for i in range(2)]
    assert [study.data() for study in studies] == ["2000-02-01", "2001-02-01"]
    assert model.index(0, 0, studies[1]).data() == "FLAIR"


def test_a_hidden_name_disappears_from_the_tree(panel: WorklistPanel) -> None:
    rows = [replace(row, patient_key=row.patient_title) for row in ROWS]
    panel.set_rows(rows)
    panel.set_rows([replace(row, patient_title="Hidden") for row in rows])
    assert panel.tree.model().index(0, 0).data() == "Hidden"


def test_a_click_reports_the_series_once(panel: WorklistPanel, activated: list[str]) -> None:
    panel.set_rows(ROWS)
    click(panel, "c")
    click(panel, "c")
    click(panel, "a")
    assert activated == ["c", "a"]


def test_selecting_from_outside_is_not_reported_back(
    panel: WorklistPanel, activated: list[str]
) -> None:
    panel.set_rows(ROWS)
    panel.select("b")
    assert panel.tree.currentIndex().data() == "T1"
    panel.select("")
    assert not panel.tree.currentIndex().isValid()
    assert activated == []


def test_the_keyboard_chooses_series(panel: WorklistPanel, activated: list[str]) -> None:
    panel.set_rows(ROWS)
    panel.select("a")
    QTest.keyClick(panel.tree, Qt.Key.Key_Down)
    assert activated == ["b"]


def test_new_numbers_keep_selection_and_thumbnails(
    panel: WorklistPanel, activated: list[str]
) -> None:
    panel.set_rows(ROWS)
    image = QImage(8, 8, QImage.Format.Format_Grayscale8)
    image.fill(200)
    panel.set_thumbnail("a", image)
    panel.select("a")
    panel.set_rows((replace(ROWS[0], reviewed=37), *ROWS[1:]))
    assert panel.tree.currentIndex().data() == "FLAIR"
    assert panel.progress.text() == "2 of 3 done"
    panel.set_rows((*ROWS, SeriesRow("d", "Patient 3", "2000-03-01", "FLAIR", 5)))
    index = panel._model.index_of("a")
    assert panel.tree.currentIndex().data() == "FLAIR"
    assert not index.data(Role.THUMBNAIL).isNull()
    assert activated == []


def test_a_thumbnail_is_drawn_in_its_row(panel: WorklistPanel) -> None:
    panel.set_rows(ROWS)
    image = QImage(8, 8, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.red)
    panel.set_thumbnail("a", image)
    index = panel._filter.mapFromSource(panel._model.index_of("a"))
    rect = panel.tree.visualRect(index)
    shot = panel.tree.viewport().grab().toImage()
    assert shot.pixelColor(rect.left() + 8 + 20, rect.center().y()).name() == "#ff0000"


def test_words_and_states_filter_the_list(panel: WorklistPanel, activated: list[str]) -> None:
    panel.set_rows(ROWS)
    panel.select("a")
    QTest.keyClicks(panel.search, "flair 02-01")
    assert panel.shown_keys() == ["c"]
    panel.search.clear()
    panel.set_filter(Filter.DONE)
    assert panel.shown_keys() == ["b"]
    panel.set_filter(Filter.TO_REVIEW)
    assert panel.shown_keys() == ["a", "c"]
    panel.set_filter(Filter.WITH_LESION)
    assert panel.shown_keys() == ["a"]
    assert activated == []


def test_a_filter_without_a_match_says_so(panel: WorklistPanel) -> None:
    panel.set_rows(ROWS)
    before = panel.search.geometry()
    panel.search.setText("nobody")
    assert panel.nothing.isVisible()
    assert not panel.tree.isVisible()
    QApplication.processEvents()
    assert panel.search.geometry() == before


def test_a_closed_patient_stays_closed_when_series_are_added(panel: WorklistPanel) -> None:
    panel.set_rows(ROWS)
    panel.tree.collapse(panel.tree.model().index(0, 0))
    panel.set_rows((*ROWS, SeriesRow("d", "Patient 3", "2000-03-01", "FLAIR", 5)))
    assert not panel.tree.isExpanded(panel.tree.model().index(0, 0))
    assert panel.tree.isExpanded(panel.tree.model().index(1, 0))


def test_warnings_are_told_in_the_tooltip(panel: WorklistPanel) -> None:
    panel.set_rows(ROWS)
    assert panel._model.index_of("c").data(Qt.ItemDataRole.ToolTipRole) == "Gap after slice 7."


def test_counts_are_written_for_readers() -> None:
    assert counts_text(ROWS[0]) == ("37 slices · 13 annotated", "26 reviewed")
    assert counts_text(ROWS[1]) == ("20 slices", "all reviewed")
    assert counts_text(SeriesRow("x", "", "", "", 1)) == ("1 slice", "not reviewed")

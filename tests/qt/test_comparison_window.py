"""The windows of evaluations: what they say, and where they lead."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QLabel, QWidget
from pytestqt.qtbot import QtBot

from medseg_desktop.core.evaluation.result import EvaluationRecord, Fate, LesionChange
from medseg_desktop.io.evaluation.folder import read_record, write_record
from medseg_desktop.io.models.champions import Champions
from medseg_desktop.io.workspace import Workspace
from medseg_desktop.qt.controller import Controller
from medseg_desktop.qt.dialogs.comparison_window import ComparisonWindow
from medseg_desktop.qt.dialogs.evaluation_window import EvaluationWindow
from medseg_desktop.qt.dialogs.result_window import ResultWindow
from tests.builders import write_model_package
from tests.drawn import message
from tests.evaluation_records import write_evaluation
from tests.qt.modelling import (
    click,
    listed,
    model,
    opened_study,
    patient_hashes,
    rows,
    select,
    series_uids,
    texts,
    wait_for,
    write_models,
)
from tests.qt.viewing import shown, view

TITLES = {f"patient{i}": f"Patient {i + 1}" for i in range(5)}
WORST = "Patient 2"


@pytest.fixture
def package(tmp_path: Path) -> tuple[Path, Path]:
    workspace = Workspace(tmp_path / "p")
    write_models(workspace)
    return model(workspace, "new"), model(workspace, "old")


@pytest.fixture
def comparison(qtbot: QtBot, tmp_path: Path, package: tuple[Path, Path]) -> Iterator[ResultWindow]:
    record = write_evaluation(
        tmp_path / "e", *package, dices=(0.8, 0.5, 0.6, None), champion_dices=(0.7, 0.65, 0.6, None)
    )
    yield from _shown(qtbot, ComparisonWindow(tmp_path / "e", record, TITLES))


def _shown(qtbot: QtBot, window: ResultWindow) -> Iterator[ResultWindow]:
    window.begin()
    qtbot.waitExposed(window)
    yield window
    window.close()


def grid(window: ResultWindow) -> list[list[str]]:
    """The texts of the table of measures, row by row."""
    layout = window.measures._grid
    found = []
    for line in range(1, layout.rowCount()):
        cells = []
        for place in range(layout.columnCount()):
            item = layout.itemAtPosition(line, place)
            widget: QWidget | None = item.widget() if item else None
            if isinstance(widget, QLabel):
                cells.append(widget.text())
            elif widget is not None:
                cells.append(" ".join(x.text() for x in widget.findChildren(QLabel) if x.text()))
        found.append(cells)
    return found


def groups(window: ResultWindow) -> dict[str, list[list[str]]]:
    """Heading -> rows of its lesions."""
    found = {}
    for head in rows(window.lesions.tree.table):
        children = [head.child(i) for i in range(head.childCount())]
        found[head.text(0)] = [texts(child) for child in children if child is not None]
    return found


def test_measures_say_better_and_worse_only_where_it_is_clear(comparison: ResultWindow) -> None:
    told = {line[0]: line[1:] for line in grid(comparison)}
    assert told["Dice"] == ["0.633", "0.650", "+0.040", "+0.010 to +0.070", "3", "better"]
    assert told["HD95"][2:] == ["+1.5 mm", "+0.5 to +2.0", "3", "worse"]
    assert told["Volume difference, absolute"][-1] == "no clear difference"
    assert told["Lesions found"] == ["75 %", "75 %", "−10 %", "", "3", "too few patients"]
    assert told["False lesions per patient"][-1] == "no clear difference"
    assert told["False-positive volume"][2:] == ["–", "", "0", "too few patients"]
    assert not comparison.banner.isVisible()


def test_lesions_are_listed_by_their_fate_the_largest_first(comparison: ResultWindow) -> None:
    assert groups(comparison) == {
        "Lesions lost (2)": [
            ["2.40 ml  H", "Patient 1", "2", "0 %", "62 %"],
            ["0.40 ml  H", "Patient 2", "1", "0 %", "20 %"],
        ],
        "Lesions gained (1)": [["1.10 ml  H", "Patient 1", "2", "80 %", "0 %"]],
        "New false lesions (1)": [["0.30 ml  H", "Patient 2", "2", "100 %", "0 %"]],
        "False lesions gone (0)": [],
    }
    assert comparison.lesions.tree.current is not None
    assert comparison.lesions.tree.current.lesion.volume_ml == 2.4


def test_a_count_leads_to_its_lesions(comparison: ResultWindow) -> None:
    counts = comparison.counts.buttons
    assert counts[Fate.LOST].text() == "Lesions lost: 2"
    assert not counts[Fate.GONE_FALSE].isEnabled()
    assert not counts[Fate.MISSED].isVisible()
    click(counts[Fate.NEW_FALSE])
    assert comparison.pages.currentIndex() == 1
    assert comparison.lesions.tree.current is not None
    assert comparison.lesions.tree.current.picture == "pictures/new-1.png"


def test_patients_are_listed_worst_first_and_can_be_sorted(comparison: ResultWindow) -> None:
    comparison.pages.setCurrentIndex(2)
    table = comparison.cases.table
    told = [texts(item) for item in rows(table)]
    assert [line[0] for line in told] == ["Patient 2", "Patient 3", "Patient 1", "Patient 4"]
    assert told[0][2:4] == ["−0.150", "0.500 | 0.650"]
    assert told[-1][2:5] == ["–", "– | –", "– | –"]
    table.sortByColumn(3, Qt.SortOrder.DescendingOrder)
    assert rows(table)[0].text(0) == "Patient 1"


def test_the_plot_shows_every_patient_and_names_them(comparison: ResultWindow) -> None:
    plot = comparison.plot
    assert len(plot._points) == 3  # the one without lesion has no Dice
    worst = plot._points[0]
    assert (worst.title, worst.champion, worst.candidate) == (WORST, 0.65, 0.5)
    dots = [(dot, point) for dot, point in plot._dots() if point is worst]
    assert dots[0][0].x() != dots[1][0].x()
    for dot, point in dots:
        assert plot.point_at(dot + QPointF(2, 2)) is point
    assert plot.point_at(QPointF(-100, -100)) is None
    assert not plot.grab().isNull()


def test_what_cannot_be_compared_is_said_first_and_called_neither_better_nor_worse(
    qtbot: QtBot, tmp_path: Path, package: tuple[Path, Path]
) -> None:
    reasons = ("new-v1 was trained on 1 of the 4 patients.", "The labels differ.")
    record = write_evaluation(tmp_path / "e", *package, reasons=reasons)
    for window in _shown(qtbot, ComparisonWindow(tmp_path / "e", record, {})):
        told = [x.text() for x in window.banner.findChildren(QLabel) if x.text()]
        assert told == [f"These two cannot be compared fairly. {reasons[0]}", reasons[1]]
        assert window.banner.isVisible()
        assert {line[-1] for line in grid(window)} == {"not comparable"}


def test_one_model_alone_shows_what_it_misses(
    qtbot: QtBot, tmp_path: Path, package: tuple[Path, Path]
) -> None:
    record = write_evaluation(tmp_path / "e", package[0], dices=(0.8, 0.0, None))
    for window in _shown(qtbot, EvaluationWindow(tmp_path / "e", record, TITLES)):
        assert window.windowTitle() == "Evaluation of new-v1"
        assert grid(window)[0] == ["Dice", "0.400", "0.350 to 0.450", "2"]
        assert groups(window) == {
            "Missed lesions (3)": [
                ["2.00 ml  H", "Patient 2", "2"],
                ["0.20 ml  H", "Patient 1", "2"],
                ["0.20 ml  H", "Patient 2", "2"],
            ],
            "False lesions (1)": [["0.40 ml  H", "Patient 3", "2"]],
        }
        window.pages.setCurrentIndex(2)
        assert texts(rows(window.cases.table)[0])[:3] == ["Patient 2", "12", "0.000"]


# -- in the program


@pytest.fixture
def workspace(controller: Controller) -> Workspace:
    write_models(controller.workspace)
    Champions(controller.workspace).promote("old-v1", "Ann", "r")
    return controller.workspace


def shown_window(qtbot: QtBot, controller: Controller, folder: Path) -> ResultWindow:
    controller.model_tab.results.show(folder)
    wait_for(qtbot, lambda: folder in controller.model_tab.results.windows)
    return controller.model_tab.results.windows[folder]


def evaluation(controller: Controller, workspace: Workspace) -> Path:
    """A comparison on the patients of the open folder, or on some that are not."""
    folder = workspace.evaluations / "e"
    is_open = controller.study.found is not None
    write_evaluation(
        folder,
        model(workspace, "new"),
        model(workspace, "old"),
        dices=(0.8, 0.5),
        champion_dices=(0.7, 0.6),
        patients=patient_hashes(controller) if is_open else (),
        series_uids=series_uids(controller) if is_open else ("1.2.3", "1.2.4"),
    )
    return folder


def test_the_picture_of_the_selected_lesion_is_shown(
    controller: Controller, qtbot: QtBot, workspace: Workspace
) -> None:
    window = shown_window(qtbot, controller, evaluation(controller, workspace))
    picture = window.lesions.picture
    wait_for(qtbot, lambda: picture.image is not None)
    assert picture.image is not None
    assert (picture.image.width(), picture.image.height()) == (128, 96)
    (window.folder / "pictures" / "new-1.png").write_bytes(b"x")
    window.lesions.tree.show_group(Fate.NEW_FALSE)
    wait_for(qtbot, lambda: "is no picture" in picture.text)
    (window.folder / "pictures" / "gained-1.png").unlink()
    window.lesions.tree.show_group(Fate.GAINED)
    wait_for(qtbot, lambda: "it does not exist" in picture.text)


def test_a_picture_outside_of_the_evaluation_is_not_opened(
    controller: Controller, qtbot: QtBot, workspace: Workspace
) -> None:
    folder = evaluation(controller, workspace)
    record = read_record(folder)
    assert record.comparison is not None

    def elsewhere(change: LesionChange) -> LesionChange:
        return msgspec.structs.replace(change, picture="../../models/new-v1/card.md")

    lost = tuple(elsewhere(change) for change in record.comparison.lost)
    hostile = msgspec.structs.replace(record.comparison, lost=lost)
    write_record(folder, msgspec.structs.replace(record, comparison=hostile))
    window = shown_window(qtbot, controller, folder)
    wait_for(qtbot, lambda: "is not a picture of the evaluation" in window.lesions.picture.text)


@pytest.mark.parametrize("how", ["button", "double click", "enter"])
def test_a_lesion_is_shown_in_the_viewer_with_both_models(
    controller: Controller, qtbot: QtBot, workspace: Workspace, tmp_path: Path, how: str
) -> None:
    opened_study(qtbot, controller, tmp_path)
    window = shown_window(qtbot, controller, evaluation(controller, workspace))
    window.pages.setCurrentIndex(1)
    table = window.lesions.tree.table
    second = rows(table)[0].child(1)
    assert second is not None
    table.setCurrentItem(second)
    with qtbot.waitSignal(controller.model_tab.results.compare_requested) as asked:
        if how == "button":
            click(window.lesions.show_in_viewer)
        elif how == "enter":
            QTest.keyClick(table, Qt.Key.Key_Return)
        else:
            place = table.visualItemRect(second).center()
            QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
            QTest.mouseDClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    uid = series_uids(controller)[1]
    assert asked.args == [model(workspace, "new"), model(workspace, "old"), uid, 0, 0]
    shown(qtbot, controller)
    assert (view(controller).series.uid, view(controller).index) == (uid, 0)


def test_a_lesion_of_another_folder_says_what_to_open(
    controller: Controller, qtbot: QtBot, workspace: Workspace
) -> None:
    window = shown_window(qtbot, controller, evaluation(controller, workspace))
    window.pages.setCurrentIndex(1)
    click(window.lesions.show_in_viewer)
    assert "The series of this lesion is not open." in message(controller)


def test_patients_are_named_only_while_they_may_be(
    controller: Controller, qtbot: QtBot, workspace: Workspace, tmp_path: Path
) -> None:
    opened_study(qtbot, controller, tmp_path)
    window = shown_window(qtbot, controller, evaluation(controller, workspace))
    names = {texts(item)[0] for item in rows(window.cases.table)}
    assert names == {"A", "B"}
    window.lesions.tree.show_group(Fate.GAINED)
    controller.window.actions_by_key["identity"].trigger()
    hashes = [each[:8] for each in patient_hashes(controller)]
    assert {texts(item)[0] for item in rows(window.cases.table)} == set(hashes)
    assert {line[1] for lines in groups(window).values() for line in lines} <= set(hashes)
    assert window.lesions.tree.current is not None  # what was selected stays so
    assert window.lesions.tree.current.picture == "pictures/gained-1.png"


def test_the_report_is_opened_and_the_table_saved(
    controller: Controller,
    qtbot: QtBot,
    workspace: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    window = shown_window(qtbot, controller, evaluation(controller, workspace))
    opened: list[str] = []
    monkeypatch.setattr(
        QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()) or True
    )
    click(window.open_report)
    wait_for(qtbot, lambda: opened == [str(window.folder / "report.html")])
    copy = tmp_path / "病人.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(copy), ""))
    click(window.export_csv)
    wait_for(qtbot, copy.exists)
    assert copy.read_bytes() == (window.folder / "cases.csv").read_bytes()
    for name in ("report.html", "cases.csv"):
        (window.folder / name).unlink()
    click(window.open_report)
    wait_for(qtbot, lambda: "no report was written" in message(controller))
    click(window.export_csv)
    wait_for(qtbot, lambda: "cases.csv: it does not exist" in message(controller))


def test_a_model_is_promoted_from_its_comparison(
    controller: Controller, qtbot: QtBot, workspace: Workspace
) -> None:
    folder = evaluation(controller, workspace)
    listed(qtbot, controller)
    window = shown_window(qtbot, controller, folder)
    click(window.promote)
    champions = controller.model_tab.champions
    wait_for(qtbot, lambda: champions.dialog is not None)
    dialog = champions.dialog
    assert dialog is not None
    dialog.reason.setPlainText("two lost, but small")
    dialog.name.setText("Ann")
    click(dialog.go)
    wait_for(qtbot, lambda: not window.promote.isEnabled())
    assert window.promote.toolTip() == "new-v1 is the champion."
    champion = Champions(workspace).current()
    assert champion is not None
    assert champion.model == "new-v1"
    assert workspace.audit.verify().entries[-1].details["evaluation"] == "e"


def test_a_damaged_evaluation_is_told(
    controller: Controller, qtbot: QtBot, workspace: Workspace
) -> None:
    folder = evaluation(controller, workspace)
    listed(qtbot, controller)
    select(controller, "new")
    (folder / "evaluation.json").write_text("{")
    click(controller.window.models_panel.details.show_evaluation)
    wait_for(qtbot, lambda: "is no evaluation" in message(controller))


def test_an_evaluation_of_models_that_are_gone_can_still_be_read(
    controller: Controller, qtbot: QtBot, workspace: Workspace, tmp_path: Path
) -> None:
    opened_study(qtbot, controller, tmp_path)
    other = write_model_package(tmp_path / "gone", thresholds=(3.5,))
    folder = workspace.evaluations / "g"
    uids = series_uids(controller)
    write_evaluation(folder, other, model(workspace, "old"), series_uids=uids)
    window = shown_window(qtbot, controller, folder)
    assert not window.promote.isEnabled()
    assert "tiny-v1 is not in the workspace any more" in window.promote.toolTip()
    window.pages.setCurrentIndex(1)
    click(window.lesions.show_in_viewer)
    assert view(controller).index == 1


def test_an_empty_record_is_shown_without_trouble(qtbot: QtBot, tmp_path: Path) -> None:
    from tests.evaluation_records import comparison as compared
    from tests.evaluation_records import result

    record = EvaluationRecord(
        subset="test",
        candidate=result("a", dices=()),
        champion=result("b", dices=()),
        comparison=msgspec.structs.replace(compared("a", "b"), lost=(), gained=(), new_false=()),
    )
    for window in _shown(qtbot, ComparisonWindow(tmp_path, record, {})):
        for page in range(3):
            window.pages.setCurrentIndex(page)
            assert not window.grab().isNull()
        assert not window.lesions.show_in_viewer.isVisible()

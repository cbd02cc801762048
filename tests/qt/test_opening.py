"""Opening from the window: drops, dialogs, the recent list, and what is left afterwards."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDragMoveEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QWidget
from pytestqt.qtbot import QtBot

from medseg_desktop.core.specs import ConvertSpec
from medseg_desktop.io.dicom_series import ScanResult
from medseg_desktop.io.sources.source import open_source
from medseg_desktop.qt.controller import Controller
from tests.builders import write_study
from tests.media import unpacked_folders, write_dicomdir, write_medium, write_zip

WAIT_MS = 30_000
ACTIONS = Qt.DropAction.CopyAction | Qt.DropAction.MoveAction


def found(controller: Controller) -> ScanResult:
    assert controller.study.found is not None
    return controller.study.found


def opened(qtbot: QtBot, controller: Controller, named: Path | list[Path]) -> ScanResult:
    with qtbot.waitSignal(controller.study.folder_changed, timeout=WAIT_MS):
        controller.open(named)
    return found(controller)


def message(controller: Controller) -> str:
    messages = controller.window.messages
    return messages.text.text() if messages.isVisible() else ""


def recent(controller: Controller) -> list[tuple[str, str]]:
    return [(a.text(), a.data()) for a in controller.window.recent_menu.actions()]


def mime(urls: Sequence[QUrl]) -> QMimeData:
    data = QMimeData()
    data.setUrls(list(urls))
    data.setText("\n".join(url.toString() for url in urls))  # as file managers send both
    return data


def drop(window: QWidget, on: QWidget, urls: Sequence[QUrl]) -> list[QDropEvent]:
    """What the system sends to a window while something is dropped on one of its widgets."""
    at = on.mapTo(window, on.rect().center())
    data, button, key = mime(urls), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    events = [
        QDragEnterEvent(at, ACTIONS, data, button, key),
        QDragMoveEvent(at, ACTIONS, data, button, key),
        QDropEvent(QPointF(at), ACTIONS, data, button, key),
    ]
    for event in events:
        event.setDropAction(Qt.DropAction.MoveAction)
        QApplication.sendEvent(window.windowHandle(), event)
    return events


@pytest.mark.parametrize("on", ["slice_view", "tree", "search", "tabs", "slider", "status"])
def test_several_things_are_dropped_anywhere_and_opened_together(
    controller: Controller, qtbot: QtBot, tmp_path: Path, on: str
) -> None:
    folder = write_study(tmp_path / "s", ("A", "B", "C"))
    w = controller.window
    target: QWidget = {
        "slice_view": w.slice_view,
        "tree": w.worklist.tree,
        "search": w.worklist.search,
        "tabs": w.tabs,
        "slider": w.slice_bar.slices,
        "status": w.statusBar(),
    }[on]
    named = [folder / "A", folder / "C"]
    with qtbot.waitSignal(controller.study.folder_changed, timeout=WAIT_MS):
        events = drop(w, target, [QUrl.fromLocalFile(str(path)) for path in named])
    assert all(event.isAccepted() for event in events)
    # A file manager deletes what was moved.
    assert {event.dropAction() for event in events} == {Qt.DropAction.CopyAction}
    assert {s.patient.patient_id for s in found(controller).series} == {"A", "C"}
    assert w.worklist.search.text() == ""


def test_no_widget_of_the_window_takes_drops_for_itself(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    opened(qtbot, controller, write_study(tmp_path / "s", ("A",)))
    w = controller.window
    w.tabs.setCurrentWidget(w.training_panel)
    assert [x for x in w.findChildren(QWidget) if x.acceptDrops() and not x.isWindow()] == []


def test_a_hint_is_shown_only_while_something_that_can_be_opened_hovers(
    controller: Controller,
) -> None:
    w, button, key = controller.window, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    text = QMimeData()
    text.setText("some words")
    refused = QDragEnterEvent(QPoint(300, 300), ACTIONS, text, button, key)
    QApplication.sendEvent(w.windowHandle(), refused)
    assert not refused.isAccepted()
    assert not w.drop_hint.isVisible()
    files = mime([QUrl.fromLocalFile("/nowhere/x")])
    QApplication.sendEvent(
        w.windowHandle(), QDragEnterEvent(QPoint(300, 300), ACTIONS, files, button, key)
    )
    assert w.drop_hint.isVisible()
    assert w.drop_hint.geometry() == w.splitter.geometry()
    QApplication.sendEvent(w.windowHandle(), QDragLeaveEvent())
    assert not w.drop_hint.isVisible()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://example.org/x.zip", "Only files and folders"),
        ("file:README", "holds no DICOM series"),
        ("file:missing", "does not exist"),
        ("file:damaged.zip", "is damaged"),
    ],
)
def test_dropping_what_cannot_be_used_gives_one_sentence(
    controller: Controller, qtbot: QtBot, tmp_path: Path, url: str, words: str
) -> None:
    before = opened(qtbot, controller, write_study(tmp_path / "s", ("A",)))
    (tmp_path / "README").write_text("hello " * 100)
    (tmp_path / "damaged.zip").write_bytes(b"PK\x03\x04 and nothing more")
    kind, _, name = url.partition(":")
    dropped = QUrl.fromLocalFile(str(tmp_path / name)) if kind == "file" else QUrl(url)
    drop(controller.window, controller.window.slice_view, [dropped])
    qtbot.waitUntil(lambda: words in message(controller), timeout=WAIT_MS)
    assert "\n" not in message(controller)
    assert controller.study.found is before
    assert not controller.window.drop_hint.isVisible()


def test_an_archive_is_known_by_its_own_name_and_gone_with_the_next_source(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = write_study(tmp_path / "s", ("A", "B"))
    archive = write_zip(tmp_path / "disc & co.zip", folder)
    first = opened(qtbot, controller, archive)
    qtbot.waitUntil(lambda: controller.slices.loaded is not None, timeout=WAIT_MS)
    assert controller.window.windowTitle().startswith("disc & co.zip")
    assert recent(controller) == [(str(archive).replace("&", "&&"), str(archive))]
    assert controller.conversion.open().source.text() == str(archive)
    with qtbot.waitSignal(controller.study.folder_changed, timeout=WAIT_MS):
        controller.window.actions_by_key["reload"].trigger()
    again = found(controller)
    assert again.root != first.root
    qtbot.waitUntil(lambda: not first.root.exists(), timeout=WAIT_MS)
    assert again.root.is_dir()
    opened(qtbot, controller, folder)
    qtbot.waitUntil(lambda: unpacked_folders() == [], timeout=WAIT_MS)


def test_closing_the_window_removes_what_was_unpacked(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    opened(qtbot, controller, write_zip(tmp_path / "x.zip", write_study(tmp_path / "s", ("A",))))
    assert len(unpacked_folders()) == 2
    controller.window.close()
    assert unpacked_folders() == []


def test_closing_or_cancelling_while_unpacking_leaves_nothing(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    archive = write_zip(tmp_path / "x.zip", {f"{i}": b"x" * 100 for i in range(3000)})
    for end in (controller.study.cancel_scan, controller.window.close):
        controller.open(archive)
        qtbot.waitUntil(lambda: unpacked_folders() != [], timeout=WAIT_MS)
        end()
        qtbot.waitUntil(lambda: unpacked_folders() == [], timeout=WAIT_MS)


def test_what_a_crash_has_left_is_removed_at_the_next_start(
    qtbot: QtBot, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    source = open_source(write_zip(tmp_path / "x.zip", {"IM1": b"x"}))
    folder, lock = source.root, source.root.with_suffix(".lock")
    source.close()
    folder.mkdir()
    (folder / "IM1").write_bytes(b"patient")
    lock.touch()
    request.getfixturevalue("controller")
    qtbot.waitUntil(lambda: unpacked_folders() == [], timeout=WAIT_MS)


def test_the_recent_list_keeps_what_was_opened_and_several_as_one_entry(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = write_study(tmp_path / "s", ("A", "B", "C"))
    directory = write_medium(tmp_path / "disc")
    file = folder / "A" / "IM0000.dcm"
    several = [folder / "A", folder / "B"]
    for named in (folder, file, several, directory):
        opened(qtbot, controller, named)
    texts = [text for text, _ in recent(controller)]
    assert texts == [str(directory), f"2 items of {folder}", str(file), str(folder)]
    assert controller.window.windowTitle().startswith("disc/DICOMDIR")
    with qtbot.waitSignal(controller.study.folder_changed, timeout=WAIT_MS):
        controller.window.recent_menu.actions()[1].trigger()
    assert found(controller).source.named == tuple(several)
    with qtbot.waitSignal(controller.study.folder_changed, timeout=WAIT_MS):
        controller.window.actions_by_key["reload"].trigger()
    assert found(controller).source.named == tuple(several)
    assert {s.patient.patient_id for s in found(controller).series} == {"A", "B"}


def test_a_directory_opens_only_what_it_lists(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = write_study(tmp_path / "s", ("A", "B"))
    directory = write_dicomdir(folder / "DICOMDIR", [["A", "IM0000.dcm"], ["A", "IM9"]])
    opened(qtbot, controller, directory)
    assert [len(s.slices) for s in found(controller).series] == [1]
    assert "A/IM9: it is listed in the DICOMDIR but does not exist" in message(controller)


def test_the_dialog_takes_several_files_of_any_name(
    controller: Controller, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_study(tmp_path / "s", ("A",)) / "A"
    asked: list[tuple[str, str]] = []  # folder and filters

    def choose(_parent: QWidget, _title: str, start: str, filters: str) -> tuple[list[str], str]:
        asked.append((start, filters))
        return [str(folder / f"IM000{i}.dcm") for i in (0, 1)], ""

    monkeypatch.setattr(QFileDialog, "getOpenFileNames", choose)
    for _ in range(2):
        with qtbot.waitSignal(controller.study.folder_changed, timeout=WAIT_MS):
            controller.window.actions_by_key["open_file"].trigger()
    assert len(found(controller).series[0].slices) == 2
    filters = asked[0][1].split(";;")
    assert filters[0] == "All files (*)"
    assert "DICOMDIR" in filters[1]
    assert "*.zip" in filters[2]
    assert asked[1][0] == str(folder)


def test_a_path_that_does_not_answer_blocks_neither_the_window_nor_the_next_one(
    controller: Controller, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_study(tmp_path / "s", ("A",))
    answer, asked = threading.Event(), threading.Event()

    def slow(named: Path, *rest: object) -> object:
        if named != folder:
            asked.set()
            answer.wait(10)
        return open_source(named, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr("medseg_desktop.qt.scanner.open_source", slow)
    controller.open(Path("//server/share"))
    assert asked.wait(5)
    opened(qtbot, controller, folder)
    answer.set()
    assert found(controller).root == folder
    assert message(controller) == ""


def test_a_conversion_reads_the_archive_itself_so_the_window_may_go_on(
    controller: Controller, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = write_study(tmp_path / "s", ("A", "B"))
    archive = write_zip(tmp_path / "x.zip", study)
    specs: list[ConvertSpec] = []
    monkeypatch.setattr(controller.runs, "start_conversion", specs.append)
    for named in (archive, [study / "A", study / "B"]):
        opened(qtbot, controller, named)
        dialog = controller.conversion.open()
        dialog.start_requested.emit(dialog.current_form())
        dialog.close()
    assert [spec.source for spec in specs] == [
        [str(archive)],
        [str(study / "A"), str(study / "B")],
    ]
    assert specs[0].dataset.endswith("x-zip-1")

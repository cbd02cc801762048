from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from medseg_desktop.core.display import Window
from medseg_desktop.core.errors import MedSegError
from medseg_desktop.core.shapes.provenance import Author
from medseg_desktop.core.view import ResolvedView
from medseg_desktop.io.dicom_series import ScanResult
from medseg_desktop.io.medlabelme import new_annotation
from medseg_desktop.io.store.annotation_store import AnnotationStore
from medseg_desktop.io.store.places import Place
from medseg_desktop.io.workspace import Workspace
from medseg_desktop.qt.sessions import AnnotationSession, StudySession
from medseg_desktop.qt.slice_loader import LoadedSlice
from tests.builders import write_dicom, write_study

WAIT_MS = 30_000


@pytest.fixture
def session(qtbot: QtBot, tmp_path: Path) -> Iterator[StudySession]:
    result = StudySession(Workspace(tmp_path / "workspace"))
    yield result
    result.close()


def opened(qtbot: QtBot, session: StudySession, folder: Path) -> ScanResult:
    with qtbot.waitSignal(session.folder_changed, timeout=WAIT_MS):
        session.open(folder)
    qtbot.waitUntil(lambda: session.facts is not None, timeout=WAIT_MS)
    assert session.found is not None
    return session.found


def shown(session: StudySession) -> ResolvedView:
    assert session.view is not None
    return session.view


def test_opening_begins_at_the_first_series_with_an_outline(
    session: StudySession, qtbot: QtBot, tmp_path: Path
) -> None:
    opened(qtbot, session, write_study(tmp_path / "s", ("A", "B"), healthy=("A",), slices=3))
    assert shown(session).series.patient.patient_id == "B"
    assert shown(session).index == 1


def test_annotations_that_live_in_the_workspace_are_there_when_a_folder_is_opened(
    session: StudySession, qtbot: QtBot, tmp_path: Path
) -> None:
    image = write_dicom(tmp_path / "share" / "a.dcm", np.ones((8, 8), np.uint16))
    assert opened(qtbot, session, tmp_path / "share").annotations == {}
    assert session.found is not None
    known = session.found.loaded.documents[str(image)]
    store = AnnotationStore(Workspace(tmp_path / "workspace").annotations)
    store.save(known.key, new_annotation("a.dcm"), known.base, Place(None, "read-only"))
    found = opened(qtbot, session, tmp_path / "share")
    assert found.annotations[str(image)].annotation == new_annotation("a.dcm")
    assert not image.with_suffix(".json").exists()


def test_only_the_folder_that_was_asked_for_last_is_opened(
    session: StudySession, qtbot: QtBot, tmp_path: Path
) -> None:
    first = write_study(tmp_path / "first", ("A", "B", "C"))
    second = write_study(tmp_path / "second", ("D",))
    folders: list[str] = []
    session.folder_changed.connect(lambda found: folders.append(found.root.name))
    with qtbot.waitSignal(session.slice_loaded, timeout=WAIT_MS):
        session.open(first)
        session.open(second)
    assert folders == ["second"]


def test_a_scan_that_has_ended_before_the_cancel_changes_nothing_either(
    session: StudySession, qtbot: QtBot, tmp_path: Path
) -> None:
    opened(qtbot, session, write_study(tmp_path / "first", ("A",)))
    other = write_study(tmp_path / "other", ("B",))
    folders: list[ScanResult] = []
    session.folder_changed.connect(folders.append)
    session.open(other)
    # Waits without the event loop, so that the result lies in the queue when it is cancelled.
    both = threading.Barrier(3, timeout=5)  # both threads and this one: nothing is scanned
    for _ in range(2):
        session._scanner._background._pool.submit(both.wait)
    both.wait()
    with qtbot.waitSignal(session.scan_cancelled, timeout=WAIT_MS):
        session.cancel_scan()
    with qtbot.waitSignal(session.folder_changed, timeout=WAIT_MS):
        session.open(tmp_path / "first")
    assert [found.root.name for found in folders] == ["first"]


@pytest.mark.parametrize("content", [None, "a text"])
def test_a_folder_without_dicom_is_refused_in_one_sentence(
    session: StudySession, qtbot: QtBot, tmp_path: Path, content: str | None
) -> None:
    found = opened(qtbot, session, write_study(tmp_path / "good"))
    empty = tmp_path / "empty"
    empty.mkdir()
    if content:
        (empty / "notes.txt").write_text(content)
    with qtbot.waitSignal(session.scan_failed, timeout=WAIT_MS) as failed:
        session.open(empty)
    error: MedSegError = failed.args[0]
    assert str(empty) in str(error)
    assert "\n" not in str(error)
    assert session.found is found
    assert session.view is not None


def test_each_series_keeps_its_window_while_scrolling_and_when_shown_again(
    session: StudySession, qtbot: QtBot, tmp_path: Path
) -> None:
    found = opened(qtbot, session, write_study(tmp_path / "s", ("A", "B"), slices=4))
    mine = Window(321.0, 654.0)
    session.set_voi(mine)
    session.step_slice(1)
    assert shown(session).voi == mine
    with qtbot.waitSignal(session.slice_loaded, timeout=WAIT_MS):
        session.set_series(found.series[1].key)
    assert shown(session).voi != mine
    session.set_series(found.series[0].key)
    assert shown(session).voi == mine
    session.set_voi(None)
    assert shown(session).voi != mine


def test_a_series_switch_while_reading_drops_the_late_slices(
    session: StudySession, qtbot: QtBot, tmp_path: Path
) -> None:
    found = opened(qtbot, session, write_study(tmp_path / "s", ("A", "B"), slices=12))
    told: list[LoadedSlice] = []
    session.loader.loaded.connect(told.append)
    wanted = found.series[1].key
    session.set_series(wanted)
    qtbot.waitUntil(
        lambda: {s.index for s in told if s.series_key == wanted} == set(range(12)),
        timeout=WAIT_MS,
    )
    assert {s.series_key for s in told} == {wanted}


def test_slices_end_at_the_ends_of_the_series(
    session: StudySession, qtbot: QtBot, tmp_path: Path
) -> None:
    opened(qtbot, session, write_study(tmp_path / "s", ("A",), slices=3))
    session.set_slice(10**9)
    assert shown(session).index == 2
    session.step_slice(-99)
    assert shown(session).index == 0


def test_a_slice_that_cannot_be_read_is_named_and_the_others_are_shown(
    session: StudySession, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = write_study(tmp_path / "s", ("A",), slices=3)
    pixels = np.arange(32 * 40, dtype=np.uint16).reshape(32, 40)
    broken = write_dicom(
        folder / "A" / "IM0003.dcm",
        pixels,
        patient="A",
        number=3,
        position_mm=(0, 0, 15),
        syntax="rle",
    )
    data = broken.read_bytes()
    header = data.rindex(b"\xfe\xff\x00\xe0") + 8  # of the one compressed frame
    broken.write_bytes(data[:header] + b"\xff" * 64 + data[header + 64 :])
    opened(qtbot, session, folder)
    with qtbot.waitSignal(session.slice_failed, timeout=WAIT_MS) as failed:
        session.set_slice(3)
    assert failed.args[0].startswith("IM0003.dcm: ")
    with qtbot.waitSignal(session.slice_loaded, timeout=WAIT_MS):
        session.set_slice(0)


def test_an_unexpected_error_in_one_slice_does_not_end_the_reading(
    session: StudySession, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_now = session.loader.read_now

    def read(series: object, index: int) -> LoadedSlice:
        if index == 1:
            raise RuntimeError("a defect")
        return read_now(series, index)  # type: ignore[arg-type]

    monkeypatch.setattr(session.loader, "read_now", read)
    counts: list[tuple[int, int]] = []
    session.series_progress.connect(lambda done, total: counts.append((done, total)))
    session.open(write_study(tmp_path / "s", ("A",), slices=5))
    with qtbot.waitSignal(session.slice_failed, timeout=WAIT_MS) as failed:
        qtbot.waitUntil(lambda: session.view is not None, timeout=WAIT_MS)
        session.set_slice(1)
    assert "a defect" not in failed.args[0]
    qtbot.waitUntil(lambda: (5, 5) in counts, timeout=WAIT_MS)


def test_reading_a_folder_again_sees_what_has_changed(
    session: StudySession, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = write_study(tmp_path / "s", ("A",))
    opened(qtbot, session, folder)
    write_study(folder, ("A", "B"))
    found = opened(qtbot, session, folder)
    assert len(found.series) == 2


def test_the_labels_of_the_documents_extend_those_of_the_workspace(
    session: StudySession, qtbot: QtBot, tmp_path: Path
) -> None:
    annotations = AnnotationSession(Workspace(tmp_path / "w").labels(), Author("Li"))
    found = opened(qtbot, session, write_study(tmp_path / "s", ("A",), label="edema"))
    with qtbot.waitSignal(annotations.documents_changed, timeout=5000):
        annotations.set_folder(found)
    assert annotations.labels.names == ("_background_", "H", "edema")
    assert annotations.annotated(found.series[0]) == (0, 1)
    assert annotations.reviewed(found.series[0]) == (0, 1)

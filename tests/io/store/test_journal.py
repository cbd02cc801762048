from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from medseg_desktop.core.errors import WorkspaceError
from medseg_desktop.io import file_lock
from medseg_desktop.io.medlabelme import write_annotation
from medseg_desktop.io.store import sessions
from medseg_desktop.io.store.journal import Journal, Leftover
from medseg_desktop.io.store.keys import ImageKey
from medseg_desktop.io.store.places import Place
from medseg_desktop.io.store.record import Base
from tests.stored import NOTHING, Desk, document


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture
def recovery(desk: Desk) -> Path:
    return desk.root / "workspace" / "recovery"


@pytest.fixture
def journals(desk: Desk, recovery: Path) -> Iterator[list[Journal]]:
    """Opened journals, closed at the end."""
    opened: list[Journal] = []
    yield opened
    for journal in opened:
        journal.close()


def start(desk: Desk, journals: list[Journal]) -> Journal:
    """The program starts."""
    journal = Journal(desk.root / "workspace" / "recovery", desk.store, clock=desk.clock)
    journals.append(journal)
    return journal


def crash(journal: Journal) -> Path:
    """The process dies: nothing is tidied up, and the system gives its lock back."""
    assert journal._session is not None
    folder, lock = journal._session
    lock.close()
    journal._session = None
    return folder


def keys(desk: Desk, count: int) -> list[ImageKey]:
    return [ImageKey("1.2", f"1.2.{i}", desk.folder / f"{i}.dcm") for i in range(count)]


def test_a_journal_that_notes_nothing_writes_nothing(
    desk: Desk, journals: list[Journal], recovery: Path
) -> None:
    journal = start(desk, journals)
    assert journal.leftovers() == ()
    journal.forget(desk.key)
    journal.close()
    assert not recovery.exists()


def test_what_a_dead_session_noted_is_offered_with_all_that_saving_needs(
    desk: Desk, journals: list[Journal]
) -> None:
    base = desk.save(document(1), Base()).base
    dying = start(desk, journals)
    for n in (2, 3):
        dying.note(desk.key, document(n), base, desk.file)
    crash(dying)
    (entry,) = start(desk, journals).leftovers()
    assert (entry.key, entry.document, entry.base, entry.target) == (
        desk.key, document(3), base, desk.file,
    )  # fmt: skip
    assert entry.time == desk.clock.now
    assert not entry.is_file_changed
    desk.save(entry.document, entry.base)
    assert desk.loaded() == document(3)


def test_a_document_without_anything_is_noted_too(desk: Desk, journals: list[Journal]) -> None:
    base = desk.save(document(1), Base()).base
    dying = start(desk, journals)
    dying.note(desk.key, None, base, desk.file)
    crash(dying)
    (entry,) = start(desk, journals).leftovers()
    assert entry.document is None


def test_what_was_saved_or_is_alive_is_not_offered(desk: Desk, journals: list[Journal]) -> None:
    first, second = keys(desk, 2)
    living, dying = start(desk, journals), start(desk, journals)
    living.note(first, document(1), Base(), None)
    number = dying.note(second, document(1), Base(), None)
    dying.forget(second, number)
    crash(dying)
    assert start(desk, journals).leftovers() == ()
    crash(living)
    assert len(start(desk, journals).leftovers()) == 1


def test_a_save_forgets_nothing_that_was_drawn_meanwhile(
    desk: Desk, journals: list[Journal]
) -> None:
    dying = start(desk, journals)
    number = dying.note(desk.key, document(1), Base(), desk.file)
    dying.note(desk.key, document(2), Base(), desk.file)
    dying.forget(desk.key, number)
    crash(dying)
    (entry,) = start(desk, journals).leftovers()
    assert entry.document == document(2)


def test_a_crash_between_saving_and_forgetting_offers_nothing(
    desk: Desk, journals: list[Journal], recovery: Path
) -> None:
    first, second = keys(desk, 2)
    dying = start(desk, journals)
    for key, place, mine in (
        (desk.key, Place(desk.file), document(1)),
        (first, Place(None), document(1)),
        (second, Place(desk.folder / "none.json"), NOTHING),
    ):
        dying.note(key, mine, Base(), place.path)
        desk.store.save(key, mine, Base(), place)
    crash(dying)
    assert start(desk, journals).leftovers() == ()
    assert list(recovery.iterdir()) == []


def test_of_several_dead_sessions_the_newest_of_each_document_is_offered(
    desk: Desk, journals: list[Journal], recovery: Path
) -> None:
    first, second = keys(desk, 2)
    for n, key in enumerate([first, second, first, first]):
        dying = start(desk, journals)
        dying.note(key, document(n), Base(), None)
        crash(dying)
        desk.clock.advance(1)
    journal = start(desk, journals)
    entries = journal.leftovers()
    assert [(e.key, e.document) for e in entries] == [(second, document(1)), (first, document(3))]
    assert journal.leftovers() == entries  # looking changes nothing
    journal.discard(entries[1])
    assert journal.leftovers() == entries[:1]
    journal.discard(entries[0])
    assert list(recovery.iterdir()) == []


def test_a_second_window_does_not_offer_what_the_first_one_does(
    desk: Desk, journals: list[Journal]
) -> None:
    dying = start(desk, journals)
    dying.note(desk.key, document(1), Base(), None)
    crash(dying)
    first, second = start(desk, journals), start(desk, journals)
    assert len(first.leftovers()) == 1
    assert second.leftovers() == ()
    first.close()
    assert len(second.leftovers()) == 1


def restore(journal: Journal, entries: Sequence[Leftover]) -> dict[ImageKey, int]:
    """Note leftovers as documents of this session, as the window does; the numbers of the notes."""
    numbers = {}
    for entry in entries:
        numbers[entry.key] = journal.note(entry.key, entry.document, entry.base, entry.target)
        journal.discard(entry)
    return numbers


def test_restored_entries_survive_another_crash(
    desk: Desk, journals: list[Journal], recovery: Path
) -> None:
    dying = start(desk, journals)
    for key in keys(desk, 3):
        dying.note(key, document(1), Base("1", "2"), desk.file)
    dead = crash(dying)
    heir = start(desk, journals)
    entries = heir.leftovers()
    numbers = restore(heir, entries)
    assert not dead.exists()
    heir.forget(entries[0].key, numbers[entries[0].key])
    crash(heir)
    again = start(desk, journals).leftovers()
    assert {e.key for e in again} == {e.key for e in entries[1:]}
    assert {e.base for e in again} == {Base("1", "2")}


def test_a_file_that_is_newer_than_the_entry_is_told(desk: Desk, journals: list[Journal]) -> None:
    base = desk.save(document(1), Base()).base
    dying = start(desk, journals)
    dying.note(desk.key, document(2), base, desk.file)
    crash(dying)
    write_annotation(desk.file, document(3))
    (entry,) = start(desk, journals).leftovers()
    assert entry.is_file_changed


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"schema": 9}', b"\xff\xfe"])
def test_damaged_entries_are_skipped_and_kept(
    desk: Desk, journals: list[Journal], damage: bytes
) -> None:
    first, second = keys(desk, 2)
    dying = start(desk, journals)
    dying.note(first, document(1), Base(), None)
    (path,) = (p for p in next((desk.root / "workspace" / "recovery").iterdir()).glob("*.json"))
    dying.note(second, document(2), Base(), None)
    crash(dying)
    path.write_bytes(damage)
    journal = start(desk, journals)
    (entry,) = journal.leftovers()
    assert entry.key == second
    journal.discard(entry)
    journal.close()
    assert path.read_bytes() == damage


def test_exactly_the_half_written_files_of_the_dead_are_removed(
    desk: Desk, journals: list[Journal]
) -> None:
    dying = start(desk, journals)
    dying.note(desk.key, document(1), Base(), desk.file)
    base = desk.save(document(1), Base()).base
    desk.save(document(2), base)
    dying.forget(desk.key)
    folder = crash(dying)
    record = desk.mirror.parent
    left = [
        desk.folder / ".IM1.json.0123abcd.tmp",
        record / ".current.json.0123abcd.tmp",
        record / ".state.json.0123abcd.tmp",
        record / "versions" / ".20260102T030405Z-1.json.0123abcd.tmp",
        folder / f".{'a' * 32}.json.0123abcd.tmp",
    ]
    others = [
        desk.folder / ".IM2.json.0123abcd.tmp",
        desk.folder / ".IM1.json.0123abcg.tmp",
        desk.folder / ".IM1.json.0123abcd1.tmp",
        desk.folder / "IM1.json.0123abcd.tmp",
        desk.folder / "x.IM1.json.0123abcd.tmp",
        desk.root / ".IM1.json.0123abcd.tmp",
        record / ".other.json.0123abcd.tmp",
    ]
    for path in left + others:
        path.write_bytes(b"half")
    assert start(desk, journals).leftovers() == ()
    assert [p for p in left if p.exists()] == []
    assert [p for p in others if not p.exists()] == []
    assert desk.loaded() == document(2)


def test_files_that_a_living_session_may_be_writing_are_left(
    desk: Desk, journals: list[Journal]
) -> None:
    living, dying = start(desk, journals), start(desk, journals)
    for journal in (living, dying):
        journal.note(desk.key, document(1), Base(), desk.file)
    crash(dying)
    path = desk.folder / ".IM1.json.0123abcd.tmp"
    path.write_bytes(b"half")
    start(desk, journals).leftovers()
    assert path.exists()


def test_a_closed_session_leaves_what_is_unsaved_and_nothing_else(
    desk: Desk, journals: list[Journal], recovery: Path
) -> None:
    journal = start(desk, journals)
    number = journal.note(desk.key, document(1), Base(), desk.file)
    journal.close()
    heir = start(desk, journals)
    assert len(heir.leftovers()) == 1
    restore(heir, heir.leftovers())
    heir.forget(desk.key)
    heir.close()
    assert number == 1
    assert list(recovery.iterdir()) == []


def test_a_note_costs_one_fsync(
    desk: Desk, journals: list[Journal], monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = start(desk, journals)
    journal.note(desk.key, document(1), Base(), desk.file)
    real, calls = os.fsync, []

    def fsync(fd: int) -> None:
        calls.append(fd)
        real(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    journal.note(desk.key, document(2), Base(), desk.file)
    assert len(calls) == 1


def test_a_journal_that_cannot_be_written_is_told(
    desk: Desk, journals: list[Journal], recovery: Path
) -> None:
    recovery.parent.mkdir()
    recovery.write_text("a file in the way", encoding="utf-8")
    journal = start(desk, journals)
    with pytest.raises(WorkspaceError, match="Cannot make"):
        journal.note(desk.key, document(1), Base(), desk.file)
    assert journal.leftovers() == ()


def test_a_session_that_was_never_made_is_removed_when_it_is_old(
    desk: Desk, journals: list[Journal], recovery: Path
) -> None:
    (recovery / "old").mkdir(parents=True)
    (recovery / "new").mkdir()
    os.utime(recovery / "old", (0, 0))
    start(desk, journals).leftovers()
    assert [p.name for p in recovery.iterdir()] == ["new"]


_NOTE = """
import sys
from pathlib import Path
from tests.stored import Desk, document
from medseg_desktop.io.store.journal import Journal, Leftover
from medseg_desktop.io.store.record import Base
desk = Desk(Path(sys.argv[1]))
journal = Journal(desk.root / "workspace" / "recovery", desk.store)
journal.note(desk.key, document(1), Base(), desk.file)
print("noted", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("has_locks", [True, False])
def test_a_process_that_was_killed_leaves_what_it_noted_and_a_living_one_keeps_it(
    desk: Desk, journals: list[Journal], has_locks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = _NOTE
    if not has_locks:  # as on some network shares
        monkeypatch.setattr(sessions, "try_lock", lambda _: False)
        monkeypatch.setattr(file_lock, "try_lock", lambda _: False)
        lockless = "from medseg_desktop.io import file_lock\nfile_lock.try_lock = lambda _: False\n"
        code = lockless + code
    with subprocess.Popen(
        [sys.executable, "-c", code, str(desk.root)], cwd=Path(__file__).parents[3],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as child:  # fmt: skip
        assert child.stdout is not None
        assert child.stdout.readline() == "noted\n"
        journal = start(desk, journals)
        assert journal.leftovers() == ()
        child.kill()
        child.wait()
        (entry,) = journal.leftovers()
        assert entry.document == document(1)

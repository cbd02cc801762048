from __future__ import annotations

import errno
import itertools
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from medseg_desktop.core.annotation import Annotation
from medseg_desktop.core.errors import WorkspaceError
from medseg_desktop.io.medlabelme import read_annotation
from medseg_desktop.io.store.journal import Journal
from medseg_desktop.io.store.places import Place
from medseg_desktop.io.store.record import Base
from tests.stored import FULL, Desk, document, fault_at, number_of

ROOT = Path(__file__).parents[3]
KILLS = 500 if FULL else 40


# -- a process that is killed

#: Saves documents 1, 2, 3, ... and says of each "n" when it is noted and "s" when it is saved.
#: A new process is forked for each "go", because starting one anew takes long.
_SAVER = """
import os, sys
from pathlib import Path
from tests.stored import Desk, document
from medseg_desktop.io.store.journal import Journal
from medseg_desktop.io.store.places import Place

def tell(text):
    os.write(1, (text + "\\n").encode())

def work(root, is_beside):
    desk = Desk(Path(root))
    journal = Journal(desk.root / "workspace" / "recovery", desk.store)
    loaded = desk.load()
    place = Place(desk.file) if is_beside == "beside" else Place(None, "read-only")
    base = loaded.base
    n = int(loaded.counts.annotation.frames[0].shapes[0].points[0][0]) if loaded.counts else 0
    while True:
        n += 1
        number = journal.note(desk.key, document(n), base, place.path)
        tell(f"n {n}")
        base = desk.save(document(n), base, place=place, autosave=n % 3 > 0).base
        journal.forget(desk.key, number)
        tell(f"s {n}")

if os.name == "nt":
    work(*sys.argv[1:])
for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        work(*line.rstrip("\\n").split("|"))
    tell(f"pid {pid}")
    os.waitpid(pid, 0)
    tell("dead")
"""


class Saver:
    """Runs the saving process and kills it."""

    def __enter__(self) -> Saver:
        self._server = None if os.name == "nt" else self._start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.communicate()

    def _start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", _SAVER, *arguments],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, root: Path, place: str, words: int, seconds: float) -> tuple[int, int]:
        """Let it say a few words and work a little more, and kill it.

        Returns:
            The last numbers noted and saved, or 0.
        """
        if self._server is None:
            child = self._start(str(root), place)
            kill: Callable[[], object] = child.kill
            said: list[str] = []
        else:
            child = self._server
            assert child.stdin is not None
            child.stdin.write(f"{root}|{place}\n")
            child.stdin.flush()
            said = list(self._until(child, "pid"))
            pid = next(int(line.split()[1]) for line in said if line.startswith("pid"))
            kill = partial(os.kill, pid, 9)
        assert child.stdout is not None
        while sum(line[0] in "ns" for line in said) < words:
            said.append(child.stdout.readline().strip())
        time.sleep(seconds)
        kill()
        said += self._until(child, "dead")
        if self._server is None:
            child.communicate()
        last = {"n": 0, "s": 0}
        for line in said:
            kind, _, n = line.partition(" ")
            if kind in last:
                last[kind] = int(n)
        return last["n"], last["s"]

    @staticmethod
    def _until(child: subprocess.Popen[str], word: str) -> Iterator[str]:
        """Its lines, up to one that begins so or the end."""
        assert child.stdout is not None
        for line in child.stdout:
            yield line.strip()
            if line.startswith(word):
                return


@pytest.mark.timeout(1800 if FULL else 120)
@pytest.mark.parametrize("place", ["beside", "workspace"])
def test_a_process_killed_at_any_moment_loses_nothing_that_was_saved_or_noted(
    tmp_path: Path, place: str
) -> None:
    desk, moments = Desk(tmp_path), random.Random(place)
    saved_in_all, waited_for, restored = 0, 0, 0
    with Saver() as saver:
        for _ in range(KILLS):
            words = moments.randrange(4)
            noted, saved = saver.run(tmp_path, place, words, moments.uniform(0, 0.02))
            waited_for += words >= 2  # "noted" and "saved", however slow the machine is
            saved_in_all = max(saved_in_all, saved)
            if desk.file.exists():
                read_annotation(desk.file)  # never torn
            loaded = desk.load()
            found = number_of(loaded.counts.annotation) if loaded.counts else 0
            assert found >= saved_in_all
            assert loaded.conflict is None
            journal = Journal(tmp_path / "workspace" / "recovery", desk.store)
            for entry in journal.leftovers():
                assert entry.document is not None
                assert number_of(entry.document) in (found, found + 1)
                found = max(found, number_of(entry.document))
                restored += 1
                journal.discard(entry)
            assert found >= noted
            journal.close()
            assert desk.temporaries() == []
    assert saved_in_all >= waited_for > KILLS // 4
    assert restored > 0
    recovery = tmp_path / "workspace" / "recovery"
    assert [path for path in recovery.rglob("*") if path.is_file()] == []


# -- faults, and the start after them


def test_nothing_half_written_is_there_after_the_start_that_follows_a_fault(
    tmp_path: Path,
) -> None:
    """Even where the program could not tidy up after the fault itself."""
    for n in itertools.count(1):
        desk = Desk(tmp_path / str(n))
        recovery = desk.root / "workspace" / "recovery"
        journal = Journal(recovery, desk.store)
        base = desk.save(document(1), Base()).base
        journal.note(desk.key, document(2), base, desk.file)
        real = Path.unlink

        def stuck(path: Path, missing_ok: bool = False, real: Any = real) -> None:
            if path.suffix == ".tmp":
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            real(path, missing_ok)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Path, "unlink", stuck)
            with fault_at(n, errno.EIO, desk.root) as calls:
                error = None
                try:
                    desk.save(document(2), base)
                except WorkspaceError as raised:
                    error = raised
        assert journal._session is not None
        journal._session[1].close()  # the process ends
        heir = Journal(recovery, desk.store)
        entries = heir.leftovers()
        assert desk.temporaries() == []
        if len(calls) < n:
            break
        found = desk.loaded()
        assert error is not None or found == document(2)
        assert found == document(2) or [e.document for e in entries] == [document(2)]
        heir.close()
    heir.close()
    assert n > 12


# -- power that is lost


@dataclass
class Disk:
    """What a disk is asked to do, and what of it is sure to have happened.

    A change of a file's content is sure after the fsync of the file, one of a folder's entries
    after that of the folder; of what is not sure any part may be there.
    """

    root: Path
    #: (kind, path, path or content)
    calls: list[tuple[str, Path, Any]] = field(default_factory=list)

    def record(self, patch: pytest.MonkeyPatch) -> None:
        real_open, real_mkdir, real_unlink = Path.open, Path.mkdir, Path.unlink
        real_replace = os.replace

        def opened(path: Path, mode: str = "r", *rest: Any, **options: Any) -> Any:
            file = real_open(path, mode, *rest, **options)
            if mode == "xb":
                self.calls.append(("create", path, None))
            return file

        def mkdir(path: Path, *rest: Any, **options: Any) -> None:
            if not path.exists():
                if options.get("parents") and not path.parent.exists():
                    path.parent.mkdir(parents=True)
                self.calls.append(("mkdir", path, None))
            real_mkdir(path, *rest, **options)

        def unlink(path: Path, missing_ok: bool = False) -> None:
            if path.exists():
                self.calls.append(("unlink", path, None))
            real_unlink(path, missing_ok)

        def replace(source: Any, target: Any) -> None:
            self.calls.append(("rename", Path(source), Path(target)))
            real_replace(source, target)

        def fsync(fd: int) -> None:
            path = Path(os.readlink(f"/proc/self/fd/{fd}"))
            if not path.is_dir():
                self.calls.append(("write", path, path.read_bytes()))
            self.calls.append(("fsync", path, None))

        patch.setattr(Path, "open", opened)
        patch.setattr(Path, "mkdir", mkdir)
        patch.setattr(Path, "unlink", unlink)
        patch.setattr(os, "replace", replace)
        patch.setattr(os, "fsync", fsync)

    def states(self) -> Iterator[list[tuple[str, Path, Any]]]:
        """Every prefix with every choice of the calls in it that are not sure."""
        seen = set()
        for end in range(len(self.calls) + 1):
            prefix = self.calls[:end]
            unsure = [i for i, call in enumerate(prefix) if not _is_sure(call, prefix[i + 1 :])]
            for choice in itertools.product((True, False), repeat=len(unsure)):
                left_out = {i for i, there in zip(unsure, choice, strict=True) if not there}
                state = tuple(
                    i for i, c in enumerate(prefix) if i not in left_out and c[0] != "fsync"
                )
                if (state, end) not in seen:
                    seen.add((state, end))
                    yield [self.calls[i] for i in state]


def _is_sure(call: tuple[str, Path, Any], later: list[tuple[str, Path, Any]]) -> bool:
    kind, path, _ = call
    wanted = path if kind == "write" else path.parent
    # A file that was made sure brings its own name along on the usual file systems; this disk
    # is harder, only the folder's fsync does.
    return kind == "fsync" or ("fsync", wanted, None) in later


def replay(
    state: list[tuple[str, Path, Any]], files: dict[Path, bytes], torn: bytes
) -> dict[Path, bytes]:
    """The files after a power loss: contents that were never made sure are torn."""
    files, contents = dict(files), {p: d for kind, p, d in state if kind == "write"}
    for kind, path, argument in state:
        if kind == "create":
            files[path] = contents.get(path, torn)
        elif kind == "rename":
            files.pop(path, None)
            files[argument] = contents.get(path, torn)
        elif kind == "unlink":
            files.pop(path, None)
    return files


@pytest.mark.skipif(sys.platform != "linux", reason="the recorder reads /proc")
@pytest.mark.parametrize(
    ("old", "new"),
    [(document(1), document(2)), (None, document(2)), (document(1), None)],
    ids=["replace", "first", "remove"],
)
@pytest.mark.parametrize("is_beside", [True, False], ids=["beside", "workspace"])
def test_a_power_loss_at_any_moment_leaves_the_old_document_or_the_new_one(
    tmp_path: Path, old: Annotation | None, new: Annotation | None, is_beside: bool
) -> None:
    desk = Desk(tmp_path / "desk")
    place = Place(desk.file) if is_beside else Place(None, "read-only")
    base = desk.save(old, Base(), place=place).base if old else Base()
    before = {p: p.read_bytes() for p in desk.root.rglob("*") if p.is_file()}
    disk = Disk(desk.root)
    with pytest.MonkeyPatch.context() as patch:
        disk.record(patch)
        desk.save(new, base, place=place)
    assert sum(kind == "fsync" for kind, *_ in disk.calls) > 4
    outcomes = []
    for i, state in enumerate(disk.states()):
        for torn in (b"", b'{"frames": ['):
            after = Desk(tmp_path / f"{i}-{len(torn)}")
            for path, data in replay(state, before, torn).items():
                place_there = after.root / path.relative_to(desk.root)
                place_there.parent.mkdir(parents=True, exist_ok=True)
                place_there.write_bytes(data)
            _point_the_state_at(after, desk)
            found = after.loaded()
            assert found in (old, new), state
            if old is not None and found != old:
                kept = [number_of(v.read()) for v in after.store.versions(after.key)]
                assert kept == [1]
            outcomes.append(found == new)
    assert outcomes[0] == (old == new)
    assert outcomes[-1]
    assert len(outcomes) > 20


def _point_the_state_at(after: Desk, desk: Desk) -> None:
    """The state names the file beside the image, which lies in another folder now."""
    path = after.mirror.parent / "state.json"
    if path.exists() and (data := path.read_bytes()).startswith(b"{") and data.endswith(b"}\n"):
        state = json.loads(data)
        state["path"] = state["path"] and state["path"].replace(str(desk.root), str(after.root))
        path.write_text(json.dumps(state), encoding="utf-8")

"""The audit trail: what was written can be proved, whatever happens to the file."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medseg_desktop.core.errors import WorkspaceError
from medseg_desktop.io.audit import AuditTrail
from medseg_desktop.io.audit_text import brief, reason, what
from medseg_desktop.io.file_lock import turn

_OWN_FOLDER = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def trail(tmp_path: Path) -> AuditTrail:
    """Five entries."""
    result = AuditTrail(tmp_path / "w" / "audit.jsonl")
    result.append("Ann", "split_created", {"patients": 7})
    result.append("王医生", "patient_moved", {"patient_hash": "ab", "reason": "误分"})
    for model in ("a-v1", "b-v1", "c-v1"):
        result.append("Ann", "promoted", {"model": model, "reason": "better\nthan before"})
    return result


def test_an_empty_trail_holds(tmp_path: Path) -> None:
    report = AuditTrail(tmp_path / "nowhere" / "audit.jsonl").verify()
    assert report.entries == ()
    assert report.problem == ""
    assert not (tmp_path / "nowhere").exists()


def test_the_chain_is_the_one_that_the_design_describes(trail: AuditTrail) -> None:
    """Recomputed from the file alone, with none of the program's own functions."""
    before = ""
    for line in trail.path.read_text(encoding="utf-8").splitlines():
        fields = json.loads(line)
        told = fields.pop("hash")
        text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert told == hashlib.sha256((before + text).encode()).hexdigest()
        before = told
    assert [e.hash for e in trail.verify().entries][-1] == before


def test_entries_come_back_as_they_were_written(trail: AuditTrail) -> None:
    report = trail.verify()
    assert report.problem == ""
    assert [e.actor for e in report.entries] == ["Ann", "王医生", "Ann", "Ann", "Ann"]
    assert report.entries[1].details == {"patient_hash": "ab", "reason": "误分"}
    assert report.entries[2].details["reason"] == "better\nthan before"
    assert report.entries[0].time.endswith("+00:00")


def test_an_entry_is_told_in_words(trail: AuditTrail) -> None:
    entries = trail.verify().entries
    assert what(entries[0]) == "patients: 7"
    assert (what(entries[1]), reason(entries[1])) == ("ab", "误分")
    assert what(trail.append("x", "promoted", {"model": "d", "digest": "0", "before": "c"})) == (
        "d, before: c"
    )


def test_an_entry_is_told_in_a_few_words(trail: AuditTrail) -> None:
    split = {"split_hash": "ab" * 32, "seed": 0, "train": 3, "val": 1, "test": 0}
    assert brief(trail.append("x", "split_created", split)) == "3 train, 1 val"
    moved = {"patient_hash": "ab", "from": "train", "to": "test", "reason": "r"}
    assert brief(trail.append("x", "patient_moved", moved)) == "ab, from train to test"
    imported = {"model": "m-v1", "source_sha256": "cd" * 32}
    assert brief(trail.append("x", "model_imported", imported)) == "m-v1"
    assert brief(trail.verify().entries[0]) == "patients: 7"


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def _first_problem(trail: AuditTrail) -> str:
    report = trail.verify()
    assert "\n" not in report.problem
    return report.problem


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda x: x[1:], 1),
        (lambda x: x[:2] + x[3:], 3),
        (lambda x: x[:-1], 5),
        (lambda x: x[:2], 3),
        (lambda x: [], 1),
        (lambda x: [x[1], x[0], *x[2:]], 1),
        (lambda x: [*x[:3], x[4], x[3]], 4),
        (lambda x: [*x[:2], x[1], *x[2:]], 3),
        (lambda x: [*x, x[-1]], 6),
        (lambda x: [*x, b"\n"], 6),
        (lambda x: [*x[:2], b"\n", *x[2:]], 3),
        (lambda x: [*x[:3], x[3].replace(b"b-v1", b"z-v1"), x[4]], 4),
        (lambda x: [*x[:3], x[3].replace(b'"Ann"', b'"Bob"'), x[4]], 4),
        (lambda x: [*x[:3], x[3].replace(b",", b", ", 1), x[4]], 4),
        (lambda x: [each.replace(b"\n", b"\r\n") for each in x], 1),
        (lambda x: [b"\xef\xbb\xbf" + x[0], *x[1:]], 1),
        (lambda x: [*x[:2], b"null\n", *x[3:]], 3),
        (lambda x: [*x[:2], b"[" * 50_000 + b"\n", *x[3:]], 3),
        (lambda x: [*x[:2], b"NaN\n", *x[3:]], 3),
        (lambda x: [*x[:2], b"{}\n", *x[3:]], 3),
    ],
)
def test_the_first_line_that_is_not_as_written_is_named(
    trail: AuditTrail, change: Callable[[list[bytes]], list[bytes]], line: int
) -> None:
    trail.path.write_bytes(b"".join(change(_lines(trail.path))))
    assert _first_problem(trail).startswith(f"Line {line} of ")
    with pytest.raises(WorkspaceError, match=f"Line {line} of"):
        trail.append("Ann", "promoted", {"model": "d-v1"})


@_OWN_FOLDER
@given(data=st.data())
def test_any_changed_byte_is_found(trail: AuditTrail, data: st.DataObject) -> None:
    good = trail.path.read_bytes()
    place = data.draw(st.integers(0, len(good) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda b: b != good[place]))
    try:
        trail.path.write_bytes(good[:place] + bytes([byte]) + good[place + 1 :])
        line = 1 + good[:place].count(b"\n")
        assert _first_problem(trail).startswith(f"Line {line} of ")
    finally:
        trail.path.write_bytes(good)


@_OWN_FOLDER
@given(data=st.data())
def test_any_cut_is_found(trail: AuditTrail, data: st.DataObject) -> None:
    """Also the end of the file, which the chain alone would not tell."""
    good = trail.path.read_bytes()
    start = data.draw(st.integers(0, len(good) - 1))
    end = data.draw(st.integers(start + 1, len(good)))
    try:
        trail.path.write_bytes(good[:start] + good[end:])
        assert _first_problem(trail)
    finally:
        trail.path.write_bytes(good)


@_OWN_FOLDER
@given(order=st.permutations(range(5)))
def test_any_other_order_is_found(trail: AuditTrail, order: list[int]) -> None:
    good = trail.path.read_bytes()
    lines = _lines(trail.path)
    try:
        trail.path.write_bytes(b"".join(lines[i] for i in order))
        assert bool(_first_problem(trail)) == (list(order) != sorted(order))
    finally:
        trail.path.write_bytes(good)


@settings(_OWN_FOLDER, max_examples=25)
@given(
    actor=st.text(max_size=30),
    details=st.dictionaries(
        st.text(max_size=12), st.text(max_size=30) | st.integers() | st.booleans(), max_size=4
    ),
)
def test_any_text_is_kept(tmp_path: Path, actor: str, details: dict[str, Any]) -> None:
    trail = AuditTrail(tmp_path / f"{time.monotonic_ns()}" / "audit.jsonl")
    trail.append(actor, "promoted", details)
    trail.append("b", "promoted", {})
    report = trail.verify()
    assert report.problem == ""
    assert (report.entries[0].actor, report.entries[0].details) == (actor, details)


def test_a_name_that_is_no_text_of_unicode_is_kept(trail: AuditTrail) -> None:
    trail.append("n\udce4me", "promoted", {"reason": "\udcff"})
    report = trail.verify()
    assert report.problem == ""
    assert report.entries[-1].actor == "n\udce4me"


def test_a_line_of_a_newer_version_is_no_tampering(trail: AuditTrail) -> None:
    before = trail.verify().entries[-1].hash
    fields = {"action": "signed", "actor": "Ann", "details": {}, "schema": 2, "time": "t"}
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256((before + text).encode()).hexdigest()
    line = json.dumps(fields | {"hash": digest}, sort_keys=True, separators=(",", ":"))
    with trail.path.open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")
    assert "Line 6" in _first_problem(trail)
    assert "version" in _first_problem(trail)


# -- crashes and disks


def test_half_a_line_of_a_killed_program_is_put_aside(trail: AuditTrail) -> None:
    with trail.path.open("ab") as file:
        file.write(b'{"action":"promo')
    assert trail.verify().problem == ""
    trail.append("Ann", "promoted", {"model": "d-v1"})
    assert len(trail.verify().entries) == 6
    assert trail.path.with_name("audit.jsonl.torn").read_bytes() == b'{"action":"promo\n'


def test_a_trail_without_its_head_holds_as_far_as_the_chain_does(trail: AuditTrail) -> None:
    """As after a crash between the first line and the head."""
    trail.path.with_suffix(".head").unlink()
    assert trail.verify().problem == ""
    trail.append("Ann", "promoted", {"model": "d-v1"})
    trail.path.write_bytes(b"".join(_lines(trail.path)[:-1]))
    assert "Line 6" in _first_problem(trail)


def test_a_head_that_lags_behind_is_no_problem(trail: AuditTrail) -> None:
    head = trail.path.with_suffix(".head")
    old = head.read_bytes()
    trail.append("Ann", "promoted", {"model": "d-v1"})
    head.write_bytes(old)
    assert trail.verify().problem == ""


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"lines": 0, "hash": ""}', b"\xff\xfe"])
def test_a_damaged_head_is_told(trail: AuditTrail, data: bytes) -> None:
    trail.path.with_suffix(".head").write_bytes(data)
    assert "audit.head" in _first_problem(trail)
    with pytest.raises(WorkspaceError):
        trail.append("Ann", "promoted", {})


def test_a_whole_trail_that_was_replaced_is_told(trail: AuditTrail, tmp_path: Path) -> None:
    other = AuditTrail(tmp_path / "other" / "audit.jsonl")
    for _ in range(5):
        other.append("Eve", "promoted", {"model": "evil"})
    trail.path.write_bytes(other.path.read_bytes())
    assert _first_problem(trail).startswith("Line 5 of ")


@pytest.mark.parametrize("broken", ["write", "fsync", "half"])
def test_a_full_disk_leaves_the_trail_as_it_was(
    trail: AuditTrail, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    good = trail.path.read_bytes()
    real = os.fsync
    full = OSError(errno.ENOSPC, "No space left on device")

    def fail(fd: int) -> None:
        raise full

    class Full:
        """A file on a full disk: `half` writes some of a line before it finds out."""

        def __init__(self, path: Path) -> None:
            self.file = open_(path, "ab", buffering=0)

        def __enter__(self) -> Full:
            return self

        def __exit__(self, *_: object) -> None:
            self.file.close()

        def __getattr__(self, name: str) -> Any:
            return getattr(self.file, name)

        def write(self, data: bytes) -> int:
            if broken == "half" and len(data) > 20:
                return (
                    int(self.file.write(data[:20]) or 0) if self.file.tell() == len(good) else bad()
                )
            return bad()

    def bad() -> int:
        raise full

    open_ = Path.open

    def open_full(path: Path, mode: str = "r", *rest: Any, **options: Any) -> Any:
        if path == trail.path and mode == "ab":
            return Full(path)
        return open_(path, mode, *rest, **options)

    with monkeypatch.context() as patch:
        if broken == "fsync":
            patch.setattr(os, "fsync", fail)
        else:
            patch.setattr(Path, "open", open_full)
        with pytest.raises(WorkspaceError, match="the disk is full"):
            trail.append("Ann", "promoted", {"model": "d-v1"})
    assert os.fsync is real
    assert trail.path.read_bytes() == good
    trail.append("Ann", "promoted", {"model": "e-v1"})
    report = trail.verify()
    assert report.problem == ""
    assert [e.details.get("model") for e in report.entries][-2:] == ["c-v1", "e-v1"]


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    path.mkdir()
    with pytest.raises(WorkspaceError, match=r"Cannot read .*audit\.jsonl"):
        AuditTrail(path).verify()


def test_an_act_that_fails_first_is_not_written(trail: AuditTrail) -> None:
    def act(entry: object, write: Callable[[], None]) -> None:
        raise WorkspaceError("no room")

    with pytest.raises(WorkspaceError, match="no room"):
        trail.append("Ann", "promoted", {"model": "d"}, act)
    assert len(trail.verify().entries) == 5


_APPEND = """
import sys
from pathlib import Path
from medseg_desktop.io.audit import AuditTrail
trail = AuditTrail(Path(sys.argv[1]))
for n in range(int(sys.argv[3])):
    trail.append(sys.argv[2], "promoted", {"model": f"m{n}"})
    print(n, flush=True)
"""


def _appending(path: Path, actor: str, times: int) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-c", _APPEND, str(path), actor, str(times)]
    return subprocess.Popen(words, stdout=subprocess.PIPE)


def test_two_processes_append_to_one_chain(tmp_path: Path) -> None:
    path = tmp_path / "w" / "audit.jsonl"
    processes = [_appending(path, actor, 25) for actor in ("a", "b")]
    assert [p.wait(60) for p in processes] == [0, 0]
    for process in processes:
        assert process.stdout is not None
        process.stdout.close()
    report = AuditTrail(path).verify()
    assert report.problem == ""
    for actor in ("a", "b"):
        mine = [e.details["model"] for e in report.entries if e.actor == actor]
        assert mine == [f"m{n}" for n in range(25)]


@pytest.mark.skipif(os.name == "nt", reason="kills with a POSIX signal")
def test_a_killed_process_leaves_a_trail_that_holds(tmp_path: Path) -> None:
    path = tmp_path / "w" / "audit.jsonl"
    for round_ in range(3):
        process = _appending(path, f"p{round_}", 100_000)
        assert process.stdout is not None
        acknowledged = [process.stdout.readline() for _ in range(5 + round_)]
        process.send_signal(signal.SIGKILL)
        acknowledged += process.stdout.readlines()
        process.stdout.close()
        process.wait(30)
        report = AuditTrail(path).verify()
        assert report.problem == ""
        mine = [e for e in report.entries if e.actor == f"p{round_}"]
        assert len(mine) in (len(acknowledged), len(acknowledged) + 1)


def test_nobody_takes_the_turn_of_somebody_who_does_not_end(tmp_path: Path) -> None:
    with (
        turn(tmp_path / "lock"),
        pytest.raises(WorkspaceError, match="Another program"),
        turn(tmp_path / "lock", 0.05, is_required=True),
    ):
        pytest.fail("it was not ours to take")

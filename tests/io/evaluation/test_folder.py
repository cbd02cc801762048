from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from medseg_desktop.core.errors import WorkspaceError
from medseg_desktop.core.evaluation.comparison import compare_evaluations
from medseg_desktop.core.evaluation.result import EvaluationRecord
from medseg_desktop.io.evaluation.folder import RECORD, read_record, write_evaluation
from tests.evaluations import case, lesion, result

ONE = result(case("a", 0.4, [lesion(1, 2.0, 0.5), lesion(2, None)], [lesion(3)]), case("b", None))
TWO = result(case("a", 0.5, [lesion(1, 2.0), lesion(2, None)]), case("b", None), model="flair-v1")
RECORDS = [
    EvaluationRecord(subset="test", candidate=ONE),
    EvaluationRecord(
        subset="all",
        source=("/data/x",),
        notes=("A note.",),
        created="2026-01-01T00:00:00+00:00",
        candidate=ONE,
        champion=TWO,
        comparison=compare_evaluations(ONE, TWO),
    ),
]


@pytest.mark.parametrize("record", RECORDS, ids=["one model", "two models"])
def test_a_record_is_read_as_it_was_written(tmp_path: Path, record: EvaluationRecord) -> None:
    write_evaluation(tmp_path / "e", record, {})
    assert read_record(tmp_path / "e") == record
    assert (tmp_path / "e" / "report.html").stat().st_size > 5000
    with pytest.raises(WorkspaceError, match="exists already"):
        write_evaluation(tmp_path / "e", record, {})


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is no evaluation"),
        (b"{", "is no evaluation"),
        (b"[]", "is no evaluation"),
        (b"[" * 100_000, "is no evaluation"),
        (b'{"subset": "test"}', "is no evaluation"),
        (b'{"subset": 1, "candidate": {}}', "is no evaluation"),
        (b"\xff\xfe", "is no evaluation"),
    ],
)
def test_a_damaged_record_is_one_sentence(tmp_path: Path, data: bytes, words: str) -> None:
    (tmp_path / RECORD).write_bytes(data)
    with pytest.raises(WorkspaceError, match=words):
        read_record(tmp_path)


def test_a_record_of_a_newer_version_and_none_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="it does not exist"):
        read_record(tmp_path)
    newer = msgspec.structs.replace(RECORDS[0], schema=2)
    (tmp_path / RECORD).write_bytes(msgspec.json.encode(newer))
    with pytest.raises(WorkspaceError, match="newer version"):
        read_record(tmp_path)

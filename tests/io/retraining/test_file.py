from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from medseg_desktop.core.errors import WorkspaceError
from medseg_desktop.core.retraining.state import Retraining, RetrainOptions, RetrainPlan, Stage
from medseg_desktop.io.retraining.file import (
    discard,
    hold,
    is_held,
    read_retraining,
    stored_retrainings,
    write_retraining,
)
from medseg_desktop.io.run_folder import RETRAINING
from medseg_desktop.io.runs import RunReader

PLAN = RetrainPlan(dataset="retrain-1", evaluation="run-1", model_name="flair", champion="f-v1")
ASKED = Retraining(
    source=("/study/影像",), options=RetrainOptions(iterations=60, start="starter"), by="Li Wei"
)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    states = [ASKED, ASKED.checked(PLAN), ASKED.checked(PLAN).converted({"train": 3})]
    states += [states[-1].failed("The disk is full.", "Make room."), states[-1].trained("f-v2")]
    states.append(states[-1].evaluated("No test patient."))
    for retraining in states:
        write_retraining(tmp_path / "run", retraining)
        assert read_retraining(tmp_path / "run") == retraining


def changed(**fields: Any) -> bytes:
    told = msgspec.to_builtins(ASKED.checked(PLAN))
    for name, value in fields.items():
        where = told["plan"] if name in told["plan"] else told
        where[name] = value
    return msgspec.json.encode(told)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[1]",
        b"{}",
        b"\xff\xfe",
        b"[" * 100_000,
        changed(schema=2),
        changed(stage="paint"),
        changed(source=[]),
        changed(plan=None),
        changed(dataset="../other"),
        changed(dataset=""),
        changed(evaluation="a/b"),
        changed(model_name=".."),
        changed(champion="..\\x"),
        changed(stage="done"),
        changed(stage="evaluate", candidate="../../x"),
    ],
)
def test_a_damaged_or_hostile_file_is_refused_in_one_sentence(tmp_path: Path, data: bytes) -> None:
    (tmp_path / RETRAINING).write_bytes(data)
    with pytest.raises(WorkspaceError) as refused:
        read_retraining(tmp_path)
    assert "\n" not in str(refused.value)
    assert stored_retrainings(tmp_path.parent) == ()


def test_one_program_at_a_time_goes_on_with_a_retraining(tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert not is_held(run)
    lock = hold(run)
    assert is_held(run)
    with pytest.raises(WorkspaceError, match="another window"):
        hold(run)
    lock.close()
    assert not is_held(run)
    hold(run).close()


def test_the_newest_comes_first_and_broken_ones_are_left_out(tmp_path: Path) -> None:
    for name, begun in (("a", "2026-11-01"), ("b", "2026-11-03"), ("c", "2026-11-02")):
        write_retraining(tmp_path / name, msgspec.structs.replace(ASKED, begun=begun))
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / RETRAINING).write_bytes(b"{")
    assert [stored.run.name for stored in stored_retrainings(tmp_path)] == ["b", "c", "a"]


def test_a_discarded_one_leaves_only_a_run_that_has_begun(tmp_path: Path) -> None:
    for name in ("waits", "trains"):
        write_retraining(tmp_path / name, ASKED.checked(PLAN))
        hold(tmp_path / name).close()
    (tmp_path / "trains" / "spec.json").write_bytes(b"{}")
    for name in ("waits", "trains", "absent"):
        discard(tmp_path / name)
    assert [p.name for p in tmp_path.iterdir()] == ["trains"]
    assert [p.name for p in (tmp_path / "trains").iterdir()] == ["spec.json"]


def test_a_retraining_that_has_not_trained_yet_is_no_broken_run(tmp_path: Path) -> None:
    write_retraining(tmp_path / "20261129-100000-abcd", ASKED)
    assert RunReader(tmp_path).entries() == ()
    assert ASKED.stage is Stage.CHECK

"""Events as lines of JSON."""

from __future__ import annotations

import json
import math
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medseg_desktop.core.events import (
    CancelledEvent,
    CaseScore,
    Checkpoint,
    Evaluation,
    Event,
    Failed,
    Finished,
    Log,
    Progress,
    Started,
    Step,
    decode_event,
    encode_event,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
COUNT = st.integers(0, 2**31)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
DICE = st.dictionaries(TEXT, st.none() | NUMBER, max_size=3)
PLAIN = st.recursive(
    st.none() | st.booleans() | COUNT | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
RESULT = st.dictionaries(TEXT, PLAIN, max_size=3)
CASE = st.builds(
    CaseScore, patient_hash=TEXT, n_slices=COUNT, dice=DICE, foreground_dice=st.none() | NUMBER
)
STAMP = {"seq": COUNT, "time": NUMBER}
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(Started, kind=TEXT, pid=COUNT, details=RESULT, **STAMP),
    st.builds(Progress, phase=TEXT, done=COUNT, total=COUNT, **STAMP),
    st.builds(
        Step,
        iteration=COUNT,
        loss=NUMBER,
        losses=st.lists(NUMBER, max_size=5),
        lr=NUMBER,
        step_s=NUMBER,
        **STAMP,
    ),
    st.builds(
        Evaluation,
        iteration=COUNT,
        dice=DICE,
        iou=DICE,
        cases=st.lists(CASE, max_size=2),
        mean_dice=st.none() | NUMBER,
        **STAMP,
    ),
    st.builds(Checkpoint, iteration=COUNT, best=st.booleans(), **STAMP),
    st.builds(Log, message=TEXT, level=TEXT, **STAMP),
    st.builds(Finished, result=RESULT, **STAMP),
    st.builds(CancelledEvent, result=RESULT, **STAMP),
    st.builds(Failed, message=TEXT, hint=TEXT, **STAMP),
)


@given(EVENTS)
def test_an_event_survives_the_way_through_one_line_of_json(event: Event) -> None:
    line = encode_event(event)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode_event(line) == event


@given(EVENTS)
def test_every_line_has_the_envelope(event: Event) -> None:
    fields = json.loads(encode_event(event))
    assert {"schema", "seq", "time", "event"} <= set(fields)


@given(st.binary(max_size=60) | TEXT)
def test_any_other_line_is_a_value_error(line: bytes | str) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode_event(line)


@pytest.mark.parametrize(
    "line", ["[" * 100_000, "null", "[]", '{"event": "unknown"}', '{"event": "step"}']
)
def test_json_that_is_no_event_is_a_value_error(line: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode_event(line)


def test_a_diverged_loss_comes_back_as_nan() -> None:
    step = Step(iteration=7, loss=math.nan, losses=[math.inf, 0.5], lr=0.01)
    back = decode_event(encode_event(step))
    assert isinstance(back, Step)
    assert math.isnan(back.loss)
    assert math.isnan(back.losses[0])
    assert (back.iteration, back.losses[1], back.lr) == (7, 0.5, 0.01)


def test_numpy_numbers_and_paths_are_written_as_json() -> None:
    result = {"dice": np.float32(0.5), "ids": np.arange(2), "where": Path("a") / "b"}
    back = decode_event(encode_event(Finished(result=result)))
    assert isinstance(back, Finished)
    assert back.result == {"dice": 0.5, "ids": [0, 1], "where": str(Path("a") / "b")}


def test_a_file_name_in_another_encoding_does_not_lose_the_event() -> None:
    name = b"\xc4\xd4.dcm".decode("utf-8", "surrogateescape")
    back = decode_event(encode_event(Finished(result={name: [Path(name)]})))
    assert back == Finished(result={"\ufffd\ufffd.dcm": ["\ufffd\ufffd.dcm"]})


def test_an_event_of_a_later_version_with_more_fields_is_understood() -> None:
    fields = msgspec.to_builtins(Log(message="hello")) | {"colour": "red"}
    assert decode_event(json.dumps(fields)) == Log(message="hello")

"""The second axis of 4-D stacks."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medseg_desktop.core.time_axis import Moment, TimeAxis, find_grid, in_time_order

Make = Callable[[int, int], Moment]


def grid_of(positions: int, times: int, make: Make, seed: int = 0) -> list[tuple[int, int, Moment]]:
    """(position, time point, moment) of every frame, shuffled."""
    frames = [(p, t, make(p, t)) for t in range(times) for p in range(positions)]
    random.Random(seed).shuffle(frames)
    return frames


def numbered(p: int, t: int, **values: float) -> Moment:
    return Moment(instance_number=100 * t + p, **values)  # type: ignore[arg-type]


WAYS: dict[str, tuple[Make, TimeAxis]] = {
    "temporal position": (lambda p, t: Moment(temporal_index=t + 1), TimeAxis.TIME),
    "b-value": (lambda p, t: Moment(b_value=500.0 * t), TimeAxis.B_VALUE),
    "trigger time": (lambda p, t: Moment(trigger_ms=40.0 * t), TimeAxis.TRIGGER),
    "uneven heart": (lambda p, t: Moment(trigger_ms=(40.0 + p) * t + p), TimeAxis.TRIGGER),
    "acquisition": (lambda p, t: Moment(acquisition_number=t), TimeAxis.ACQUISITION),
    "volume time": (lambda p, t: Moment(acquired_s=2.0 * t), TimeAxis.TIME),
    "slice time": (lambda p, t: Moment(acquired_s=2.0 * t + 0.1 * p), TimeAxis.TIME),
    "content time": (lambda p, t: Moment(acquired_s=1.0, content_s=2.0 * t), TimeAxis.TIME),
    "number": (lambda p, t: Moment(instance_number=100 * t + p), TimeAxis.UNKNOWN),
    "slices first": (lambda p, t: Moment(instance_number=100 * p + t), TimeAxis.UNKNOWN),
    "counted": (
        lambda p, t: Moment(acquisition_number=100 * t + p, instance_number=100 * t + p),
        TimeAxis.UNKNOWN,
    ),
}


@pytest.mark.parametrize("way", WAYS)
@given(st.integers(2, 7), st.integers(2, 6), st.integers(0, 99))
def test_a_regular_stack_is_ordered_by_time_and_position(
    way: str, positions: int, times: int, seed: int
) -> None:
    make, axis = WAYS[way]
    frames = grid_of(positions, times, make, seed)
    found = find_grid([p for p, _, _ in frames], [m for _, _, m in frames])
    assert found is not None
    assert [(frames[i][1], frames[i][0]) for i in found.order] == [
        (t, p) for t in range(times) for p in range(positions)
    ]
    assert (found.axis, found.time_points, found.rest) == (axis, times, ())


@pytest.mark.parametrize(
    ("make", "labels"),
    [
        (WAYS["b-value"][0], ("b 0", "b 500", "b 1000")),
        (WAYS["trigger time"][0], ("t 0 ms", "t 40 ms", "t 80 ms")),
        (WAYS["slice time"][0], ("t 0 s", "t 2 s", "t 4 s")),
        (lambda p, t: Moment(temporal_index=t, acquired_s=9.5 * t), ("t 0 s", "t 9.5 s", "t 19 s")),
        (lambda p, t: Moment(temporal_index=t, acquired_s=5.0), ("", "", "")),
        (WAYS["number"][0], ("", "", "")),
    ],
)  # fmt: skip
def test_time_points_are_named_by_what_is_known(make: Make, labels: tuple[str, ...]) -> None:
    frames = grid_of(3, 3, make)
    found = find_grid([p for p, _, _ in frames], [m for _, _, m in frames])
    assert found is not None
    assert found.labels == labels


def test_directions_of_one_b_value_are_points_of_their_own_as_they_were_acquired() -> None:
    gradients = [None, (0.0, 0.0, 1.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)]
    frames = grid_of(
        3, 4, lambda p, t: Moment(None, 1000.0 * (t > 0), gradients[t], instance_number=10 * t + p)
    )
    found = find_grid([p for p, _, _ in frames], [m for _, _, m in frames])
    assert found is not None
    assert [frames[i][1] for i in found.order[::3]] == [0, 1, 2, 3]
    assert found.labels == ("b 0", "b 1000", "b 1000", "b 1000")


def test_repetitions_of_one_b_value_without_directions_are_told_apart_by_number() -> None:
    frames = grid_of(3, 3, lambda p, t: numbered(p, t, b_value=800.0 * (t > 0)))
    found = find_grid([p for p, _, _ in frames], [m for _, _, m in frames])
    assert found is not None
    assert (found.axis, found.labels) == (TimeAxis.B_VALUE, ("b 0", "b 800", "b 800"))


@given(st.integers(3, 6), st.integers(3, 6), st.data())
def test_incomplete_time_points_stay_apart(positions: int, times: int, data: st.DataObject) -> None:
    broken = data.draw(st.integers(0, times - 1))
    kept = data.draw(st.integers(1, positions - 1))
    frames = [
        f
        for f in grid_of(positions, times, lambda p, t: numbered(p, t, temporal_index=t))
        if f[1] != broken or f[0] < kept
    ]
    found = find_grid([p for p, _, _ in frames], [m for _, _, m in frames])
    assert found is not None
    assert (found.time_points, found.incomplete) == (times - 1, 1)
    assert {frames[i][1] for i in found.rest} == {broken}
    assert len(found.rest) == kept
    assert sorted((*found.order, *found.rest)) == list(range(len(frames)))


def test_frames_of_different_times_are_never_paired_by_counting() -> None:
    frames = [f for f in grid_of(4, 3, WAYS["number"][0]) if f[:2] != (0, 1)]
    assert find_grid([p for p, _, _ in frames], [m for _, _, m in frames]) is None


@pytest.mark.parametrize("positions", [[], [0], [0, 1, 2], [0, 0, 0], [0, 0, 1, 2]])
def test_what_repeats_nothing_or_not_everything_is_no_4d_stack(positions: list[int]) -> None:
    assert find_grid(positions, [Moment(instance_number=i) for i in positions]) is None


def test_frames_of_one_position_are_ordered_by_time() -> None:
    moments = [Moment(trigger_ms=ms) for ms in (80.0, 0.0, 40.0)]
    assert in_time_order(moments) == [1, 2, 0]
    assert in_time_order([Moment(), Moment()]) is None

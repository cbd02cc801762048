from __future__ import annotations

from medseg_desktop.core.evaluation.result import EvaluationRecord, Fate
from medseg_desktop.core.evaluation.rows import case_pairs, lesion_groups
from tests.evaluation_records import case, change, comparison, lesion, result


def record(*, compares: bool = True, dices: tuple[float | None, ...] = (0.8, 0.5, None, 0.7)) -> (
    EvaluationRecord
):  # fmt: skip
    names = [f"p{i}" for i in range(len(dices))]
    other = result("old", dices=(0.7, 0.6, None, 0.7), patients=names)
    return EvaluationRecord(
        subset="test",
        candidate=result("new", dices=dices, patients=names),
        champion=other if compares else None,
        comparison=comparison("new", "old") if compares else None,
    )


def test_patients_stand_in_the_order_of_what_the_candidate_loses() -> None:
    pairs = case_pairs(record())
    assert [pair.patient_hash for pair in pairs] == ["p1", "p3", "p0", "p2"]
    assert [pair.dice_difference is None for pair in pairs] == [False, False, False, True]


def test_of_one_model_the_lowest_dice_stands_first() -> None:
    pairs = case_pairs(record(compares=False))
    assert [pair.patient_hash for pair in pairs] == ["p1", "p3", "p0", "p2"]
    assert all(pair.champion is None for pair in pairs)


def test_a_patient_whom_only_one_model_has_is_still_listed() -> None:
    whole = record()
    assert whole.champion is not None
    short = EvaluationRecord(
        subset="test",
        candidate=whole.candidate,
        champion=result("old", dices=(0.7,), patients=["p0"]),
        comparison=whole.comparison,
    )
    pairs = case_pairs(short)
    assert pairs[0].patient_hash == "p0"
    assert [pair.champion is None for pair in pairs] == [False, True, True, True]


def test_the_largest_lesion_stands_first_and_unknown_volumes_go_by_pixels() -> None:
    small, large = change(lesion(1, 0.2)), change(lesion(2, 3.0))
    unknown = change(lesion(3, None))
    compared = comparison("new", "old")
    mixed = EvaluationRecord(
        subset="test",
        candidate=result("new", dices=()),
        comparison=type(compared)(candidate="n", champion="o", lost=(small, unknown, large)),
    )
    groups = lesion_groups(mixed)
    assert list(groups) == [Fate.LOST, Fate.GAINED, Fate.NEW_FALSE, Fate.GONE_FALSE]
    assert groups[Fate.LOST] == (large, small, unknown)


def test_one_model_has_missed_and_false_lesions() -> None:
    found, missed, false = lesion(1, 2.0, overlap=0.4), lesion(2, 0.3), lesion(1, 0.1)
    alone = EvaluationRecord(
        subset="all",
        candidate=result("m", cases=[case("p", lesions=[found, missed], false_lesions=[false])]),
    )
    groups = lesion_groups(alone)
    assert {fate: [c.lesion for c in group] for fate, group in groups.items()} == {
        Fate.MISSED: [missed],
        Fate.FALSE: [false],
    }
    assert groups[Fate.MISSED][0].patient_hash == "p"

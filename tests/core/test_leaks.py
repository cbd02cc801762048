"""What stands on two sides of a split is found and named, and nothing else is."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from medseg_desktop.core.finding import LEAK
from medseg_desktop.core.leaks import (
    PlacedSeries,
    PlacedSlice,
    near_duplicates,
    same_instances,
    same_patients,
    same_pictures,
)
from medseg_desktop.core.slice_facts import SliceFacts
from medseg_desktop.core.split import SetName

ALL_SETS: tuple[SetName, ...] = ("train", "val", "test", "incoming")


def series(patient: str, name: SetName, **tells: str) -> PlacedSeries:
    return PlacedSeries(title=f"folder {patient}", set=name, patient=patient, **tells)


def facts(picture: bytes, foreground: float = 0.5, look: bytes | None = None) -> SliceFacts:
    return SliceFacts((9, 9), (9, 9), {}, picture, foreground, look)


def one_slice(
    patient: str, name: SetName, k: int = 0, told: SliceFacts | None = None, uid: str | None = None
) -> PlacedSlice:
    instance = (f"{patient}.{k}" if uid is None else uid, 0)
    return PlacedSlice(
        title=f"{patient}/{k}",
        set=name,
        patient=patient,
        series=(patient, "", 0),
        series_title=f"series of {patient}",
        instance=instance if instance[0] else None,
        facts=told,
    )


def test_one_patient_id_in_two_folders_on_two_sides_is_told_with_both() -> None:
    data = [
        series("a", "train", patient_id="P1"),
        series("b", "test", patient_id="P1"),
        series("c", "train", patient_id="P2"),
    ]
    (finding,) = same_patients(data)
    assert finding.kind == LEAK
    assert finding.message == (
        "The same PatientID stands in two sets: folder a (train) and folder b (test)."
    )
    assert "Put both patients into one set" in finding.cure


def test_what_an_anonymiser_gave_to_everybody_tells_nothing() -> None:
    sides: tuple[tuple[str, SetName], ...] = (("a", "train"), ("b", "val"), ("c", "test"))
    anonymous = [
        series(p, name, patient_id="ANON", study_uid="1.2", uid="1.2.3") for p, name in sides
    ]
    assert list(same_patients(anonymous)) == []
    # A UID that two patients share is too rare a thing to be an anonymiser's.
    two = [series("a", "train", study_uid="1.2"), series("b", "test", study_uid="1.2")]
    assert [f.message for f in same_patients(two)] == [
        "The same study stands in two sets: folder a (train) and folder b (test)."
    ]


def test_a_study_or_series_under_two_patients_is_told_once() -> None:
    others = [series(p, "train", study_uid=p, uid=p) for p in "xyz"]
    copied = [
        series("a", "train", study_uid="1", uid="2"),
        series("b", "val", study_uid="1", uid="2"),
    ]
    (finding,) = same_patients([*others, *copied])
    assert "study" in finding.message
    only_series = [series("a", "train", uid="2"), series("b", "val", uid="2"), *others]
    (finding,) = same_patients(only_series)
    assert "The same series stands in two sets" in finding.message
    same_side = [series("a", "val", uid="2"), series("b", "val", uid="2"), *others]
    assert list(same_patients(same_side)) == []
    unknown = [series("a", "train"), series("b", "val"), *others]
    assert list(same_patients(unknown)) == []


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(ALL_SETS), st.integers(0, 3))))
def test_an_instance_is_a_leak_exactly_where_it_is_on_two_sides(
    placed: list[tuple[str, SetName, int]],
) -> None:
    slices = [one_slice(p, name, k, uid=str(k)) for p, name, k in placed]
    sides: dict[int, set[str]] = {}
    for _, name, k in placed:
        if name != "incoming":
            sides.setdefault(k, set()).add(name)
    leaking = sum(len(names) > 1 for names in sides.values())
    found = list(same_instances(slices))
    assert len(found) == (leaking > 0)
    if leaking > 1:
        assert f"and {leaking - 1} more like this" in found[0].message


def test_slices_without_uid_are_no_instances() -> None:
    assert (
        list(same_instances([one_slice("a", "train", uid=""), one_slice("b", "val", uid="")])) == []
    )


def test_equal_pixels_count_where_there_is_something_on_the_slice() -> None:
    def found(foreground: float) -> list[str]:
        told = facts(b"same", foreground)
        slices = [one_slice("a", "train", 3, told), one_slice("b", "val", 5, told)]
        return [f.message for f in same_pictures(slices)]

    assert found(0.10) == []
    assert found(0.11) == ["The same picture stands in two sets: a/3 (train) and b/5 (val)."]


def test_equal_pixels_without_any_uid_count_too() -> None:
    told = facts(b"same")
    slices = [one_slice("a", "train", 3, told, ""), one_slice("b", "val", 5, told, "")]
    assert len(list(same_pictures(slices))) == 1


def test_the_same_file_is_not_told_once_more_as_a_picture() -> None:
    told = facts(b"same")
    slices = [one_slice("a", "train", 0, told, "1"), one_slice("b", "val", 0, told, "1")]
    assert list(same_pictures(slices)) == []
    assert len(list(same_instances(slices))) == 1


def look(k: int, changed_bits: int = 0) -> bytes:
    """Hashes that differ in half of their bits for different k."""
    bits = np.random.default_rng(k).integers(0, 2, 256).astype(np.uint8)
    bits[:changed_bits] ^= 1
    return np.packbits(bits).tobytes()


def stack(
    patient: str, name: SetName, looks: list[bytes], foreground: float = 0.5
) -> list[PlacedSlice]:
    return [
        one_slice(patient, name, k, facts(f"{patient}{k}".encode(), foreground, value))
        for k, value in enumerate(looks)
    ]


def test_three_slices_that_are_nearly_the_same_warn_and_two_do_not() -> None:
    original = stack("a", "train", [look(k) for k in range(6)])

    def found(number: int, name: SetName = "test", bits: int = 20) -> list[str]:
        looks = [look(k, bits) if k < number else look(100 + k) for k in range(5)]
        return [f.message for f in near_duplicates([*original, *stack("b", name, looks)])]

    assert found(2) == []
    assert found(3) == [
        "Series of two sets look nearly the same: series of a (train) and series of b (test) "
        "on 3 slices."
    ]
    assert found(5, bits=60) == []
    assert found(5, "train") == []
    assert found(5, "incoming") == []


def test_one_slice_like_three_others_is_not_three() -> None:
    original = stack("a", "train", [look(0), look(1), look(2)])
    copy = stack("b", "test", [look(0, 5), look(0, 9), look(0, 12)])
    assert list(near_duplicates([*original, *copy])) == []


def test_identical_and_empty_slices_are_not_nearly_the_same() -> None:
    looks = [look(k) for k in range(4)]
    original = stack("a", "train", looks)
    empty = stack("b", "test", looks, foreground=0.05)
    assert list(near_duplicates([*original, *empty])) == []
    identical = [one_slice("c", "test", k, s.facts) for k, s in enumerate(original)]
    assert list(near_duplicates([*original, *identical])) == []
    assert len(list(same_pictures([*original, *identical]))) == 1


def test_several_pairs_are_named_and_counted() -> None:
    looks = [look(k) for k in range(3)]
    series_of_all = [
        s
        for k, p in enumerate("abcdef")
        for s in stack(p, "train" if k < 2 else "test", [*looks, look(200 + k)])
    ]
    (finding,) = near_duplicates(series_of_all)
    assert finding.message.endswith(" and 5 more.")
    assert finding.kind == ""

from __future__ import annotations

from dataclasses import replace

from medseg_desktop.core.retraining.check import (
    NOTHING_NEW,
    RetrainFacts,
    memory_warning,
    problems,
    warnings,
)
from medseg_desktop.core.retraining.news import UNDRAWN, Basis, SetNews, SetSize, TrainingNews

SIZES = {"train": SetSize(5, 60, 30), "val": SetSize(2, 20, 8), "test": SetSize(3, 40, 20)}
NEWS = TrainingNews(Basis.DATASET, {"train": SetNews(1, 12, 0, 0, 9)}, SIZES)
FACTS = RetrainFacts(NEWS, champion="flair-v2", slices=200)


def said(facts: RetrainFacts) -> str:
    return " ".join(f"{p.message} {p.cure}" for p in (*problems(facts), *warnings(facts)))


def test_good_data_is_not_commented_on() -> None:
    assert problems(FACTS) == ()
    assert warnings(FACTS) == ()


def test_a_folder_without_reviewed_slices_is_refused_in_one_sentence() -> None:
    empty = RetrainFacts(TrainingNews(), source="D:/scans", slices=40, broken=("a.json: torn",))
    (only,) = problems(empty)
    assert only.message == "D:/scans has no reviewed slice."
    assert warnings(empty) == ()


def test_nothing_to_learn_is_refused() -> None:
    healthy = {**SIZES, "train": SetSize(5, 60, 0)}
    (only,) = problems(replace(FACTS, news=TrainingNews(Basis.DATASET, NEWS.sets, healthy)))
    assert only.message == "No training patient has an outlined lesion."
    alone = TrainingNews(Basis.NOTHING, {}, {UNDRAWN: SetSize(1, 20, 9)})
    assert problems(RetrainFacts(alone))[0].message.startswith("Only one patient")
    clear = TrainingNews(Basis.NOTHING, {}, {UNDRAWN: SetSize(6, 20, 0)})
    assert problems(RetrainFacts(clear))[0].message == "No reviewed slice has a lesion."


def test_files_that_cannot_be_used_are_refused_unless_they_are_to_be_left_out() -> None:
    broken = replace(FACTS, broken=("P1/a.json: no label", "P1/b.json: torn"))
    (only,) = problems(broken)
    assert only.message == "P1/a.json: no label (1 more file with problems)."
    left_out = replace(broken, skip_broken=True)
    assert problems(left_out) == ()
    assert warnings(left_out)[0].message.startswith("2 annotation files")


def test_nothing_new_is_said_and_allowed() -> None:
    facts = replace(FACTS, news=TrainingNews(Basis.DATASET, {}, SIZES))
    assert problems(facts) == ()
    (only,) = warnings(facts)
    assert only.kind == NOTHING_NEW
    assert only.message == "Nothing is new since flair-v2; a retraining would only repeat it."


def test_a_retraining_from_other_weights_repeats_nothing() -> None:
    facts = replace(FACTS, news=TrainingNews(Basis.DATASET, {}, SIZES), seen_test_patients=1)
    first, second = warnings(facts)
    assert first.message == "Nothing is new since flair-v2."
    assert "test patient" in second.message


def test_corrections_on_test_patients_teach_nothing() -> None:
    sets = {"test": SetNews(corrected_slices=1, corrected_shapes=2)}
    (only,) = warnings(replace(FACTS, news=TrainingNews(Basis.DATASET, sets, SIZES)))
    assert only.kind == NOTHING_NEW
    assert "learn nothing new" in only.cure


def test_patients_that_wait_teach_nothing_and_are_said() -> None:
    sizes = {**SIZES, "incoming": SetSize(2, 30, 9)}
    news = TrainingNews(Basis.DATASET, {"incoming": SetNews(2, 30, 0, 0, 9)}, sizes)
    first, second = warnings(replace(FACTS, news=news))
    assert first.message.startswith("Nothing is new since flair-v2")
    assert second.message == "2 patients with reviewed slices wait to be assigned."


def test_a_champion_that_knows_test_patients_is_no_start() -> None:
    text = said(replace(FACTS, seen_test_patients=2))
    assert "flair-v2 was trained on 2 patients who are test patients now." in text
    assert "starts from the starter weights" in text


def test_absent_patients_and_a_missing_test_set_are_said() -> None:
    news = TrainingNews(Basis.DATASET, NEWS.sets, {"train": SetSize(5, 60, 30)}, absent_patients=4)
    text = said(replace(FACTS, news=news))
    assert "4 patients of flair-v2 have no reviewed slice here." in text
    assert "No test patient is here, so nothing can be compared." in text
    few = TrainingNews(Basis.NOTHING, {}, {UNDRAWN: SetSize(4, 40, 20)})
    many = TrainingNews(Basis.NOTHING, {}, {UNDRAWN: SetSize(5, 40, 20)})
    assert "nothing can be compared" in said(RetrainFacts(few))
    assert said(RetrainFacts(many)) == ""


def test_a_full_disk_is_refused_and_a_narrow_one_said() -> None:
    full = replace(FACTS, disk_bytes=300_000_000, disk_free_bytes=200_000_000)
    assert "300 MB will be written, but only 200 MB" in problems(full)[0].message
    narrow = replace(full, disk_free_bytes=400_000_000)
    assert problems(narrow) == ()
    assert warnings(narrow)[0].cure == "Make room on the disk."
    assert said(replace(full, disk_free_bytes=None)) == ""


def test_a_damaged_champion_is_said_first() -> None:
    facts = replace(FACTS, champion_problem="flair-v2 was changed after A promoted it.")
    assert problems(facts)[0].cure == "Promote a model again."


def test_too_little_memory_is_said() -> None:
    warned = memory_warning(1_300_000_000, 900_000_000)
    assert warned is not None
    assert "1.3 GB" in warned.message
    assert memory_warning(1_300_000_000, None) is None
    assert memory_warning(1_000, 900_000_000) is None

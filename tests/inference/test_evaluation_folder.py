"""`evaluate --out`: the folder of an evaluation through the whole job."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest

from medseg_desktop.core.errors import Cancelled, DataError, WorkspaceError
from medseg_desktop.core.evaluation.result import EvaluationResult, ModelComparison
from medseg_desktop.core.notice import RESEARCH_NOTICE
from medseg_desktop.core.specs import EvaluateSpec
from medseg_desktop.inference.evaluating import gallery
from medseg_desktop.inference.evaluation import run_evaluation
from medseg_desktop.io.dicom.stacks import patient_hash
from medseg_desktop.io.evaluation.folder import read_record
from medseg_desktop.io.model_package import read_info
from tests.builders import QuietContext, annotation_json, shape_json, write_dicom, write_json
from tests.html_page import Page
from tests.inference.test_comparison import ALL_TEST, SCENE
from tests.scenes import SALT, SIZE, Box, write_scene, write_threshold

P1, P2, P3 = (patient_hash(SALT, name) for name in ("P1", "P2", "P3"))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """In a folder, and with patients, whose names must not get out."""
    return write_scene(tmp_path / "Jane Doe", SCENE)


@pytest.fixture
def keen(tmp_path: Path) -> Path:
    return write_threshold(tmp_path / "keen", 100.5, ALL_TEST)


@pytest.fixture
def strict(tmp_path: Path) -> Path:
    return write_threshold(tmp_path / "strict", 200.5, ALL_TEST)


def evaluate(
    model: Path, source: Path, out: Path, context: QuietContext | None = None, **options: Any
) -> dict[str, Any]:
    spec = EvaluateSpec(
        model=str(model), source=str(source), out=str(out), salt=SALT.hex(), **options
    )
    return run_evaluation(spec, context or QuietContext())


def rows(path: Path) -> list[dict[str, str]]:
    data = path.read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")  # so that spreadsheets see that it is UTF-8
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def files(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def check_page(page: Page) -> None:
    """It is whole, loads nothing, and tells of nobody."""
    assert page.unbalanced == []
    assert all(address.startswith("data:image/jpeg;base64,") for address in page.addresses)
    assert not {"script", "link", "iframe", "object", "base", "form", "a"} & set(page.tags)
    assert RESEARCH_NOTICE in page.text
    for word in ("Jane", "Doe", "Name^", "IM0000", ".dcm", "/tmp", "\\"):
        assert word not in page.text, word
    assert not re.search(r"\bP[123]\b", page.text)  # the patients' own names
    assert not re.search(r"2\.25\.\d+", page.text)  # UIDs


def test_the_record_is_what_the_job_answers(
    source: Path, keen: Path, strict: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    result = evaluate(keen, source, out, against=str(strict), subset="test")
    record = read_record(out)
    assert record.candidate == msgspec.convert(result, EvaluationResult)
    assert record.champion == msgspec.convert(result["against"], EvaluationResult)
    assert record.comparison == msgspec.convert(result["comparison"], ModelComparison)
    assert (record.subset, record.source) == ("test", (str(source),))
    assert len(record.split_hash) == 64
    assert record.created.endswith("+00:00")


def test_every_change_has_its_picture(
    source: Path, keen: Path, strict: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    result = evaluate(keen, source, out, against=str(strict))
    comparison = result["comparison"]
    assert [c["picture"] for c in comparison["gained"]] == ["pictures/gained-01.png"]
    assert [c["picture"] for c in comparison["new_false"]] == [
        "pictures/new-false-01.png", "pictures/new-false-02.png",
    ]  # fmt: skip
    assert files(out) == [
        "cases.csv", "evaluation.json", "lesions.csv", "pictures/gained-01.png",
        "pictures/new-false-01.png", "pictures/new-false-02.png", "report.html",
    ]  # fmt: skip
    picture = cv2.imread(str(out / "pictures" / "gained-01.png"))
    assert picture is not None
    assert picture.shape[1] > 3 * picture.shape[0]  # the slice, the candidate, the champion


def test_of_one_model_missed_and_false_lesions_are_shown(
    source: Path, strict: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    result = evaluate(strict, source, out)
    pictured = {x["picture"] for c in result["cases"] for x in (*c["lesions"], *c["false_lesions"])}
    assert pictured == {
        "",
        "pictures/missed-01.png",
        *(f"pictures/false-0{i}.png" for i in (1, 2, 3, 4)),
    }
    page = Page(out / "report.html")
    check_page(page)
    assert "Missed lesions One lesion." in page.text
    assert f"patient {P1}, slice 1 of 1 to 2" in page.text
    assert "False lesions All 4, the largest first." in page.text
    assert page.tags.count("img") == 5
    assert page.tags.count("svg") == 3


def test_the_report_of_a_comparison_tells_all_and_names_nobody(
    source: Path, keen: Path, strict: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    evaluate(keen, source, out, against=str(strict), subset="test")
    page = Page(out / "report.html")
    check_page(page)
    for words in (
        "Comparison: keen-v1 and strict-v1",
        "3 patients kept for testing, 5 reviewed slices",
        "2 patients with lesion: too few to tell whether keen-v1 or strict-v1 is better.",
        "keen-v1 finds 1 lesion that strict-v1 misses, and misses 0 that it finds.",
        "Gained lesions: only the candidate finds them One lesion.",
        "overlap with the candidate 100 %, with the champion 0 %",
        "New false lesions: only the candidate has them All 2",
        read_info(keen).network_digest,
        read_record(out).split_hash,
        *(P1, P2, P3),
    ):
        assert words in page.text, words
    assert "Lost lesions" not in page.text
    assert page.tags.count("svg") == 4
    assert page.tags.count("img") == 3


def test_a_patient_seen_in_training_is_marked(source: Path, keen: Path, tmp_path: Path) -> None:
    old = write_threshold(tmp_path / "old", 200.5, {"P1": "train", "P2": "test", "P3": "test"})
    evaluate(keen, source, tmp_path / "out", against=str(old), subset="test")
    text = Page(tmp_path / "out" / "report.html").text
    assert "The two models cannot be compared fairly on these patients." in text
    assert f"1 of 3 patients was used to train old-v1: {P1}." in text
    assert "test, seen" in text
    seen = [(r["role"], r["seen_in_training"]) for r in rows(tmp_path / "out" / "cases.csv")]
    assert seen == [("candidate", "no")] * 3 + [("champion", "yes"), *[("champion", "no")] * 2]


def test_the_tables_hold_what_the_record_holds(
    source: Path, keen: Path, strict: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    evaluate(keen, source, out, against=str(strict), subset="test")
    record = read_record(out)
    cases = rows(out / "cases.csv")
    assert [(r["role"], r["model"], r["patient"]) for r in cases] == [
        (role, model, h)
        for role, model in (("candidate", "keen-v1"), ("champion", "strict-v1"))
        for h in (P1, P2, P3)
    ]
    assert record.champion is not None
    told = [*record.candidate.cases, *record.champion.cases]
    for row, case in zip(cases, told, strict=True):
        for column, value in (
            ("dice", case.foreground_dice), ("dice_H", case.dice["H"]), ("hd95_mm", case.hd95_mm),
            ("annotated_ml", case.truth_ml), ("predicted_ml", case.predicted_ml),
            ("volume_difference_ml", case.volume_difference_ml),
            ("false_positive_ml", case.false_positive_ml), ("lesions", len(case.lesions)),
            ("lesions_found", case.n_found), ("false_lesions", case.n_false_lesions),
            ("slices", case.n_slices), ("predicted_pixels", case.predicted_pixels),
        ):  # fmt: skip
            assert (float(row[column]) if row[column] else None) == value, column
    lesions = rows(out / "lesions.csv")
    assert len(lesions) == sum(len(c.lesions) + len(c.false_lesions) for c in told)
    changes = [
        (r["role"], r["patient"], r["kind"], r["lesion"], r["change"])
        for r in lesions
        if r["change"]
    ]
    assert changes == [
        ("candidate", P1, "annotated", "2", "gained"),
        ("candidate", P1, "false", "2", "new false"),
        ("candidate", P3, "false", "1", "new false"),
        ("champion", P1, "annotated", "2", "gained"),
    ]
    gained = next(r for r in lesions if r["change"] == "gained")
    assert (gained["pixels"], gained["volume_ml"], gained["slices"]) == ("6", "0.03", "2")
    assert (gained["first_slice"], gained["last_slice"], gained["largest_slice"]) == ("1", "2", "1")
    assert (gained["overlap"], gained["found"]) == ("1.0", "yes")
    assert gained["picture"] == "pictures/gained-01.png"
    text = (out / "cases.csv").read_text("utf-8-sig") + (out / "lesions.csv").read_text("utf-8-sig")
    assert not re.search(r"2\.25\.|Jane|IM0000|\bP[123]\b", text)


def test_a_label_that_a_spreadsheet_would_run_is_only_text(tmp_path: Path) -> None:
    evil = '=HYPERLINK("http://x")'
    source = write_scene(tmp_path / "s", {"P1": [[Box(4, 4, 5, 5, 120, evil)]]})
    model = write_threshold(tmp_path / "m", 100.5, labels=(evil,))
    evaluate(model, source, tmp_path / "out")
    assert {r["label"] for r in rows(tmp_path / "out" / "lesions.csv")} == {f"'{evil}"}
    check = Page(tmp_path / "out" / "report.html")
    assert evil in check.text
    assert check.unbalanced == []


def test_a_single_patient_without_lesion_makes_a_report_too(tmp_path: Path) -> None:
    source = write_scene(tmp_path / "s", {"P3": [[]]})
    model = write_threshold(tmp_path / "m", 100.5)
    evaluate(model, source, tmp_path / "out")
    page = Page(tmp_path / "out" / "report.html")
    check_page(page)
    assert "False lesions One lesion." in page.text  # the corner
    evaluate(model, source, tmp_path / "both", against=str(model))
    page = Page(tmp_path / "both" / "report.html")
    check_page(page)
    assert "Both models find the same lesions and have the same false lesions." in page.text
    assert not list((tmp_path / "both" / "pictures").iterdir())


def test_only_the_largest_lesions_have_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery, "MOST_PICTURES", 3)
    boxes = {f"P{i}": [[Box(4, 4, 2, i + 1, 120), Box(20, 4, 3, i + 1, 120)]] for i in range(1, 5)}
    source = write_scene(tmp_path / "s", boxes)
    model = write_threshold(tmp_path / "m", 200.5)
    result = evaluate(model, source, tmp_path / "out")
    shown = {
        x["picture"]: x["pixels"] for c in result["cases"] for x in c["lesions"] if x["picture"]
    }
    assert shown == {f"pictures/missed-0{i}.png": n for i, n in ((1, 15), (2, 12), (3, 10))}
    assert (
        "The 3 largest of 8; the list is in lesions.csv."
        in Page(tmp_path / "out" / "report.html").text
    )


def test_notes_on_annotation_files_stay_in_the_record(
    source: Path, keen: Path, tmp_path: Path
) -> None:
    broken = annotation_json("IM0000.dcm", {0: [shape_json([[1, 1], [5, 5]])]}, SIZE)
    write_json(source / "P3" / "IM0000.json", broken)
    write_json(source / "P2" / "IM0000.json", broken)
    evaluate(keen, source, tmp_path / "out", skip_broken=True)
    page = Page(tmp_path / "out" / "report.html")
    check_page(page)
    assert "2 notes on annotation files: see evaluation.json." in page.text
    assert any("P3/IM0000.json" in w for w in read_record(tmp_path / "out").candidate.warnings)


@pytest.mark.parametrize("is_compared", [False, True])
def test_a_stopped_job_leaves_nothing(
    is_compared: bool, source: Path, keen: Path, strict: Path, tmp_path: Path
) -> None:
    out = tmp_path / "results" / "out"
    options = {"against": str(strict)} if is_compared else {}
    with pytest.raises(Cancelled):
        evaluate(keen, source, out, QuietContext(stop_in="evaluate"), **options)
    assert not out.exists()
    assert not out.parent.exists()


def test_a_full_disk_leaves_nothing(
    source: Path, keen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.write_bytes

    def write_bytes(path: Path, data: bytes) -> int:
        if path.suffix == ".png":
            raise OSError(28, "No space left on device")
        return real(path, data)

    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    with pytest.raises(WorkspaceError, match="the disk is full"):
        evaluate(keen, source, tmp_path / "results" / "out")
    assert list((tmp_path / "results").iterdir()) == []


def test_a_folder_in_use_is_refused_before_anything_is_done(
    source: Path, keen: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("x")
    context = QuietContext()
    with pytest.raises(WorkspaceError, match="exists already and is not empty"):
        evaluate(keen, source, out, context)
    assert context.phases == []
    assert files(out) == ["mine.txt"]


def test_a_slice_that_cannot_be_read_is_named_and_nothing_is_written(
    source: Path, keen: Path, strict: Path, tmp_path: Path
) -> None:
    damage(source / "P2" / "IM0001.dcm")
    with pytest.raises(DataError, match=r"P2/IM0001\.dcm is annotated but unreadable"):
        evaluate(keen, source, tmp_path / "out", against=str(strict))
    assert not (tmp_path / "out").exists()
    result = evaluate(keen, source, tmp_path / "out", skip_broken=True)
    assert [c["n_slices"] for c in result["cases"]] == [2, 1, 1]
    assert any(w.startswith("A slice was left out: P2/IM0001") for w in result["warnings"])
    check_page(Page(tmp_path / "out" / "report.html"))


def damage(path: Path) -> None:
    """A file that says what it is and whose pixels cannot be decoded."""
    pixels = np.zeros(SIZE, np.uint8)
    write_dicom(path, pixels, patient="P2", number=1, position_mm=(0, 0, 5), syntax="rle")
    data = path.read_bytes()
    at = data.index(b"\xfe\xff\x00\xe0", data.index(b"\xe0\x7f\x10\x00") + 12)
    path.write_bytes(data[: at + 20] + b"\xff" * (len(data) - at - 28) + data[-8:])


def test_slices_none_of_which_can_be_read_are_an_error(tmp_path: Path, keen: Path) -> None:
    source = write_scene(tmp_path / "s", {"P2": [[]]})
    damage(source / "P2" / "IM0000.dcm")
    with pytest.raises(DataError, match="holds no reviewed slice that can be read"):
        evaluate(keen, source, tmp_path / "out", skip_broken=True)


def test_a_useless_model_is_told_within_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thousands of specks are counted, and only the largest are listed."""
    from medseg_desktop.inference import evaluation

    monkeypatch.setattr(evaluation, "_MOST_FALSE", 4)
    monkeypatch.setattr(evaluation, "_FEWEST_FALSE", 2)
    specks = [Box(2 * i, 2 * k, 1, 1, 250, "") for i in range(10) for k in range(10)]
    scene: Mapping[str, Sequence[Sequence[Box]]] = {"P1": [specks], "P2": [[]]}
    source = write_scene(tmp_path / "s", scene)
    model = write_threshold(tmp_path / "m", 100.5)
    result = evaluate(model, source, tmp_path / "out")
    assert [(c["n_false_lesions"], len(c["false_lesions"])) for c in result["cases"]] == [
        (101, 2), (1, 1),
    ]  # fmt: skip
    assert result["summary"]["false_lesions"]["mean"] == 51
    assert (
        "m-v1 has 102 false lesions; 3 of them, the largest of each patient, are listed."
        in result["warnings"]
    )
    assert "The 3 largest of 102" in Page(tmp_path / "out" / "report.html").text


def test_the_picture_shows_the_outlines_in_their_colours(
    source: Path, strict: Path, tmp_path: Path
) -> None:
    evaluate(strict, source, tmp_path / "out")
    picture = cv2.imread(str(tmp_path / "out" / "pictures" / "missed-01.png"))
    assert picture is not None
    rgb = picture[..., ::-1].reshape(-1, 3)
    assert (rgb == (126, 224, 129)).all(axis=1).any()  # the annotation
    left, right = np.split(picture[:, :480], 2, axis=1)
    assert not np.array_equal(left, right)

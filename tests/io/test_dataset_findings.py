"""Each thing that can be wrong with a dataset, on real folders."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medseg_desktop.core.errors import Cancelled
from medseg_desktop.core.finding import LEAK
from medseg_desktop.core.specs import TrainSpec
from medseg_desktop.io.dataset import DatasetFile, read_dataset
from medseg_desktop.io.dataset_scan import Scan, scan_pixels
from medseg_desktop.io.png import read_grey_png, write_png
from medseg_desktop.io.preflight import Preflight, check_training
from tests.builders import patient_hash, write_dataset


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five training patients, one in each other set, three slices each, the last without lesion."""
    return write_dataset(tmp_path / "d", {"train": 5, "val": 1, "test": 1}, slices=3)


def check(folder: Path, size: int = 64) -> Preflight:
    dataset = read_dataset(folder)
    spec = TrainSpec(dataset=str(folder), run=str(folder / "run"), model_name="m", size=size,
                     batch_size=2)  # fmt: skip
    return check_training(dataset, spec, scan_pixels(dataset, threads=2))


def change(folder: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    """Edit the entry of every slice in the manifest."""
    path = folder / "manifest.json"
    data = json.loads(path.read_text("utf-8"))
    for file in data["files"]:
        edit(file)
    path.write_text(json.dumps(data))


def first(folder: Path, name: str) -> DatasetFile:
    return read_dataset(folder).files(name)[0]  # type: ignore[arg-type]


def only(findings: list[Any], words: str) -> str:
    """The one finding with these words."""
    texts = [f"{f.message} {f.cure}" for f in findings]
    found = [text for text in texts if words in text]
    assert len(found) == 1, texts
    return found[0]


def copy_slice(folder: Path, source: DatasetFile, target: DatasetFile) -> None:
    image = folder / "images"
    (image / target.name).write_bytes((image / source.name).read_bytes())


def test_a_sound_dataset_gives_no_finding_but_what_it_cannot_tell(folder: Path) -> None:
    found = check(folder)
    assert found.may_start
    assert found.pixels_read
    assert not found.leaks
    assert found.warnings == []
    assert "changed since the conversion" in only(found.notes, "does not tell")


def test_lesions_and_shares_are_those_of_the_pixels(folder: Path) -> None:
    train = check(folder).sets["train"]
    dataset = read_dataset(folder)
    maps = [dataset.label_map(file) for file in dataset.files("train")]
    sizes = sorted(int(m.sum()) for m in maps if m.any())
    lesions = train.lesions
    assert lesions is not None
    # Without the slices' places, no slice is the neighbour of another.
    assert (lesions.number, lesions.unit) == (len(sizes), "pixels")
    assert (lesions.smallest, lesions.largest) == (sizes[0], sizes[-1])
    assert lesions.median == pytest.approx(np.median(sizes))
    assert train.shares["H"].pixels == pytest.approx(sum(sizes) / (15 * 64 * 64))
    assert train.shares["H"].slices == pytest.approx(10 / 15)


def test_lesions_are_joined_over_slices_and_have_volumes_where_places_are_known(
    folder: Path,
) -> None:
    places = iter(range(100))

    def place(file: dict[str, Any]) -> None:
        index = next(places) % 3
        file["place"] = {"stack": 0, "index": index, "positions": 3, "voxel_ml": 0.01}

    change(folder, place)
    dataset = read_dataset(folder)
    a, b = dataset.files("val")[:2]
    square = np.zeros((64, 64), np.uint8)
    square[10:20, 10:20] = 1
    for file in (a, b):
        write_png(folder / "masks2" / file.name, square)
    lesions = check(folder).sets["val"].lesions
    assert lesions is not None
    assert (lesions.number, lesions.unit) == (1, "ml")
    assert lesions.largest == pytest.approx(200 * 0.01)


def test_the_same_picture_in_two_sets_forbids_the_training_and_names_both(folder: Path) -> None:
    source, target = first(folder, "train"), first(folder, "test")
    copy_slice(folder, source, target)
    found = check(folder)
    assert not found.may_start
    assert found.leaks
    assert found.problems[0].kind == LEAK
    text = only(found.problems, "same picture")
    assert f"{source.name} of patient {patient_hash('train', 0)} (train)" in text
    assert f"{target.name} of patient {patient_hash('test', 0)} (test)" in text


def test_equal_slices_with_little_on_them_are_no_leak(folder: Path) -> None:
    almost_empty = np.zeros((64, 64), np.uint8)
    almost_empty[:6] = 200  # 9 % of it
    for name in ("train", "val"):
        write_png(folder / "images" / first(folder, name).name, almost_empty)
    assert not check(folder).leaks
    almost_empty[:7] = 200  # 11 %
    for name in ("train", "val"):
        write_png(folder / "images" / first(folder, name).name, almost_empty)
    assert check(folder).leaks


def test_the_same_picture_twice_in_one_set_is_no_leak(folder: Path) -> None:
    a, b = read_dataset(folder).files("train")[:2]
    copy_slice(folder, a, b)
    assert not check(folder).leaks


def test_the_same_frame_of_a_file_in_two_sets_is_a_leak_that_needs_no_pixels(folder: Path) -> None:
    trained = first(folder, "train")

    def edit(file: dict[str, Any]) -> None:
        if file["name"] == first_val:
            file["sop_uid"] = trained.sop_uid

    first_val = first(folder, "val").name
    change(folder, edit)
    dataset = read_dataset(folder)
    spec = TrainSpec(dataset=str(folder), run="run", model_name="m", size=64, batch_size=2)
    found = check_training(dataset, spec)
    assert found.leaks
    text = only(found.problems, "same DICOM slice")
    assert trained.name in text
    assert first_val in text


def test_the_same_series_under_two_patients_in_two_sets_is_a_leak(folder: Path) -> None:
    trained = first(folder, "train").series_uid
    test = {f.name for f in read_dataset(folder).files("test")}

    def edit(file: dict[str, Any]) -> None:
        if file["name"] in test:
            file["series_uid"] = trained

    change(folder, edit)
    text = only(check(folder).problems, "same series stands in two sets")
    assert f"of patient {patient_hash('train', 0)} (train)" in text
    assert f"of patient {patient_hash('test', 0)} (test)" in text


def test_series_that_look_nearly_the_same_in_two_sets_are_a_warning(folder: Path) -> None:
    dataset = read_dataset(folder)
    rng = np.random.default_rng(4)
    y, x = np.mgrid[:64, :64]
    for original, copy in zip(dataset.files("train")[:3], dataset.files("test"), strict=True):
        head = 70.0 * ((x - 32) ** 2 + (y - 32) ** 2 < 27**2)
        for left, top in rng.uniform(9, 55, (12, 2)):
            head += 30 * np.exp(-((x - left) ** 2 + (y - top) ** 2) / 60)
        write_png(folder / "images" / original.name, np.clip(head, 0, 255).astype(np.uint8))
        write_png(folder / "images" / copy.name, np.clip(0.7 * head, 0, 255).astype(np.uint8))
    found = check(folder)
    assert found.may_start
    text = only(found.warnings, "look nearly the same")
    assert f"patient {patient_hash('train', 0)} (train) and " in text
    assert f"patient {patient_hash('test', 0)} (test) on 3 slices" in text


@pytest.mark.parametrize(("subset", "forbids"), [("train", True), ("val", True), ("test", False)])
def test_a_damaged_slice_forbids_only_where_it_would_be_read(
    folder: Path, subset: str, forbids: bool
) -> None:
    name = first(folder, subset).name
    path = folder / "images" / name
    path.write_bytes(path.read_bytes()[:100])
    found = check(folder)
    assert found.may_start is not forbids
    assert name in only(found.problems if forbids else found.warnings, "cannot be used")


def test_several_unusable_slices_are_told_in_one_sentence(folder: Path) -> None:
    a, b, c = read_dataset(folder).files("train")[:3]
    (folder / "images" / a.name).unlink()
    (folder / "masks2" / b.name).write_bytes(b"no picture")
    label_map = read_grey_png(folder / "masks2" / c.name).copy()
    label_map[0, 0] = 7
    write_png(folder / "masks2" / c.name, label_map)
    text = only(check(folder).problems, "cannot be used")
    assert text.startswith(f"3 slices cannot be used: {a.name}, {b.name}, {c.name}. The first: ")
    assert "it does not exist" in text


def test_a_label_that_the_table_does_not_have_is_said(folder: Path) -> None:
    name = first(folder, "train").name
    write_png(folder / "masks2" / name, np.full((64, 64), 9, np.uint8))
    assert f"masks2/{name} holds class 9" in only(check(folder).problems, "class 9")


def test_a_label_map_of_another_size_forbids_the_training(folder: Path) -> None:
    name = first(folder, "val").name
    write_png(folder / "masks2" / name, np.zeros((32, 48), np.uint8))
    text = only(check(folder).problems, "differ in size")
    assert "(64 x 64 and 48 x 32)" in text
    assert name in text


def test_a_slice_of_another_size_than_the_rest_is_a_warning(folder: Path) -> None:
    name = first(folder, "train").name
    for part in ("images", "masks2"):
        write_png(folder / part / name, np.full((80, 96), part == "masks2", np.uint8))
    found = check(folder, size=128)
    assert found.may_start
    text = only(found.warnings, "another size")
    assert "usual 64 x 64" in text
    assert "96 x 80" in text
    assert "resized to 128 x 128" in text


def test_outlines_that_left_no_pixel_are_a_warning(folder: Path) -> None:
    empty = [f.name for f in read_dataset(folder).manifest.files if not f.lesion_pixels]

    def edit(file: dict[str, Any]) -> None:
        file["shapes"] = 1 if file["name"] in empty[:1] or file["pixels_per_label"] else 0

    change(folder, edit)
    assert empty[0] in only(check(folder).warnings, "empty label map")


def test_overlaps_are_told_or_that_nobody_knows(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "d", {"train": 5, "val": 1}, labels=("H", "edema"))
    assert "Convert again" in only(check(folder).notes, "overlap")
    name = first(folder, "train").name
    change(folder, lambda file: file.update(overlap_pixels=12 if file["name"] == name else 0))
    found = check(folder)
    assert name in only(found.warnings, "share 12 pixels on 1 slice")
    assert not any("overlap" in note.message for note in found.notes)


def test_a_slice_that_was_changed_since_the_conversion_is_a_warning(folder: Path) -> None:
    from medseg_desktop.io.dataset import pixel_digest

    dataset = read_dataset(folder)
    by_name = {f.name: f for f in dataset.manifest.files}

    def edit(file: dict[str, Any]) -> None:
        known = by_name[file["name"]]
        file["digest"] = pixel_digest(dataset.slice(known), dataset.label_map(known))

    change(folder, edit)
    found = check(folder)
    assert found.warnings == []
    assert found.notes == []
    name = first(folder, "train").name
    grey = read_grey_png(folder / "images" / name).copy()
    grey[0, 0] ^= 1
    write_png(folder / "images" / name, grey)
    found = check(folder)
    assert found.may_start
    assert name in only(found.warnings, "changed since the conversion")


def test_a_lesion_that_was_wiped_out_since_counts_no_more(folder: Path) -> None:
    for file in read_dataset(folder).files("train"):
        write_png(folder / "masks2" / file.name, np.zeros((64, 64), np.uint8))
    assert "no lesion in its training set" in only(check(folder).problems, "no lesion")


def test_reading_tells_how_far_it_is_and_ends_when_nobody_waits(folder: Path) -> None:
    dataset = read_dataset(folder)
    told: list[tuple[int, int]] = []
    scan = scan_pixels(dataset, lambda done, total: told.append((done, total)), threads=3)
    assert told == [(i, 21) for i in range(1, 22)]
    assert len(scan.facts) == 21
    enough = threading.Event()

    def stop_after_two(done: int, _total: int) -> None:
        if done == 2:
            enough.set()

    with pytest.raises(Cancelled):
        scan_pixels(dataset, stop_after_two, enough.is_set, threads=1)


def test_any_number_of_threads_finds_the_same(folder: Path) -> None:
    dataset = read_dataset(folder)

    def found(threads: int) -> tuple[object, ...]:
        scan: Scan = scan_pixels(dataset, threads=threads)
        lesions = {name: sorted(x.pixels for x in sizes) for name, sizes in scan.lesions.items()}
        return dict(sorted(scan.facts.items())), lesions

    assert found(1) == found(4)

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from medseg_desktop.core.errors import DatasetError
from medseg_desktop.core.measurement import Measurement
from medseg_desktop.core.specs import TrainSpec
from medseg_desktop.core.split import SetName
from medseg_desktop.io import preflight
from medseg_desktop.io.dataset import Dataset, read_dataset
from medseg_desktop.io.preflight import Preflight, check_training
from medseg_desktop.io.preflight_start import StartModel
from tests.builders import model_info, patient_hash, write_dataset, write_model_package


def check(folder: Path, **changes: Any) -> Preflight:
    options: dict[str, Any] = {"size": 64, "batch_size": 2} | changes
    spec = TrainSpec(dataset=str(folder), run="run", model_name="m", **options)
    return check_training(read_dataset(folder), spec)


def messages(findings: list[preflight.Finding]) -> str:
    return "\n".join(f"{f.message} {f.cure}" for f in findings)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("preflight") / "sound"
    return write_dataset(folder, {"train": 5, "val": 1, "test": 1}, slices=3)


def test_a_sound_dataset_may_be_trained_on_without_a_word(sound: Path) -> None:
    found = check(sound)
    assert found.may_start
    assert found.warnings == []
    found.require()


def test_the_numbers_are_those_of_each_set(sound: Path) -> None:
    train = check(sound).sets["train"]
    dataset = read_dataset(sound)
    lesion = sum(int((dataset.label_map(f) == 1).sum()) for f in dataset.files("train"))
    assert (train.patients, train.slices, train.slices_with_lesion) == (5, 15, 10)
    assert train.pixels == {"H": lesion}
    assert check(sound).sets["test"].patients == 1


def test_the_answer_can_be_printed_as_json(sound: Path) -> None:
    data = check(sound).as_dict()
    assert msgspec.json.decode(msgspec.json.encode(data)) == data


def test_a_larger_batch_needs_more_memory(sound: Path) -> None:
    small, large = check(sound, size=256, batch_size=8), check(sound, size=512, batch_size=8)
    assert large.memory_mb > small.memory_mb + 1000


def test_a_larger_network_needs_more_memory(sound: Path) -> None:
    usual = check(sound, size=256, batch_size=8)
    unet = check(sound, size=256, batch_size=8, architecture="unet")
    assert unet.memory_mb > usual.memory_mb + 1000
    assert not unet.problems


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"size": 100}, "size of 100 pixels. Choose a multiple of 32 from 64 to 1024"),
        ({"size": 32}, "size of 32 pixels"),
        ({"size": 2048}, "size of 2048 pixels"),
        ({"batch_size": 1}, "batch of 1 slices is too small"),
        ({"iterations": 0}, "at least one iteration"),
        (
            {"architecture": "resnet"},
            "no network called resnet. Choose bisenetv2, unet or pp_liteseg",
        ),
        ({"preset": "fast"}, "no training preset called fast. Choose reference or default"),
        ({"device": "tpu"}, "no device called tpu"),
    ],
)
def test_options_that_cannot_work_are_problems(
    sound: Path, changes: dict[str, Any], sentence: str
) -> None:
    assert sentence in messages(check(sound, **changes).problems)


def test_a_single_patient_is_not_enough(tmp_path: Path) -> None:
    found = check(write_dataset(tmp_path, {"train": 1}, slices=2))
    assert len(found.problems) == 1
    assert "needs at least two patients, one to train on and one to validate on" in messages(
        found.problems
    )
    with pytest.raises(DatasetError, match="at least two patients"):
        found.require()


@pytest.mark.parametrize(
    ("patients", "sentence"),
    [
        ({"val": 2}, "no slice to train on"),
        ({"test": 2}, "no slice to train on"),
        ({}, "no slice to train on"),
    ],
)
def test_an_empty_side_of_the_split_is_a_problem(
    tmp_path: Path, patients: Any, sentence: str
) -> None:
    assert sentence in messages(check(write_dataset(tmp_path, patients, slices=1)).problems)


def test_a_training_set_without_any_lesion_is_a_problem(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path, slices=2, without_lesion=["train"])
    assert "no lesion in its training set" in messages(check(folder).problems)


def test_patients_of_other_sets_in_the_training_set_are_counted(sound: Path) -> None:
    dataset = read_dataset(sound)
    assert check(sound).trained_on == {"val": 0, "test": 0}
    trained = dataset.files("train")[0].patient_hash
    leaking = [
        msgspec.structs.replace(f, patient_hash=trained) if f.set == "val" else f
        for f in dataset.manifest.files
    ]
    manifest = msgspec.structs.replace(dataset.manifest, files=tuple(leaking))
    spec = TrainSpec(dataset=str(sound), run="run", model_name="m")
    found = check_training(Dataset(dataset.folder, manifest, ""), spec)
    assert found.trained_on["val"] == 1


def test_no_patient_to_validate_on_is_a_warning(tmp_path: Path) -> None:
    found = check(write_dataset(tmp_path, {"train": 2}, slices=1))
    assert found.may_start
    assert "There is no patient to validate on" in messages(found.warnings)


def test_what_is_doubtful_is_a_warning(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path, {"train": 1, "val": 1}, slices=2, without_lesion=["val"])
    found = check(folder, batch_size=8)
    assert found.may_start
    text = messages(found.warnings)
    assert "No validation patient has a lesion" in text
    assert "There is only one patient to train on" in text
    assert "fewer training slices (2) than a batch holds (8)" in text


def test_a_label_without_training_pixels_is_a_warning(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path, {"train": 5, "val": 1}, slices=2, labels=("H", "edema"))
    path = folder / "manifest.json"
    data = msgspec.json.decode(path.read_bytes())
    for file in data["files"]:
        file["pixels_per_label"].pop("edema", None)
    path.write_bytes(msgspec.json.encode(data))
    assert "No training slice shows edema" in messages(check(folder).warnings)


def test_slices_that_do_not_fit_in_memory_are_a_problem(
    sound: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "free_memory_bytes", lambda: 10_000)
    assert "MB of memory, but only 1 MB are free" in messages(check(sound).problems)


def test_a_batch_that_may_not_fit_in_memory_is_a_warning(
    sound: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "free_memory_bytes", lambda: 500_000_000)
    found = check(sound)
    assert found.may_start
    assert "Choose a smaller size or batch size" in messages(found.warnings)


def test_a_disk_without_room_for_the_run_is_a_problem(
    sound: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "free_disk_bytes", lambda run: 50_000_000)
    assert "only 50 MB of the disk are free" in messages(check(sound).problems)
    monkeypatch.setattr(preflight, "free_disk_bytes", lambda run: 250_000_000)
    found = check(sound)
    assert found.may_start
    assert "only 250 MB of the disk are free" in messages(found.warnings)


def test_the_free_space_is_that_of_the_place_where_the_run_will_be(
    sound: Path, tmp_path: Path
) -> None:
    free = preflight.free_disk_bytes(tmp_path / "not" / "there" / "yet")
    assert free is not None
    assert free == pytest.approx(shutil.disk_usage(tmp_path).free, rel=0.2)
    assert check(sound).disk_mb > 90  # two checkpoints and a model at least


def test_what_was_measured_takes_the_place_of_the_estimate(
    sound: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "free_memory_bytes", lambda: 500_000_000)
    rough = check(sound)
    assert "may need" in messages(rough.warnings)
    measured = Measurement(
        device="cpu", size=64, batch_size=8, step_s=0.5, evaluation_s=1.0, start_s=2.0,
        total_s=100.0, memory_mb=450, available_mb=500, fitting_batch=9, is_exact=True,
    )  # fmt: skip
    found = rough.with_measurement(measured)
    assert found.may_start
    assert "may need" not in messages(found.warnings)
    assert (found.memory_mb, found.estimate_s) == (450, 100.0)
    large = rough.with_measurement(msgspec.structs.replace(measured, memory_mb=900))
    assert not large.may_start
    assert "Choose a batch size of 9 or less" in messages(large.problems)


# -- a training that starts from a model


def start_from(folder: Path, tmp_path: Path, split: dict[str, SetName], **about: Any) -> str:
    """The path of a model that was trained with this split, in the dataset's workspace."""
    info = model_info(name="demo", split=split, **{"salt_id": "0" * 16, **about})
    return str(write_model_package(tmp_path / "demo-v1", info))


def test_a_model_that_has_seen_test_patients_is_a_leak_that_forbids_nothing(
    tmp_path: Path,
) -> None:
    folder = write_dataset(tmp_path / "d", {"train": 5, "val": 1, "test": 5}, slices=1)
    seen: dict[str, SetName] = {
        patient_hash("test", 0): "train",
        patient_hash("test", 1): "val",
        patient_hash("test", 2): "test",
        patient_hash("train", 0): "train",
    }
    found = check(folder, init=start_from(folder, tmp_path, seen))
    assert found.may_start
    assert found.leaks
    assert found.start == StartModel("demo-v1", 2)
    text = messages(found.warnings)
    assert "2 of 5 test patients were seen by demo-v1, which this training starts from." in text
    assert "Start from another model" in text


def test_what_the_parents_of_the_model_have_seen_counts_too(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "d", {"train": 5, "val": 1, "test": 1}, slices=1)
    init = start_from(folder, tmp_path, {})
    path = Path(init) / "model.json"
    info = msgspec.json.decode(path.read_bytes())
    info["inherited"] = [patient_hash("test", 0)]
    path.write_bytes(msgspec.json.encode(info))
    assert check(folder, init=init).start == StartModel("demo-v1", 1)


def test_a_model_that_knows_no_test_patient_is_proof(sound: Path, tmp_path: Path) -> None:
    dataset = read_dataset(sound)
    init = start_from(sound, tmp_path, dataset.manifest.patients)
    found = check(sound, init=init)
    assert found.start == StartModel("demo-v1", 0)
    assert not found.leaks
    assert found.warnings == found.problems == []


def test_what_a_model_of_another_workspace_has_seen_is_not_known(
    sound: Path, tmp_path: Path
) -> None:
    init = start_from(sound, tmp_path, {patient_hash("test", 0): "train"}, salt_id="1" * 16)
    found = check(sound, init=init)
    assert found.start == StartModel("demo-v1", None)
    assert "Whether demo-v1, which this training starts from, has seen" in messages(found.notes)
    assert not found.leaks
    assert check(sound, init="starter").start is None


def test_a_model_that_cannot_be_read_is_a_problem_unless_the_training_has_begun(
    sound: Path, tmp_path: Path
) -> None:
    missing = str(tmp_path / "gone-v3")
    assert "gone-v3: it does not exist" in messages(check(sound, init=missing).problems)
    assert check(sound, init=missing, resume=True).may_start

"""What is new since the champion, on real files."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from medseg_desktop.core.annotation import Shape
from medseg_desktop.core.errors import Cancelled
from medseg_desktop.core.preprocessing import PRESETS
from medseg_desktop.core.retraining.news import UNDRAWN, Basis, SetNews
from medseg_desktop.core.retraining.state import RetrainOptions
from medseg_desktop.core.shapes.fingerprint import fingerprint
from medseg_desktop.core.specs import TrainSpec
from medseg_desktop.core.split import Split, SplitEntry
from medseg_desktop.io.conversion import run_conversion
from medseg_desktop.io.conversion_request import conversion_spec
from medseg_desktop.io.dataset import MANIFEST, Manifest
from medseg_desktop.io.dicom_series import ScanResult, scan
from medseg_desktop.io.model_package import MODEL_JSON, read_info
from medseg_desktop.io.retraining import news as training_news
from medseg_desktop.io.retraining.news import OutlineReader, Reviewed
from medseg_desktop.io.retraining.plan import Situation, look
from medseg_desktop.io.sources.source import open_source
from medseg_desktop.io.workspace import Workspace
from tests.builders import QuietContext, write_study
from tests.retraining import SIX, pretend_to_train, promote, write_six


def scanned(study: Path, workspace: Workspace) -> ScanResult:
    with open_source(study) as opened:
        return scan(opened, salt=workspace.salt())


def situation(study: Path, workspace: Workspace, **options: Any) -> Situation:
    reviewed = Reviewed.of_scan(scanned(study, workspace), workspace)
    return look(workspace, reviewed, RetrainOptions(**options))


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return write_six(tmp_path / "study")


@pytest.fixture
def workspace(tmp_path: Path, study: Path) -> Workspace:
    """With a champion trained on the study."""
    result = Workspace(tmp_path / "workspace")
    dataset = result.datasets / "first"
    run_conversion(conversion_spec(result, study, dataset), QuietContext())
    spec = TrainSpec(dataset=str(dataset), run=str(result.new_run()), model_name="flair", size=128)
    pretend_to_train(spec)
    result.register_model(Path(spec.run) / "model", "flair")
    promote(result, "flair-v1")
    return result


def patient_of(workspace: Workspace, study: Path, name: str) -> str:
    """A folder of the study whose patient is in this set."""
    split = workspace.split()
    for series in scanned(study, workspace).series:
        if split.set_of(series.patient.hash) == name:
            return series.patient.patient_id
    raise AssertionError(name)


def edit(study: Path, patient: str, change: Any, number: int = 0) -> None:
    """Change the list of shapes of a slice."""
    path = study / patient / f"IM{number:04d}.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document["frames"][0]["shapes"])
    path.write_text(json.dumps(document), encoding="utf-8")


def test_without_a_champion_everything_is_new_and_the_starter_is_the_start(
    tmp_path: Path, study: Path
) -> None:
    found = situation(study, Workspace(tmp_path / "other"))
    assert found.news.basis is Basis.NOTHING
    assert found.news.sets == {UNDRAWN: SetNews(patients=6, slices=12, shapes=12)}
    assert (found.champion, found.problems, found.warnings) == (None, (), ())
    plan = found.plan
    assert (plan.init, plan.model_name, plan.size, plan.champion) == ("starter", "model", 256, "")


def test_right_after_the_conversion_nothing_is_new(workspace: Workspace, study: Path) -> None:
    found = situation(study, workspace)
    assert found.news.basis is Basis.DATASET
    assert not found.news.total
    assert "Nothing is new since flair-v1" in found.warnings[0].message
    plan = found.plan
    assert (plan.init, plan.model_name, plan.champion) == ("champion", "flair", "flair-v1")
    assert (plan.size, plan.batch_size, plan.recipe) == (128, 8, "reference")


def test_corrections_and_new_patients_are_told_by_set(workspace: Workspace, study: Path) -> None:
    train = patient_of(workspace, study, "train")
    test = patient_of(workspace, study, "test")
    edit(study, train, lambda shapes: shapes[0]["points"][0].__setitem__(0, 4.5))
    edit(
        study,
        train,
        lambda shapes: shapes.append({**shapes[0], "points": [[1, 1], [5, 1], [5, 6]]}),
        1,
    )
    edit(study, test, lambda shapes: shapes.clear())
    (study / test / "IM0001.json").unlink()
    write_study(study, ("G",), slices=3, size=(64, 64))
    news = situation(study, workspace).news
    assert news.of("test") == SetNews(gone_slices=1, corrected_slices=1, removed_shapes=1)
    assert news.of("train") == SetNews(
        patients=1, slices=3, shapes=4, corrected_slices=2, corrected_shapes=1
    )
    assert news.of("val") == SetNews()


def test_a_dataset_that_tells_no_outlines_is_compared_by_its_pixels(
    workspace: Workspace, study: Path
) -> None:
    path = workspace.datasets / "first" / MANIFEST
    manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    files = tuple(msgspec.structs.replace(f, outlines=None) for f in manifest.files)
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(manifest, files=files)))
    trained_on(workspace, dataset_hash=hashlib.sha256(path.read_bytes()).hexdigest())
    assert not situation(study, workspace).news.total
    train = patient_of(workspace, study, "train")
    edit(study, train, lambda shapes: shapes[0]["points"][0].__setitem__(0, 4.5))
    news = situation(study, workspace).news
    assert news.of("train") == SetNews(corrected_slices=1, corrected_shapes=1)


def trained_on(workspace: Workspace, **changes: Any) -> None:
    """Change what the champion says of itself, as whoever promotes it sees it."""
    folder = workspace.models / "flair-v1"
    info = msgspec.structs.replace(read_info(folder), **changes)
    (folder / MODEL_JSON).write_bytes(msgspec.json.encode(info))
    (workspace.root / "champion.json").unlink()
    promote(workspace, "flair-v1")


def test_where_the_dataset_is_gone_only_new_patients_are_known(
    workspace: Workspace, study: Path
) -> None:
    shutil.rmtree(workspace.datasets / "first")
    write_study(study, ("G",), slices=3, size=(64, 64))
    edit(study, "A", lambda shapes: shapes.clear())
    news = situation(study, workspace).news
    assert news.basis is Basis.PATIENTS
    assert news.sets == {"train": SetNews(patients=1, slices=3, shapes=3)}


def test_a_champion_of_another_workspace_knows_none_of_the_patients(
    workspace: Workspace, study: Path
) -> None:
    trained_on(workspace, salt_id="f" * 16, dataset_hash="e" * 64)
    found = situation(study, workspace)
    assert found.news.basis is Basis.NOTHING
    assert found.news.total.patients == 6
    assert found.facts.seen_test_patients == 0


def test_a_champion_that_knows_a_test_patient_is_not_trained_from(
    workspace: Workspace, study: Path
) -> None:
    split = workspace.split()
    hashes = split.members("train")
    moved = Split(patients={**split.patients, hashes[0]: SplitEntry("test")})
    (workspace.root / "split.json").write_bytes(msgspec.json.encode(moved))
    found = situation(study, workspace)
    assert found.facts.seen_test_patients == 1
    assert found.plan.init == "starter"
    assert found.plan.champion == "flair-v1"


def test_a_champion_without_usable_weights_or_network_is_not_trained_from(
    workspace: Workspace, study: Path
) -> None:
    trained_on(workspace, architecture="threshold")
    found = situation(study, workspace)
    assert any("cannot be trained here" in w.message for w in found.warnings)
    assert (found.plan.init, found.plan.architecture) == ("starter", "bisenetv2")
    assert situation(study, workspace, start="starter").plan.init == "starter"


def test_the_champions_way_of_preparing_slices_is_kept(workspace: Workspace, study: Path) -> None:
    trained_on(workspace, preprocessing=PRESETS["reference"])
    plan = situation(study, workspace).plan
    assert (plan.conversion, plan.init) == ("reference", "champion")
    # The starter weights know slices that were prepared otherwise.
    assert situation(study, workspace, start="starter").plan.init == "none"


def test_a_changed_champion_forbids_it(workspace: Workspace, study: Path) -> None:
    path = workspace.models / "flair-v1" / MODEL_JSON
    path.write_bytes(path.read_bytes() + b" ")
    found = situation(study, workspace)
    assert "was changed after Li Wei promoted it" in found.problems[0].message


def test_a_part_of_the_patients_is_said(workspace: Workspace, study: Path) -> None:
    shutil.rmtree(study / patient_of(workspace, study, "val"))
    found = situation(study, workspace)
    assert found.news.absent_patients == 1
    assert any("no reviewed slice here" in w.message for w in found.warnings)


def test_what_is_not_saved_yet_counts_and_unchanged_documents_are_not_read_again(
    workspace: Workspace, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = scanned(study, workspace)
    reviewed = Reviewed.of_scan(found, workspace)
    outlines = OutlineReader()
    asked: list[Shape] = []

    def told(shape: Shape, index: int) -> str:
        asked.append(shape)
        return fingerprint(shape, index)

    monkeypatch.setattr(training_news, "fingerprint", told)
    look(workspace, reviewed, outlines=outlines)
    assert len(asked) == 2 * len(SIX)
    path, document = next(iter(reviewed.documents.items()))
    emptied = document.with_frame(replace(document.frames[0], shapes=()))
    changed = Reviewed(
        reviewed.source, reviewed.title, reviewed.series,
        {**reviewed.documents, path: emptied}, reviewed.table,
    )  # fmt: skip
    news = look(workspace, changed, outlines=outlines).news
    assert news.total.removed_shapes == 1
    # The changed document has no shape to look at, and no other one has changed.
    assert len(asked) == 2 * len(SIX)


def test_nobody_waits_for_a_look_that_is_cancelled(workspace: Workspace, study: Path) -> None:
    reviewed = Reviewed.of_scan(scanned(study, workspace), workspace)
    with pytest.raises(Cancelled):
        look(workspace, reviewed, is_cancelled=lambda: True)

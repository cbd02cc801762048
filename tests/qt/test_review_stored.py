"""Annotation files that a model wrote, without a model in the workspace."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from medseg_desktop.core.annotation import SliceState
from medseg_desktop.core.specs import PredictSpec
from medseg_desktop.inference.prediction import run_prediction
from medseg_desktop.io.medlabelme import read_annotation
from medseg_desktop.qt.controller import Controller
from medseg_desktop.qt.panels.overlay_panel import Layer
from medseg_desktop.qt.recovery import Contents
from tests.builders import QuietContext, model_info, write_model_package
from tests.qt.proposing import (
    offered,
    own,
    reopened,
    saved,
    trigger,
    use_model,
    wait_for_proposals,
    write_film,
    write_lesions,
)
from tests.qt.viewing import WAIT_MS, key, opened, view


def predict_beside(folder: Path, tmp_path: Path, name: str = "far") -> None:
    """What `predict --format json` writes of a folder lies beside its slices."""
    package = write_model_package(tmp_path / f"{name}-package", model_info(name=name))
    out = tmp_path / "predictions"
    spec = PredictSpec(
        model=str(package), source=str(folder), out=str(out), formats=["json"], salt="00" * 32
    )
    run_prediction(spec, QuietContext())
    shutil.copytree(out, folder, dirs_exist_ok=True)


def corner(controller: Controller) -> list[str]:
    return list(controller.window.slice_view._stage.texts.bottom_right)


def test_what_a_model_wrote_is_shown_as_its_proposals(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = write_lesions(tmp_path / "s")
    predict_beside(folder, tmp_path)
    opened(qtbot, controller, folder)
    w = controller.window
    assert len(offered(controller)) == 2
    assert own(controller) == ()
    assert controller.annotations.reviewed(view(controller).series) == ()
    assert corner(controller) == ["Prediction: far-v1"]
    row = w.overlay_panel.layers[Layer.PREDICTION]
    assert row.check.isChecked()
    assert row.check.isEnabled()
    assert row.check.text() == "Prediction · far-v1"
    qtbot.waitUntil(w.slice_view._stage.prediction.isVisible, timeout=WAIT_MS)
    QTest.keyClick(w.slice_view, Qt.Key.Key_P, Qt.KeyboardModifier.ControlModifier)
    assert not w.slice_view._stage.prediction.isVisible()
    assert corner(controller) == []
    opened(qtbot, controller, write_lesions(tmp_path / "t"))
    assert not row.check.isEnabled()
    assert not w.actions_by_key["predict"].isEnabled()


def test_one_accepted_slice_of_them_is_reviewed_and_no_other(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = write_lesions(tmp_path / "s")
    predict_beside(folder, tmp_path)
    opened(qtbot, controller, folder)
    index = view(controller).index
    trigger(controller, "accept")
    saved(qtbot, controller)
    reopened(qtbot, controller, folder)
    series = view(controller).series
    assert controller.annotations.reviewed(series) == (index,)
    assert controller.annotations.proposed(series) == tuple({0, 1, 2} - {index})
    found = read_annotation(Path(series.slices[index].path).with_suffix(".json"))
    assert not found.is_prediction
    assert found.slice_state(0) is SliceState.LESION


def test_undo_leaves_the_models_file_as_it_was(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = write_lesions(tmp_path / "s")
    predict_beside(folder, tmp_path)
    opened(qtbot, controller, folder)
    file = Path(view(controller).slice.path).with_suffix(".json")
    before = json.loads(file.read_text(encoding="utf-8"))
    trigger(controller, "accept")
    saved(qtbot, controller)
    assert json.loads(file.read_text(encoding="utf-8")) != before
    controller.annotations.stack.undo()
    saved(qtbot, controller)
    assert json.loads(file.read_text(encoding="utf-8")) == before
    reopened(qtbot, controller, folder)
    assert controller.annotations.proposed(view(controller).series) == (0, 1, 2)


def test_the_other_frames_of_a_film_are_still_proposed_after_reopening(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    film = write_film(tmp_path / "s" / "film.dcm", frames=4)
    predict_beside(film.parent, tmp_path)
    opened(qtbot, controller, film.parent)
    assert controller.annotations.proposed(view(controller).series) == (0, 1, 2, 3)
    controller.study.set_slice(1)
    trigger(controller, "accept")
    controller.study.set_slice(3)
    trigger(controller, "reject")
    key(controller, Qt.Key.Key_S)
    saved(qtbot, controller)
    found = read_annotation(film.with_suffix(".json"))
    assert [f.frame for f in found.frames] == [1, 3]
    assert [found.is_reviewed(i) for i in range(4)] == [False, True, False, True]
    reopened(qtbot, controller, film.parent)
    annotations, series = controller.annotations, view(controller).series
    assert annotations.proposed(series) == (0, 2)
    assert annotations.reviewed(series) == (1, 3)
    controller.study.set_slice(2)
    assert corner(controller) == ["Prediction: far-v1"]
    trigger(controller, "accept")
    assert annotations.proposed(series) == (0,)


def test_the_model_in_use_goes_before_a_file_and_is_named_where_it_has_looked(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = write_lesions(tmp_path / "s")
    predict_beside(folder, tmp_path)
    opened(qtbot, controller, folder)
    use_model(qtbot, controller, tmp_path / "m", "near")
    assert corner(controller) == ["Prediction: far-v1"]  # nobody has asked it for anything
    near = ["Prediction: near-v1 (2026-01-01, candidate)"]
    trigger(controller, "predict_slice")
    qtbot.waitUntil(lambda: corner(controller) == near, timeout=WAIT_MS)
    assert len(offered(controller)) == 2
    controller.study.step_slice(1)
    assert corner(controller) == ["Prediction: far-v1"]
    trigger(controller, "predict_series")
    qtbot.waitUntil(lambda: corner(controller) == near, timeout=WAIT_MS)
    wait_for_proposals(qtbot, controller, 3)


def test_taking_over_a_models_file_shows_its_proposals_and_leaves_the_file(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = write_lesions(tmp_path / "s", slices=1)
    opened(qtbot, controller, folder)
    key(controller, Qt.Key.Key_S)
    saved(qtbot, controller)
    path = view(controller).slice.path
    file = Path(path).with_suffix(".json")
    predict_beside(folder, tmp_path)
    theirs = file.read_bytes()
    key(controller, Qt.Key.Key_S)
    controller.saving.save()
    qtbot.waitUntil(lambda: bool(controller.saving.conflicts), timeout=WAIT_MS)
    controller.saving.take_theirs(path)
    qtbot.waitUntil(lambda: not controller.saving.conflicts, timeout=WAIT_MS)
    assert not controller.saving.unsaved
    assert file.read_bytes() == theirs
    assert len(offered(controller)) == 2
    assert view(controller).layers.prediction.visible
    assert corner(controller) == ["Prediction: far-v1"]
    assert controller.annotations.state(view(controller).slice) is SliceState.UNSEEN
    trigger(controller, "accept")
    assert len(own(controller)) == 2
    saved(qtbot, controller)
    assert not read_annotation(file).is_prediction


def test_an_earlier_version_that_a_model_wrote_is_restored_as_such(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = write_lesions(tmp_path / "s", slices=1)
    predict_beside(folder, tmp_path)
    opened(qtbot, controller, folder)
    trigger(controller, "accept")
    saved(qtbot, controller)
    reopened(qtbot, controller, folder)
    assert offered(controller) == ()
    path, told = view(controller).slice.path, list[Contents]()
    controller.saving.recovery.ask_versions(path, told.append)
    qtbot.waitUntil(lambda: bool(told), timeout=WAIT_MS)
    earlier = told[0][0][1]
    assert earlier is not None
    controller.saving.recovery.restore_documents({path: earlier}, "restore")
    saved(qtbot, controller)
    assert read_annotation(Path(path).with_suffix(".json")).prediction_model == "far-v1"
    assert len(offered(controller)) == 2
    assert own(controller) == ()
    controller.annotations.stack.undo()
    assert len(own(controller)) == 2


def test_a_film_of_which_nothing_is_decided_any_more_is_the_models_file_again(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    film = write_film(tmp_path / "s" / "film.dcm", frames=3)
    predict_beside(film.parent, tmp_path)
    file = film.with_suffix(".json")
    was = {**json.loads(file.read_text(encoding="utf-8")), "theirs": {"key": 1}}
    file.write_text(json.dumps(was), encoding="utf-8")
    opened(qtbot, controller, film.parent)
    controller.study.set_slice(0)
    trigger(controller, "reject")
    key(controller, Qt.Key.Key_S)
    saved(qtbot, controller)
    reopened(qtbot, controller, film.parent)
    controller.study.set_slice(0)
    assert offered(controller) == ()
    key(controller, Qt.Key.Key_S)
    saved(qtbot, controller)
    found = json.loads(file.read_text(encoding="utf-8"))
    assert found["theirs"] == {"key": 1}
    assert [len(f["shapes"]) for f in found["frames"]] == [2, 2, 2]
    assert read_annotation(file).prediction_model == "far-v1"


def test_what_was_rejected_of_a_models_file_stays_so_and_the_slice_is_not_reviewed(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = write_lesions(tmp_path / "s", slices=1)
    predict_beside(folder, tmp_path)
    opened(qtbot, controller, folder)
    before = read_annotation(Path(view(controller).slice.path).with_suffix(".json"))
    trigger(controller, "reject")
    saved(qtbot, controller)
    reopened(qtbot, controller, folder)
    assert offered(controller) == ()
    assert controller.annotations.state(view(controller).slice) is SliceState.UNSEEN
    found = read_annotation(Path(view(controller).slice.path).with_suffix(".json"))
    assert found.prediction_model == "far-v1"
    assert found.frames == before.frames


@pytest.mark.parametrize("created", ["", "some day"])
def test_a_model_that_does_not_say_when_it_was_made_is_named_without_a_day(
    controller: Controller, qtbot: QtBot, tmp_path: Path, created: str
) -> None:
    opened(qtbot, controller, write_lesions(tmp_path / "s", slices=1))
    info = msgspec.structs.replace(model_info(name="old"), created=created)
    write_model_package(tmp_path / "m" / "old", info)
    use_model(qtbot, controller, tmp_path / "m", "old")
    trigger(controller, "predict_slice")
    qtbot.waitUntil(
        lambda: corner(controller) == ["Prediction: old-v1 (candidate)"], timeout=WAIT_MS
    )

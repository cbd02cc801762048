"""Reviewed, without lesion, to be decided: keys, marks, worklist, and what the files say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from medseg_desktop.core.annotation import SliceState
from medseg_desktop.core.shapes.history import Place
from medseg_desktop.qt.canvas.slice_slider import SliceMarks
from medseg_desktop.qt.controller import Controller
from medseg_desktop.qt.panels.worklist_delegate import counts_text
from medseg_desktop.qt.panels.worklist_panel import Filter
from tests.builders import LESION_OUTLINE, annotation_json, shape_json, write_json
from tests.qt.proposing import (
    SIZE,
    offered,
    own,
    proposing,
    saved,
    trigger,
    use_model,
    write_film,
    write_lesions,
)
from tests.qt.viewing import WAIT_MS, key, opened, view

Key = Qt.Key
CONTROL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


def state(controller: Controller) -> SliceState:
    return controller.annotations.state(view(controller).slice)


def marks(controller: Controller) -> SliceMarks:
    return controller.window.slice_bar.slices._marks


def message(controller: Controller) -> str:
    messages = controller.window.messages
    return messages.text.text() if messages.isVisible() else ""


def document(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def rows(controller: Controller, qtbot: QtBot) -> list[tuple[str, str]]:
    """The two lines of each series in the worklist, once they are counted."""
    qtbot.waitUntil(lambda: not controller.worklist._soon.isActive(), timeout=WAIT_MS)
    return [counts_text(row) for row in controller.window.worklist._model.rows]


def test_s_marks_a_slice_as_without_lesion_and_takes_it_back(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = write_lesions(tmp_path / "s")
    opened(qtbot, controller, folder)
    panel, name = controller.window.slice_panel, Path(view(controller).slice.path).stem
    index = view(controller).index
    assert state(controller) is SliceState.UNSEEN
    key(controller, Key.Key_S)
    assert state(controller) is SliceState.NO_LESION
    assert panel.state.text() == "This slice: no lesion"
    assert panel.reviewed.isChecked()
    assert marks(controller).reviewed == {index}
    assert rows(controller, qtbot) == [("3 slices", "1 reviewed")]
    saved(qtbot, controller)
    file = folder / "A" / f"{name}.json"
    assert document(file)["frames"] == []
    assert document(file)["medseg"]["slice_states"]["0"]["state"] == "no_lesion"
    key(controller, Key.Key_S)
    assert state(controller) is SliceState.UNSEEN
    assert not panel.reviewed.isChecked()
    saved(qtbot, controller)
    assert not file.exists()
    key(controller, Key.Key_Z, CONTROL)
    assert state(controller) is SliceState.NO_LESION
    key(controller, Key.Key_Z, CONTROL)
    assert state(controller) is SliceState.UNSEEN


def test_s_is_refused_in_a_sentence_where_the_slice_has_outlines(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    proposing(qtbot, controller, tmp_path)
    trigger(controller, "accept")
    key(controller, Key.Key_S)
    assert state(controller) is SliceState.LESION
    assert "has outlines" in message(controller)
    assert controller.annotations.stack.count() == 1


def test_the_rest_of_the_series_is_marked_as_one_step_and_told(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    opened(qtbot, controller, write_lesions(tmp_path / "s", slices=5))
    series = view(controller).series
    key(controller, Key.Key_S)
    key(controller, Key.Key_A, CONTROL | SHIFT)
    assert len(controller.annotations.reviewed(series)) == 5
    assert message(controller) == "4 slices were marked as without lesion."
    assert rows(controller, qtbot) == [("5 slices", "all reviewed")]
    assert len(marks(controller).reviewed) == 5
    key(controller, Key.Key_A, CONTROL | SHIFT)
    assert "No slice is left" in message(controller)
    assert controller.annotations.stack.count() == 2
    key(controller, Key.Key_Z, CONTROL)
    assert len(controller.annotations.reviewed(series)) == 1


def test_what_a_model_proposes_is_not_marked_with_the_rest(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    proposing(qtbot, controller, tmp_path)
    trigger(controller, "reject")
    key(controller, Key.Key_A, CONTROL | SHIFT)
    assert len(controller.annotations.reviewed(view(controller).series)) == 1
    assert "2 with open proposals stay to be decided" in message(controller)


def test_s_rejects_what_is_proposed_on_the_slice_by_the_same_step(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    proposing(qtbot, controller, tmp_path)
    item, annotations = view(controller).slice, controller.annotations
    offered = annotations.open_proposals(item)
    assert len(offered) == 2
    key(controller, Key.Key_S)
    assert state(controller) is SliceState.NO_LESION
    assert annotations.open_proposals(item) == ()
    assert "2 proposed lesions were rejected" in message(controller)
    assert annotations.stack.count() == 1
    annotations.stack.undo()
    assert state(controller) is SliceState.UNSEEN
    assert annotations.open_proposals(item) == offered
    annotations.stack.redo()
    assert (state(controller), annotations.open_proposals(item)) == (SliceState.NO_LESION, ())


def test_frames_of_a_film_are_listed_as_they_are_reviewed(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    film = write_film(tmp_path / "s" / "film.dcm", frames=4)
    opened(qtbot, controller, film.parent)
    for frame in (1, 3):
        controller.study.set_slice(frame)
        key(controller, Key.Key_S)
    saved(qtbot, controller)
    found = document(film.with_suffix(".json"))
    assert [(f["frame"], f["shapes"]) for f in found["frames"]] == [(1, []), (3, [])]
    assert found["total_frames"] == 4
    assert found["medseg"]["reviewed_frames"] == [1, 3]
    key(controller, Key.Key_A, CONTROL | SHIFT)
    saved(qtbot, controller)
    assert document(film.with_suffix(".json"))["frames"] == []
    assert sorted(document(film.with_suffix(".json"))["medseg"]["slice_states"]) == list("0123")


def test_a_labelme_file_stays_one(controller: Controller, qtbot: QtBot, tmp_path: Path) -> None:
    folder = write_lesions(tmp_path / "s", slices=1)
    shape = {"label": "H", "points": LESION_OUTLINE, "shape_type": "polygon", "flags": {}}
    file = write_json(
        folder / "A" / "IM0000.json",
        {
            "version": "5.0.1", "flags": {}, "shapes": [shape], "imagePath": "IM0000.dcm",
            "imageData": None, "imageHeight": SIZE[0], "imageWidth": SIZE[1],
        },
    )  # fmt: skip
    opened(qtbot, controller, folder)
    assert state(controller) is SliceState.LESION
    controller.annotating.shapes.select_all()
    trigger(controller, "delete_shapes")
    assert state(controller) is SliceState.NO_LESION
    saved(qtbot, controller)
    found = document(file)
    assert found["shapes"] == []
    assert "frames" not in found
    assert found["medseg"]["slice_states"]["0"]["state"] == "no_lesion"


def test_proposals_are_counted_apart_from_what_was_reviewed(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    proposing(qtbot, controller, tmp_path, ("A", "B"))
    annotations, series = controller.annotations, view(controller).series
    assert annotations.annotated(series) == annotations.reviewed(series) == ()
    assert marks(controller) == SliceMarks.of(predicted=[0, 1, 2])
    assert rows(controller, qtbot) == [
        ("3 slices", "not reviewed · 3 to decide"),
        ("3 slices", "not reviewed"),
    ]
    assert controller.window.slice_panel.proposals.text() == "2 lesions proposed"
    trigger(controller, "accept")
    assert marks(controller) == SliceMarks.of(annotated=[1], predicted=[0, 1, 2])
    assert rows(controller, qtbot)[0] == ("3 slices · 1 annotated", "1 reviewed · 2 to decide")
    assert "on 2 other slices" in controller.window.slice_panel.proposals.text()
    controller.window.worklist.set_filter(Filter.PROPOSED)
    assert len(controller.window.worklist.shown_keys()) == 1
    trigger(controller, "accept_series")
    assert rows(controller, qtbot)[0] == ("3 slices · 3 annotated", "all reviewed")
    qtbot.waitUntil(lambda: controller.window.worklist.shown_keys() == [], timeout=WAIT_MS)
    assert controller.window.worklist.progress.text() == "1 of 2 done"


def test_a_filter_that_hides_the_series_on_screen_marks_no_other(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    proposing(qtbot, controller, tmp_path, ("A", "B"))
    trigger(controller, "predict_all")
    found = controller.study.found
    assert found is not None
    first, second = found.series
    qtbot.waitUntil(lambda: len(controller.annotations.proposed(second)) == 3, timeout=WAIT_MS)
    worklist = controller.window.worklist
    rows(controller, qtbot)
    worklist.set_filter(Filter.PROPOSED)
    trigger(controller, "accept_series")
    rows(controller, qtbot)
    assert len(worklist.shown_keys()) == 1
    assert not worklist.tree.currentIndex().isValid()
    key(controller, Key.Key_PageDown)
    assert view(controller).series is second
    key(controller, Key.Key_PageDown)
    assert view(controller).series is second
    assert view(controller).series is not first


def test_shift_n_and_shift_p_go_to_slices_that_are_to_be_decided(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    proposing(qtbot, controller, tmp_path)
    trigger(controller, "reject")
    controller.study.set_slice(0)
    visited = []
    for pressed in (Key.Key_N, Key.Key_N, Key.Key_P):
        key(controller, pressed, SHIFT)
        visited.append(view(controller).index)
    assert visited == [2, 2, 0]


def test_control_page_down_goes_to_the_next_patient_who_is_not_done(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = write_lesions(tmp_path / "s", ("A", "B", "C", "D"), slices=2)
    for i in range(2):
        name = f"IM{i:04d}"
        write_json(folder / "B" / f"{name}.json", annotation_json(f"{name}.dcm", {0: []}, SIZE))
    opened(qtbot, controller, folder)
    assert controller.study.found is not None
    a, b, c, d = controller.study.found.series
    controller.study.set_series(a.key)
    visited = []
    for pressed in (Key.Key_PageDown, Key.Key_PageDown, Key.Key_PageDown, Key.Key_PageUp):
        key(controller, pressed, CONTROL)
        visited.append(view(controller).series)
    assert visited == [c, d, a, d]
    assert b not in visited


@pytest.mark.parametrize("button", ["accept", "reject", "reviewed"])
def test_the_buttons_of_the_slice_panel_do_what_the_keys_do(
    controller: Controller, qtbot: QtBot, tmp_path: Path, button: str
) -> None:
    proposing(qtbot, controller, tmp_path)
    QTest.mouseClick(getattr(controller.window.slice_panel, button), Qt.MouseButton.LeftButton)
    outcome = {"accept": (2, 0), "reject": (0, 0), "reviewed": (0, 0)}[button]
    assert (len(own(controller)), len(offered(controller))) == outcome
    reviewed = controller.annotations.is_reviewed(view(controller).slice)
    assert reviewed == (button != "reject")


def test_a_prediction_that_disagrees_with_the_outlines_is_marked(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = write_lesions(tmp_path / "s")
    elsewhere = shape_json([[2.5, 2.5], [6.5, 2.5], [6.5, 6.5], [2.5, 6.5]])
    write_json(folder / "A" / "IM0002.json", annotation_json("IM0002.dcm", {0: [elsewhere]}, SIZE))
    opened(qtbot, controller, folder)
    use_model(qtbot, controller, tmp_path / "m")
    trigger(controller, "predict")
    qtbot.waitUntil(lambda: marks(controller).disagreeing == {2}, timeout=WAIT_MS)
    controller.study.set_slice(2)
    place = Place(view(controller).series, 2)
    trigger(controller, "accept")
    # The shape that was there is still a lesion that the model does not have.
    qtbot.wait(50)
    assert marks(controller).disagreeing == {2}
    controller.annotations.edit(place, "delete", lambda shapes: shapes[1:])
    qtbot.waitUntil(lambda: marks(controller).disagreeing == set(), timeout=WAIT_MS)

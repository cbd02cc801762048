"""What a model proposes for other frames of a film stays in a person's document of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from medseg_desktop.core.annotation import Annotation, FrameAnnotation, Shape
from medseg_desktop.core.shapes.review import FileFacts, with_slice
from medseg_desktop.io.kept_proposals import kept_proposals, with_kept_proposals
from medseg_desktop.io.medlabelme import (
    annotation_to_json,
    new_shape_keys,
    read_annotation,
    write_annotation,
)

FACTS = FileFacts("film.dcm", 3, 32, 40)


def lesion(frame: int) -> Shape:
    points = ((1.5, 1.5), (5.5 + frame, 1.5), (5.5, 5.5))
    return Shape("H", points, extra=new_shape_keys(frame))


def prediction() -> Annotation:
    frames = tuple(FrameAnnotation(i, (lesion(i),), 40, 32) for i in range(3))
    return Annotation("film.dcm", 3, frames, extra={"medseg": {"prediction": "tiny-v1"}})


def decided(frame: int, *shapes: Shape) -> Annotation:
    document = with_slice(prediction(), FACTS, frame, shapes, True, {})
    assert document is not None
    return with_kept_proposals(document, prediction())


def test_a_model_has_proposed_the_same_when_the_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "film.json"
    write_annotation(path, decided(1, lesion(1)))
    document = read_annotation(path)
    assert not document.is_prediction
    assert [document.is_reviewed(i) for i in range(3)] == [False, True, False]
    kept = kept_proposals(document)
    assert kept is not None
    assert kept.prediction_model == "tiny-v1"
    assert {f.frame: [s.points for s in f.shapes] for f in kept.frames} == {
        i: [lesion(i).points] for i in range(3)
    }
    assert not any(kept.is_reviewed(i) for i in range(3))


def test_what_nobody_decides_any_more_is_the_models_file_with_all_foreign_keys(
    tmp_path: Path,
) -> None:
    path = tmp_path / "film.json"
    foreign = {"version": "1.0.0", "flags": {"seen": True}, "theirs": {"key": 1}}
    was = replace(prediction(), extra={**foreign, **prediction().extra})
    write_annotation(path, was)
    was = read_annotation(path)
    for frame in range(3):  # each reviewed in a session of its own
        document = read_annotation(path)
        present = document if frame else was
        after = with_slice(present, FACTS, frame, (lesion(frame),), True, {})
        assert after is not None
        write_annotation(path, after if frame else with_kept_proposals(after, was))
    document = read_annotation(path)
    kept = kept_proposals(document)
    assert kept is not None
    write_annotation(path, kept)
    assert annotation_to_json(read_annotation(path)) == annotation_to_json(was)


@pytest.mark.parametrize(
    "kept",
    [
        None,
        [],
        {},
        {"model": "m", "frames": 3},
        {"model": "m", "frames": [{"frame": True, "shapes": []}]},
        {"model": "", "frames": [{"frame": 0, "shapes": []}]},
        {"model": "m", "frames": [None, {"frame": "0", "shapes": []}, {"frame": 0}]},
    ],
)
def test_what_makes_no_sense_is_no_proposal(kept: Any) -> None:
    other = FrameAnnotation(1, (), 40, 32)
    document = Annotation("film.dcm", 3, (other,), extra={"medseg": {"proposals": kept}})
    assert kept_proposals(document) is None

"""What a model proposes for other frames of a film stays in a person's document of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from medseg_desktop.core.annotation import Annotation, FrameAnnotation, Shape
from medseg_desktop.core.shapes.review import FileFacts, with_slice
from medseg_desktop.io.kept_proposals import kept_proposals, with_kept_proposals
from medseg_desktop.io.medlabelme import new_shape_keys, read_annotation, write_annotation

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


def test_frames_that_nobody_has_looked_at_keep_their_proposals(tmp_path: Path) -> None:
    path = tmp_path / "film.json"
    write_annotation(path, decided(1, lesion(1)))
    document = read_annotation(path)
    assert not document.is_prediction
    assert [document.is_reviewed(i) for i in range(3)] == [False, True, False]
    kept = kept_proposals(document)
    assert kept is not None
    assert kept.prediction_model == "tiny-v1"
    assert {f.frame: [s.points for s in f.shapes] for f in kept.frames} == {
        0: [lesion(0).points],
        2: [lesion(2).points],
    }


def test_a_film_that_was_reviewed_to_the_end_has_none_left() -> None:
    document = decided(0)
    for frame in (1, 2):
        after = with_slice(document, FACTS, frame, (), True, {})
        assert after is not None
        document = after
    assert kept_proposals(document) is None


@pytest.mark.parametrize(
    "kept",
    [
        None,
        [],
        {},
        {"model": "m", "frames": 3},
        {"model": "", "frames": [{"frame": 0, "shapes": []}]},
        {"model": "m", "frames": [None, {"frame": "0", "shapes": []}, {"frame": 0}]},
    ],
)
def test_what_makes_no_sense_is_no_proposal(kept: Any) -> None:
    other = FrameAnnotation(1, (), 40, 32)
    document = Annotation("film.dcm", 3, (other,), extra={"medseg": {"proposals": kept}})
    assert kept_proposals(document) is None

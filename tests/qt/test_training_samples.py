from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medseg_desktop.core.errors import DatasetError
from medseg_desktop.core.labels import RECIPE_LABELS
from medseg_desktop.io.dataset import DatasetFile, read_dataset
from medseg_desktop.qt.presenters.training_samples import choose_samples, picture, sample_pictures
from tests.builders import write_dataset


def test_lesions_are_coloured_and_the_rest_stays_grey() -> None:
    grey = np.full((5, 7), 100, np.uint8)
    label_map = np.zeros((5, 7), np.uint8)
    label_map[1, 6] = 1
    image = picture(grey, label_map, RECIPE_LABELS)
    assert (image.width(), image.height()) == (7, 5)
    assert image.pixelColor(0, 0).getRgb()[:3] == (100, 100, 100)
    expected = [int(100 * 0.55 + c * 0.45) for c in RECIPE_LABELS.labels[1].color]
    assert image.pixelColor(6, 1).getRgb()[:3] == pytest.approx(expected, abs=1)


@pytest.mark.parametrize(("slices", "count"), [(1, 2), (4, 4)])
def test_there_are_as_many_samples_as_the_training_set_allows(
    tmp_path: Path, slices: int, count: int
) -> None:
    dataset = read_dataset(write_dataset(tmp_path / "d", slices=slices))
    assert len(sample_pictures(dataset)) == count


def test_most_samples_show_a_lesion_even_where_few_slices_have_one() -> None:
    # As a conversion writes it: every slice counts its background.
    files = [
        DatasetFile(
            name=f"{i}.png", set="train", patient_hash="p", series_uid="1", sop_uid="1", frame=i,
            pixels_per_label={"_background_": 60, **({"H": 4} if i < 3 else {})},
        )
        for i in range(40)
    ]  # fmt: skip
    for _ in range(10):
        chosen = choose_samples(files)
        assert sorted(f.name for f in chosen if f.lesion_pixels) == ["0.png", "1.png", "2.png"]
        assert len(chosen) == len({f.name for f in chosen}) == 4


def test_a_missing_picture_makes_the_dataset_unusable(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "d", slices=1)
    for file in (folder / "images").iterdir():
        file.unlink()
    with pytest.raises(DatasetError, match="images/"):
        sample_pictures(read_dataset(folder))

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from medseg_desktop.core.errors import DataError, WorkspaceError
from medseg_desktop.io.png import read_grey_png, write_png

GREY = np.arange(12 * 20, dtype=np.uint8).reshape(12, 20)


def test_grey_pixels_survive_a_path_with_spaces_and_chinese(tmp_path: Path) -> None:
    path = tmp_path / "影像 数据.png"
    write_png(path, GREY)
    assert np.array_equal(read_grey_png(path), GREY)


def test_colours_are_stored_as_rgb(tmp_path: Path) -> None:
    picture = np.zeros((4, 4, 3), np.uint8)
    picture[..., 2] = 200
    write_png(tmp_path / "x.png", picture)
    assert cv2.imread(str(tmp_path / "x.png"))[0, 0].tolist() == [200, 0, 0]  # OpenCV: BGR


@pytest.mark.parametrize(
    ("pixels", "reason"),
    [
        (np.zeros((4, 4, 3), np.uint8), "not an 8-bit grey PNG"),
        (np.zeros((4, 4), np.uint16), "not an 8-bit grey PNG"),
    ],
)
def test_only_8_bit_grey_is_read(tmp_path: Path, pixels: np.ndarray, reason: str) -> None:
    cv2.imwrite(str(tmp_path / "x.png"), pixels)
    with pytest.raises(DataError, match=reason):
        read_grey_png(tmp_path / "x.png")


def test_damage_and_giant_sizes_are_refused(tmp_path: Path) -> None:
    write_png(tmp_path / "x.png", GREY)
    data = (tmp_path / "x.png").read_bytes()
    for changed, reason in (
        (data[:40], "damaged"),
        (b"hello" * 20, "not a PNG"),
        (data[:16] + b"\0\xff\xff\xff" * 2 + data[24:], "too large"),
    ):
        (tmp_path / "x.png").write_bytes(changed)
        with pytest.raises(DataError, match=reason):
            read_grey_png(tmp_path / "x.png")


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="does not exist"):
        write_png(tmp_path / "none" / "x.png", GREY)

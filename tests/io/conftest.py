"""What several tests of files share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from medseg_desktop.io.pixels.decoder_pool import DecoderPool
from medseg_desktop.io.pixels.reader import FrameReader
from tests.builders import lesion_slice, write_dicom


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrameReader]:
    """One decoder process for a whole module, started before its first test."""
    first = write_dicom(tmp_path_factory.mktemp("first") / "x", lesion_slice(), syntax="rle")
    with FrameReader(DecoderPool(size=1)) as result:
        result.read(str(first), 0)
        yield result


@pytest.fixture(scope="module")
def corpus(test_data: Path) -> Path:
    """The folder of odd files; skips where there is none."""
    folder = test_data / "corpus"
    if not (folder / "manifest.csv").is_file():
        pytest.skip(f"there is no corpus in {folder}")
    return folder

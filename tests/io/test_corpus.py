"""The odd files of the corpus: shown with the right pixels, or refused with a reason."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import numpy as np
import pytest

from medseg_desktop.core.errors import UnreadableSliceError
from medseg_desktop.io.dicom_series import FileStatus, ScanResult, scan
from medseg_desktop.io.pixels import decode, read_dataset
from medseg_desktop.io.sources import open_source

#: JPEG Baseline and Extended, JPEG-LS near-lossless, JPEG 2000: decoders may round differently.
LOSSY = (".4.50", ".4.51", ".4.81", ".4.91")
LOSSY_TOLERANCE = 3


@pytest.fixture(scope="module")
def corpus(test_data: Path) -> Path:
    folder = test_data / "corpus"
    if not (folder / "manifest.csv").is_file():
        pytest.skip(f"there is no corpus in {folder}")
    return folder


@pytest.fixture(scope="module")
def rows(corpus: Path) -> list[dict[str, str]]:
    with (corpus / "manifest.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def found(corpus: Path) -> ScanResult:
    return scan(open_source(corpus), salt=b"salt")


def test_every_file_of_the_corpus_is_named_with_its_reason(
    found: ScanResult, rows: list[dict[str, str]]
) -> None:
    by_path = {f.path: f for f in found.files}
    for row in rows:
        file = by_path[row["file"]]
        if file.status in (FileStatus.REFUSED, FileStatus.WARNED):
            assert file.reason
            assert "\n" not in file.reason
            assert not file.reason.endswith(".")


def test_series_that_need_a_caveat_have_one(found: ScanResult, rows: list[dict[str, str]]) -> None:
    status = {f.path: f.status for f in found.files}
    expected = [r["file"] for r in rows if r["expected"] == "display_warn"]
    assert expected
    assert {status[path] for path in expected} == {FileStatus.WARNED}


def test_every_file_displays_the_right_pixels_or_is_refused(
    corpus: Path, found: ScanResult, rows: list[dict[str, str]]
) -> None:
    status = {f.path: f.status for f in found.files}
    wrong = []
    for row in rows:
        shown = status[row["file"]] in (FileStatus.SHOWN, FileStatus.WARNED)
        problem = ""
        if shown:
            try:
                problem = pixel_problem(corpus / row["file"], row)
            except UnreadableSliceError:
                shown = False
        expected = row["expected"].replace("display_warn", "display")
        if problem or (expected != "either" and shown != (expected == "display")):
            wrong.append(f"{row['file']}: {expected}, shown {shown} {problem}")
    assert wrong == []


def pixel_problem(path: Path, row: dict[str, str]) -> str:
    """How the decoded array differs from the manifest; empty where it does not."""
    pixels = decode(read_dataset(path), None)
    if not row["array"]:
        return ""
    shape_text, dtype = row["array"].rsplit(" ", 1)
    if str(pixels.shape) != shape_text:
        return f"shape {pixels.shape} instead of {shape_text}"
    low, high = float(pixels.min()), float(pixels.max())
    lossy = row["transfer_syntax_uid"].endswith(LOSSY)
    tolerance = LOSSY_TOLERANCE if lossy else 0
    if abs(low - float(row["min"])) > tolerance or abs(high - float(row["max"])) > tolerance:
        return f"{low}..{high} instead of {row['min']}..{row['max']}"
    if lossy:
        return ""
    native = pixels.astype(np.dtype(dtype))
    digest = hashlib.sha256(np.ascontiguousarray(native).tobytes()).hexdigest()
    return "" if digest.startswith(row["array_sha256_16"]) else "other pixels"


def test_files_with_the_same_pixels_decode_to_the_identical_array(
    corpus: Path, rows: list[dict[str, str]]
) -> None:
    groups: dict[str, list[str]] = {}
    for row in rows:
        if row["same_pixels_group"]:
            groups.setdefault(row["same_pixels_group"], []).append(row["file"])
    assert len(groups) >= 5
    for name, files in groups.items():
        first, *others = (decode(read_dataset(corpus / f), None) for f in files)
        for pixels, file in zip(others, files[1:], strict=True):
            assert np.array_equal(first, pixels), (name, file)

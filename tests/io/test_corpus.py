"""The odd files of the corpus: shown with the right pixels, or refused with a reason."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest

from medseg_desktop.cli import main
from medseg_desktop.core.errors import UnreadableSliceError
from medseg_desktop.io.dicom.quiet import quiet
from medseg_desktop.io.dicom.transfer_syntax import is_native
from medseg_desktop.io.dicom_series import ScanResult, scan
from medseg_desktop.io.pixels.reader import FrameReader
from medseg_desktop.io.sources.source import open_source

#: JPEG Baseline and Extended, JPEG-LS near-lossless, JPEG 2000: decoders may round differently.
LOSSY = (".4.50", ".4.51", ".4.81", ".4.91")
LOSSY_TOLERANCE = 3

Row = dict[str, str]
#: What became of a file: None where it was refused, else shape, min, max and sha256.
Outcome = dict[str, Any] | None


@pytest.fixture(scope="module")
def rows(corpus: Path) -> list[Row]:
    with (corpus / "manifest.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def found(corpus: Path) -> ScanResult:
    return scan(open_source(corpus), salt=b"salt")


@pytest.fixture(scope="module")
def printed(corpus: Path) -> dict[str, dict[str, Any]]:
    """The file rows of `scan --decode --json` by path."""
    output = io.StringIO()
    with redirect_stdout(output):
        assert main(["scan", str(corpus), "--decode", "--json"]) == 0
    return {f["path"]: f for f in json.loads(output.getvalue().splitlines()[-1])["files"]}


@pytest.fixture(scope="module")
def arrays(found: ScanResult) -> dict[str, np.ndarray | str]:
    """All frames of every file, read as the window reads them, or why it is refused."""
    root = found.root
    frames = {i.path: i.frames for s in found.series for i in s.slices}

    def read(path: str) -> np.ndarray | str:
        try:
            read = [reader.read(path, i)[0] for i in range(frames[path])]
        except UnreadableSliceError as error:
            return error.message
        return np.stack(read) if len(read) > 1 else read[0]

    with FrameReader() as reader, ThreadPoolExecutor(3) as pool:
        return {
            Path(path).relative_to(root).as_posix(): array
            for path, array in zip(frames, pool.map(read, frames), strict=True)
        }


def table(rows: list[Row], outcome: Callable[[Row], Outcome]) -> str:
    """The rows (file, expected, got) that are not as the manifest says; empty where all are."""
    wrong = []
    for row in rows:
        got = outcome(row)
        expected = row["expected"].replace("display_warn", "display")
        problem = difference(row, got) if got is not None else "refused"
        is_right = problem == "" if got is not None else expected != "display"
        if not is_right or (got is not None and expected == "refuse"):
            wrong.append(f"{row['file']:70} {row['expected']:12} {problem or 'displayed'}")
    return "\n".join(wrong)


def difference(row: Row, got: dict[str, Any]) -> str:
    """How decoded pixels differ from the manifest; empty where they do not."""
    if not row["array"]:
        return ""
    shape, dtype = row["array"].rsplit(" ", 1)
    if str(tuple(got["shape"])) != shape:
        return f"shape {got['shape']} instead of {shape}"
    lossy = row["transfer_syntax_uid"].endswith(LOSSY)
    tolerance = LOSSY_TOLERANCE if lossy else 0
    if any(abs(got[name] - float(row[name])) > tolerance for name in ("min", "max")):
        return f"{got['min']}..{got['max']} instead of {row['min']}..{row['max']}"
    # The manifest has the bytes of big-endian arrays as they were in memory.
    if lossy or dtype.startswith(">") or got["sha256"].startswith(row["array_sha256_16"]):
        return ""
    return "other pixels"


def test_scan_decode_shows_or_refuses_every_file_as_the_manifest_says(
    printed: dict[str, dict[str, Any]], rows: list[Row]
) -> None:
    def outcome(row: Row) -> Outcome:
        file = printed[row["file"]]
        return file if file["status"] in ("shown", "warned") else None

    assert table(rows, outcome) == ""


def test_the_loader_shows_or_refuses_every_file_as_the_manifest_says(
    arrays: dict[str, np.ndarray | str], rows: list[Row]
) -> None:
    def outcome(row: Row) -> Outcome:
        array = arrays.get(row["file"], "refused by the scan")
        if isinstance(array, str):
            return None
        digest = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
        size = {"shape": array.shape, "min": float(array.min()), "max": float(array.max())}
        return {**size, "sha256": digest}

    assert table(rows, outcome) == ""


def test_every_file_is_named_with_its_reason(
    printed: dict[str, dict[str, Any]], rows: list[Row]
) -> None:
    for row in rows:
        file = printed[row["file"]]
        if file["status"] != "shown":
            assert file["reason"], row["file"]
            assert "\n" not in file["reason"]
            assert not file["reason"].endswith(".")


def test_big_endian_pixels_have_the_hash_of_the_same_little_endian_ones(
    printed: dict[str, dict[str, Any]],
) -> None:
    big, little = (
        printed[f"native/pydicom__MR_small{x}.dcm"]["sha256"] for x in ("_bigendian", "")
    )
    assert big == little


def test_series_that_need_a_caveat_have_one(
    printed: dict[str, dict[str, Any]], rows: list[Row]
) -> None:
    expected = [r["file"] for r in rows if r["expected"] == "display_warn"]
    assert expected
    assert {printed[path]["status"] for path in expected} == {"warned"}


def test_files_with_the_same_pixels_decode_to_the_identical_array(
    arrays: dict[str, np.ndarray | str], rows: list[Row]
) -> None:
    groups: dict[str, list[str]] = {}
    for row in rows:
        if row["same_pixels_group"] and not isinstance(arrays.get(row["file"], ""), str):
            groups.setdefault(row["same_pixels_group"], []).append(row["file"])
    assert len(groups) >= 4
    for name, files in groups.items():
        first, *others = (arrays[f] for f in files)
        for pixels, file in zip(others, files[1:], strict=True):
            assert np.array_equal(first, pixels), (name, file)


def second_opinion(codestream: bytes, uid: str) -> np.ndarray | None:
    """The pixels by a decoder other than the one that is used, where one is installed."""
    if uid.endswith(".4.80"):
        return imagecodecs.jpegls_decode(codestream)
    if uid.endswith(".4.90"):
        return imagecodecs.jpeg2k_decode(codestream)
    if uid.endswith((".4.57", ".4.70")):
        return imagecodecs.jpeg8_decode(codestream)  # ours is ljpeg_decode
    return None


def test_lossless_files_decode_as_a_second_decoder_decodes_them(
    corpus: Path, arrays: dict[str, np.ndarray | str], rows: list[Row]
) -> None:
    compared, different = 0, []
    for row in rows:
        array = arrays.get(row["file"], "")
        uid = row["transfer_syntax_uid"]
        if isinstance(array, str) or is_native(uid):
            continue
        with quiet():
            ds = pydicom.dcmread(corpus / row["file"], force=True)
            frames = int(ds.get("NumberOfFrames") or 1)
            data = pydicom.encaps.get_frame(ds.PixelData, 0, number_of_frames=frames)
        pixels = second_opinion(data, uid)
        if pixels is None:
            continue
        compared += 1
        ours = array[0] if frames > 1 else array
        # Signs are no matter of the codestream.
        bits = (1 << int(ds.BitsStored)) - 1
        if not np.array_equal(ours.astype(np.int64) & bits, pixels.astype(np.int64) & bits):
            different.append(row["file"])
    assert compared >= 12
    assert different == []

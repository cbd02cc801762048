"""Altered copies of a slice are known again, and no patient is taken for another one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medseg_desktop.core.display import PixelFormat
from medseg_desktop.core.leaks import PlacedSlice, near_duplicates
from medseg_desktop.core.perceptual_hash import (
    HASH_BYTES,
    NEAR_BITS,
    near,
    packed,
    perceptual_hash,
)
from medseg_desktop.core.phantom import phantom_volume
from medseg_desktop.core.preprocessing import PRESETS, to_eight_bit
from medseg_desktop.core.slice_facts import SliceFacts
from medseg_desktop.core.split import SetName
from medseg_desktop.io.dicom_series import scan
from medseg_desktop.io.pixels.reader import FrameReader
from medseg_desktop.io.sources.source import open_source

Values = npt.NDArray[np.float64]
FORMAT = PixelFormat()


def jpeg(a: Values, quality: int) -> Values:
    grey = np.clip(a / np.percentile(a, 99.9) * 255, 0, 255).astype(np.uint8)
    _, data = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.float64)


def noisy(a: Values) -> Values:
    sigma = 0.06 * np.percentile(a, 99)
    return np.clip(a + np.random.default_rng(3).normal(0, sigma, a.shape), 0, None)


def resized(a: Values, factor: float) -> Values:
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(a, None, fx=factor, fy=factor, interpolation=how), np.float64)


ALTERATIONS: dict[str, Callable[[Values], Values]] = {
    "scaled": lambda a: 0.37 * a,
    "another window": lambda a: np.clip(a / a.max() - 0.1, 0, 0.6),
    "gamma": lambda a: (a / a.max()) ** 0.7,
    "noise": noisy,
    "shift": lambda a: np.roll(a, (2, -1), (0, 1)),
    "jpeg": lambda a: jpeg(a, 40),
    "half size": lambda a: resized(a, 0.5),
    "double size": lambda a: resized(a, 2.0),
    "margin": lambda a: np.pad(a, len(a) // 8),
}
Patients = dict[str, list[npt.NDArray[np.generic]]]


def hashes(slices: Sequence[npt.NDArray[np.generic]]) -> list[bytes]:
    """As the program makes them, but without the filter, which takes long."""
    greys = (to_eight_bit(stored, FORMAT, PRESETS["default"]) for stored in slices)
    return [h for h in map(perceptual_hash, greys) if h is not None]


@pytest.fixture(scope="module")
def phantoms() -> Patients:
    """Stored values of the slices of four patients."""
    return {
        str(k): list(phantom_volume(1, k, slices=14, rows=160, columns=160).stored)
        for k in range(4)
    }


def alike(some: list[bytes], others: list[bytes]) -> int:
    """How many slices of two series have a counterpart in the other one."""
    close = near(packed(some), packed(others))
    return int(min(close.any(axis=0).sum(), close.any(axis=1).sum()))


@pytest.mark.parametrize("name", ALTERATIONS)
def test_most_slices_of_an_altered_copy_are_known_again(phantoms: Patients, name: str) -> None:
    for slices in phantoms.values():
        copy = [ALTERATIONS[name](stored.astype(np.float64)) for stored in slices]
        assert alike(hashes(slices), hashes(copy)) > len(slices) / 2


def test_no_patient_is_taken_for_another_one(phantoms: Patients) -> None:
    known = [hashes(slices) for slices in phantoms.values()]
    assert all(len(found) > 7 for found in known)
    for i, one in enumerate(known):
        for other in known[:i]:
            assert alike(one, other) == 0


@pytest.fixture(scope="module")
def real(test_data: Path) -> Patients:
    """Stored values of every second real slice by patient."""
    patients: Patients = {}
    with open_source([test_data / "data" / "lesions" / "series"]) as source:
        found = scan(source, salt=bytes(32))
        with FrameReader(plain=found.plain) as reader:
            for series in found.series:
                patients[series.patient.hash] = [
                    reader.read(item.path, item.frame)[0] for item in series.slices[::2]
                ]
    return patients


@pytest.fixture(scope="module")
def real_hashes(real: Patients) -> dict[str, list[bytes]]:
    return {patient: hashes(slices) for patient, slices in real.items()}


def placed(patient: str, known: list[bytes], name: SetName) -> list[PlacedSlice]:
    return [
        PlacedSlice(
            title=f"{patient} {k}",
            set=name,
            patient=patient,
            series=(patient, "", 0),
            series_title=patient,
            instance=None,
            facts=SliceFacts((1, 1), (1, 1), {}, f"{patient} {k}".encode(), 1.0, value),
        )
        for k, value in enumerate(known)
    ]


def test_no_real_patient_looks_like_another_one(real_hashes: dict[str, list[bytes]]) -> None:
    assert len(real_hashes) == 26
    # Each pair stands on two sides in one of these splits.
    for bit in range(5):
        slices = [
            one
            for k, (patient, known) in enumerate(real_hashes.items())
            for one in placed(patient, known, "test" if k >> bit & 1 else "train")
        ]
        assert list(near_duplicates(slices)) == []


def test_an_altered_copy_of_each_real_patient_is_found(
    real: Patients, real_hashes: dict[str, list[bytes]]
) -> None:
    alter = ALTERATIONS["half size"]
    for patient, slices in real.items():
        copy = hashes([alter(stored.astype(np.float64)) for stored in slices])
        both = [*placed(patient, real_hashes[patient], "train"), *placed("copy", copy, "test")]
        (finding,) = near_duplicates(both)
        assert f"{patient} (train) and copy (test) on " in finding.message


def test_a_slice_with_little_tissue_has_no_hash() -> None:
    grey = np.zeros((100, 100), np.uint8)
    assert perceptual_hash(grey) is None
    grey[10:40, 10:70] = 200  # 18 %
    assert perceptual_hash(grey) is None
    grey[10:50, 10:70] = 200  # 24 %
    assert perceptual_hash(grey) is not None
    assert perceptual_hash(np.full((31, 64), 9, np.uint8)) is None


@given(
    st.lists(st.binary(min_size=HASH_BYTES, max_size=HASH_BYTES), max_size=5),
    st.lists(st.binary(min_size=HASH_BYTES, max_size=HASH_BYTES), max_size=5),
)
def test_hashes_are_near_by_the_number_of_their_different_bits(
    some: list[bytes], others: list[bytes]
) -> None:
    others = [*others, *some[:2]]
    close = near(packed(some), packed(others))
    assert close.shape == (len(some), len(others))
    for i, a in enumerate(some):
        for k, b in enumerate(others):
            bits = (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).bit_count()
            assert close[i, k] == (bits <= NEAR_BITS)

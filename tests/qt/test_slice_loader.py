"""Reading ahead: the wanted slice first, and never more in memory than allowed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from medseg_desktop.core.volume import Series
from medseg_desktop.io.dicom_series import scan
from medseg_desktop.io.pixels.decoder_pool import DecoderPool
from medseg_desktop.io.pixels.reader import FrameReader
from medseg_desktop.io.sources.source import open_source
from medseg_desktop.qt.slice_loader import LoadedSlice, SliceLoader
from tests.builders import write_dicom

SLICES, SIDE = 30, 32
BYTES = SIDE * SIDE * 2
WAIT_MS = 30_000


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> Series:
    folder = tmp_path_factory.mktemp("series")
    for i in range(SLICES):
        pixels = np.full((SIDE, SIDE), i, np.uint16)
        write_dicom(folder / f"{i:02d}.dcm", pixels, number=i, position_mm=(0.0, 0.0, float(i)))
    return scan(open_source(folder), salt=b"salt").series[0]


@pytest.fixture
def loader(qtbot: QtBot) -> Iterator[SliceLoader]:
    result = SliceLoader(cache_bytes=10 * BYTES)
    yield result
    result.close()


def test_the_wanted_slice_comes_first_and_then_its_neighbours(
    loader: SliceLoader, qtbot: QtBot, series: Series
) -> None:
    told: list[int] = []
    loader.loaded.connect(lambda loaded: told.append(loaded.index))
    loader.set_series(series, 15)
    qtbot.waitUntil(lambda: len(told) >= 7, timeout=WAIT_MS)
    assert told[0] == 15
    assert all(abs(index - 15) <= 5 for index in told)


def test_no_more_is_read_ahead_than_fits(loader: SliceLoader, qtbot: QtBot, series: Series) -> None:
    told: list[int] = []
    ends: list[tuple[int, int]] = []
    loader.loaded.connect(lambda loaded: told.append(loaded.index))
    loader.progress.connect(lambda done, total: ends.append((done, total)))
    loader.set_series(series, 15)
    qtbot.waitUntil(lambda: bool(ends) and ends[-1][0] == ends[-1][1] > 1, timeout=WAIT_MS)
    qtbot.wait(50)
    assert len(told) <= 10
    assert len(told) == len(set(told))  # nothing was dropped and read again
    assert loader.cached_bytes <= 10 * BYTES


def test_every_slice_of_a_series_larger_than_the_memory_can_be_looked_at(
    loader: SliceLoader, qtbot: QtBot, series: Series
) -> None:
    loader.set_series(series, 0)
    largest = 0
    for index in (*range(SLICES), *reversed(range(SLICES)), 3, 29, 0):
        with qtbot.waitSignal(
            loader.loaded, timeout=WAIT_MS, check_params_cb=lambda x, i=index: x.index == i
        ) as told:
            loader.request(index)
        loaded: LoadedSlice = told.args[0]
        assert (loaded.stored == index).all()
        largest = max(largest, loader.cached_bytes)
    assert 8 * BYTES <= largest <= 10 * BYTES


def test_a_smaller_limit_takes_effect_at_once(
    loader: SliceLoader, qtbot: QtBot, series: Series
) -> None:
    loader.set_series(series, 15)
    qtbot.waitUntil(lambda: loader.cached_bytes >= 8 * BYTES, timeout=WAIT_MS)
    loader.set_cache_bytes(3 * BYTES)
    assert loader.cached_bytes <= 3 * BYTES
    with qtbot.waitSignal(loader.loaded, timeout=WAIT_MS):
        loader.request(15)


def test_a_slice_larger_than_the_limit_is_shown_all_the_same(qtbot: QtBot, series: Series) -> None:
    loader = SliceLoader(cache_bytes=10)
    with qtbot.waitSignal(loader.loaded, timeout=WAIT_MS):
        loader.set_series(series, 4)
    for index in (5, 4):
        with qtbot.waitSignal(
            loader.loaded, timeout=WAIT_MS, check_params_cb=lambda x, i=index: x.index == i
        ):
            loader.request(index)
    assert loader.cached_bytes <= BYTES
    loader.close()


def test_a_preview_is_made_around_the_wanted_slice_only(
    loader: SliceLoader, qtbot: QtBot, series: Series
) -> None:
    from medseg_desktop.core.preprocessing import PRESETS

    told: list[LoadedSlice] = []
    loader.loaded.connect(told.append)
    loader.set_series(series, 15, PRESETS["default"])
    qtbot.waitUntil(lambda: len(told) >= 5, timeout=WAIT_MS)
    qtbot.wait(100)
    assert {x.index for x in told} == {13, 14, 15, 16, 17}
    assert all(x.stored.dtype == np.uint8 and x.preview is not None for x in told)


def test_a_slice_that_is_asked_for_while_it_is_read_is_read_once(
    loader: SliceLoader, qtbot: QtBot, series: Series, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    original = loader.read_now

    def read_now(series: Series, index: int, preview: object = None) -> LoadedSlice:
        read.append(index)
        return original(series, index)

    monkeypatch.setattr(loader, "read_now", read_now)
    told: list[int] = []
    loader.loaded.connect(lambda loaded: told.append(loaded.index))
    loader.set_series(series, 15)
    loader.request(15)
    qtbot.waitUntil(lambda: len(told) >= 9, timeout=WAIT_MS)
    assert read.count(15) == 1
    assert told[0] == 15


def test_the_end_is_told_once_everything_is_there(
    loader: SliceLoader, qtbot: QtBot, series: Series
) -> None:
    loader.set_cache_bytes(100 * BYTES)
    there: list[tuple[int, int]] = []
    loader.progress.connect(lambda done, _: there.append((done, loader.cached_bytes // BYTES)))
    loader.set_series(series, 0)
    qtbot.waitUntil(lambda: there[-1][0] == SLICES, timeout=WAIT_MS)
    assert all(kept >= done for done, kept in there)


def test_a_slow_slice_of_another_series_is_not_waited_for(
    loader: SliceLoader, qtbot: QtBot, series: Series, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, quick = replace(series, uid="slow"), replace(series, uid="quick")
    original, go = loader.read_now, Event()

    def read_now(series: Series, index: int, preview: object = None) -> LoadedSlice:
        if series is slow:
            go.wait(WAIT_MS / 1000)
        return original(series, index)

    monkeypatch.setattr(loader, "read_now", read_now)
    told: list[LoadedSlice] = []
    loader.loaded.connect(told.append)
    for _ in range(3):
        loader.set_series(slow, 3)
        loader.set_series(quick, 5)
    qtbot.waitUntil(lambda: any(x.index == 5 for x in told), timeout=WAIT_MS // 2)
    go.set()
    qtbot.wait(50)
    assert {x.series_key for x in told} == {quick.key}


def test_compressed_series_keep_all_decoders_busy(tmp_path: Path) -> None:
    plain = write_dicom(tmp_path / "plain.dcm", np.zeros((8, 8), np.uint16))
    packed = write_dicom(tmp_path / "rle.dcm", np.zeros((8, 8), np.uint16), syntax="rle")
    with FrameReader(DecoderPool(5), scan(open_source(tmp_path), salt=b"").plain) as reader:
        assert (reader.threads_for(str(plain)), reader.threads_for(str(packed))) == (2, 5)

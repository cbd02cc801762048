"""Whatever happens to a decoder process, its parent gets pixels or a sentence."""

from __future__ import annotations

import gc
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest

from medseg_desktop.core.errors import UnreadableSliceError
from medseg_desktop.io.pixels.decoder_pool import DecoderPool
from medseg_desktop.io.pixels.reader import FrameReader
from tests.builders import Syntax, lesion_slice, write_dicom

JPEG_2000 = "1.2.840.10008.1.2.4.90"
FAKE = Path(__file__).with_name("fake_decoder.py")
#: One seed of each kind of codestream that the builders can write.
SEEDS: list[Syntax] = ["rle", "jpeg", "jpeg-lossless", "jpeg-ls", "jpeg2000"]


def fake_pool(size: int = 1, time_limit_s: float = 20.0) -> DecoderPool:
    command = [sys.executable, str(FAKE), str(time_limit_s)]
    return DecoderPool(size, time_limit_s, command)


def decoders() -> list[psutil.Process]:
    """Decoder processes of this process that run."""
    return [p for p in psutil.Process().children() if p.status() != psutil.STATUS_ZOMBIE]


def test_a_decoder_that_dies_is_a_sentence_and_is_replaced() -> None:
    with fake_pool() as pool:
        for word in ("abort", "panic", "garbage"):
            with pytest.raises(UnreadableSliceError) as caught:
                pool.decode(word, 0, JPEG_2000)
            expected = "cannot be decoded: the decoder stopped unexpectedly"
            assert caught.value.message == f"its pixels (JPEG 2000 Lossless) {expected}"
        assert np.array_equal(pool.decode("good", 2, JPEG_2000), np.full((2, 3), 2))


def test_a_refused_frame_costs_no_process() -> None:
    with fake_pool() as pool:
        pool.decode("good", 0, JPEG_2000)
        (before,) = decoders()
        with pytest.raises(UnreadableSliceError, match="its pixels are damaged"):
            pool.decode("refuse", 0, JPEG_2000)
        pool.decode("good", 0, JPEG_2000)
        assert decoders() == [before]


def test_a_decoder_that_never_comes_back_is_ended() -> None:
    with fake_pool(time_limit_s=1.0) as pool:
        with pytest.raises(UnreadableSliceError, match="it takes longer than 1 s"):
            pool.decode("hang", 0, JPEG_2000)
        assert pool.decode("good", 5, JPEG_2000)[0, 0] == 5


@pytest.mark.skipif(sys.platform == "win32", reason="there is no limit of memory on Windows")
def test_pixels_that_would_take_all_memory_are_refused() -> None:
    with fake_pool() as pool:
        with pytest.raises(UnreadableSliceError, match="do not fit into memory"):
            pool.decode("memory", 0, JPEG_2000)
        assert len(decoders()) == 1
        pool.decode("good", 0, JPEG_2000)


def test_what_libraries_print_does_not_reach_the_answer() -> None:
    with fake_pool() as pool:
        assert pool.decode("noise", 7, JPEG_2000)[0, 0] == 7


def test_a_frame_is_tried_again_when_an_earlier_one_may_have_spoiled_the_decoder() -> None:
    with fake_pool() as pool:
        pool.decode("good", 0, JPEG_2000)
        decoders()[0].kill()
        assert pool.decode("good", 3, JPEG_2000)[0, 0] == 3


def test_frames_are_decoded_at_once_by_as_many_processes_as_allowed() -> None:
    with fake_pool(size=2) as pool, ThreadPoolExecutor(6) as threads:
        values = list(threads.map(lambda i: pool.decode("slow", i, JPEG_2000)[0, 0], range(12)))
        assert values == list(range(12))
        assert len(decoders()) == 2


def test_a_crash_in_one_thread_leaves_the_frames_of_the_others_alone() -> None:
    def decode(i: int) -> int:
        try:
            return int(pool.decode("abort" if i == 3 else "slow", i, JPEG_2000)[0, 0])
        except UnreadableSliceError:
            return -1

    with fake_pool(size=2) as pool, ThreadPoolExecutor(3) as threads:
        assert list(threads.map(decode, range(6))) == [0, 1, 2, -1, 4, 5]


def test_closing_ends_a_frame_that_somebody_waits_for() -> None:
    pool = fake_pool()
    pool.decode("good", 0, JPEG_2000)
    with ThreadPoolExecutor(2) as threads:
        waiting = [threads.submit(pool.decode, "hang", 0, JPEG_2000) for _ in range(2)]
        time.sleep(0.2)
        pool.close()
        for future in waiting:
            with pytest.raises(UnreadableSliceError, match="reading was ended"):
                future.result(timeout=20)
    pool.close()
    assert not decoders()
    with pytest.raises(UnreadableSliceError, match="reading was ended"):
        pool.decode("good", 0, JPEG_2000)


def test_a_pool_that_is_forgotten_leaves_no_process_behind() -> None:
    pool = fake_pool()
    pool.decode("good", 0, JPEG_2000)
    assert decoders()
    del pool
    gc.collect()
    assert not decoders()


def test_a_decoder_ends_with_its_parent(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "x", lesion_slice(), syntax="rle")
    script = (
        "import os, sys, psutil\n"
        "from medseg_desktop.io.pixels.reader import FrameReader\n"
        "reader = FrameReader()\n"
        "reader.read(sys.argv[1], 0)\n"
        "print(*(p.pid for p in psutil.Process().children()), flush=True)\n"
        "os._exit(9)\n"  # without any clean-up
    )
    command = [sys.executable, "-c", script, str(path)]
    pids = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout.split()
    assert pids
    deadline = time.monotonic() + 20
    while any(psutil.pid_exists(int(pid)) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(psutil.pid_exists(int(pid)) for pid in pids)


def test_a_decoder_that_cannot_be_started_is_a_sentence(tmp_path: Path) -> None:
    for command, reason in (
        ([str(tmp_path / "nothing")], "no decoder can be started"),
        ([sys.executable, "-c", "pass"], "stopped unexpectedly"),
    ):
        with (
            DecoderPool(1, command=command) as pool,
            pytest.raises(UnreadableSliceError, match=reason),
        ):
            pool.decode("good", 0, JPEG_2000)


def test_uncompressed_slices_start_no_decoder(tmp_path: Path) -> None:
    with FrameReader() as reader:
        reader.read(str(write_dicom(tmp_path / "x", lesion_slice())), 0)
        assert not decoders()


def test_names_that_are_no_text_reach_the_decoder(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "x", lesion_slice(), syntax="rle")
    odd = tmp_path / ("IM 1 \u80ba\U0001fac1" + ("\udcff" if sys.platform == "linux" else ""))
    path.rename(odd)
    with FrameReader(DecoderPool(1)) as reader:
        assert np.array_equal(reader.read(str(odd), 0)[0], lesion_slice())


def test_a_file_that_was_replaced_is_read_anew(tmp_path: Path) -> None:
    frames = np.stack([lesion_slice(seed=i) for i in range(2)])
    path = tmp_path / "m.dcm"
    with FrameReader(DecoderPool(1)) as reader:
        for syntax in ("rle", "explicit", "rle"):
            for pixels in (frames, frames[::-1, :24]):
                write_dicom(path, pixels, syntax=syntax)  # type: ignore[arg-type]
                assert np.array_equal(reader.read(str(path), 1)[0], pixels[1])


def mutant(data: bytes, rng: random.Random) -> bytes:
    """A few bytes of the pixels, seldom of the header, replaced by likely or random ones."""
    changed = bytearray(data)
    start = data.rindex(b"\xe0\x7f\x10\x00") if rng.random() < 0.9 else 132
    end = min(len(data), start + rng.choice([200, len(data)]))
    for _ in range(rng.choice([1, 2, 5, 20])):
        changed[rng.randrange(start, end)] = rng.choice([0, 127, 128, 255, rng.randrange(256)])
    return bytes(changed)


def test_mutated_files_are_decoded_or_refused(tmp_path: Path) -> None:
    seeds = []
    for syntax in SEEDS:
        pixels = lesion_slice((64, 64))
        if syntax == "jpeg":
            pixels = (pixels // 16).astype(np.uint8)
        seeds.append(write_dicom(tmp_path / syntax, pixels, syntax=syntax).read_bytes())
    read_mutants(seeds, 250, tmp_path / "mutant.dcm")


def test_mutated_real_files_are_decoded_or_refused(corpus: Path, tmp_path: Path) -> None:
    names = [
        "htj2k/pydata__HTJ2KLossless_08_RGB.dcm",
        "jpeg/pydicom__JPGExtended.dcm",
        "jpeg2000/pydicom__693_J2KI.dcm",
        "jpegls/pydicom__JPEGLSNearLossless_16.dcm",
        "multiframe/csp__CT0012.fragmented_no_bot_jpeg_lossless.57.dcm",
    ]
    read_mutants([(corpus / name).read_bytes() for name in names], 100, tmp_path / "mutant.dcm")


def read_mutants(seeds: list[bytes], count: int, path: Path) -> None:
    """Read mutants of the seeds in turn: each gives pixels or a reason."""
    rng = random.Random(0)
    outcomes = set()
    with FrameReader(DecoderPool(1, time_limit_s=10.0)) as reader:
        for i in range(count):
            path.write_bytes(mutant(seeds[i % len(seeds)], rng))
            try:
                stored, _ = reader.read(str(path), 0)
            except UnreadableSliceError as error:
                outcomes.add(error.message)
            else:
                assert stored.size
    assert len(outcomes) > 10
    assert "" not in outcomes


def test_a_decoder_is_started_once_before_it_is_needed(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "x.dcm", lesion_slice(), syntax="jpeg-ls")
    with FrameReader(DecoderPool(2)) as reader:
        reader.prepare()
        reader.prepare()
        (prepared,) = decoders()
        assert np.array_equal(reader.read(str(path), 0)[0], lesion_slice())
        assert decoders() == [prepared]


def test_a_decoder_that_cannot_be_started_early_is_said_when_it_is_needed(tmp_path: Path) -> None:
    with DecoderPool(1, 5.0, [str(tmp_path / "missing")]) as pool:
        pool.prepare()
        with pytest.raises(UnreadableSliceError, match="no decoder can be started"):
            pool.decode("good", 0, JPEG_2000)

"""D1 and D2 of the quality plan: weight files that run code, take memory, or are damaged."""

from __future__ import annotations

import pickle
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medseg_desktop.core.errors import ModelError
from medseg_desktop.io import process_memory
from medseg_desktop.io.models.pdparams import read_pdparams
from medseg_desktop.io.models.pickle_machine import RefusedError, run_pickle
from tests.weight_files import as_numpy_1, hostile_files, instructions, pickled, small_weights

HOSTILE = sorted(hostile_files(Path("canary")))


@pytest.mark.parametrize("numpy_1", [False, True], ids=["numpy 2", "numpy 1"])
@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_what_paddle_saves_is_read_exactly(tmp_path: Path, protocol: int, numpy_1: bool) -> None:
    path = tmp_path / "model.pdparams"
    data = pickled(small_weights(), protocol)
    path.write_bytes(as_numpy_1(data) if numpy_1 else data)
    arrays, content = read_pdparams(path)
    assert content == path.read_bytes()
    assert arrays.keys() == small_weights().keys()
    for name, expected in small_weights().items():
        found = arrays[name]
        np.testing.assert_array_equal(found, expected)
        assert found.shape == expected.shape
        assert found.dtype == expected.dtype.newbyteorder("=")


def test_the_old_form_is_really_that_of_numpy_1() -> None:
    data = as_numpy_1(pickled(small_weights()))
    assert pickle.loads(data).keys() == pickle.loads(pickled(small_weights())).keys()


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_is_refused_in_one_sentence_and_nothing_runs(
    tmp_path: Path, kind: str
) -> None:
    canary = tmp_path / "canary"
    path = tmp_path / "model.pdparams"
    path.write_bytes(hostile_files(canary)[kind])
    process = psutil.Process()
    before, begun_s = process.memory_info().rss, time.process_time()
    with pytest.raises(ModelError) as refused:
        read_pdparams(path)
    assert time.process_time() - begun_s < 10
    assert process.memory_info().rss - before < 200 << 20
    assert not canary.exists()
    assert list(tmp_path.iterdir()) == [path]
    text = refused.value.message
    assert text.startswith(f"{path} ")
    assert text.count("\n") == 0
    assert text.endswith(".")
    assert len(text) < len(str(path)) + 250


def test_the_canary_of_these_files_sings_where_python_reads_them(tmp_path: Path) -> None:
    sung = []
    for kind, data in hostile_files(tmp_path / "canary").items():
        try:
            pickle.loads(data)
        except Exception:
            continue
        finally:
            if (tmp_path / "canary").exists():
                sung.append(kind)
                (tmp_path / "canary").rmdir()
    assert len(sung) >= 12


def test_the_sentence_names_what_was_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "x.pdparams"
    for kind, word in {
        "GLOBAL": "builtins.eval",
        "DenseTensor": "builtins.eval",
        "EXT": "EXT1",
        "persistent id": "PERSID",
        "OBJ": "builtins.eval",
        "object array": "'O8'",
        "torch": "ZIP archive",
        "pdopt": "state of an optimiser",
        "protocol 5": "protocol 5",
        "pdmodel": "damaged, or no weight file",
        "claims a terabyte": "more than it does",
        "the same bytes often": "more than it does",
        "a million instructions": "more instructions",
    }.items():
        path.write_bytes(hostile_files(tmp_path / "canary")[kind])
        with pytest.raises(ModelError, match=word):
            read_pdparams(path)


def test_only_the_instructions_that_arrays_need_are_known() -> None:
    used: set[str] = set()
    for protocol in (2, 3, 4):
        used |= instructions(pickled(small_weights(), protocol))
    for name in ("INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "EXT1", "EXT2", "EXT4", "PERSID",
                 "BINPERSID", "NEXT_BUFFER", "LONG4"):  # fmt: skip
        assert name not in used


@pytest.mark.parametrize("part", range(30))
def test_a_cut_file_is_refused(tmp_path: Path, part: int) -> None:
    data = pickled(small_weights())
    path = tmp_path / "cut.pdparams"
    path.write_bytes(data[: len(data) * part // 30])
    with pytest.raises(ModelError, match="is damaged, or no weight file"):
        read_pdparams(path)


@pytest.mark.parametrize("part", range(30))
def test_a_changed_bit_is_refused_or_changes_an_array_only(tmp_path: Path, part: int) -> None:
    """Within an array nothing can tell it: a weight file has no digest, a package has one."""
    data = bytearray(pickled(small_weights()))
    at = len(data) * part // 30
    data[at] ^= 1 << part % 8
    path = tmp_path / "changed.pdparams"
    path.write_bytes(data)
    try:
        arrays, _ = read_pdparams(path)
    except ModelError:
        return
    weights = small_weights()
    same = [n for n in arrays if n in weights and arrays[n].tobytes() == _plain(weights[n])]
    assert len(same) >= len(weights) - 1


def _plain(array: npt.NDArray[Any]) -> bytes:
    return array.astype(array.dtype.newbyteorder("=")).tobytes()


@given(st.binary(max_size=200))
def test_any_bytes_end_in_a_value_or_in_one_of_two_errors(data: bytes) -> None:
    for program in (data, b"\x80\x04" + data, b"\x80\x02}" + data + b"."):
        try:
            run_pickle(program)
        except (RefusedError, ValueError):
            continue


@given(st.data())
def test_any_damage_to_a_real_file_ends_in_a_value_or_in_one_of_two_errors(
    data: st.DataObject,
) -> None:
    program = bytearray(pickled(small_weights(), data.draw(st.sampled_from([2, 3, 4]))))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(program) - 1))
        program[at] = data.draw(st.integers(0, 255))
    try:
        run_pickle(bytes(program))
    except (RefusedError, ValueError):
        return


def test_a_file_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"Cannot read .*: it does not exist"):
        read_pdparams(tmp_path / "none.pdparams")
    with pytest.raises(ModelError, match="Cannot read"):
        read_pdparams(tmp_path)


def test_too_large_a_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medseg_desktop.io.models.pdparams._LARGEST_BYTES", 100)
    path = tmp_path / "x.pdparams"
    path.write_bytes(pickled(small_weights()))
    with pytest.raises(ModelError, match="larger than the weights of a network can be"):
        read_pdparams(path)


def test_memory_can_be_limited_for_a_while() -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux limits the memory of a process")
    with process_memory.limited_memory(64 << 20), pytest.raises(MemoryError):
        bytearray(512 << 20)
    assert len(bytearray(512 << 20)) == 512 << 20

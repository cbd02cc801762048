"""The sentences for children that died."""

from __future__ import annotations

from pathlib import Path

import pytest

from medseg_desktop.jobs.failures import explain_death, last_meaningful_line, unexpected

LOG = Path("/run/worker.log")
TRACEBACK = [
    "loading",
    "Traceback (most recent call last):",
    '  File "x.py", line 3, in <module>',
    "    raise ValueError('no')",
    "\x1b[31mValueError: no\x1b[0m",
    "",
    "=====",
]


def test_the_last_meaningful_line_is_the_error_and_not_its_clutter() -> None:
    assert last_meaningful_line(TRACEBACK) == "ValueError: no"


def test_the_fault_handler_is_clutter_around_its_first_line() -> None:
    tail = [
        "Fatal Python error: Segmentation fault",
        "",
        "Current thread 0x00007f (most recent call first):",
        '  File "x.py", line 3 in f',
        "Extension modules: numpy, cv2 (total: 2)",
    ]
    assert last_meaningful_line(tail) == "Fatal Python error: Segmentation fault"


@pytest.mark.parametrize("tail", [[], ["", "   ", "-----"]])
def test_an_empty_log_gives_no_quotation(tail: list[str]) -> None:
    assert explain_death(1, tail, "python", LOG).message == "The job ended with an error."


@pytest.mark.parametrize(
    ("returncode", "line"),
    [
        (-9, ""),
        (137, ""),
        (0xC0000017, ""),
        (-1073741801, ""),
        (-6, "terminate called after throwing an instance of 'std::bad_alloc'"),
        (1, "MemoryError"),
        (1, "CUDA error(2), out of memory."),
    ],
)
def test_too_little_memory_is_named_with_advice(returncode: int, line: str) -> None:
    failed = explain_death(returncode, [line], "python", LOG)
    assert "out of memory" in failed.message
    assert "smaller batch" in failed.hint


@pytest.mark.parametrize("returncode", [-11, -6, 0xC0000005, -1073741819])
def test_a_native_crash_is_called_a_crash(returncode: int) -> None:
    assert explain_death(returncode, [], "python", LOG).message == "The job crashed."


@pytest.mark.parametrize("returncode", [-15, -200])
def test_a_foreign_signal_is_named_as_an_end_from_outside(returncode: int) -> None:
    assert explain_death(returncode, [], "python", LOG).message == "The job was ended from outside."


def test_a_missing_package_is_named_with_its_interpreter() -> None:
    failed = explain_death(
        1, ["ModuleNotFoundError: No module named 'paddle.nn'"], "/gpu/python", LOG
    )
    assert failed.message == "The package paddle is missing in /gpu/python."


def test_long_lines_are_cut() -> None:
    assert len(explain_death(1, ["x" * 10_000], "python", LOG).message) < 300


def test_an_error_without_words_is_named_by_its_kind() -> None:
    assert "AssertionError" in unexpected(AssertionError(), LOG).message


def test_other_deaths_point_to_the_log() -> None:
    assert explain_death(1, [], "python", LOG).hint == f"The details are in {LOG}."

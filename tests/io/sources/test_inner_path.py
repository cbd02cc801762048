from __future__ import annotations

import os
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medseg_desktop.io.sources.inner_path import (
    UnsafePathError,
    inner_parts,
    shown_path,
    writable_part,
)


@pytest.mark.parametrize(
    "text",
    [
        "../x", "..\\x", "a/../../x", "a/..", "/x", "\\x", "C:x", "c:/x", "C:\\x",
        "\\\\server\\share\\x", "//server/share/x", "\\\\?\\C:\\x", "a\0b", "a/\nb", "CON",
        "a/nul", "com1.dcm", "aux.tar.gz", "LPT9 .x", "", ".", "a/../..",
    ],
)  # fmt: skip
def test_paths_out_of_the_folder_and_impossible_names_are_refused(text: str) -> None:
    with pytest.raises(UnsafePathError):
        inner_parts(text)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a/b.dcm", ("a", "b.dcm")),
        ("a\\b.dcm", ("a", "b.dcm")),
        ("./a//b", ("a", "b")),
        ("影像/数据 1", ("影像", "数据 1")),
        ("console/comma1", ("console", "comma1")),
        ("10:32:11/IM..1", ("10:32:11", "IM..1")),
        ("%2e%2e/x", ("%2e%2e", "x")),
    ],
)
def test_ordinary_paths_keep_their_components(text: str, parts: tuple[str, ...]) -> None:
    assert inner_parts(text) == parts


@given(st.text(alphabet="ab./\\:C\0 ~", max_size=12))
def test_no_text_leads_out_of_the_folder(text: str) -> None:
    try:
        parts = inner_parts(text)
    except UnsafePathError:
        return
    inside = os.path.normpath(os.path.join("/root/folder", *parts))
    assert PurePosixPath(inside).is_relative_to("/root/folder")
    written = [writable_part(part, windows=True) for part in parts]
    joined = PureWindowsPath("C:\\folder", *written)
    assert joined.is_relative_to("C:\\folder")
    assert ":" not in str(joined.relative_to("C:\\folder"))


@pytest.mark.parametrize(
    ("part", "written"),
    [("a:stream", "a_stream"), ("T2 ", "T2"), ("x.", "x"), ("a?*b", "a__b"), (" .", "_")],
)
def test_windows_gets_names_that_it_takes_and_other_systems_the_name_itself(
    part: str, written: str
) -> None:
    assert writable_part(part, windows=True) == written
    assert writable_part(part, windows=False) == part


def test_a_refused_path_is_shown_in_one_printable_line() -> None:
    assert shown_path("a\\b\n\u202ec") == "a/b??c"
    assert len(shown_path("x" * 5000)) < 300

from __future__ import annotations

import sys

import numpy as np
import pytest

from medseg_desktop.engine.freed_memory import keep_freed_memory


def page_faults() -> int:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has glibc")
def test_a_buffer_that_was_freed_is_taken_again_without_page_faults() -> None:
    if not keep_freed_memory():
        pytest.skip("the C library is not glibc")
    n_pages = 10_000
    np.ones(n_pages * 512)
    before = page_faults()
    for _ in range(3):
        np.ones(n_pages * 512)
    assert page_faults() - before < n_pages


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert not keep_freed_memory()

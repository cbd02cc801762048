"""The store asks the disk to be durable very often, which takes long on a busy machine."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def _disk_that_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """`os.fsync` returns at once: that it is called, and when, is what the tests look at."""
    monkeypatch.setattr(os, "fsync", lambda _fd: None)

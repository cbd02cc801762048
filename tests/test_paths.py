from __future__ import annotations

import sys
from pathlib import Path

import pytest

from medseg_desktop import paths


@pytest.fixture(autouse=True)
def _forget_folder():
    paths.resource_root.cache_clear()
    yield
    paths.resource_root.cache_clear()


def test_the_checkout_holds_the_icons() -> None:
    assert paths.resource("icons", "play.svg").is_file()


def test_a_frozen_app_uses_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    icons = tmp_path / "medseg_desktop" / "resources" / "icons"
    icons.mkdir(parents=True)
    monkeypatch.setattr(sys, "_MEIPASS", str(tmp_path), raising=False)
    assert paths.resource("icons") == icons


def test_a_wheel_without_resources_is_reported_with_the_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "_PACKAGE", tmp_path / "site" / "medseg_desktop")
    with pytest.raises(FileNotFoundError, match="install the program again"):
        paths.resource("icons")

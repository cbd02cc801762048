from __future__ import annotations

import json
from pathlib import Path

import pytest

from medseg_desktop.core.errors import WorkspaceError
from medseg_desktop.core.settings import Settings
from medseg_desktop.io.settings_file import load_settings, save_settings, settings_path


def test_settings_are_kept_and_only_what_differs_is_stored() -> None:
    settings = Settings(theme="light", threads=2, workspace="D:/影像 数据")
    save_settings(settings)
    assert load_settings() == settings
    assert set(json.loads(settings_path().read_text("utf-8"))) == {"theme", "threads", "workspace"}


def test_a_missing_file_means_defaults() -> None:
    assert load_settings() == Settings()


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_damaged_file_means_defaults(data: bytes) -> None:
    settings_path().write_bytes(data)
    assert load_settings() == Settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("theme", "pink"), ("theme", 3), ("threads", -1), ("threads", 10**9), ("threads", True),
        ("overlay_opacity", 7), ("overlay_opacity", "much"), ("smooth", "yes"), ("workspace", 3),
    ],
)  # fmt: skip
def test_a_bad_value_is_ignored_and_the_good_ones_are_kept(name: str, value: object) -> None:
    good = {"training_interpreter": "/opt/python"}
    settings_path().write_text(json.dumps({**good, name: value, "unknown": 1}))
    assert load_settings() == Settings(training_interpreter="/opt/python")


def test_a_folder_in_the_way_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MEDSEG_SETTINGS", str(tmp_path / "file" / "settings.json"))
    with pytest.raises(WorkspaceError, match=r"in the way|exists already"):
        save_settings(Settings(theme="light"))

"""The lesions of the series on screen, worked out in the background."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from medseg_desktop.core.errors import MedSegError
from medseg_desktop.qt.controller import Controller
from medseg_desktop.qt.presenters import lesions_presenter
from tests.builders import write_study
from tests.drawn import draw_rectangle, opened
from tests.qt.viewing import WAIT_MS


def test_a_failure_is_told_in_the_place_of_the_list_and_the_next_edit_measures_again(
    controller: Controller, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(qtbot, controller, write_study(tmp_path / "s", ("A",)))
    panel = controller.window.lesions_panel
    qtbot.waitUntil(lambda: bool(panel.table.keys), timeout=WAIT_MS)
    find, calls = lesions_presenter.find_lesions, list[int]()

    def fail(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise MedSegError("The memory is full.")
        return find(*arguments)

    monkeypatch.setattr(lesions_presenter, "find_lesions", fail)
    draw_rectangle(controller)
    qtbot.waitUntil(lambda: not panel.table.keys, timeout=WAIT_MS)
    said = "The lesions could not be measured. The memory is full."
    assert panel.table._empty_text == said
    assert panel.total.text() == ""
    draw_rectangle(controller, (22, 22), (30, 30))
    qtbot.waitUntil(lambda: bool(panel.table.keys), timeout=WAIT_MS)
    assert "lesion" in panel.total.text()

"""What is said of the slice on screen above the lists."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtGui import QAction
from pytestqt.qtbot import QtBot

from medseg_desktop.core.annotation import Shape, SliceState
from medseg_desktop.core.shapes.history import Place
from medseg_desktop.qt.controller import Controller
from medseg_desktop.qt.panels.slice_panel import SlicePanel
from tests.builders import write_study
from tests.qt.viewing import opened, shown, view

INSIDE = Shape("H", ((2.0, 2.0), (9.0, 2.0), (5.0, 8.0)))
BEYOND = Shape("H", ((-4.0, 2.0), (9.0, 2.0), (5.0, 8.0)))


@pytest.fixture
def panel(qtbot: QtBot) -> SlicePanel:
    result = SlicePanel(QAction("No lesion"), QAction("Accept"), QAction("Reject"))
    qtbot.addWidget(result)
    result.set_state(SliceState.UNSEEN)
    result.resize(320, 200)
    result.show()
    qtbot.waitExposed(result)
    return result


def test_nothing_moves_between_slices_with_and_without_proposals(panel: SlicePanel) -> None:
    panel.set_proposals("2 lesions proposed", can_decide=True)
    height = panel.heightForWidth(320)
    assert panel.accept.isEnabled()
    panel.set_proposals("Nothing proposed here, on 12 other slices", can_decide=False)
    assert panel.heightForWidth(320) == height
    assert panel.accept.isVisible()
    assert not panel.accept.isEnabled()
    panel.set_proposals("", can_decide=False)
    assert panel.accept.isHidden()


def test_clipping_is_offered_only_where_it_can_be_done(panel: SlicePanel, qtbot: QtBot) -> None:
    panel.set_outside("1 shape reaches beyond the slice.", is_one=True, can_clip=False)
    assert panel.outside.isVisible()
    assert panel.clip.isHidden()
    panel.set_outside("2 shapes reach beyond the slice.", is_one=False, can_clip=True)
    assert panel.clip.text() == "Clip them"
    with qtbot.waitSignal(panel.clip_requested):
        panel.clip.click()


def test_shapes_beyond_the_slice_are_told_on_their_slice_only(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    now = opened(qtbot, controller, write_study(tmp_path / "s", ("A",), slices=3))
    notice = controller.window.slice_panel.outside
    assert notice.isHidden()
    place = Place(now.series, now.index)
    controller.annotations.edit(place, "draw", lambda old: (*old, INSIDE, BEYOND))
    assert notice.text() == "1 shape reaches beyond the slice."
    assert notice.isVisible()
    controller.study.set_slice(now.index - 1 if now.index else 1)
    shown(qtbot, controller)
    assert notice.isHidden()
    controller.study.set_slice(now.index)
    assert notice.isVisible()
    controller.annotations.stack.undo()
    assert notice.isHidden()


def test_the_notice_clips_exactly_the_shapes_it_tells_of(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    actions = controller.window.actions_by_key
    actions.setdefault("clip_shapes", QAction(controller.window))
    now = opened(qtbot, controller, write_study(tmp_path / "s", ("A",), slices=1))
    before = len(controller.annotations.shapes(now.slice))
    place = Place(now.series, now.index)
    controller.annotations.edit(place, "draw", lambda old: (*old, INSIDE, BEYOND))
    chosen = []
    controller.drawing.selection_changed.connect(
        lambda: chosen.append(controller.drawing.selection)
    )
    with qtbot.waitSignal(actions["clip_shapes"].triggered):
        controller.window.slice_panel.clip.click()
    assert chosen[0] == (before + 1,)


def test_the_action_is_ticked_on_slices_without_a_lesion(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    opened(qtbot, controller, write_study(tmp_path / "s", ("A",), slices=2))
    action = controller.window.actions_by_key["reviewed"]
    annotations = controller.annotations
    for _ in range(3):
        state = annotations.state(view(controller).slice)
        assert action.isChecked() is (state is SliceState.NO_LESION)
        action.trigger()

"""What the window says of the tool in use, and the size of the brush beside the tools."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from medseg_desktop.qt.controller import Controller
from medseg_desktop.qt.panels.brush_button import BrushButton
from medseg_desktop.qt.panels.tool_hint import ToolHint
from medseg_desktop.qt.tools.tool import ToolName
from tests.builders import write_study
from tests.qt.viewing import opened


def test_nothing_is_said_before_a_slice_is_shown(controller: Controller) -> None:
    assert controller.window.tool_hint.isHidden()


def test_every_mode_and_tool_is_named_with_a_hint_of_its_own(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    opened(qtbot, controller, write_study(tmp_path / "s", ("A",), slices=2))
    hint = controller.window.tool_hint
    assert hint.isVisible()
    assert hint.tool.text() == "Browse"
    said = set()
    for tool in (None, *ToolName):
        controller.drawing.set_tool(tool)
        said.add((hint.tool.text(), hint.hint.whole))
    assert len({name for name, _ in said}) == len({text for _, text in said}) == len(ToolName) + 1


@pytest.mark.parametrize(
    ("tool", "draws"), [(ToolName.POLYGON, True), (ToolName.BRUSH, True), (ToolName.EDIT, False)]
)
def test_the_label_is_told_of_tools_that_draw_with_it(
    controller: Controller, qtbot: QtBot, tmp_path: Path, tool: ToolName, draws: bool
) -> None:
    opened(qtbot, controller, write_study(tmp_path / "s", ("A",), slices=2))
    controller.annotations.show_labels(controller.annotations.labels.extended(["水肿"]))
    controller.drawing.set_label(len(controller.annotations.labels) - 1)
    controller.drawing.set_tool(tool)
    hint = controller.window.tool_hint
    assert hint.label_name.text() == ("水肿" if draws else "")
    assert hint.swatch.isVisible() is draws


def test_the_size_of_the_brush_can_be_set_while_a_tool_has_one(
    controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    opened(qtbot, controller, write_study(tmp_path / "s", ("A",), slices=2))
    brush, drawing = controller.window.brush_button, controller.drawing
    assert not brush.isEnabled()
    drawing.set_tool(ToolName.BRUSH)
    assert brush.isEnabled()
    drawing.set_brush_radius(11.0)
    assert brush.text() == "22"
    brush.brush.box.setValue(30)
    assert drawing.brush_radius == 15.0
    assert brush.text() == "30"


def test_showing_a_size_is_no_change_by_the_user(qtbot: QtBot) -> None:
    brush = BrushButton()
    qtbot.addWidget(brush)
    with qtbot.assertNotEmitted(brush.brush_changed):
        brush.set_brush(12)
    with qtbot.waitSignal(brush.brush_changed) as changed:
        brush.brush.box.setValue(40)
    assert changed.args == [40.0]


def test_a_hint_is_cut_where_there_is_no_room_and_never_widens_the_window(
    qapp: QApplication, qtbot: QtBot
) -> None:
    hint = ToolHint()
    qtbot.addWidget(hint)
    hint.set_tool("Polygon", "Click vertices, double click closes, Backspace takes back")
    hint.resize(hint.sizeHint())
    hint.show()
    qtbot.waitExposed(hint)
    assert hint.hint.text() == hint.hint.whole
    assert hint.minimumSizeHint().width() < 120
    hint.resize(200, hint.height())
    qtbot.waitUntil(lambda: hint.hint.text().endswith("…"), timeout=5000)
    assert hint.hint.toolTip() == hint.hint.whole

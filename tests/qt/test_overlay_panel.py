from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QToolButton
from pytestqt.qtbot import QtBot

from medseg_desktop.qt.panels.overlay_panel import LabelRow, Layer, OverlayPanel, ShapeRow

SHAPES = (
    ShapeRow(4, "H", "#7ee081", "412 mm²"),
    ShapeRow(7, "H", "#4cb5f5", "388 mm²", from_model=True),
)


@pytest.fixture
def panel(qtbot: QtBot) -> OverlayPanel:
    result = OverlayPanel()
    qtbot.addWidget(result)
    result.resize(320, 500)
    result.show()
    qtbot.waitExposed(result)
    return result


def test_layers_report_visibility_and_opacity(panel: OverlayPanel) -> None:
    seen: list[tuple[Layer, bool, float]] = []
    panel.layer_changed.connect(lambda *args: seen.append(args))
    line = panel.layers[Layer.PREDICTION]
    QTest.keyClick(line.check, Qt.Key.Key_Space)
    QTest.keyClick(line.check, Qt.Key.Key_Space)
    QTest.keyClick(line.opacity, Qt.Key.Key_End)
    assert seen == [
        (Layer.PREDICTION, False, 0.35),
        (Layer.PREDICTION, True, 0.35),
        (Layer.PREDICTION, True, 1.0),
    ]


def test_showing_a_layer_state_is_not_reported_back(panel: OverlayPanel, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(panel.layer_changed):
        panel.set_layer(Layer.LABEL_MAP, False, 0.8)
    line = panel.layers[Layer.LABEL_MAP]
    assert not line.check.isChecked()
    assert line.opacity.value() == 80


def test_a_missing_model_greys_the_prediction_out_and_says_why(panel: OverlayPanel) -> None:
    panel.set_layer_available(Layer.PREDICTION, False, "No model yet.")
    line = panel.layers[Layer.PREDICTION]
    assert not line.check.isEnabled()
    assert line.toolTip() == "No model yet."


def test_the_model_that_made_the_prediction_is_named(panel: OverlayPanel) -> None:
    panel.set_prediction_name("flair-v3")
    assert "flair-v3" in panel.layers[Layer.PREDICTION].check.text()


def test_shapes_are_listed_with_area_and_source(panel: OverlayPanel, qtbot: QtBot) -> None:
    assert panel.no_shapes.isVisible()
    with qtbot.assertNotEmitted(panel.shape_selected):
        panel.set_shapes(SHAPES, selected=7)
    rows = [panel.shapes.topLevelItem(i) for i in range(2)]
    assert [[row.text(c) for c in range(3)] for row in rows] == [
        ["H", "412 mm²", "me"],
        ["H", "388 mm²", "AI"],
    ]
    assert panel.shapes.currentItem() is rows[1]
    assert not panel.no_shapes.isVisible()


def test_a_click_on_a_shape_reports_its_key(panel: OverlayPanel, qtbot: QtBot) -> None:
    panel.set_shapes(SHAPES)
    rect = panel.shapes.visualItemRect(panel.shapes.topLevelItem(1))
    with qtbot.waitSignal(panel.shape_selected, timeout=500) as chosen:
        QTest.mouseClick(panel.shapes.viewport(), Qt.MouseButton.LeftButton, pos=rect.center())
    assert chosen.args == [7]


def test_the_eye_of_a_label_reports_its_class(panel: OverlayPanel, qtbot: QtBot) -> None:
    panel.set_labels([LabelRow(1, "H", "#7ee081"), LabelRow(2, "edema", "#f2a33c", False)])
    eyes = panel.labels.findChildren(QToolButton)
    assert [eye.isChecked() for eye in eyes] == [True, False]
    with qtbot.waitSignal(panel.label_visibility_changed, timeout=500) as changed:
        QTest.mouseClick(eyes[1], Qt.MouseButton.LeftButton)
    assert changed.args == [2, True]

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from medseg_desktop.qt.panels.overlay_panel import Layer, OverlayPanel


@pytest.fixture
def panel(qtbot: QtBot) -> OverlayPanel:
    result = OverlayPanel(QAction(), QAction())
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


def test_a_long_name_is_shortened_and_makes_the_panel_no_wider(panel: OverlayPanel) -> None:
    before = panel.minimumSizeHint().width()
    name = "lesions-of-the-low-field-scanner-v12"
    panel.set_prediction_name(name)
    check = panel.layers[Layer.PREDICTION].check
    assert panel.minimumSizeHint().width() == before
    assert "…" in check.text()
    assert name in check.toolTip()
    panel.set_comparing(True)
    panel.comparison.set_model(name, "")
    assert panel.minimumSizeHint().width() <= 272


def test_compare_mode_stands_in_place_of_the_layers(panel: OverlayPanel) -> None:
    panel.set_comparing(True)
    assert panel.comparison.isVisible()
    assert not panel.layers[Layer.OUTLINES].isVisible()
    panel.set_comparing(False)
    assert not panel.comparison.isVisible()
    assert panel.layers[Layer.OUTLINES].isVisible()

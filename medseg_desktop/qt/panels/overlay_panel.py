"""What lies over the slice: layers with opacity."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QScrollArea, QSlider, QWidget

from medseg_desktop.qt.panels.comparison_box import ComparisonBox
from medseg_desktop.qt.panels.controls import (
    Section,
    Swatch,
    button,
    clear_layout,
    column,
    label,
    row,
)
from medseg_desktop.qt.panels.elided import ElidedCheckBox
from medseg_desktop.qt.theme.tokens import DARK, SPACE_S

_ROW = 28
_INDENT = 44
_APPEARS_MS = 1000


class Layer(StrEnum):
    """The three layers over a slice."""

    OUTLINES = "outlines"
    LABEL_MAP = "label_map"
    PREDICTION = "prediction"


class LayerRow(QWidget):
    """A check box with a swatch and, for filled layers, an opacity slider.

    Signals:
        changed(bool, float): visible, opacity 0..1.
    """

    changed = Signal(bool, float)

    def __init__(self, text: str, colour: str, dashed: bool, has_opacity: bool) -> None:
        super().__init__()
        self.check = ElidedCheckBox(text)
        self.check.setChecked(True)
        self.swatch = Swatch(colour, dashed)
        self.opacity = QSlider(Qt.Orientation.Horizontal)
        self.opacity.setRange(0, 100)
        self.opacity.setValue(35)
        self.opacity.setFixedWidth(96)
        self.opacity.setAccessibleName(text)
        self.opacity.setVisible(has_opacity)
        layout = row(self)
        layout.addWidget(self.swatch)
        layout.addWidget(self.check, 1)
        layout.addWidget(self.opacity)
        self.setFixedHeight(_ROW)
        self.check.toggled.connect(self._emit)
        self.opacity.valueChanged.connect(self._emit)
        self._tell()

    def set_state(self, visible: bool, opacity: float) -> None:
        """Shows a state; emits nothing."""
        with QSignalBlocker(self.check), QSignalBlocker(self.opacity):
            self.check.setChecked(visible)
            self.opacity.setValue(round(opacity * 100))
        self._tell()

    def set_available(self, available: bool, reason: str = "") -> None:
        """Greys the row out and says why in the tooltip."""
        self.setEnabled(available)
        self.setToolTip("" if available else reason)

    def _tell(self) -> None:
        self.opacity.setEnabled(self.check.isChecked())
        self.opacity.setToolTip(self.tr("Opacity {n} %").format(n=self.opacity.value()))

    def _emit(self) -> None:
        self._tell()
        self.changed.emit(self.check.isChecked(), self.opacity.value() / 100)


class Hint(QWidget):
    """A muted sentence with links below it.

    Signals:
        link_activated(str): key of the link.
    """

    link_activated = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.text = label("", "muted", wrap=True)
        self._links = row(spacing=SPACE_S)
        layout = column(self, spacing=0)
        layout.setContentsMargins(16, 0, 0, 0)
        self.text.setContentsMargins(4, 0, 0, 0)  # as far in as the text of a link
        layout.addWidget(self.text)
        layout.addLayout(self._links)
        self.hide()

    def set_text(self, text: str, links: Sequence[tuple[str, str]]) -> None:
        """Replaces sentence and links; an empty text hides both."""
        self.text.setText(text)
        clear_layout(self._links)
        for key, link_text in links:
            link = button(link_text)
            link.setProperty("link", True)
            link.clicked.connect(lambda _=False, key=key: self.link_activated.emit(key))
            self._links.addWidget(link)
        self._links.addStretch(1)
        self.setVisible(bool(text))


class OverlayPanel(QWidget):
    """The layers, or in compare mode what is compared.

    Args:
        previous, following: the actions that lead to another disagreement.

    Signals:
        layer_changed(Layer, bool, float): visible and opacity 0..1.
        link_activated(str): the key of a link of `set_hint`.
    """

    layer_changed = Signal(object, bool, float)
    link_activated = Signal(str)

    def __init__(
        self, previous: QAction, following: QAction, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.layers = {
            Layer.OUTLINES: LayerRow(self.tr("Outlines"), DARK.muted, False, False),
            Layer.LABEL_MAP: LayerRow(self.tr("Label map"), DARK.muted, False, True),
            Layer.PREDICTION: LayerRow(self.tr("Prediction"), DARK.model, True, True),
        }
        self.section = Section(self.tr("Overlays"))
        column(self).addWidget(self.section)
        layout = self.section.body
        self._layers_box = QWidget()
        box = column(self._layers_box, spacing=0)
        for layer, line in self.layers.items():
            box.addWidget(line)
            line.changed.connect(
                lambda visible, opacity, layer=layer: self.layer_changed.emit(
                    layer, visible, opacity
                )
            )
        layout.addWidget(self._layers_box)
        self.prediction_about = label("", "muted", wrap=True)
        # As far in as the text of the check box above.
        self.prediction_about.setContentsMargins(_INDENT, 0, 0, 0)
        box.addWidget(self.prediction_about)
        self.comparison = ComparisonBox(previous, following)
        self.comparison.hide()
        layout.addWidget(self.comparison)
        # So long what is compared is kept in sight, however high it becomes.
        self._appears = QTimer(self)
        self._appears.setSingleShot(True)
        self._appears.setInterval(_APPEARS_MS)
        self.hint = Hint()
        self.hint.link_activated.connect(self.link_activated)
        layout.addWidget(self.hint)

    def set_comparing(self, on: bool) -> None:
        """Shows what is compared in place of the layers, which are not drawn then."""
        self._layers_box.setVisible(not on)
        self.comparison.setVisible(on)
        if on:
            self.section.set_open(True)
            self._appears.start()
            QTimer.singleShot(0, self, self._bring_into_sight)
        else:
            self._appears.stop()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._appears.isActive():  # its legend comes when it is known who takes part
            QTimer.singleShot(0, self, self._bring_into_sight)

    def _bring_into_sight(self) -> None:
        """Whoever turns compare mode on needs its legend, which may lie below the window."""
        around = self.parentWidget()
        while around is not None and not isinstance(around, QScrollArea):
            around = around.parentWidget()
        if isinstance(around, QScrollArea) and self.comparison.isVisible():
            around.ensureWidgetVisible(self.comparison, 0, SPACE_S)

    def set_layer(self, layer: Layer, visible: bool, opacity: float) -> None:
        """Shows the state of a layer; emits nothing."""
        self.layers[layer].set_state(visible, opacity)

    def set_layer_available(self, layer: Layer, available: bool, reason: str = "") -> None:
        """Greys a layer out, for example the prediction while there is no model."""
        self.layers[layer].set_available(available, reason)

    def set_hint(self, text: str, links: Sequence[tuple[str, str]] = ()) -> None:
        """Why nothing can be predicted, and (key, text) of what may be done; empty hides it."""
        self.hint.set_text(text, links)

    def set_prediction_name(self, model: str, about: str = "") -> None:
        """The model that made the prediction, and what it is; empty for none."""
        self.prediction_about.setText(about)
        self.prediction_about.setVisible(bool(model and about))
        text = self.tr("Prediction · {model}").format(model=model)
        self.layers[Layer.PREDICTION].check.set_whole(text if model else self.tr("Prediction"))

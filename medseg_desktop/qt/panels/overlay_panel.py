"""What lies over the slice: layers with opacity, the labels and the shapes of this slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from PySide6.QtCore import QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import (
    QCheckBox,
    QHeaderView,
    QSlider,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from medseg_desktop.qt.panels.controls import (
    Swatch,
    button,
    clear_layout,
    column,
    label,
    row,
    tool_button,
)
from medseg_desktop.qt.theme.icons import set_icon
from medseg_desktop.qt.theme.tokens import DARK, SPACE_S

_ROW = 28
_BORDERS = 4
_SHOWN_ROWS = 5


class Layer(StrEnum):
    """The three layers over a slice."""

    OUTLINES = "outlines"
    LABEL_MAP = "label_map"
    PREDICTION = "prediction"


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One label: its class `index`, `name`, `colour` (`#rrggbb`) and whether it is drawn."""

    index: int
    name: str
    colour: str
    visible: bool = True


@dataclass(frozen=True, slots=True)
class ShapeRow:
    """One shape of the slice.

    Attributes:
        key: tells the shape in `shape_selected`.
        area: with its unit, for example "412 mm²".
        from_model: made by a model and not by a reader.
    """

    key: int
    label: str
    colour: str
    area: str
    from_model: bool = False


class LayerRow(QWidget):
    """A check box with a swatch and, for filled layers, an opacity slider.

    Signals:
        changed(bool, float): visible, opacity 0..1.
    """

    changed = Signal(bool, float)

    def __init__(self, text: str, colour: str, dashed: bool, has_opacity: bool) -> None:
        super().__init__()
        self.check = QCheckBox(text)
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
    """Layers, labels and shapes.

    Signals:
        layer_changed(Layer, bool, float): visible and opacity 0..1.
        label_visibility_changed(int, bool): class index.
        shape_selected(int): key of a `ShapeRow`, by the user.
        shape_activated(int): double click or Enter.
        link_activated(str): the key of a link of `set_hint`.
    """

    layer_changed = Signal(object, bool, float)
    label_visibility_changed = Signal(int, bool)
    shape_selected = Signal(int)
    shape_activated = Signal(int)
    link_activated = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.layers = {
            Layer.OUTLINES: LayerRow(self.tr("Outlines"), DARK.mine, False, False),
            Layer.LABEL_MAP: LayerRow(self.tr("Label map"), DARK.mine, False, True),
            Layer.PREDICTION: LayerRow(self.tr("Prediction"), DARK.model, True, True),
        }
        layout = column(self)
        layout.addWidget(label(self.tr("Overlays"), "title"))
        box = QVBoxLayout()
        box.setSpacing(0)
        for layer, line in self.layers.items():
            box.addWidget(line)
            line.changed.connect(
                lambda visible, opacity, layer=layer: self.layer_changed.emit(
                    layer, visible, opacity
                )
            )
        layout.addLayout(box)
        self.hint = Hint()
        self.hint.link_activated.connect(self.link_activated)
        layout.addWidget(self.hint)
        layout.addWidget(label(self.tr("Labels"), "section"))
        self.labels = _list(1)
        layout.addWidget(self.labels)
        self._shapes_title = label(self.tr("Shapes on this slice"), "section")
        layout.addWidget(self._shapes_title)
        self.shapes = _list(3)
        layout.addWidget(self.shapes)
        self.no_shapes = label(self.tr("No shape on this slice."), "muted", wrap=True)
        layout.addWidget(self.no_shapes)
        self.shapes.currentItemChanged.connect(self._selected)
        self.shapes.itemActivated.connect(
            lambda item: self.shape_activated.emit(item.data(0, Qt.ItemDataRole.UserRole))
        )
        self.set_labels(())
        self.set_shapes(())

    def set_layer(self, layer: Layer, visible: bool, opacity: float) -> None:
        """Shows the state of a layer; emits nothing."""
        self.layers[layer].set_state(visible, opacity)

    def set_layer_available(self, layer: Layer, available: bool, reason: str = "") -> None:
        """Greys a layer out, for example the prediction while there is no model."""
        self.layers[layer].set_available(available, reason)

    def set_hint(self, text: str, links: Sequence[tuple[str, str]] = ()) -> None:
        """Why nothing can be predicted, and (key, text) of what may be done; empty hides it."""
        self.hint.set_text(text, links)

    def set_prediction_name(self, model: str) -> None:
        """The model that made the prediction; empty for none."""
        text = self.tr("Prediction · {model}").format(model=model)
        self.layers[Layer.PREDICTION].check.setText(text if model else self.tr("Prediction"))

    def set_labels(self, labels: Sequence[LabelRow]) -> None:
        """Replaces the list of labels."""
        self.labels.clear()
        for entry in labels:
            item = QTreeWidgetItem(self.labels)
            item.setData(0, Qt.ItemDataRole.UserRole, entry.index)
            self.labels.setItemWidget(item, 0, self._label_widget(entry))
        _fit_height(self.labels, len(labels))

    def set_shapes(self, shapes: Sequence[ShapeRow], selected: int | None = None) -> None:
        """Replaces the table of shapes and marks `selected` (a key); emits nothing."""
        with QSignalBlocker(self.shapes):
            self.shapes.clear()
            for entry in shapes:
                item = self._shape_item(entry)
                if entry.key == selected:
                    self.shapes.setCurrentItem(item)
        _fit_height(self.shapes, len(shapes))
        self.no_shapes.setVisible(not shapes)

    def _shape_item(self, entry: ShapeRow) -> QTreeWidgetItem:
        source = self.tr("AI") if entry.from_model else self.tr("me")
        item = QTreeWidgetItem(self.shapes, [entry.label, entry.area, source])
        item.setIcon(0, _dot(entry.colour))
        item.setTextAlignment(1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        item.setTextAlignment(2, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        item.setData(0, Qt.ItemDataRole.UserRole, entry.key)
        item.setToolTip(
            2, self.tr("Found by a model") if entry.from_model else self.tr("Drawn by a reader")
        )
        return item

    def _label_widget(self, entry: LabelRow) -> QWidget:
        holder = QWidget()
        layout = row(holder)
        layout.setContentsMargins(4, 0, 4, 0)
        layout.addWidget(Swatch(entry.colour))
        layout.addWidget(label(f"{entry.index}", "muted"))
        layout.addWidget(label(entry.name), 1)
        eye = tool_button("eye" if entry.visible else "eye-off", self.tr("Show or hide"))
        eye.setCheckable(True)
        eye.setChecked(entry.visible)

        def toggled(visible: bool) -> None:
            set_icon(eye, "eye" if visible else "eye-off", "muted")
            self.label_visibility_changed.emit(entry.index, visible)

        eye.toggled.connect(toggled)
        layout.addWidget(eye)
        return holder

    def _selected(self, item: QTreeWidgetItem | None) -> None:
        if item is not None:
            self.shape_selected.emit(item.data(0, Qt.ItemDataRole.UserRole))


def _list(columns: int) -> QTreeWidget:
    result = QTreeWidget()
    result.setColumnCount(columns)
    result.setHeaderHidden(True)
    result.setRootIsDecorated(False)
    result.setUniformRowHeights(True)
    result.setIndentation(0)
    result.setIconSize(QSize(12, 12))
    header = result.header()
    header.setStretchLastSection(False)
    header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    for index in range(1, columns):
        header.setSectionResizeMode(index, QHeaderView.ResizeMode.ResizeToContents)
    return result


def _fit_height(view: QTreeWidget, rows: int) -> None:
    """As high as its rows, up to five; then it scrolls."""
    view.setVisible(rows > 0)
    for index in range(rows):
        item = view.topLevelItem(index)
        if item is not None:
            item.setSizeHint(0, QSize(0, _ROW))
    view.setFixedHeight(min(max(rows, 1), _SHOWN_ROWS) * _ROW + _BORDERS)


def _dot(colour: str) -> QIcon:
    result = QPixmap(24, 24)
    result.setDevicePixelRatio(2)
    result.fill(Qt.GlobalColor.transparent)
    painter = QPainter(result)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colour))
    painter.drawRoundedRect(0, 0, 12, 12, 3, 3)
    painter.end()
    dot = QIcon(result)
    # A selected row must not tint the colour that the shape has on the slice.
    dot.addPixmap(result, QIcon.Mode.Selected)
    return dot

"""Compare mode in the panel: what is compared with what, the legend, and the way around."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QAction, QBrush, QColor, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QLabel,
    QSizePolicy,
    QSlider,
    QToolButton,
    QWidget,
)

from medseg_desktop.qt.canvas.comparison_item import AreaStyle, tile
from medseg_desktop.qt.panels.controls import clear_layout, column, label, row
from medseg_desktop.qt.panels.elided import ElidedLabel
from medseg_desktop.qt.theme.tokens import CONTROL_HEIGHT, SPACE_S, SPACE_XS

_CAPTION_PX = 44
_NUMBER_PX = 58


@dataclass(frozen=True, slots=True)
class LegendRow:
    """One category.

    Attributes:
        here, series: how much of the slice and of the series is of it, with units; may be empty.
        tip: the same in other words, for whoever points at the row.
    """

    name: str
    style: AreaStyle
    here: str = ""
    series: str = ""
    tip: str = ""


@dataclass(frozen=True, slots=True)
class OtherModel:
    """A model that can be chosen; `problem` says why it cannot be used."""

    key: str
    title: str
    problem: str = ""


class AreaSwatch(QWidget):
    """A small square that looks like the areas of a category, on black as on the slice."""

    def __init__(self) -> None:
        super().__init__()
        self._style: AreaStyle | None = None
        self.setFixedSize(24, 16)

    def set_style(self, style: AreaStyle) -> None:
        """Another category."""
        self._style = style
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._style is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        path = QPainterPath()
        path.addRoundedRect(QRectF(self.rect()), 3, 3)
        painter.setClipPath(path)
        painter.fillRect(self.rect(), Qt.GlobalColor.black)
        ratio = self.devicePixelRatioF()
        pattern = tile(self._style, ratio)
        pattern.setDevicePixelRatio(ratio)
        painter.fillRect(self.rect(), QBrush(pattern))
        painter.setPen(QPen(QColor(self._style.stripes), 2))  # half of it is clipped away
        painter.drawPath(path)


class ComparisonBox(QWidget):
    """What stands in the panel in place of the layers while compare mode is on.

    Args:
        previous, following: the actions that lead to another disagreement.

    Signals:
        other_chosen(str): the key of a model; empty for none.
        mine_toggled(bool): the user's own outlines take part.
        opacity_changed(float): of the areas, 0..1.
    """

    other_chosen = Signal(str)
    mine_toggled = Signal(bool)
    opacity_changed = Signal(float)

    def __init__(self, previous: QAction, following: QAction) -> None:
        super().__init__()
        self.model = ElidedLabel()
        self.others = QComboBox()
        self.others.setAccessibleName(self.tr("Compare with"))
        self.others.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.mine = QCheckBox(self.tr("My outlines"))
        self.opacity = QSlider(Qt.Orientation.Horizontal)
        self.opacity.setRange(0, 100)
        self.opacity.setFixedWidth(96)
        self.opacity.setAccessibleName(self.tr("Opacity of the comparison"))
        self.note = label("", "muted", wrap=True)
        self._legend = QGridLayout()
        self._rows: list[tuple[AreaSwatch, ElidedLabel, QLabel, QLabel]] = []
        self._heads = (label(self.tr("Slice"), "muted"), label(self.tr("Series"), "muted"))
        self._build(previous, following)
        self.others.activated.connect(
            lambda _: self.other_chosen.emit(self.others.currentData() or "")
        )
        self.mine.clicked.connect(self.mine_toggled)
        self.opacity.valueChanged.connect(lambda value: self.opacity_changed.emit(value / 100))

    def _build(self, previous: QAction, following: QAction) -> None:
        layout = column(self)
        for caption, widget in ((self.tr("Model"), self.model), (self.tr("With"), self.others)):
            line = row()
            said = label(caption, "muted")
            said.setFixedWidth(_CAPTION_PX)
            line.addWidget(said)
            line.addWidget(widget, 1)
            layout.addLayout(line)
        line = row()
        line.addSpacing(_CAPTION_PX + SPACE_S)
        line.addWidget(self.mine, 1)
        line.addWidget(self.opacity)
        layout.addLayout(line)
        self._legend.setContentsMargins(0, 0, 0, 0)
        self._legend.setHorizontalSpacing(SPACE_S)
        self._legend.setVerticalSpacing(SPACE_XS)
        self._legend.setColumnStretch(1, 1)
        layout.addLayout(self._legend)
        line = row()
        for action, text in ((previous, self.tr("Previous")), (following, self.tr("Next"))):
            action.setIconText(text)  # what is meant is clear here; menus say it in full
            button = QToolButton()
            button.setDefaultAction(action)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.setFixedHeight(CONTROL_HEIGHT)
            line.addWidget(button, 1)
            policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            button.setSizePolicy(policy)
        layout.addLayout(line)
        layout.addWidget(self.note)  # below all others: it is higher at one time than at another

    # Setters -------------------------------------------------------------------------------------

    def set_model(self, title: str, tip: str) -> None:
        """The model that is compared."""
        self.model.set_whole(title)
        self.model.setToolTip(tip)

    def set_others(self, entries: Sequence[OtherModel], chosen: str) -> None:
        """The models to compare with, and the key of the one that is; emits nothing."""
        with QSignalBlocker(self.others):
            self.others.clear()
            self.others.addItem(self.tr("No other model"), "")
            for entry in entries:
                self.others.addItem(entry.title, entry.key)
                if entry.problem:
                    at = self.others.count() - 1
                    self.others.setItemData(at, entry.problem, Qt.ItemDataRole.ToolTipRole)
                    self.others.setItemData(at, 0, Qt.ItemDataRole.UserRole - 1)  # disabled
            self.others.setCurrentIndex(max(self.others.findData(chosen), 0))

    def set_mine(self, takes_part: bool, may_leave: bool) -> None:
        """Whether the user's outlines take part, and whether that can be changed."""
        with QSignalBlocker(self.mine):
            self.mine.setChecked(takes_part)
        self.mine.setEnabled(may_leave)
        reason = self.tr("Without another model there would be nothing to compare.")
        self.mine.setToolTip("" if may_leave else reason)

    def set_opacity(self, opacity: float) -> None:
        """Of the areas, 0..1; emits nothing."""
        with QSignalBlocker(self.opacity):
            self.opacity.setValue(round(opacity * 100))
        self.opacity.setToolTip(self.tr("Opacity {n} %").format(n=round(opacity * 100)))

    def set_legend(self, rows: Sequence[LegendRow]) -> None:
        """The categories with their amounts."""
        if len(rows) != len(self._rows):
            self._make_rows(len(rows))
        for entry, (swatch, name, here, series) in zip(rows, self._rows, strict=True):
            swatch.set_style(entry.style)
            name.set_whole(entry.name)
            here.setText(entry.here)
            series.setText(entry.series)
            for widget in (swatch, name, here, series):
                widget.setToolTip(entry.tip)

    def set_note(self, text: str) -> None:
        """What is to be known of the slice on screen, in a sentence."""
        self.note.setText(text)

    @property
    def legend(self) -> list[tuple[str, str, str]]:
        """What the legend says: name, of the slice, of the series."""
        return [(name.whole, here.text(), series.text()) for _, name, here, series in self._rows]

    def _make_rows(self, count: int) -> None:
        for head in self._heads:
            self._legend.removeWidget(head)
            head.setParent(None)
        clear_layout(self._legend)
        self._rows = []
        for at, head in enumerate(self._heads):
            self._add_number(head, 0, 2 + at)
            head.show()
        for line in range(1, count + 1):
            made = (AreaSwatch(), ElidedLabel(), QLabel(), QLabel())
            self._legend.addWidget(made[0], line, 0)
            self._legend.addWidget(made[1], line, 1)
            self._add_number(made[2], line, 2)
            self._add_number(made[3], line, 3)
            self._rows.append(made)

    def _add_number(self, shown: QLabel, line: int, at: int) -> None:
        shown.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        shown.setMinimumWidth(_NUMBER_PX)
        self._legend.addWidget(shown, line, at)

"""Small building blocks that every panel shares."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QDoubleSpinBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QPushButton,
    QSizePolicy,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from medseg_desktop.core.display import range_of_values
from medseg_desktop.qt.theme.icons import set_icon
from medseg_desktop.qt.theme.tokens import CONTROL_HEIGHT, ICON_SIZE, SPACE_S, SPACE_XS

_SLIDER_STEPS = 2000


def column(parent: QWidget | None = None, margin: int = 0, spacing: int = SPACE_S) -> QVBoxLayout:
    """A vertical layout, on `parent` if there is one."""
    layout = QVBoxLayout() if parent is None else QVBoxLayout(parent)
    _space(layout, margin, spacing)
    return layout


def row(parent: QWidget | None = None, margin: int = 0, spacing: int = SPACE_S) -> QHBoxLayout:
    """A horizontal layout, on `parent` if there is one."""
    layout = QHBoxLayout() if parent is None else QHBoxLayout(parent)
    _space(layout, margin, spacing)
    return layout


def _space(layout: QBoxLayout, margin: int, spacing: int) -> None:
    layout.setContentsMargins(margin, margin, margin, margin)
    layout.setSpacing(spacing)


class WrapLabel(QLabel):
    """A label of several lines that takes exactly the height its width asks for."""

    def __init__(self, text: str = "") -> None:
        super().__init__(text)
        self.setWordWrap(True)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def minimumSizeHint(self) -> QSize:
        # Qt proposes the height for one word a line, which blows up every layout around it.
        return QSize(40, self.fontMetrics().height())


def label(text: str = "", role: str = "", wrap: bool = False) -> QLabel:
    """A plain-text label; `role` is one of the stylesheet's roles."""
    result = WrapLabel(text) if wrap else QLabel(text)
    result.setTextFormat(Qt.TextFormat.PlainText)
    if role:
        result.setProperty("role", role)
    return result


def button(
    text: str, icon_name: str = "", primary: bool = False, quiet: bool = False
) -> QPushButton:
    """A push button; `primary` is the one large action of a panel."""
    result = QPushButton(text)
    result.setAutoDefault(False)
    if primary:
        result.setProperty("primary", True)
    if quiet:
        result.setProperty("quiet", True)
    if icon_name:
        set_icon(result, icon_name, "on_accent" if primary else "text")
        result.setIconSize(QSize(ICON_SIZE, ICON_SIZE))
    return result


def tool_button(icon_name: str, tip: str, colour: str = "muted") -> QToolButton:
    """A small square button with an icon only; `tip` is also its accessible name."""
    result = QToolButton()
    result.setProperty("bare", True)
    result.setToolTip(tip)
    result.setAccessibleName(tip)
    result.setIconSize(QSize(ICON_SIZE, ICON_SIZE))
    set_icon(result, icon_name, colour)
    return result


def separator() -> QFrame:
    """A one-pixel horizontal line."""
    result = QFrame()
    result.setProperty("separator", True)
    result.setFixedHeight(1)
    return result


def set_role(target: QWidget, name: str, value: object) -> None:
    """Changes a dynamic property that the stylesheet looks at."""
    if target.property(name) != value:
        target.setProperty(name, value)
        target.style().unpolish(target)
        target.style().polish(target)


class Swatch(QWidget):
    """A small square of colour; dashed = the outline style of predictions."""

    def __init__(self, colour: str, dashed: bool = False) -> None:
        super().__init__()
        self._colour = QColor(colour)
        self._dashed = dashed
        self.setFixedSize(12, 12)

    def set_colour(self, colour: str) -> None:
        """Another colour, `#rrggbb`."""
        self._colour = QColor(colour)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._dashed:
            pen = painter.pen()
            pen.setColor(self._colour)
            pen.setWidthF(2)
            pen.setDashPattern([2.2, 1.4])
            painter.setPen(pen)
            painter.drawRoundedRect(self.rect().adjusted(1, 1, -1, -1), 2, 2)
        else:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._colour)
            painter.drawRoundedRect(self.rect(), 3, 3)


class ValueSlider(QWidget):
    """A caption, a slider and a number box that show the same value.

    Signals:
        value_changed(float): the user changed it; setters never emit.
    """

    value_changed = Signal(float)

    def __init__(self, caption: str, suffix: str = "", decimals: int = 0) -> None:
        super().__init__()
        self._low, self._high = 0.0, 1.0
        self._value = 0.0
        self.caption = QLabel(caption)
        self.caption.setFixedWidth(44)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, _SLIDER_STEPS)
        self.slider.setPageStep(_SLIDER_STEPS // 20)
        self.slider.setAccessibleName(caption)
        self.box = number_box(decimals, suffix)
        self.box.setAccessibleName(caption)
        leave_on_return(self.box)
        layout = row(self)
        layout.addWidget(self.caption)
        layout.addWidget(self.slider, 1)
        layout.addWidget(self.box)
        self.slider.valueChanged.connect(self._from_slider)
        self.box.valueChanged.connect(self._from_box)

    def set_range(self, low: float, high: float, box_low: float, box_high: float) -> None:
        """The slider's range, and the wider one that may be typed."""
        self._low, self._high = range_of_values(low, high)
        with QSignalBlocker(self.box):
            self.box.setRange(box_low, box_high)
        self.set_value(self._value)

    def set_decimals(self, decimals: int) -> None:
        """Figures behind the point."""
        if decimals == self.box.decimals():
            return  # it would write the number anew, over what is being typed
        with QSignalBlocker(self.box):
            self.box.setDecimals(decimals)
            self.box.setSingleStep(10.0**-decimals)

    def set_value(self, value: float) -> None:
        """Shows `value`; the slider stops at its end, the box tells the true number."""
        self._value = value
        if not self._is_being_typed:
            with QSignalBlocker(self.box):
                self.box.setValue(value)
        self._show_on_slider(value)

    @property
    def _is_being_typed(self) -> bool:
        line = self.box.lineEdit()
        return line.hasFocus() and line.isModified()

    @property
    def value(self) -> float:
        """The value that is shown."""
        return self._value

    def _show_on_slider(self, value: float) -> None:
        share = (value - self._low) / (self._high - self._low)
        with QSignalBlocker(self.slider):
            self.slider.setValue(round(min(max(share, 0.0), 1.0) * _SLIDER_STEPS))

    def _from_slider(self, position: int) -> None:
        value = self._low + (self._high - self._low) * position / _SLIDER_STEPS
        with QSignalBlocker(self.box):
            self.box.setValue(value)
        self._value = self.box.value()
        self.value_changed.emit(self._value)

    def _from_box(self, value: float) -> None:
        self._value = value
        self._show_on_slider(value)
        self.value_changed.emit(value)


def number_box(decimals: int = 0, suffix: str = "") -> QDoubleSpinBox:
    """A narrow right-aligned number box without arrow buttons."""
    result = QDoubleSpinBox()
    # Not NoButtons: Qt 6.11 then leaves one pixel for the text of a styled box.
    result.setProperty("plain", True)
    result.setDecimals(decimals)
    result.setSuffix(suffix)
    result.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    result.setFixedWidth(72)
    result.setKeyboardTracking(False)
    result.setFixedHeight(CONTROL_HEIGHT)
    result.lineEdit().setTextMargins(0, 0, SPACE_S, 0)
    return result


def leave_on_return(box: QDoubleSpinBox) -> None:
    """After Return the keys belong to the window again, which has digits and letters of its own."""
    box.lineEdit().returnPressed.connect(box.clearFocus)


class Section(QWidget):
    """A heading that folds its content away.

    Attributes:
        head: the row of the heading; what is added to it stands at its right and stays when the
            content is folded.

    Signals:
        toggled(bool): the user opened or closed it.
    """

    toggled = Signal(bool)

    def __init__(self, title: str, opened: bool = True) -> None:
        super().__init__()
        self.header = button(title)
        self.header.setProperty("section", True)
        self.header.setCheckable(True)
        self.header.setIconSize(QSize(14, 14))
        self.content = QWidget()
        self.head = row(spacing=SPACE_XS)
        self.head.addWidget(self.header)
        self.head.addStretch(1)
        layout = column(self, 0, SPACE_XS)
        layout.addLayout(self.head)
        layout.addWidget(self.content)
        self.header.toggled.connect(self._show)
        self.header.clicked.connect(self.toggled)
        self.set_open(opened)
        self._show(opened)

    @property
    def body(self) -> QVBoxLayout:
        """The layout of the content, made when it is first asked for."""
        layout = self.content.layout()
        return layout if isinstance(layout, QVBoxLayout) else column(self.content)

    def set_open(self, opened: bool) -> None:
        """Opens or closes it without a signal."""
        self.header.setChecked(opened)

    @property
    def is_open(self) -> bool:
        """The content is shown."""
        return self.header.isChecked()

    def _show(self, opened: bool) -> None:
        self.content.setVisible(opened)
        set_icon(self.header, "chevron-down" if opened else "chevron-right", "muted")


def clear_layout(layout: QLayout) -> None:
    """Removes every widget from `layout` and deletes it."""
    while (item := layout.takeAt(0)) is not None:
        widget = item.widget()
        if widget is not None:
            widget.hide()
            widget.deleteLater()

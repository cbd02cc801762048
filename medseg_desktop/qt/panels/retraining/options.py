"""What may be chosen before a retraining; nobody has to."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QFormLayout, QLineEdit, QSpinBox, QWidget

from medseg_desktop.core.measurement import LARGEST_BATCH, SMALLEST_BATCH
from medseg_desktop.core.retraining.state import RetrainOptions, RetrainPlan
from medseg_desktop.qt.panels.training_form import SIZES, size_text
from medseg_desktop.qt.theme.tokens import CONTROL_HEIGHT, SPACE_M, SPACE_S

#: The value of the number box below the smallest batch stands for no choice.
_NO_BATCH = SMALLEST_BATCH - 1
_NARROWEST_PX = 120


class RetrainOptionsForm(QWidget):
    """Signals: changed(): something else was chosen."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._base = RetrainOptions()
        self.name = QLineEdit()
        self.iterations = _number(0, 1_000_000, 50)
        self.batch_size = _number(_NO_BATCH, LARGEST_BATCH, 1)
        self.slice_size = QComboBox()
        self.slice_size.addItem("", 0)
        for side in SIZES:
            self.slice_size.addItem(size_text(side), side)
        self.start = QComboBox()
        self.start.addItem("", "auto")
        self.start.addItem(self.tr("Starter weights"), "starter")
        self.device = QComboBox()
        for text, key in (
            (self.tr("Automatic"), "auto"),
            (self.tr("CPU"), "cpu"),
            (self.tr("GPU"), "gpu"),
        ):
            self.device.addItem(text, key)
        self.skip_broken = QCheckBox(self.tr("Leave out files with problems"))
        self._boxes = (self.slice_size, self.start, self.device)
        for box in self._boxes:  # their texts may be long, and shall not widen the panel
            box.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            box.setMinimumContentsLength(8)
        self._lay_out()
        self.set_automatic(None, 0)
        self.name.editingFinished.connect(self._on_name)
        for number in (self.iterations, self.batch_size):
            number.valueChanged.connect(lambda _: self.changed.emit())
        for box in self._boxes:
            box.activated.connect(lambda _: self.changed.emit())
        self.skip_broken.toggled.connect(lambda _: self.changed.emit())

    def _lay_out(self) -> None:
        form = QFormLayout(self)
        form.setContentsMargins(SPACE_S // 2, 0, 0, 0)
        form.setHorizontalSpacing(SPACE_M)
        form.setVerticalSpacing(SPACE_S)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for text, field in (
            (self.tr("Model name"), self.name),
            (self.tr("Start from"), self.start),
            (self.tr("Iterations"), self.iterations),
            (self.tr("Batch size"), self.batch_size),
            (self.tr("Slice size"), self.slice_size),
            (self.tr("Compute on"), self.device),
        ):
            field.setAccessibleName(text)
            form.addRow(text, field)
        form.addRow(self.skip_broken)

    def set_options(self, options: RetrainOptions) -> None:
        """Shows them without a signal; what has no field here stays as it is."""
        self._base = options
        if self.slice_size.findData(options.size) < 0:
            self.slice_size.addItem(size_text(options.size), options.size)
        fields = (self.iterations, self.batch_size, self.skip_broken)
        blockers = [QSignalBlocker(field) for field in fields]
        self.name.setText(options.name)
        self.iterations.setValue(options.iterations)
        self.batch_size.setValue(options.batch_size or _NO_BATCH)
        self.slice_size.setCurrentIndex(self.slice_size.findData(options.size))
        self.start.setCurrentIndex(self.start.findData(options.start))
        self.device.setCurrentIndex(max(self.device.findData(options.device), 0))
        self.skip_broken.setChecked(options.skip_broken)
        for blocker in blockers:
            blocker.unblock()

    def options(self) -> RetrainOptions:
        """What is chosen now."""
        batch_size = self.batch_size.value()
        return RetrainOptions(
            name=self.name.text().strip(),
            iterations=self.iterations.value(),
            size=int(self.slice_size.currentData()),
            batch_size=batch_size if batch_size >= SMALLEST_BATCH else 0,
            device=str(self.device.currentData()),
            seed=self._base.seed,
            start="starter" if self.start.currentData() == "starter" else "auto",
            skip_broken=self.skip_broken.isChecked(),
        )

    def set_automatic(self, plan: RetrainPlan | None, iterations: int) -> None:
        """What becomes of a retraining where nobody chooses; None while that is not known."""
        self.name.setPlaceholderText(plan.model_name if plan else "")
        _say_automatic(self.iterations, self._automatic(f"{iterations:,}" if plan else ""))
        _say_automatic(self.batch_size, self._automatic(str(plan.batch_size) if plan else ""))
        self.slice_size.setItemText(0, self._automatic(size_text(plan.size) if plan else ""))
        starts = {
            "champion": self.tr("champion"),
            "starter": self.tr("starter weights"),
            "none": self.tr("nothing"),
        }
        self.start.setItemText(0, self._automatic(starts[plan.init] if plan else ""))

    def _automatic(self, value: str) -> str:
        text = self.tr("Automatic ({value})") if value else self.tr("Automatic")
        return text.format(value=value)

    def _on_name(self) -> None:
        if self.name.isModified():
            self.name.setModified(False)
            self.changed.emit()


def _number(low: int, high: int, step: int) -> QSpinBox:
    """Its lowest value stands for no choice."""
    result = QSpinBox()
    result.setRange(low, high)
    result.setSingleStep(step)
    result.setGroupSeparatorShown(True)
    result.setKeyboardTracking(False)
    result.setFixedHeight(CONTROL_HEIGHT)
    result.setMinimumWidth(_NARROWEST_PX)
    result.lineEdit().setTextMargins(SPACE_S, 0, 0, 0)
    return result


def _say_automatic(box: QSpinBox, text: str) -> None:
    if box.specialValueText() != text:  # it would write over what is being typed
        box.setSpecialValueText(text)

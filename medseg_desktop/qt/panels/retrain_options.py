"""What may be chosen before a retraining; nobody has to."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QFormLayout, QSpinBox, QWidget

from medseg_desktop.core.retraining import RetrainOptions
from medseg_desktop.qt.theme.tokens import CONTROL_HEIGHT, SPACE_M, SPACE_S


class RetrainOptionsForm(QWidget):
    """Signals: changed(): something else was chosen."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._base = RetrainOptions()
        self.iterations = QSpinBox()
        self.iterations.setRange(0, 1_000_000)
        self.iterations.setSingleStep(50)
        self.iterations.setGroupSeparatorShown(True)
        self.iterations.setKeyboardTracking(False)
        self.iterations.setSpecialValueText(self.tr("Automatic"))
        self.iterations.setFixedHeight(CONTROL_HEIGHT)
        self.iterations.lineEdit().setTextMargins(SPACE_S, 0, 0, 0)
        self.start = QComboBox()
        self.start.addItem(self.tr("Champion"), "auto")
        self.start.addItem(self.tr("Starter weights"), "starter")
        self.device = QComboBox()
        for text, key in (
            (self.tr("Automatic"), "auto"),
            (self.tr("CPU"), "cpu"),
            (self.tr("GPU"), "gpu"),
        ):
            self.device.addItem(text, key)
        self.skip_broken = QCheckBox(self.tr("Leave out files with problems"))
        form = QFormLayout(self)
        form.setContentsMargins(SPACE_S // 2, 0, 0, 0)
        form.setHorizontalSpacing(SPACE_M)
        form.setVerticalSpacing(SPACE_S)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for text, field in (
            (self.tr("Steps"), self.iterations),
            (self.tr("Start from"), self.start),
            (self.tr("Compute on"), self.device),
        ):
            field.setAccessibleName(text)
            form.addRow(text, field)
        form.addRow(self.skip_broken)
        self.iterations.valueChanged.connect(lambda _: self.changed.emit())
        for box in (self.start, self.device):
            box.activated.connect(lambda _: self.changed.emit())
        self.skip_broken.toggled.connect(lambda _: self.changed.emit())

    def set_options(self, options: RetrainOptions) -> None:
        """Shows them without a signal; what has no field here stays as it is."""
        self._base = options
        with (
            QSignalBlocker(self.iterations),
            QSignalBlocker(self.start),
            QSignalBlocker(self.device),
            QSignalBlocker(self.skip_broken),
        ):
            self.iterations.setValue(options.iterations)
            self.start.setCurrentIndex(self.start.findData(options.start))
            self.device.setCurrentIndex(max(self.device.findData(options.device), 0))
            self.skip_broken.setChecked(options.skip_broken)

    def options(self) -> RetrainOptions:
        """What is chosen now."""
        base = self._base
        return RetrainOptions(
            name=base.name,
            iterations=self.iterations.value(),
            size=base.size,
            batch_size=base.batch_size,
            device=str(self.device.currentData()),
            seed=base.seed,
            start="starter" if self.start.currentData() == "starter" else "auto",
            skip_broken=self.skip_broken.isChecked(),
        )

    def set_automatic(self, iterations: int) -> None:
        """How many steps there are where nobody chooses."""
        text = self.tr("Automatic ({n})").format(n=f"{iterations:,}")
        if self.iterations.specialValueText() != text:
            self.iterations.setSpecialValueText(text)

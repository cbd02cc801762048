"""What the user chooses before a training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QLineEdit,
    QSpinBox,
    QWidget,
)

from medseg_desktop.qt.panels.controls import Section
from medseg_desktop.qt.theme.tokens import CONTROL_HEIGHT, SPACE_S

SIZES = (128, 256, 384, 512)


@dataclass(frozen=True, slots=True)
class TrainForm:
    """A training as the user wants it.

    Attributes:
        dataset: name of the dataset in the workspace; empty for none.
        model_name: name of the model that comes out.
        preset: key of the training recipe.
        iterations: training steps; batch_size: slices in one step.
        size: rows and columns that the network sees.
        device: "auto", "cpu" or "gpu".
    """

    dataset: str = ""
    model_name: str = "model"
    preset: str = "default"
    iterations: int = 3000
    batch_size: int = 8
    size: int = 512
    device: str = "auto"


class TrainFormSection(QWidget):
    """The folded *Advanced* part: every field of `TrainForm` but the dataset."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.section = Section(self.tr("Advanced"), opened=False)
        self.model_name = QLineEdit()
        self.preset = QComboBox()
        self.iterations = _number(1, 1_000_000, 100)
        self.iterations.setGroupSeparatorShown(True)
        self.batch_size = _number(1, 256, 1)
        self.slice_size = QComboBox()
        self.device = QComboBox()
        for side in SIZES:
            self.slice_size.addItem(f"{side} × {side}", side)  # noqa: RUF001
        for text, key in (
            (self.tr("Automatic"), "auto"),
            (self.tr("CPU"), "cpu"),
            (self.tr("GPU"), "gpu"),
        ):
            self.device.addItem(text, key)
        form = QFormLayout(self.section.content)
        form.setContentsMargins(4, 4, 0, 0)
        form.setHorizontalSpacing(12)
        form.setVerticalSpacing(SPACE_S)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for text, field in (
            (self.tr("Model name"), self.model_name),
            (self.tr("Recipe"), self.preset),
            (self.tr("Iterations"), self.iterations),
            (self.tr("Batch size"), self.batch_size),
            (self.tr("Slice size"), self.slice_size),
            (self.tr("Compute on"), self.device),
        ):
            field.setAccessibleName(text)
            form.addRow(text, field)
        outer = QFormLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addRow(self.section)
        self.set_presets((("default", self.tr("Default")), ("reference", self.tr("Reference"))))
        self.set_form(TrainForm())

    def set_presets(self, presets: Sequence[tuple[str, str]]) -> None:
        """The training recipes as (key, text)."""
        self.preset.clear()
        for key, text in presets:
            self.preset.addItem(text, key)

    def set_devices(self, devices: Sequence[tuple[str, str]]) -> None:
        """Where it can run, as (key, text); the chosen one stays if it is still there."""
        current = self.device.currentData()
        self.device.clear()
        for key, text in devices:
            self.device.addItem(text, key)
        self.device.setCurrentIndex(max(self.device.findData(current), 0))

    def set_form(self, form: TrainForm) -> None:
        """Shows `form`; its dataset is ignored here."""
        self.model_name.setText(form.model_name)
        self.preset.setCurrentIndex(max(self.preset.findData(form.preset), 0))
        self.iterations.setValue(form.iterations)
        self.batch_size.setValue(form.batch_size)
        if self.slice_size.findData(form.size) < 0:
            self.slice_size.addItem(f"{form.size} × {form.size}", form.size)  # noqa: RUF001
        self.slice_size.setCurrentIndex(self.slice_size.findData(form.size))
        self.device.setCurrentIndex(max(self.device.findData(form.device), 0))

    def form(self, dataset: str) -> TrainForm:
        """What is filled in; an empty name becomes the default one."""
        name = self.model_name.text().strip()
        return replace(
            TrainForm(),
            dataset=dataset,
            model_name=name or TrainForm().model_name,
            preset=str(self.preset.currentData()),
            iterations=self.iterations.value(),
            batch_size=self.batch_size.value(),
            size=int(self.slice_size.currentData()),
            device=str(self.device.currentData()),
        )


def _number(low: int, high: int, step: int) -> QSpinBox:
    result = QSpinBox()
    result.setRange(low, high)
    result.setSingleStep(step)
    result.setFixedHeight(CONTROL_HEIGHT)
    result.lineEdit().setTextMargins(SPACE_S, 0, 0, 0)
    return result

"""What the user chooses before a training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QLineEdit,
    QSpinBox,
    QWidget,
)

from medseg_desktop.io.preflight import ARCHITECTURES
from medseg_desktop.paths import resource
from medseg_desktop.qt.panels.controls import Section
from medseg_desktop.qt.theme.tokens import CONTROL_HEIGHT, SPACE_S

SIZES = (128, 256, 384, 512)
#: What a network is called in the window; others go by their own key.
_NETWORKS = {"bisenetv2": "BiSeNetV2", "unet": "U-Net", "pp_liteseg": "PP-LiteSeg"}
STARTER, NO_INIT = "starter", "none"


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
        architecture: key of the network.
        init: "starter", "none" or the path of a model package to start from.
        patience: evaluations without a better model after which it ends; 0 for never.
        learning_rate: the highest of the schedule; 0 for the recipe's.
    """

    dataset: str = ""
    model_name: str = "model"
    preset: str = "default"
    iterations: int = 3000
    batch_size: int = 8
    size: int = 512
    device: str = "auto"
    architecture: str = ARCHITECTURES[0]
    init: str = STARTER
    patience: int = 0
    learning_rate: float = 0.0


@dataclass(frozen=True, slots=True)
class StartModel:
    """A model that a training may start from: the path of its package, and its network."""

    path: str
    title: str
    architecture: str


def has_starter_weights(architecture: str) -> bool:
    """The program comes with starter weights for this network."""
    return resource("weights", f"{architecture}-starter.safetensors").is_file()


class TrainFormSection(QWidget):
    """The folded settings of a training: every field of `TrainForm` but the dataset."""

    def __init__(
        self,
        parent: QWidget | None = None,
        has_starter: Callable[[str], bool] = has_starter_weights,
    ) -> None:
        """`has_starter` tells whether there are starter weights for a network."""
        super().__init__(parent)
        self.section = Section(self.tr("Training settings"), opened=False)
        self.model_name = QLineEdit()
        self.preset = QComboBox()
        self.iterations = _number(1, 1_000_000, 100)
        self.iterations.setGroupSeparatorShown(True)
        self.batch_size = _number(1, 256, 1)
        self.slice_size = QComboBox()
        self.device = QComboBox()
        self.architecture = QComboBox()
        for key in ARCHITECTURES:
            self.architecture.addItem(_NETWORKS.get(key, key), key)
        self.init = QComboBox()
        # A model may have a long name, which shall not widen the panel.
        self.init.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.init.setMinimumContentsLength(8)
        self.init.setToolTip(
            self.tr("What the network knows before it begins. Labels are matched by name.")
        )
        self.patience = _number(0, 1000, 1)
        self.patience.setSpecialValueText(self.tr("Off"))
        self.patience.setSuffix(self.tr(" evaluations"))
        self.patience.setToolTip(
            self.tr("End the training after so many evaluations without a better model")
        )
        self.learning_rate = _rate()
        self.learning_rate.setSpecialValueText(self.tr("Recipe's own"))
        for side in SIZES:
            self.slice_size.addItem(size_text(side), side)
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
            (self.tr("Network"), self.architecture),
            (self.tr("Start from"), self.init),
            (self.tr("Recipe"), self.preset),
            (self.tr("Iterations"), self.iterations),
            (self.tr("Batch size"), self.batch_size),
            (self.tr("Slice size"), self.slice_size),
            (self.tr("Learning rate"), self.learning_rate),
            (self.tr("Early stop"), self.patience),
            (self.tr("Compute on"), self.device),
        ):
            field.setAccessibleName(text)
            form.addRow(text, field)
        outer = QFormLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addRow(self.section)
        self.set_presets((("default", self.tr("Default")), ("reference", self.tr("Reference"))))
        self._models: tuple[StartModel, ...] = ()
        self._has_starter = has_starter
        self.set_form(TrainForm())
        self.architecture.activated.connect(self._on_network)
        self.preset.activated.connect(self._on_preset)

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

    def set_models(self, models: Sequence[StartModel]) -> None:
        """Models to start from; the chosen one stays if it is still there."""
        self._models = tuple(models)
        self._fill_init()

    def _fill_init(self) -> None:
        """What the chosen network can start from, the best first."""
        network, current = self.architecture.currentData(), self.init.currentData()
        with QSignalBlocker(self.init):
            self.init.clear()
            if self._has_starter(network):
                self.init.addItem(self.tr("Starter weights"), STARTER)
            self.init.addItem(self.tr("None"), NO_INIT)
            for model in self._models:
                if model.architecture == network:
                    self.init.addItem(model.title, model.path)
            self.init.setCurrentIndex(max(self.init.findData(current), 0))

    def _on_preset(self) -> None:
        """The reference recipe is one that begins from nothing; who wants may choose again."""
        is_reference = self.preset.currentData() == "reference"
        before, now = (STARTER, NO_INIT) if is_reference else (NO_INIT, STARTER)
        if self.init.currentData() == before and self.init.findData(now) >= 0:
            self.init.setCurrentIndex(self.init.findData(now))

    def _on_network(self) -> None:
        """What fits it; nothing was chosen yet for a network that could not have it before."""
        had_nothing = self.init.count() == 1
        self._fill_init()
        if had_nothing:
            self.init.setCurrentIndex(0)
            self._on_preset()

    def set_form(self, form: TrainForm) -> None:
        """Shows `form`; its dataset is ignored here."""
        self.model_name.setText(form.model_name)
        self.preset.setCurrentIndex(max(self.preset.findData(form.preset), 0))
        self.iterations.setValue(form.iterations)
        self.batch_size.setValue(form.batch_size)
        if self.slice_size.findData(form.size) < 0:
            self.slice_size.addItem(size_text(form.size), form.size)
        self.slice_size.setCurrentIndex(self.slice_size.findData(form.size))
        self.device.setCurrentIndex(max(self.device.findData(form.device), 0))
        self.architecture.setCurrentIndex(max(self.architecture.findData(form.architecture), 0))
        self._fill_init()
        self.init.setCurrentIndex(max(self.init.findData(form.init), 0))
        self.patience.setValue(form.patience)
        self.learning_rate.setValue(form.learning_rate)

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
            architecture=str(self.architecture.currentData()),
            init=str(self.init.currentData()),
            patience=self.patience.value(),
            learning_rate=self.learning_rate.value(),
        )


def size_text(side: int) -> str:
    """Rows and columns that the network sees."""
    return f"{side} × {side}"  # noqa: RUF001


def _number(low: int, high: int, step: int) -> QSpinBox:
    result = QSpinBox()
    result.setRange(low, high)
    result.setSingleStep(step)
    result.setFixedHeight(CONTROL_HEIGHT)
    result.lineEdit().setTextMargins(SPACE_S, 0, 0, 0)
    return result


def _rate() -> QDoubleSpinBox:
    result = QDoubleSpinBox()
    result.setDecimals(5)
    result.setRange(0.0, 1.0)
    result.setSingleStep(0.0005)
    result.setFixedHeight(CONTROL_HEIGHT)
    result.lineEdit().setTextMargins(SPACE_S, 0, 0, 0)
    return result

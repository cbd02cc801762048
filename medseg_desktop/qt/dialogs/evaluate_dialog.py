"""On which patients a model is evaluated, and beside which other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QCheckBox, QDialog, QRadioButton, QWidget

from medseg_desktop.qt.panels.controls import button, column, label, row
from medseg_desktop.qt.panels.evaluation.texts import patients_text, subset_text
from medseg_desktop.qt.theme.tokens import SPACE_L, SPACE_M, SPACE_XS

_WIDTH = 420


def _tr(text: str) -> str:
    return QCoreApplication.translate("EvaluateDialog", text)


@dataclass(frozen=True, slots=True)
class EvaluateChoice:
    """What shall be evaluated: "test", "val" or "all" patients, with the champion or without."""

    subset: str
    with_champion: bool


class EvaluateDialog(QDialog):
    """Asks before an evaluation.

    Signals:
        chosen(EvaluateChoice).
    """

    chosen = Signal(object)

    def __init__(
        self,
        model: str,
        source: str,
        patients: Mapping[str, int],
        champion: str,
        parent: QWidget | None = None,
    ) -> None:
        """Make the dialog.

        Args:
            model: its title.
            source: what is open, as it may be called on screen.
            patients: "test", "val", "all" -> reviewed patients that are there.
            champion: title of the champion; "" where it cannot be evaluated beside the model.
        """
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(_tr("Evaluate {name}").format(name=model))
        self.setMinimumWidth(_WIDTH)
        self.subsets: dict[str, QRadioButton] = {}
        self._group = QButtonGroup(self)
        layout = column(self, SPACE_L, SPACE_M)
        text = _tr("{name} predicts the reviewed slices of {source}, and is compared with their "
                   "annotations.")  # fmt: skip
        layout.addWidget(label(text.format(name=model, source=source), wrap=True))
        choices = column(box := QWidget(), 0, SPACE_XS)
        for subset, n in patients.items():
            each = QRadioButton(f"{subset_text(subset)} ({patients_text(n)})")
            each.setEnabled(n > 0)
            self._group.addButton(each)
            self.subsets[subset] = each
            choices.addWidget(each)
        layout.addWidget(box)
        self.caution = label(
            _tr("Patients that a model has learned from flatter it; only test patients tell how "
                "good it is."), "caution", wrap=True)  # fmt: skip
        layout.addWidget(self.caution)
        self.with_champion = QCheckBox(
            _tr("Compare with the champion {name}").format(name=champion)
        )
        self.with_champion.setChecked(bool(champion))
        self.with_champion.setVisible(bool(champion))
        layout.addWidget(self.with_champion)
        self.go = button(_tr("Evaluate"), "evaluate", primary=True)
        self.go.setDefault(True)
        self.cancel = button(_tr("Cancel"))
        actions = row()
        actions.addStretch(1)
        actions.addWidget(self.cancel)
        actions.addWidget(self.go)
        layout.addLayout(actions)
        self._group.buttonToggled.connect(lambda *_: self._show())
        self.cancel.clicked.connect(self.reject)
        self.go.clicked.connect(self._choose)
        first = next((b for b in self.subsets.values() if b.isEnabled()), None)
        if first is not None:
            first.setChecked(True)
        self._show()

    @property
    def subset(self) -> str:
        """The patients that are chosen; "" for none."""
        return next((key for key, each in self.subsets.items() if each.isChecked()), "")

    def _show(self) -> None:
        self.caution.setVisible(self.subset in ("val", "all"))
        self.go.setEnabled(bool(self.subset))

    def _choose(self) -> None:
        choice = EvaluateChoice(self.subset, self.with_champion.isChecked())
        self.accept()
        self.chosen.emit(choice)

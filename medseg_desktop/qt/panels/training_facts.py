"""What a training costs and how it stands: a few figures with their names."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from medseg_desktop.core.run_facts import RunFacts
from medseg_desktop.qt.panels.controls import label
from medseg_desktop.qt.theme.tokens import SPACE_M, SPACE_S, SPACE_XS

NOT_KNOWN = "–"  # noqa: RUF001


def _tr(text: str) -> str:
    return QCoreApplication.translate("TrainingFacts", text)


def device_text(facts: RunFacts) -> str:
    """For example "CPU, 2 threads"."""
    if not facts.device:
        return NOT_KNOWN
    device = facts.device.upper()
    if facts.threads == 1:
        return _tr("{device}, 1 thread").format(device=device)
    if facts.threads:
        return _tr("{device}, {n} threads").format(device=device, n=facts.threads)
    return device


def memory_text(n_bytes: int | None) -> str:
    """In GB with one figure behind the point, small ones in MB."""
    if n_bytes is None:
        return NOT_KNOWN
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:.0f} MB"


def step_text(step_s: float | None) -> str:
    """Duration of a step in seconds or milliseconds."""
    if step_s is None:
        return NOT_KNOWN
    return f"{step_s:.2f} s" if step_s >= 0.1 else f"{step_s * 1000:.1f} ms"


def share_text(share: float | None) -> str:
    """A share as percent."""
    return NOT_KNOWN if share is None else f"{share * 100:.1f} %"


def early_stop_text(facts: RunFacts, patience: int) -> str:
    """How near the early stop is."""
    if not patience:
        return _tr("off")
    text = _tr("{n} of {patience} without a better one")
    return text.format(n=min(facts.since_best, patience), patience=patience)


class FactsGrid(QWidget):
    """Two columns of names and figures, and one line for the early stop."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.device = label("")
        self.memory = label("")
        self.step = label("")
        self.wait = label("")
        self.early_stop = label("")
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(SPACE_S)
        grid.setVerticalSpacing(SPACE_XS)
        cells = (
            (0, 0, self.tr("Device"), self.device, ""),
            (0, 3, self.tr("Memory"), self.memory, ""),
            (1, 0, self.tr("Step"), self.step, self.tr("Mean duration of the latest steps")),
            (
                1,
                3,
                self.tr("Waiting"),
                self.wait,
                self.tr("Share of a step in which the network waited for slices"),
            ),
        )
        for line, place, name, value, tip in cells:
            self._add(grid, line, place, name, value, tip)
        self._add(
            grid, 2, 0, self.tr("Early stop"), self.early_stop,
            self.tr("The training ends after so many evaluations without a better model"), span=4,
        )  # fmt: skip
        grid.setColumnMinimumWidth(2, SPACE_M)
        grid.setColumnStretch(1, 3)
        grid.setColumnStretch(4, 2)

    @staticmethod
    def _add(
        grid: QGridLayout, line: int, place: int, name: str, value: QLabel, tip: str, span: int = 1
    ) -> None:
        caption = label(name, "muted")
        value.setProperty("role", "small")
        for part in (caption, value):
            part.setToolTip(tip)
        side = Qt.AlignmentFlag.AlignLeft
        grid.addWidget(caption, line, place, side)
        grid.addWidget(value, line, place + 1, 1, span)

    def show_facts(self, facts: RunFacts, patience: int) -> None:
        """Shows the figures; `patience` is that of the early stop, 0 for none."""
        self.device.setText(device_text(facts))
        self.memory.setText(memory_text(facts.memory_bytes))
        self.step.setText(step_text(facts.step_s))
        self.wait.setText(share_text(facts.wait_share))
        self.early_stop.setText(early_stop_text(facts, patience))

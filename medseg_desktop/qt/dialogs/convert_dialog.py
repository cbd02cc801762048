"""The converter: which patients become a dataset, and how."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QFormLayout,
    QHeaderView,
    QLineEdit,
    QPlainTextEdit,
    QRadioButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from medseg_desktop.qt.dialogs.convert_form import ConvertForm, PatientRow
from medseg_desktop.qt.dialogs.set_titles import set_title
from medseg_desktop.qt.panels.controls import button, column, label, row, set_role
from medseg_desktop.qt.panels.progress_strip import ProgressStrip
from medseg_desktop.qt.theme.tokens import SPACE_L, SPACE_S

__all__ = ["ConvertDialog", "ConvertForm", "PatientRow"]

_KEY = Qt.ItemDataRole.UserRole


class ConvertDialog(QDialog):
    """Shows what would be converted, then how far it is, then what came out.

    Signals:
        choose_source_requested(): the user wants another source.
        start_requested(ConvertForm).
        cancel_requested(): while running; closing the window then asks the same.
    """

    choose_source_requested = Signal()
    start_requested = Signal(object)
    cancel_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Make a dataset"))
        self.resize(640, 720)
        self._running = False
        self._source = ""
        self._rows: tuple[PatientRow, ...] = ()
        self._is_frozen = False
        self.source = label(self.tr("No folder chosen"))
        self.source.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.choose = button(self.tr("Choose…"), "open-folder")
        self.name = QLineEdit()
        self.name.setPlaceholderText(self.tr("Name of the dataset"))
        self.default = QRadioButton(self.tr("Default"))
        self.reference = QRadioButton(self.tr("Reference"))
        self.default.setChecked(True)
        self.join = QRadioButton(self.tr("Join the training set"))
        self.wait = QRadioButton(self.tr("Wait as incoming"))
        self.join.setChecked(True)
        self.patients = _patient_list(self)
        self.all_patients = QCheckBox(self.tr("All patients"))
        self.all_patients.setTristate(True)
        self.summary = label("", "muted")
        self.overlays = QCheckBox(self.tr("Also write coloured pictures for checking"))
        self.status = label("", wrap=True)
        self.bar = ProgressStrip()
        self.problems = QPlainTextEdit()
        self.problems.setReadOnly(True)
        self.problems.setFixedHeight(96)
        self.problems.setAccessibleName(self.tr("Problems"))
        self.start = button(self.tr("Convert"), "convert", primary=True)
        self.close_button = button(self.tr("Close"))
        self._form_part = QWidget()
        self._build()
        self._connect()
        self.set_idle()

    # Setters -----------------------------------------------------------------------------------

    def set_source(self, folder: str) -> None:
        """The folder that patients come from; shown only."""
        self._source = folder
        self.source.setText(folder or self.tr("No folder chosen"))
        self.source.setToolTip(folder)
        self._update()

    def set_dataset_name(self, name: str) -> None:
        """Proposes a name."""
        self.name.setText(name)

    def set_preset(self, preset: str) -> None:
        """Chooses "default" or "reference"."""
        (self.reference if preset == "reference" else self.default).setChecked(True)

    def set_patients(self, rows: Sequence[PatientRow], is_frozen: bool = False) -> None:
        """Replaces the list of patients.

        Args:
            is_frozen: the split is, so that patients without a set are new to it.
        """
        self._rows, self._is_frozen = tuple(rows), is_frozen
        with QSignalBlocker(self.patients):
            self.patients.clear()
            for entry in self._rows:
                self._add_patient(entry)
        self._update()

    def set_idle(self) -> None:
        """Back to the form, without progress or result."""
        self._set_running(False)
        self._say("", "")

    def set_progress(self, phase: str, done: int, total: int) -> None:
        """Shows a running conversion; a total of 0 means unknown."""
        self._set_running(True)
        self.bar.set_progress(done, total)
        if total:
            numbers = self.tr("{done} of {total}").format(done=f"{done:,}", total=f"{total:,}")
            self._say(f"{phase} · {numbers}", "muted")
        else:
            self._say(phase, "muted")

    def set_problems(self, sentences: Sequence[str]) -> None:
        """What could not be used and why, one sentence each; empty hides the list."""
        self.problems.setPlainText("\n".join(sentences))
        self.problems.setVisible(bool(sentences))

    def set_result(self, text: str) -> None:
        """The conversion is done; `text` says what came out."""
        self._set_running(False)
        self._say(text, "good")

    def set_error(self, text: str) -> None:
        """The conversion failed or cannot start; `text` says why and what to do."""
        self._set_running(False)
        self._say(text, "bad")

    def current_form(self) -> ConvertForm:
        """What is filled in now."""
        return ConvertForm(
            dataset=self.name.text().strip(),
            preset="reference" if self.reference.isChecked() else "default",
            patients=tuple(entry.key for entry in self._chosen()),
            overlays=self.overlays.isChecked(),
            new_patients="incoming" if self._lets_wait else "train",
        )

    # Inside --------------------------------------------------------------------------------------

    def _build(self) -> None:
        form = QFormLayout(self._form_part)
        form.setContentsMargins(0, 0, 0, 0)
        form.setHorizontalSpacing(SPACE_L)
        form.setVerticalSpacing(12)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        folder = row()
        folder.addWidget(self.source, 1)
        folder.addWidget(self.choose)
        form.addRow(self.tr("From"), folder)
        form.addRow(self.tr("Dataset"), self.name)
        form.addRow(self.tr("Grey values"), self._preset_part())
        form.addRow(self.tr("New patients"), self._new_patients_part())
        self._form = form
        people = QVBoxLayout()
        people.setSpacing(SPACE_S)
        head = row()
        head.addWidget(self.all_patients, 1)
        head.addWidget(self.summary)
        people.addLayout(head)
        people.addWidget(self.patients, 1)
        layout = column(self, 24, SPACE_L)
        layout.addWidget(self._form_part)
        layout.addLayout(people, 1)
        layout.addWidget(self.overlays)
        layout.addWidget(self.problems)
        layout.addWidget(self.status)
        layout.addWidget(self.bar)
        foot = row()
        foot.addStretch(1)
        foot.addWidget(self.close_button, 0, Qt.AlignmentFlag.AlignVCenter)
        foot.addWidget(self.start)
        layout.addLayout(foot)
        self.problems.hide()

    def _preset_part(self) -> QWidget:
        return _choices(
            (
                self.default,
                self.tr("Every slice is normalised by itself; right for most scanners."),
            ),
            (
                self.reference,
                self.tr("Stored values scaled by the largest one, as in the published recipe."),
            ),
        )

    def _new_patients_part(self) -> QWidget:
        self._new_part = _choices(
            (
                self.join,
                self.tr("The sets of all other patients stay as they are."),
            ),
            (
                self.wait,
                self.tr("They stay out until you assign them in Model > Patients and sets…"),
            ),
        )
        return self._new_part

    def _connect(self) -> None:
        self.choose.clicked.connect(self.choose_source_requested)
        self.start.clicked.connect(lambda: self.start_requested.emit(self.current_form()))
        self.close_button.clicked.connect(self.reject)
        self.name.textChanged.connect(self._update)
        for choice in (self.reference, self.wait):
            choice.toggled.connect(self._update)
        self.patients.itemChanged.connect(self._update)
        self.all_patients.clicked.connect(self._toggle_all)

    def reject(self) -> None:
        """Closing while running asks to cancel and leaves the window open."""
        if self._running:
            self.cancel_requested.emit()
        else:
            super().reject()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.name.setFocus()

    def _add_patient(self, entry: PatientRow) -> None:
        set_name = set_title(entry.set_name) if self._is_frozen or entry.set_name else ""
        texts = [entry.title, set_name, f"{entry.reviewed:,}", f"{entry.annotated:,}"]
        item = QTreeWidgetItem(self.patients, texts)
        item.setData(0, _KEY, entry.key)
        for position in (2, 3):
            item.setTextAlignment(
                position, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            )
        checked = entry.usable and entry.chosen
        item.setCheckState(0, Qt.CheckState.Checked if checked else Qt.CheckState.Unchecked)
        if not entry.usable:
            item.setDisabled(True)
            tip = self.tr("No slice of this patient was reviewed yet.")
            if entry.waits:
                tip = self.tr("Waits as incoming; assign a set in Model > Patients and sets…")
            item.setToolTip(0, tip)

    def _items(self) -> list[QTreeWidgetItem]:
        items = (self.patients.topLevelItem(i) for i in range(self.patients.topLevelItemCount()))
        return [item for item in items if item is not None]

    def _chosen(self) -> list[PatientRow]:
        checked = Qt.CheckState.Checked
        return [
            entry
            for entry, item in zip(self._rows, self._items(), strict=True)
            if item.checkState(0) == checked
        ]

    def _is_new(self, entry: PatientRow) -> bool:
        """The patient is new to a frozen split."""
        return self._is_frozen and not entry.set_name

    @property
    def _has_new(self) -> bool:
        """There is something to choose; the split of the recipe knows no new patients."""
        found = any(entry.usable and self._is_new(entry) for entry in self._rows)
        return found and not self.reference.isChecked()

    @property
    def _lets_wait(self) -> bool:
        return self._has_new and self.wait.isChecked()

    def _toggle_all(self) -> None:
        usable = [item for item in self._items() if not item.isDisabled()]
        every = all(item.checkState(0) == Qt.CheckState.Checked for item in usable)
        state = Qt.CheckState.Unchecked if every else Qt.CheckState.Checked
        with QSignalBlocker(self.patients):
            for item in usable:
                item.setCheckState(0, state)
        self.patients.viewport().update()
        self._update()

    def _update(self) -> None:
        """The summary, and what may be pressed."""
        self._form.setRowVisible(self._new_part, self._has_new)
        checked = self._chosen()
        waiting = [entry for entry in checked if self._lets_wait and self._is_new(entry)]
        chosen = [entry for entry in checked if entry not in waiting]
        usable = sum(entry.usable for entry in self._rows)
        text = self.tr("{n} of {total} patients · {slices} slices · {lesions} with lesion")
        self.summary.setText(
            text.format(
                n=len(chosen),
                total=len(self._rows),
                slices=f"{sum(entry.reviewed for entry in chosen):,}",
                lesions=f"{sum(entry.annotated for entry in chosen):,}",
            )
        )
        state = Qt.CheckState.PartiallyChecked
        if len(checked) in (0, usable):
            state = Qt.CheckState.Checked if checked else Qt.CheckState.Unchecked
        with QSignalBlocker(self.all_patients):
            self.all_patients.setCheckState(state)
        named = bool(self.name.text().strip()) and bool(self._source)
        self.start.setEnabled(not self._running and named and bool(chosen))

    def _set_running(self, running: bool) -> None:
        self._running = running
        for part in (self._form_part, self.patients, self.all_patients, self.overlays):
            part.setEnabled(not running)
        self.bar.setVisible(running)
        self.close_button.setText(self.tr("Cancel") if running else self.tr("Close"))
        self._update()

    def _say(self, text: str, role: str) -> None:
        self.status.setText(text)
        set_role(self.status, "role", role)
        self.status.setVisible(bool(text))


def _choices(*choices: tuple[QRadioButton, str]) -> QWidget:
    """Choices below each other, with a line on each; they exclude one another."""
    holder = QWidget()
    layout = column(holder, 0, 0)
    for choice, line in choices:
        layout.addWidget(choice)
        explanation = label(line, "muted", wrap=True)
        explanation.setContentsMargins(24, 0, 0, 4)
        layout.addWidget(explanation)
    return holder


def _patient_list(dialog: ConvertDialog) -> QTreeWidget:
    heads = (
        QCoreApplication.translate("ConvertDialog", "Patient"),
        QCoreApplication.translate("ConvertDialog", "Set"),
        QCoreApplication.translate("ConvertDialog", "Reviewed"),
        QCoreApplication.translate("ConvertDialog", "With lesion"),
    )
    result = QTreeWidget(dialog)
    result.setProperty("framed", True)
    result.setHeaderLabels(heads)
    result.setRootIsDecorated(False)
    result.setUniformRowHeights(True)
    result.setIndentation(0)
    result.setMinimumHeight(120)
    head_item = result.headerItem()
    for position in (2, 3):
        head_item.setTextAlignment(
            position, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        )
    header = result.header()
    header.setStretchLastSection(False)
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    return result

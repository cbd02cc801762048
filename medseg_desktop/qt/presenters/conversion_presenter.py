"""The converter dialog: reviewed slices of the opened folder become a dataset."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QCoreApplication, QObject, Signal
from PySide6.QtWidgets import QWidget

from medseg_desktop.core.errors import MedSegError
from medseg_desktop.core.run_state import RunState, RunStatus
from medseg_desktop.core.split import Split
from medseg_desktop.core.volume import Series
from medseg_desktop.io.atomic import is_free
from medseg_desktop.io.conversion_request import conversion_spec
from medseg_desktop.io.dicom_series import ScanResult
from medseg_desktop.qt.dialogs.convert_dialog import ConvertDialog, ConvertForm, PatientRow
from medseg_desktop.qt.messages import sentence
from medseg_desktop.qt.presenters.patient_titles import names_somebody, patient_titles
from medseg_desktop.qt.saved_first import SavedFirst, UnsavedTexts
from medseg_desktop.qt.saving import Saving
from medseg_desktop.qt.sessions.annotations import AnnotationSession
from medseg_desktop.qt.sessions.runs import RunSession

_ALLOWED_NAME = re.compile(r"[^\\/:*?\"<>|.\s][^\\/:*?\"<>|]{0,79}")


class ConversionPresenter(QObject):
    """Owns the dialog while it is open.

    Signals:
        source_requested(): the user wants another folder.
        converted(str): name of the new dataset.
    """

    source_requested = Signal()
    converted = Signal(str)

    def __init__(
        self, runs: RunSession, annotations: AnnotationSession, saving: Saving, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._runs, self._annotations, self._saving = runs, annotations, saving
        self._parent = parent
        self._saved_first = SavedFirst(saving, _unsaved_texts(), self)
        self._found: ScanResult | None = None
        self._name = ""
        self._identity = True
        self._problems: Sequence[str] = ()
        self.dialog: ConvertDialog | None = None
        runs.conversion_changed.connect(self._on_run)

    def set_folder(self, found: ScanResult) -> None:
        """Another folder is open."""
        self._found = found
        self._saved_first.cancel()
        if self.dialog is not None and not self._runs.is_converting:
            self._begin(self.dialog)

    def set_identity(self, visible: bool) -> None:
        """Show or hide who the patients are; what is filled in stays."""
        proposed, self._identity = self._free_name(), visible
        dialog = self.dialog
        if dialog is not None:
            self._fill(dialog, dialog.current_form().patients)
            self._show_problems(dialog, self._problems)
            if dialog.current_form().dataset == proposed:
                dialog.set_dataset_name(self._free_name())

    def refresh(self) -> None:
        """The split has changed; what is filled in stays."""
        if self.dialog is not None and not self._runs.is_converting:
            self._fill(self.dialog, self.dialog.current_form().patients)

    def open(self) -> ConvertDialog:
        """Show the dialog, filled from the opened folder."""
        if self.dialog is None:
            self.dialog = ConvertDialog(self._parent)
            self.dialog.start_requested.connect(self._start)
            self.dialog.cancel_requested.connect(self._cancel)
            self.dialog.choose_source_requested.connect(self.source_requested)
        if not self._runs.is_converting and not self._saved_first.is_waiting:
            self._begin(self.dialog)
        self.dialog.show()
        self.dialog.raise_()
        return self.dialog

    def _begin(self, dialog: ConvertDialog) -> None:
        dialog.set_idle()
        self._fill(dialog)
        broken = self._found.broken_annotations if self._found else ()
        self._show_problems(dialog, [row.sentence for row in broken])
        dialog.set_dataset_name(self._free_name())

    def _fill(self, dialog: ConvertDialog, chosen: Sequence[str] | None = None) -> None:
        """Source and patients; None for `chosen` marks all that can be converted."""
        found = self._found
        source = str(found.source) if found else ""
        hidden = self.tr("Hidden with the patient")
        dialog.set_source(source if self._identity or not found else hidden)
        try:
            split = self._runs.workspace.split()
        except MedSegError as error:
            split = Split()
            dialog.set_error(sentence(error))
        rows = self._patient_rows(found, split, chosen) if found else []
        dialog.set_patients(rows, is_frozen=bool(split.patients))

    def _show_problems(self, dialog: ConvertDialog, sentences: Sequence[str]) -> None:
        """They name files, which are often called like the patient."""
        self._problems = sentences
        if sentences and not self._identity:
            text = self.tr("Problems with files, hidden with the patient: {n}")
            sentences = [text.format(n=len(sentences))]
        dialog.set_problems(sentences)

    def _hidden(self, text: str) -> str:
        """A sentence, unless it tells who a patient is that is hidden."""
        if self._identity or self._found is None or not names_somebody(self._found, text):
            return text
        return self.tr("Nothing was converted. Why tells who the patient is; show the patient "
                       "(Ctrl+H) and convert again to read it.")  # fmt: skip

    def _patient_rows(
        self, found: ScanResult, split: Split, chosen: Sequence[str] | None
    ) -> list[PatientRow]:
        patients: dict[str, list[Series]] = defaultdict(list)
        for series in found.series:
            patients[series.patient.hash].append(series)
        titles = patient_titles(found, self._identity)
        rows = []
        for patient_hash, stacks in patients.items():
            reviewed = sum(len(self._annotations.reviewed(s)) for s in stacks)
            rows.append(
                PatientRow(
                    key=patient_hash,
                    title=titles[patient_hash],
                    slices=sum(len(s.slices) for s in stacks),
                    reviewed=reviewed,
                    annotated=sum(len(self._annotations.annotated(s)) for s in stacks),
                    set_name=split.set_of(patient_hash) or "",
                    waits=split.set_of(patient_hash) == "incoming",
                    chosen=reviewed > 0 and (chosen is None or patient_hash in chosen),
                )
            )
        return rows

    def _free_name(self) -> str:
        title = self._found.source.title if self._found and self._identity else ""
        base = re.sub(r"[^\w-]+", "-", title).strip("-")
        base = base or "dataset"
        number = 1
        while (self._runs.workspace.datasets / f"{base}-{number}").exists():
            number += 1
        return f"{base}-{number}"

    def _start(self, form: ConvertForm) -> None:
        dialog, found = self.dialog, self._found
        if dialog is None or found is None or self._saved_first.is_waiting:
            return
        target = self._runs.workspace.datasets / form.dataset
        if not _ALLOWED_NAME.fullmatch(form.dataset) or form.dataset.endswith((" ", ".")):
            dialog.set_error(self.tr("This name cannot be the name of a folder; choose another."))
            return
        if not is_free(target):
            dialog.set_error(
                self.tr("There is a dataset {name} already; choose another name.").format(
                    name=form.dataset
                )
            )
            return
        # The conversion reads the files, so what is drawn has to be in them.
        self._saved_first.begin(
            partial(self._convert, dialog, found, form), dialog.set_error, names=self._identity
        )
        if self._saved_first.is_waiting:
            dialog.set_progress(self.tr("Saving annotations"), 0, 0)

    def _cancel(self) -> None:
        if self._saved_first.is_waiting and self.dialog is not None:
            self._saved_first.cancel()
            self.dialog.set_error(self.tr("The conversion was stopped; nothing was kept."))
        else:
            self._runs.stop_conversion()

    def _convert(self, dialog: ConvertDialog, found: ScanResult, form: ConvertForm) -> None:
        target = self._runs.workspace.datasets / form.dataset
        everybody = {s.patient.hash for s in found.series}
        include = [] if set(form.patients) == everybody else list(form.patients)
        try:
            # What the folder brought to the table gets its index here, not in the child.
            self._saving.labels.keep_now(self._annotations.fix_labels())
            spec = conversion_spec(
                self._runs.workspace,
                found.source.named,
                target,
                preset=form.preset,
                include=include,
                overlays=form.overlays,
                new_patients=form.new_patients,
                skip_broken=True,  # the dialog lists them
            )
        except MedSegError as error:
            dialog.set_error(sentence(error))
            return
        self._name = form.dataset
        self._runs.start_conversion(spec)

    def _on_run(self, run: RunState) -> None:
        dialog = self.dialog
        if dialog is None:
            return
        if run.status is RunStatus.FINISHED:
            dialog.set_result(_result_text(run, self._name))
            self._show_problems(dialog, run.result.get("warnings", []))
            self._fill(dialog, dialog.current_form().patients)  # new patients have a set now
            dialog.set_dataset_name(self._free_name())  # for another one
            self.converted.emit(self._name)
        elif run.status is RunStatus.FAILED:
            dialog.set_error(self._hidden(f"{run.message} {run.hint}".strip()))
        elif run.status is RunStatus.CANCELLED:
            dialog.set_error(self.tr("The conversion was stopped; nothing was kept."))
        else:
            dialog.set_progress(_phase(run.phase), run.done, run.total)


def _unsaved_texts() -> UnsavedTexts:
    tr = partial(QCoreApplication.translate, "Conversion")
    return UnsavedTexts(
        nothing=tr("Nothing was converted."),
        changed=tr(
            "Changed by another program: {changed}; choose which to keep, then convert again."
        ),
        again=tr("Convert again when it can be saved."),
    )


def _phase(phase: str) -> str:
    names = {
        "list": QCoreApplication.translate("Conversion", "Reading the folder"),
        "unpack": QCoreApplication.translate("Conversion", "Unpacking the archive"),
        "scan": QCoreApplication.translate("Conversion", "Reading the folder"),
        "convert": QCoreApplication.translate("Conversion", "Converting slices"),
    }
    return names.get(phase, QCoreApplication.translate("Conversion", "Starting"))


def _result_text(run: RunState, name: str) -> str:
    result = run.result
    sets = result["patients"]
    text = QCoreApplication.translate(
        "Conversion",
        "{name}: {slices} slices, {lesion} with lesion; "
        "{train} patients to train, {val} to validate, {test} kept for testing.",
    )
    if sets["incoming"]:
        waiting = QCoreApplication.translate("Conversion", "Waiting as incoming: {incoming}.")
        text += " " + waiting.format(incoming=sets["incoming"])
    return text.format(
        name=name,
        slices=result["slices"],
        lesion=result["slices_with_lesion"],
        train=sets["train"],
        val=sets["val"],
        test=sets["test"],
    )

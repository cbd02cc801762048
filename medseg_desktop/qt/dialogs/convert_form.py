"""What the converter shows of patients, and what the user has chosen there, as data."""

from __future__ import annotations

from dataclasses import dataclass

from medseg_desktop.io.conversion_request import NewPatients


@dataclass(frozen=True, slots=True)
class PatientRow:
    """One patient that may be converted.

    Attributes:
        key: tells the patient in `ConvertForm.patients`.
        slices, reviewed, annotated: numbers of slices over all series of the patient.
        set_name: where the split puts the patient, for example "train"; empty for a new one.
        waits: as incoming, until somebody assigns a set; such a patient cannot be checked.
        chosen: checked at first; a patient without reviewed slices cannot be checked.
    """

    key: str
    title: str
    slices: int
    reviewed: int
    annotated: int
    set_name: str = ""
    chosen: bool = True
    waits: bool = False

    @property
    def usable(self) -> bool:
        """The patient can be in the dataset."""
        return self.reviewed > 0 and not self.waits


@dataclass(frozen=True, slots=True)
class ConvertForm:
    """A conversion as the user wants it.

    Attributes:
        patients: keys of the checked rows.
        new_patients: where those go who are new to a frozen split.
    """

    dataset: str
    preset: str
    patients: tuple[str, ...]
    overlays: bool
    new_patients: NewPatients = "train"

"""What patients are called in lists."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from medseg_desktop.core.volume import Patient
from medseg_desktop.io.dicom_series import ScanResult


def patient_titles(found: ScanResult, identity: bool) -> dict[str, str]:
    """The title of every patient of a source by the patient's hash, in the order of the series.

    Args:
        identity: call them by ID or name; else, and where they have none, by their number.
    """
    number = QCoreApplication.translate("Patients", "Patient {number}")
    patients: dict[str, Patient] = {}
    for series in found.series:
        patients.setdefault(series.patient.hash, series.patient)
    return {
        key: (identity and _name(patient)) or number.format(number=i)
        for i, (key, patient) in enumerate(patients.items(), 1)
    }


def names_somebody(found: ScanResult, text: str) -> bool:
    """A sentence names a patient of a source, or a file, which is often called like the patient."""
    told = {s.path for s in found.series} | {
        name for s in found.series for name in (s.patient.called, s.patient.name)
    }
    return any(name in text for name in told if name)


def _name(patient: Patient) -> str:
    return patient.patient_id or patient.name.replace("^", " ").strip()

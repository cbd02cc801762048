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


def _name(patient: Patient) -> str:
    return patient.patient_id or patient.name.replace("^", " ").strip()

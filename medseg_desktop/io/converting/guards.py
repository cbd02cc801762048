"""Nothing may stand on two sides of the split of a dataset that is being made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from medseg_desktop.core.errors import DataError
from medseg_desktop.core.leaks import (
    PlacedSeries,
    PlacedSlice,
    near_duplicates,
    same_instances,
    same_patients,
    same_pictures,
)
from medseg_desktop.core.split import SetName
from medseg_desktop.core.volume import NO_UID, Series
from medseg_desktop.io.converting.slices import Converted
from medseg_desktop.io.dicom.stacks import PatientKey, relative_path


def check_sides(
    converted: Sequence[Converted],
    sets: dict[str, SetName],
    root: Path,
    patient_key: PatientKey,
) -> list[str]:
    """Compare the slices of the three sets by what their headers and pixels tell.

    Args:
        sets: by patient hash.
        root: that paths in sentences are relative to.

    Returns:
        Sentences about what is only doubtful.

    Raises:
        DataError: a patient, a slice or a picture is on two sides; names both.
    """
    slices = [_placed(one, sets, root) for one in converted]
    series = list(_series(converted, sets, patient_key))
    found = chain(same_patients(series), same_instances(slices), same_pictures(slices))
    for finding in found:
        raise DataError(finding.message, finding.cure)
    return [f"{finding.message} {finding.cure}" for finding in near_duplicates(slices)]


def _placed(one: Converted, sets: dict[str, SetName], root: Path) -> PlacedSlice:
    series, item = one.item.series, one.item.slice
    name = relative_path(Path(item.path), root)
    if item.frames > 1:
        name += f", frame {item.frame + 1},"
    patient = series.patient
    return PlacedSlice(
        title=f"{name} of patient {patient.called}",
        set=sets[patient.hash],
        patient=patient.hash,
        series=(patient.hash, *series.key),
        series_title=_series_title(series),
        instance=(item.sop_uid, item.frame) if item.sop_uid else None,
        facts=one.facts,
    )


def _series(
    converted: Sequence[Converted], sets: dict[str, SetName], patient_key: PatientKey
) -> Iterator[PlacedSeries]:
    every = {(s.patient.hash, *s.key): s for s in (one.item.series for one in converted)}
    for series in every.values():
        patient = series.patient
        yield PlacedSeries(
            title=_series_title(series),
            set=sets[patient.hash],
            patient=patient.hash,
            uid="" if series.uid.startswith(NO_UID) else series.uid,
            study_uid=series.study_uid,
            # Equal PatientIDs of several issuers are several patients.
            patient_id=patient.patient_id if patient_key == "folder" else "",
        )


def _series_title(series: Series) -> str:
    return f"{series.path or series.title} of patient {series.patient.called}"

"""The lines of text in the corners of the slice."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from medseg_desktop.core.view import ResolvedView
from medseg_desktop.core.volume import Acquisition, Series, Slice, slice_normal
from medseg_desktop.qt.canvas.corner_text import CornerTexts

_AXES = ("x", "y", "z")


def corner_texts(view: ResolvedView, model: str) -> CornerTexts:
    """Patient and series, window and acquisition, slice and position, model of the overlay."""
    series = view.series
    who = [series.patient.name.replace("^", " ").strip(), series.patient.patient_id]
    hidden = QCoreApplication.translate("CornerTexts", "Patient hidden")
    # An ID that only repeats the name says nothing new.
    names = {"".join(filter(str.isalnum, line)).casefold(): line for line in who if line}
    identity = list(names.values()) if view.identity else [hidden]
    window = []
    if view.window is not None:
        window = [f"WW {_number(view.window.width)}  WL {_number(view.window.center)}"]
    place = [f"{view.index + 1} / {len(series.slices)}", *position_lines(view.slice, series)]
    prediction = QCoreApplication.translate("CornerTexts", "Prediction: {model}")
    return CornerTexts(
        top_left=[*identity, date_text(series.study_date), series.title],
        top_right=[*window, acquisition_line(series.acquisition)],
        bottom_left=place,
        bottom_right=[prediction.format(model=model)] if model else [],
    )


def position_lines(item: Slice, series: Series) -> list[str]:
    """The position along the axis that the stack runs along, in mm."""
    if item.position_mm is None or item.location_mm is None:
        return []
    normal = slice_normal(series.orientation or (1.0, 0.0, 0.0, 0.0, 1.0, 0.0))
    axis = int(abs(normal).argmax())
    return [f"{_AXES[axis]} {item.position_mm[axis]:.1f} mm"]


def acquisition_line(acquisition: Acquisition) -> str:
    """E.g. "0.35 T · IR · TR 9000 · TE 100"."""
    parts = []
    if acquisition.field_strength_t:
        parts.append(f"{acquisition.field_strength_t:g} T")
    if acquisition.sequence:
        parts.append(acquisition.sequence.strip("[]'"))
    for name, value in (
        ("TR", acquisition.repetition_time_ms),
        ("TE", acquisition.echo_time_ms),
        ("TI", acquisition.inversion_time_ms),
    ):
        if value:
            parts.append(f"{name} {value:g}")
    return " · ".join(parts)


def date_text(date: str) -> str:
    """A DICOM date YYYYMMDD as YYYY-MM-DD; anything else as it is."""
    if len(date) == 8 and date.isdigit():
        return f"{date[:4]}-{date[4:6]}-{date[6:]}"
    return date


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 20 else f"{value:.2f}"

"""The lines of text in the corners of the slice."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from medseg_desktop.core.display import Voi, Window
from medseg_desktop.core.view import ResolvedView
from medseg_desktop.core.volume import Acquisition, Series, Slice, slice_normal
from medseg_desktop.qt.canvas.corner_text import CornerTexts

_AXES = ("x", "y", "z")


def corner_texts(view: ResolvedView, model: str, comparison: tuple[str, ...] = ()) -> CornerTexts:
    """Patient and series, window and acquisition, slice and position, model of the overlay.

    Args:
        comparison: lines about the models that are compared, in place of the model.
    """
    series = view.series
    who = [series.patient.name.replace("^", " ").strip(), series.patient.patient_id]
    hidden = QCoreApplication.translate("CornerTexts", "Patient hidden")
    # An ID that only repeats the name says nothing new.
    names = {"".join(filter(str.isalnum, line)).casefold(): line for line in who if line}
    identity = list(names.values()) if view.identity else [hidden]
    window = [voi_line(view.voi)] if view.voi is not None and not view.colour else []
    if view.preview is not None:
        window.append(QCoreApplication.translate("CornerTexts", "As the model sees it"))
    compressed = QCoreApplication.translate("CornerTexts", "Lossy compressed")
    place = [f"{view.position + 1} / {series.positions}", *position_lines(view.slice, series)]
    if series.time_points > 1:
        time = QCoreApplication.translate("CornerTexts", "Time {i} / {n}")
        time = time.format(i=view.time_point + 1, n=series.time_points)
        place.insert(0, "  ".join(filter(None, (time, time_label(view)))))
    prediction = QCoreApplication.translate("CornerTexts", "Prediction: {model}")
    alone = [prediction.format(model=model)] if model else []
    return CornerTexts(
        top_left=[*identity, date_text(series.study_date), series.title],
        top_right=[
            *window,
            acquisition_line(series.acquisition),
            *([compressed] if series.lossy else []),
        ],
        bottom_left=place,
        bottom_right=list(comparison) or alone,
    )


def time_label(view: ResolvedView) -> str:
    """What the header says of the time point on screen, e.g. "b 1000"; empty for nothing."""
    labels = view.series.time_labels
    return labels[view.time_point] if view.time_point < len(labels) else ""


def voi_line(voi: Voi) -> str:
    """E.g. "WW 1200  WL 600"; a table has no numbers."""
    if isinstance(voi, Window):
        return f"WW {_number(voi.width)}  WL {_number(voi.center)}"
    return QCoreApplication.translate("CornerTexts", "Table of the file")


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
        parts.append(acquisition.sequence)
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

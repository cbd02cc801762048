"""Annotations without files: series, documents, and a session that holds them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import QCoreApplication

from medseg_desktop.core.annotation import Annotation, Point, Shape
from medseg_desktop.core.labels import RECIPE_LABELS, LabelTable
from medseg_desktop.core.shapes.history import Place
from medseg_desktop.core.shapes.provenance import Author
from medseg_desktop.core.volume import Patient, Series, Slice
from medseg_desktop.io.annotation_files import AnnotationFile
from medseg_desktop.io.dicom_series import ScanResult
from medseg_desktop.io.sources.source import Source
from medseg_desktop.qt.sessions import AnnotationSession

ROWS, COLUMNS = 20, 24
AUTHOR = Author("Li", now=lambda: "2026-01-02T03:04:05+00:00")


def series_of(name: str, slices: int, *, film: bool = False) -> Series:
    """A series of so many files, or of one film with so many frames."""
    items = tuple(
        Slice(f"/{name}.dcm", i, slices, f"{name}.{i}", i)
        if film
        else Slice(f"/{name}{i}.dcm", 0, 1, f"{name}.{i}", i)
        for i in range(slices)
    )
    patient = Patient(name, name)
    return Series(name, 0, name, patient, name, "", "", 1, name, "MR", ROWS, COLUMNS, items)


def found_of(
    series: tuple[Series, ...], documents: Mapping[str, Annotation] | None = None
) -> ScanResult:
    """What a scan of these series and documents would give."""
    files = {
        path: AnnotationFile(Path(path).with_suffix(".json"), document)
        for path, document in (documents or {}).items()
    }
    return ScanResult(Source((Path("/s"),), Path("/s"), ()), series, annotations=files)


def session_of(
    series: tuple[Series, ...],
    documents: Mapping[str, Annotation] | None = None,
    labels: LabelTable = RECIPE_LABELS,
) -> AnnotationSession:
    """A session with these documents open."""
    # With a parent, as in the program: Python's collector may take the undo steps of a session
    # that nobody holds before their stack, which then deletes them once more.
    session = AnnotationSession(labels, AUTHOR, QCoreApplication.instance())
    session.set_folder(found_of(series, documents))
    return session


def square(x: float, y: float, size: float = 4, label: str = "H") -> Shape:
    """A polygon with its corner at (x, y)."""
    corners: tuple[Point, ...] = ((x, y), (x + size, y), (x + size, y + size), (x, y + size))
    return Shape(label, corners)


def draw(session: AnnotationSession, place: Place, *shapes: Shape, text: str = "draw") -> bool:
    """Add shapes to a slice as one step."""
    return session.edit(place, text, lambda old: (*old, *shapes))

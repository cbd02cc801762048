"""AnnotationSession: the documents of the opened folder."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from medseg_desktop.core.annotation import Annotation, Shape
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.volume import Series, Slice
from medseg_desktop.io.dicom_series import ScanResult


class AnnotationSession(QObject):
    """Owns the annotation documents; immutable ones, as they were read.

    Signals:
        documents_changed(): other documents, or other contents.
    """

    documents_changed = Signal()

    def __init__(self, labels: LabelTable, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._seed = labels
        self._documents: dict[str, Annotation] = {}
        self.labels = labels

    def set_folder(self, found: ScanResult) -> None:
        """The documents of another folder; their labels extend the workspace's table."""
        self._documents = {path: file.annotation for path, file in found.annotations.items()}
        names = (name for document in self._documents.values() for name in document.labels)
        self.labels = self._seed.extended(names)
        self.documents_changed.emit()

    def shapes(self, item: Slice) -> tuple[Shape, ...]:
        """The shapes of a slice."""
        document = self._documents.get(item.path)
        return document.shapes(item.frame) if document else ()

    def is_reviewed(self, item: Slice) -> bool:
        """A person has looked at the slice, lesion or not."""
        document = self._documents.get(item.path)
        return bool(document and document.is_reviewed(item.frame))

    def annotated(self, series: Series) -> tuple[int, ...]:
        """Indices of the slices with at least one shape."""
        return tuple(i for i, item in enumerate(series.slices) if self.shapes(item))

    def reviewed(self, series: Series) -> tuple[int, ...]:
        """Indices of the reviewed slices, with or without shapes."""
        return tuple(i for i, item in enumerate(series.slices) if self.is_reviewed(item))

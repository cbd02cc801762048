"""What is reviewed in a source, and what a model was trained on, for `core.retraining.news`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medseg_desktop.core.annotation import Annotation, Shape
from medseg_desktop.core.errors import Cancelled, DatasetError
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.raster import draw_label_map
from medseg_desktop.core.retraining.news import OutlinedSlice, SliceId
from medseg_desktop.core.shapes.fingerprint import fingerprint
from medseg_desktop.core.volume import Series, Slice
from medseg_desktop.io.dataset import MANIFEST, Dataset, read_dataset
from medseg_desktop.io.dicom_series import ScanResult
from medseg_desktop.io.workspace import Workspace

#: The label of a shape that no table has; any number that is no class index would do.
_NO_INDEX = -1


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A source as it is annotated now.

    Attributes:
        source: absolute paths that the user has named; title: as a sentence calls it.
        documents: absolute DICOM path -> annotation; parts of it may be unsaved.
        table: of the labels, with all that the documents use.
        broken: a sentence for each annotation file that cannot be used, without a full stop.
    """

    source: tuple[Path, ...]
    title: str
    series: tuple[Series, ...]
    documents: Mapping[str, Annotation]
    table: LabelTable
    broken: tuple[str, ...] = ()

    @classmethod
    def of_scan(cls, found: ScanResult, workspace: Workspace) -> Reviewed:
        """What the files of a scanned source say."""
        documents = {path: file.annotation for path, file in found.annotations.items()}
        names = [name for document in documents.values() for name in document.labels]
        return cls(
            source=found.source.named,
            title=str(found.source),
            series=found.series,
            documents=documents,
            table=workspace.labels().extended(names),
            broken=tuple(row.sentence for row in found.broken_annotations),
        )

    @property
    def slice_count(self) -> int:
        """Slices, reviewed or not."""
        return sum(len(series.slices) for series in self.series)

    def slices(self) -> Iterator[tuple[Series, Slice, Annotation]]:
        """Those that a conversion takes: reviewed, and all that was outlined is understood."""
        for series in self.series:
            for item in series.slices:
                document = self.documents.get(item.path)
                if (
                    document is not None
                    and document.is_reviewed(item.frame)
                    and document.is_complete(item.frame)
                ):
                    yield series, item, document


class OutlineReader:
    """Tells the outlines of reviewed slices; those that have not changed since the last time
    are not looked at again.  For one thread at a time."""

    def __init__(self) -> None:
        self._table: tuple[str, ...] = ()
        self._known: dict[tuple[str, int, str], tuple[Annotation, OutlinedSlice]] = {}

    def read(
        self,
        reviewed: Reviewed,
        counted: Collection[SliceId] = frozenset(),
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> dict[SliceId, OutlinedSlice]:
        """Every reviewed slice by its identity.

        Args:
            counted: slices whose pixels are counted as well.

        Raises:
            Cancelled: nobody waits for it any more.
        """
        if self._table != reviewed.table.names:
            self._table, self._known = reviewed.table.names, {}
        known, self._known = self._known, {}
        found: dict[SliceId, OutlinedSlice] = {}
        for series, item, document in reviewed.slices():
            if is_cancelled():
                raise Cancelled
            key, place = _identity(series, item), (item.path, item.frame, series.patient.hash)
            is_counted = key in counted
            before = known.get(place)
            if (
                before is not None
                and before[0] is document
                and (not is_counted or before[1].pixels is not None)
            ):
                outlined = before[1]
            else:
                outlined = _outlined(series, item, document, reviewed.table, is_counted)
            self._known[place] = (document, outlined)
            found[key] = found[key].joined(outlined) if key in found else outlined
        return found


def dataset_of(workspace: Workspace, digest: str) -> Dataset | None:
    """The dataset of the workspace with this digest; None where it is gone or damaged."""
    if not digest:
        return None
    for name in workspace.dataset_names():
        folder = workspace.datasets / name
        try:
            data = (folder / MANIFEST).read_bytes()
        except OSError:
            continue
        if hashlib.sha256(data).hexdigest() == digest:
            try:
                return read_dataset(folder)
            except DatasetError:
                return None
    return None


def converted_slices(dataset: Dataset) -> dict[SliceId, OutlinedSlice]:
    """What a dataset was made from, by the identity of the slices."""
    table = dataset.manifest.table
    found: dict[SliceId, OutlinedSlice] = {}
    for file in dataset.manifest.files:
        lesions = file.lesion_pixels
        pixels = {x.index: lesions[x.name] for x in table.foreground if x.name in lesions}
        outlined = OutlinedSlice(file.patient_hash, file.outlines, pixels, file.shapes)
        stack = file.place.stack if file.place else 0
        index = file.place.index if file.place else file.frame
        unnamed = _unnamed(file.series_uid, stack, index)
        key = (file.sop_uid, file.frame) if file.sop_uid else unnamed
        found[key] = found[key].joined(outlined) if key in found else outlined
    return found


def _identity(series: Series, item: Slice) -> SliceId:
    if item.sop_uid:
        return item.sop_uid, item.frame
    return _unnamed(series.uid, series.stack, series.slices.index(item))


def _unnamed(series_uid: str, stack: int, index: int) -> SliceId:
    """A slice without a SOP Instance UID goes by its place in its series."""
    return f"{series_uid}#{stack}", index


def _outlined(
    series: Series, item: Slice, document: Annotation, table: LabelTable, is_counted: bool
) -> OutlinedSlice:
    shapes = document.shapes(item.frame)
    outlines = tuple(sorted(fingerprint(shape, _index(shape, table)) for shape in shapes))
    pixels: dict[int, int] | None = None
    if is_counted:
        label_map = draw_label_map(shapes, table, series.rows, series.columns)
        values, numbers = np.unique(label_map[label_map > 0], return_counts=True)
        pixels = dict(zip(values.tolist(), numbers.tolist(), strict=True))
    return OutlinedSlice(series.patient.hash, outlines, pixels, len(shapes))


def _index(shape: Shape, table: LabelTable) -> int:
    index = table.index_of(shape.label)
    return _NO_INDEX if index is None else index

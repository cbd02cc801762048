"""The tree patient > study > series behind the worklist, and its filter.

A patient with one study only has no row for it: the study stands beside the patient's name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from PySide6.QtCore import (
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
)
from PySide6.QtGui import QImage, QPixmap, QStandardItem, QStandardItemModel

Index = QModelIndex | QPersistentModelIndex


class Role(IntEnum):
    """Item data beside the display text (which is the title)."""

    KIND = Qt.ItemDataRole.UserRole + 1
    KEY = Qt.ItemDataRole.UserRole + 2
    ROW = Qt.ItemDataRole.UserRole + 3
    THUMBNAIL = Qt.ItemDataRole.UserRole + 4
    COUNTS = Qt.ItemDataRole.UserRole + 5
    STUDY = Qt.ItemDataRole.UserRole + 6


class Kind(StrEnum):
    """The level of an item in the tree."""

    PATIENT = "patient"
    STUDY = "study"
    SERIES = "series"


class Filter(StrEnum):
    """Which series are listed."""

    ALL = "all"
    TO_REVIEW = "to_review"
    WITH_LESION = "with_lesion"
    PROPOSED = "proposed"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """One series in the worklist.

    Attributes:
        key: tells the series in signals; unique.
        patient_key, study_key: rows with equal keys share a branch; empty means the title.
        slices, annotated, reviewed: numbers of slices; annotated = with at least one shape.
        warnings: sentences about the series, shown in a tooltip.
        time_points: how often every position was imaged.
        localizer: a planning series; nobody has to review it.
        proposed: slices with proposals of a model that nobody has decided about.
    """

    key: str
    patient_title: str
    study_title: str
    series_title: str
    slices: int
    annotated: int = 0
    reviewed: int = 0
    warnings: tuple[str, ...] = ()
    patient_key: str = ""
    study_key: str = ""
    time_points: int = 1
    localizer: bool = False
    proposed: int = 0

    @property
    def done(self) -> bool:
        """Every slice was reviewed."""
        return self.slices > 0 and self.reviewed >= self.slices

    @property
    def branch(self) -> tuple[str, str]:
        """The keys of its patient and study."""
        return self.patient_key or self.patient_title, self.study_key or self.study_title


class WorklistModel(QStandardItemModel):
    """Fed with rows; keeps items, and with them selection and thumbnails, where it can."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[SeriesRow, ...] = ()
        self._series: dict[str, QStandardItem] = {}
        self._thumbnails: dict[str, QPixmap] = {}
        self._patients: dict[str, QStandardItem] = {}
        self._studies: dict[tuple[str, str], QStandardItem] = {}

    @property
    def rows(self) -> tuple[SeriesRow, ...]:
        """What is listed, in order."""
        return self._rows

    def set_rows(self, rows: Sequence[SeriesRow]) -> bool:
        """Shows `rows`; True if the tree had to be built anew."""
        new = tuple(rows)
        same = [(r.key, *r.branch) for r in new] == [(r.key, *r.branch) for r in self._rows]
        self._rows = new
        if same:
            for row in new:
                self._fill(self._series[row.key], row)
        else:
            self._build()
        self._title()
        self._count()
        return not same

    def set_thumbnail(self, key: str, image: QImage) -> None:
        """A picture for a series; kept while the program runs."""
        self._thumbnails[key] = QPixmap.fromImage(image)
        item = self._series.get(key)
        if item is not None:
            item.setData(self._thumbnails[key], Role.THUMBNAIL)

    def index_of(self, key: str) -> QModelIndex:
        """The index of a series; invalid if it is not listed."""
        item = self._series.get(key)
        return QModelIndex() if item is None else self.indexFromItem(item)

    def _build(self) -> None:
        self.clear()
        self._series, self._patients, self._studies = {}, {}, {}
        count = Counter(patient for patient, _ in {row.branch for row in self._rows})
        for row in self._rows:
            patient_key, _ = row.branch
            patient = self._patients.get(patient_key)
            if patient is None:
                patient = self._patients[patient_key] = _branch(row.patient_title, Kind.PATIENT)
                self.appendRow(patient)
            parent = patient
            if count[patient_key] > 1:
                if row.branch not in self._studies:
                    self._studies[row.branch] = _branch(row.study_title, Kind.STUDY)
                    patient.appendRow(self._studies[row.branch])
                parent = self._studies[row.branch]
            item = _branch(row.series_title, Kind.SERIES)
            item.setData(row.key, Role.KEY)
            if row.key in self._thumbnails:
                item.setData(self._thumbnails[row.key], Role.THUMBNAIL)
            self._fill(item, row)
            parent.appendRow(item)
            self._series[row.key] = item

    def _fill(self, item: QStandardItem, row: SeriesRow) -> None:
        if item.data(Role.ROW) != row:
            item.setText(row.series_title)
            item.setData(row, Role.ROW)
            item.setToolTip("\n".join(row.warnings))

    def _title(self) -> None:
        """Writes patients and studies, whose names may have been hidden or shown."""
        for row in self._rows:
            patient, study = self._patients[row.branch[0]], self._studies.get(row.branch)
            patient.setText(row.patient_title)
            if study is not None:
                study.setText(row.study_title)
            else:
                patient.setData(row.study_title, Role.STUDY)
                patient.setToolTip(f"{row.patient_title}\n{row.study_title}")

    def _count(self) -> None:
        """Writes (done, all) series to each patient and study."""
        counts: dict[int, tuple[QStandardItem, int, int]] = {}
        for row in self._rows:
            if row.localizer:
                continue
            parent = self._series[row.key].parent()
            while parent is not None:
                _, done, total = counts.get(id(parent), (parent, 0, 0))
                counts[id(parent)] = (parent, done + row.done, total + 1)
                parent = parent.parent()
        for item, done, total in counts.values():
            if item.data(Role.COUNTS) != (done, total):
                item.setData((done, total), Role.COUNTS)


def _branch(title: str, kind: Kind) -> QStandardItem:
    item = QStandardItem(title)
    item.setEditable(False)
    item.setData(kind, Role.KIND)
    item.setSelectable(kind is Kind.SERIES)
    return item


class WorklistFilter(QSortFilterProxyModel):
    """Hides series by words and by state; branches stay while they hold a shown series."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setRecursiveFilteringEnabled(True)
        self._words: tuple[str, ...] = ()
        self._filter = Filter.ALL

    def set_words(self, text: str) -> None:
        """Every word must occur in the titles of patient, study or series."""
        self._words = tuple(text.casefold().split())
        self.invalidate()

    def set_filter(self, chosen: Filter) -> None:
        """Lists only series in this state."""
        self._filter = chosen
        self.invalidate()

    def filterAcceptsRow(self, source_row: int, source_parent: Index) -> bool:
        index = self.sourceModel().index(source_row, 0, source_parent)
        row = index.data(Role.ROW)
        return isinstance(row, SeriesRow) and self._accepts(row)

    def _accepts(self, row: SeriesRow) -> bool:
        wanted = {
            Filter.ALL: True,
            Filter.TO_REVIEW: not row.done and not row.localizer,
            Filter.WITH_LESION: row.annotated > 0,
            Filter.PROPOSED: row.proposed > 0,
            Filter.DONE: row.done,
        }[self._filter]
        text = f"{row.patient_title} {row.study_title} {row.series_title}".casefold()
        return wanted and all(word in text for word in self._words)

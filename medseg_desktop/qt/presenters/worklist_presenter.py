"""The worklist: the series of the opened folder with their state and thumbnails."""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import partial

from PySide6.QtCore import QObject, QSize, Qt, QTimer
from PySide6.QtGui import QImage

from medseg_desktop.core.display import modality_values, to_grey
from medseg_desktop.core.errors import UnreadableSliceError
from medseg_desktop.core.view import ResolvedView
from medseg_desktop.core.volume import Series
from medseg_desktop.io.dicom_series import ScanResult
from medseg_desktop.qt.background import Background
from medseg_desktop.qt.loaded_slice import SeriesKey
from medseg_desktop.qt.panels.worklist_model import SeriesRow
from medseg_desktop.qt.panels.worklist_panel import WorklistPanel
from medseg_desktop.qt.presenters.corner_lines import date_text
from medseg_desktop.qt.presenters.patient_titles import patient_titles
from medseg_desktop.qt.sessions.annotations import AnnotationSession
from medseg_desktop.qt.sessions.study import StudySession

_THUMBNAIL_PX = 96  # 48 on a screen with two pixels per point
#: Counts follow what is drawn, but need not do so within the same frame.
_AFTER_MS = 100


def row_key(key: SeriesKey) -> str:
    """A series' key as the one text that the panel uses."""
    return f"{key[1]}:{key[0]}"


def series_key(text: str) -> SeriesKey:
    """The inverse of `row_key`."""
    stack, _, uid = text.partition(":")
    return (uid, int(stack))


def thumbnail_size(rows: int, columns: int, aspect: float) -> QSize:
    """The largest that fits, of pixels that are `aspect` times as high as they are wide."""
    height = rows * aspect
    scale = _THUMBNAIL_PX / max(height, columns)
    return QSize(max(round(columns * scale), 1), max(round(height * scale), 1))


class WorklistPresenter(QObject):
    """Fills the worklist and follows the series on screen."""

    def __init__(
        self,
        panel: WorklistPanel,
        study: StudySession,
        annotations: AnnotationSession,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._panel, self._study, self._annotations = panel, study, annotations
        self._background = Background(1, "thumbnails", self)
        self._stop = threading.Event()
        self._found: ScanResult | None = None
        self._without_thumbnail: tuple[Series, ...] = ()
        self._rows: dict[SeriesKey, SeriesRow] = {}
        self._series_of: dict[str, set[SeriesKey]] = {}  # by the path of a file
        self._edited: set[SeriesKey] = set()  # whose slices are to be counted again
        self._has_new_proposals = True
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_AFTER_MS)
        self._soon.timeout.connect(self._fill)
        panel.series_activated.connect(lambda text: study.set_series(series_key(text)))
        annotations.document_edited.connect(self._on_edited)
        annotations.documents_changed.connect(self._soon.start)
        annotations.proposals_changed.connect(self._on_proposals)
        study.identity_changed.connect(lambda _: self._fill())
        study.view_changed.connect(self._on_view)
        study.slice_loaded.connect(lambda _: self._make_thumbnails())
        study.slice_failed.connect(lambda _: self._make_thumbnails())

    def set_folder(self, found: ScanResult) -> None:
        """Another folder is open; its documents are known to the annotations."""
        self._found = found
        self._rows.clear()
        self._series_of.clear()
        for series in found.series:
            for item in series.slices:
                self._series_of.setdefault(item.path, set()).add(series.key)
        self._fill()
        self._stop.set()
        self._stop = threading.Event()
        self._without_thumbnail = found.series

    def _make_thumbnails(self) -> None:
        """Once the slice on screen is there: nothing may be in its way."""
        waiting, self._without_thumbnail = self._without_thumbnail, ()
        for series in waiting:
            work = partial(self._thumbnail, series, self._stop)
            self._background.submit(work, self._show_thumbnail)

    def step(self, steps: int) -> None:
        """The next (1) or previous (-1) series of those that are listed, in their order."""
        self._go(steps, self._panel.shown_keys())

    def step_patient(self, steps: int) -> None:
        """To the first series that is not done of the next (1) or previous (-1) patient who has
        one; after the last patient the first."""
        view, found = self._study.view, self._found
        if view is None or found is None:
            return
        to_do: dict[str, Series] = {}
        patients = list(dict.fromkeys(series.patient.hash for series in found.series))
        for series in found.series:
            if not series.localizer and not self._is_done(series):
                to_do.setdefault(series.patient.hash, series)
        at = patients.index(view.series.patient.hash)
        round_trip = [patients[(at + steps * k) % len(patients)] for k in range(1, len(patients))]
        upcoming = next((to_do[patient] for patient in round_trip if patient in to_do), None)
        if upcoming is not None:
            self._study.set_series(upcoming.key)

    def _is_done(self, series: Series) -> bool:
        return len(self._annotations.reviewed(series)) == len(series.slices)

    def _go(self, steps: int, keys: list[str]) -> None:
        """From the series on screen, which the filter may have hidden, to another of these."""
        view, found = self._study.view, self._found
        if view is None or found is None or not keys:
            return
        current = row_key(view.series.key)
        if current not in keys:
            order = [row_key(series.key) for series in found.series]
            here = order.index(current)
            ahead = [k for k in keys if (order.index(k) - here) * steps > 0]
            at = keys.index(ahead[0 if steps > 0 else -1]) if ahead else -1
        else:
            at = keys.index(current) + steps
        if 0 <= at < len(keys):
            self._study.set_series(series_key(keys[at]))

    def _fill(self) -> None:
        if self._found is None:
            return
        self._soon.stop()
        titles = patient_titles(self._found, self._study.state.identity)
        edited, self._edited = self._edited, set()
        every, self._has_new_proposals = self._has_new_proposals, False
        rows = []
        for series in self._found.series:
            known, title = self._rows.get(series.key), titles[series.patient.hash]
            if known is None or series.key in edited or known.patient_title != title:
                known = self._row(series, title)
            elif every:
                known = replace(known, proposed=len(self._annotations.proposed(series)))
            self._rows[series.key] = known
            rows.append(known)
        self._panel.set_rows(rows)

    def _on_edited(self, path: str) -> None:
        self._edited |= self._series_of.get(path, set())

    def _on_proposals(self) -> None:
        self._has_new_proposals = True
        self._soon.start()

    def _row(self, series: Series, patient_title: str) -> SeriesRow:
        study = " · ".join(t for t in (date_text(series.study_date), series.study_description) if t)
        return SeriesRow(
            key=row_key(series.key),
            patient_title=patient_title,
            study_title=study or self.tr("Study without date"),
            series_title=series.title,
            slices=len(series.slices),
            annotated=len(self._annotations.annotated(series)),
            reviewed=len(self._annotations.reviewed(series)),
            proposed=len(self._annotations.proposed(series)),
            warnings=series.warnings,
            time_points=series.time_points,
            localizer=series.localizer,
            patient_key=series.patient.hash,
            study_key=series.study_uid,
        )

    def _on_view(self, now: ResolvedView, before: ResolvedView | None) -> None:
        if before is None or before.series is not now.series:
            self._panel.select(row_key(now.series.key))

    def _thumbnail(self, series: Series, stop: threading.Event) -> tuple[str, QImage | None]:
        """In the background: the middle slice, small."""
        if stop.is_set() or self._background.closed:
            return row_key(series.key), None
        try:
            loaded = self._study.loader.read_now(series, series.positions // 2)
        except UnreadableSliceError:
            return row_key(series.key), None
        fmt, voi = loaded.fmt, loaded.facts.voi
        grey = to_grey(modality_values(loaded.stored, fmt), voi, fmt.inverted)
        rows, columns = loaded.shape
        kind = QImage.Format.Format_RGB888 if loaded.is_colour else QImage.Format.Format_Grayscale8
        image = QImage(grey.tobytes(), columns, rows, grey.nbytes // rows, kind)
        # As stored, however the series is turned on screen, and as tall as it is there.
        smooth = Qt.TransformationMode.SmoothTransformation
        size = thumbnail_size(rows, columns, series.pixel_aspect)
        return row_key(series.key), image.scaled(size, Qt.AspectRatioMode.IgnoreAspectRatio, smooth)

    def _show_thumbnail(self, result: tuple[str, QImage | None]) -> None:
        key, image = result
        if image is not None:
            self._panel.set_thumbnail(key, image)

    def quit(self) -> None:
        """Make no more thumbnails; does not wait for the thread."""
        self._stop.set()
        self._background.quit()

    def close(self) -> None:
        """End the thread."""
        self.quit()
        self._background.close()

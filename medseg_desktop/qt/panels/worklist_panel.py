"""The worklist: patient > study > series, filter and progress of the review."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from PySide6.QtCore import (
    QItemSelectionModel,
    QModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QIcon, QImage, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QLineEdit,
    QStackedWidget,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from medseg_desktop.qt.panels.controls import button, column, label, row
from medseg_desktop.qt.panels.worklist_delegate import WorklistDelegate
from medseg_desktop.qt.panels.worklist_model import (
    Filter,
    Index,
    Kind,
    Role,
    SeriesRow,
    WorklistFilter,
    WorklistModel,
)
from medseg_desktop.qt.theme.icons import pixmap, set_icon
from medseg_desktop.qt.theme.state import current_tokens

__all__ = ["Filter", "SeriesRow", "WorklistPanel"]


class _Tree(QTreeView):
    """A tree with our own chevrons, drawn in the theme's colour."""

    def drawBranches(self, painter: QPainter, rect: QRect, index: Index) -> None:
        if index.data(Role.KIND) == Kind.SERIES:
            return
        name = "chevron-down" if self.isExpanded(index) else "chevron-right"
        mark = pixmap(name, current_tokens().muted, 14, self.devicePixelRatioF())
        top = rect.center().y() - 6
        painter.drawPixmap(rect.right() - 12, top, mark)

    def currentChanged(self, current: Index, previous: Index) -> None:
        super().currentChanged(current, previous)
        self.viewport().update()


class WorklistPanel(QWidget):
    """Lists series; says which one the user wants to see.

    Signals:
        series_activated(str): key of the series that the user chose.
        open_requested(): the button of the empty list.
    """

    series_activated = Signal(str)
    open_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = WorklistModel(self)
        self._filter = WorklistFilter(self)
        self._filter.setSourceModel(self._model)
        self._current = ""
        self._silent = False
        self.tree = self._make_tree()
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Find patient or series"))
        glass = self.search.addAction(QIcon(), QLineEdit.ActionPosition.LeadingPosition)
        set_icon(glass, "search", "muted")
        self._wipe = self.search.addAction(QIcon(), QLineEdit.ActionPosition.TrailingPosition)
        self._wipe.setToolTip(self.tr("Clear"))
        self._wipe.setVisible(False)
        set_icon(self._wipe, "close", "muted")
        self._wipe.triggered.connect(self.search.clear)
        self.state = QComboBox()
        self.state.setAccessibleName(self.tr("Show"))
        for text, key in (
            (self.tr("All series"), Filter.ALL),
            (self.tr("To review"), Filter.TO_REVIEW),
            (self.tr("With lesion"), Filter.WITH_LESION),
            (self.tr("With proposals"), Filter.PROPOSED),
            (self.tr("Done"), Filter.DONE),
        ):
            self.state.addItem(text, key)
        self.progress = label("", "muted")
        self.nothing = label(self.tr("No series matches."), "muted")
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop)
        self.pages = QStackedWidget()
        self.pages.addWidget(self._empty_page())
        self.pages.addWidget(self._list_page())
        layout = column(self)
        layout.addWidget(self.pages)
        self.setMinimumWidth(200)
        self.search.textChanged.connect(self._refilter)
        self.state.currentIndexChanged.connect(self._refilter)
        self.tree.selectionModel().currentChanged.connect(self._chosen)
        self.set_rows(())

    # Setters -----------------------------------------------------------------------------------

    def set_rows(self, rows: Sequence[SeriesRow]) -> None:
        """Lists `rows` in the order given; selection and open branches stay where possible."""
        closed = self._closed_branches()
        with self._quiet():
            rebuilt = self._model.set_rows(rows)
            self._filter.invalidate()
            if rebuilt:
                self._expand(closed)
        to_do = [entry for entry in rows if not entry.localizer]
        done = sum(entry.done for entry in to_do)
        text = self.tr("{done} of {total} done")
        self.progress.setText(text.format(done=done, total=len(to_do)))
        self.pages.setCurrentIndex(1 if rows else 0)
        self._show_nothing()
        if rebuilt:
            self.select(self._current)
        else:
            self._mark(self._current)  # what was hidden has given the mark to a neighbour

    def set_thumbnail(self, key: str, image: QImage) -> None:
        """A picture of a series; drawn 48 px high."""
        self._model.set_thumbnail(key, image)

    def select(self, key: str) -> None:
        """Marks a series; emits nothing.  An unknown or empty key marks none."""
        self._current = key
        index = self._mark(key)
        if index.isValid():
            self.tree.scrollTo(index)
        self.tree.viewport().update()

    def _mark(self, key: str) -> QModelIndex:
        index = self._filter.mapFromSource(self._model.index_of(key))
        selection = self.tree.selectionModel()
        if index == selection.currentIndex():
            return index
        with self._quiet():
            if index.isValid():
                flags = QItemSelectionModel.SelectionFlag.ClearAndSelect
                selection.setCurrentIndex(index, flags)
            else:
                selection.clear()
        return index

    def set_filter(self, chosen: Filter) -> None:
        """Lists only series in this state."""
        self.state.setCurrentIndex(self.state.findData(chosen))

    def shown_keys(self) -> list[str]:
        """Keys of the series that pass the filter, from top to bottom."""
        found: list[str] = []
        self._collect(QModelIndex(), found)
        return found

    def sizeHint(self) -> QSize:
        return QSize(260, 600)

    # Inside --------------------------------------------------------------------------------------

    @contextmanager
    def _quiet(self) -> Iterator[None]:
        """What changes inside was not done by the user.

        The selection model's own signals are not blocked: the tree needs them to redraw.
        """
        before, self._silent = self._silent, True
        try:
            yield
        finally:
            self._silent = before

    def _make_tree(self) -> _Tree:
        tree = _Tree()
        tree.setModel(self._filter)
        tree.setItemDelegate(WorklistDelegate(tree))
        tree.setHeaderHidden(True)
        tree.setObjectName("worklist")
        tree.setIndentation(12)
        tree.setExpandsOnDoubleClick(True)
        tree.setMouseTracking(True)
        tree.setAlternatingRowColors(False)
        tree.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        tree.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        tree.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        tree.setAccessibleName(self.tr("Worklist"))
        return tree

    def _empty_page(self) -> QWidget:
        page = QWidget()
        layout = column(page, 16, 12)
        text = label(
            self.tr("Open a folder with DICOM series to start. Nothing in it is changed."),
            "muted",
            wrap=True,
        )
        text.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        title = label(self.tr("No series yet"), "title")
        title.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.open_button = button(self.tr("Open folder…"), "open-folder")
        self.open_button.clicked.connect(self.open_requested)
        layout.addStretch(1)
        layout.addWidget(title)
        layout.addWidget(text)
        layout.addWidget(self.open_button, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(2)
        return page

    def _list_page(self) -> QWidget:
        page = QWidget()
        layout = column(page, 0, 8)
        head = QVBoxLayout()
        head.setContentsMargins(12, 12, 12, 0)
        head.setSpacing(8)
        line = row()
        line.addWidget(label(self.tr("Worklist"), "title"), 1)
        line.addWidget(self.progress)
        head.addLayout(line)
        head.addWidget(self.search)
        head.addWidget(self.state)
        layout.addLayout(head)
        layout.addWidget(self.nothing, 1)
        layout.addWidget(self.tree, 1)
        return page

    def _refilter(self) -> None:
        self._wipe.setVisible(bool(self.search.text()))
        with self._quiet():
            self._filter.set_words(self.search.text())
            self._filter.set_filter(Filter(self.state.currentData()))
        self.tree.expandAll()
        self._show_nothing()
        self.select(self._current)

    def _show_nothing(self) -> None:
        empty = self._filter.rowCount() == 0
        self.nothing.setVisible(empty)
        self.tree.setVisible(not empty)

    def _chosen(self, index: QModelIndex, _previous: QModelIndex) -> None:
        key = index.data(Role.KEY)
        if key and key != self._current and not self._silent:
            self._current = str(key)
            self.series_activated.emit(self._current)

    def _closed_branches(self) -> set[str]:
        closed = set()
        for position in range(self._filter.rowCount()):
            index = self._filter.index(position, 0)
            if not self.tree.isExpanded(index):
                closed.add(str(index.data()))
        return closed

    def _expand(self, closed: set[str]) -> None:
        self.tree.expandAll()
        for position in range(self._filter.rowCount()):
            index = self._filter.index(position, 0)
            if str(index.data()) in closed:
                self.tree.collapse(index)

    def _collect(self, parent: QModelIndex, found: list[str]) -> None:
        for position in range(self._filter.rowCount(parent)):
            index = self._filter.index(position, 0, parent)
            key = index.data(Role.KEY)
            if key:
                found.append(str(key))
            self._collect(index, found)

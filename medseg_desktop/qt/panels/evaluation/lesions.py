"""Lesions by what became of them: a list in groups, the picture of the selected one beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QCoreApplication, QEvent, QObject, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QSizePolicy,
    QSplitter,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from medseg_desktop.core.evaluation.result import Fate, LesionChange
from medseg_desktop.qt.panels.controls import Swatch, button, column, label, row
from medseg_desktop.qt.panels.evaluation.texts import fate_tip, fate_title, volume_text
from medseg_desktop.qt.panels.tree_table import ROW_PX, align_right, tree_table
from medseg_desktop.qt.theme.state import current_tokens
from medseg_desktop.qt.theme.tokens import DARK, SPACE_L, SPACE_M, SPACE_S, SPACE_XS

_ROLE = Qt.ItemDataRole.UserRole
_HEAD_PX = 24


def _tr(text: str) -> str:
    return QCoreApplication.translate("Evaluation", text)


class LesionPicture(QWidget):
    """A strip of panels on black, as large as there is room, or a sentence in its place.

    Args:
        heads: what the panels show, from the left; each stands above its panel.
    """

    def __init__(self, heads: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._heads = tuple(heads)
        self._image: QImage | None = None
        self._text = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(QSize(160, 160))
        self.setAccessibleName(_tr("Slice with the outlines of the lesion"))

    @property
    def image(self) -> QImage | None:
        """What is shown."""
        return self._image

    @property
    def text(self) -> str:
        """What is said where there is no picture."""
        return self._text

    def set_image(self, image: QImage | None, text: str = "") -> None:
        """Shows a picture, or why there is none."""
        self._image, self._text = image, text
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(DARK.canvas))
        painter.setPen(QColor(DARK.muted))
        if self._image is None:
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            room = self.rect().adjusted(SPACE_L, SPACE_L, -SPACE_L, -SPACE_L)
            painter.drawText(room, flags, self._text)
            return
        room = self.rect().adjusted(0, _HEAD_PX, 0, 0)
        size = self._image.size().scaled(room.size(), Qt.AspectRatioMode.KeepAspectRatio)
        target = QRect(0, 0, size.width(), size.height())
        target.moveCenter(room.center())
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(target, self._image)
        wide = target.width() / len(self._heads)
        for i, head in enumerate(self._heads):
            left, top = target.left() + wide * i, target.top() - _HEAD_PX
            box = QRect(round(left), top, round(wide), _HEAD_PX)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, head)


class LesionTree(QObject):
    """The list in groups; headings cannot be selected.

    Signals:
        selected(LesionChange), activated(LesionChange): by a double click or Enter.
    """

    selected = Signal(object)
    activated = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.table: QTreeWidget = tree_table(_tr("Lesions"), [""])
        self.table.setRootIsDecorated(True)
        self.table.setIndentation(SPACE_M)
        self.table.itemSelectionChanged.connect(self._on_selected)
        self.table.itemDoubleClicked.connect(lambda *_: self._activate())
        self.table.installEventFilter(self)

    def set_groups(
        self,
        groups: Mapping[Fate, Sequence[LesionChange]],
        titles: Mapping[str, str],
        *,
        compares: bool,
    ) -> None:
        """Shows lesions; `titles` are those of the patients, by hash."""
        chosen, table = self.current, self.table
        table.clear()
        heads = [_tr("Lesion"), _tr("Patient"), _tr("Slice")]
        overlaps = [_tr("Candidate"), _tr("Champion")] if compares else []
        table.setColumnCount(len(heads) + len(overlaps))
        table.setHeaderLabels([*heads, *overlaps])
        modes = table.header().ResizeMode
        for place in range(1, table.columnCount()):
            table.header().setSectionResizeMode(place, modes.ResizeToContents)
            if place > 1:
                align_right(table.headerItem(), place)
        for place in range(len(heads), table.columnCount()):
            table.headerItem().setToolTip(place, _tr("Share of the lesion that the model has too"))
        for fate, group in groups.items():
            table.addTopLevelItem(_group(fate, group, titles, compares))
        table.expandAll()
        for i in range(table.topLevelItemCount()):
            table.setFirstColumnSpanned(i, table.rootIndex(), True)
        self._select(chosen)

    @property
    def current(self) -> LesionChange | None:
        """The lesion that is selected."""
        chosen = self.table.selectedItems()
        found = chosen[0].data(0, _ROLE) if chosen else None
        return found if isinstance(found, LesionChange) else None

    def show_group(self, fate: Fate) -> None:
        """Select the first lesion of a group."""
        for head in self._heads():
            rows = _rows(head)
            if head.data(0, _ROLE) == fate.value and rows:
                self.table.setCurrentItem(rows[0])
                self.table.scrollToItem(head)
                return

    def _select(self, wanted: LesionChange | None) -> None:
        """That lesion again, else the first, which is the worst."""
        rows = [item for head in self._heads() for item in _rows(head)]
        again = [item for item in rows if item.data(0, _ROLE) == wanted]
        if rows:
            self.table.setCurrentItem((again or rows)[0])

    def _heads(self) -> list[QTreeWidgetItem]:
        found = [self.table.topLevelItem(i) for i in range(self.table.topLevelItemCount())]
        return [item for item in found if item is not None]

    def _on_selected(self) -> None:
        if self.current is not None:
            self.selected.emit(self.current)

    def _activate(self) -> None:
        if self.current is not None:
            self.activated.emit(self.current)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # Not `itemActivated`: some desktops emit it for a single click.
        enter = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if (
            isinstance(event, QKeyEvent)
            and event.type() is QEvent.Type.KeyPress
            and event.key() in enter
        ):
            self._activate()
            return True
        return super().eventFilter(watched, event)


class LesionPage(QWidget):
    """List and picture.

    Signals:
        selected(LesionChange): its picture is wanted.
        show_requested(LesionChange): show it in the viewer.
    """

    selected = Signal(object)
    show_requested = Signal(object)

    def __init__(self, *, compares: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._compares = compares
        self.tree = LesionTree(self)
        models = [_tr("Candidate"), _tr("Champion")] if compares else [_tr("Model")]
        self.picture = LesionPicture([_tr("Slice"), *models])
        self.caption = label("", "muted", wrap=True)
        self.show_in_viewer = button(_tr("Show in the viewer"), "eye")
        self.empty = label(_tr("There is no such lesion."), "muted")
        self._below = QWidget()
        below = column(self._below, 0, SPACE_S)
        below.setContentsMargins(0, SPACE_M, 0, 0)
        below.addWidget(self.picture, 1)
        foot = row(spacing=SPACE_M)
        texts = column(box := QWidget(), 0, SPACE_XS)
        texts.addLayout(self._legend())
        texts.addWidget(self.caption)
        foot.addWidget(box, 1)
        foot.addWidget(self.show_in_viewer, 0, Qt.AlignmentFlag.AlignBottom)
        below.addLayout(foot)
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.setHandleWidth(1)
        splitter.addWidget(self.tree.table)
        splitter.addWidget(self._below)
        splitter.setStretchFactor(0, 2)
        splitter.setStretchFactor(1, 3)
        splitter.setChildrenCollapsible(False)
        layout = column(self, 0, SPACE_S)
        layout.addWidget(self.empty)
        layout.addWidget(splitter, 1)
        self.tree.selected.connect(self._on_selected)
        self.tree.activated.connect(self.show_requested)
        self.show_in_viewer.clicked.connect(self._show)

    def _legend(self) -> QHBoxLayout:
        line = row(spacing=SPACE_XS)
        for colour, text in (
            (DARK.mine, _tr("Annotation")),
            (DARK.model, _tr("Model")),
            (DARK.only_mine, _tr("Only the annotation")),
            (DARK.only_model, _tr("Only the model")),
        ):
            line.addWidget(Swatch(colour))
            line.addWidget(label(text, "muted"))
            line.addSpacing(SPACE_S)
        line.addStretch(1)
        return line

    def set_groups(
        self, groups: Mapping[Fate, Sequence[LesionChange]], titles: Mapping[str, str]
    ) -> None:
        """Shows lesions; `titles` are those of the patients, by hash."""
        any_there = any(groups.values())
        self.tree.set_groups(groups, titles, compares=self._compares)
        for part in (self.tree.table, self._below):
            part.setVisible(any_there)
        self.empty.setVisible(not any_there)

    def _on_selected(self, change: LesionChange) -> None:
        self.picture.set_image(None, _tr("Reading…"))
        self.caption.setText(_caption(change, self._compares))
        self.selected.emit(change)

    def _show(self) -> None:
        if self.tree.current is not None:
            self.show_requested.emit(self.tree.current)


def _rows(head: QTreeWidgetItem) -> list[QTreeWidgetItem]:
    found = [head.child(i) for i in range(head.childCount())]
    return [item for item in found if item is not None]


def _group(
    fate: Fate, group: Sequence[LesionChange], titles: Mapping[str, str], compares: bool
) -> QTreeWidgetItem:
    head = QTreeWidgetItem([f"{fate_title(fate)} ({len(group)})"])
    head.setToolTip(0, fate_tip(fate))
    head.setData(0, _ROLE, fate.value)
    head.setFlags(Qt.ItemFlag.ItemIsEnabled)
    head.setSizeHint(0, QSize(0, ROW_PX))
    font = head.font(0)
    font.setBold(True)
    head.setFont(0, font)
    head.setForeground(0, QColor(current_tokens().text))
    for change in group:
        lesion = change.lesion
        texts = [
            f"{volume_text(lesion.volume_ml, lesion.pixels)}  {lesion.label}",
            titles.get(change.patient_hash, change.patient_hash[:8]),
            str(lesion.shown_slice + 1),
        ]
        if compares:
            texts += [f"{share * 100:.0f} %" for share in (change.candidate, change.champion)]
        item = QTreeWidgetItem(texts)
        for place in range(2, len(texts)):
            align_right(item, place)
        item.setSizeHint(0, QSize(0, ROW_PX))
        item.setData(0, _ROLE, change)
        head.addChild(item)
    return head


def _caption(change: LesionChange, compares: bool) -> str:
    lesion = change.lesion
    size = volume_text(lesion.volume_ml, lesion.pixels)
    slices = len(lesion.slices)
    text = _tr("{label}, {size} on {n} slices, largest on slice {k}.")
    if slices == 1:
        text = _tr("{label}, {size} on slice {k}.")
    text = text.format(label=lesion.label, size=size, n=slices, k=lesion.shown_slice + 1)
    if compares:
        both = _tr("Overlap: candidate {new:.0f} %, champion {old:.0f} %.")
        text += " " + both.format(new=change.candidate * 100, old=change.champion * 100)
    return text

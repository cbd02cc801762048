"""The shapes of the slice on screen: which there are, how large, and where they come from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPoint, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QAbstractItemView, QWidget

from medseg_desktop.qt.panels.controls import Section, column, label, tool_button
from medseg_desktop.qt.panels.measure_text import area_text
from medseg_desktop.qt.panels.row_model import Column, Field
from medseg_desktop.qt.panels.row_table import RowTable
from medseg_desktop.qt.theme.icons import set_icon
from medseg_desktop.qt.theme.tokens import SPACE_XS

#: Rows: while the reader scrolls through slices with few shapes, nothing below moves.
_HEIGHTS = (3, 6)
_WIDEST_SOURCE = 88


@dataclass(frozen=True, slots=True)
class ShapeRow:
    """One shape of the slice.

    Attributes:
        key: tells the shape in signals.
        colour: of its label, `#rrggbb`.
        area_mm2: None where the spacing is unknown; then `pixels` is shown.
        from_model, edited: proposed by a model; and then changed by a person.
        annotator: who drew or accepted it; empty where not known.
        provenance: where it comes from, in a sentence or several lines, for the tooltip.
        overlaps: some of its pixels lie in another label's shape too.
    """

    key: int
    label: str
    colour: str
    pixels: int
    area_mm2: float | None = None
    from_model: bool = False
    edited: bool = False
    annotator: str = ""
    provenance: str = ""
    overlaps: bool = False


class ShapesPanel(QWidget):
    """A list of shapes, buttons that change their order or delete them, a line on overlaps.

    Signals:
        selection_changed(tuple[int, ...]): keys, from the top; by the user only.
        activated(int): double click or Enter on a row.
        context_menu_requested(QPoint): for these shapes, in coordinates of the screen.
        raise_requested, lower_requested, delete_requested(tuple[int, ...]): selected keys.
    """

    selection_changed = Signal(tuple)
    activated = Signal(int)
    context_menu_requested = Signal(QPoint)
    raise_requested = Signal(tuple)
    lower_requested = Signal(tuple)
    delete_requested = Signal(tuple)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.table = RowTable(self._columns(), self._fields(), lambda shape: shape.key, _HEIGHTS)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        # Where the window copies shapes with Ctrl+C, it does so from here too.
        self.table.keeps_copy_key = False
        self.table.setAccessibleName(self.tr("Shapes on this slice"))
        self.table.set_empty_text(self.tr("No shape on this slice."))
        self.count = label("", "muted")
        self.to_front = tool_button(
            "to-front", self.tr("Bring to front: counts where shapes overlap")
        )
        self.to_back = tool_button(
            "to-back", self.tr("Send to back: the others count where shapes overlap")
        )
        self.delete = tool_button("delete", self.tr("Delete the selected shapes"))
        self.overlap = label("", "muted", wrap=True)
        #: For the menu of a shape.
        self.copy_action = QAction(self.tr("Copy the table"), self)
        set_icon(self.copy_action, "copy", "muted")
        self._lay_out()
        self._connect()
        self.set_shapes(())
        self.set_overlap("")

    # Setters -------------------------------------------------------------------------------------

    def set_shapes(self, shapes: Sequence[ShapeRow], selected: Iterable[int] = ()) -> None:
        """Replaces the list and marks the keys `selected`; emits nothing."""
        self.table.set_rows(shapes)
        self.count.setText(f"{len(shapes):,}" if shapes else "")
        self.set_selection(selected)

    def set_selection(self, selected: Iterable[int]) -> None:
        """Marks these keys and no others; emits nothing."""
        self.table.select(selected)
        self._enable()

    def set_overlap(self, text: str) -> None:
        """What overlaps on this slice and which shape counts; empty hides the line."""
        self.overlap.setText(text)
        self.overlap.setVisible(bool(text))

    # Inside --------------------------------------------------------------------------------------

    def _columns(self) -> list[Column]:
        def overlap_tip(shape: ShapeRow) -> str:
            return self.tr("Lies partly in another label's shape") if shape.overlaps else ""

        return [
            Column(
                "",
                lambda shape: shape.label,
                dot=lambda shape: shape.colour,
                tooltip=lambda shape: shape.label,
                stretches=True,
            ),
            Column(
                "",
                icon=lambda shape: ("overlap", "caution") if shape.overlaps else None,
                tooltip=overlap_tip,
            ),
            Column("", lambda shape: area_text(shape.pixels, shape.area_mm2), number=True),
            Column(
                "",
                self._source,
                tooltip=lambda shape: shape.provenance,
                muted=True,
                most=_WIDEST_SOURCE,
            ),
        ]

    def _fields(self) -> list[Field]:
        return [
            Field(self.tr("Label"), lambda shape: shape.label),
            Field(
                self.tr("Area (mm²)"),
                lambda shape: "" if shape.area_mm2 is None else f"{shape.area_mm2:.2f}",
            ),
            Field(self.tr("Pixels"), lambda shape: str(shape.pixels)),
            Field(self.tr("Source"), self._source),
            Field(self.tr("Provenance"), lambda shape: shape.provenance),
        ]

    def _source(self, shape: ShapeRow) -> str:
        if shape.from_model:
            return self.tr("AI, edited") if shape.edited else self.tr("AI")
        return shape.annotator or self.tr("Drawn")

    def _lay_out(self) -> None:
        self.section = Section(self.tr("Shapes on this slice"))
        head = self.section.head
        head.insertWidget(1, self.count)
        for item in (self.to_front, self.to_back, self.delete):
            head.addWidget(item)
        column(self).addWidget(self.section)
        layout = self.section.body
        layout.setSpacing(SPACE_XS)
        layout.addWidget(self.table)
        layout.addWidget(self.overlap)

    def _connect(self) -> None:
        self.table.keys_selected.connect(self._selected)
        self.table.key_activated.connect(self.activated)
        self.table.menu_requested.connect(self.context_menu_requested)
        self.copy_action.triggered.connect(self.table.copy_table)
        for source, signal in (
            (self.to_front, self.raise_requested),
            (self.to_back, self.lower_requested),
            (self.delete, self.delete_requested),
        ):
            source.clicked.connect(
                lambda _=False, signal=signal: signal.emit(self.table.selected_keys)
            )

    def _selected(self, keys: tuple[int, ...]) -> None:
        self._enable()
        self.selection_changed.emit(keys)

    def _enable(self) -> None:
        for item in (self.to_front, self.to_back, self.delete):
            item.setEnabled(bool(self.table.selected_keys))

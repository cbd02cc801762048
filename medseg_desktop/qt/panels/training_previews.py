"""How a training learns: validation slices at every evaluation, with a slider through time."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QSlider, QVBoxLayout, QWidget

from medseg_desktop.core.events import Preview, PreviewSlice
from medseg_desktop.qt.panels.controls import Swatch, column, label, row
from medseg_desktop.qt.panels.preview_slice import PreviewPicture, PreviewSliceView
from medseg_desktop.qt.theme.state import current_tokens
from medseg_desktop.qt.theme.tokens import SPACE_M, SPACE_S, SPACE_XS

RANKS = ("worst", "median", "best")


class _Cell(QWidget):
    """One of the three: the picture, and below it which one it is and its Dice."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self.view = PreviewSliceView()
        self.view.setAccessibleName(name)
        self.caption = label(name, "muted")
        self.caption.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        layout = column(self, 0, SPACE_XS)
        layout.addWidget(self.view)
        layout.addWidget(self.caption)

    def set_slice(self, shown: PreviewSlice | None) -> None:
        self.caption.setText(self._name if shown is None else f"{self._name} {shown.dice:.2f}")
        self.view.setToolTip("" if shown is None else shown.name)
        self.view.setEnabled(shown is not None)


class PreviewStrip(QWidget):
    """The slices of one evaluation; a click on one shows it large, the slider goes through time.

    Signals:
        wanted(Preview): the pictures of this evaluation are needed.
    """

    wanted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._previews: tuple[Preview, ...] = ()
        self._shown: Preview | None = None
        self._pictures: dict[str, PreviewPicture] = {}
        self._enlarged = ""
        names = {"worst": self.tr("Worst"), "median": self.tr("Median"), "best": self.tr("Best")}
        self.cells = {rank: _Cell(names[rank]) for rank in RANKS}
        self.large = PreviewSliceView()
        self.large.setCheckable(False)
        self.large.setAccessibleName(self.tr("The slice, enlarged"))
        self.large.hide()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName(self.tr("Evaluation"))
        self.slider.setPageStep(1)
        self.when = label("", "muted")
        self.problem = label("", "caution", wrap=True)
        self.problem.hide()
        self._lay_out()
        self.slider.valueChanged.connect(self._on_slider)
        self.large.clicked.connect(lambda: self._enlarge(""))
        for rank, cell in self.cells.items():
            cell.view.clicked.connect(lambda on, rank=rank: self._enlarge(rank if on else ""))
        self.set_previews(())

    def _lay_out(self) -> None:
        layout: QVBoxLayout = column(self, 0, SPACE_S)
        head = row()
        head.addWidget(label(self.tr("Validation slices"), "section"), 1)
        head.addWidget(self.when)
        layout.addLayout(head)
        strip = row(None, 0, 0)
        for rank, cell in self.cells.items():
            if rank != RANKS[0]:
                strip.addStretch(1)
            strip.addWidget(cell)
        layout.addLayout(strip)
        layout.addWidget(self.large)
        layout.addWidget(self.problem)
        layout.addWidget(self.slider)
        t = current_tokens()
        meaning = row(None, 0, SPACE_XS)
        for colour, text in (
            (t.mine, self.tr("Reference")),
            (t.model, self.tr("Prediction")),
        ):
            meaning.addWidget(Swatch(colour))
            meaning.addWidget(label(text, "muted"))
            meaning.addSpacing(SPACE_M)
        meaning.addStretch(1)
        layout.addLayout(meaning)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        side = (self.width() - (len(RANKS) - 1) * SPACE_S) // len(RANKS)
        for cell in self.cells.values():  # all of one size, so that their captions align
            cell.setFixedWidth(max(side, 1))

    # -- what there is

    def set_previews(self, previews: Sequence[Preview]) -> None:
        """All evaluations of the run; the latest is shown unless the user looks at another."""
        new = tuple(previews)
        if new == self._previews and new:
            return
        follows = self._shown is None or self.slider.value() == self.slider.maximum()
        grown = new[: len(self._previews)] == self._previews
        self._previews = new
        self.setVisible(bool(new))
        with QSignalBlocker(self.slider):
            self.slider.setRange(0, max(len(new) - 1, 0))
            if follows or not grown:
                self.slider.setValue(self.slider.maximum())
        self.slider.setEnabled(len(new) > 1)
        if not new:
            self._shown = None
            self._clear()
        elif follows or not grown:
            self._show(new[-1])

    def set_pictures(self, preview: Preview, pictures: dict[str, PreviewPicture]) -> None:
        """The pictures of an evaluation by rank; late ones of another are dropped."""
        if preview is not self._shown:
            return
        self.problem.hide()
        self._pictures = pictures
        for rank, cell in self.cells.items():
            cell.view.set_picture(pictures.get(rank))
        self.large.set_picture(pictures.get(self._enlarged))

    def set_problem(self, preview: Preview, text: str) -> None:
        """Why the pictures of an evaluation cannot be shown."""
        if preview is self._shown:
            self._clear()
            self.problem.setText(text)
            self.problem.show()

    @property
    def shown(self) -> Preview | None:
        """The evaluation that is shown."""
        return self._shown

    def _on_slider(self, place: int) -> None:
        if place < len(self._previews):
            self._show(self._previews[place])

    def _show(self, preview: Preview) -> None:
        if preview is self._shown:
            return
        self._shown = preview
        text = self.tr("iteration {i}").format(i=f"{preview.iteration:,}")
        self.when.setText(text)
        slices = {found.rank: found for found in preview.slices}
        for rank, cell in self.cells.items():
            cell.set_slice(slices.get(rank))  # type: ignore[call-overload]
        # The pictures from before stay until the new ones are there: nothing flickers.
        self.wanted.emit(preview)

    def _clear(self) -> None:
        self._pictures = {}
        for cell in self.cells.values():
            cell.view.set_picture(None)
        self.large.set_picture(None)

    def _enlarge(self, rank: str) -> None:
        self._enlarged = rank
        for name, cell in self.cells.items():
            cell.view.setChecked(name == rank)
        self.large.set_picture(self._pictures.get(rank))
        self.large.setVisible(bool(rank))

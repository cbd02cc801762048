"""What shapes, labels, slice states and proposals are worked on with, around the slice."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject, QPoint, Signal

from medseg_desktop.core.shapes.history import Place
from medseg_desktop.core.shapes.provenance import Author
from medseg_desktop.core.shapes.slice_pixels import PixelKeeper
from medseg_desktop.core.view import ResolvedView
from medseg_desktop.io.settings_file import user_name
from medseg_desktop.qt.draw_actions import DrawActions
from medseg_desktop.qt.main_window import MainWindow
from medseg_desktop.qt.presenters.drawing_presenter import DrawingPresenter
from medseg_desktop.qt.presenters.label_menu_presenter import LabelMenuPresenter
from medseg_desktop.qt.presenters.labels_presenter import LabelsPresenter
from medseg_desktop.qt.presenters.lesions_presenter import LesionsPresenter
from medseg_desktop.qt.presenters.outside_presenter import OutsidePresenter
from medseg_desktop.qt.presenters.preset_presenter import PresetPresenter
from medseg_desktop.qt.presenters.recovery_presenter import RecoveryPresenter
from medseg_desktop.qt.presenters.review_presenter import ReviewPresenter
from medseg_desktop.qt.presenters.saving_presenter import SavingPresenter
from medseg_desktop.qt.presenters.shape_list_presenter import ShapeListPresenter
from medseg_desktop.qt.presenters.shape_presenter import ShapePresenter
from medseg_desktop.qt.presenters.tool_hint_presenter import ToolHintPresenter
from medseg_desktop.qt.presenters.window_presenter import WindowPresenter
from medseg_desktop.qt.saving import Saving
from medseg_desktop.qt.sessions import AnnotationSession, DrawingSession, StudySession


class Annotating(QObject):
    """Makes the presenters of annotation and connects them with the window.

    Signals:
        said(str): a sentence about what was done, or could not be.
        setting_changed(str, object): name and value of a setting.
    """

    said = Signal(str)
    setting_changed = Signal(str, object)

    def __init__(
        self,
        window: MainWindow,
        study: StudySession,
        annotations: AnnotationSession,
        drawing: DrawingSession,
        saving: Saving,
        desk: DrawingPresenter,
        levels: WindowPresenter,
        presets: PresetPresenter,
        pixels: PixelKeeper,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._window, self._study, self._annotations = window, study, annotations
        self._drawing, self._desk, self._saving = drawing, desk, saving
        w, actions = window, window.actions_by_key
        self.draw_actions = DrawActions(
            w, actions, annotations, drawing, desk, levels, presets, self
        )
        self.shapes = ShapePresenter(actions, study, annotations, drawing, desk, self)
        self.label_menu = LabelMenuPresenter(w.label_menu, annotations, drawing, self.shapes, self)
        self.shape_list = ShapeListPresenter(
            w.shapes_panel, study, annotations, drawing, self.shapes, pixels, self
        )
        self.lesions = LesionsPresenter(
            w.lesions_panel, study.loader, study, annotations, drawing, self
        )
        self.labels = LabelsPresenter(w.labels_panel, annotations, drawing, self)
        self.review = ReviewPresenter(w.slice_panel, actions, study, annotations, drawing, self)
        self.outside = OutsidePresenter(w.slice_panel, actions, study, annotations, drawing, self)
        self.hints = ToolHintPresenter(
            w.tool_hint, w.brush_button, actions, study, annotations, drawing, self
        )
        self.saving = SavingPresenter(w, saving, study, annotations, self)
        self.recovery = RecoveryPresenter(w, saving.recovery, study, annotations, self)
        self._connect()

    def _connect(self) -> None:
        w, drawing = self._window, self._drawing
        w.brush_button.set_brush(drawing.brush_radius * 2)
        w.brush_button.brush_changed.connect(lambda d: drawing.set_brush_radius(d / 2))
        drawing.brush_changed.connect(lambda radius: w.brush_button.set_brush(radius * 2))
        w.slice_view.tool_size_requested.connect(drawing.step_brush)
        w.slice_view.context_menu_requested.connect(self._show_menu)
        w.shapes_panel.context_menu_requested.connect(w.draw_menu.popup)
        w.enter_pressed.connect(self._on_enter)
        self.draw_actions.relabel_requested.connect(self.shapes.relabel)
        self.shapes.said.connect(self.said)
        self.review.said.connect(self.said)
        self._annotations.returned_to.connect(self._go_to)
        self._study.view_changed.connect(self._on_view)
        self.saving.autosave_changed.connect(partial(self.setting_changed.emit, "autosave"))
        self.saving.annotator_changed.connect(self._set_annotator)

    def _show_menu(self, position: QPoint) -> None:
        """A right click completes what is being drawn; else the menu for what the mouse does."""
        if self._study.view is None or self._desk.finish():
            return
        drawing = self._drawing.tool is not None
        menu = self._window.draw_menu if drawing else self._window.slice_menu
        menu.popup(position)

    def _on_enter(self) -> None:
        """Completes what is being drawn, else accepts what is proposed."""
        if not self._desk.finish():
            self._window.actions_by_key["accept"].trigger()

    def _on_view(self, now: ResolvedView, before: ResolvedView | None) -> None:
        """Say of a slice whose annotations cannot lie beside it where they go."""
        if before is None or before.slice.path != now.slice.path:
            self._saving.ask_place(now.slice.path, self.saving.show_place)

    def _go_to(self, place: Place) -> None:
        """Where a step was taken back or repeated."""
        self._study.set_series(place.series.key)
        self._study.set_slice(place.index)

    def _set_annotator(self, name: str) -> None:
        self.setting_changed.emit("annotator", name)
        self._annotations.author = Author(name or user_name())

    def quit(self) -> None:
        """Work nothing out any more; does not wait for the thread."""
        self.lesions.quit()

    def close(self) -> None:
        """End the thread."""
        self.lesions.close()

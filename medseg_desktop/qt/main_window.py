"""The main window: layout and wiring, nothing else."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QCoreApplication, QEvent, QSettings, Qt, Signal
from PySide6.QtGui import (
    QAction,
    QCloseEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QKeyEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMainWindow,
    QMenu,
    QScrollArea,
    QSplitter,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from medseg_desktop.qt.actions import (
    DRAW_MENU,
    MENUS,
    SLICE_MENU,
    SWITCHES,
    TOOLS,
    make_actions,
)
from medseg_desktop.qt.canvas.slice_area import SliceArea
from medseg_desktop.qt.canvas.slice_bar import SliceBar
from medseg_desktop.qt.canvas.slice_view import SliceView
from medseg_desktop.qt.file_drop import DropHint, accept_copy, leave_drops_to, local_paths
from medseg_desktop.qt.held_key import HeldKey
from medseg_desktop.qt.main_toolbar import MainToolBar
from medseg_desktop.qt.panels.brush_button import BrushButton
from medseg_desktop.qt.panels.controls import Section, column, label, set_role, tool_button
from medseg_desktop.qt.panels.labels_panel import LabelsPanel
from medseg_desktop.qt.panels.lesions_panel import LesionsPanel
from medseg_desktop.qt.panels.message_bar import MessageBar
from medseg_desktop.qt.panels.models.panel import ModelsPanel
from medseg_desktop.qt.panels.overlay_panel import OverlayPanel
from medseg_desktop.qt.panels.progress_strip import ProgressStrip
from medseg_desktop.qt.panels.series_panel import SeriesPanel
from medseg_desktop.qt.panels.shapes_panel import ShapesPanel
from medseg_desktop.qt.panels.slice_panel import SlicePanel
from medseg_desktop.qt.panels.tool_hint import ToolHint
from medseg_desktop.qt.panels.tool_strip import ToolStrip
from medseg_desktop.qt.panels.training_panel import TrainingPanel
from medseg_desktop.qt.panels.window_panel import WindowPanel
from medseg_desktop.qt.panels.worklist_panel import WorklistPanel
from medseg_desktop.qt.theme.tokens import SPACE_L, SPACE_M, SPACE_S

_LEFT_PX, _RIGHT_PX = 260, 320
_SAVED_PX = 88


class MainWindow(QMainWindow):
    """Holds the widgets; who fills them is decided in `qt.controller`.

    Signals:
        close_requested(): the user wants to close; nothing is closed until `allow_close`.
        paths_dropped(list[Path]): what was dropped on the window; empty where it was nothing of
            this computer.
        cancel_requested(): the cross beside the progress in the status line.
        enter_pressed(): the key, and no widget has used it.
    """

    close_requested = Signal()
    paths_dropped = Signal(list)
    cancel_requested = Signal()
    enter_pressed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle("MedSeg Desktop[*]")
        self.setAcceptDrops(True)
        self.resize(1440, 900)
        self.setMinimumSize(960, 600)
        self._may_close = False
        self._is_typing = False
        self.actions_by_key = make_actions(self)
        self.worklist = WorklistPanel()
        self.slice_view = SliceView()
        self.slice_bar = SliceBar(self.actions_by_key["play"])
        self.messages = MessageBar()
        self.series_panel = SeriesPanel()
        actions = self.actions_by_key
        self.slice_panel = SlicePanel(actions["reviewed"], actions["accept"], actions["reject"])
        self.labels_panel = LabelsPanel()
        self.brush_button = BrushButton()
        self.tool_hint = ToolHint()
        self.shapes_panel = ShapesPanel()
        self.lesions_panel = LesionsPanel()
        self.window_panel = WindowPanel()
        self.overlay_panel = OverlayPanel(
            actions["previous_disagreement"], actions["next_disagreement"]
        )
        self.training_panel = TrainingPanel()
        self.models_panel = ModelsPanel()
        self.model_chooser = QComboBox()
        self.preset_chooser = QComboBox()
        self.recent_menu = QMenu(self.tr("Open recent"), self)
        self.preset_menu = QMenu(self.tr("Window preset"), self)
        self.slice_menu = QMenu(self.tr("Slice"), self)
        self.draw_menu = QMenu(self.tr("Shapes"), self)
        self.label_menu = QMenu(self.tr("Change label"), self)
        self.overlays_key = HeldKey(self.actions_by_key["hide_overlays"], self)
        self.overlays_key.changed.connect(
            lambda held: self.slice_view.set_overlays_visible(not held)
        )
        self._build_center()
        self._build_menus()
        self._build_toolbar()
        self._build_status()
        self.drop_hint = DropHint(self, self.splitter)
        leave_drops_to(self)

    # -- parts

    def _build_center(self) -> None:
        middle = QWidget()
        layout = QVBoxLayout(middle)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        groups = [[self.actions_by_key[k] for k in keys] for keys in TOOLS]
        self.tool_strip = ToolStrip(groups, SWITCHES)
        self.tool_strip.add_below("tool_eraser", self.brush_button)
        drawing = QHBoxLayout()
        drawing.setSpacing(0)
        drawing.addWidget(self.tool_strip)
        drawing.addWidget(SliceArea(self.slice_view, self.messages), 1)
        layout.addLayout(drawing, 1)
        layout.addWidget(self.slice_bar)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.addTab(self._annotate_tab(), self.tr("Annotate"))
        self.tabs.addTab(self.training_panel, self.tr("Train"))
        self.tabs.addTab(self.models_panel, self.tr("Models"))
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setHandleWidth(1)
        for widget in (self.worklist, middle, self.tabs):
            self.splitter.addWidget(widget)
        self.splitter.setStretchFactor(1, 1)
        self.splitter.setSizes([_LEFT_PX, 1440 - _LEFT_PX - _RIGHT_PX, _RIGHT_PX])
        self.splitter.setCollapsible(1, False)
        self.worklist.setMinimumWidth(200)
        self.tabs.setMinimumWidth(280)
        self.setCentralWidget(self.splitter)

    def _annotate_tab(self) -> QWidget:
        """The state of the slice stays in sight; the rest scrolls, and can be folded."""
        content = QWidget()
        content.setObjectName("scrollContent")
        layout = QVBoxLayout(content)
        layout.setContentsMargins(SPACE_M, SPACE_S, SPACE_M, SPACE_M)
        layout.setSpacing(SPACE_M)
        for panel in (
            self.labels_panel,
            self.shapes_panel,
            self.lesions_panel,
            self.overlay_panel,
            self.window_panel,
            self.series_panel,
        ):
            layout.addWidget(panel)
        layout.addStretch(1)
        area = QScrollArea()
        area.setWidget(content)
        area.setWidgetResizable(True)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        tab = QWidget()
        whole = column(tab, spacing=0)
        whole.addWidget(self.slice_panel)
        whole.addWidget(area, 1)
        return tab

    @property
    def _sections(self) -> dict[str, Section]:
        """What can be folded on the first tab, by the names it is remembered by."""
        return {
            "labels": self.labels_panel.section,
            "shapes": self.shapes_panel.section,
            "lesions": self.lesions_panel.section,
            "overlays": self.overlay_panel.section,
            "window": self.window_panel.section,
            "series": self.series_panel.section,
        }

    def _build_menus(self) -> None:
        for title, keys in MENUS:
            menu = self.menuBar().addMenu(QCoreApplication.translate("Actions", title))
            self._fill_menu(menu, keys)
        self._fill_menu(self.slice_menu, SLICE_MENU)
        self._fill_menu(self.draw_menu, DRAW_MENU)

    def _fill_menu(self, menu: QMenu, keys: tuple[str, ...]) -> None:
        submenus = {
            "recent": self.recent_menu,
            "presets": self.preset_menu,
            "labels": self.label_menu,
        }
        for key in keys:
            if key == "-":
                menu.addSeparator()
            elif key in submenus:
                menu.addMenu(submenus[key])
            else:
                menu.addAction(self.actions_by_key[key])

    def _build_toolbar(self) -> None:
        self.model_chooser.setMinimumWidth(150)
        self.model_chooser.setAccessibleName(self.tr("Model"))
        self.preset_chooser.setMinimumWidth(140)
        self.preset_chooser.setAccessibleName(self.tr("Window preset"))
        self.preset_chooser.setPlaceholderText(self.tr("Window preset"))
        choosers = {"models": self.model_chooser, "presets": self.preset_chooser}
        self.toolbar = MainToolBar(self.actions_by_key, choosers)
        self.addToolBar(self.toolbar)

    def _build_status(self) -> None:
        bar = self.statusBar()
        bar.setSizeGripEnabled(False)
        bar.setContentsMargins(8, 0, 8, 0)
        self.status_text = QLabel()
        self.saved_text = label("", "muted")
        self.progress_text = QLabel()
        self.progress_bar = ProgressStrip()
        self.progress_bar.setFixedWidth(140)
        self.progress_cancel: QToolButton = tool_button("close", self.tr("Cancel"))
        self.progress_cancel.clicked.connect(self.cancel_requested)
        self.cursor_text = QLabel()
        self.place_text = QLabel()
        self.place_text.setContentsMargins(
            SPACE_L, 0, 0, 0
        )  # apart from the value under the pointer
        self.saved_text.setContentsMargins(0, 0, SPACE_S, 0)
        # As wide as what it usually says, so that the hint beside it stands still.
        self.saved_text.setMinimumWidth(_SAVED_PX)
        bar.addWidget(self.status_text)
        bar.addWidget(self.saved_text)
        bar.addWidget(self.tool_hint, 1)
        for widget in (self.progress_text, self.progress_bar, self.progress_cancel):
            bar.addWidget(widget)
        bar.addPermanentWidget(self.cursor_text)
        bar.addPermanentWidget(self.place_text)
        self.show_progress("", 0, 0)

    # -- setters

    def show_status(self, text: str) -> None:
        """The sentence at the left of the status line."""
        self.status_text.setText(text)

    def show_saved(self, text: str, is_warning: bool) -> None:
        """What is saved, beside the sentence of the status line."""
        self.saved_text.setText(text)
        set_role(self.saved_text, "role", "caution" if is_warning else "muted")

    def show_progress(self, text: str, done: int, total: int, cancellable: bool = False) -> None:
        """Running work in the status line; an empty text hides it."""
        for widget in (self.progress_text, self.progress_bar):
            widget.setVisible(bool(text))
        self.progress_cancel.setVisible(bool(text) and cancellable)
        self.progress_text.setText(text)
        self.progress_bar.set_progress(done, total)

    def show_recent(self, entries: dict[str, str], instead: str = "") -> list[QAction]:
        """Fill the menu of recent sources; returns the actions.

        Args:
            entries: data of the action -> its text.
            instead: what the menu says where it has no entries.
        """
        self.recent_menu.clear()
        self.recent_menu.setEnabled(bool(entries or instead))
        if not entries and instead:
            self.recent_menu.addAction(instead).setEnabled(False)
        made = []
        for data, text in entries.items():
            action = self.recent_menu.addAction(text.replace("&", "&&"))
            action.setData(data)
            made.append(action)
        return made

    def set_stopping(self, text: str) -> None:
        """The window waits for jobs to end, and nothing else can be begun."""
        for part in (self.splitter, self.menuBar(), self.toolbar):
            part.setEnabled(False)
        for action in self.actions_by_key.values():
            action.setEnabled(False)
        self.setAcceptDrops(False)
        self.show_progress(text, 0, 0)

    # -- geometry

    def save_geometry(self, settings: QSettings) -> None:
        """Remember size, columns and what is folded."""
        settings.setValue("window/geometry", self.saveGeometry())
        settings.setValue("window/columns", self.splitter.saveState())
        folded = [name for name, section in self._sections.items() if not section.is_open]
        settings.setValue("window/folded", " ".join(folded))

    def restore_geometry(self, settings: QSettings) -> None:
        """Size, columns and what was folded the last time."""
        folded = str(settings.value("window/folded") or "").split()
        for name, section in self._sections.items():
            section.set_open(name not in folded)
        for key, restore in (
            ("window/geometry", self.restoreGeometry),
            ("window/columns", self.splitter.restoreState),
        ):
            value = settings.value(key)
            if isinstance(value, QByteArray):
                restore(value)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.toolbar.fit(self.width())

    # -- closing and dropping

    def allow_close(self) -> None:
        """Close for good."""
        self._may_close = True
        self.close()

    def closeEvent(self, event: QCloseEvent) -> None:
        if not self._may_close:
            # May call `allow_close` at once; a `close` within this event does nothing by itself.
            self.close_requested.emit()
        event.setAccepted(self._may_close)

    def event(self, event: QEvent) -> bool:
        """Note before a key is used where it was pressed: a field gives the focus away with it."""
        if event.type() is QEvent.Type.ShortcutOverride:
            self._is_typing = isinstance(self.focusWidget(), QLineEdit | QAbstractSpinBox)
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter, where no widget with the focus has a use for it: accept what is proposed."""
        keys = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        plain = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if event.key() in keys and not plain:
            if not self._is_typing:
                self.enter_pressed.emit()
        else:
            super().keyPressEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if accept_copy(event):
            self.drop_hint.begin()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        accept_copy(event)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self.drop_hint.hide()

    def dropEvent(self, event: QDropEvent) -> None:
        self.drop_hint.hide()
        if accept_copy(event):
            self.paths_dropped.emit(local_paths(event.mimeData()))

"""Window presets: toolbar, panel and menu show the same list and the same choice."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QObject, QSignalBlocker
from PySide6.QtWidgets import QComboBox, QMenu

from medseg_desktop.core.display import Voi, VoiChoice, Window, percentile_window
from medseg_desktop.core.view import ResolvedView
from medseg_desktop.core.window_presets import CT_WINDOWS, PERCENTILES
from medseg_desktop.qt.loaded_slice import LoadedSlice
from medseg_desktop.qt.panels.window_panel import WindowPanel
from medseg_desktop.qt.sessions.study import StudySession

FILE = "file"
_CHOICE = "choice:"


class PresetPresenter(QObject):
    """Applies a preset to the series on screen and shows which one is on."""

    def __init__(
        self,
        panel: WindowPanel,
        chooser: QComboBox,
        menu: QMenu,
        study: StudySession,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._panel, self._chooser, self._menu, self._study = panel, chooser, menu, study
        self._applied: tuple[str, Voi] | None = None
        self._has_digits = True
        self._loaded: LoadedSlice | None = None
        self._listed: list[tuple[str, str]] = []
        self._choices: dict[str, Voi] = {}
        panel.preset_chosen.connect(self.apply)
        chooser.activated.connect(lambda: self.apply(str(chooser.currentData())))
        study.slice_loaded.connect(self._on_loaded)
        study.view_changed.connect(self._on_view)
        study.view_closed.connect(lambda: self._list(None))
        self._list(None)

    def apply(self, key: str) -> None:
        """The window of the file, one of its choices, one for CT, or percentiles of the slice."""
        voi = self._voi(key)
        if voi is not None or key == FILE:
            self._applied = (key, voi) if voi is not None else None
            self._study.set_voi(voi)
        self._show_current()

    def set_digits(self, on: bool) -> None:
        """Whether the digit keys choose presets."""
        self._has_digits = on
        for digit, action in enumerate(self._menu.actions()[:9], 1):
            action.setShortcut(str(digit) if on else "")

    def _voi(self, key: str) -> Voi | None:
        view, loaded = self._study.view, self._loaded
        if key in self._choices:
            return self._choices[key]
        if key in CT_WINDOWS:
            return CT_WINDOWS[key]
        if key in PERCENTILES and view and loaded and loaded.series_key == view.series.key:
            return percentile_window(loaded.brightness(), *PERCENTILES[key])
        return None

    def _on_loaded(self, loaded: LoadedSlice) -> None:
        self._loaded = loaded

    def _on_view(self, now: ResolvedView, before: ResolvedView | None) -> None:
        if before is None or _offer(before) != _offer(now):
            self._list(now)
        if before is None or before.voi != now.voi or before.series is not now.series:
            self._show_current()

    # -- the list

    def _list(self, view: ResolvedView | None) -> None:
        """Fill toolbar, panel and menu; the first nine have the digits as keys."""
        choices = view.choices if view is not None and view.preview is None else ()
        self._choices = {f"{_CHOICE}{i}": choice.voi for i, choice in enumerate(choices)}
        named = [(f"{_CHOICE}{i}", _choice_name(c, i)) for i, c in enumerate(choices)]
        is_ct = view is not None and view.series.modality == "CT" and view.preview is None
        listed = [(FILE, _own_name()), *named, *(_ct_names() if is_ct else _percentile_names())]
        if listed == self._listed:
            return
        self._listed = listed
        self._panel.set_presets(listed)
        with QSignalBlocker(self._chooser):
            self._chooser.clear()
            for key, text in listed:
                self._chooser.addItem(text, key)
        self._menu.clear()
        for digit, (key, text) in enumerate(listed, 1):
            action = self._menu.addAction(text.replace("&", "&&"))
            if digit <= 9 and self._has_digits:
                action.setShortcut(str(digit))
            action.triggered.connect(lambda _=False, key=key: self.apply(key))
        self._show_current()

    def _show_current(self) -> None:
        voi = self._study.state.voi
        if self._study.view is None:
            self._show(None)
        elif voi is None:
            self._show(FILE)
        else:
            applied = self._applied
            self._show(applied[0] if applied and applied[1] == voi else None)

    def _show(self, key: str | None) -> None:
        self._panel.set_preset(key)
        with QSignalBlocker(self._chooser):
            self._chooser.setCurrentIndex(-1 if key is None else self._chooser.findData(key))


def _offer(view: ResolvedView) -> object:
    """What the list depends on."""
    return (view.choices, view.series.modality, view.preview)


def _own_name() -> str:
    return QCoreApplication.translate("Presets", "Of the series")


def _choice_name(choice: VoiChoice, number: int) -> str:
    """The file's own name for a window, else its numbers."""
    if choice.name:
        return choice.name
    if isinstance(choice.voi, Window):
        return f"{choice.voi.width:g} / {choice.voi.center:g}"
    text = QCoreApplication.translate("Presets", "Table {number}")
    return text.format(number=number + 1)


def _percentile_names() -> list[tuple[str, str]]:
    tr = QCoreApplication.translate
    return [
        ("auto", tr("Presets", "Auto 1–99 %")),  # noqa: RUF001
        ("soft", tr("Presets", "Soft 0.5–99.8 %")),  # noqa: RUF001
        ("lesion", tr("Presets", "Lesion-bright")),
    ]


def _ct_names() -> list[tuple[str, str]]:
    tr = QCoreApplication.translate
    return [
        ("brain", tr("Presets", "Brain")),
        ("soft_tissue", tr("Presets", "Soft tissue")),
        ("liver", tr("Presets", "Liver")),
        ("lung", tr("Presets", "Lung")),
        ("bone", tr("Presets", "Bone")),
        ("auto", tr("Presets", "Auto 1–99 %")),  # noqa: RUF001
    ]

"""ComparedModels: which model is looked at in compare mode, and which other one beside it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from medseg_desktop.core.errors import MedSegError
from medseg_desktop.inference.predictor import Predictor
from medseg_desktop.qt.background import Background
from medseg_desktop.qt.sessions.runs import RunSession


class ComparedModels(QObject):
    """Owns the models of compare mode.

    The first one is the model in use, unless a pair is shown: two models that are looked at
    without any of them being taken into use.  The other one proposes nothing to anybody.

    Signals:
        other_model_chosen(Predictor | None): the other model is loaded, is another one, or there
            is none; also when one could not be loaded and the one before stays.
        pair_changed(): the first model or the other one is not that of before.
        failed(MedSegError): a model cannot be loaded.
    """

    other_model_chosen = Signal(object)
    pair_changed = Signal()
    failed = Signal(object)

    def __init__(self, runs: RunSession, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._runs = runs
        self._background = Background(1, "compared models", self)
        self._first: tuple[Path, Predictor] | None = None  # of a pair that is shown
        self._other: Predictor | None = None
        self._other_path: Path | None = None
        self._wanted: Path | None = None
        self._pair: tuple[Path, Path] | None = None
        self._before_pair: tuple[Path | None, Predictor | None] = (None, None)
        self._in_use: Path | None = None
        runs.model_chosen.connect(self._on_model)

    @property
    def first(self) -> Predictor | None:
        """The model that is looked at; None where none is in use, or while a pair is loaded."""
        if self._pair is not None:
            return self._first[1] if self._first else None
        return self._runs.predictor

    @property
    def first_path(self) -> Path | None:
        """Where the first model lies."""
        return self._pair[0] if self._pair else self._runs.chosen_path

    @property
    def other(self) -> Predictor | None:
        """The model beside it; None where there is none, or it is not loaded yet."""
        return self._other

    @property
    def other_path(self) -> Path | None:
        """Where the other model, or the one being loaded, lies."""
        return self._wanted

    @property
    def title(self) -> str:
        """Name and version of the first model; empty where there is none."""
        return self.first.info.title if self.first is not None else ""

    @property
    def other_title(self) -> str:
        """Name and version of the other model; empty where there is none."""
        return self._other.info.title if self._other is not None else ""

    @property
    def is_pair(self) -> bool:
        """Two models are looked at, of which the first need not be the one in use."""
        return self._pair is not None

    def choose_other_model(self, path: Path | None) -> None:
        """Compare with this model; it is checked and loaded in the background."""
        self._wanted = path
        if path is None:
            self._set_other(None, None)
        else:
            self._load(path, partial(self._set_other, path), partial(self._other_failed, path))

    def show_pair(self, first: Path, other: Path) -> None:
        """Look at two models; the choice of the model in use stays as it is."""
        if self._pair is None:
            self._before_pair = (self._other_path, self._other)
        self._pair, self._first = (first, other), None
        self._wanted = other
        self._other, self._other_path = None, None
        self.pair_changed.emit()
        self._load(
            first, partial(self._set_first, self._pair), partial(self._pair_failed, self._pair)
        )
        self._load(other, partial(self._set_other, other), partial(self._pair_failed, self._pair))

    def end_pair(self) -> None:
        """Look at the model in use again, and at what was beside it before the pair."""
        if self._pair is None:
            return
        self._pair, self._first = None, None
        path, other = self._before_pair
        self._wanted = path
        self._set_other(path, other)

    def quit(self) -> None:
        """Load nothing any more; does not wait for the thread."""
        self._background.quit()

    def close(self) -> None:
        """End the thread."""
        self._background.close()

    # -- what came of it

    def _load(
        self,
        path: Path,
        done: Callable[[Predictor], None],
        failed: Callable[[MedSegError], None],
    ) -> None:
        """What is loaded already is not loaded again."""
        in_use = self._runs.predictor
        if in_use is not None and path == self._in_use:
            done(in_use)
            return
        threads = self._runs.settings.threads
        self._background.submit(lambda: Predictor.open(path, threads), done, failed)

    def _set_first(self, pair: tuple[Path, Path], predictor: Predictor) -> None:
        if pair is self._pair:
            self._first = (pair[0], predictor)
            self.pair_changed.emit()

    def _set_other(self, path: Path | None, predictor: Predictor | None) -> None:
        if path == self._wanted:  # else another one was chosen meanwhile
            self._other, self._other_path = predictor, path
            self.other_model_chosen.emit(predictor)
            self.pair_changed.emit()

    def _other_failed(self, path: Path, error: MedSegError) -> None:
        self.failed.emit(error)
        if path == self._wanted:
            self._wanted = self._other_path  # the one before stays
            self.other_model_chosen.emit(self._other)

    def _pair_failed(self, pair: tuple[Path, Path], error: MedSegError) -> None:
        if pair is self._pair:
            self.failed.emit(error)
            self.end_pair()

    def _on_model(self, predictor: Predictor | None) -> None:
        """Another model is in use; who chooses the one beside it gets the two exchanged."""
        before, self._in_use = self._in_use, self._runs.chosen_path if predictor else None
        if before == self._in_use:
            return
        self.end_pair()
        if self._in_use is not None and self._in_use == self._wanted:
            self.choose_other_model(before)
        self.pair_changed.emit()

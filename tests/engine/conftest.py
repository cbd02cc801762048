from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medseg_desktop.core.errors import Cancelled
from medseg_desktop.core.events import Event, Log
from medseg_desktop.core.specs import TrainSpec
from tests.builders import write_dataset


class FakeContext:
    """What a job is given, recording instead of writing; `on_event` may ask it to stop.

    Attributes:
        stop_in: the phase that the job is asked to stop in.
    """

    def __init__(self, on_event: Callable[[FakeContext, Event], None] | None = None) -> None:
        self.events: list[Event] = []
        self.details: dict[str, Any] = {}
        self.phases: list[tuple[str, int, int]] = []
        self.stop_requested = False
        self.stop_in: str | None = None
        self.pause_requested = False
        self.waits = 0
        self.work_dir = Path()
        self._on_event = on_event
        self._listeners: list[Callable[[Event], None]] = []

    def started(self, details: dict[str, Any] | None = None) -> None:
        self.details = details or {}

    def emit(self, event: Event) -> None:
        self.events.append(event)
        if self._on_event is not None:
            self._on_event(self, event)
        for listener in self._listeners:
            listener(event)

    def listen(self, listener: Callable[[Event], None]) -> None:
        self._listeners.append(listener)

    def progress(self, phase: str, done: int, total: int = 0) -> None:
        self.phases.append((phase, done, total))
        self.stop_requested |= phase == self.stop_in

    def log(self, message: str, level: str = "info") -> None:
        self.emit(Log(message=message, level=level))

    def check(self) -> None:
        if self.stop_requested:
            raise Cancelled

    def wait_while_paused(self) -> None:
        self.waits += 1
        self.pause_requested = False

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def log_text(self) -> str:
        return "\n".join(event.message for event in self.of(Log))


@pytest.fixture
def context() -> FakeContext:
    return FakeContext()


@pytest.fixture(scope="session")
def make_context() -> type[FakeContext]:
    return FakeContext


@pytest.fixture(scope="session")
def dataset_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two training patients and one validation patient, three slices each; read only."""
    return write_dataset(tmp_path_factory.mktemp("data") / "discs", slices=3)


@pytest.fixture
def make_spec(dataset_folder: Path, tmp_path: Path) -> Callable[..., TrainSpec]:
    """A spec of a tiny training; keywords override."""

    def make(**changes: Any) -> TrainSpec:
        values = {
            "dataset": str(dataset_folder),
            "run": str(tmp_path / "run"),
            "model_name": "discs",
            "iterations": 2,
            "batch_size": 2,
            "size": 64,
            "device": "cpu",
            "seed": 1,
        }
        return TrainSpec(**(values | changes))

    return make

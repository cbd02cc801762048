"""Trainings that wait for the one that runs."""

from __future__ import annotations

from medseg_desktop.core.specs import TrainSpec


class RunQueue:
    """An order of trainings; every run folder is in it once."""

    def __init__(self) -> None:
        self._specs: list[TrainSpec] = []

    @property
    def specs(self) -> tuple[TrainSpec, ...]:
        """What waits, the next one first."""
        return tuple(self._specs)

    def __len__(self) -> int:
        return len(self._specs)

    def holds(self, run: str) -> bool:
        """A training in this run folder waits already."""
        return any(spec.run == run for spec in self._specs)

    def add(self, spec: TrainSpec) -> None:
        """Put it at the end."""
        self._specs.append(spec)

    def take(self) -> TrainSpec | None:
        """Take the next one out; None where nothing waits."""
        return self._specs.pop(0) if self._specs else None

    def remove(self, run: str) -> bool:
        """Take out the training in this run folder; False where it does not wait any more."""
        place = self._place(run)
        if place is None:
            return False
        del self._specs[place]
        return True

    def move(self, run: str, by: int) -> bool:
        """Move it `by` places to the back (negative: to the front); False where it cannot."""
        place = self._place(run)
        if place is None or not 0 <= place + by < len(self._specs):
            return False
        self._specs.insert(place + by, self._specs.pop(place))
        return True

    def clear(self) -> bool:
        """Forget all; False where nothing waited."""
        had_any = bool(self._specs)
        self._specs.clear()
        return had_any

    def _place(self, run: str) -> int | None:
        return next((i for i, spec in enumerate(self._specs) if spec.run == run), None)

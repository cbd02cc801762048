"""Curves of a run: points that grow at the end, smoothing, and what there is to plot of a run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from medseg_desktop.core.events import CaseScore, Evaluation, Step
from medseg_desktop.core.labels import BACKGROUND
from medseg_desktop.core.run_state import RunState

Values = npt.NDArray[np.float64]
Chart = Literal["loss", "rate", "dice", "iou"]
Kind = Literal["total", "head", "mean", "label", "label_mean", "patient"]


class Curve:
    """Points that only ever grow at the end; appending costs the same however many there are."""

    def __init__(self) -> None:
        self.n = 0
        self._data: Values = np.empty((2, 256))

    def append(self, x: float, y: float) -> None:
        """One more point; `x` is not below the one before, `y` may be NaN."""
        if self.n == self._data.shape[1]:
            self._data = np.concatenate([self._data, np.empty_like(self._data)], axis=1)
        self._data[:, self.n] = x, y
        self.n += 1

    @property
    def x(self) -> Values:
        """(n,) iterations; a view."""
        return self._data[0, : self.n]

    @property
    def y(self) -> Values:
        """(n,) values; a view."""
        return self._data[1, : self.n]

    def at(self, x: float) -> float | None:
        """The value of the point nearest to `x`; None where there is none."""
        if self.n == 0:
            return None
        after = int(np.searchsorted(self.x, x))
        near = [i for i in (after - 1, after) if 0 <= i < self.n]
        value = float(self.y[min(near, key=lambda i: abs(self.x[i] - x))])
        return None if math.isnan(value) else value


class Smoothed:
    """A running mean of a curve that is carried on when the curve has grown.

    Exponential with weight w for the past, corrected for its start: s[n] = w s[n-1] +
    (1 - w) y[n], shown as s[n] / (1 - w^n) (Kingma and Ba 2015, section 3, of the same bias).
    Values that are no number leave a gap and do not count.
    """

    def __init__(self, weight: float) -> None:
        """`weight`: 0 (as it is) to below 1 (very smooth)."""
        self.weight = weight
        self._values = Curve()
        self._sum = 0.0
        self._counted = 0

    def of(self, curve: Curve) -> Values:
        """(n,) smoothed values of `curve`, which must be the same one each time."""
        done = self._values.n
        for x, y in zip(curve.x[done:].tolist(), curve.y[done:].tolist(), strict=True):
            self._values.append(x, self._next(y))
        return self._values.y

    def _next(self, y: float) -> float:
        if not math.isfinite(y):
            return math.nan
        self._counted += 1
        self._sum = self.weight * self._sum + (1 - self.weight) * y
        return self._sum / (1 - self.weight**self._counted)


@dataclass(frozen=True, slots=True)
class CurveKey:
    """Which curve of a run.

    Attributes:
        chart: what it measures.
        kind: "total" loss or rate, loss of a "head", "mean" of the patients (Dice) or of the
            labels (IoU), a "label" over all pixels, a label as mean of the patients
            ("label_mean"), one "patient" (of a label, or of all foreground).
        name: of the label; empty for all foreground.
        number: of the head from 0, or of the patient in order of appearance.
    """

    chart: Chart
    kind: Kind
    name: str = ""
    number: int = 0


LOSS = CurveKey("loss", "total")
RATE = CurveKey("rate", "total")
DICE = CurveKey("dice", "mean")
IOU = CurveKey("iou", "mean")


class RunCurves:
    """All curves of one run, fed with its states; only what is new is taken.

    Attributes:
        curves: by key, in the order in which they should be listed.
        patients: hashes of the validation patients in order of appearance.
    """

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self.curves: dict[CurveKey, Curve] = {}
        self.patients: list[str] = []
        self._last_step: Step | None = None
        self._last_evaluation: Evaluation | None = None
        self._steps = self._evaluations = 0

    def update(self, run: RunState) -> bool:
        """Take what is new; True where `run` is not the run from before, grown."""
        other = not self._continues(run)
        if other:
            self._clear()
        for step in run.steps[self._steps :]:
            self._add_step(step)
        for evaluation in run.evaluations[self._evaluations :]:
            self._add_evaluation(evaluation)
        self._steps, self._evaluations = len(run.steps), len(run.evaluations)
        self._last_step = run.steps[-1] if run.steps else None
        self._last_evaluation = run.evaluations[-1] if run.evaluations else None
        return other

    def _continues(self, run: RunState) -> bool:
        return _holds(run.steps, self._steps, self._last_step) and _holds(
            run.evaluations, self._evaluations, self._last_evaluation
        )

    def curve(self, key: CurveKey) -> Curve:
        """The curve, which may be empty."""
        return self.curves.get(key) or Curve()

    def keys(self, chart: Chart) -> list[CurveKey]:
        """What there is on a chart."""
        return [key for key in self.curves if key.chart == chart]

    @property
    def last_iteration(self) -> float:
        """The largest iteration of any curve; 0 without a point."""
        return max((float(c.x[-1]) for c in self.curves.values() if c.n), default=0.0)

    def _append(self, key: CurveKey, x: float, y: float | None) -> None:
        if y is not None:
            self.curves.setdefault(key, Curve()).append(x, y)

    def _add_step(self, step: Step) -> None:
        self._append(LOSS, step.iteration, step.loss)
        if len(step.losses) > 1:  # the loss of a single head is the loss
            for number, loss in enumerate(step.losses):
                self._append(CurveKey("loss", "head", number=number), step.iteration, loss)
        self._append(RATE, step.iteration, step.lr)

    def _add_evaluation(self, found: Evaluation) -> None:
        at = found.iteration
        names = [name for name in found.dice if name != BACKGROUND]
        self._append(DICE, at, found.mean_dice)
        for name in names:
            self._append(CurveKey("dice", "label", name), at, found.dice[name])
        if len(names) > 1:  # with one label the means of the label and of all are the same
            for name in names:
                mean = _mean(case.dice.get(name) for case in found.cases)
                self._append(CurveKey("dice", "label_mean", name), at, mean)
        for case in found.cases:
            self._add_patient(case, at, names)
        overlaps = {name: value for name, value in found.iou.items() if name != BACKGROUND}
        self._append(IOU, at, _mean(overlaps.values()))
        for name, value in overlaps.items():
            self._append(CurveKey("iou", "label", name), at, value)

    def _add_patient(self, case: CaseScore, at: int, names: Sequence[str]) -> None:
        if case.patient_hash not in self.patients:
            self.patients.append(case.patient_hash)
        number = self.patients.index(case.patient_hash)
        self._append(CurveKey("dice", "patient", number=number), at, case.foreground_dice)
        if len(names) > 1:
            for name in names:
                self._append(CurveKey("dice", "patient", name, number), at, case.dice.get(name))


def _holds(items: Sequence[object], count: int, last: object) -> bool:
    """The first `count` of `items` end with `last`, so that they are those of before."""
    if count == 0 or len(items) < count:
        return count == 0
    return items[count - 1] is last or items[count - 1] == last


def _mean(values: Iterable[float | None]) -> float | None:
    found = [value for value in values if value is not None and not math.isnan(value)]
    return math.fsum(found) / len(found) if found else None

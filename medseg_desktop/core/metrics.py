"""Overlap of label maps: Dice and intersection over union from pooled pixel counts."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

LabelMap = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Overlap:
    """Pixel counts of one class, added up over slices.

    Attributes:
        both: in truth and prediction; truth, predicted: on either side.
    """

    both: int = 0
    truth: int = 0
    predicted: int = 0

    def __add__(self, other: Overlap) -> Overlap:
        return Overlap(
            self.both + other.both,
            self.truth + other.truth,
            self.predicted + other.predicted,
        )

    @property
    def dice(self) -> float | None:
        """2 |A and B| / (|A| + |B|) (Dice 1945); None where the truth is empty."""
        if self.truth == 0:
            return None
        return 2 * self.both / (self.truth + self.predicted)

    @property
    def iou(self) -> float | None:
        """|A and B| / |A or B| (Jaccard 1912); None where the truth is empty."""
        if self.truth == 0:
            return None
        return self.both / (self.truth + self.predicted - self.both)


def class_overlap(truth: LabelMap, predicted: LabelMap, index: int) -> Overlap:
    """Counts of one class index on label maps of equal shape."""
    t, p = truth == index, predicted == index
    return Overlap(int((t & p).sum()), int(t.sum()), int(p.sum()))


def foreground_overlap(truth: LabelMap, predicted: LabelMap) -> Overlap:
    """Counts of everything that is not background, whatever its class."""
    t, p = truth > 0, predicted > 0
    return Overlap(int((t & p).sum()), int(t.sum()), int(p.sum()))


@dataclass(slots=True)
class CaseCounts:
    """Counts of one patient, added up over its slices (label index -> counts)."""

    n_labels: int
    labels: dict[int, Overlap] = field(default_factory=dict)
    foreground: Overlap = Overlap()
    n_slices: int = 0

    def add(self, truth: LabelMap, predicted: LabelMap) -> None:
        """Add one slice (label maps of equal shape)."""
        for index in range(1, self.n_labels):
            counts = class_overlap(truth, predicted, index)
            self.labels[index] = self.labels.get(index, Overlap()) + counts
        self.foreground = self.foreground + foreground_overlap(truth, predicted)
        self.n_slices += 1

    def include(self, other: CaseCounts) -> None:
        """Add what was counted elsewhere, of the same labels."""
        for index in range(1, self.n_labels):
            counts = other.labels.get(index, Overlap())
            self.labels[index] = self.labels.get(index, Overlap()) + counts
        self.foreground = self.foreground + other.foreground
        self.n_slices += other.n_slices


def mean_or_none(values: list[float | None]) -> float | None:
    """Mean of the values that are not None; None where there is none."""
    known = [v for v in values if v is not None]
    return float(np.mean(known)) if known else None

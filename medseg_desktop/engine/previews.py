"""A few validation slices as pictures, kept at every evaluation so that a run can be replayed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from medseg_desktop.core.errors import WorkspaceError, describe_os_error
from medseg_desktop.core.events import Preview, PreviewSlice
from medseg_desktop.engine.data import Sample
from medseg_desktop.io.png import write_png

FOLDER = "previews"
Rank = Literal["worst", "median", "best"]


@dataclass(frozen=True, slots=True)
class ScoredSlice:
    """A validation slice with lesion, its prediction (rows, columns), and their Dice."""

    sample: Sample
    predicted: npt.NDArray[np.uint8]
    dice: float


def choose_slices(scored: Sequence[ScoredSlice]) -> list[tuple[Rank, ScoredSlice]]:
    """The worst, the median and the best slice by Dice; fewer where there are not three."""
    ordered = sorted(scored, key=lambda s: (s.dice, s.sample.file.name))
    places: dict[int, Rank] = {}
    for rank, place in (
        ("best", len(ordered) - 1),
        ("worst", 0),
        ("median", len(ordered) // 2),
    ):
        if 0 <= place < len(ordered) and place not in places:
            places[place] = rank  # type: ignore[assignment]
    return [(places[place], ordered[place]) for place in sorted(places)]


class PreviewWriter:
    """Writes the pictures into RUN/previews; a slice and its reference are written once."""

    def __init__(self, run: Path) -> None:
        self._run = run
        self._folder = run / FOLDER

    def write(self, iteration: int, scored: Sequence[ScoredSlice]) -> Preview | None:
        """The event for the slices of an evaluation; None where no slice has a lesion.

        Raises:
            WorkspaceError: the pictures cannot be written.
        """
        chosen = choose_slices(scored)
        if not chosen:
            return None
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WorkspaceError(describe_os_error(error, self._folder, "make")) from error
        slices = [self._slice(iteration, rank, found) for rank, found in chosen]
        return Preview(iteration=iteration, slices=slices)

    def _slice(self, iteration: int, rank: Rank, found: ScoredSlice) -> PreviewSlice:
        file = found.sample.file
        stem = Path(file.name).stem
        return PreviewSlice(
            rank=rank,
            patient_hash=file.patient_hash,
            name=file.name,
            dice=found.dice,
            grey=self._once(f"{stem}-grey.png", found.sample.grey),
            reference=self._once(f"{stem}-reference.png", found.sample.label_map),
            prediction=self._picture(f"{stem}-{iteration:06d}.png", found.predicted),
        )

    def _once(self, name: str, pixels: npt.NDArray[np.uint8]) -> str:
        return f"{FOLDER}/{name}" if (self._folder / name).exists() else self._picture(name, pixels)

    def _picture(self, name: str, pixels: npt.NDArray[np.uint8]) -> str:
        write_png(self._folder / name, pixels)
        return f"{FOLDER}/{name}"

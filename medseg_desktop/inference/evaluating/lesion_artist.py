"""Draws the lesions of a patient with what the annotation and the models say of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from medseg_desktop.core.evaluation.lesion_picture import lesion_picture
from medseg_desktop.core.evaluation.result import LesionResult
from medseg_desktop.core.evaluation.reviewed_stack import ReviewedStack
from medseg_desktop.core.lesion_pieces import Piece, connected_pieces
from medseg_desktop.core.preprocessing import scale_percentile, shown_values
from medseg_desktop.io.dicom_series import ScanResult
from medseg_desktop.io.job_input import read_reviewed
from medseg_desktop.io.pixels.reader import FrameReader

Picture = npt.NDArray[np.uint8]
#: Percentiles of the slice that become black and white.
_WINDOW = (0.5, 99.8)


class LesionArtist:
    """Draws lesions of one patient; its slices are read once more, because few are needed.

    Args:
        stacks: of the patient.
    """

    def __init__(
        self, found: ScanResult, reader: FrameReader, stacks: Sequence[ReviewedStack]
    ) -> None:
        self._found = found
        self._reader = reader
        self._stacks = {stack.series.key: stack for stack in stacks}
        self._lesions: dict[tuple[tuple[str, int], int | None], list[list[Piece]]] = {}

    def draw(self, lesion: LesionResult, model: int | None) -> Picture:
        """A lesion of a model, or with None one of the annotation, on the slice to look at."""
        stack = self._stacks[lesion.series_uid, lesion.stack]
        index = lesion.shown_slice
        stored, fmt = read_reviewed(self._found, stack.series.slices[index], self._reader)
        region = np.zeros(stored.shape, bool)
        for piece in self._pieces(stack, model)[lesion.number - 1]:
            if piece.index == index:
                region.ravel()[piece.places] = True
        return lesion_picture(
            scale_percentile(shown_values(stored, fmt), *_WINDOW),
            stack.truth[index],
            [predicted[index] for predicted in stack.predicted],
            region,
            stack.series.pixel_aspect,
        )

    def _pieces(self, stack: ReviewedStack, model: int | None) -> list[list[Piece]]:
        """All lesions of a series, as they are numbered."""
        key = (stack.series.key, model)
        if key not in self._lesions:
            label_maps = stack.truth if model is None else stack.predicted[model]
            self._lesions[key] = connected_pieces(label_maps, stack.series.positions)
        return self._lesions[key]

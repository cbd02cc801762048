"""Which lesions of an annotation a model finds, and which ones only the model sees.

Lesions are those of `core.lesions`: regions of one label, connected in 3-D over the slices of a
series (26-neighbourhood).  A lesion of the annotation is found where the model gives its label
to at least one of its pixels; how much of it, the overlap tells.  A lesion of the model is false
where none of its pixels is annotated with its label.  One predicted region may so find several
lesions, and several regions one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby

from medseg_desktop.core.evaluation.result import LesionResult
from medseg_desktop.core.evaluation.reviewed_stack import ReviewedStack
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.lesion_pieces import Piece, connected_pieces
from medseg_desktop.core.raster import LabelMap
from medseg_desktop.core.volume import Series


def annotated_lesions(
    stack: ReviewedStack, table: LabelTable, model: int = 0
) -> tuple[LesionResult, ...]:
    """The lesions of the annotation, the largest of the series first."""
    lesions = []
    for number, group in enumerate(connected_pieces(stack.truth, stack.series.positions), 1):
        shared = _shared(group, stack.predicted[model])
        lesions.append(_lesion(stack.series, table, number, group, shared))
    return tuple(lesions)


def false_lesions(
    stack: ReviewedStack, table: LabelTable, model: int = 0
) -> tuple[LesionResult, ...]:
    """The lesions that a model sees where nobody else does, the largest of the series first.

    They are numbered among all lesions that the model sees.  Of two models, the other one's
    overlap with them is told too.
    """
    predicted = stack.predicted[model]
    lesions = []
    for number, group in enumerate(connected_pieces(predicted, stack.series.positions), 1):
        if _shared(group, stack.truth):
            continue
        others = [_shared(group, maps) for k, maps in enumerate(stack.predicted) if k != model]
        other = sum(others[0].values()) / _size(group) if others else None
        lesions.append(_lesion(stack.series, table, number, group, Counter(), other))
    return tuple(lesions)


def _shared(group: Sequence[Piece], other: Mapping[int, LabelMap]) -> Counter[int]:
    """Slice index -> pixels of a lesion that the other side has with the same label."""
    shared: Counter[int] = Counter()
    for piece in group:
        shared[piece.index] += int((other[piece.index].ravel()[piece.places] == piece.label).sum())
    return +shared  # without the slices that have none


def _size(group: Sequence[Piece]) -> int:
    return sum(piece.pixels for piece in group)


def _lesion(
    series: Series,
    table: LabelTable,
    number: int,
    group: Sequence[Piece],
    shared: Counter[int],
    other_overlap: float | None = None,
) -> LesionResult:
    per_slice = {i: _size([*ps]) for i, ps in groupby(group, lambda p: p.index)}
    pixels = sum(per_slice.values())
    return LesionResult(
        series=series.path,
        series_uid=series.uid,
        stack=series.stack,
        number=number,
        label=table.names[group[0].label],
        pixels=pixels,
        volume_ml=None if series.voxel_ml is None else round(pixels * series.voxel_ml, 6),
        slices=tuple(per_slice),
        largest_slice=max(per_slice, key=per_slice.__getitem__),
        overlap_slice=max(shared, key=shared.__getitem__) if shared else None,
        overlap=sum(shared.values()) / pixels,
        found=bool(shared),
        other_overlap=other_overlap,
    )

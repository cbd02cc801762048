"""A training in a few rows: what each evaluation found, and the loss that led there."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from medseg_desktop.core.events import Evaluation, Step


class HistoryRow(msgspec.Struct, frozen=True, kw_only=True):
    """One evaluation.

    Attributes:
        loss: mean of the training loss since the evaluation before; None where unknown.
        mean_dice: mean foreground Dice of the patients that have one.
        dice: by label, over all pixels of the validation set.
    """

    iteration: int
    loss: float | None
    mean_dice: float | None
    dice: dict[str, float | None]


def history(
    steps: Sequence[Step], evaluations: Sequence[Evaluation], limit: int = 40
) -> list[HistoryRow]:
    """The evaluations in order; of more than `limit`, an even choice with the best and the last."""
    rows = []
    before = 0
    for evaluation in evaluations:
        losses = [
            step.loss
            for step in steps
            if before < step.iteration <= evaluation.iteration and math.isfinite(step.loss)
        ]
        rows.append(
            HistoryRow(
                iteration=evaluation.iteration,
                loss=math.fsum(losses) / len(losses) if losses else None,
                mean_dice=evaluation.mean_dice,
                dice=evaluation.dice,
            )
        )
        before = evaluation.iteration
    return _chosen(rows, limit)


def _chosen(rows: list[HistoryRow], limit: int) -> list[HistoryRow]:
    if len(rows) <= limit:
        return rows
    best = max(range(len(rows)), key=lambda i: rows[i].mean_dice or 0.0)
    even = {round(i * (len(rows) - 1) / (limit - 2)) for i in range(limit - 1)}
    return [rows[i] for i in sorted(even | {best})]

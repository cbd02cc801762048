"""The figures of a run as one table, for saving as CSV."""

from __future__ import annotations

import csv
import io
import math

from medseg_desktop.core.events import Evaluation, Step
from medseg_desktop.core.labels import BACKGROUND
from medseg_desktop.core.run_state import RunState


def run_csv(run: RunState) -> str:
    """One row for each iteration with a figure; what was not measured there is empty.

    Columns: `iteration`, `loss` and `loss_head_1`.. (means since the row before),
    `learning_rate`, `step_s` and `wait_s` (seconds), `memory_bytes`; of evaluations
    `dice_patients` (mean foreground Dice of the validation patients), `dice_LABEL` and
    `iou_LABEL` (over all pixels), `dice_patient_HASH` (foreground).
    """
    steps = {step.iteration: _step_row(step) for step in run.steps}
    evaluations = {found.iteration: _evaluation_row(found) for found in run.evaluations}
    columns = list(dict.fromkeys(name for row in steps.values() for name in row))
    columns += dict.fromkeys(name for row in evaluations.values() for name in row)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["iteration", *columns])
    for iteration in sorted(steps.keys() | evaluations.keys()):
        row = {**steps.get(iteration, {}), **evaluations.get(iteration, {})}
        writer.writerow([iteration, *(_cell(row.get(name)) for name in columns)])
    return text.getvalue()


def _step_row(step: Step) -> dict[str, float | None]:
    heads = {f"loss_head_{k}": loss for k, loss in enumerate(step.losses, start=1)}
    return {
        "loss": step.loss,
        **heads,
        "learning_rate": step.lr,
        "step_s": step.step_s,
        "wait_s": step.wait_s,
        "memory_bytes": step.memory_bytes,
    }


def _evaluation_row(found: Evaluation) -> dict[str, float | None]:
    return {
        "dice_patients": found.mean_dice,
        **{f"dice_{name}": x for name, x in found.dice.items() if name != BACKGROUND},
        **{f"iou_{name}": x for name, x in found.iou.items() if name != BACKGROUND},
        **{f"dice_patient_{case.patient_hash}": case.foreground_dice for case in found.cases},
    }


def _cell(value: float | None) -> str:
    """Numbers as Python writes them, which reads back exactly; nothing for none."""
    return "" if value is None or math.isnan(value) else repr(value)

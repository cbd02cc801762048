"""Run folders as a training leaves them, made without one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from medseg_desktop.core.events import (
    CancelledEvent,
    CaseScore,
    Checkpoint,
    Evaluation,
    Event,
    Finished,
    Log,
    Preview,
    PreviewSlice,
    Progress,
    Started,
    Step,
    encode_event,
)
from medseg_desktop.core.phantom import phantom_volume
from medseg_desktop.core.specs import TrainSpec, encode_spec
from medseg_desktop.io.png import write_png

Grey = npt.NDArray[np.uint8]
BEGUN = 1_790_000_000.0
STEP_S = 1.2


def run_events(
    iterations: int = 400,
    every: int = 50,
    labels: Sequence[str] = ("H",),
    previews: bool = False,
    end: str = "finished",
    level: float = 0.72,
) -> list[Event]:
    """A training that goes well.

    Args:
        every: steps between evaluations.
        end: "finished", "cancelled" or "" for none.
        level: what the Dice comes to.
    """
    rng = np.random.default_rng(0)
    at = BEGUN
    details = {"device": "cpu", "threads": 2, "iterations": iterations}
    events: list[Event] = [Started(kind="train", pid=1, details=details, time=at)]
    events.append(Progress(phase="train", done=0, total=iterations, time=at))
    for i in range(1, iterations + 1):
        at += STEP_S
        events.append(_step(i, iterations, at, float(rng.normal())))
        if i % 5 == 0:
            events.append(Progress(phase="train", done=i, total=iterations, time=at))
        if i % every == 0:
            at += 6.0
            found = _evaluation(i, iterations, at, labels, level, rng)
            events += [found, Checkpoint(iteration=i, best=True, time=at)]
            events.append(Log(message=f"Validation Dice {found.mean_dice:.3f}", time=at))
            if previews:
                events.append(_preview(i, at, found.mean_dice or 0.0))
    if end == "finished":
        events.append(Finished(result={"iterations": iterations}, time=at))
    elif end == "cancelled":
        events.append(CancelledEvent(result={"iterations": iterations}, time=at))
    return events


def _step(i: int, iterations: int, at: float, noise: float) -> Step:
    share = i / iterations
    main = 0.9 * math.exp(-3 * share) + 0.12 + 0.05 * noise * math.exp(-share)
    heads = [main] + [main * (1.1 + 0.15 * k) for k in range(4)]
    rate = 2e-3 * (
        share / 0.3 if share < 0.3 else (1 + math.cos(math.pi * (share - 0.3) / 0.7)) / 2
    )
    loss = main + 0.3 * sum(heads[1:])
    return Step(
        iteration=i, loss=loss, losses=heads, lr=rate, step_s=STEP_S + 0.02 * noise,
        wait_s=0.004, memory_bytes=1_430_000_000, time=at,
    )  # fmt: skip


def _evaluation(
    i: int, iterations: int, at: float, labels: Sequence[str], level: float,
    rng: np.random.Generator,
) -> Evaluation:  # fmt: skip
    top = level * (1 - math.exp(-5 * i / iterations)) - (0.04 if i == iterations else 0)
    cases = []
    for k in range(5):
        dice = float(np.clip(top + 0.12 * (k - 2) + 0.02 * rng.normal(), 0, 1))
        parts: dict[str, float | None] = {
            name: dice * (1 - 0.1 * n) for n, name in enumerate(labels)
        }
        cases.append(
            CaseScore(patient_hash=f"{k:016x}", n_slices=9, dice=parts, foreground_dice=dice)
        )
    mean = sum(case.foreground_dice or 0 for case in cases) / len(cases)
    pooled: dict[str, float | None] = {
        name: mean * (1.05 - 0.1 * n) for n, name in enumerate(labels)
    }
    iou: dict[str, float | None] = {name: x / (2 - x) for name, x in pooled.items() if x}
    return Evaluation(iteration=i, dice=pooled, iou=iou, cases=cases, mean_dice=mean, time=at)


def _preview(i: int, at: float, dice: float) -> Preview:
    slices = []
    for rank, place in (("worst", -0.4), ("median", 0.0), ("best", 0.15)):
        where = f"previews/{i:06d}-{rank}"
        slices.append(
            PreviewSlice(
                rank=rank,  # type: ignore[arg-type]
                patient_hash="0" * 16,
                name=f"{rank}.png",
                dice=max(0.0, dice + place),
                grey=f"{where}-grey.png",
                reference=f"{where}-reference.png",
                prediction=f"{where}-prediction.png",
            )
        )
    return Preview(iteration=i, slices=slices, time=at)


def write_run(
    run: Path, events: Sequence[Event], *, name: str = "flair", iterations: int = 400,
    patience: int = 0, dataset: str = "brains", checkpoint: bool = True,
) -> Path:  # fmt: skip
    """A run folder with these events, and the pictures of their previews."""
    run.mkdir(parents=True)
    spec = TrainSpec(
        dataset=str(run.parents[1] / "datasets" / dataset), run=str(run), model_name=name,
        preset="default", iterations=iterations, patience=patience, size=256,
    )  # fmt: skip
    (run / "spec.json").write_bytes(encode_spec(spec))
    (run / "events.jsonl").write_bytes(b"".join(map(encode_event, events)))
    if checkpoint:
        (run / "checkpoints").mkdir()
        (run / "checkpoints" / "latest.safetensors").write_bytes(b"x")
    previews = [event for event in events if isinstance(event, Preview)]
    if previews:
        (run / "previews").mkdir()
        pictures = _phantom_slices()
        for event in previews:
            for shown, (grey, reference) in zip(event.slices, pictures, strict=True):
                write_png(run / shown.grey, grey)
                write_png(run / shown.reference, reference)
                write_png(run / shown.prediction, _guess(reference, event.iteration / iterations))
    return run


def _guess(reference: Grey, share: float) -> Grey:
    """The reference as a network sees it that has learned for a `share` of its time."""
    size = max(1, round(9 * (1 - share)))
    grown: Grey = cv2.dilate(reference, np.ones((size, size), np.uint8))
    return np.roll(grown, round(6 * (1 - share)), axis=1)


@cache
def _phantom_slices() -> tuple[tuple[Grey, Grey], ...]:
    """Three slices with lesion of a phantom: grey values and label map, (rows, columns)."""
    volume = phantom_volume(1, 0, slices=8)
    areas = volume.label_map.reshape(len(volume.label_map), -1).sum(axis=1)
    chosen = np.argsort(areas)[-3:]
    return tuple((_eight_bit(volume.stored[k]), volume.label_map[k]) for k in chosen)


def _eight_bit(stored: npt.NDArray[np.uint16]) -> Grey:
    top = float(np.percentile(stored, 99.8))
    return np.clip(stored * (255 / top), 0, 255).astype(np.uint8)

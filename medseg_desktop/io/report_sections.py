"""The sections of a run's report as HTML."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from medseg_desktop import __version__
from medseg_desktop.core import html_parts as html
from medseg_desktop.core.estimate import duration_text
from medseg_desktop.core.events import CaseScore, Preview, PreviewSlice
from medseg_desktop.core.label_colors import outline_color
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.notice import RESEARCH_NOTICE
from medseg_desktop.core.run_history import history
from medseg_desktop.core.split import SET_NAMES
from medseg_desktop.io.dataset import split_digest
from medseg_desktop.io.report_curves import curves
from medseg_desktop.io.report_facts import NOTHING, RunFacts, dice_text
from medseg_desktop.io.report_pictures import preview_uri, side_by_side

_SETS = {"train": "Training", "val": "Validation", "test": "Kept for testing"}


def body(run: RunFacts) -> str:
    """Everything between `<body>` and `</body>`."""
    begun = f"begun {_date(run.state.started_time)}" if run.state.started_time else ""
    about = [f"Dataset {Path(run.spec.dataset).name}", f"run {run.run.name}", begun]
    parts = [
        f"<header><h1>Run report: {html.escape(run.spec.model_name)}</h1>",
        html.paragraph(", ".join(part for part in about if part), "quiet"),
        html.paragraph(RESEARCH_NOTICE, "notice"),
        html.paragraph(run.ended),
        html.key_figures(_key_figures(run)),
        "</header>",
        html.section("Warnings", *[html.paragraph(text) for text in run.warnings]),
        html.section("Curves", html.grid("curves", curves(run))),
        html.section("Validation patients", *_patients(run)),
        html.section("How the model learned", *_previews(run)),
        html.section("Training slices", *_samples(run)),
        html.section("Evaluations", *_evaluations(run)),
        html.section("What went in", _sets(run), _facts(run)),
        f'<footer class="quiet">Made by MedSeg Desktop {html.escape(__version__)}. Patients are '
        "named by hashes that only their own workspace can make.</footer>",
    ]
    return "\n".join(part for part in parts if part)


def _key_figures(run: RunFacts) -> Iterator[tuple[str, str]]:
    best = run.best
    if best is not None:
        yield "mean patient Dice on validation", dice_text(best.mean_dice)
        yield (
            "step of the kept model" if run.info else "step of the best evaluation",
            str(best.iteration),
        )
    yield f"of {run.spec.iterations} steps done", str(run.steps_done)
    if run.state.last_time > run.state.started_time:
        resumed = run.state.details.get("resumed_from")
        what = f"from step {resumed} on" if resumed else "from start to report"
        yield what, duration_text(run.state.last_time - run.state.started_time)


def _patients(run: RunFacts) -> Iterator[str]:
    best = run.best
    if best is None or not best.cases:
        return
    names = run.label_names
    unscored = 2.0

    def worst_first(case: CaseScore) -> float:
        return unscored if case.foreground_dice is None else case.foreground_dice

    rows = [
        [
            case.patient_hash,
            str(case.n_slices),
            *(dice_text(case.dice.get(name)) for name in names),
            dice_text(case.foreground_dice),
        ]
        for case in sorted(best.cases, key=worst_first)
    ]
    yield html.table(
        ["Patient", "Slices", *names, "Any lesion"],
        rows,
        f"Dice after step {best.iteration}",
        is_code=True,
    )
    yield html.paragraph(
        "Dice over all slices of the patient at their own size, worst patient first; a dash where "
        "the patient has no such lesion. The model was chosen by these patients, so the figures "
        "are optimistic: compare models on patients kept for testing.",
        "quiet",
    )


def _previews(run: RunFacts) -> Iterator[str]:
    parts = []
    for title, preview in _chosen_previews(run):
        figures = [_preview(run, shown) for shown in preview.slices]
        if any(figures):
            parts += [f"<h3>{html.escape(title)}</h3>", html.grid("pictures", figures)]
    if parts:
        yield html.paragraph(
            "Validation slices with lesions: the reference on the left, the prediction on the "
            "right.",
            "quiet",
        )
        yield from parts
        yield html.legend(_label_colors(run.table))


def _preview(run: RunFacts, shown: PreviewSlice) -> str:
    uri = preview_uri(run.run, shown, run.table)
    if uri is None:
        return ""
    title = f"{shown.rank.capitalize()} slice, Dice {shown.dice:.3f}"
    picture = html.picture(uri, f"{title}: reference and prediction")
    return html.figure(title, picture, caption=f"patient {shown.patient_hash}")


def _chosen_previews(run: RunFacts) -> Iterator[tuple[str, Preview]]:
    """The first, that of the kept model, and the last one; each once, with its title."""
    previews = {preview.iteration: preview for preview in run.state.previews}
    if not previews:
        return
    roles = {"first": min(previews), "last": max(previews)}
    if run.best is not None and run.best.iteration in previews:
        roles["best"] = run.best.iteration
    for iteration in sorted(set(roles.values())):
        names = [name for name in ("first", "best", "last") if roles.get(name) == iteration]
        title = f"{' and '.join(names)} evaluation: step {iteration}"
        yield title.capitalize(), previews[iteration]


def _samples(run: RunFacts) -> Iterator[str]:
    if not run.samples:
        return
    figures = []
    for sample in run.samples:
        uri = side_by_side(sample.grey, [None, sample.label_map], run.table)
        picture = html.picture(uri, f"training slice of {sample.caption} and its label map")
        figures.append(
            f"<figure>{picture}<figcaption>{html.escape(sample.caption)}</figcaption></figure>"
        )
    seen = "as the network saw them, changed at random" if run.are_augmented else "of the dataset"
    yield html.paragraph(f"Some slices {seen}: the slice, then its label map on it.", "quiet")
    yield html.grid("pictures", figures)
    yield html.legend(_label_colors(run.table))


def _evaluations(run: RunFacts) -> Iterator[str]:
    rows = history(run.state.steps, run.state.evaluations)
    if not rows:
        return
    names = run.label_names
    yield html.table(
        ["Step", "Training loss", "Mean patient Dice", *(f"{name} (all pixels)" for name in names)],
        [
            [
                str(row.iteration),
                dice_text(row.loss),
                dice_text(row.mean_dice),
                *(dice_text(row.dice.get(name)) for name in names),
            ]
            for row in rows
        ],
    )


def _facts(run: RunFacts) -> str:
    parts = [
        html.facts("Settings", _settings(run)),
        html.facts("Device", _device(run)),
        html.facts("Software", run.info.software.items() if run.info else []),
        html.facts("Digests (SHA-256)", _digests(run)),
    ]
    return f'<div class="columns">{"".join(parts)}</div>'


def _settings(run: RunFacts) -> Iterator[tuple[str, str]]:
    spec = run.spec
    yield "Preset", spec.preset
    yield "Network", spec.architecture
    yield "Labels", ", ".join(run.label_names)
    yield "Steps", str(spec.iterations)
    yield "Slices in a batch", str(spec.batch_size)
    yield "Size", f"{spec.size} x {spec.size} pixels"
    yield "Learning rate", f"{spec.learning_rate:g}" if spec.learning_rate else "of the preset"
    yield "Started from", _origin(run)
    yield "Seed", str(spec.seed)
    if spec.patience:
        yield "Patience", f"{spec.patience} evaluations"
    if run.dataset or run.info:
        how = (run.dataset.manifest if run.dataset else run.info).preprocessing  # type: ignore[union-attr]
        denoised = "with noise reduction" if how.denoise else "without noise reduction"
        yield "Slices", f"scaled by {how.scaling}, {denoised}"


def _origin(run: RunFacts) -> str:
    if run.info and run.info.parent:
        return run.info.parent
    names = {"none": "random weights", "starter": "the starter weights"}
    return names.get(run.spec.init) or Path(run.spec.init).name


def _device(run: RunFacts) -> Iterator[tuple[str, str]]:
    details, steps = run.state.details, run.state.steps
    if details.get("device"):
        yield "Device", str(details["device"])
    if run.spec.devices:
        yield "Processes", str(len(run.spec.devices))
    if details.get("threads"):
        yield "Threads", str(details["threads"])
    step_s = _mean([step.step_s for step in steps])
    if step_s:
        yield "Time of a step", f"{step_s:.3g} s"
        yield "of that waiting", f"{_mean([step.wait_s for step in steps]) / step_s:.1%}"
    memory = max((step.memory_bytes for step in steps), default=0)
    if memory:
        yield "Memory", f"{memory / 1e6:.0f} MB"
    if run.info and isinstance(agreement := run.info.training.get("onnx_agreement"), float):
        yield "ONNX as Paddle", f"{agreement:.3%} of the pixels"


def _digests(run: RunFacts) -> Iterator[tuple[str, str]]:
    if run.info is not None:
        yield "Dataset", run.info.dataset_hash
        yield "Split", run.info.split_hash
        yield from sorted(run.info.files.items())
    elif run.dataset is not None:
        yield "Dataset", run.dataset.digest
        yield "Split", split_digest(run.dataset.manifest.patients)


def _sets(run: RunFacts) -> str:
    patients, slices = (_numbers(run, what) for what in ("patients", "slices"))
    if not patients and not slices:
        return ""
    rows = []
    for name in SET_NAMES:
        lesion = NOTHING
        if run.dataset is not None:
            lesion = str(sum(bool(f.lesion_pixels) for f in run.dataset.files(name)))
        if patients.get(name) or slices.get(name):
            title = _SETS.get(name, name)
            rows.append([title, str(patients.get(name, 0)), str(slices.get(name, 0)), lesion])
    return html.table(["Set", "Patients", "Slices", "with lesion"], rows, "Patients and slices")


def _numbers(run: RunFacts, what: str) -> dict[str, Any]:
    found = run.state.details.get(what) or (run.info.training.get(what) if run.info else None)
    return found if isinstance(found, dict) else {}


def _label_colors(table: LabelTable) -> list[tuple[str, str]]:
    return [(x.name, f"rgb{outline_color(x.color)}") for x in table.foreground]


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if math.isfinite(value) and value >= 0]
    return math.fsum(known) / len(known) if known else 0.0


def _date(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))

"""The curves in the report of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from medseg_desktop.core import html_parts as html
from medseg_desktop.core.curves_svg import COLORS, Curve, Points, chart, smoothed
from medseg_desktop.io.report_facts import RunFacts

#: With so many points a loss is shown smoothed, over itself as it is.
_SMOOTHED_FROM = 30
#: Up to so many patients each has a colour and stands in the legend.
_COLORED_PATIENTS = 8


def curves(run: RunFacts) -> Iterator[str]:
    """The figures, empty ones left out by whoever sets them."""
    steps, evaluations = run.state.steps, run.state.evaluations
    best = run.best.iteration if run.best and len(evaluations) > 1 else None
    total = _loss_curves("total", [(s.iteration, s.loss) for s in steps], COLORS[0])
    caption = "Smoothed, over the values as they are." if len(total) > 1 else ""
    yield html.figure("Training loss", chart("Training loss", total, may_be_log=True),
                      caption=caption)  # fmt: skip
    yield _heads(run)
    yield _figure("Validation Dice", list(_label_curves(run)), marked=best)
    yield _patient_curves(run, best)
    rate: Points = [(s.iteration, s.lr) for s in steps]
    yield html.figure("Learning rate", chart("Learning rate", [Curve("rate", rate, COLORS[0])]))


def _loss_curves(name: str, points: Points, color: str) -> list[Curve]:
    if len(points) < _SMOOTHED_FROM:
        return [Curve(name, points, color)]
    return [Curve(name, smoothed(points), color), Curve(name, points, color, faint=True)]


def _heads(run: RunFacts) -> str:
    count = max((len(step.losses) for step in run.state.steps), default=0)
    if count < 2:
        return ""
    found = []
    for i in range(count):
        points = [
            (s.iteration, s.losses[i] if i < len(s.losses) else None) for s in run.state.steps
        ]
        name = f"auxiliary {i}" if i else "head"
        found.append(_loss_curves(name, points, COLORS[i % len(COLORS)])[0])
    legend = html.legend((curve.name, curve.color) for curve in found)
    svg = chart("Loss of each head", found, may_be_log=True)
    return html.figure("Loss of each head", svg, below=legend)


def _figure(title: str, curves: Sequence[Curve], marked: int | None, caption: str = "") -> str:
    svg = chart(title, curves, y_range=(0.0, 1.0), marked=marked)
    legend = html.legend((curve.name, curve.color) for curve in curves if not curve.faint)
    if marked is not None:
        caption = f"{caption} Dotted: step {marked}, the kept model.".strip()
    return html.figure(title, svg, below=legend, caption=caption)


def _label_curves(run: RunFacts) -> Iterator[Curve]:
    evaluations = run.state.evaluations
    for i, name in enumerate(run.label_names):
        points = [(e.iteration, e.dice.get(name)) for e in evaluations]
        yield Curve(f"{name} (all pixels)", points, COLORS[i % len(COLORS)])
    means: Points = [(e.iteration, e.mean_dice) for e in evaluations]
    yield Curve("mean of the patients", means, "currentColor")  # last, so that it lies on top


def _patient_curves(run: RunFacts, marked: int | None) -> str:
    points: dict[str, list[tuple[float, float | None]]] = {}
    for evaluation in run.state.evaluations:
        for case in evaluation.cases:
            row = points.setdefault(case.patient_hash, [])
            row.append((evaluation.iteration, case.foreground_dice))
    shown = {name: row for name, row in points.items() if any(y is not None for _, y in row)}
    few = len(shown) <= _COLORED_PATIENTS
    curves = [
        Curve(name, row, COLORS[i % len(COLORS)], faint=not few)
        for i, (name, row) in enumerate(shown.items())
    ]
    if not few:
        means = [(e.iteration, e.mean_dice) for e in run.state.evaluations]
        curves.append(Curve("mean of the patients", means, "currentColor"))
    caption = "" if few else "One thin line for each patient."
    return _figure("Validation Dice of each patient", curves, marked, caption)

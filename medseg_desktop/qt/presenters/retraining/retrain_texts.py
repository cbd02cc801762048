"""What is new since the champion, and what a retraining costs, in the words of its page."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import QCoreApplication

from medseg_desktop.core.estimate import duration_text
from medseg_desktop.core.finding import Finding
from medseg_desktop.core.retraining.check import NOTHING_NEW, memory_warning
from medseg_desktop.core.retraining.cost import Cost
from medseg_desktop.core.retraining.news import UNDRAWN, Basis, TrainingNews
from medseg_desktop.io.retraining.plan import Situation
from medseg_desktop.qt.panels.check_report import Problem, Rows
from medseg_desktop.qt.panels.retraining.view import RetrainView, Start
from medseg_desktop.qt.panels.training_facts import memory_text
from medseg_desktop.qt.presenters.check_texts import unseen_text

_NONE = "–"  # noqa: RUF001 - a dash, as tables have it


def tr(text: str) -> str:
    return QCoreApplication.translate("Retraining", text)


def nothing_open() -> RetrainView:
    """The page before a folder is open."""
    return RetrainView(
        title=tr("Retrain"),
        lead=tr(
            "Open the folder with your corrected outlines to see what a new model would learn."
        ),
        start=Start.OPEN,
        can_start=True,
    )


def unreadable(message: str, cure: str) -> RetrainView:
    """The page where the workspace cannot be looked at."""
    return RetrainView(title=tr("Retrain"), problems=(Problem(message, cure, blocks=True),))


def retrain_view(
    situation: Situation,
    cost: Cost,
    free_bytes: int | None,
    can_measure: bool,
    unmeasured: Finding | None = None,
) -> RetrainView:
    """The page of an open folder.

    Args:
        can_measure: nothing is measured yet, and could be.
        unmeasured: why nothing could be measured.
    """
    if not situation.news.size.slices and not situation.facts.champion_problem:
        return _nothing_reviewed(situation)
    problems = [Problem(p.message, p.cure, blocks=True) for p in situation.problems]
    cost_text = how = ""
    if not problems:
        memory = memory_warning(cost.memory_bytes, free_bytes)
        found = [*situation.warnings, *(w for w in (memory, unmeasured) if w is not None)]
        # The lead says that nothing is new.
        problems = [Problem(w.message, w.cure) for w in found if w.kind != NOTHING_NEW]
        cost_text, how = _cost(cost)
    columns, rows = _table(situation)
    proof, is_proven = _proof(situation)
    return RetrainView(
        title=_title(situation),
        lead=_lead(situation),
        columns=columns,
        rows=rows,
        proof=proof,
        is_proven=is_proven,
        cost=cost_text,
        how=how,
        can_measure=can_measure and bool(cost_text),
        problems=tuple(problems),
        start=Start.RETRAIN if situation.facts.champion else Start.FIRST,
        can_start=not situation.problems,
    )


def _nothing_reviewed(situation: Situation) -> RetrainView:
    """The page of a folder that nobody has annotated yet."""
    text = tr(
        "None of the {n} slices is reviewed yet. Outline lesions, or mark slices without lesion "
        "as reviewed."
    )
    return RetrainView(
        title=_title(situation),
        lead=text.format(n=f"{situation.facts.slices:,}"),
        start=Start.RETRAIN if situation.champion else Start.FIRST,
    )


def _title(situation: Situation) -> str:
    if not situation.facts.champion:
        return tr("Train a first model")
    return tr("Retrain {champion}").format(champion=situation.facts.champion)


def _lead(situation: Situation) -> str:
    news, champion = situation.news, situation.facts.champion
    if situation.facts.champion_problem:
        return ""  # which says it all
    if situation.champion is None:
        return tr("There is no champion yet. The first model learns from all that is reviewed.")
    if news.basis is Basis.NOTHING:
        text = tr("{champion} was not trained in this workspace, so everything is new to it.")
    elif quiet := next((w for w in situation.warnings if w.kind == NOTHING_NEW), None):
        return f"{quiet.message} {quiet.cure}".strip()
    elif news.basis is Basis.PATIENTS:
        text = tr(
            "New since {champion}. Whether outlines were corrected is not known: its dataset is "
            "not in this workspace."
        )
    else:
        text = tr("New since {champion}")
    return text.format(champion=champion)


def _table(situation: Situation) -> tuple[tuple[str, ...], Rows]:
    """What is new by set; where that is not known, what is there."""
    news = situation.news
    if situation.champion is None or (news.basis is Basis.PATIENTS and not news.sets):
        names = _columns(news, news.sizes)
        sizes = [news.size_of(name) for name in names]
        rows: list[tuple[str, list[int]]] = [
            (tr("Patients"), [s.patients for s in sizes]),
            (tr("Reviewed slices"), [s.slices for s in sizes]),
            (tr("With lesion"), [s.slices_with_lesion for s in sizes]),
        ]
    else:
        names = _columns(news, news.sets)
        rows = list(_news_rows(news, names))
    if not names:
        return (), ()
    shown = tuple(
        (caption, tuple(f"{n:,}" if n else _NONE for n in numbers))
        for caption, numbers in rows
        if any(numbers)
    )
    return (_heads(names) if shown else ()), shown


def _proof(situation: Situation) -> tuple[str, bool]:
    """That no test patient is learned from, and whether that is known of the champion too."""
    test, champion = situation.news.size_of("test").patients, situation.champion
    if not test:
        return "", False  # a warning says what that means
    start = champion.title if champion and situation.plan.init == "champion" else ""
    is_known = not start or situation.news.basis is not Basis.NOTHING
    return unseen_text(test, start, is_known=is_known), is_known


def _columns(news: TrainingNews, found: object) -> tuple[str, ...]:
    """The three sets, and what waits; one column where the split is not drawn yet."""
    if not found:
        return ()
    if UNDRAWN in news.sizes or UNDRAWN in news.sets:
        return (UNDRAWN,)
    waiting = ("incoming",) if "incoming" in {*news.sizes, *news.sets} else ()
    return ("train", "val", "test", *waiting)


def _heads(names: tuple[str, ...]) -> tuple[str, ...]:
    if names == (UNDRAWN,):
        return ()
    heads = {
        "train": tr("Train"),
        "val": tr("Val."),
        "test": tr("Test"),
        "incoming": tr("Incoming"),
    }
    return tuple(heads[name] for name in names)


def _news_rows(news: TrainingNews, names: tuple[str, ...]) -> Iterator[tuple[str, list[int]]]:
    sets = [news.total] if names == (UNDRAWN,) else [news.of(name) for name in names]
    yield tr("New patients"), [s.patients for s in sets]
    yield tr("New slices"), [s.slices for s in sets]
    yield tr("Corrected slices"), [s.corrected_slices for s in sets]
    yield tr("Slices gone"), [s.gone_slices for s in sets]
    yield tr("New shapes"), [s.shapes for s in sets]
    yield tr("Corrected shapes"), [s.corrected_shapes for s in sets]
    yield tr("Removed shapes"), [s.removed_shapes for s in sets]


def _cost(cost: Cost) -> tuple[str, str]:
    text = tr("About {time} on this computer").format(time=duration_text(cost.total_s))
    how = tr("{memory} of memory · measured")
    if not cost.is_measured:
        how = tr("{memory} of memory · estimated")
    elif cost.is_disturbed:
        how = tr("{memory} of memory · measured while other programs kept the processor busy")
    return text, how.format(memory=memory_text(cost.memory_bytes))

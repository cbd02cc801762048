"""What the Models tab says of the models of a workspace."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import QCoreApplication

from medseg_desktop.core.evaluation.measures import DICE
from medseg_desktop.core.evaluation.result import Estimate
from medseg_desktop.core.specs import STARTER
from medseg_desktop.io.evaluation.entries import EvaluationEntry
from medseg_desktop.io.models.listing import ListedModel, ModelList, ModelStatus
from medseg_desktop.qt.panels.evaluation.texts import change_counts, dice_text, subset_text
from medseg_desktop.qt.panels.models.champion import ChampionFacts
from medseg_desktop.qt.panels.models.detail import EvaluationRow
from medseg_desktop.qt.panels.models.list import ModelRow
from medseg_desktop.qt.panels.when_text import day_text, minute_text
from medseg_desktop.qt.presenters.model_texts import status_text


def _tr(text: str) -> str:
    return QCoreApplication.translate("Models", text)


def champion_facts(found: ModelList) -> ChampionFacts | None:
    """The champion; None where there is none."""
    champion, model = found.champion, found.champion_model
    if champion is None:
        return None
    return ChampionFacts(
        title=champion.model,
        since=_tr("Since {when}, by {name}").format(
            when=minute_text(champion.since), name=champion.by
        ),
        reason=champion.reason,
        dice=_test_line(model),
        previous=found.previous,
    )


def model_row(model: ListedModel) -> ModelRow:
    """A row of the list."""
    info = model.info
    mark = ("champion", "accent") if model.status is ModelStatus.CHAMPION else None
    tip = f"{model.title}, {status_text(model.status)}"
    if model.seen:
        tip = f"{tip}. {_seen_text(model)}"
    if info is None:
        mark, tip = ("error", "bad"), model.entry.problem
    return ModelRow(
        path=model.path,
        title=model.title,
        day=day_text(info.created) if info else "",
        validation=_short(model.validation_dice),
        test=_short(model.test.mean if model.test else None) + ("*" if model.seen else ""),
        tip=tip,
        mark=mark,
    )


def model_lines(model: ListedModel, *, is_used: bool) -> Iterator[str]:
    """What a model is and how good, a line each; it can be read."""
    info = model.info
    if info is not None:
        text = _tr("Created {when} from {parent}") if info.parent else _tr("Created {when}")
        parent = _tr("the starter weights") if info.parent == STARTER else info.parent
        yield text.format(when=minute_text(info.created), parent=parent)
    if model.validation_dice is not None:
        dice = _tr("Validation Dice {dice}")
        yield dice.format(dice=DICE.value(model.validation_dice))
    yield _test_line(model)
    if is_used:
        yield _tr("In use for viewing")


def evaluation_rows(found: ModelList, model: ListedModel) -> Iterator[EvaluationRow]:
    """Evaluations of a model, and those in which another one was compared with it."""
    network = model.info.network_digest if model.info else ""
    for entry in found.evaluations:
        dice = entry.dice_of(network)
        if dice is not None:
            yield _evaluation_row(entry, network, dice)


def _evaluation_row(entry: EvaluationEntry, network: str, dice: Estimate) -> EvaluationRow:
    others = [m.title for m in entry.models if m.network != network]
    parts = [subset_text(entry.subset), dice_text(dice)]
    if entry.compares:
        parts.append(change_counts(entry.changes))
    return EvaluationRow(
        path=entry.path,
        when=minute_text(entry.created),
        beside=others[0] if others else "",
        dice=_short(dice.mean),
        tip=". ".join([*parts, *entry.reasons]),
        is_fair=not entry.reasons,
    )


def _test_line(model: ListedModel | None) -> str:
    if model is None or model.test is None:
        return _tr("Not evaluated on test patients yet")
    text = _tr("Test Dice {dice}").format(dice=dice_text(model.test))
    return f"{text}. {_seen_text(model)}" if model.seen else text


def _seen_text(model: ListedModel) -> str:
    """Why its Dice on test patients is not to be compared with those of others."""
    text = _tr("Not comparable: it was trained on {n} of these test patients")
    return text.format(n=model.seen)


def _short(value: float | None) -> str:
    return "" if value is None else DICE.value(value)

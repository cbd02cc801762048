"""Why two models cannot be compared fairly, as far as their packages tell."""

from __future__ import annotations

from collections.abc import Iterator

from medseg_desktop.core.specs import EvaluateSpec
from medseg_desktop.inference.evaluating.labels import CommonLabels
from medseg_desktop.inference.evaluating.patients import is_of_workspace
from medseg_desktop.io.model_package import ModelInfo


def unfair(
    candidate: ModelInfo, champion: ModelInfo, labels: CommonLabels, spec: EvaluateSpec
) -> Iterator[str]:
    """Sentences on labels and splits; who has seen which patient is told by the results."""
    if labels.left_out:
        yield (
            "The two models do not know the same labels, so "
            f"{', '.join(labels.table.names[1:])} alone is compared, without "
            f"{', '.join(labels.left_out)}."
        )
    if is_of_workspace(candidate, spec) and is_of_workspace(champion, spec):
        yield from _other_split(candidate, champion)


def _other_split(candidate: ModelInfo, champion: ModelInfo) -> Iterator[str]:
    """The workspace's split is one, whoever was moved in it since; others must agree."""
    if candidate.split_origin == champion.split_origin == "workspace":
        return
    shared = candidate.split.keys() & champion.split.keys()
    if any((candidate.split[h] == "test") != (champion.split[h] == "test") for h in shared):
        yield (
            f"{candidate.title} and {champion.title} were trained with different splits, so they "
            "do not keep the same patients for testing."
        )

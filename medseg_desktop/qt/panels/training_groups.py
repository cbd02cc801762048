"""Which lines a plot of a run offers, what they are called and which are shown at first."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication

from medseg_desktop.core.curves import DICE, IOU, LOSS, RATE, Chart, CurveKey, RunCurves

#: What stands for a whole run on each plot, for comparing runs.
MAIN: dict[Chart, CurveKey] = {"loss": LOSS, "rate": RATE, "dice": DICE, "iou": IOU}


@dataclass(frozen=True, slots=True)
class Group:
    """Lines that are switched on and off together.

    Attributes:
        name: tells it from the others of the plot.
        keys: of the curves; more than one for the patients.
        shown: at first.
    """

    name: str
    text: str
    keys: tuple[CurveKey, ...]
    shown: bool = True

    @property
    def is_thin(self) -> bool:
        """Many lines, of which the middle matters."""
        return self.name.startswith("patients")


def _tr(text: str) -> str:
    return QCoreApplication.translate("TrainingPlots", text)


def groups_of(chart: Chart, curves: RunCurves) -> list[Group]:
    """The groups of a plot that have a curve, in the order of the legend."""
    keys = curves.keys(chart)
    found = {
        "loss": _loss_groups,
        "rate": _rate_groups,
        "dice": _dice_groups,
        "iou": _iou_groups,
    }[chart](keys)
    return [group for group in found if group.keys]


def _loss_groups(keys: list[CurveKey]) -> list[Group]:
    groups = [Group("total", _tr("Total loss"), _of(keys, "total"))]
    for key in _of(keys, "head"):
        text = _tr("Main head") if key.number == 0 else _tr("Head {n}").format(n=key.number + 1)
        groups.append(Group(f"head {key.number}", text, (key,), shown=False))
    return groups


def _rate_groups(keys: list[CurveKey]) -> list[Group]:
    return [Group("total", _tr("Learning rate"), _of(keys, "total"))]


def _dice_groups(keys: list[CurveKey]) -> list[Group]:
    means = _of(keys, "label_mean")
    groups = [Group("mean", _tr("Mean of patients"), _of(keys, "mean"))]
    for key in means:
        groups.append(
            Group(f"mean {key.name}", _tr("{label}, mean").format(label=key.name), (key,))
        )
    for key in _of(keys, "label"):
        text = _tr("{label}, all pixels").format(label=key.name)
        groups.append(Group(f"label {key.name}", text, (key,), shown=not means))
    groups.append(Group("patients", _tr("Each patient"), _of(keys, "patient"), shown=False))
    for key in means:
        text = _tr("{label}, each patient").format(label=key.name)
        each = _of(keys, "patient", key.name)
        groups.append(Group(f"patients {key.name}", text, each, shown=False))
    return groups


def _iou_groups(keys: list[CurveKey]) -> list[Group]:
    labels = _of(keys, "label")
    groups = [Group(f"label {key.name}", key.name, (key,)) for key in labels]
    if len(labels) > 1:
        groups.insert(0, Group("mean", _tr("Mean of labels"), _of(keys, "mean")))
    return groups


def _of(keys: list[CurveKey], kind: str, name: str | None = None) -> tuple[CurveKey, ...]:
    """Keys of a kind; of patients only those of all foreground, or of one label."""
    wanted = "" if name is None and kind == "patient" else name
    return tuple(k for k in keys if k.kind == kind and wanted in (None, k.name))

"""What compare mode says: categories by name, amounts, and what stands on the slice."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from medseg_desktop.core.comparison_map import OTHER_LABEL, Side
from medseg_desktop.core.measures import area_of
from medseg_desktop.core.volume import Series


def category_name(category: int, asked: Side, model: str, other: str) -> str:
    """Who marks the pixels of a category.

    Args:
        asked: the sides that are compared.
        model, other: titles of the models.
    """
    if category == OTHER_LABEL:
        return QCoreApplication.translate("Compare", "Other label")
    if category == int(asked):
        if asked.bit_count() > 2:
            return QCoreApplication.translate("Compare", "All agree")
        return QCoreApplication.translate("Compare", "Both agree")
    names = {
        Side.MODEL: model,
        Side.OTHER: other,
        Side.MINE: QCoreApplication.translate("Compare", "me"),
    }
    marking = [name for side, name in names.items() if side & category]
    if len(marking) == 1:
        return QCoreApplication.translate("Compare", "Only {who}").format(who=marking[0])
    both = QCoreApplication.translate("Compare", "{who} + {also}")
    return both.format(who=marking[0], also=marking[1])


def area_text(pixels: int, series: Series) -> str:
    """An area of a slice, in pixels where their size is unknown."""
    area_mm2 = area_of(pixels, series.spacing_mm)
    if area_mm2 is None:
        return QCoreApplication.translate("Compare", "{n} px").format(n=f"{pixels:,}")
    return QCoreApplication.translate("Compare", "{n} mm²").format(n=_figures(area_mm2))


def volume_text(voxels: int, series: Series) -> str:
    """A volume, in voxels where their size is unknown."""
    if series.voxel_ml is None:
        return QCoreApplication.translate("Compare", "{n} px").format(n=f"{voxels:,}")
    volume_ml = voxels * series.voxel_ml
    return QCoreApplication.translate("Compare", "{n} ml").format(n=_figures(volume_ml))


def pixels_text(here: int | None, series: int) -> str:
    """The amounts of a category in pixels."""
    if here is None:
        return QCoreApplication.translate("Compare", "{n} px of the series").format(n=f"{series:,}")
    text = QCoreApplication.translate("Compare", "{here} px of the slice, {n} px of the series")
    return text.format(here=f"{here:,}", n=f"{series:,}")


def corner_lines(model: str, other: str, mine: bool) -> tuple[str, ...]:
    """The models of the areas on the slice, with their days."""
    lines = [QCoreApplication.translate("Compare", "Model {model}").format(model=model)]
    if other and mine:
        text = QCoreApplication.translate("Compare", "compared with {other} and my outlines")
    elif other:
        text = QCoreApplication.translate("Compare", "compared with {other}")
    else:
        text = QCoreApplication.translate("Compare", "compared with my outlines")
    return (*lines, text.format(other=other))


def _figures(value: float) -> str:
    if value >= 100 or value == 0:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"

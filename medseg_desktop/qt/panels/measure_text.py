"""Areas, volumes and lengths as they are written in lists: figures of one width and one unit."""

from __future__ import annotations

from medseg_desktop.core.measures import Diameter


def area_text(pixels: int, area_mm2: float | None) -> str:
    """With its unit, for example "412 mm²"; pixels where the spacing is unknown."""
    if area_mm2 is None:
        return f"{pixels:,} px"
    return f"{area_mm2:,.1f} mm²" if area_mm2 < 10 else f"{area_mm2:,.0f} mm²"


def size_text(voxels: int, volume_ml: float | None) -> str:
    """Without its unit: millilitres, at most two places, or voxels where a size is unknown."""
    if volume_ml is None:
        return f"{voxels:,}"
    if volume_ml >= 100:
        return f"{volume_ml:,.1f}"
    return "<0.01" if 0 < volume_ml < 0.005 else f"{volume_ml:.2f}"


def length_text(diameter: Diameter) -> str:
    """Without its unit: millimetres, at most one place, or pixels where the spacing is unknown."""
    length = diameter.length_px if diameter.length_mm is None else diameter.length_mm
    return f"{length:.1f}" if length < 100 else f"{length:,.0f}"


def diameters_text(longest: Diameter, perpendicular: Diameter) -> str:
    """Longest x perpendicular diameter, without their unit, for example "31.4 × 18.2"."""  # noqa: RUF002
    return f"{length_text(longest)} × {length_text(perpendicular)}"  # noqa: RUF001


def intensity_text(mean: float | None) -> str:
    """A mean of modality values; empty where there is none."""
    if mean is None:
        return ""
    return f"{mean:,.2f}" if abs(mean) < 10 else f"{mean:,.0f}"

"""Windows that are offered beside those of the file."""

from __future__ import annotations

from medseg_desktop.core.display import Window

#: For series without calibrated values (MR): percentiles of the slice shown black and white.
PERCENTILES: dict[str, tuple[float, float]] = {
    "auto": (1.0, 99.0),
    "soft": (0.5, 99.8),
    "lesion": (50.0, 99.9),
}

#: For CT, in Hounsfield units; the values that OHIF ships.
CT_WINDOWS: dict[str, Window] = {
    "brain": Window(40, 80),
    "soft_tissue": Window(40, 400),
    "liver": Window(90, 150),
    "lung": Window(-600, 1500),
    "bone": Window(480, 2500),
}

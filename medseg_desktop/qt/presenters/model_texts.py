"""How a model is named where its overlay is seen."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import QCoreApplication

from medseg_desktop.io.model_package import ModelInfo
from medseg_desktop.io.models.listing import ModelStatus


def status_text(status: ModelStatus) -> str:
    """What a model is in its workspace, in words."""
    words = {
        ModelStatus.CHAMPION: QCoreApplication.translate("Models", "champion"),
        ModelStatus.EARLIER: QCoreApplication.translate("Models", "earlier champion"),
        ModelStatus.CANDIDATE: QCoreApplication.translate("Models", "candidate"),
    }
    return words[status]


def about_text(info: ModelInfo, status: ModelStatus) -> str:
    """When it was made and what it is, "2026-01-01, candidate": a name may be given again."""
    parts = (_day(info), status_text(status))
    return ", ".join(part for part in parts if part)


def full_name(info: ModelInfo, status: ModelStatus) -> str:
    """Title, day and status in one line, "tiny-v1 (2026-01-01, candidate)"."""
    return f"{info.title} ({about_text(info, status)})"


def _day(info: ModelInfo) -> str:
    """As the card says it, in UTC; empty where it does not say when it was made."""
    try:
        return datetime.fromisoformat(info.created).date().isoformat()
    except ValueError:
        return ""

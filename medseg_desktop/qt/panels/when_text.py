"""Times of files and records, as people of this workstation read them."""

from __future__ import annotations

from datetime import UTC, datetime


def day_text(when: str) -> str:
    """The local day of a time in ISO 8601, "1 Mar", of another year "Mar 2025"; empty where it
    is none."""
    local = _local(when)
    if local is None:
        return ""
    is_recent = local.year == datetime.now(UTC).astimezone().year
    return f"{local.day} {local:%b}" if is_recent else f"{local:%b %Y}"


def minute_text(when: str) -> str:
    """The local day and time, "2026-03-01 14:05"; empty where it is none."""
    local = _local(when)
    return local.strftime("%Y-%m-%d %H:%M") if local else ""


def moment_text(when: str | float) -> str:
    """The local day and time without the year, "28 Nov 14:05".

    Args:
        when: in ISO 8601, or seconds since 1970; empty where it is none, or 0.
    """
    local = _local(when) if isinstance(when, str) else _local_of(when)
    return local.strftime("%d %b %H:%M") if local else ""


def _local(when: str) -> datetime | None:
    try:
        return datetime.fromisoformat(when).astimezone()
    except (ValueError, OverflowError, OSError):
        return None


def _local_of(seconds: float) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC).astimezone() if seconds else None

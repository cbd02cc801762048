"""What an entry of the audit trail says, for people."""

from __future__ import annotations

from medseg_desktop.io.audit import AuditEntry

#: Said by the entry's other columns, or only for programs.
_UNSAID = ("reason", "digest", "split_hash")
#: What an act is about stands first and without its key.
_SUBJECTS = ("model", "patient_hash")


def what(entry: AuditEntry) -> str:
    """What the act was about, e.g. "tiny-v2, before: tiny-v1"."""
    subject = [str(entry.details[key]) for key in _SUBJECTS if key in entry.details]
    others = [
        f"{key.replace('_', ' ')}: {value}"
        for key, value in entry.details.items()
        if key not in (*_UNSAID, *_SUBJECTS)
    ]
    return ", ".join([*subject, *others])


def reason(entry: AuditEntry) -> str:
    """Why; empty where no reason was given."""
    return str(entry.details.get("reason", ""))

"""What an entry of the audit trail says, for people."""

from __future__ import annotations

from medseg_desktop.io.audit import AuditEntry

#: Said by the entry's other columns, or only for programs.
_UNSAID = ("reason", "digest", "split_hash")
#: What an act is about stands first and without its key.
_SUBJECTS = ("model", "patient_hash")
#: Sets that an act has put patients into, with the number of them.
_SETS = ("train", "val", "test", "incoming")


def what(entry: AuditEntry) -> str:
    """What the act was about, e.g. "tiny-v2, before: tiny-v1"."""
    subject = [str(entry.details[key]) for key in _SUBJECTS if key in entry.details]
    others = [
        f"{key.replace('_', ' ')}: {value}"
        for key, value in entry.details.items()
        if key not in (*_UNSAID, *_SUBJECTS)
    ]
    return ", ".join([*subject, *others])


def brief(entry: AuditEntry) -> str:
    """The same in a few words, without digests: "tiny-v2", "17 train, 4 val, 5 test"."""
    details = entry.details
    parts = [str(details[key]) for key in _SUBJECTS if key in details]
    parts += [f"{details[key]} {key}" for key in _SETS if details.get(key)]
    if "from" in details and "to" in details:
        parts.append(f"from {details['from']} to {details['to']}")
    return ", ".join(parts) or what(entry)


def reason(entry: AuditEntry) -> str:
    """Why; empty where no reason was given."""
    return str(entry.details.get("reason", ""))

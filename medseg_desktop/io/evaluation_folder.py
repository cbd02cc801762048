"""The folder of an evaluation: its record, the report, tables and pictures."""

from __future__ import annotations

from pathlib import Path

import msgspec

from medseg_desktop.core.errors import WorkspaceError, describe_os_error
from medseg_desktop.core.evaluation_result import EvaluationRecord

RECORD = "evaluation.json"
REPORT = "report.html"
PICTURES = "pictures"
_LARGEST_BYTES = 256 << 20


def read_record(folder: Path) -> EvaluationRecord:
    """What an evaluation found.

    Raises:
        WorkspaceError: the folder holds no evaluation that can be read.
    """
    path = folder / RECORD
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise WorkspaceError(f"{path} is larger than an evaluation can be.")
        record = msgspec.json.decode(path.read_bytes(), type=EvaluationRecord)
    except OSError as error:
        raise WorkspaceError(describe_os_error(error, path, "read")) from error
    except (msgspec.MsgspecError, RecursionError) as error:
        raise WorkspaceError(f"{path} is no evaluation: {error}.", "Evaluate again.") from error
    if record.schema != 1:
        raise WorkspaceError(f"{path} was made by a newer version of the program.")
    return record


def write_record(folder: Path, record: EvaluationRecord) -> None:
    """Write `evaluation.json` into a folder that is being made.

    Raises:
        OSError: it cannot be written.
    """
    data = msgspec.json.format(msgspec.json.encode(record), indent=1)
    (folder / RECORD).write_bytes(data + b"\n")

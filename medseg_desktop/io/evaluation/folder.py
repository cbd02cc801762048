"""The folder of an evaluation: its record, the report, tables and pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from medseg_desktop.core.errors import WorkspaceError, describe_os_error
from medseg_desktop.core.evaluation.result import EvaluationRecord
from medseg_desktop.io.atomic import new_folder
from medseg_desktop.io.evaluation.report import report_html
from medseg_desktop.io.evaluation.tables import cases_csv, lesions_csv
from medseg_desktop.io.png import write_png

RECORD = "evaluation.json"
REPORT = "report.html"
PICTURES = "pictures"
CASES = "cases.csv"
LESIONS = "lesions.csv"
#: So many pictures of each list of lesions are kept, those of its largest ones.
MOST_PICTURES = 24
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


def write_evaluation(
    folder: Path,
    record: EvaluationRecord,
    pictures: Mapping[str, npt.NDArray[np.uint8]],
    check: Callable[[], None] = lambda: None,
) -> None:
    """Write all files of an evaluation; the folder appears only when it is whole.

    Args:
        folder: must not exist, or be empty.
        pictures: path in the folder, as the record names it -> RGB (rows, columns, 3).
        check: called between the files; may raise `core.errors.Cancelled`.

    Raises:
        WorkspaceError: the name is taken, or the disk does not allow it.
    """
    with new_folder(folder) as partial:
        try:
            write_record(partial, record)
            (partial / CASES).write_bytes(cases_csv(record))
            (partial / LESIONS).write_bytes(lesions_csv(record))
            (partial / REPORT).write_text(report_html(record, pictures), encoding="utf-8")
            (partial / PICTURES).mkdir()
            for name, picture in pictures.items():
                check()
                write_png(partial / name, picture)
        except OSError as error:
            raise WorkspaceError(describe_os_error(error, folder, "write")) from error

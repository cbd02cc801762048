"""The last contents of a document that were replaced: `versions/<UTC stamp>-<n>.json`."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from medseg_desktop.core.annotation import Annotation
from medseg_desktop.core.errors import WorkspaceError, describe_os_error
from medseg_desktop.io.atomic import make_folder, write_bytes
from medseg_desktop.io.medlabelme import read_annotation

KEPT = 5
_NAME = re.compile(r"(\d{8}T\d{6}Z)-(\d{1,9})\.json")
_LEFT = re.compile(rf"\.{_NAME.pattern}\.[0-9a-f]{{8}}\.tmp")
_STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class Version:
    """A content that was replaced at `time` (UTC); `number` grows with each version."""

    path: Path
    time: datetime
    number: int

    def read(self) -> Annotation:
        """The document; raises AnnotationError where the bytes are none."""
        return read_annotation(self.path)


class Versions:
    """The versions of one document."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def list(self) -> tuple[Version, ...]:
        """The versions, newest first; the number decides, because clocks may be set back.

        Raises:
            WorkspaceError: the folder cannot be read.
        """
        try:
            found = [_version(path) for path in self._folder.iterdir()]
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise WorkspaceError(describe_os_error(error, self._folder, "read")) from error
        return tuple(sorted(filter(None, found), key=lambda v: v.number, reverse=True))

    def push(self, data: bytes, now: datetime) -> None:
        """Keep bytes as the newest version, unless they are that already; only five are kept.

        Raises:
            WorkspaceError: they cannot be written; every version is still there.
        """
        known = self.list()
        if known and _bytes_of(known[0].path) == data:
            return
        make_folder(self._folder)
        number = known[0].number + 1 if known else 1
        write_bytes(self._folder / f"{now.astimezone(UTC):{_STAMP}}-{number}.json", data)
        for old in known[KEPT - 1 :]:
            # One too many does no harm; the next version takes it along.
            with contextlib.suppress(OSError):
                old.path.unlink(missing_ok=True)

    def remove_temporaries(self) -> None:
        """Remove what a killed process has left here; raises OSError."""
        with contextlib.suppress(FileNotFoundError):
            for path in list(self._folder.iterdir()):
                if _LEFT.fullmatch(path.name):
                    path.unlink(missing_ok=True)


def _version(path: Path) -> Version | None:
    match = _NAME.fullmatch(path.name)
    if match is None:
        return None
    try:
        time = datetime.strptime(match[1], _STAMP).replace(tzinfo=UTC)
    except ValueError:  # the thirteenth month: none of ours
        return None
    return Version(path, time, int(match[2]))


def _bytes_of(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None

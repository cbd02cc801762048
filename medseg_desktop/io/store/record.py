"""What the workspace remembers of one document: its last content and where it was saved."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from medseg_desktop.core.errors import WorkspaceError, describe_os_error
from medseg_desktop.io.atomic import make_folder, remove_temporaries, write_bytes
from medseg_desktop.io.store.versions import Versions

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Base:
    """What a document was made from: digests of files as they were last read or written.

    Attributes:
        beside: of the file beside the image; None where there is none.
        mirror: of the workspace's `current.json`; None where there is none.
    """

    beside: str | None = None
    mirror: str | None = None


class SavedState(msgspec.Struct, frozen=True, kw_only=True):
    """`state.json`: what was so when the document was saved last.

    Attributes:
        base: digest of the file beside the image; None where there was none.
        path: that file; None where the document lives only in the workspace.
        replaces: digest of what the file held before; the state is written first, so the file
            may still hold it.  None while a file that was not there is written.
        time: of saving, UTC, ISO 8601.
        image: name of the image's file (see `ImageKey`), which says whose document it is where
            several files have the same UIDs.
        autosaved: nobody asked for that saving.
        removed: the document said nothing, so nothing of it counts any more.
    """

    schema: int = SCHEMA
    base: str | None = None
    path: str | None = None
    replaces: str | None = None
    time: str = ""
    image: str = ""
    autosaved: bool = False
    removed: bool = False


class Record:
    """The folder of one document in the workspace.

    Args:
        image: name of the image's file, for the state.
    """

    def __init__(self, folder: Path, image: str = "") -> None:
        self.folder = folder
        self.image = image
        self.mirror = folder / "current.json"
        self.versions = Versions(folder / "versions")
        self._state = folder / "state.json"

    def state(self) -> SavedState | None:
        """The state; None where there is none, or a damaged one.

        Raises:
            WorkspaceError: it cannot be read, or a newer version of the program made it.
        """
        data = read_bytes(self._state)
        if data is None:
            return None
        try:
            state = msgspec.json.decode(data, type=SavedState)
        except (msgspec.MsgspecError, RecursionError, UnicodeError):
            return None
        if state.schema > SCHEMA:
            raise WorkspaceError(f"{self._state} was made by a newer version of the program.")
        return state

    def write_state(self, state: SavedState) -> None:
        """Replace the state; raises WorkspaceError."""
        make_folder(self.folder)
        data = msgspec.json.format(msgspec.json.encode(state), indent=1)
        write_bytes(self._state, data + b"\n")

    def write_mirror(self, data: bytes) -> None:
        """Replace the mirror; raises WorkspaceError."""
        make_folder(self.folder)
        write_bytes(self.mirror, data)

    def remove_temporaries(self) -> None:
        """Remove what a killed process has left here; raises OSError."""
        remove_temporaries(self.mirror)
        remove_temporaries(self._state)
        self.versions.remove_temporaries()


def read_bytes(path: Path) -> bytes | None:
    """The bytes of a file, None where there is none.

    Raises:
        WorkspaceError: it cannot be read; the cause is the OSError.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise WorkspaceError(describe_os_error(error, path, "read")) from error

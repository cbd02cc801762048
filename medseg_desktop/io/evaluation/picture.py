"""The pictures of an evaluation, whose record may be foreign."""

from __future__ import annotations

from pathlib import Path

from medseg_desktop.core.errors import WorkspaceError, describe_os_error

_LARGEST_BYTES = 64 << 20


def picture_file(folder: Path, name: str) -> bytes:
    """The bytes of a picture that the record of an evaluation names.

    Args:
        name: relative to the folder, with "/".

    Raises:
        WorkspaceError: it leads out of the folder, or cannot be read.
    """
    path = folder / name
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            raise WorkspaceError(f"{name} is not a picture of the evaluation {folder.name}.")
        if path.stat().st_size > _LARGEST_BYTES:
            raise WorkspaceError(f"{path} is larger than a picture of a slice can be.")
        return path.read_bytes()
    except OSError as error:
        raise WorkspaceError(describe_os_error(error, path, "read")) from error
    except ValueError as error:  # a name that no file can have
        raise WorkspaceError(f"The evaluation {folder.name} names no picture.") from error

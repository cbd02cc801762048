"""Writing so that a crash, a full disk or a cancel leaves the old state, never half a new one."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from medseg_desktop.core.errors import WorkspaceError, describe_os_error

#: What file systems answer that cannot make a folder durable by itself (network shares, FUSE).
_NO_FOLDER_FSYNC = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF, errno.EACCES,
                    errno.EPERM)  # fmt: skip


def write_bytes(
    path: Path,
    data: bytes,
    *,
    before_replace: Callable[[], None] | None = None,
    sync_folder: bool = True,
) -> None:
    """Replace `path` by a file with `data`: write beside it, fsync, rename, fsync the folder.

    A file that is replaced hands its access rights on.

    Args:
        before_replace: called when all is written and nothing renamed; may raise to give up.
        sync_folder: False leaves it to the system when the new name becomes durable, so that a
            power loss may bring the old file back.

    Raises:
        WorkspaceError: the sentence says why; the file is whole, as a rule still the old one.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with beside.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(OSError):
            shutil.copymode(path, beside)
        if before_replace is not None:
            before_replace()
        os.replace(beside, path)
        if sync_folder:
            _fsync_folder(path.parent)
    except BaseException as error:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise WorkspaceError(describe_os_error(error, path, "write")) from error
        raise


def remove_temporaries(path: Path) -> None:
    """Remove what a killed process left of `write_bytes(path, ...)`: exactly such names.

    Raises:
        OSError: the folder cannot be read, or a file not be removed.
    """
    left = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{8}}\.tmp")
    with contextlib.suppress(FileNotFoundError):
        for found in list(path.parent.iterdir()):
            if left.fullmatch(found.name):
                found.unlink(missing_ok=True)


def remove_file(path: Path, *, before: Callable[[], None] | None = None) -> None:
    """Remove a file, durably; none is fine too.

    Args:
        before: called right before; may raise to give up.

    Raises:
        WorkspaceError: the sentence says why.
    """
    try:
        if before is not None:
            before()
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
            _fsync_folder(path.parent)
    except OSError as error:
        raise WorkspaceError(describe_os_error(error, path, "remove")) from error


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, durably; one that is there is fine too.

    Raises:
        WorkspaceError: the sentence says why.
    """
    missing = [p for p in (folder, *folder.parents) if not os.path.isdir(p)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for made in reversed(missing):
            _fsync_folder(made.parent)
    except OSError as error:
        raise WorkspaceError(describe_os_error(error, folder, "make the folder")) from error


def _fsync_folder(folder: Path) -> None:
    """Make the rename itself durable; Windows has no such call for folders."""
    if os.name == "nt":
        return
    try:
        fd = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
    except OSError as error:
        if error.errno not in _NO_FOLDER_FSYNC:
            raise


def is_free(folder: Path) -> bool:
    """Whether a folder can be made under this name: it does not exist, or is empty."""
    try:
        return not any(folder.iterdir())
    except FileNotFoundError:
        return True
    except NotADirectoryError:
        # The name itself is a file, or a file is in the way of its parent folder.
        return not folder.exists()
    except OSError as error:
        raise WorkspaceError(describe_os_error(error, folder, "read")) from error


def check_free(folder: Path) -> None:
    """Raise WorkspaceError, in one sentence, where no folder can be made under this name."""
    if not is_free(folder):
        raise WorkspaceError(
            f"{folder} exists already and is not empty.", "Choose another name or remove it."
        )


@contextlib.contextmanager
def new_folder(final: Path, replace_marker: str = "") -> Iterator[Path]:
    """Build a folder beside its final name; it appears there only when the block succeeds.

    Args:
        final: must not exist, or be empty.
        replace_marker: an existing folder that holds this file is replaced (it is moved aside
            first and deleted only after the new one stands in its place).

    Yields:
        The folder to fill.

    Raises:
        WorkspaceError: the name is taken, or the disk does not allow it.
    """
    replaceable = bool(replace_marker) and (final / replace_marker).is_file()
    if not replaceable:
        check_free(final)
    partial = final.with_name(f".{final.name}.{secrets.token_hex(4)}.partial")
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        partial.mkdir()
    except OSError as error:
        raise WorkspaceError(describe_os_error(error, final, "make the folder")) from error
    try:
        yield partial
        _move_into_place(partial, final)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _move_into_place(partial: Path, final: Path) -> None:
    """Rename `partial` to `final`, an earlier folder of that name moved aside meanwhile."""
    aside = final.with_name(f".{final.name}.{secrets.token_hex(4)}.old")
    try:
        had_old = final.exists()
        if had_old:
            os.rename(final, aside)
        try:
            os.rename(partial, final)
        except OSError:
            if had_old:
                os.rename(aside, final)
            raise
        shutil.rmtree(aside, ignore_errors=True)
    except OSError as error:
        raise WorkspaceError(describe_os_error(error, final, "make the folder")) from error

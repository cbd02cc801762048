"""Taking a model from elsewhere into the workspace: under a name, and into the audit trail."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from medseg_desktop.core.errors import ModelError, WorkspaceError, describe_os_error
from medseg_desktop.core.label_names import checked_name
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.io.model_info import MODEL_JSON
from medseg_desktop.io.model_package import check_model_name, read_info
from medseg_desktop.io.sources.archive import is_archive
from medseg_desktop.io.workspace import ModelEntry, Workspace

PDPARAMS = ".pdparams"


def is_package(path: Path) -> bool:
    """Whether a file or folder is to be read as a model package; else as weights of Paddle."""
    if path.is_dir() or path.name == MODEL_JSON:
        return True
    if path.suffix.lower() == PDPARAMS:
        return False
    try:
        with path.open("rb") as file:
            return is_archive(path, file.read(4))
    except OSError as error:
        raise ModelError(describe_os_error(error, path, "read")) from error


def package_of(file: Path) -> Path:
    """The package that a file or folder is: a model.json stands for its folder."""
    return file.parent if file.name == MODEL_JSON else file


def label_table(names: str) -> LabelTable | None:
    """The labels of `A,B,...`, which come after the background; None for none.

    Raises:
        LabelError: a name cannot be used, or is there twice.
    """
    checked: list[str] = []
    for name in names.replace("\uff0c", ",").split(","):
        if name.strip():
            checked.append(checked_name(name, checked))
    return LabelTable.from_names(checked) if checked else None


def import_package(
    workspace: Workspace, package: Path, name: str, actor: str, source_sha256: str = ""
) -> ModelEntry:
    """Copy a package to models/NAME-vN, which the audit trail tells too.

    Args:
        package: its folder, its model.json or a .zip.
        name: of the model in the workspace; "" for the name it has.
        actor: who does it.
        source_sha256: of the file that the package was made of; "" for the package's own.

    Raises:
        ModelError, WorkspaceError: nothing was changed.
    """
    package = package_of(package)
    check_model_name(name or read_info(package).name)
    if problem := workspace.audit.verify().problem:
        raise WorkspaceError(problem, "Restore it from a backup.")
    entry = workspace.register_model(package, name)
    try:
        digest = source_sha256 or _digest(package)
        workspace.audit.append(
            actor, "model_imported", {"model": entry.title, "source_sha256": digest}
        )
    except (ModelError, WorkspaceError):
        shutil.rmtree(entry.path, ignore_errors=True)
        raise
    return entry


def _digest(package: Path) -> str:
    """SHA-256 of the archive, or of a folder's model.json, which names all other digests."""
    path = package / MODEL_JSON if package.is_dir() else package
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(describe_os_error(error, path, "read")) from error

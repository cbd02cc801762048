"""What the tests of the annotation store share: a folder with an image, documents, a clock."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from medseg_desktop.core.annotation import Annotation, FrameAnnotation, Shape
from medseg_desktop.io.annotation_files import read_annotation_file
from medseg_desktop.io.store.annotation_store import AnnotationStore, Saved
from medseg_desktop.io.store.keys import ImageKey
from medseg_desktop.io.store.loading import LoadedDocument, apply_store
from medseg_desktop.io.store.places import Place, Places
from medseg_desktop.io.store.record import Base

#: The tests that count run this many times as much with MEDSEG_FULL_COUNTS=1.
FULL = os.environ.get("MEDSEG_FULL_COUNTS") == "1"


def says_nothing(document: Annotation) -> bool:
    return not document.frames and bool(document.extra.get("nothing"))


NOTHING = Annotation("IM1.dcm", extra={"nothing": True})


def document(n: int, **extra: object) -> Annotation:
    """Version n of a document: a triangle whose first point is (n, 0)."""
    shape = Shape("H", ((float(n), 0.0), (9.0, 0.0), (9.0, 9.0)))
    return Annotation("IM1.dcm", frames=(FrameAnnotation(0, (shape,)),), extra=extra)


def number_of(annotation: Annotation) -> int:
    return int(annotation.frames[0].shapes[0].points[0][0])


@dataclass
class FakeClock:
    """A clock that stands still until it is moved."""

    now: datetime = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Desk:
    """A folder with the image IM1.dcm, and a workspace."""

    root: Path
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.image.touch()
        self.store = self.new_store()

    @property
    def folder(self) -> Path:
        return self.root / "影像"

    @property
    def image(self) -> Path:
        return self.folder / "IM1.dcm"

    @property
    def file(self) -> Path:
        """The annotation beside the image."""
        return self.folder / "IM1.json"

    @property
    def key(self) -> ImageKey:
        return ImageKey("1.2", "1.2.3", self.image)

    @property
    def mirror(self) -> Path:
        return self.store.record(self.key).mirror

    def new_store(self) -> AnnotationStore:
        """The store as another window, or the next start, has it."""
        return AnnotationStore(
            self.root / "workspace" / "annotations", says_nothing=says_nothing, clock=self.clock
        )

    def load(self) -> LoadedDocument:
        """Read the file beside the image, if it is one, and let the store decide."""
        beside = {}
        if self.file.exists():
            beside = {str(self.image): read_annotation_file(self.file)}
        return apply_store(beside, [self.key], self.new_store()).documents[str(self.image)]

    def loaded(self) -> Annotation | None:
        counts = self.load().counts
        return counts.annotation if counts else None

    def place(self) -> Place:
        return Places([self.image]).of(self.image, self.load().file)

    def save(self, annotation: Annotation | None, base: Base, **options: Any) -> Saved:
        place = options.pop("place", None) or Place(self.file)
        return self.store.save(self.key, annotation, base, place, **options)

    def protect(self) -> None:
        """Take the write bits of the folder away, which counts for root too."""
        self.folder.chmod(0o555)

    def temporaries(self) -> list[Path]:
        return sorted(self.root.rglob("*.tmp"))


@contextmanager
def fault_at(n: int, number: int, below: Path) -> Iterator[list[str]]:
    """Let the n-th open, write, fsync, rename and unlink fail that concerns files `below`.

    Yields:
        The calls so far; the n-th one is the last that failed.
    """
    calls: list[str] = []

    def wrap(real: Callable[..., Any], name: str, is_ours: Callable[..., bool]) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            if is_ours(*arguments):
                calls.append(name)
                if len(calls) == n:
                    raise OSError(number, os.strerror(number))
            return real(*arguments, **options)

        return call

    def writes(path: Path, mode: str = "r", *_: Any) -> bool:
        return below in path.parents and mode != "rb"

    def on_path(path: Any, *_: Any) -> bool:
        return below in Path(path).parents

    real_open = Path.open

    def open_failing(path: Path, *arguments: Any, **options: Any) -> Any:
        file = opened(path, *arguments, **options)
        return _FailingFile(file, wrap(file.write, "write", lambda *_: True)) if (
            writes(path, *arguments)
        ) else file  # fmt: skip

    opened = wrap(real_open, "open", writes)
    with (
        patch.object(Path, "open", open_failing),
        patch.object(os, "fsync", wrap(os.fsync, "fsync", lambda *_: True)),
        patch.object(os, "replace", wrap(os.replace, "replace", on_path)),
        patch.object(Path, "unlink", wrap(Path.unlink, "unlink", _is_no_temporary)),
        patch.object(Path, "mkdir", wrap(Path.mkdir, "mkdir", on_path)),
    ):
        yield calls


def _is_no_temporary(path: Path, *_: Any) -> bool:
    """Cleaning up after a fault is not made to fail too."""
    return path.suffix != ".tmp"


class _FailingFile:
    """A file whose `write` is another one."""

    def __init__(self, file: Any, write: Callable[[bytes], int]) -> None:
        self._file = file
        self.write = write

    def __enter__(self) -> _FailingFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

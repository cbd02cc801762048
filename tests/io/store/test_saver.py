from __future__ import annotations

from pathlib import Path

import pytest

from medseg_desktop.core.annotation import Annotation
from medseg_desktop.core.errors import AnnotationError
from medseg_desktop.io.medlabelme import read_annotation
from medseg_desktop.io.store.annotation_store import ChangedOnDiskError
from medseg_desktop.io.store.keys import ImageKey
from medseg_desktop.io.store.loading import LoadedDocument
from medseg_desktop.io.store.places import Place, Places
from medseg_desktop.io.store.record import Base
from medseg_desktop.io.store.saver import Saver
from tests.stored import document, number_of


class Window:
    """A saver on a workspace, and images of a folder that are open in it."""

    def __init__(self, root: Path, folder: str = "images") -> None:
        self.root, self.folder = root, root / folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.saver = Saver(root / "workspace" / "annotations", root / "workspace" / "recovery")

    def path(self, name: str) -> str:
        return str(self.folder / name)

    def file(self, name: str) -> Path:
        return Places([]).annotation_path(self.folder / name)

    def documents(self, *names: str) -> dict[str, LoadedDocument]:
        """Images without annotations."""
        keys = [ImageKey("1.2", f"1.2.{name[2]}", self.folder / name) for name in names]
        return {str(key.image): LoadedDocument(key, None, Base()) for key in keys}

    def open(self, *names: str, staying: tuple[str, ...] = ()) -> None:
        self.saver.open(
            self.documents(*names),
            lambda path: Place(Places([]).annotation_path(Path(path))),
            tuple(map(self.path, staying)),
        )

    def leftovers(self) -> dict[str, int]:
        found = self.saver.leftovers()
        return {x.key.image.name: number_of(_some(x.document)) for x in found}

    def restart(self) -> Window:
        self.saver.close()
        return Window(self.root, self.folder.name)


def _some(annotation: Annotation | None) -> Annotation:
    assert annotation is not None
    return annotation


@pytest.fixture
def window(tmp_path: Path) -> Window:
    result = Window(tmp_path)
    result.open("IM1.dcm", "IM2.dcm")
    return result


def test_a_saved_document_is_noted_no_more(window: Window) -> None:
    path = window.path("IM1.dcm")
    window.saver.note(path, document(1))
    window.saver.save(path, document(1), autosave=True)
    assert read_annotation(window.file("IM1.dcm")) == document(1)
    again = window.restart()
    assert again.leftovers() == {}
    again.saver.close()


def test_what_was_noted_while_it_was_saved_is_left_when_the_session_ends(window: Window) -> None:
    path = window.path("IM1.dcm")
    window.saver.note(path, document(1))
    window.saver.save(path, document(1), autosave=True)
    window.saver.note(path, document(2))
    again = window.restart()
    assert again.leftovers() == {"IM1.dcm": 2}
    again.saver.close()


def test_only_what_is_unsaved_stays_noted_at_the_end(window: Window) -> None:
    for n, name in enumerate(("IM1.dcm", "IM2.dcm")):
        window.saver.note(window.path(name), document(n))
    window.saver.forget_all_but([window.path("IM2.dcm")])
    again = window.restart()
    assert again.leftovers() == {"IM2.dcm": 1}
    again.saver.close()


def test_what_is_unsaved_when_another_source_is_opened_is_a_leftover_at_once(
    window: Window,
) -> None:
    window.saver.note(window.path("IM1.dcm"), document(1))
    window.open("IM3.dcm")
    assert window.leftovers() == {"IM1.dcm": 1}
    window.saver.note(window.path("IM3.dcm"), document(3))
    window.open("IM1.dcm")
    leftovers = window.saver.leftovers()
    assert set(window.saver.paths_of(leftovers)) == {window.path("IM1.dcm")}
    window.saver.note(window.path("IM1.dcm"), document(5))  # takes nothing from the leftover
    assert window.leftovers() == {"IM1.dcm": 1, "IM3.dcm": 3}
    again = window.restart()
    assert again.leftovers() == {"IM1.dcm": 5, "IM3.dcm": 3}
    again.saver.close()


def test_a_document_that_stays_open_takes_along_what_is_noted_and_what_it_was_made_from(
    window: Window,
) -> None:
    one, two = window.path("IM1.dcm"), window.path("IM2.dcm")
    window.saver.save(one, document(1), autosave=False)
    window.saver.note(one, document(2))
    window.saver.note(two, document(7))
    window.open("IM1.dcm", "IM2.dcm", staying=("IM1.dcm",))  # as it was before the save
    assert window.leftovers() == {"IM2.dcm": 7}
    window.saver.save(one, document(3), autosave=False)  # no other program has done that
    assert read_annotation(window.file("IM1.dcm")) == document(3)
    again = window.restart()
    assert again.leftovers() == {"IM2.dcm": 7}
    again.saver.close()


def test_what_stays_open_is_no_leftover_where_nothing_else_is_noted(window: Window) -> None:
    one = window.path("IM1.dcm")
    window.saver.note(one, document(2))
    window.open("IM1.dcm", staying=("IM1.dcm",))
    assert window.leftovers() == {}
    window.saver.close()


def test_a_leftover_of_a_folder_that_has_moved_is_judged_by_the_file_that_is_there(
    tmp_path: Path,
) -> None:
    window = Window(tmp_path)
    window.open("IM1.dcm")
    window.saver.note(window.path("IM1.dcm"), document(1))
    window.saver.close()
    moved = Window(tmp_path, "moved")
    moved.open("IM1.dcm")
    found = moved.saver.paths_of(moved.saver.leftovers())
    assert not found[moved.path("IM1.dcm")].is_file_changed
    other = moved.documents("IM1.dcm")
    key = other[moved.path("IM1.dcm")].key
    changed = {moved.path("IM1.dcm"): LoadedDocument(key, None, Base("another"))}
    moved.saver.open(changed, lambda _: Place(moved.file("IM1.dcm")))
    found = moved.saver.paths_of(moved.saver.leftovers())
    assert found[moved.path("IM1.dcm")].is_file_changed
    moved.saver.close()


def test_theirs_that_cannot_be_read_changes_nothing(window: Window) -> None:
    path, file = window.path("IM1.dcm"), window.file("IM1.dcm")
    file.write_bytes(b"{ torn")
    with pytest.raises(ChangedOnDiskError) as raised:
        window.saver.save(path, document(1), autosave=True)
    with pytest.raises(AnnotationError):
        window.saver.take_theirs(path, document(1), raised.value)
    assert file.read_bytes() == b"{ torn"
    assert window.saver.versions(path) == ()
    window.saver.keep_ours(path, document(1), raised.value)
    assert read_annotation(file) == document(1)
    assert [v.path.read_bytes() for v in window.saver.versions(path)] == [b"{ torn"]
    window.saver.close()

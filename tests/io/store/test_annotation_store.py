from __future__ import annotations

import contextlib
import errno
import json
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medseg_desktop.core.annotation import Annotation, FrameAnnotation, Shape, ShapeType
from medseg_desktop.core.errors import WorkspaceError
from medseg_desktop.io import atomic
from medseg_desktop.io.annotation_files import digest_of
from medseg_desktop.io.medlabelme import annotation_bytes, parse_annotation, write_annotation
from medseg_desktop.io.store.annotation_store import ChangedOnDiskError
from medseg_desktop.io.store.keys import ImageFile, ImageKey, image_keys
from medseg_desktop.io.store.places import Place
from medseg_desktop.io.store.record import Base
from medseg_desktop.io.workspace import Workspace
from tests.stored import FULL, NOTHING, Desk, document, fault_at, number_of

FAULTS = (errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_uids_name_the_folder_and_anything_else_is_digested(desk: Desk) -> None:
    folder = desk.store.record(desk.key).folder
    assert folder == Workspace(desk.root / "workspace").annotations / "1.2" / "1.2.3"
    for uid in ("../../etc", "..", "", "1.2/3", "x" * 200, "1" * 65, "影像"):
        key = ImageKey(uid, uid, desk.image)
        names = desk.store.record(key).folder.relative_to(desk.store.folder).parts
        assert len(names) == 2
        assert all(len(n) == 64 and set(n) <= set("0123456789abcdef") for n in names)


def test_files_that_share_their_uids_have_folders_of_their_own() -> None:
    root = Path("/study")
    files = [ImageFile(root / n, "1.2", "1.2.3") for n in ("a", "b")]
    files += [ImageFile(root / "c", "1.2", "1.2.4"), ImageFile(root / "d", "", "")]
    keys = image_keys(files, root)
    assert len({(k.series_folder, k.folder) for k in keys}) == 4
    assert keys[2].folder == "1.2.4"
    assert image_keys(files, root) == keys


def test_what_was_unpacked_elsewhere_is_known_again() -> None:
    def keys(root: Path) -> list[tuple[str, str]]:
        files = [ImageFile(root / "x" / n, "", "") for n in ("a", "b")]
        found = image_keys(files, root, "/home/disc.zip")
        return [(k.series_folder, k.folder) for k in found]

    assert keys(Path("/tmp/1")) == keys(Path("/tmp/2"))
    assert len(set(keys(Path("/tmp/1")))) == 2


def with_shape(points: tuple[tuple[float, float], ...]) -> Annotation:
    frame = FrameAnnotation(0, (*document(1).frames[0].shapes, Shape("H", points)))
    return Annotation("IM1.dcm", 1, (frame,))


@pytest.mark.parametrize(
    "points",
    [
        tuple((i % 500 + 0.5, i // 500 + 0.5) for i in range(100_001)),
        ((0.0, 0.0), (2e6, 0.0), (1.0, 1.0)),
    ],
    ids=["too many points", "too far away"],
)
def test_a_shape_that_could_not_be_read_again_is_not_saved(
    desk: Desk, points: tuple[tuple[float, float], ...]
) -> None:
    base = desk.save(document(1), Base()).base
    before = desk.file.read_bytes(), desk.mirror.read_bytes()
    with pytest.raises(WorkspaceError, match=r"IM1\.dcm: shape 2 of frame 0") as caught:
        desk.save(with_shape(points), base)
    assert "not saved" in caught.value.hint
    assert (desk.file.read_bytes(), desk.mirror.read_bytes()) == before


def test_what_could_not_be_read_before_goes_back_as_it_was(desk: Desk) -> None:
    base = desk.save(document(1), Base()).base
    foreign = json.loads(desk.file.read_text(encoding="utf-8"))
    foreign["frames"][0]["shapes"].append({"label": "H", "points": "torn"})
    desk.file.write_text(json.dumps(foreign), encoding="utf-8")
    loaded = desk.loaded()
    assert loaded is not None
    assert len(loaded.notices("a")) == 1
    base = desk.save(loaded, desk.load().base).base
    assert desk.load().base == base
    assert (
        json.loads(desk.file.read_text(encoding="utf-8"))["frames"][0]["shapes"][1]
        == (foreign["frames"][0]["shapes"][1])
    )


def test_a_save_is_beside_the_image_and_in_the_workspace_byte_for_byte(desk: Desk) -> None:
    saved = desk.save(document(1), Base())
    assert (
        desk.file.read_bytes()
        == desk.mirror.read_bytes()
        == annotation_bytes(document(1), "a.json")
    )
    digest = digest_of(desk.file.read_bytes())
    assert saved.base == Base(digest, digest)
    assert not saved.moved_to_workspace
    state = json.loads((desk.mirror.parent / "state.json").read_text(encoding="utf-8"))
    assert (state["schema"], state["base"], state["path"]) == (1, digest, str(desk.file))
    assert state["time"] == "2026-01-02T03:04:05.000000+00:00"
    assert desk.load().base == saved.base


points = st.tuples(st.integers(0, 99), st.floats(0, 99, allow_subnormal=False))
shapes = st.builds(
    Shape,
    st.text(min_size=1, max_size=4),
    st.lists(points, min_size=3, max_size=6).map(tuple),
    st.sampled_from([ShapeType.POLYGON, ShapeType.LINESTRIP, ShapeType.POINTS]),
    st.dictionaries(st.sampled_from(["medseg", "flags", "键"]), st.text() | st.none()),
)
frames = st.lists(
    st.builds(
        FrameAnnotation,
        st.integers(0, 5),
        st.lists(shapes, max_size=3).map(tuple),
        st.none() | st.integers(1, 99),
    ),
    max_size=3,
    unique_by=lambda f: f.frame,
).map(tuple)
documents = st.builds(
    Annotation,
    st.just("IM1.dcm"),
    st.none() | st.integers(0, 9),
    frames,
    st.dictionaries(st.sampled_from(["version", "medseg", "我"]), st.lists(st.integers())),
)


@given(st.lists(documents, min_size=1, max_size=3), st.booleans())
@settings(max_examples=500 if FULL else 60)
def test_any_document_saved_and_loaded_is_equal(drawn: list[Annotation], beside: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        desk, base = Desk(Path(folder)), Base()
        place = Place(desk.file) if beside else Place(None)
        for annotation in drawn:
            base = desk.save(annotation, base, place=place).base
            assert desk.loaded() == annotation
            assert desk.load().base == base


def test_a_document_that_says_nothing_takes_its_file_away_and_a_version_stays(desk: Desk) -> None:
    base = desk.save(document(1), Base()).base
    for nothing in (None, NOTHING):
        saved = desk.save(nothing, base)
        assert saved.is_removed
        assert not desk.file.exists()
        assert not desk.mirror.exists()
        assert desk.loaded() is None
        assert desk.load().conflict is None
        assert number_of(desk.store.versions(desk.key)[0].read()) == 1
        base = desk.save(document(1), saved.base).base


def test_what_could_not_be_read_again_is_not_saved(desk: Desk) -> None:
    base = desk.save(document(1), Base()).base
    (frame,) = document(1).frames
    broken = replace(frame.shapes[0], points=((float("nan"), 0.0), (1.0, 1.0), (2.0, 1.0)))
    with pytest.raises(WorkspaceError, match="not a"):
        desk.save(replace(document(1), frames=(replace(frame, shapes=(broken,)),)), base)
    assert number_of(parse_annotation(desk.file.read_bytes(), "")) == 1


def test_a_state_of_a_newer_program_is_not_replaced(desk: Desk) -> None:
    base = desk.save(document(1), Base()).base
    state = desk.mirror.parent / "state.json"
    state.write_text('{"schema": 2}', encoding="utf-8")
    with pytest.raises(WorkspaceError, match="newer version"):
        desk.save(document(2), base)
    assert state.read_text(encoding="utf-8") == '{"schema": 2}'
    assert number_of(parse_annotation(desk.file.read_bytes(), "")) == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
def test_a_file_that_a_group_may_write_stays_so(desk: Desk) -> None:
    base = desk.save(document(1), Base()).base
    desk.file.chmod(0o664)
    desk.save(document(2), base)
    assert desk.file.stat().st_mode & 0o777 == 0o664


# -- versions


def test_the_last_five_replaced_contents_are_kept_and_can_be_restored(desk: Desk) -> None:
    base = Base()
    for n in range(8):
        desk.clock.advance(1)
        base = desk.save(document(n), base).base
    versions = desk.store.versions(desk.key)
    assert [number_of(v.read()) for v in versions] == [6, 5, 4, 3, 2]
    assert versions[0].path.name == "20260102T030413Z-7.json"


def test_restoring_a_version_is_a_save_like_any_other(desk: Desk) -> None:
    base = Base()
    for n in range(3):
        base = desk.save(document(n), base).base
    for _ in range(20):
        oldest = desk.store.versions(desk.key)[-1].read()
        base = desk.save(oldest, base).base
        assert desk.loaded() == oldest


def test_autosaves_within_a_minute_are_one_version(desk: Desk) -> None:
    base = desk.save(document(0), Base()).base
    for n in range(1, 40):  # 39 autosaves in 195 seconds
        base = desk.save(document(n), base, autosave=True).base
        desk.clock.advance(5)
    numbers = [number_of(v.read()) for v in desk.store.versions(desk.key)]
    assert numbers == [36, 24, 12, 0]


def test_what_the_user_saved_is_a_version_although_an_autosave_replaces_it(desk: Desk) -> None:
    base = Base()
    for n, autosave in enumerate([False, True, True, False, True]):
        base = desk.save(document(n), base, autosave=autosave).base
        desk.clock.advance(2)
    numbers = [number_of(v.read()) for v in desk.store.versions(desk.key)]
    assert numbers == [3, 2, 0]


def test_a_clock_that_is_set_back_mixes_no_versions_up(desk: Desk) -> None:
    base = Base()
    for n in range(4):
        base = desk.save(document(n), base).base
        desk.clock.advance(-3600)
    assert [number_of(v.read()) for v in desk.store.versions(desk.key)] == [2, 1, 0]


def test_the_same_content_is_no_new_version(desk: Desk) -> None:
    base = desk.save(document(1), Base()).base
    for _ in range(3):
        base = desk.save(document(1), base).base
    assert desk.store.versions(desk.key) == ()


# -- changed outside


def by_another_program(desk: Desk) -> None:
    write_annotation(desk.file, document(7))


def in_place(desk: Desk) -> None:
    desk.file.write_bytes(desk.file.read_bytes() + b" " if desk.file.exists() else b"{}")


def damaged(desk: Desk) -> None:
    desk.file.write_bytes(b"\0not JSON")


def emptied(desk: Desk) -> None:
    desk.file.write_bytes(b"")


def in_another_window(desk: Desk) -> None:
    other = desk.new_store()
    other.save(desk.key, document(8), desk.load().base, Place(desk.file))


def in_another_workspace(desk: Desk) -> None:
    Desk(desk.root / "other").store.save(
        desk.key, document(9), desk.load().base, Place(desk.file)
    )  # fmt: skip


CHANGES = (
    by_another_program, in_place, damaged, emptied, in_another_window, in_another_workspace,
)  # fmt: skip
#: What this window does: was there a file when it was opened, and does it save or remove.
SITUATIONS = ((True, document(2)), (True, None), (False, document(2)), (False, None))


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(("had_file", "mine"), SITUATIONS)
def test_a_file_that_somebody_changed_is_never_written_over(
    desk: Desk, change: Any, had_file: bool, mine: Annotation | None
) -> None:
    base = desk.save(document(1), Base()).base if had_file else Base()
    change(desk)
    theirs = desk.file.read_bytes()
    kept = {p: p.read_bytes() for p in desk.store.folder.rglob("*.json")}
    for _ in range(2):  # asking again is no answer
        with pytest.raises(ChangedOnDiskError, match="was changed") as raised:
            desk.save(mine, base)
        assert raised.value.path == desk.file
        assert raised.value.data == theirs
        assert desk.file.read_bytes() == theirs
    assert {p: p.read_bytes() for p in desk.store.folder.rglob("*.json")} == kept
    saved = desk.store.force_over(desk.key, mine, base, Place(desk.file), theirs)
    assert desk.file.exists() == (mine is not None)
    assert desk.store.versions(desk.key)[0].path.read_bytes() == theirs
    assert desk.save(document(3), saved.base).base == desk.load().base


def test_a_file_that_somebody_removed_is_told_too(desk: Desk) -> None:
    base = desk.save(document(1), Base()).base
    desk.file.unlink()
    with pytest.raises(ChangedOnDiskError, match="was removed") as raised:
        desk.save(document(2), base)
    assert raised.value.data is None
    assert not desk.file.exists()
    desk.store.force_over(desk.key, document(2), base, Place(desk.file), None)
    assert desk.loaded() == document(2)


def test_their_file_can_be_taken_instead(desk: Desk) -> None:
    base = desk.save(document(1), Base()).base
    by_another_program(desk)
    with pytest.raises(ChangedOnDiskError) as raised:
        desk.save(document(2), base)
    theirs = parse_annotation(raised.value.data or b"", "IM1.json")
    assert number_of(theirs) == 7
    desk.save(document(3), replace(base, beside=raised.value.digest))
    assert desk.loaded() == document(3)


def test_a_file_that_changes_while_ours_is_written_is_seen(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = desk.save(document(1), Base()).base
    real = os.fsync

    def fsync(fd: int) -> None:
        real(fd)
        if list(desk.folder.glob("*.tmp")):
            desk.file.write_bytes(b"theirs")

    monkeypatch.setattr(atomic.os, "fsync", fsync)
    with pytest.raises(ChangedOnDiskError):
        desk.save(document(2), base)
    assert desk.file.read_bytes() == b"theirs"
    assert desk.temporaries() == []


def test_changing_again_after_the_decision_asks_again(desk: Desk) -> None:
    base = desk.save(document(1), Base()).base
    by_another_program(desk)
    theirs = desk.file.read_bytes()
    in_place(desk)
    with pytest.raises(ChangedOnDiskError):
        desk.store.force_over(desk.key, document(2), base, Place(desk.file), theirs)
    assert desk.file.read_bytes() == theirs + b" "


def test_two_windows_on_a_read_only_folder_do_not_overwrite_each_other(desk: Desk) -> None:
    nowhere = Place(None, "read-only")
    mine = desk.save(document(1), Base(), place=nowhere).base
    other = desk.new_store()
    other.save(desk.key, document(2), desk.load().base, nowhere)
    with pytest.raises(ChangedOnDiskError) as raised:
        desk.save(document(3), mine, place=nowhere)
    assert raised.value.path == desk.mirror
    desk.store.force_over(desk.key, document(3), mine, nowhere, raised.value.data)
    assert desk.loaded() == document(3)
    assert number_of(desk.store.versions(desk.key)[0].read()) == 2


# -- folders that refuse


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.EPERM])
@pytest.mark.parametrize("mine", [document(2), None])
def test_a_refusal_at_writing_moves_the_document_to_the_workspace(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, number: int, mine: Annotation | None
) -> None:
    base = desk.save(document(1), Base()).base
    old = desk.file.read_bytes()

    def refuse(real: Any) -> Any:
        def call(path: Path, *arguments: Any, **options: Any) -> Any:
            if path.parent == desk.folder and arguments != ("rb",):
                raise OSError(number, os.strerror(number))
            return real(path, *arguments, **options)

        return call

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", refuse(Path.open))
        patch.setattr(Path, "unlink", refuse(Path.unlink))
        saved = desk.save(mine, base)
    assert saved.moved_to_workspace
    assert saved.place.path is None
    assert str(desk.file) in saved.place.reason
    assert desk.file.read_bytes() == old
    assert desk.loaded() == mine
    assert number_of(desk.store.versions(desk.key)[0].read()) == 1
    # The next save goes to the same place, and later back beside the image.
    base = desk.save(document(3), saved.base, place=saved.place).base
    assert desk.loaded() == document(3)
    assert desk.file.read_bytes() == old
    desk.save(document(4), base)
    assert parse_annotation(desk.file.read_bytes(), "") == desk.loaded() == document(4)


def test_a_file_that_may_no_longer_be_read_is_left_alone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = desk.save(document(1), Base()).base
    real = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path == desk.file:
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(path)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", refuse)
        assert desk.save(document(2), base).moved_to_workspace
    assert number_of(parse_annotation(desk.file.read_bytes(), "")) == 1
    assert desk.loaded() == document(2)


# -- faults


def _loads_old_or_new(desk: Desk, old: Annotation | None, new: Annotation | None) -> bool:
    """Whether the next start finds the new one; neither is torn."""
    desk.file.exists() and parse_annotation(desk.file.read_bytes(), "IM1.json")
    found = desk.loaded()
    assert found in (old, new)
    return found == new


@pytest.mark.parametrize("number", FAULTS)
@pytest.mark.parametrize("is_beside", [True, False])
@pytest.mark.parametrize(
    ("old", "new"),
    [(document(1), document(2)), (None, document(2)), (document(1), None)],
    ids=["replace", "first", "remove"],
)
def test_a_fault_at_any_call_leaves_the_old_document_and_says_so(
    tmp_path: Path, number: int, is_beside: bool, old: Annotation | None, new: Annotation | None
) -> None:
    late: list[str] = []
    for n in range(1, 60):
        desk = Desk(tmp_path / str(n))
        place = Place(desk.file) if is_beside else Place(None, "read-only")
        base = desk.save(old, Base(), place=place).base if old else Base()
        before = desk.file.read_bytes() if desk.file.exists() else None
        with fault_at(n, number, desk.root) as calls:
            try:
                saved = desk.save(new, base, place=place)
            except WorkspaceError as error:
                saved, told = None, error.message
        assert desk.temporaries() == []
        is_new = _loads_old_or_new(desk, old, new)
        if saved is None:
            assert told.startswith("Cannot")
        else:
            assert is_new
            if saved.moved_to_workspace:
                assert number in (errno.EACCES, errno.EROFS)
                now = desk.file.read_bytes() if desk.file.exists() else None
                assert now == before
        if saved is None and is_new and old is not None:
            late.append(calls[n - 1])
        # Whatever was: the next save of the same window is good.
        if saved is None:
            desk.save(document(3), base, place=place)
            assert desk.loaded() == document(3)
        if len(calls) < n:
            break
    assert 8 < n < 59
    # Behind the step that decides there is only the fsync of its folder.
    assert late in ([], ["fsync"])


@pytest.mark.parametrize("was_removed", [True, False])
def test_a_fault_does_not_bring_a_replaced_read_only_file_back(
    tmp_path: Path, was_removed: bool
) -> None:
    for n in range(1, 60):
        desk = Desk(tmp_path / str(n))
        write_annotation(desk.file, document(1))
        base = desk.load().base
        old = None if was_removed else document(2)
        base = desk.save(old, base, place=Place(None)).base
        with fault_at(n, errno.ENOSPC, desk.root) as calls, contextlib.suppress(WorkspaceError):
            desk.save(document(3), base, place=Place(None))
        assert desk.loaded() in (old, document(3))
        if len(calls) < n:
            break
    assert 8 < n < 59


def test_failed_saves_push_no_version_out(desk: Desk) -> None:
    base = Base()
    for n in range(6):
        base = desk.save(document(n), base).base
    for n in range(10, 20):
        with (
            fault_at(10_000, errno.ENOSPC, desk.root) as calls,
            pytest.MonkeyPatch.context() as patch,
        ):
            real = os.replace

            def full(source: Any, target: Any, real: Any = real) -> None:
                if Path(target) == desk.file:
                    raise OSError(errno.ENOSPC, "No space left on device")
                real(source, target)

            patch.setattr(os, "replace", full)
            with pytest.raises(WorkspaceError, match="disk is full"):
                desk.save(document(n), base)
        assert calls
    assert desk.loaded() == document(5)
    desk.save(document(30), base)
    numbers = [number_of(v.read()) for v in desk.store.versions(desk.key)]
    assert numbers == [5, 4, 3, 2, 1]

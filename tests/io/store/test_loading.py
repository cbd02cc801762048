from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from medseg_desktop.core.annotation import Annotation
from medseg_desktop.core.errors import WorkspaceError
from medseg_desktop.core.specs import EvaluateSpec
from medseg_desktop.inference.evaluation import run_evaluation
from medseg_desktop.io.annotation_files import FileShape, read_annotation_file
from medseg_desktop.io.conversion import run_conversion
from medseg_desktop.io.conversion_request import conversion_spec
from medseg_desktop.io.dicom_series import ScanResult, scan
from medseg_desktop.io.medlabelme import new_annotation, write_annotation
from medseg_desktop.io.sources.source import open_source
from medseg_desktop.io.store.annotation_store import AnnotationStore
from medseg_desktop.io.store.loading import apply_store
from medseg_desktop.io.store.places import Place
from medseg_desktop.io.store.record import Base
from medseg_desktop.io.workspace import Workspace
from tests.builders import QuietContext, lesion_slice, write_dicom, write_model_package, write_study
from tests.media import write_zip
from tests.stored import Desk, document, number_of

NOWHERE = Place(None, "read-only")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def everything(folder: Path) -> dict[str, tuple[bytes, int]]:
    files = (p for p in folder.rglob("*") if p.is_file())
    return {str(p): (p.read_bytes(), p.stat().st_mtime_ns) for p in files}


def test_without_a_workspace_the_files_beside_the_images_are_all(desk: Desk) -> None:
    write_annotation(desk.file, document(1))
    beside = read_annotation_file(desk.file)
    loaded = apply_store({str(desk.image): beside}, [desk.key], None)
    assert loaded.annotations == {str(desk.image): beside}
    assert loaded.documents[str(desk.image)].base == Base(beside.digest)
    assert loaded.warnings == ()


def test_what_was_made_in_the_workspace_comes_back(desk: Desk) -> None:
    base = desk.save(document(1), Base(), place=NOWHERE).base
    loaded = desk.load()
    assert loaded.counts is not None
    assert loaded.counts.path == desk.mirror
    assert (loaded.base, loaded.file, loaded.conflict) == (base, None, None)
    assert desk.loaded() == document(1)
    assert not desk.file.exists()


def test_it_comes_back_although_the_folder_lies_elsewhere_now(desk: Desk) -> None:
    desk.save(document(1), Base(), place=NOWHERE)
    moved = Desk(desk.root / "stick")
    key = moved.key
    loaded = apply_store({}, [key], desk.new_store())
    assert loaded.annotations[str(moved.image)].annotation == document(1)


def test_a_read_only_file_is_replaced_in_the_workspace_as_long_as_it_stays(desk: Desk) -> None:
    write_annotation(desk.file, document(1))
    base = desk.save(document(2), desk.load().base, place=NOWHERE).base
    assert desk.loaded() == document(2)
    assert desk.load().base == base
    assert desk.load().file == desk.file
    write_annotation(desk.file, document(3))
    loaded = desk.load()
    assert desk.loaded() == document(3)
    assert loaded.conflict is not None
    assert loaded.conflict.other == document(2)
    assert str(desk.file) in loaded.conflict.sentence


def test_a_read_only_file_whose_shapes_were_taken_away_does_not_come_back(desk: Desk) -> None:
    write_annotation(desk.file, document(1))
    base = desk.save(document(2), desk.load().base, place=NOWHERE).base
    base = desk.save(None, base, place=NOWHERE).base
    assert desk.loaded() is None
    assert desk.load().base == base
    desk.save(document(4), base, place=NOWHERE)
    assert desk.loaded() == document(4)


def test_a_file_that_another_program_wrote_counts_and_ours_is_offered(desk: Desk) -> None:
    desk.save(document(1), Base())
    write_annotation(desk.file, document(2))
    loaded = desk.load()
    assert desk.loaded() == document(2)
    assert loaded.conflict is not None
    assert loaded.conflict.other == document(1)
    assert "another program" in loaded.conflict.sentence
    # Once it is saved here again there is nothing to tell, and what was offered is a version.
    base = desk.save(document(3), loaded.base).base
    assert desk.load().base == base
    assert desk.load().conflict is None
    assert [number_of(v.read()) for v in desk.store.versions(desk.key)] == [2, 1]


def test_keys_that_another_program_dropped_come_back_without_a_word(desk: Desk) -> None:
    ours = document(1, medseg={"reviewed_frames": [3], "slice_states": {"3": "doubt"}})
    frame = ours.frames[0]
    shape = frame.shapes[0]
    kept = Annotation(
        ours.image_path,
        frames=(type(frame)(0, (type(shape)("H", shape.points, extra={"medseg": {"by": "K"}}),)),),
        extra=ours.extra,
    )
    desk.save(kept, Base())
    write_annotation(desk.file, document(1, flags={}))  # as MedicalLabelMe leaves it
    theirs = desk.file.read_bytes()
    loaded = desk.loaded()
    assert loaded is not None
    assert loaded.reviewed_frames == {3}
    assert loaded.shapes(0)[0].extra == {"medseg": {"by": "K"}}
    assert loaded.extra["flags"] == {}
    assert desk.load().conflict is None
    assert desk.file.read_bytes() == theirs


def test_a_file_that_is_gone_is_unseen_and_ours_is_offered(desk: Desk) -> None:
    desk.save(document(1), Base())
    desk.file.unlink()
    loaded = desk.load()
    assert desk.loaded() is None
    assert loaded.conflict is not None
    assert loaded.conflict.other == document(1)


def test_a_first_save_that_did_not_come_to_its_end_is_not_called_removed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.replace

    def full(source: Path, target: Path) -> None:
        if Path(target) == desk.file:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(WorkspaceError):
        desk.save(document(1), Base())
    assert (desk.loaded(), desk.load().conflict) == (None, None)


def test_a_copy_of_the_folder_has_documents_of_its_own(desk: Desk) -> None:
    desk.save(document(1), Base())
    copy = Desk(desk.root / "copy")
    copy.store = desk.store
    write_annotation(copy.file, document(2))
    beside = {str(copy.image): read_annotation_file(copy.file)}
    loaded = apply_store(beside, [copy.key], desk.store).documents[str(copy.image)]
    assert (loaded.counts, loaded.conflict) == (beside[str(copy.image)], None)
    assert apply_store({}, [copy.key], desk.store).annotations == {}
    copy.protect()
    found = apply_store({}, [copy.key], desk.store).annotations
    copy.folder.chmod(0o755)
    assert found[str(copy.image)].annotation == document(1)


def test_a_lost_state_loses_no_document(desk: Desk) -> None:
    desk.save(document(1), Base(), place=NOWHERE)
    state = desk.mirror.parent / "state.json"
    for damage in (b"", b"{", b"[]", b"\xff"):
        state.write_bytes(damage)
        assert desk.loaded() == document(1)
    state.unlink()
    assert desk.loaded() == document(1)
    write_annotation(desk.file, document(2))
    assert desk.loaded() == document(2)
    assert desk.load().conflict is not None


def test_a_damaged_mirror_is_told_and_is_not_lost_either(desk: Desk) -> None:
    desk.save(document(1), Base(), place=NOWHERE)
    desk.mirror.write_bytes(b"{torn")
    loaded = apply_store({}, [desk.key], desk.new_store())
    assert loaded.annotations == {}
    assert "damaged" in loaded.warnings[0]
    desk.save(document(2), loaded.documents[str(desk.image)].base, place=NOWHERE)
    assert desk.store.versions(desk.key)[0].path.read_bytes() == b"{torn"


def test_a_document_that_does_not_fit_the_image_is_not_used(desk: Desk) -> None:
    desk.save(document(1), Base(), place=NOWHERE)
    fits = {str(desk.image): FileShape(1, 8, 8)}
    assert apply_store({}, [desk.key], desk.store, shapes=fits).annotations
    no_frames = {str(desk.image): FileShape(0, 8, 8)}
    loaded = apply_store({}, [desk.key], desk.store, shapes=no_frames)
    assert loaded.annotations == {}
    assert "lists frame 0" in loaded.warnings[0]


def test_many_conflicts_are_one_sentence(desk: Desk) -> None:
    keys = []
    for i in range(3):
        key = type(desk.key)("1.2", f"1.3.{i}", desk.folder / f"{i}.dcm")
        file = desk.folder / f"{i}.json"
        desk.store.save(key, document(1), Base(), Place(file))
        write_annotation(file, document(2))
        keys.append(key)
    beside = {str(k.image): read_annotation_file(k.image.with_suffix(".json")) for k in keys}
    loaded = apply_store(beside, keys, desk.store)
    assert len(loaded.conflicts) == 3
    (sentence,) = loaded.warnings
    assert sentence.endswith("(2 more like this).")


# -- a source with its workspace


def look(source: Path, workspace: Workspace) -> ScanResult:
    store = AnnotationStore(workspace.annotations)
    return scan(open_source(source), salt=b"salt", store=store)


def annotate_in_workspace(source: Path, workspace: Workspace) -> ScanResult:
    """Save an outline of the lesion for every slice of a source that cannot be written."""
    found = look(source, workspace)
    store = AnnotationStore(workspace.annotations)
    shapes = document(10).frames
    for path, known in found.loaded.documents.items():
        place = found.place(path)
        assert place.path is None
        annotation = new_annotation(Path(path).name)
        annotation = Annotation(annotation.image_path, 1, shapes, annotation.extra)
        store.save(known.key, annotation, known.base, place)
    return found


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "ws")


@pytest.fixture
def share(tmp_path: Path) -> Path:
    """A study without annotations in folders that cannot be written."""
    study = write_study(tmp_path / "share", ["A", "B"])
    for path in study.rglob("*.json"):
        path.unlink()
    for folder in (study / "A", study / "B"):
        folder.chmod(0o555)
    return study


def test_a_scan_sees_what_lives_in_the_workspace(share: Path, workspace: Workspace) -> None:
    before = everything(share)
    annotate_in_workspace(share, workspace)
    written = everything(workspace.root)
    found = look(share, workspace)
    slices = [item for series in found.series for item in series.slices]
    assert len(slices) == 4
    assert all(found.is_annotated(item) for item in slices)
    assert everything(share) == before
    assert everything(workspace.root) == written  # opening and looking writes nothing
    unaware = scan(open_source(share), salt=b"salt")
    assert not any(unaware.is_reviewed(item) for item in slices)


def test_conversion_and_evaluation_use_what_lives_in_the_workspace(
    share: Path, workspace: Workspace, tmp_path: Path
) -> None:
    annotate_in_workspace(share, workspace)
    spec = conversion_spec(workspace, share, tmp_path / "dataset")
    result = run_conversion(spec, QuietContext())
    assert (result["slices"], result["slices_with_lesion"]) == (4, 4)
    model = write_model_package(tmp_path / "m")
    evaluation = EvaluateSpec(
        model=str(model),
        source=str(share),
        salt=workspace.salt().hex(),
        workspace=str(workspace.root),
    )
    assert len(run_evaluation(evaluation, QuietContext())["cases"]) == 2


def test_annotations_of_an_archive_come_back_with_it(tmp_path: Path, workspace: Workspace) -> None:
    study = write_study(tmp_path / "study", ["A"])
    for path in study.rglob("*.json"):
        path.unlink()
    archive = write_zip(tmp_path / "study.zip", study)
    with annotate_in_workspace(archive, workspace).source as first:
        pass
    found = look(archive, workspace)
    with found.source:
        assert found.root != first.root
        assert sum(found.is_annotated(x) for s in found.series for x in s.slices) == 2


def test_copies_of_a_file_in_one_source_are_told_apart(
    tmp_path: Path, workspace: Workspace
) -> None:
    for name in ("a", "b"):
        write_dicom(tmp_path / "s" / name / "IM1.dcm", lesion_slice(), sop_uid="1.2.3")
    found = look(tmp_path / "s", workspace)
    store = AnnotationStore(workspace.annotations)
    for n, (path, known) in enumerate(sorted(found.loaded.documents.items())):
        store.save(known.key, document(n), known.base, NOWHERE)
        assert found.place(path).path == Path(path).with_suffix(".json")
    again = look(tmp_path / "s", workspace)
    numbers = [number_of(a.annotation) for _, a in sorted(again.annotations.items())]
    assert numbers == [0, 1]


def annotate(workspace: Workspace, found: ScanResult, path: Path, n: int) -> None:
    """Save version n for an image, in the workspace only."""
    known = found.loaded.documents[str(path)]
    store = AnnotationStore(workspace.annotations)
    store.save(known.key, document(n), known.base, NOWHERE)


def numbers(source: Path, workspace: Workspace) -> dict[str, int]:
    """Folder of the image -> the version of its document."""
    found = look(source, workspace)
    return {
        Path(path).parent.name: number_of(file.annotation)
        for path, file in found.annotations.items()
    }


def copies(folder: Path) -> tuple[Path, Path]:
    """Two files with the same UIDs, in the folders a and b."""
    one, other = folder / "a" / "IM1.dcm", folder / "b" / "IM1.dcm"
    write_dicom(one, lesion_slice(), sop_uid="1.2.3")
    write_dicom(other, lesion_slice(), sop_uid="1.2.3")
    return one, other


def test_what_was_annotated_alone_is_there_beside_a_copy_and_only_once(
    tmp_path: Path, workspace: Workspace
) -> None:
    one, _ = copies(tmp_path / "s")
    annotate(workspace, look(one.parent, workspace), one, 1)
    written = everything(workspace.root)
    assert numbers(tmp_path / "s", workspace) == {"a": 1}
    assert everything(workspace.root) == written
    both = look(tmp_path / "s", workspace)
    assert both.loaded.warnings == ()
    annotate(workspace, both, one, 2)  # as good as anything that was read
    assert numbers(tmp_path / "s", workspace) == {"a": 2}
    assert numbers(one.parent, workspace) == {"a": 2}


def test_what_was_annotated_beside_a_copy_is_there_alone(
    tmp_path: Path, workspace: Workspace
) -> None:
    one, other = copies(tmp_path / "s")
    both = look(tmp_path / "s", workspace)
    annotate(workspace, both, one, 1)
    annotate(workspace, both, other, 2)
    assert numbers(one.parent, workspace) == {"a": 1}
    assert numbers(other.parent, workspace) == {"b": 2}
    annotate(workspace, look(other.parent, workspace), other, 3)
    annotate(workspace, look(other.parent, workspace), other, 4)
    assert numbers(tmp_path / "s", workspace) == {"a": 1, "b": 4}
    assert numbers(one.parent, workspace) == {"a": 1}


def test_what_was_taken_away_beside_a_copy_does_not_come_back_alone(
    tmp_path: Path, workspace: Workspace
) -> None:
    one, _ = copies(tmp_path / "s")
    annotate(workspace, look(one.parent, workspace), one, 1)
    known = look(tmp_path / "s", workspace).loaded.documents[str(one)]
    AnnotationStore(workspace.annotations).save(known.key, None, known.base, NOWHERE)
    assert numbers(tmp_path / "s", workspace) == numbers(one.parent, workspace) == {}


def test_where_nobody_knows_which_copy_was_annotated_that_is_told(
    tmp_path: Path, workspace: Workspace
) -> None:
    one, _ = copies(tmp_path / "s")
    annotate(workspace, look(one.parent, workspace), one, 1)
    (tmp_path / "s").rename(tmp_path / "stick")
    found = look(tmp_path / "stick", workspace)
    assert found.annotations == {}
    (sentence,) = found.loaded.warnings
    assert "the same UIDs" in sentence
    assert numbers(tmp_path / "stick" / "a", workspace) == {"a": 1}


def test_a_name_that_a_broken_file_has_is_not_written(tmp_path: Path, workspace: Workspace) -> None:
    write_dicom(tmp_path / "s" / "IM1.dcm", lesion_slice())
    (tmp_path / "s" / "IM1.json").write_bytes(b"{torn")
    found = look(tmp_path / "s", workspace)
    ((path, known),) = found.loaded.documents.items()
    place = found.place(path)
    assert place.path is None
    assert "IM1.json" in place.reason
    AnnotationStore(workspace.annotations).save(known.key, document(1), known.base, place)
    assert (tmp_path / "s" / "IM1.json").read_bytes() == b"{torn"
    assert look(tmp_path / "s", workspace).annotations[path].annotation == document(1)


def test_looking_makes_no_folder_in_the_workspace(tmp_path: Path, workspace: Workspace) -> None:
    write_study(tmp_path / "s", ["A"])
    found = look(tmp_path / "s", workspace)
    assert len(found.loaded.documents) == len(found.annotations) == 2
    assert not workspace.root.exists()

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from medseg_desktop.core.errors import Cancelled, DataError, UsageError
from medseg_desktop.io.dicom_series import FileStatus, ScanResult, require_series, scan
from medseg_desktop.io.sources.source import Source, open_source
from tests.builders import lesion_slice, write_dicom, write_study
from tests.media import unpacked_folders, write_dicomdir, write_medium, write_raw_zip, write_zip


def look(source: Source) -> ScanResult:
    return scan(source, salt=b"salt")


def paths(named: Path | Sequence[Path]) -> list[str]:
    """What is looked at, relative to the root."""
    with open_source(named) as source:
        return [file.relative_to(source.root).as_posix() for file in source.files]


def test_an_archive_is_read_like_the_folder_that_was_packed(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "study", ("A", "B"), healthy=("B",))
    (folder / "B").rename(folder / "患者")
    (folder / "bad.dcm").write_bytes(b"x")
    (folder / "README").write_text("hello")
    write_zip(folder / "inner.zip", {"IM1": b"x"})
    archive = write_zip(tmp_path / "study.zip", folder)
    plain = look(open_source(folder))
    with open_source(archive) as source:
        found = look(source)
        assert found.files == plain.files
        assert [f.path for f in found.refused] == ["bad.dcm", "inner.zip"]
        assert "ZIP archive" in found.refused[1].reason
        assert [(s.key, s.path, s.patient.hash) for s in found.series] == [
            (s.key, s.path, s.patient.hash) for s in plain.series
        ]
        for packed, item in zip(found.series[0].slices, plain.series[0].slices, strict=True):
            assert found.is_annotated(packed) == plain.is_annotated(item)
            assert Path(packed.path).read_bytes() == Path(item.path).read_bytes()
        assert source.is_temporary
    assert unpacked_folders() == []
    assert {p.name for p in tmp_path.iterdir()} == {"study", "study.zip"}


def test_messages_and_titles_name_what_the_user_opened(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "study", ("A",))
    archive = write_zip(tmp_path / "disc.zip", folder)
    directory = write_medium(tmp_path / "medium")
    file = folder / "A" / "IM0000.dcm"
    cases: list[tuple[Path | list[Path], str, str, Path]] = [
        (folder, "study", str(folder), folder),
        (file, "IM0000.dcm", str(file), folder / "A"),
        (archive, "disc.zip", str(archive), tmp_path),
        (directory, "medium/DICOMDIR", str(directory), tmp_path / "medium"),
        (
            [folder, directory.parent],
            f"2 items of {tmp_path.name}",
            f"2 items of {tmp_path}",
            tmp_path,
        ),
    ]
    for named, title, text, place in cases:
        with open_source(named) as source:
            assert (source.title, str(source), source.folder) == (title, text, place)


def test_an_archive_without_series_is_named_by_its_own_name(tmp_path: Path) -> None:
    for members, words in (({}, "is empty"), ({"README": b"x"}, "holds no DICOM series")):
        archive = write_zip(tmp_path / "x.zip", members)
        with open_source(archive) as source, pytest.raises(DataError) as failed:
            require_series(look(source))
        assert f"{archive} {words}" in str(failed.value)


def test_an_archive_is_told_by_its_content(tmp_path: Path) -> None:
    study = write_study(tmp_path / "s", ("A",))
    archive = write_zip(tmp_path / "export.bin", study)
    assert paths(archive) == paths(study)


def test_a_stopped_or_failed_opening_leaves_nothing(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "x.zip", write_study(tmp_path / "s", ("A",)))

    def stop(phase: str, _done: int, _total: int) -> None:
        assert phase == "unpack"
        assert len(unpacked_folders()) == 2  # it and its lock
        raise Cancelled

    with pytest.raises(Cancelled):
        open_source(archive, stop)
    archive.write_bytes(archive.read_bytes()[:-30])
    with pytest.raises(DataError, match=r"x\.zip is damaged"):
        open_source(archive)
    assert unpacked_folders() == []


def test_refused_members_are_rows_beside_the_usable_ones(tmp_path: Path) -> None:
    image = write_dicom(tmp_path / "IM1", lesion_slice()).read_bytes()
    archive = write_raw_zip(tmp_path / "x.zip", [(b"../IM1", image), (b"IM1", image)])
    with open_source(archive) as source:
        found = look(source)
    assert [(f.path, f.status) for f in found.files] == [
        ("../IM1", FileStatus.REFUSED), ("IM1", FileStatus.SHOWN),
    ]  # fmt: skip


def test_a_directory_opens_the_files_it_lists_with_their_annotations(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", ("A", "B"))
    directory = write_dicomdir(
        folder / "DICOMDIR", [["A", "IM0000.dcm"], ["A", "IM0001.dcm"], ["A", "IM0009"]]
    )
    found = look(open_source(directory))
    assert [(f.path, f.status.value) for f in found.files] == [
        ("A/IM0000.dcm", "shown"), ("A/IM0000.json", "annotation"),
        ("A/IM0001.dcm", "shown"), ("A/IM0001.json", "annotation"), ("A/IM0009", "refused"),
    ]  # fmt: skip
    assert all(found.is_annotated(s) for s in found.series[0].slices)


def test_a_directory_in_a_folder_that_is_walked_is_no_image(tmp_path: Path) -> None:
    directory = write_medium(tmp_path / "disc")
    found = look(open_source(directory.parent))
    (refused,) = found.refused
    assert refused.path == "DICOMDIR"
    assert "Media Storage Directory" in refused.reason
    assert len(found.series) == 1


def test_several_are_read_together_below_their_common_folder_and_nothing_else(
    tmp_path: Path,
) -> None:
    write_study(tmp_path / "s", ("A", "B", "C"), slices=2)
    single = write_dicom(tmp_path / "s" / "IM1", lesion_slice())
    write_dicom(tmp_path / "s" / "IM2", lesion_slice())
    named = [tmp_path / "s" / "A", tmp_path / "s" / "C", single]
    expected = [f"{p}/IM000{i}.{s}" for p in "AC" for i in (0, 1) for s in ("dcm", "json")]
    assert paths(named) == [*expected, "IM1"]
    found = look(open_source(named))
    assert {s.patient.patient_id for s in found.series} == {"A", "C", "P1"}


def test_several_files_bring_their_annotations_along_and_none_comes_twice(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "s", ("A",), slices=3) / "A"
    named = [folder / "IM0000.dcm", folder / "IM0000.json", folder / "IM0001.dcm",
             folder / "IM0001.dcm", folder / ".." / "A" / "IM0001.dcm"]  # fmt: skip
    assert paths(named) == ["IM0000.dcm", "IM0000.json", "IM0001.dcm", "IM0001.json"]
    assert sorted(paths([folder, folder / "IM0000.dcm"])) == [
        f"A/IM000{i}.{s}" for i in range(3) for s in ("dcm", "json")
    ]


def test_several_archives_are_read_together(tmp_path: Path) -> None:
    one = write_zip(tmp_path / "1" / "disc.zip", write_study(tmp_path / "a", ("A",)))
    two = write_zip(tmp_path / "2" / "disc.zip", write_study(tmp_path / "b", ("B",)))
    with open_source([one, two]) as source:
        found = look(source)
        assert {s.path for s in found.series} == {"disc/A", "disc 2/B"}
        assert (source.title, str(source)) == ("2 items of 1", f"2 items of {tmp_path / '1'}")
        assert source.is_temporary
    assert unpacked_folders() == []


def test_what_several_archives_refuse_is_told_with_their_names(tmp_path: Path) -> None:
    one = write_zip(tmp_path / "one.zip", write_study(tmp_path / "a", ("A",)))
    two = write_zip(tmp_path / "two.zip", {"../escape.dcm": b"x"})
    with open_source([one, two]) as source:
        assert [path for path, _ in source.refused] == ["two/../escape.dcm"]


def test_an_archive_beside_a_folder_is_a_usage_error(tmp_path: Path) -> None:
    study = write_study(tmp_path / "s", ("A",))
    archive = write_zip(tmp_path / "x.zip", study)
    with pytest.raises(UsageError) as failed:
        open_source([study, archive])
    assert str(failed.value) == (
        f"{archive} is an archive, and {study} is not. Open archives on their own."
    )
    assert unpacked_folders() == []


def test_a_dicomdir_beside_others_opens_what_it_lists(tmp_path: Path) -> None:
    directory = write_medium(tmp_path / "medium")
    write_dicom(directory.parent / "unlisted.dcm", lesion_slice(), patient="C")
    study = write_study(tmp_path / "s", ("B",))
    found = look(open_source([study, directory]))
    assert [s.path.split("/")[0] for s in found.series] == ["medium", "s"]
    assert not any("unlisted" in f.path or "DICOMDIR" in f.path for f in found.files)


def test_drives_that_nothing_joins_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_paths: object) -> str:
        raise ValueError("Paths don't have the same drive")

    named = [write_study(tmp_path / name, ("A",)) for name in ("a", "b")]
    monkeypatch.setattr(os.path, "commonpath", fail)
    with pytest.raises(UsageError, match="different drives"):
        open_source(named)


@pytest.mark.parametrize("several", [False, True])
def test_what_does_not_exist_is_a_usage_error(tmp_path: Path, several: bool) -> None:
    missing = tmp_path / "none.zip"
    with pytest.raises(UsageError, match=r"none\.zip does not exist"):
        open_source([tmp_path, missing] if several else missing)
    with pytest.raises(UsageError):
        open_source([])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such files")
def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="neither a file nor a folder"):
        open_source(tmp_path / "pipe")


def test_leftovers_are_removed_whatever_is_opened_next(tmp_path: Path) -> None:
    source = open_source(write_zip(tmp_path / "x.zip", {"IM1": b"x"}))
    leftover = tmp_path / "leftover"
    shutil.copytree(source.root.parent, leftover)
    source.close()
    shutil.copytree(leftover, source.root.parent, dirs_exist_ok=True)  # as after a crash
    assert len(unpacked_folders()) == 2
    open_source(tmp_path)
    assert unpacked_folders() == []


def test_listing_a_folder_can_be_stopped(tmp_path: Path) -> None:
    write_study(tmp_path, ("A",))

    def stop(phase: str, done: int, _total: int) -> None:
        if (phase, done) == ("list", 2):
            raise Cancelled

    with pytest.raises(Cancelled):
        open_source(tmp_path, stop)

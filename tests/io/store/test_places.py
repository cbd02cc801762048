from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medseg_desktop.io.store import places
from medseg_desktop.io.store.places import Place, Places, is_writable


def path_of(image: Path, others: Sequence[Path]) -> Path:
    return Places([image, *others]).annotation_path(image)


def place_of(image: Path, found: Sequence[Path] = (), **options: bool) -> Place:
    return Places([image], found, **options).of(image)


@pytest.mark.parametrize(
    ("image", "others", "expected"),
    [
        ("IM1.dcm", [], "IM1.json"),
        ("IM1.DCM", ["IM2.dcm"], "IM1.json"),
        ("IM1", [], "IM1.json"),
        ("1.2.840.5", [], "1.2.840.5.json"),
        ("a.ima", [], "a.ima.json"),
        (".dcm", [], ".dcm.json"),
        ("IM1.dcm", ["IM1"], "IM1.dcm.json"),
        ("IM1", ["IM1.dcm"], "IM1.json"),
        ("im1.dcm", ["IM1"], "im1.dcm.json"),
    ],
)
def test_only_a_final_dcm_is_stripped_and_names_do_not_collide(
    image: str, others: list[str], expected: str
) -> None:
    folder = Path("study")
    assert path_of(folder / image, [folder / o for o in others]) == folder / expected


def test_images_of_other_folders_do_not_matter() -> None:
    assert path_of(Path("a/IM1.dcm"), [Path("b/IM1")]) == Path("a/IM1.json")


names = st.sampled_from(["IM1", "im1", "A", "IM1.dcm"]).flatmap(
    lambda stem: st.sampled_from(["", ".dcm", ".DCM", ".dcm.dcm", ".json.dcm"]).map(stem.__add__)
)


@given(st.lists(names, unique_by=str.casefold))
def test_no_two_images_of_a_folder_share_a_file(images: list[str]) -> None:
    paths = [Path("x") / name for name in images]
    found = [str(path_of(p, paths)).casefold() for p in paths]
    assert len(set(found)) == len(found)


def test_a_document_goes_back_to_the_file_it_was_read_from(tmp_path: Path) -> None:
    read_from = tmp_path / "other name.json"
    assert Places([], [read_from]).of(tmp_path / "IM1.dcm", read_from).path == read_from


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_link_stays_a_link_to_the_file_that_is_written(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "IM1.json").symlink_to(tmp_path / "real" / "x.json")
    place = place_of(tmp_path / "IM1.dcm")
    assert place.path == Path(os.path.realpath(tmp_path / "real" / "x.json"))


def test_a_file_is_refused_to_all_but_the_image_it_was_read_for(tmp_path: Path) -> None:
    one, other = tmp_path / "IM1.dcm", tmp_path / "IM2.dcm"
    found = [tmp_path / "IM1.json", tmp_path / "im1.JSON"]
    assert Places([one, other], found[:1]).of(one, found[0]).path == found[0]
    assert Places([one, other], found[:1]).of(one).path is None
    assert Places([one, other], found).of(one, found[0]).path is None
    assert Places([one, other], found).of(other).path == tmp_path / "IM2.json"


def test_thousands_of_places_are_found_by_looking_through_the_files_once(tmp_path: Path) -> None:
    asked = 0

    class Counted(type(tmp_path)):  # type: ignore[misc]
        @property
        def name(self) -> str:
            nonlocal asked
            asked += 1
            return str(super().name)

    images = [Counted(tmp_path / f"IM{i:05d}.dcm") for i in range(3000)]
    found = [image.with_suffix(".json") for image in images[::2]]
    asked = 0
    places = Places(images, found)
    there = [places.of(image, image.with_suffix(".json")).path for image in images]
    assert there == [tmp_path / f"IM{i:05d}.json" for i in range(3000)]
    assert asked < 10 * len(images)


def test_what_cannot_be_written_is_told_in_a_sentence(tmp_path: Path) -> None:
    image = tmp_path / "IM1.dcm"
    assert place_of(image).path == tmp_path / "IM1.json"
    temporary = place_of(image, is_temporary=True)
    assert (temporary.path, "temporary" in temporary.reason) == (None, True)
    refused = place_of(image, [tmp_path / "im1.JSON"])
    assert (refused.path, "cannot be used" in refused.reason) == (None, True)
    (tmp_path / "IM1.json").touch(0o444)
    protected = place_of(image)
    assert (protected.path, "write-protected" in protected.reason) == (None, True)
    tmp_path.chmod(0o555)
    folder = place_of(image)
    tmp_path.chmod(0o755)
    assert folder.path is None
    assert str(tmp_path) in folder.reason


def test_a_folder_without_write_bits_is_not_writable_even_for_root(tmp_path: Path) -> None:
    assert is_writable(tmp_path)
    tmp_path.chmod(0o555)
    assert not is_writable(tmp_path)
    tmp_path.chmod(0o755)
    assert not is_writable(tmp_path / "missing")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no statvfs")
def test_a_read_only_mount_and_a_refusal_of_the_system_are_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(places.os, "statvfs", lambda _: SimpleNamespace(f_flag=os.ST_RDONLY))
        assert not is_writable(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(places.os, "access", lambda *_: False)
        assert not is_writable(tmp_path)
    assert is_writable(tmp_path)


def test_finding_out_writes_nothing(tmp_path: Path) -> None:
    before = tmp_path.stat().st_mtime_ns
    is_writable(tmp_path)
    assert tmp_path.stat().st_mtime_ns == before
    assert list(tmp_path.iterdir()) == []

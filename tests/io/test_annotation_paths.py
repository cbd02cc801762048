"""Paths in annotation files: whatever they say, nothing outside the opened folder is touched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from medseg_desktop.core.annotation import Annotation
from medseg_desktop.core.errors import AnnotationError
from medseg_desktop.io.dicom_series import FileStatus, scan
from medseg_desktop.io.medlabelme import (
    NoAnnotationError,
    read_annotation,
    referenced_image,
    write_annotation,
)
from medseg_desktop.io.sources.source import open_source
from tests.builders import (
    LESION_OUTLINE,
    annotation_json,
    lesion_slice,
    shape_json,
    write_dicom,
    write_json,
)

#: Refused by their text alone.
LEAVING = [
    "../../secret.dcm", "..\\..\\secret.dcm", "a/../../../secret.dcm", "..\\../..\\secret.dcm",
    "../..", "sub/../../..\\x.dcm", "/etc/passwd", "\\etc\\passwd", "/", "C:\\Windows\\x.dcm",
    "C:x.dcm", "c:/x.dcm", "C:", "sub/C:/x.dcm", "sub\\D:\\x.dcm", "./C:..\\x.dcm",
    "\\\\server\\share\\x.dcm", "//server/share/x.dcm", "\\\\server@80\\share\\x.dcm",
    "\\\\?\\C:\\x.dcm", "\\\\?\\UNC\\server\\share\\x.dcm", "\\\\.\\COM1", "\\??\\C:\\x.dcm",
    "a\0.dcm", "../../" + "x" * 5000,
]  # fmt: skip

#: Names of files that are simply not there; on some system each would be something else.
ABSENT = [
    "file:///etc/passwd", "file://server/share/x.dcm", "http://server/x.dcm",
    "%2e%2e/%2e%2e/secret.dcm", "..%2f..%2fsecret.dcm", "~/secret.dcm", "$HOME/secret.dcm",
    "%USERPROFILE%\\secret.dcm", "CON", "NUL", "COM1", "aux.dcm", "LPT1:", "a.dcm:stream",
    "a.dcm::$DATA", "a.dcm.", "a.dcm ", "a.dcm...", "link/secret.dcm", "link", "link/../a.dcm/x",
    "x" * 300, "x/" * 400 + "x", "a\u202emcd.exe", "．．/secret.dcm", "..\u2215secret.dcm", ".",
    "", " ", "a.dcm/", "*.dcm", "a.dcm\n", "\x7f\x1b[2J",
]  # fmt: skip


@pytest.mark.parametrize("text", LEAVING)
def test_a_path_that_leaves_the_opened_folder_is_refused_without_asking_the_disk(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    json_path = tmp_path / "p1" / "x.json"
    with monkeypatch.context() as patched:
        for name in ("stat", "lstat", "open", "readlink"):
            patched.setattr(os, name, lambda path, *_a, **_k: asked.append(path))
        try:
            referenced_image(json_path, Annotation(text), tmp_path)
        except AnnotationError as error:
            message = error.message
    assert "outside the opened folder" in message
    assert len(message) < 300
    assert message.isprintable()
    assert asked == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("IM1.dcm", "p1/IM1.dcm"),
        (".\\IM1.dcm", "p1/IM1.dcm"),
        ("..\\p2\\IM1.dcm", "p2/IM1.dcm"),
        ("sub/./IM1.dcm", "p1/sub/IM1.dcm"),
        ("影像 数据.dcm", "p1/影像 数据.dcm"),
        ("..dcm", "p1/..dcm"),
        ("x" * 300, "p1/" + "x" * 300),
        ("10:30:00.dcm", "p1/10:30:00.dcm"),
    ],
)
def test_both_separators_are_understood(text: str, expected: str, tmp_path: Path) -> None:
    found = referenced_image(tmp_path / "p1" / "x.json", Annotation(text), tmp_path)
    assert found == tmp_path / expected


#: Opens, scans and saves like the program; prints what it touched outside of the folder.
WATCHED = """
import json, os, sys
from pathlib import Path
from medseg_desktop.io.dicom_series import scan
from medseg_desktop.io.medlabelme import read_annotation, referenced_image, write_annotation
from medseg_desktop.core.errors import AnnotationError
from medseg_desktop.io.sources.source import open_source

touched = None

def note(path):
    if touched is not None and isinstance(path, (str, bytes, os.PathLike)):
        touched.add(os.path.abspath(os.fsdecode(path)))

def watch(event, arguments):
    if event in ("open", "shutil.copyfile", "socket.getaddrinfo") or event.startswith("os."):
        for argument in arguments:
            note(argument)

def watched(function):
    def call(path, *arguments, **options):
        note(path)
        return function(path, *arguments, **options)
    return call

def run(root):
    global touched
    touched = set()
    with open_source(root) as source:
        rows = scan(source, salt=b"salt").files
        for path in source.files:
            if path.suffix == ".json":
                try:
                    document = read_annotation(path)
                    write_annotation(path, document)
                    referenced_image(path, document, root)
                except AnnotationError:
                    pass
    outside = {p for p in touched if p != str(root) and not p.startswith(str(root) + os.sep)}
    seen, touched = len(touched), None
    return rows, outside, seen

sys.addaudithook(watch)
for name in ("stat", "lstat", "access", "readlink"):
    setattr(os, name, watched(getattr(os, name)))
_, always, _ = run(Path(sys.argv[1]))
rows, outside, seen = run(Path(sys.argv[2]))
print(json.dumps({
    "status": [[r.path, r.status, r.reason] for r in rows],
    "outside": sorted(outside - always),
    "seen": seen,
}))
"""


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_no_path_of_an_annotation_makes_the_program_touch_anything_outside(tmp_path: Path) -> None:
    outside = write_dicom(tmp_path / "secret.dcm", lesion_slice())
    write_dicom(tmp_path / "linked" / "secret.dcm", lesion_slice())
    shape = shape_json(LESION_OUTLINE)
    harmless, hostile = tmp_path / "harmless" / "p1", tmp_path / "hostile" / "p1"
    for folder in (harmless, hostile):
        write_dicom(folder / "a.dcm", lesion_slice())
        write_json(folder / "a.json", annotation_json("a.dcm", {0: [shape]}, (32, 40)))
    (hostile / "link").symlink_to(tmp_path / "linked", target_is_directory=True)
    texts = [*LEAVING, *ABSENT, str(outside), f"../../{outside.name}", f"link/{outside.name}"]
    for i, text in enumerate(texts):
        write_json(hostile / f"h{i}.json", annotation_json(text, {0: [shape]}, (32, 40)))
    run = [sys.executable, "-c", WATCHED, str(harmless.parent), str(hostile.parent)]
    done = subprocess.run(run, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["seen"] > len(texts)  # the watch was on
    assert told["outside"] == []
    status = {path: (state, reason) for path, state, reason in told["status"]}
    assert status.pop("p1/a.dcm")[0] == "shown"
    assert status.pop("p1/a.json")[0] == "annotation"
    assert {state for state, _ in status.values()} == {"refused"}
    assert len(status) == len(texts)
    assert all(len(reason) < 300 and reason.isprintable() for _, reason in status.values())


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_a_link_to_a_file_is_read_like_a_file_and_saving_leaves_alone_what_it_leads_to(
    tmp_path: Path,
) -> None:
    # As everywhere in a source: links to files are followed, those to folders are not.
    write_dicom(tmp_path / "s" / "a.dcm", lesion_slice())
    document = annotation_json("a.dcm", {0: [shape_json(LESION_OUTLINE)]}, (32, 40))
    kept = write_json(tmp_path / "elsewhere" / "kept.json", document)
    write_json(tmp_path / "elsewhere" / "b.json", annotation_json("a.dcm", {}, (32, 40)))
    link = tmp_path / "s" / "a.json"
    link.symlink_to(kept)
    (tmp_path / "s" / "more").symlink_to(kept.parent, target_is_directory=True)
    before = kept.read_bytes()
    with open_source(tmp_path / "s") as source:
        found = scan(source, salt=b"salt")
    assert {f.path: f.status for f in found.files} == {
        "a.dcm": FileStatus.SHOWN,
        "a.json": FileStatus.ANNOTATION,
    }
    write_annotation(link, read_annotation(link))
    assert not link.is_symlink()
    assert json.loads(link.read_bytes()) == document
    assert kept.read_bytes() == before


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
@pytest.mark.parametrize("target", ["gone.json", "loop.json", "."])
def test_a_link_that_leads_to_no_file_is_an_annotation_error(tmp_path: Path, target: str) -> None:
    link = tmp_path / "loop.json"
    link.symlink_to(tmp_path / target)
    with pytest.raises(AnnotationError, match=r"^Cannot read .*loop\.json: ") as caught:
        read_annotation(link)
    assert not isinstance(caught.value, NoAnnotationError)

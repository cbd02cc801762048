"""Nothing that opens a file trusts it: bombs, unknown syntaxes and things that are no files."""

from __future__ import annotations

import functools
import json
import os
import socket
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from medseg_desktop.core.errors import UnreadableSliceError, UsageError
from medseg_desktop.io.dicom.header import read_header
from medseg_desktop.io.dicom_series import FileStatus, scan
from medseg_desktop.io.pixels.codecs import decoder_for
from medseg_desktop.io.pixels.reader import FrameReader
from medseg_desktop.io.sources.source import open_source
from tests.builders import Syntax, lesion_slice, write_dicom

SLICE = lesion_slice()
BOMB_SYNTAXES: list[Syntax] = ["explicit", "rle", "jpeg", "jpeg-lossless", "jpeg-ls", "jpeg2000"]
MEGABYTE = 1 << 20


def patched(path: Path, tag: int, value: bytes, vr: bytes = b"") -> None:
    """Overwrite the value of an explicit element of 16-bit length with as many bytes."""
    data = path.read_bytes()
    start = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    at = data.index(start, 132)
    header = start + (vr or data[at + 4 : at + 6]) + struct.pack("<H", len(value))
    old = 8 + int.from_bytes(data[at + 6 : at + 8], "little")
    path.write_bytes(data[:at] + header + value + data[at + old :])


def short(tag: int, vr: bytes, value: bytes) -> bytes:
    """An explicit element of 16-bit length."""
    value += bytes(len(value) % 2)
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value


def deflated_meta() -> Iterator[tuple[str, bytes, bytes]]:
    """(name, what comes before deflated bytes, what comes after them): all that pydicom reads."""
    syntax = short(0x00020010, b"UI", b"1.2.840.10008.1.2.1.99")
    instance = short(0x00020003, b"UI", b"1.2.3")
    preamble = bytes(128) + b"DICM"

    def length(count: int) -> bytes:
        return short(0x00020000, b"UL", struct.pack("<L", count))

    meta = instance + syntax
    yield "plain", preamble + length(len(meta)) + meta, b""
    far = short(0x00020003, b"UI", b"1." + b"3" * 1200) + syntax
    yield "far", preamble + length(len(far)) + far, b""
    very_far = short(0x00020013, b"SH", b"x" * 60000) + syntax
    yield "very-far", preamble + length(len(very_far)) + very_far, b""
    yield "no-preamble", length(len(meta)) + meta, b""
    yield "no-length", preamble + meta, b""
    # The length points at other deflated bytes, behind those that are read.
    other = zlib.compress(b"x", wbits=-zlib.MAX_WBITS)
    yield "wrong-length", preamble + length(len(meta) + len(deflated_zeros(400))) + meta, other


@functools.cache
def deflated_zeros(megabytes: int) -> bytes:
    """A private element of so many zeros, deflated."""
    squeeze = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    element = struct.pack("<HH2sHL", 0x0009, 0x0010, b"OB", 0, megabytes * MEGABYTE)
    blocks = [squeeze.compress(bytes(MEGABYTE)) for _ in range(megabytes)]
    return squeeze.compress(element) + b"".join(blocks) + squeeze.flush()


def write_bombs(folder: Path) -> None:
    """Files that claim far more than they hold."""
    everything = struct.pack("<H", 65535)
    for syntax in BOMB_SYNTAXES:
        pixels = (SLICE // 16).astype(np.uint8) if syntax == "jpeg" else SLICE
        path = write_dicom(folder / f"huge-{syntax}.dcm", pixels, syntax=syntax)
        patched(path, 0x00280010, everything)
        patched(path, 0x00280011, everything)
        # As large as is allowed, and the codestream far smaller.
        path = write_dicom(folder / f"large-{syntax}.dcm", pixels, syntax=syntax)
        patched(path, 0x00280010, struct.pack("<H", 16384))
        patched(path, 0x00280011, struct.pack("<H", 16384))
    for name, count in (("many", b"2147483647"), ("text", b"1A")):
        path = write_dicom(folder / f"{name}.dcm", np.stack([SLICE] * 2))
        patched(path, 0x00280008, count)
    path = write_dicom(folder / "two-rows.dcm", SLICE)
    patched(path, 0x00280010, struct.pack("<HH", 32768, 0))
    path = write_dicom(folder / "long-rows.dcm", SLICE)
    patched(path, 0x00280010, struct.pack("<L", 0x10000 + 32), b"UL")
    for name, start, end in deflated_meta():
        (folder / f"deflated-{name}.dcm").write_bytes(start + deflated_zeros(400) + end)
    nested = b""
    for _ in range(2000):
        item = struct.pack("<HHL", 0xFFFE, 0xE000, len(nested)) + nested
        nested = struct.pack("<HH2sHL", 0x0008, 0x1140, b"SQ", 0, len(item)) + item
    data = write_dicom(folder / "deep.dcm", SLICE).read_bytes()
    at = data.index(b"\x10\x00\x10\x00PN")
    (folder / "deep.dcm").write_bytes(data[:at] + nested + data[at:])


#: Scans and reads a folder in a process of its own, and prints what that took.
LOOK = """
import json, psutil, sys
from pathlib import Path
from medseg_desktop.core.errors import UnreadableSliceError
from medseg_desktop.io.dicom_series import scan
from medseg_desktop.io.sources.source import open_source
from medseg_desktop.io.pixels.reader import FrameReader

def peaks_mb():
    peaks = []
    for process in (psutil.Process(), *psutil.Process().children()):
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
        peaks.append(next(int(x.split()[1]) / 1024 for x in lines if x.startswith("VmHWM")))
    return peaks

first, folder = Path(sys.argv[1]), Path(sys.argv[2])
reasons = {}
with FrameReader() as reader:
    reader.read(str(first), 0)
    before = peaks_mb()
    for row in scan(open_source(folder), salt=b"").files:
        try:
            reader.read(str(folder / row.path), 0)
            read = ""
        except UnreadableSliceError as error:
            read = error.message
        reasons[row.path] = [row.status, row.reason, read]
    after = peaks_mb()
extra_mb = [b - a for a, b in zip(before, after, strict=True)]
print(json.dumps({"reasons": reasons, "extra_mb": extra_mb}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="measures memory as Linux does")
def test_files_that_claim_gigantic_sizes_are_refused_before_memory_is_taken(
    tmp_path: Path,
) -> None:
    first = write_dicom(tmp_path / "first", SLICE, syntax="jpeg2000")
    write_bombs(tmp_path / "bombs")
    command = [sys.executable, "-c", LOOK, str(first), str(tmp_path / "bombs")]
    printed = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    found = json.loads(printed)
    assert len(found["reasons"]) == 2 * len(BOMB_SYNTAXES) + 5 + len([*deflated_meta()])
    shown = {name for name, (_, _, read) in found["reasons"].items() if not read}
    assert shown <= {"deep.dcm"}  # its sequences may be skipped as well as refused
    for name, (status, reason, _) in found["reasons"].items():
        # The size of a codestream is not looked at before a frame is wanted.
        if name not in shown and not (name.startswith("large-") and name != "large-explicit.dcm"):
            assert (status, bool(reason)) == ("refused", True), name
        if name.startswith("deflated-"):
            assert reason == "it is far larger inside than a DICOM file can be", name
    assert max(found["extra_mb"]) < 300


@pytest.mark.parametrize("shape", [(256, 256), (4096, 4096)])
def test_deflated_slices_of_every_size_are_read(shape: tuple[int, int], tmp_path: Path) -> None:
    pixels = np.zeros(shape, np.uint16)  # shrinks to a thousandth
    pixels[:200, :200] = np.random.default_rng(1).integers(0, 65536, (200, 200))
    path = write_dicom(tmp_path / "x.dcm", pixels, syntax="deflated")
    assert read_header(path).rows == shape[0]
    with FrameReader() as reader:
        assert np.array_equal(reader.read(str(path), 0)[0], pixels)


@pytest.mark.parametrize(
    "uid",
    [
        "1.2.840.10008.1.2.4.111",  # JPEG XL
        "1.2.840.10008.1.2.8.1",  # Deflated Image Frame
        "1.2.840.10008.1.2.4.53",
        "1.2.840.10008.1.2.4.55",
        "1.2.3.4",
    ],
)
def test_an_unknown_syntax_is_refused_by_its_uid(uid: str, tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "x.dcm", SLICE, syntax="jpeg2000")
    before = len(path.read_bytes())
    patched(path, 0x00020010, uid.encode() + bytes(len(uid) % 2), b"UI")
    data = path.read_bytes()
    group_length = int.from_bytes(data[140:144], "little") + len(data) - before
    path.write_bytes(data[:140] + group_length.to_bytes(4, "little") + data[144:])
    row = scan(open_source(path), salt=b"").files[0]
    assert row.status is FileStatus.REFUSED
    assert uid in row.reason
    with FrameReader() as reader, pytest.raises(UnreadableSliceError, match=uid):
        reader.read(str(path), 0)


def test_a_missing_decoder_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UnreadableSliceError, match="JPEG 2000 need the package openjpeg"):
        decoder_for("1.2.840.10008.1.2.4.91")


def test_a_palette_smaller_than_its_indices_does_not_keep_the_indices_from_being_read(
    tmp_path: Path,
) -> None:
    ds = Dataset()
    for color in ("Red", "Green", "Blue"):
        setattr(ds, f"{color}PaletteColorLookupTableDescriptor", [4, 0, 16])
        setattr(ds, f"{color}PaletteColorLookupTableData", bytes(8))
    pixels = np.full((8, 8), 255, np.uint8)
    elements = {element.keyword: element.value for element in ds}
    path = write_dicom(tmp_path / "x", pixels, photometric="PALETTE COLOR", elements=elements)
    with FrameReader() as reader:
        assert np.array_equal(reader.read(str(path), 0)[0], pixels)


def test_a_header_that_ends_early_is_called_truncated(tmp_path: Path) -> None:
    code = Dataset()
    code.CodeValue, code.CodeMeaning = "1", "one"
    elements = {"AnatomicRegionSequence": Sequence([code])}
    path = write_dicom(tmp_path / "x.dcm", SLICE, elements=elements)
    data = path.read_bytes()
    end = data.index(b"\xe0\x7f\x10\x00")
    reasons = set()
    for size in range(400, end):
        path.write_bytes(data[:size])
        with pytest.raises(UnreadableSliceError) as caught:
            read_header(path)
        reasons.add(caught.value.message)
    # Where an element ends, a cut cannot be told from a file without pixels.
    assert all("truncated" in r or "damaged" in r for r in reasons), reasons


@pytest.mark.skipif(sys.platform == "win32", reason="needs pipes and sockets with names")
def test_pipes_and_sockets_are_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.dcm")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s.dcm"))
        for name in ("pipe.dcm", "s.dcm"):
            with (
                FrameReader() as reader,
                pytest.raises(UnreadableSliceError, match="it is not a file"),
            ):
                reader.read(str(tmp_path / name), 0)
            with pytest.raises(UsageError, match="neither a file nor a folder"):
                open_source(tmp_path / name)
        assert scan(open_source(tmp_path), salt=b"").series == ()


def write_junk(folder: Path) -> None:
    """Everything that lies about in folders of pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    contents = {
        "empty": b"", "one": b"D", "short": bytes(131), "preamble": bytes(128) + b"DICM",
        "notes.txt": b"seen", "photo.jpg": b"\xff\xd8\xff\xe0JFIF", "photo.png": b"\x89PNG\r\n",
        "archive.zip": b"PK\x03\x04", "archive.gz": b"\x1f\x8b\x08", "archive.7z": b"7z\xbc\xaf",
        "table.csv": b"a,b\n", "page.html": b"<html>", "report.pdf": b"%PDF-1.4",
        "list.json": b"[]", "broken.json": b"{", "movie.avi": b"RIFF", "viewer.exe": b"MZ",
        "autorun.inf": b"[autorun]", "Thumbs.db": b"\xd0\xcf\x11\xe0", ".DS_Store": b"\0\0\0\1Bud1",
        "._a.dcm": b"\x00\x05\x16\x07", "a.dcm.part": b"\0" * 500, "zeros.dcm": bytes(5000),
        "words.dcm": b"hello " * 200, "empty.dcm": b"", "DICOMDIR": bytes(128) + b"DICM\2\0",
    }  # fmt: skip
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    (folder / "folder.dcm").mkdir()


def test_a_folder_full_of_junk_opens_every_good_series(corpus: Path, tmp_path: Path) -> None:
    root = tmp_path / "all"
    for file in corpus.rglob("*"):
        if file.is_file() and file.name not in ("manifest.csv", "README.md"):
            link = root / file.relative_to(corpus)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(file)
    write_junk(root)
    if sys.platform != "win32":
        os.mkfifo(root / "pipe")
        os.mkfifo(root / "pipe.dcm")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(root / "socket"))
    (root / "gone.dcm").symlink_to(root / "nowhere")
    (root / "loop").symlink_to(root)
    (root / "self.dcm").symlink_to(root / "self.dcm")
    found, plain = scan(open_source(root), salt=b"s"), scan(open_source(corpus), salt=b"s")
    # Without a UID of its own a series is named after its folder.
    assert {s.uid.replace(str(root), "") for s in found.series} == {
        s.uid.replace(str(corpus.resolve()), "").replace(str(corpus), "") for s in plain.series
    }
    assert sum(len(s.slices) for s in found.series) == sum(len(s.slices) for s in plain.series)
    rows = {row.path: row for row in found.files}
    assert len(rows) == len(found.files)
    for name in ("zeros.dcm", "words.dcm", "empty.dcm", "archive.zip", "DICOMDIR", "preamble"):
        assert rows[name].status is FileStatus.REFUSED, name
        assert rows[name].reason
    assert rows["notes.txt"].status is FileStatus.IGNORED

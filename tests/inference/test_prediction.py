from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from medseg_desktop.core.errors import Cancelled, DataError, WorkspaceError
from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.raster import draw_label_map
from medseg_desktop.core.specs import PredictSpec
from medseg_desktop.inference import prediction
from medseg_desktop.inference.prediction import run_prediction
from medseg_desktop.io.dicom_series import scan
from medseg_desktop.io.medlabelme import read_annotation
from medseg_desktop.io.png import read_grey_png, write_png
from medseg_desktop.io.sources.source import open_source
from tests.builders import QuietContext, lesion_slice, write_dicom, write_model_package, write_study

LESION = np.zeros((32, 40), np.uint8)
LESION[8:16, 10:20] = 1


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model_package(tmp_path / "m")


def spec(model: Path, source: Path, out: Path, *formats: str, **options: Any) -> PredictSpec:
    return PredictSpec(
        model=str(model),
        source=str(source),
        out=str(out),
        formats=list(formats) or ["png"],
        salt="00" * 32,
        **options,
    )


def predict(model: Path, source: Path, out: Path, *formats: str, **options: Any) -> dict[str, Any]:
    return run_prediction(spec(model, source, out, *formats, **options), QuietContext())


def files_below(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def read_rgb(path: Path) -> np.ndarray:
    return cv2.cvtColor(cv2.imdecode(np.fromfile(path, np.uint8), 1), cv2.COLOR_BGR2RGB)


def test_outputs_are_named_after_their_files(tmp_path: Path, model: Path) -> None:
    source = tmp_path / "影像 数据"
    for name in ("a/b.dcm", "a/C.DCM", "a/IM0001", "d.e/f.1.2", "g.dcm.dcm"):
        write_dicom(source / name, lesion_slice())
    write_dicom(source / "multi.dcm", np.stack([lesion_slice()] * 12))
    result = predict(model, source, tmp_path / "out")
    expected = {"a/b.png", "a/C.png", "a/IM0001.png", "d.e/f.1.2.png", "g.dcm.png"}
    expected |= {f"multi-f{i:04d}.png" for i in range(12)}
    assert files_below(tmp_path / "out") == expected
    for name in expected:
        assert np.array_equal(read_grey_png(tmp_path / "out" / name), LESION)
    assert result["counts"] == {"predicted": 6, "refused": 0}
    assert result["files"][0] == {
        "path": "a/C.DCM", "status": "predicted", "outputs": ["a/C.png"],
    }  # fmt: skip


def test_no_output_replaces_another_one(tmp_path: Path, model: Path) -> None:
    source = tmp_path / "s"
    for name in ("a", "a.dcm", "b-overlay.dcm", "b.dcm", "c-f0001.dcm", "E.dcm", "e"):
        write_dicom(source / name, lesion_slice())
    write_dicom(source / "c.dcm", np.stack([lesion_slice()] * 2))
    result = predict(model, source, tmp_path / "out", "png", "overlay", "json")
    written = [o for row in result["files"] for o in row["outputs"]]
    assert len({o.casefold() for o in written}) == len(written)
    assert set(written) == files_below(tmp_path / "out")
    assert {"a.png", "a.dcm.png"} <= set(written)


@pytest.mark.parametrize("size", [(32, 40), (60, 24), (24, 60)])
def test_a_label_map_has_the_slices_size_and_the_overlay_is_the_recipes(
    tmp_path: Path, model: Path, size: tuple[int, int]
) -> None:
    pixels = lesion_slice(size)
    write_dicom(tmp_path / "s" / "x.dcm", pixels)
    predict(model, tmp_path / "s", tmp_path / "out", "png", "overlay")
    label_map = read_grey_png(tmp_path / "out" / "x.png")
    assert label_map.shape == size
    assert label_map.any()
    grey = np.clip(pixels * (255 / float(pixels.max())), 0, 255).astype(np.uint8)
    expected = np.stack([0.5 * grey] * 3, axis=2)
    expected[label_map > 0, 2] += 0.2 * 255
    fused = read_rgb(tmp_path / "out" / "x-overlay.png")
    assert np.array_equal(fused, np.rint(expected))


def test_json_outlines_rasterise_to_the_label_map_and_are_marked_as_predictions(
    tmp_path: Path, model: Path
) -> None:
    frames = np.stack([lesion_slice(), np.full((32, 40), 0, np.uint16), lesion_slice()])
    write_dicom(tmp_path / "s" / "m.dcm", frames)
    predict(model, tmp_path / "s", tmp_path / "out", "json")
    document = read_annotation(tmp_path / "out" / "m.json")
    assert document.image_path == "m.dcm"
    assert [f.frame for f in document.frames] == [0, 2]
    table = LabelTable.from_names(["H"])
    assert np.array_equal(draw_label_map(document.shapes(2), table, 32, 40), LESION)
    assert document.is_prediction
    assert not document.is_reviewed(0)
    shutil.copy(tmp_path / "out" / "m.json", tmp_path / "s" / "m.json")
    found = scan(open_source(tmp_path / "s"), salt=b"")
    assert not any(found.is_reviewed(s) for s in found.series[0].slices)


def test_8_bit_grey_png_is_predicted_and_other_pictures_are_refused(
    tmp_path: Path, model: Path
) -> None:
    source = tmp_path / "s"
    source.mkdir()
    write_png(source / "x.png", LESION * 255)
    write_png(source / "colour.png", np.zeros((8, 8, 3), np.uint8))
    (source / "README.txt").write_text("hello")
    result = predict(model, source, tmp_path / "out")
    assert np.array_equal(read_grey_png(tmp_path / "out" / "x.png.png"), LESION)
    rows = {row["path"]: row for row in result["files"]}
    assert set(rows) == {"x.png", "colour.png"}
    assert rows["colour.png"]["reason"] == "not an 8-bit grey PNG"


def test_one_file_can_be_predicted(tmp_path: Path, model: Path) -> None:
    source = write_study(tmp_path / "s", ["A"])
    predict(model, source / "A" / "IM0001.dcm", tmp_path / "out")
    assert files_below(tmp_path / "out") == {"IM0001.png"}


def test_broken_and_colour_files_are_listed_and_do_not_stop_the_rest(
    tmp_path: Path, model: Path
) -> None:
    write_dicom(tmp_path / "s" / "a.dcm", lesion_slice())
    write_dicom(tmp_path / "s" / "b.dcm", np.zeros((8, 8, 3), np.uint8), photometric="RGB")
    (tmp_path / "s" / "c.dcm").write_bytes(b"x" * 500)
    result = predict(model, tmp_path / "s", tmp_path / "out")
    assert result["counts"] == {"predicted": 1, "refused": 2}
    assert files_below(tmp_path / "out") == {"a.png"}


def test_annotations_of_the_source_are_never_replaced(tmp_path: Path, model: Path) -> None:
    source = write_study(tmp_path / "s", ["A"])
    before = {p: p.read_bytes() for p in source.rglob("*.*")}
    for place in (source, source / ".", source / "A" / ".."):
        with pytest.raises(WorkspaceError):
            predict(model, source, place, "json", overwrite=True)
    with pytest.raises(WorkspaceError):
        predict(model, source / "A" / "IM0000.dcm", source / "A", "json", overwrite=True)
    assert {p: p.read_bytes() for p in source.rglob("*.*")} == before


def test_a_folder_with_content_is_only_written_into_on_request(tmp_path: Path, model: Path) -> None:
    source, out = write_study(tmp_path / "s", ["A"]), tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("1")
    with pytest.raises(WorkspaceError, match="not empty"):
        predict(model, source, out)
    assert files_below(out) == {"mine.txt"}
    predict(model, source, out, overwrite=True)
    predict(model, source, out, overwrite=True)
    assert files_below(out) == {"mine.txt", "A/IM0000.png", "A/IM0001.png"}


def test_a_file_as_output_folder_is_said(tmp_path: Path, model: Path) -> None:
    source = write_study(tmp_path / "s", ["A"])
    (tmp_path / "out").write_text("1")
    for overwrite in (False, True):
        with pytest.raises(WorkspaceError, match="out"):
            predict(model, source, tmp_path / "out", overwrite=overwrite)


def test_a_full_disk_leaves_no_half_made_folder(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_study(tmp_path / "s", ["A", "B"])
    calls: list[Path] = []
    real = Path.write_bytes

    def write_bytes(path: Path, data: bytes) -> int:
        calls.append(path)
        if len(calls) > 2:
            raise OSError(28, "No space left on device")
        return real(path, data)

    monkeypatch.setattr(prediction.Path, "write_bytes", write_bytes)
    with pytest.raises(WorkspaceError, match="the disk is full"):
        predict(model, source, tmp_path / "out" / "x")
    assert files_below(tmp_path / "out") == set()


def test_a_cancelled_prediction_leaves_nothing(tmp_path: Path, model: Path) -> None:
    source = write_study(tmp_path / "s", ["A", "B"])
    with pytest.raises(Cancelled):
        run_prediction(spec(model, source, tmp_path / "out"), QuietContext(stop_in="predict"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "reason"), [("", "no slice"), ("x.dcm", "not DICOM"), ("a.txt", "no slice")]
)
def test_nothing_to_predict_is_said(tmp_path: Path, model: Path, name: str, reason: str) -> None:
    (tmp_path / "s").mkdir()
    if name:
        (tmp_path / "s" / name).write_text("hello")
    with pytest.raises(DataError, match=reason):
        predict(model, tmp_path / "s", tmp_path / "out")
    assert not (tmp_path / "out").exists()

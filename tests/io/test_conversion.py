from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from medseg_desktop.core.errors import Cancelled, DataError, WorkspaceError
from medseg_desktop.core.shapes.provenance import Author
from medseg_desktop.core.shapes.review import FileFacts, with_slice
from medseg_desktop.core.specs import ConvertSpec, PredictSpec, encode_spec
from medseg_desktop.inference.prediction import run_prediction
from medseg_desktop.io.conversion import run_conversion
from medseg_desktop.io.conversion_request import conversion_spec
from medseg_desktop.io.dataset import Dataset, pixel_digest, read_dataset
from medseg_desktop.io.kept_proposals import with_kept_proposals
from medseg_desktop.io.medlabelme import read_annotation, write_annotation
from medseg_desktop.io.png import read_grey_png
from medseg_desktop.io.workspace import Workspace
from tests.builders import (
    LESION_OUTLINE,
    QuietContext,
    annotation_json,
    lesion_slice,
    shape_json,
    uid,
    write_dicom,
    write_json,
    write_model_package,
    write_study,
)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "ws")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tmp_path / "影像 数据"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "out" / "数据 集"


def convert(spec: ConvertSpec) -> tuple[dict[str, Any], Dataset]:
    result = run_conversion(spec, QuietContext())
    return result, read_dataset(Path(spec.dataset))


def slices(dataset: Dataset) -> list[np.ndarray]:
    return [dataset.slice(f) for f in dataset.manifest.files]


def recipe(stored: np.ndarray) -> np.ndarray:
    """Step 2 of the reference recipe, written down again without the program."""
    top = stored.max()
    if top == 0:
        return np.zeros(stored.shape, np.uint8)
    grey = np.clip(stored.astype(np.float64) * (255 / float(top)), 0, 255).astype(np.uint8)
    return cv2.bilateralFilter(grey, 11, 64, 128)


def annotate(path: Path, frames: dict[int, list[dict[str, Any]]], **size: Any) -> None:
    document = annotation_json(path.name, frames, size.get("size", (32, 40)), 99)
    write_json(path.with_suffix(".json"), document)


def test_the_reference_preset_equals_the_recipe_pixel_for_pixel(
    source: Path, target: Path, workspace: Workspace
) -> None:
    ramp = np.arange(32 * 40, dtype=np.int16).reshape(32, 40) - 300
    cases = {
        "a-noise": lesion_slice(),
        "b-zero": np.zeros((32, 40), np.uint16),
        "c-signed": ramp,
        "d-bytes": (ramp % 200).astype(np.uint8),
        "e-frames": np.stack([lesion_slice(seed=1 + i) for i in range(3)]),
    }
    expected = []
    for k, (name, pixels) in enumerate(cases.items()):
        # Slope and inversion are left alone by the recipe.
        path = write_dicom(
            source / f"{name}.dcm", pixels, photometric="MONOCHROME1" if k == 0 else "MONOCHROME2",
            rescale=(3.0, -7.0), patient=name,
        )  # fmt: skip
        frames = list(pixels) if pixels.ndim == 3 else [pixels]
        annotate(path, {i: [shape_json(LESION_OUTLINE, frame=i)] for i in range(len(frames))})
        expected += [recipe(f) for f in frames]
    _, dataset = convert(conversion_spec(workspace, source, target, preset="reference"))
    for got, wanted in zip(slices(dataset), expected, strict=True):
        assert np.array_equal(got, wanted)
    truth = cv2.fillPoly(
        np.zeros((32, 40), np.uint8), [np.array(LESION_OUTLINE).astype(np.int32)], 1
    )
    for file in dataset.manifest.files:
        assert np.array_equal(read_grey_png(target / "masks2" / file.name), truth)
        assert np.array_equal(read_grey_png(target / "masks1" / file.name), truth * 255)


def test_the_default_preset_applies_slope_and_inversion(
    source: Path, target: Path, workspace: Workspace
) -> None:
    pixels = lesion_slice()
    same = write_dicom(source / "a.dcm", pixels)
    write_dicom(source / "b.dcm", pixels, rescale=(2.0, -50.0))
    write_dicom(source / "c.dcm", pixels, photometric="MONOCHROME1")
    write_dicom(source / "d.dcm", (4095 - pixels), photometric="MONOCHROME1")
    for name in "abcd":
        annotate(same.with_name(f"{name}.dcm"), {0: []})
    _, dataset = convert(conversion_spec(workspace, source, target))
    plain, scaled, inverted, twice = (s.astype(int) for s in slices(dataset))
    assert np.array_equal(plain, scaled)
    assert plain[12, 15] - plain[0, 0] > 20  # the lesion is brighter than the background
    assert inverted[12, 15] - inverted[0, 0] < -20
    assert np.abs(twice - plain).max() <= 1


def test_each_slice_tells_its_place_its_shapes_and_their_overlaps(
    source: Path, target: Path, workspace: Workspace
) -> None:
    write_study(source, ["A", "B"], slices=3)
    path = source / "A" / "IM0001.dcm"
    both = [shape_json(LESION_OUTLINE, name) for name in ("H", "edema")]
    annotate(path, {0: both})
    annotate(source / "A" / "IM0002.dcm", {0: []})
    _, dataset = convert(conversion_spec(workspace, source, target))
    found = {(f.patient_hash, f.place.index): f for f in dataset.manifest.files if f.place}
    a = dataset.manifest.files[0].patient_hash
    assert len(found) == 6
    assert [found[a, i].shapes for i in range(3)] == [1, 2, 0]
    covered = int((dataset.label_map(found[a, 1]) > 0).sum())
    assert [found[a, i].overlap_pixels for i in range(3)] == [0, covered, 0]
    place = found[a, 2].place
    assert place is not None
    assert (place.stack, place.positions) == (0, 3)
    assert place.voxel_ml == pytest.approx(1.0 * 1.0 * 5.0 / 1000)
    for file in dataset.manifest.files:
        assert file.digest == pixel_digest(dataset.slice(file), dataset.label_map(file))


def test_labels_get_indices_in_order_of_first_appearance(
    source: Path, target: Path, workspace: Workspace
) -> None:
    path = write_dicom(source / "a.dcm", lesion_slice())
    boxes = [[[x, 2], [x + 3, 2], [x + 3, 5], [x, 5]] for x in (0, 10, 20)]
    shapes = [shape_json(b, n) for b, n in zip(boxes, ("水肿", "H", "core"), strict=True)]
    annotate(path, {0: shapes})
    result, dataset = convert(conversion_spec(workspace, source, target))
    assert result["labels"] == ["_background_", "H", "水肿", "core"]
    label_map = dataset.label_map(dataset.manifest.files[0])
    assert [label_map[3, x + 1] for x in (0, 10, 20)] == [2, 1, 3]
    assert dataset.manifest.files[0].pixels_per_label["水肿"] == 16
    assert workspace.labels().names == ("_background_", "H", "水肿", "core")


def test_digits_and_locks_stay_in_the_workspace(
    source: Path, target: Path, workspace: Workspace
) -> None:
    table = workspace.labels().add("水肿").with_shortcut(2, 7).with_locked(1, True)
    workspace.keep_labels(table)
    path = write_dicom(source / "a.dcm", lesion_slice())
    annotate(path, {0: [shape_json(LESION_OUTLINE), shape_json(LESION_OUTLINE, "core")]})
    spec = conversion_spec(workspace, source, target)
    assert b"shortcut" not in encode_spec(spec)
    assert b"locked" not in encode_spec(spec)
    convert(spec)
    manifest = json.loads((target / "manifest.json").read_bytes())
    assert manifest["labels"] == [
        {"index": 0, "name": "_background_", "color": [0, 0, 0]},
        {"index": 1, "name": "H", "color": [128, 0, 0]},
        {"index": 2, "name": "水肿", "color": [0, 128, 0]},
        {"index": 3, "name": "core", "color": [128, 128, 0]},
    ]
    assert workspace.labels() == table.extended(["core"])


def test_only_reviewed_slices_are_converted(
    source: Path, target: Path, workspace: Workspace
) -> None:
    path = write_dicom(source / "m.dcm", np.stack([lesion_slice()] * 4))
    annotate(path, {1: [], 3: [shape_json(LESION_OUTLINE, frame=3)]})
    write_dicom(source / "unseen.dcm", lesion_slice())
    result, dataset = convert(conversion_spec(workspace, source, target))
    assert [f.frame for f in dataset.manifest.files] == [1, 3]
    assert (result["slices"], result["slices_with_lesion"]) == (2, 1)


def test_what_a_model_wrote_beside_the_slices_is_not_converted(
    source: Path, target: Path, workspace: Workspace, tmp_path: Path
) -> None:
    write_dicom(source / "a.dcm", lesion_slice(seed=1))
    film = write_dicom(source / "film.dcm", np.stack([lesion_slice(seed=i) for i in range(3)]))
    model = write_model_package(tmp_path / "m")
    out = tmp_path / "predictions"
    run_prediction(
        PredictSpec(
            model=str(model), source=str(source), out=str(out), formats=["json"], salt="00" * 32
        ),
        QuietContext(),
    )
    shutil.copytree(out, source, dirs_exist_ok=True)
    with pytest.raises(DataError, match="no reviewed slice"):
        convert(conversion_spec(workspace, source, target))
    # A person accepts what is proposed for one frame of the film.
    prediction = read_annotation(film.with_suffix(".json"))
    facts = FileFacts("film.dcm", 3, 32, 40)
    shapes = tuple(map(Author("Li").accepted, prediction.shapes(1)))
    accepted = with_slice(prediction, facts, 1, shapes, True, {})
    assert accepted is not None
    write_annotation(film.with_suffix(".json"), with_kept_proposals(accepted, prediction))
    result, dataset = convert(conversion_spec(workspace, source, target))
    assert [(f.frame, f.pixels_per_label["H"]) for f in dataset.manifest.files] == [(1, 80)]
    assert (result["slices"], result["slices_with_lesion"]) == (1, 1)


def test_overlays_are_coloured_where_the_lesion_is(
    source: Path, target: Path, workspace: Workspace
) -> None:
    write_study(source, ["A"], slices=1)
    convert(conversion_spec(workspace, source, target, overlays=True))
    picture = cv2.imdecode(
        np.frombuffer((target / "overlays" / "00000.png").read_bytes(), np.uint8),
        cv2.IMREAD_COLOR,
    )
    assert picture.shape == (32, 40, 3)
    assert np.ptp(picture[12, 15].astype(int)) > 20
    assert np.ptp(picture[25, 30].astype(int)) == 0


def everything_below(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*"))


def test_a_broken_annotation_stops_the_conversion_and_leaves_nothing(
    source: Path, target: Path, workspace: Workspace
) -> None:
    write_study(source, ["A", "B"])
    (source / "A" / "IM0000.json").write_text("{")
    with pytest.raises(DataError, match=r"A/IM0000\.json"):
        convert(conversion_spec(workspace, source, target))
    assert not target.parent.exists()


def test_broken_annotations_and_pixels_can_be_skipped_and_are_named(
    source: Path, target: Path, workspace: Workspace
) -> None:
    write_study(source, ["A", "B"])
    (source / "A" / "IM0000.json").write_text("{")
    path = write_dicom(source / "B" / "IM0009.dcm", lesion_slice(), patient="B", syntax="rle")
    data = path.read_bytes()
    at = data.index(b"\xfe\xff\x00\xe0", data.index(b"\xe0\x7f\x10\x00") + 12)
    path.write_bytes(data[: at + 20] + b"\xff" * (len(data) - at - 28) + data[-8:])
    annotate(path, {0: []})
    spec = conversion_spec(workspace, source, target, skip_broken=True)
    result, dataset = convert(spec)
    assert len(dataset.manifest.files) == 3
    assert any(w.startswith("Left out: A/IM0000.json ") for w in result["warnings"])
    assert any("B/IM0009.dcm is annotated but unreadable" in w for w in result["warnings"])
    with pytest.raises(DataError, match=r"IM0000|IM0009"):
        convert(conversion_spec(workspace, source, target.with_name("two")))


def test_a_slice_with_a_shape_that_cannot_be_used_is_never_taken_for_training_silently(
    source: Path, target: Path, workspace: Workspace
) -> None:
    write_study(source, ["A", "B"])
    path = write_dicom(source / "A" / "m.dcm", np.stack([lesion_slice()] * 2), patient="A")
    good, bad = shape_json(LESION_OUTLINE), shape_json([[1, 1], [5, 5]])
    document = annotation_json(path.name, {0: [good, bad], 1: [good]}, (32, 40), 2)
    write_json(path.with_suffix(".json"), document)
    with pytest.raises(
        DataError, match=r"A/m\.json: shape 2 of frame 0 is a polygon with 2 points"
    ):
        convert(conversion_spec(workspace, source, target))
    assert not target.parent.exists()
    result, dataset = convert(conversion_spec(workspace, source, target, skip_broken=True))
    (told,) = (w for w in result["warnings"] if "m.json" in w)
    assert told.startswith("Slices left out: A/m.json: shape 2 of frame 0 ")
    sop = next(f.sop_uid for f in dataset.manifest.files if f.sop_uid == uid(path))
    assert [f.frame for f in dataset.manifest.files if f.sop_uid == sop] == [1]
    assert len(dataset.manifest.files) == 5


def test_a_full_disk_leaves_nothing_half_made(
    source: Path, target: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_study(source, ["A", "B"])
    written: list[Path] = []
    real = Path.write_bytes

    def write_bytes(path: Path, data: bytes) -> int:
        written.append(path)
        if len(written) > 5:
            raise OSError(28, "No space left on device")
        return real(path, data)

    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    with pytest.raises(WorkspaceError, match="the disk is full"):
        run_conversion(conversion_spec(workspace, source, target), QuietContext())
    assert everything_below(target.parent) == []
    assert not (workspace.root / "split.json").exists()


@pytest.mark.parametrize("phase", ["scan", "convert"])
def test_a_cancelled_conversion_leaves_nothing(
    source: Path, target: Path, workspace: Workspace, phase: str
) -> None:
    write_study(source, ["A", "B"])
    with pytest.raises(Cancelled):
        run_conversion(conversion_spec(workspace, source, target), QuietContext(stop_in=phase))
    assert not target.exists()
    assert not target.parent.exists() or everything_below(target.parent) == []


def test_only_a_dataset_is_ever_replaced(source: Path, target: Path, workspace: Workspace) -> None:
    write_study(source, ["A", "B"])
    target.mkdir(parents=True)
    (target / "manifest.json").write_text('{"name": "web page"}')
    for overwrite in (False, True):
        spec = conversion_spec(workspace, source, target, overwrite=overwrite)
        with pytest.raises(WorkspaceError, match="数据 集"):
            run_conversion(spec, QuietContext())
    assert everything_below(target) == ["manifest.json"]


def test_overwrite_replaces_an_earlier_dataset_as_a_whole(
    source: Path, target: Path, workspace: Workspace
) -> None:
    write_study(source, ["A", "B"])
    convert(conversion_spec(workspace, source, target, overlays=True))
    with pytest.raises(WorkspaceError, match="not empty"):
        convert(conversion_spec(workspace, source, target))
    convert(conversion_spec(workspace, source, target, overwrite=True))
    assert "overlays" not in everything_below(target)
    assert everything_below(target.parent)[0] == target.name
    assert len(list(target.parent.iterdir())) == 1


@pytest.mark.parametrize(
    ("prepare", "sentence"),
    [
        (lambda folder: folder.mkdir(), "is empty"),
        (lambda folder: write_json(folder / "a.json", {}), "no DICOM series"),
        (lambda folder: write_dicom(folder / "a.dcm", lesion_slice()), "no reviewed slice"),
    ],
)
def test_nothing_to_convert_is_said(
    source: Path, target: Path, workspace: Workspace, prepare: Any, sentence: str
) -> None:
    prepare(source)
    with pytest.raises(DataError, match=sentence):
        convert(conversion_spec(workspace, source, target))
    assert not target.exists()


def test_an_annotated_colour_slice_is_said(
    source: Path, target: Path, workspace: Workspace
) -> None:
    path = write_dicom(source / "a.dcm", np.zeros((32, 40, 3), np.uint8), photometric="RGB")
    annotate(path, {0: []})
    with pytest.raises(DataError, match=r"a\.dcm is annotated but in colour"):
        convert(conversion_spec(workspace, source, target))


def test_a_dataset_without_lesions_or_of_one_patient_is_warned_about(
    source: Path, target: Path, workspace: Workspace
) -> None:
    write_study(source, ["A"], healthy=["A"])
    result, _ = convert(conversion_spec(workspace, source, target))
    text = " ".join(result["warnings"])
    assert "No slice has a lesion" in text
    assert "Only one patient" in text
    assert "No patient is kept for testing" in text


def test_a_label_that_is_new_to_the_workspace_is_named(
    source: Path, target: Path, workspace: Workspace
) -> None:
    write_study(source, ["A", "B"], slices=1)
    path = source / "A" / "typo.dcm"
    write_dicom(path, lesion_slice(), patient="A")
    annotate(path, {0: [shape_json([[1, 1], [5, 1], [5, 5]], label="h ")]})
    result, _ = convert(conversion_spec(workspace, source, target))
    assert any("The label 'h ' is new, on 1 of the slices." in x for x in result["warnings"])


def test_the_manifest_names_the_salt_but_no_patient(
    source: Path, target: Path, workspace: Workspace
) -> None:
    write_study(source, ["SECRET1", "SECRET2"])
    convert(conversion_spec(workspace, source, target))
    for path in target.rglob("*.*"):
        assert b"SECRET" not in path.read_bytes()
    manifest = json.loads((target / "manifest.json").read_text("utf-8"))
    assert manifest["salt_id"] not in workspace.salt().hex()
    assert set(manifest["files"][0]) >= {
        "name", "set", "patient_hash", "series_uid", "sop_uid", "frame", "pixels_per_label",
    }  # fmt: skip

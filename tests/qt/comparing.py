"""What the tests of compare mode share: a study whose slices disagree in known places with two
models that are known too."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from medseg_desktop.core.comparison_map import Disagreement
from medseg_desktop.qt.canvas.slice_view import ComparisonLayer
from medseg_desktop.qt.controller import Controller
from tests.builders import (
    annotation_json,
    lesion_slice,
    model_info,
    shape_json,
    uid,
    write_dicom,
    write_json,
    write_model_package,
)
from tests.qt.proposing import SIZE
from tests.qt.viewing import WAIT_MS, key, opened, shown, view

#: Outlines of the bright and of the fainter lesion of every slice, and of a place without any.
BRIGHT = [[10.5, 8.5], [19.5, 8.5], [19.5, 15.5], [10.5, 15.5]]
FAINT = [[26.5, 22.5], [35.5, 22.5], [35.5, 27.5], [26.5, 27.5]]
NOTHING_THERE = [[2.5, 24.5], [8.5, 24.5], [8.5, 29.5], [2.5, 29.5]]
#: The boxes of the same, as a disagreement tells them.
BRIGHT_BOX, FAINT_BOX, NOTHING_BOX = (10, 8, 20, 16), (26, 22, 36, 28), (2, 24, 9, 30)
#: By slice what a person has outlined; a slice that is not there was not looked at.
#: The model `keen` finds both lesions everywhere, `blind` only the bright one.
DRAWN: Mapping[int, list[list[list[float]]]] = {
    0: [BRIGHT, FAINT],
    1: [BRIGHT],
    3: [BRIGHT, FAINT, NOTHING_THERE],
    4: [BRIGHT, FAINT],
}
SLICES = 6


def write_compared(folder: Path, patient: str = "A") -> Path:
    """The study; returns its folder."""
    for i in range(SLICES):
        pixels = lesion_slice(SIZE, seed=i)
        pixels[22:28, 26:36] = 3000
        write_dicom(
            folder / patient / f"IM{i:04d}.dcm", pixels, patient=patient, number=i,
            position_mm=(0.0, 0.0, 5.0 * i), sop_uid=uid(patient, i),
        )  # fmt: skip
        if i in DRAWN:
            shapes = [shape_json(outline) for outline in DRAWN[i]]
            document = annotation_json(f"IM{i:04d}.dcm", {0: shapes}, SIZE)
            write_json(folder / patient / f"IM{i:04d}.json", document)
    return folder


def register(controller: Controller, folder: Path, name: str, threshold: float) -> Path:
    """A model in the workspace; returns its package there."""
    package = folder / name
    write_model_package(package, model_info(name=name), thresholds=(threshold,))
    return controller.workspace.register_model(package, name).path


def with_models(qtbot: QtBot, controller: Controller, tmp_path: Path) -> tuple[Path, Path]:
    """The study is open, `keen` is in use, and `blind` is there; returns their packages."""
    keen = register(controller, tmp_path / "made", "keen", 128.5)
    blind = register(controller, tmp_path / "made", "blind", 220.5)
    opened(qtbot, controller, write_compared(tmp_path / "s"))
    with qtbot.waitSignal(controller.runs.models_changed, timeout=WAIT_MS):
        controller.runs.refresh()
    controller.runs.choose_model(keen)
    qtbot.waitUntil(lambda: controller.runs.predictor is not None, timeout=WAIT_MS)
    return keen, blind


def compare(controller: Controller) -> None:
    """Press the key of compare mode."""
    key(controller, Qt.Key.Key_U)


def choose_other(qtbot: QtBot, controller: Controller, title: str) -> None:
    """Choose the model to compare with in the panel."""
    box = controller.window.overlay_panel.comparison.others
    at = box.findText(title)
    assert at >= 0
    box.setCurrentIndex(at)
    box.activated.emit(at)
    wanted = box.itemData(at)
    qtbot.waitUntil(
        lambda: (controller.compared.other is not None) == bool(wanted), timeout=WAIT_MS
    )


def all_compared(qtbot: QtBot, controller: Controller) -> None:
    """Wait until all is known of the series on screen."""
    series = view(controller).series
    compared = controller.comparisons

    def known() -> bool:
        return all(
            not compared.pending(series, i) and compared.comparison(series, i) is not None
            for i in range(len(series.slices))
        )

    qtbot.waitUntil(known, timeout=WAIT_MS)


def go(qtbot: QtBot, controller: Controller, index: int) -> None:
    """To a slice, and wait until it is on screen."""
    controller.study.set_slice(index)
    shown(qtbot, controller)


def places(controller: Controller, index: int) -> tuple[Disagreement, ...]:
    """The disagreements of a slice."""
    found = controller.comparisons.comparison(view(controller).series, index)
    assert found is not None
    return found.disagreements


def marked(controller: Controller) -> tuple[int, int, int, int] | None:
    """The place that is marked on the slice."""
    place = controller.window.slice_view._stage.place
    if place is None:
        return None
    return tuple(map(int, (place.left(), place.top(), place.right(), place.bottom())))  # type: ignore[return-value]


def areas(controller: Controller) -> ComparisonLayer | None:
    """What of the comparison lies on the slice."""
    layer = controller.overlays._given.get("areas", (None,))[0]
    assert layer is None or isinstance(layer, ComparisonLayer)
    return layer


def legend(controller: Controller) -> dict[str, tuple[str, str]]:
    """What the legend says: name -> (of the slice, of the series)."""
    rows = controller.window.overlay_panel.comparison.legend
    return {name: (here, series) for name, here, series in rows}


def note(controller: Controller) -> str:
    """The sentence below the legend."""
    return controller.window.overlay_panel.comparison.note.text()


def corner(controller: Controller) -> list[str]:
    """The lines at the lower right of the slice."""
    return list(controller.window.slice_view._stage.texts.bottom_right)

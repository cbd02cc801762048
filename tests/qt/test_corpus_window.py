"""The odd files of the corpus in the window: each is shown, or named with its reason."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from medseg_desktop.io.dicom_series import FileStatus
from medseg_desktop.qt.controller import Controller
from medseg_desktop.qt.loaded_slice import LoadedSlice
from tests.qt.viewing import opened

WAIT_MS = 30_000


@pytest.fixture(scope="module")
def rows(test_data: Path) -> list[dict[str, str]]:
    manifest = test_data / "corpus" / "manifest.csv"
    if not manifest.is_file():
        pytest.skip(f"there is no corpus in {manifest.parent}")
    with manifest.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def outcomes(qtbot: QtBot, controller: Controller) -> dict[str, str]:
    """File -> "" where every frame of it came on screen, else the sentence that was shown."""
    study, found = controller.study, controller.study.found
    assert found is not None
    result = {f.path: f.reason for f in found.files if f.status is FileStatus.REFUSED}
    told: dict[tuple[object, int], str] = {}

    def on_loaded(loaded: LoadedSlice) -> None:
        told[loaded.series_key, loaded.index] = ""

    study.loader.loaded.connect(on_loaded)
    study.loader.failed.connect(lambda key, i, reason: told.update({(key, i): reason}))
    for series in found.series:
        study.set_series(series.key)
        wanted = {(series.key, i) for i in range(len(series.slices))}
        for i in range(len(series.slices)):
            study.set_slice(i)  # also of a series that was open before
            qtbot.waitUntil(lambda i=i, s=series: (s.key, i) in told, timeout=WAIT_MS)
        for (_, i), reason in ((w, told[w]) for w in sorted(wanted, key=lambda w: w[1])):
            path = Path(series.slices[i].path).relative_to(found.root).as_posix()
            result[path] = result.get(path) or reason
    return result


@pytest.mark.timeout(300)
def test_every_file_of_the_corpus_behaves_as_its_manifest_says(
    controller: Controller, qtbot: QtBot, test_data: Path, rows: list[dict[str, str]]
) -> None:
    opened(qtbot, controller, test_data / "corpus")
    got = outcomes(qtbot, controller)
    wrong = []
    for row in rows:
        reason, expected = got[row["file"]], row["expected"]
        shown = reason == ""
        if expected == "either" or shown == expected.startswith("display"):
            continue
        wrong.append(f"{row['file']}: expected {expected}, got {reason or 'shown'}")
    assert wrong == []
    # Whatever came before, the window still works.
    controller.window.actions_by_key["first_slice"].trigger()
    assert controller.study.view is not None

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from medseg_desktop.core.errors import ModelError, UsageError, WorkspaceError
from medseg_desktop.core.labels import RECIPE_LABELS, LabelTable
from medseg_desktop.io.model_package import open_model
from medseg_desktop.io.settings_file import default_workspace
from medseg_desktop.io.workspace import Workspace, salt_id
from tests.builders import model_info, write_model_package


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "工作 区")


def test_the_salt_is_drawn_once(workspace: Workspace) -> None:
    salt = workspace.salt()
    assert len(salt) == 32
    assert Workspace(workspace.root).salt() == salt
    assert [p.name for p in workspace.root.iterdir()] == ["salt"]
    assert salt.hex() not in salt_id(salt)


def test_processes_that_start_together_agree_on_the_salt(workspace: Workspace) -> None:
    code = (
        "import sys, pathlib; from medseg_desktop.io.workspace import Workspace; "
        "sys.stdin.readline(); print(Workspace(pathlib.Path(sys.argv[1])).salt().hex())"
    )
    command = [sys.executable, "-c", code, str(workspace.root)]
    children = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    salts = {child.communicate()[0].strip() for child in children}
    assert salts == {workspace.salt().hex()}


def test_a_slower_process_takes_the_salt_of_the_faster_one(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = workspace.salt()
    # As if the file had not been there a moment ago.
    assert Workspace._draw_salt(workspace.root / "salt") == first
    assert workspace.salt() == first
    assert [p.name for p in workspace.root.iterdir()] == ["salt"]


@pytest.mark.parametrize("text", ["", "zz", "abcd", "影"])
def test_a_damaged_salt_is_refused(workspace: Workspace, text: str) -> None:
    workspace.root.mkdir()
    (workspace.root / "salt").write_text(text, encoding="utf-8")
    with pytest.raises(WorkspaceError, match="damaged"):
        workspace.salt()


def test_patients_stay_where_they_were_first_put(workspace: Workspace) -> None:
    workspace.freeze({"a": "train", "b": "test"})
    workspace.freeze({"a": "test", "c": "val"})
    split = workspace.split()
    assert [split.set_of(h) for h in "abcd"] == ["train", "test", "val", None]


def test_labels_start_with_the_recipe_and_are_kept(workspace: Workspace) -> None:
    assert workspace.labels() == RECIPE_LABELS
    workspace.keep_labels(RECIPE_LABELS.extended(["水肿"]))
    assert Workspace(workspace.root).labels().names == ("_background_", "H", "水肿")


def test_edited_labels_come_back_with_their_digits_and_locks(workspace: Workspace) -> None:
    table = RECIPE_LABELS.add("水肿").renamed(1, "lesion").recolored(1, (9, 8, 7))
    table = table.with_shortcut(2, 9).with_visible(1, False).with_locked(2, True)
    workspace.keep_labels(table)
    assert Workspace(workspace.root).labels() == table
    workspace.keep_labels(table.removed(2, unused=True))
    assert Workspace(workspace.root).labels().names == ("_background_", "lesion")


def test_a_table_that_is_none_is_not_stored(workspace: Workspace) -> None:
    workspace.keep_labels(RECIPE_LABELS.add("水肿"))
    stored = (workspace.root / "labels.json").read_bytes()
    background, h, edema = workspace.labels().labels
    for wrong in ((background, edema, h), (h, edema), (background, h, h), (), (background, edema)):
        with pytest.raises(WorkspaceError, match="stored one was kept"):
            workspace.keep_labels(LabelTable(wrong))
    assert (workspace.root / "labels.json").read_bytes() == stored


@pytest.mark.parametrize(
    "change",
    [
        '"name": "_background_"|"name": "H"',
        '"index": 1|"index": 2',
        '"name": "H"|"name": "_background_"',
        '"color": [128, 0, 0]|"color": [128, 0, 300]',
        '"color": [128, 0, 0]|"color": [128, 0, 1e3]',
        '"color": [128, 0, 0]|"color": [128, 0]',
        '"name": "H"|"name": 5',
        '"name": "H"|"name": "\\ud800"',
        '"color": [128, 0, 0]|"color": [128, 0, 0], "shortcut": 12',
        '"color": [128, 0, 0]|"color": [128, 0, 0], "locked": "yes"',
        '"color": [0, 0, 0]|"color": [0, 0, 0], "visible": false',
    ],
)
def test_a_damaged_label_table_is_one_sentence_and_is_not_written_over(
    workspace: Workspace, change: str
) -> None:
    good = (
        '[{"index": 0, "name": "_background_", "color": [0, 0, 0]}, '
        '{"index": 1, "name": "H", "color": [128, 0, 0]}]'
    )
    file = workspace.root / "labels.json"
    workspace.root.mkdir()
    file.write_text(good)
    assert workspace.labels() == RECIPE_LABELS
    was, becomes = change.split("|")
    assert was in good
    file.write_text(good.replace(was, becomes))
    with pytest.raises(WorkspaceError, match=r"labels\.json") as caught:
        workspace.labels()
    assert caught.value.message.endswith(".")
    assert "\n" not in str(caught.value)
    assert caught.value.hint == "Restore it from a backup."
    with pytest.raises(WorkspaceError):
        workspace.keep_labels(RECIPE_LABELS.add("edema"))
    assert file.read_text() == good.replace(was, becomes)


def test_what_another_window_has_stored_stays_or_is_told(workspace: Workspace) -> None:
    known = RECIPE_LABELS
    workspace.keep_labels(known.add("edema"), known)
    workspace.keep_labels(known.add("core").recolored(1, (1, 2, 3)), known)
    assert workspace.labels().names == (*known.names, "edema", "core")
    assert workspace.labels().labels[1].color == (1, 2, 3)
    stored = (workspace.root / "labels.json").read_bytes()
    with pytest.raises(WorkspaceError, match=r"another window .* edema") as caught:
        workspace.keep_labels(known.renamed(1, "edema"), known)
    assert "labels.json" in caught.value.message
    assert (workspace.root / "labels.json").read_bytes() == stored


def test_windows_that_change_the_labels_at_the_same_moment_lose_nothing(
    workspace: Workspace,
) -> None:
    def keep(name: str) -> None:
        Workspace(workspace.root).keep_labels(RECIPE_LABELS.add(name), RECIPE_LABELS)

    names = [f"label {n}" for n in range(12)]
    with ThreadPoolExecutor(len(names)) as windows:
        list(windows.map(keep, names))
    assert set(workspace.labels().names) == {*RECIPE_LABELS.names, *names}


def test_what_a_conversion_found_is_appended_to_labels_edited_meanwhile(
    workspace: Workspace,
) -> None:
    at_start = RECIPE_LABELS
    workspace.keep_labels(at_start.renamed(1, "lesion").with_locked(1, True))
    workspace.add_labels(at_start.extended(["edema"]), len(at_start))
    assert workspace.labels().names == ("_background_", "lesion", "edema")
    assert workspace.labels().labels[1].locked


@pytest.mark.parametrize("meanwhile", ["rim", "edema "])
def test_labels_added_during_a_conversion_stop_it_where_indices_would_differ(
    workspace: Workspace, meanwhile: str
) -> None:
    at_start = RECIPE_LABELS
    workspace.keep_labels(at_start.extended([meanwhile]))
    with pytest.raises(WorkspaceError, match="during the conversion"):
        workspace.add_labels(at_start.extended(["edema"]), len(at_start))
    assert workspace.labels() == at_start.extended([meanwhile])
    workspace.add_labels(at_start, len(at_start))  # it found nothing new
    assert workspace.labels() == at_start.extended([meanwhile])


@pytest.mark.parametrize("name", ["split.json", "labels.json"])
@pytest.mark.parametrize("text", ["{", '{"schema": 2}', "[" * 100_000, '[{"index": 5}]'])
def test_damaged_files_are_never_taken_for_empty_ones(
    workspace: Workspace, name: str, text: str
) -> None:
    workspace.root.mkdir()
    (workspace.root / name).write_text(text)
    read = workspace.split if name == "split.json" else workspace.labels
    with pytest.raises(WorkspaceError, match=name.replace(".", r"\.")):
        read()


def test_models_get_the_next_free_version_and_none_is_overwritten(
    workspace: Workspace, tmp_path: Path
) -> None:
    package = write_model_package(tmp_path / "package")
    entries = [workspace.register_model(package, "brain") for _ in range(3)]
    assert [e.title for e in entries] == ["brain-v1", "brain-v2", "brain-v3"]
    assert open_model(entries[2].path).info.version == 3
    (workspace.models / "brain-v4").mkdir()
    (workspace.models / "brain-v4" / "notes.txt").write_text("mine")
    assert workspace.register_model(package, "brain").title == "brain-v5"
    assert (workspace.models / "brain-v4" / "notes.txt").read_text() == "mine"


def test_models_are_found_by_name_version_and_path(workspace: Workspace, tmp_path: Path) -> None:
    package = write_model_package(tmp_path / "package")
    for _ in range(10):
        newest = workspace.register_model(package, "brain").path
    assert workspace.find_model("brain") == newest
    assert workspace.find_model("brain-v2") == workspace.models / "brain-v2"
    assert workspace.find_model(str(package)) == package
    for missing in ("none", "brain-v99", "", "x" * 300, "../models/brain-v1"):
        with pytest.raises(UsageError, match="There is no model"):
            workspace.find_model(missing)


def test_a_model_that_cannot_be_read_is_listed_with_its_problem(workspace: Workspace) -> None:
    folder = workspace.models / "bad-v1"
    folder.mkdir(parents=True)
    (folder / "model.json").write_text("{")
    (entry,) = workspace.model_entries()
    assert entry.info is None
    assert "no model that this program can read" in entry.problem


def test_a_package_cannot_lead_out_of_the_workspace_by_its_name(
    workspace: Workspace, tmp_path: Path
) -> None:
    package = write_model_package(tmp_path / "package", model_info(name="../../evil"))
    with pytest.raises(ModelError, match="name"):
        workspace.register_model(package)
    assert not list(tmp_path.rglob("evil*"))


def test_the_environment_comes_before_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDSEG_WORKSPACE", "/a")
    assert default_workspace("/b") == Path("/a")
    monkeypatch.delenv("MEDSEG_WORKSPACE")
    assert default_workspace("/b") == Path("/b")
    assert default_workspace().name == "MedSeg"


def test_a_workspace_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkspaceError, match="in the way"):
        Workspace(tmp_path / "file" / "ws").salt()

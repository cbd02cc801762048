"""How commands behave towards the workspace, the display, signals and the network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from medseg_desktop.cli import main
from tests.builders import write_dataset, write_study


def command(*words: object, **changes: str | None) -> subprocess.Popen[str]:
    env = {**os.environ}
    for name, value in changes.items():
        if value is None:
            env.pop(name, None)
        else:
            env[name] = value
    return subprocess.Popen(
        [sys.executable, "-m", "medseg_desktop", *map(str, words)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=env,
    )


@pytest.mark.parametrize("before", [True, False])
def test_the_workspace_may_be_given_before_or_after_the_command(
    tmp_path: Path, before: bool
) -> None:
    source = write_study(tmp_path / "s", ["A"])
    option = ["--workspace", str(tmp_path / "mine")]
    words = [*option, "scan", str(source)] if before else ["scan", str(source), *option]
    assert main(words) == 0
    assert (tmp_path / "mine" / "salt").is_file()
    assert not Path(os.environ["MEDSEG_WORKSPACE"]).exists()


def test_a_workspace_that_cannot_be_made_does_not_keep_anybody_from_looking(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_study(tmp_path / "s", ["A"])
    (tmp_path / "file").write_text("in the way")
    assert main(["scan", str(source), "--workspace", str(tmp_path / "file" / "ws"), "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out.splitlines()[-1])["counts"]["series"] == 1
    assert "The patient hashes of this list" in captured.err


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="X11 and Wayland only")
def test_without_a_display_the_window_says_so_in_one_line() -> None:
    process = command("gui", DISPLAY=None, WAYLAND_DISPLAY=None, QT_QPA_PLATFORM=None)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert said.splitlines() == [
        "The window cannot be opened: there is no display. "
        "Log in to a desktop, or use the commands (medseg-desktop --help)."
    ]


def test_a_run_folder_with_only_the_record_of_a_failed_training_is_used_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = write_dataset(tmp_path / "data", slices=1)
    words = ["train", str(dataset), "--run", str(tmp_path / "run"), "--iters", "1", "--device"]
    for _ in range(2):
        assert main([*words, "gpu"]) == 1
        assert "GPU" in capsys.readouterr().err
    (tmp_path / "run" / "notes.txt").write_text("mine")
    assert main([*words, "gpu"]) == 1
    assert "exists already" in capsys.readouterr().err
    assert (tmp_path / "run" / "notes.txt").is_file()


def test_onnx_runtime_reports_its_use_to_nobody(tmp_path: Path) -> None:
    code = (
        "import os, medseg_desktop.inference.predictor, onnxruntime, time;"
        "onnxruntime.get_available_providers(); onnxruntime.SessionOptions(); time.sleep(0.5);"
        "print(os.environ['ORT_DISABLE_TELEMETRY'])"
    )
    env = {**os.environ, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / ".cache")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "1"
    assert [p for p in tmp_path.rglob("*") if "onnxruntime" in p.name] == []

"""What a process imports: the window no Paddle, a training worker nothing of the window's."""

from __future__ import annotations

import json
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import medseg_desktop.engine
from medseg_desktop.core.specs import TrainSpec, encode_spec

#: What the extra `train` does not list; a separate training interpreter lacks it.
NOT_FOR_TRAINING = (
    "PySide6",
    "shiboken6",
    "pyqtgraph",
    "pydicom",
    "imagecodecs",
    "imgviz",
    "platformdirs",
)
#: Put in front of a script: importing one of the blocked packages raises ImportError.
BLOCK = f"""
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {NOT_FOR_TRAINING!r}:
            raise ImportError(f"{{name}} must not be imported here")

sys.meta_path.insert(0, Blocker())
"""


def run(
    code: str, *arguments: str, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env=env,
    )


def test_the_window_leaves_paddle_out() -> None:
    code = (
        "import sys, medseg_desktop.qt.app;"
        "print([m for m in ('paddle', 'paddleseg', 'paddle2onnx') if m in sys.modules])"
    )
    done = run(code)
    assert done.stdout.strip() == "[]", done.stderr


def test_the_command_line_starts_without_any_heavy_package() -> None:
    code = (
        "import sys, medseg_desktop.cli as cli; cli.build_parser();"
        "print([m for m in ('numpy', 'cv2', 'PySide6', 'paddle', 'pydicom') if m in sys.modules])"
    )
    done = run(code)
    assert done.stdout.strip() == "[]", done.stderr


def test_every_module_of_the_engine_imports_with_only_the_packages_of_the_extra_train(
    tmp_path: Path,
) -> None:
    names = [m.name for m in pkgutil.iter_modules(medseg_desktop.engine.__path__)]
    assert "training" in names
    lines = [f"import medseg_desktop.engine.{name}" for name in names]
    home = tmp_path / "home"
    home.mkdir()
    env = {**os.environ, "HOME": str(home), "USERPROFILE": str(home)}
    done = run("\n".join([BLOCK, *lines, "print('imported')"]), env=env)
    assert done.stdout.strip().endswith("imported"), done.stderr
    left = {p.name for p in home.iterdir()}
    assert left <= {".cache", ".config"}, "PaddleSeg made its folders in the user's home"


def test_a_training_worker_starts_with_only_the_packages_of_the_extra_train(
    tmp_path: Path,
) -> None:
    spec = tmp_path / "spec.json"
    dataset, run_folder = tmp_path / "absent", tmp_path / "run"
    run_folder.mkdir()
    spec.write_bytes(
        encode_spec(TrainSpec(dataset=str(dataset), run=str(run_folder), model_name="x"))
    )
    code = f"{BLOCK}\nfrom medseg_desktop.cli import main\nsys.exit(main(sys.argv[1:]))"
    done = run(code, "worker", str(spec))
    last = json.loads(done.stdout.splitlines()[-1])
    assert last["event"] == "failed"
    assert str(dataset) in last["message"], last

# /// script
# requires-python = ">=3.11"
# ///
"""Pin every package of the resolution in pyproject.toml: `uv run packaging/pin_versions.py`.

Without any pins uv resolves the newest versions that fit together; what it chose is written
as `constraint-dependencies`.  Names and versions only: the lock file itself records download
addresses and is therefore not kept.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
_BEGIN = "# Pinned versions, written by packaging/pin_versions.py; do not edit by hand."
_END = "# End of the pinned versions."
_BLOCK = re.compile(f"^{re.escape(_BEGIN)}$.*?^{re.escape(_END)}$", re.MULTILINE | re.DOTALL)


def main() -> int:
    """Resolve, write pyproject.toml, print what changed."""
    path = ROOT / "pyproject.toml"
    text = path.read_text(encoding="utf-8")
    if len(_BLOCK.findall(text)) != 1:
        print(f"{path} lacks the two comments between which the versions stand.", file=sys.stderr)
        return 1
    before = set(tomllib.loads(text)["tool"]["uv"]["constraint-dependencies"])
    pins = pins_of(newest_resolution(_BLOCK.sub(lambda _: block([]), text)))
    path.write_text(_BLOCK.sub(lambda _: block(pins), text), encoding="utf-8", newline="\n")
    for pin in sorted(before - set(pins)):
        print(f"- {pin}")
    for pin in sorted(set(pins) - before):
        print(f"+ {pin}")
    print(f"{len(pins)} versions are pinned.")
    return 0


def newest_resolution(project: str) -> dict[str, Any]:
    """uv's lock of a pyproject.toml, made in a temporary folder."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pyproject.toml").write_text(project, encoding="utf-8")
        for file in ("README.md", "LICENSE"):
            shutil.copy(ROOT / file, folder)
        subprocess.run(["uv", "lock", "--upgrade"], cwd=folder, check=True)
        return tomllib.loads((folder / "uv.lock").read_text(encoding="utf-8"))


def pins_of(lock: dict[str, Any]) -> list[str]:
    """`name==version` of every package but our own, sorted; with the markers of forks."""
    packages = [p for p in lock["package"] if "registry" in p["source"]]
    names = [p["name"] for p in packages]
    return sorted(_pin(package, is_fork=names.count(package["name"]) > 1) for package in packages)


def _pin(package: dict[str, Any], *, is_fork: bool) -> str:
    pin = f"{package['name']}=={package['version']}"
    markers = package.get("resolution-markers", [])
    if not is_fork or not markers:
        return pin
    return f"{pin} ; {' or '.join(f'({marker})' for marker in markers)}"


def block(pins: list[str]) -> str:
    """The part of pyproject.toml that this program owns."""
    lines = "".join(f'    "{pin}",\n' for pin in pins)
    body = f"[\n{lines}]" if pins else "[]"
    return f"{_BEGIN}\nconstraint-dependencies = {body}\n{_END}"


if __name__ == "__main__":
    sys.exit(main())

"""How a worker is started: its command line and its environment."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import medseg_desktop
from medseg_desktop.io.child_command import own_command, physical_cores

_SHARED_FOLDERS = ("site-packages", "dist-packages")
#: Loads the real package from where it lies; nothing else of that place becomes importable.
_STUB = """\
__file__ = {init!r}
__path__ = [{package!r}]
with open(__file__, encoding="utf-8") as _source:
    exec(compile(_source.read(), __file__, "exec"))
"""


def worker_command(
    spec_path: Path, interpreter: str | None = None, threads: int = 0
) -> tuple[list[str], dict[str, str]]:
    """Arguments and environment that run the job of `spec_path`.

    Args:
        spec_path: the job's spec; its folder may receive a small helper folder (see below).
        interpreter: another Python that has the training packages; None for our own.
        threads: for the numerical libraries; 0 for the number of physical cores, or what
            OMP_NUM_THREADS says already.  Where Paddle's launcher has started several of us
            on this computer, they share the cores.

    Our sources come to another interpreter over PYTHONPATH.  If they lie in a folder with
    other packages (site-packages), those must not come along: they would hide the ones of
    the interpreter.  Then a folder `.sources` beside the spec holds a pointer to ours alone.

    Raises:
        OSError: the helper folder cannot be written.
    """
    spec = str(spec_path)
    env = dict(os.environ)
    if threads > 0 or not env.get("OMP_NUM_THREADS"):
        share = physical_cores() // int(env.get("PADDLE_LOCAL_SIZE") or 1)
        env["OMP_NUM_THREADS"] = str(threads if threads > 0 else max(1, share))
    env["PYTHONUTF8"] = "1"
    env["PYTHONUNBUFFERED"] = "1"
    if interpreter is not None:
        sources = _sources(spec_path.parent)
        inherited = env.get("PYTHONPATH")
        env["PYTHONPATH"] = os.pathsep.join(filter(None, (str(sources), inherited)))
        _forget_bundle(env)
        return [interpreter, "-m", "medseg_desktop", "worker", spec], env
    return own_command("worker", spec), env


def _sources(folder: Path) -> Path:
    """The folder for PYTHONPATH through which `medseg_desktop`, and only it, is found."""
    package = Path(medseg_desktop.__file__).resolve().parent
    bundle = getattr(sys, "_MEIPASS", None)
    if bundle is not None:  # a frozen app ships its sources as files for this purpose
        package = Path(bundle) / "sources" / "medseg_desktop"
    elif package.parent.name not in _SHARED_FOLDERS:
        return package.parent
    stub = folder / ".sources" / "medseg_desktop"
    stub.mkdir(parents=True, exist_ok=True)
    text = _STUB.format(init=str(package / "__init__.py"), package=str(package))
    (stub / "__init__.py").write_text(text, encoding="utf-8")
    return stub.parent


def _forget_bundle(env: dict[str, str]) -> None:
    """A frozen app points the loader at its own libraries; another Python must not use them."""
    if not getattr(sys, "frozen", False):
        return
    env.pop("PYTHONHOME", None)
    for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"):
        original = env.pop(f"{name}_ORIG", None)
        env.pop(name, None)
        if original:
            env[name] = original

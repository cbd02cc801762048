"""Can the training interpreter train?  Its packages, their versions, and whether they import."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from medseg_desktop.jobs.check import Check, State, version_numbers
from medseg_desktop.jobs.import_probe import ImportReport, probe_imports
from medseg_desktop.jobs.package_checks import OPENCV_CURE
from medseg_desktop.jobs.system_libraries import (
    Need,
    SystemLibrary,
    apt_line,
    missing_libraries,
    packages,
)

#: Packages of the extra `train` -> the module that training imports.  In this order: Paddle
#: imports setuptools without declaring it, so a lack of it is found before Paddle stumbles.
TRAINING_PACKAGES = {
    "setuptools": "setuptools",
    "msgspec": "msgspec",
    "numpy": "numpy",
    "opencv-python-headless": "cv2",
    "onnx": "onnx",
    "onnxruntime": "onnxruntime",
    "psutil": "psutil",
    "safetensors": "safetensors",
    "paddlepaddle": "paddle",
    "paddleseg": "paddleseg.models",
    "paddle2onnx": "paddle2onnx",
}
#: Tried versions; another one may work, so it is a caution.
_TRIED = {"paddle": (3, 3), "paddle2onnx": (2, 1)}
_LIMIT_S = 180.0

Probe = Callable[[list[str]], ImportReport]
Missing = Callable[[tuple[Need, ...]], list[SystemLibrary]]


def check_training(
    interpreter: str = "", *, probe: Probe | None = None, missing: Missing = missing_libraries
) -> Check:
    """Import what a training imports, in `interpreter` ("": our own)."""
    modules = list(TRAINING_PACKAGES.values())
    if probe is None:
        report = probe_imports(modules, interpreter=interpreter, limit_s=_LIMIT_S)
    else:
        report = probe(modules)
    where = f" in {interpreter}" if interpreter else ""
    if report.failure:
        return Check(
            "Training",
            State.BAD,
            f"The training interpreter{where} cannot be used: {report.failure.rstrip('.')}.",
            "Choose another training interpreter in the settings." if interpreter else "",
        )
    if "paddle" in report.missing and not interpreter:
        return Check(
            "Training",
            State.CAUTION,
            "Paddle is not installed: predictions work, training needs the extra train.",
            "Install the program with its extra train, as the README says.",
        )
    problem = _python_problem(report, where) or _missing_problem(report, where)
    if problem is None and report.errors:
        problem = _import_problem(report.errors, where, missing)
    return problem or _versions(report.versions, where)


def _python_problem(report: ImportReport, where: str) -> Check | None:
    if report.python[:2] >= (3, 11):
        return None
    version = ".".join(map(str, report.python))
    return Check(
        "Training",
        State.BAD,
        f"The training interpreter{where} is Python {version}, and 3.11 or newer is needed.",
        "Choose another training interpreter in the settings.",
    )


def _missing_problem(report: ImportReport, where: str) -> Check | None:
    names = [name for name, module in TRAINING_PACKAGES.items() if module in report.missing]
    if not names:
        return None
    cure = f"Type{where}: pip install {' '.join(names)}"
    if "paddleseg" in names:
        cure = "Install the packages of the extra train there, as the README says."
    return Check("Training", State.BAD, f"Not installed{where}: {', '.join(names)}.", cure)


def _import_problem(errors: Mapping[str, str], where: str, missing: Missing) -> Check:
    module, reason = next(iter(errors.items()))
    name = next(n for n, m in TRAINING_PACKAGES.items() if m == module)
    libraries = missing((Need.TRAINING,))
    cure = f"Type: pip install --force-reinstall --no-deps {name}"
    if libraries:
        cure = f"Type: {apt_line(packages(libraries))}"
    elif "cv2" in errors:
        cure = OPENCV_CURE
    return Check("Training", State.BAD, f"{name}{where} does not load: {reason.rstrip('.')}.", cure)


def _versions(versions: Mapping[str, str], where: str) -> Check:
    listed = f"PaddlePaddle {versions['paddle']}, paddle2onnx {versions['paddle2onnx']}{where}"
    for module, tried in _TRIED.items():
        if version_numbers(versions[module])[:2] != tried:
            wanted = ".".join(map(str, tried))
            return Check(
                "Training",
                State.CAUTION,
                f"{listed}: training was tried with {module} {wanted} only.",
                f"If a training fails, install {module} {wanted} there.",
            )
    return Check("Training", State.OK, f"{listed}.")

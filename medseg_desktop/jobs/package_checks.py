"""Are the packages of the base install there, and do they work together?"""

from __future__ import annotations

import sys
from collections.abc import Callable

from medseg_desktop.jobs.check import Check, State, installed_version, version_numbers
from medseg_desktop.jobs.import_probe import ImportReport, probe_imports

#: Packages of the base install -> a module to import.  Qt has a check of its own.
BASE_PACKAGES = {
    "pyqtgraph": "pyqtgraph",
    "pydicom": "pydicom",
    "pyjpegls": "jpeg_ls",
    "pylibjpeg": "pylibjpeg",
    "pylibjpeg-openjpeg": "openjpeg",
    "imagecodecs": "imagecodecs",
    "opencv-python-headless": "cv2",
    "numpy": "numpy",
    "imgviz": "imgviz",
    "onnx": "onnx",
    "onnxruntime": "onnxruntime",
    "msgspec": "msgspec",
    "platformdirs": "platformdirs",
    "psutil": "psutil",
    "scipy": "scipy",
}
_OTHER_OPENCVS = (
    "opencv-python",
    "opencv-contrib-python",
    "opencv-contrib-python-headless",
)
OPENCV_CURE = (
    "Type: pip uninstall -y opencv-python opencv-contrib-python opencv-contrib-python-headless, "
    "then: pip install --force-reinstall --no-deps opencv-python-headless"
)
#: pyqtgraph needs Qt, which the check of Qt looks at; importing it here would blame it.
_NOT_IMPORTED = ("pyqtgraph",)
_LIMIT_S = 60.0

Versions = Callable[[str], str]
Probe = Callable[[list[str]], ImportReport]


def check_python(version: tuple[int, ...] = sys.version_info[:3]) -> Check:
    """Python 3.11 or 3.12."""
    text = ".".join(map(str, version))
    if version[:2] in ((3, 11), (3, 12)):
        return Check("Python", State.OK, f"Python {text}.")
    return Check(
        "Python",
        State.BAD,
        f"Python {text} is not supported.",
        "Install Python 3.11 or 3.12 and install the program there.",
    )


def check_packages(versions: Versions = installed_version, probe: Probe | None = None) -> Check:
    """Every package of the base install is there and imports; OpenCV is checked apart."""
    missing = [name for name in BASE_PACKAGES if not versions(name) and not _is_opencv(name)]
    if missing:
        return Check(
            "Packages",
            State.BAD,
            f"Not installed: {', '.join(missing)}.",
            f"Type: pip install {' '.join(missing)}",
        )
    modules = {m: d for d, m in BASE_PACKAGES.items() if not _is_opencv(d)}
    report = _ask(probe, [m for m in modules if m not in _NOT_IMPORTED])
    if report.failure:
        return Check("Packages", State.BAD, f"The packages do not load: {report.failure}.")
    broken = [*report.missing, *report.errors]
    if broken:
        name = modules[broken[0]]
        reason = report.errors.get(broken[0], "its files are gone")
        return Check(
            "Packages",
            State.BAD,
            f"The package {name} does not load: {reason.rstrip('.')}.",
            f"Type: pip install --force-reinstall {name}",
        )
    listed = ", ".join(f"{name} {versions(name)}" for name in modules.values())
    return Check("Packages", State.OK, f"{listed}.")


def check_opencv(versions: Versions = installed_version, probe: Probe | None = None) -> Check:
    """One OpenCV, the headless one, that imports with the installed NumPy.

    Plain pip honours PaddleSeg's old requirement and so installs opencv-python 4.6 or older:
    it overwrites files of opencv-python-headless, and does not import with NumPy 2.
    """
    headless = versions("opencv-python-headless")
    others = {name: v for name in _OTHER_OPENCVS if (v := versions(name))}
    numpy = versions("numpy")
    for name, version in others.items():
        if version_numbers(version) < (4, 10) and version_numbers(numpy) >= (2,):
            return _broken(f"{name} {version} does not work with NumPy {numpy}.")
    if headless and others:
        names = " and ".join(others)
        return _broken(f"{names} is installed beside opencv-python-headless and damages it.")
    if others:
        return _broken(f"{next(iter(others))} is installed instead of opencv-python-headless.")
    if not headless:
        return Check(
            "OpenCV",
            State.BAD,
            "opencv-python-headless is not installed.",
            "Type: pip install opencv-python-headless",
        )
    report = _ask(probe, ["cv2"])
    reason = report.failure or report.errors.get("cv2", "")
    if reason or "cv2" in report.missing:
        return _broken(f"OpenCV does not load: {(reason or 'its files are gone').rstrip('.')}.")
    return Check("OpenCV", State.OK, f"opencv-python-headless {headless}.")


def check_decoders() -> Check:
    """A decoder for every compressed transfer syntax that the program reads."""
    from medseg_desktop.io.pixels.codecs import missing_decoders

    missing = missing_decoders()
    if not missing:
        return Check("Decoders", State.OK, "Every compressed kind of DICOM can be read.")
    distributions = {module: name for name, module in BASE_PACKAGES.items()}
    packages = sorted({distributions.get(package, package) for package in missing.values()})
    return Check(
        "Decoders",
        State.BAD,
        f"These kinds of DICOM cannot be read: {', '.join(missing)}.",
        f"Type: pip install {' '.join(packages)}",
    )


def _ask(probe: Probe | None, modules: list[str]) -> ImportReport:
    return probe(modules) if probe else probe_imports(modules, limit_s=_LIMIT_S)


def _is_opencv(distribution: str) -> bool:
    return distribution.startswith("opencv-")


def _broken(message: str) -> Check:
    return Check("OpenCV", State.BAD, message, OPENCV_CURE)

"""The checks of `doctor`, with broken installations faked and the real one asked."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from medseg_desktop.core.settings import Settings
from medseg_desktop.jobs import diagnosis, system_libraries
from medseg_desktop.jobs.check import State, version_numbers
from medseg_desktop.jobs.diagnosis import Check, is_fine
from medseg_desktop.jobs.import_probe import ImportReport, probe_imports
from medseg_desktop.jobs.machine_checks import check_memory, check_processor, check_workspace
from medseg_desktop.jobs.package_checks import (
    BASE_PACKAGES,
    check_decoders,
    check_opencv,
    check_packages,
    check_python,
)
from medseg_desktop.jobs.qt_checks import check_qt
from medseg_desktop.jobs.system_libraries import (
    CJK_FONTS,
    SYSTEM_LIBRARIES,
    Need,
    SystemLibrary,
    missing_libraries,
    packages,
)
from medseg_desktop.jobs.training_checks import TRAINING_PACKAGES, check_training

ROOT = Path(__file__).resolve().parents[2]
on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a check for Linux")


def installed(**versions: str) -> Callable[[str], str]:
    """A lookup of installed packages; everything else is there in version 1."""
    known = {name.replace("_", "-"): version for name, version in versions.items()}
    return lambda name: known.get(name, "" if name.startswith("opencv") else "1.0")


def imports(
    *, missing: tuple[str, ...] = (), failure: str = "", **errors: str
) -> Callable[[list[str]], ImportReport]:
    """A probe that finds everything but what is said."""

    def probe(modules: list[str]) -> ImportReport:
        good = {"paddle": "3.3.1", "paddle2onnx": "2.1.0"}
        return ImportReport(
            python=(3, 11, 9),
            versions={m: good.get(m, "1") for m in modules if m not in {*missing, *errors}},
            missing=missing,
            errors=errors,
            failure=failure,
        )

    return probe


def lacking(*sonames: str) -> Callable[[tuple[Need, ...]], list[SystemLibrary]]:
    return lambda needs: missing_libraries(needs, lambda soname: soname not in sonames)


class TestPackages:
    def test_python_outside_3_11_and_3_12_is_bad(self) -> None:
        assert check_python((3, 12, 1)).status is State.OK
        for version in ((3, 10, 9), (3, 13, 0)):
            check = check_python(version)
            assert check.status is State.BAD
            assert "3.11 or 3.12" in check.cure

    def test_a_missing_package_is_named_with_what_to_type(self) -> None:
        check = check_packages(installed(pyjpegls=""), imports())
        assert (check.status, check.cure) == (State.BAD, "Type: pip install pyjpegls")

    def test_a_package_that_does_not_load_is_named_by_its_distribution(self) -> None:
        check = check_packages(installed(), imports(jpeg_ls="undefined symbol"))
        assert check.message == "The package pyjpegls does not load: undefined symbol."
        assert check.status is State.BAD

    @pytest.mark.parametrize("version", ["4.5.5.64", "4.6.0.66"])
    def test_old_opencv_with_numpy_2_is_recognised(self, version: str) -> None:
        lookup = installed(opencv_python=version, opencv_python_headless="5.0.0", numpy="2.4.6")
        check = check_opencv(lookup, imports())
        assert check.status is State.BAD
        assert f"opencv-python {version} does not work with NumPy 2.4.6" in check.message
        assert "pip uninstall -y opencv-python" in check.cure
        assert "--force-reinstall --no-deps opencv-python-headless" in check.cure

    def test_two_opencvs_beside_each_other_are_recognised(self) -> None:
        lookup = installed(opencv_python="4.12.0", opencv_python_headless="5.0.0", numpy="2.4.6")
        check = check_opencv(lookup, imports())
        assert check.status is State.BAD
        assert "beside opencv-python-headless" in check.message

    def test_opencv_that_is_listed_but_does_not_load_is_bad(self) -> None:
        lookup = installed(opencv_python_headless="5.0.0", numpy="2.4.6")
        check = check_opencv(lookup, imports(cv2="numpy.core.multiarray failed to import"))
        assert check.status is State.BAD
        assert "multiarray failed to import" in check.message

    def test_the_headless_opencv_alone_is_fine(self) -> None:
        lookup = installed(opencv_python_headless="5.0.0", numpy="2.4.6")
        assert check_opencv(lookup, imports()).status is State.OK

    def test_a_missing_decoder_names_the_syntaxes_and_the_package(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert check_decoders().status is State.OK
        gone = {"JPEG-LS Lossless": "jpeg_ls", "JPEG-LS Near-lossless": "jpeg_ls"}
        monkeypatch.setattr("medseg_desktop.io.pixels.codecs.missing_decoders", lambda: gone)
        check = check_decoders()
        assert check.status is State.BAD
        assert "JPEG-LS Lossless, JPEG-LS Near-lossless" in check.message
        assert check.cure == "Type: pip install pyjpegls"

    def test_the_tables_name_what_pyproject_requires(self) -> None:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        base = {re.split(r"[<>=; ]", line)[0] for line in project["dependencies"]}
        train = {
            re.split(r"[<>=; ]", line)[0] for line in project["optional-dependencies"]["train"]
        }
        assert {*BASE_PACKAGES, "PySide6-Essentials"} == base
        assert set(TRAINING_PACKAGES) == train


class TestQt:
    @on_linux
    def test_a_missing_library_is_named_with_its_package(self) -> None:
        failure = "ImportError: libEGL.so.1: cannot open shared object file: No such file"
        (check,) = check_qt(lambda: (b"", failure), lacking("libEGL.so.1", "libxcb-cursor.so.0"))
        assert check.status is State.BAD
        assert check.message == "Qt does not start, because the system lacks libEGL.so.1."
        assert check.cure == "Type: sudo apt-get install -y libegl1 libxcb-cursor0"

    @on_linux
    def test_a_library_outside_the_table_is_named_too(self) -> None:
        failure = "ImportError: libnew.so.7: cannot open shared object file: No such file"
        (check,) = check_qt(lambda: (b"", failure), lacking())
        assert "libnew.so.7" in check.message
        assert check.cure

    @on_linux
    @pytest.mark.parametrize(("display", "status"), [(":0", State.BAD), ("", State.CAUTION)])
    def test_lacking_only_what_x11_needs_is_bad_only_on_x11(
        self, display: str, status: State, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
        monkeypatch.delenv("DISPLAY", raising=False)
        if display:
            monkeypatch.setenv("DISPLAY", display)
        answer = b'{"qt": "6.12.0", "chinese": true}'
        qt, window = check_qt(lambda: (answer, ""), lacking("libxcb-icccm.so.4"))
        assert qt.status is State.OK
        assert window.status is status
        assert window.cure == "Type: sudo apt-get install -y libxcb-icccm4"

    @on_linux
    def test_a_system_without_a_chinese_font_is_told_which_package_has_one(self) -> None:
        *_, fonts = check_qt(lambda: (b'{"qt": "6.12.0", "chinese": false}', ""), lacking())
        assert (fonts.name, fonts.status) == ("Fonts", State.CAUTION)
        assert CJK_FONTS in fonts.cure

    def test_a_loader_finds_the_c_library_and_not_an_invented_one(self) -> None:
        if sys.platform.startswith("linux"):
            assert system_libraries.loads("libc.so.6")
        assert not system_libraries.loads("libmedseg-invented.so.1")

    def test_the_readme_names_every_package_of_the_table_in_one_line(self) -> None:
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        (line,) = re.findall(r"^(?:sudo )?apt-get install (.*)$", readme, re.MULTILINE)
        assert set(line.split()) - {"-y"} == {*packages(), CJK_FONTS}

    def test_every_library_of_the_table_is_named_once(self) -> None:
        assert len({x.soname for x in SYSTEM_LIBRARIES}) == len(SYSTEM_LIBRARIES)
        assert len(packages()) == len(SYSTEM_LIBRARIES)


class TestTraining:
    def test_without_paddle_predictions_still_work(self) -> None:
        check = check_training(probe=imports(missing=("paddle", "paddleseg.models")))
        assert check.status is State.CAUTION
        assert "predictions work, training needs the extra train" in check.message

    def test_missing_setuptools_is_named(self) -> None:
        check = check_training(probe=imports(missing=("setuptools",)))
        assert (check.status, check.cure) == (State.BAD, "Type: pip install setuptools")

    def test_packages_missing_in_a_chosen_interpreter_are_named_with_it(self) -> None:
        check = check_training("/gpu/bin/python", probe=imports(missing=("msgspec", "cv2")))
        assert check.message == (
            "Not installed in /gpu/bin/python: msgspec, opencv-python-headless."
        )

    def test_a_chosen_interpreter_that_does_not_exist_is_bad(self) -> None:
        check = check_training("/nowhere/python")
        assert check.status is State.BAD
        assert "/nowhere/python cannot be used: it cannot be started" in check.message
        assert check.cure

    def test_an_import_that_fails_says_why(self) -> None:
        check = check_training(probe=imports(paddle="libfoo.so"), missing=lacking())
        assert check.status is State.BAD
        assert "paddlepaddle does not load: libfoo.so" in check.message

    @on_linux
    def test_a_library_that_paddle_misses_is_named_by_its_package(self) -> None:
        check = check_training(
            probe=imports(paddle="libgomp.so.1: cannot open"), missing=lacking("libgomp.so.1")
        )
        assert check.cure == "Type: sudo apt-get install -y libgomp1"

    def test_another_version_of_paddle_is_a_caution(self) -> None:
        def probe(modules: list[str]) -> ImportReport:
            versions = dict.fromkeys(modules, "1") | {"paddle": "3.5.0", "paddle2onnx": "2.1.0"}
            return ImportReport(python=(3, 12, 1), versions=versions)

        check = check_training(probe=probe)
        assert check.status is State.CAUTION
        assert "paddle 3.3" in check.message

    def test_an_interpreter_that_is_too_old_is_bad(self) -> None:
        check = check_training("/old/python", probe=lambda _: ImportReport(python=(3, 9, 2)))
        assert check.status is State.BAD
        assert "Python 3.9.2" in check.message


class TestMachine:
    def test_little_memory_is_a_caution(self) -> None:
        assert check_memory(2**30).status is State.CAUTION
        assert check_memory(2**34).status is State.OK

    def test_the_number_of_threads_says_where_it_comes_from(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OMP_NUM_THREADS", "7")
        assert "7 threads, as OMP_NUM_THREADS says" in check_processor().message
        assert "3 threads, as set in the settings" in check_processor(3).message

    def test_a_workspace_that_does_not_exist_yet_is_not_made(self, tmp_path: Path) -> None:
        check = check_workspace(tmp_path / "a" / "b")
        assert check.status is State.OK
        assert "will be made" in check.message
        assert list(tmp_path.iterdir()) == []

    def test_a_file_in_the_way_of_the_workspace_is_bad(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("", encoding="utf-8")
        check = check_workspace(tmp_path / "file" / "workspace")
        assert check.status is State.BAD
        assert "--workspace" in check.cure

    def test_a_full_disk_is_bad(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("shutil.disk_usage", lambda _: type("U", (), {"free": 1000})())
        assert check_workspace(tmp_path).status is State.BAD


class TestProbe:
    def test_a_module_that_prints_fails_or_is_missing_is_told_apart(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "loud.py").write_text("print('hello')\n__version__ = '2.0'\n")
        (tmp_path / "broken.py").write_text("raise SystemExit('no way')\n")
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        report = probe_imports(["loud", "broken", "absent.part"])
        assert report.versions == {"loud": "2.0"}
        assert report.errors == {"broken": "no way"}
        assert list(report.missing) == ["absent.part"]
        assert report.python == tuple(sys.version_info[:3])

    def test_a_module_that_crashes_or_hangs_is_no_danger(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "crash.py").write_text("import os\nos.abort()\n")
        (tmp_path / "hang.py").write_text("import time\ntime.sleep(60)\n")
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        assert probe_imports(["crash"]).failure
        assert "within" in probe_imports(["hang"], limit_s=0.5).failure

    def test_modules_of_the_current_folder_are_not_imported(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "local_module.py").write_text("")
        monkeypatch.chdir(tmp_path)
        assert list(probe_imports(["local_module"]).missing) == ["local_module"]


def test_versions_of_any_form_give_their_leading_numbers() -> None:
    assert version_numbers("4.6.0.66") == (4, 6, 0, 66)
    assert version_numbers("3.3.1rc0") == (3, 3)
    assert version_numbers("") == ()


def test_a_caution_is_fine_and_a_bad_check_is_not() -> None:
    caution = Check("a", State.CAUTION, "b.")
    assert is_fine([caution])
    assert not is_fine([caution, Check("a", State.BAD, "b.")])


def test_a_check_that_needs_a_broken_package_does_not_end_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> Path:
        raise ImportError("cv2 is broken")

    fine = Check("Training", State.OK, "Fine.")
    monkeypatch.setattr(diagnosis, "check_training", lambda _interpreter: fine)
    monkeypatch.setattr(diagnosis, "check_qt", lambda: iter([fine]))
    *_, workspace = diagnosis.diagnose(Settings(), broken)
    assert (workspace.name, workspace.status) == ("Workspace", State.BAD)
    assert "cv2 is broken" in workspace.message

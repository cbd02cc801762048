"""`doctor`: what is installed, what works, what to do."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any

from medseg_desktop.cli.console import ProgressLine, print_json
from medseg_desktop.core.settings import Settings
from medseg_desktop.jobs.diagnosis import Check, State, diagnose, is_fine, unchecked

_WORDS = {State.OK: "ok", State.CAUTION: "note", State.BAD: "BAD"}
_INDENT = 17
_WIDTH = 100


def run(arguments: argparse.Namespace) -> int:
    line = ProgressLine()
    line.show("looking")
    checks = []
    settings = _settings()
    measured: dict[str, Any] = {}
    found = diagnose(settings, lambda: _workspace(arguments.workspace))
    for check in chain(found, _gpu(settings, measured) if arguments.gpu else ()):
        line.clear()
        checks.append(check)
        if not arguments.json:
            print(describe(check), flush=True)
        line.show("looking")
    line.clear()
    fine = is_fine(checks)
    if arguments.json:
        report = {"checks": [asdict(check) for check in checks], "ok": fine}
        print_json({**report, "gpu": measured} if arguments.gpu else report)
    else:
        print(_summary(checks))
    return 0 if fine else 1


def _gpu(settings: Settings, measured: dict[str, Any]) -> Iterator[Check]:
    """The check of the GPU, which takes a minute or so; what it measured goes to `measured`."""
    try:
        from medseg_desktop.jobs.gpu_checks import check_gpu
    except ImportError as error:
        yield unchecked("GPU", error)
        return
    check, figures = check_gpu(settings.training_interpreter, settings.threads)
    measured.update(figures)
    yield check


def describe(check: Check) -> str:
    """Name, state and sentence of a check; below it what to do, unbroken for copying."""
    head = f"{check.name:<{_INDENT - 6}}{_WORDS[check.status]:<6}"
    text = textwrap.fill(
        check.message,
        width=_WIDTH,
        initial_indent=head,
        subsequent_indent=" " * _INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return f"{text}\n{' ' * _INDENT}{check.cure}" if check.cure else text


def _summary(checks: list[Check]) -> str:
    bad = [check.name for check in checks if check.status is State.BAD]
    if bad:
        return f"\nNot everything works: {', '.join(bad)}."
    cautions = [check.name for check in checks if check.status is State.CAUTION]
    if cautions:
        return f"\nThe main job works; see the notes on {', '.join(cautions)}."
    return "\nEverything works."


def _settings() -> Settings:
    """The stored settings; the defaults where even reading them needs a broken package."""
    try:
        from medseg_desktop.io.settings_file import load_settings
    except ImportError:
        return Settings()
    return load_settings()


def _workspace(option: Path | None) -> Path:
    """The workspace's folder; raises ImportError where a package is broken."""
    if option is not None:
        return option.absolute()
    from medseg_desktop.io.settings_file import default_workspace

    return default_workspace(_settings().workspace)

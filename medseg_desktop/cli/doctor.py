"""`doctor`: what is installed, what works, what to do."""

from __future__ import annotations

import argparse
import textwrap
from dataclasses import asdict
from pathlib import Path

from medseg_desktop.cli.console import ProgressLine, print_json
from medseg_desktop.cli.later import not_yet
from medseg_desktop.core.settings import Settings
from medseg_desktop.jobs.diagnosis import Check, State, diagnose, is_fine

_WORDS = {State.OK: "ok", State.CAUTION: "note", State.BAD: "BAD"}
_INDENT = 17
_WIDTH = 100


def run(arguments: argparse.Namespace) -> int:
    if arguments.gpu:
        raise not_yet("doctor --gpu")
    line = ProgressLine()
    line.show("looking")
    checks = []
    for check in diagnose(_settings(), lambda: _workspace(arguments.workspace)):
        line.clear()
        checks.append(check)
        if not arguments.json:
            print(describe(check), flush=True)
        line.show("looking")
    line.clear()
    fine = is_fine(checks)
    if arguments.json:
        print_json({"checks": [asdict(check) for check in checks], "ok": fine})
    else:
        print(_summary(checks))
    return 0 if fine else 1


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

"""`predict`: label maps, fused pictures or outlines for every slice of a folder."""

from __future__ import annotations

import argparse

from medseg_desktop.cli.context import named_model, sources, workspace_of
from medseg_desktop.cli.later import not_yet
from medseg_desktop.cli.output import JobPrinter, print_json, result_of
from medseg_desktop.core.errors import UsageError
from medseg_desktop.core.specs import PredictSpec
from medseg_desktop.io.settings_file import load_settings
from medseg_desktop.jobs.run import run_job

_FORMATS = ("png", "overlay", "json")
_LATER_FORMATS = ("nifti", "dicomseg")


def run(arguments: argparse.Namespace) -> int:
    formats = _formats(arguments.format)
    workspace = workspace_of(arguments)
    named = sources(arguments.source)
    spec = PredictSpec(
        model=str(named_model(workspace, arguments.model)),
        source=[str(path) for path in named],
        out=str(arguments.out.absolute()),
        formats=formats,
        salt=workspace.salt().hex(),
        overwrite=arguments.overwrite,
        threads=load_settings().threads,
    )
    result = result_of(run_job(spec, on_event=JobPrinter().on_event))
    if arguments.json:
        print_json(result)
    else:
        counts = result["counts"]
        print(f"{result['out']}: {counts['predicted']} files predicted by {result['model']}")
        for row in result["files"]:
            if row["status"] == "refused":
                print(f"  {row['path']}: {row['reason']}")
    return 0


def _formats(text: str) -> list[str]:
    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    for name in names:
        if name in _LATER_FORMATS:
            raise not_yet(f"predict --format {name}")
        if name not in _FORMATS:
            raise UsageError(f"There is no format {name}.", f"Known: {', '.join(_FORMATS)}.")
    if not names:
        raise UsageError("No format was given.", f"Known: {', '.join(_FORMATS)}.")
    return names

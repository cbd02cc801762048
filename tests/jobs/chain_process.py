"""Drives a retraining and stays where it is told to, so that it can be killed there.

`python -m tests.jobs.chain_process WORKSPACE SOURCE STAGE before|after`
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from medseg_desktop.core.retraining.state import Retraining, RetrainOptions
from medseg_desktop.core.run_state import RunState
from medseg_desktop.io.workspace import Workspace
from medseg_desktop.jobs.chain import Chain, Job, run_chain
from tests.builders import QuietContext
from tests.retraining import FakeJobs


def main(workspace: str, source: str, stage: str, when: str) -> None:
    jobs = FakeJobs()

    def stay() -> None:
        print("here", flush=True)
        time.sleep(600)

    def run(job: Job) -> RunState:
        is_here = job.spec.__struct_config__.tag == stage
        if is_here and when == "before":
            stay()
        state = jobs(job)
        if is_here:
            stay()
        return state

    class Context(QuietContext):
        def check(self) -> None:
            if stage == "check":
                stay()

    asked = Retraining(source=(source,), options=RetrainOptions(size=64))
    run_chain(Chain.begin(Workspace(Path(workspace)), asked), Context(), run)


if __name__ == "__main__":
    main(*sys.argv[1:])

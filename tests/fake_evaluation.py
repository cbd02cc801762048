"""An evaluation that plays a part: `python fake_evaluation.py MADE OUT` brings a folder that was
made before as its outcome; without OUT it leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import sys

from fake_worker import say

if __name__ == "__main__":
    made, *out = sys.argv[1:]
    say("started", kind="evaluate", pid=os.getpid(), details={})
    for done in range(4):
        say("progress", phase="evaluate", done=done, total=3)
    if out:
        shutil.copytree(made, out[0])
    say("finished", result={})

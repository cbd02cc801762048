"""`decoder SECONDS`: the hidden command that decodes compressed pixels for another process."""

from __future__ import annotations

import argparse
import sys

#: pydicom loads these where they are installed, for things that a decoder never does.  The
#: first slice comes a tenth of a second earlier without them, and nothing here can reach a
#: network.
_UNUSED = ("requests", "PIL")


def run(arguments: argparse.Namespace) -> int:
    for name in _UNUSED:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]
    from medseg_desktop.io.pixels.compressed import FrameDecoder
    from medseg_desktop.io.pixels.decoder_process import serve

    return serve(FrameDecoder().decode, arguments.time_limit_s)

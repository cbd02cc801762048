"""PaddlePaddle and PaddleSeg, imported without their chatter.

Every other module of the engine takes `paddle` from here, so that nothing imports it first.
"""

from __future__ import annotations

import contextlib
import os
import platform
import sys
import tempfile
import warnings
from collections.abc import Iterator
from importlib import metadata

from medseg_desktop.engine.freed_memory import keep_freed_memory
from medseg_desktop.io.processor import has_avx2, vendor

# Paddle's processor build carries MKL 2019, which runs its slowest code (SSE2) on processors of
# other makers than Intel; 5 asks for AVX2, which they have.  A training step takes 1.65 s with
# it instead of 4.2 s (2 cores of an AMD EPYC, batch 8, 256 x 256).  Later MKLs ignore it.
if has_avx2() and vendor() != "GenuineIntel":
    os.environ.setdefault("MKL_DEBUG_CPU_TYPE", "5")

keep_freed_memory()

with warnings.catch_warnings(), tempfile.TemporaryDirectory() as _home:
    # Both warn about missing compilers and of their own deprecated calls while importing, and
    # PaddleSeg makes empty download folders in the user's home unless it is sent elsewhere.
    warnings.simplefilter("ignore")
    os.environ["SEG_HOME"] = _home
    import paddle
    from paddleseg import models
    from paddleseg.models import layers

__all__ = ["layers", "models", "paddle", "quiet", "software_versions"]

# Paddle's handlers turn a terminate signal into a long native trace; the supervisor only
# needs the process to end.
paddle.disable_signal_handler()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Within the block warnings are dropped: Paddle warns at every step of every layer."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def software_versions() -> dict[str, str]:
    """Versions of everything that had a part in the training, for the model package."""
    versions = {
        "python": platform.python_version(),
        "platform": f"{sys.platform}-{platform.machine()}",
    }
    names = ("medseg-desktop", "paddlepaddle-gpu", "paddlepaddle", "paddleseg", "paddle2onnx")
    for name in (*names, "onnx", "numpy", "opencv-python-headless"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return versions

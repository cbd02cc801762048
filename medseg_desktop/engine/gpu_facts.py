"""What stands between Paddle and a GPU: hardware, driver, and how Paddle was built.

`query_gpu` is the only place that asks the machine; everything else decides from its answer.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from medseg_desktop.engine.backend import paddle

_NVIDIA = "0x10de"
_PCI = Path("/sys/bus/pci/devices")
_DRIVER_LIBRARY = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
_INSTALL = "https://www.paddlepaddle.org.cn/en/install/quick"


@dataclass(frozen=True, slots=True)
class GpuFacts:
    """The answer of the machine.

    Attributes:
        is_compiled: Paddle is its version for GPUs.
        count: GPUs that Paddle can use.
        place: Paddle's name of the one for this process.
        name, memory_bytes, capability: of that one; capability is NVIDIA's (major, minor).
        paddle_cuda: the CUDA release Paddle was made for, e.g. (12, 6).
        driver_cuda: the newest CUDA release the driver runs; None without a driver.
        has_hardware: an NVIDIA GPU is in the machine, whatever the software says.
    """

    is_compiled: bool = False
    count: int = 0
    place: str = "gpu:0"
    name: str = ""
    memory_bytes: int = 0
    capability: tuple[int, int] = (0, 0)
    paddle_cuda: tuple[int, int] | None = None
    driver_cuda: tuple[int, int] | None = None
    has_hardware: bool = False


@dataclass(frozen=True, slots=True)
class GpuProblem:
    """Why there is no GPU to train on.

    Attributes:
        reason: half a sentence.
        cure: what to do; "" where nothing needs to be done.
        is_mendable: the machine has a GPU, and only software is in its way.
    """

    reason: str
    cure: str
    is_mendable: bool


def query_gpu() -> GpuFacts:
    """Ask Paddle, the driver and the system; never raises."""
    driver = _driver_cuda()
    facts = GpuFacts(
        is_compiled=bool(paddle.device.is_compiled_with_cuda()),
        paddle_cuda=_release(str(paddle.version.cuda())),
        driver_cuda=driver,
        has_hardware=driver is not None or _has_hardware(),
    )
    if not facts.is_compiled or paddle.device.cuda.device_count() < 1:
        return facts
    # Of several processes that train together Paddle's launcher gives each a GPU of its own.
    selected = os.environ.get("FLAGS_selected_gpus", "")  # noqa: SIM112 - its name
    number = int(selected.partition(",")[0] or 0)
    found = paddle.device.cuda.get_device_properties(number)
    return GpuFacts(
        is_compiled=True,
        count=int(paddle.device.cuda.device_count()),
        place=f"gpu:{number}",
        name=str(found.name),
        memory_bytes=int(found.total_memory),
        capability=(int(found.major), int(found.minor)),
        paddle_cuda=facts.paddle_cuda,
        driver_cuda=driver,
        has_hardware=True,
    )


def gpu_problem(facts: GpuFacts) -> GpuProblem | None:
    """Why Paddle cannot use a GPU here; None where it can."""
    if facts.is_compiled and facts.count > 0:
        return None
    if not facts.has_hardware:
        return GpuProblem(
            "this computer shows no NVIDIA GPU",
            "Nothing needs to be done: training runs on the processor.",
            False,
        )
    if not facts.is_compiled:
        return GpuProblem(
            "the installed PaddlePaddle is the version for processors only",
            f"Install paddlepaddle-gpu (see {_INSTALL}) in a Python of its own, and choose that "
            "as the training interpreter in the settings.",
            True,
        )
    if facts.driver_cuda is None:
        return GpuProblem(
            "the driver of the NVIDIA GPU is not installed or does not run",
            "Install NVIDIA's driver for this GPU and restart the computer.",
            True,
        )
    if facts.paddle_cuda is not None and facts.driver_cuda < facts.paddle_cuda:
        return GpuProblem(
            f"the NVIDIA driver is too old: it runs CUDA up to {_text(facts.driver_cuda)}, and "
            f"PaddlePaddle was made for {_text(facts.paddle_cuda)}",
            "Update NVIDIA's driver and restart the computer, or install a paddlepaddle-gpu for "
            f"CUDA {_text(facts.driver_cuda)}.",
            True,
        )
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return GpuProblem(
            "the environment variable CUDA_VISIBLE_DEVICES hides every GPU",
            "Remove that variable and start the program again.",
            True,
        )
    return GpuProblem(
        "the driver is there, but it shows PaddlePaddle no GPU",
        "Restart the computer; if that does not help, look at what nvidia-smi says.",
        True,
    )


def _text(release: tuple[int, int]) -> str:
    return f"{release[0]}.{release[1]}"


def _release(text: str) -> tuple[int, int] | None:
    """E.g. "12.6" -> (12, 6); None where Paddle has no CUDA ("False")."""
    numbers = text.split(".")
    if len(numbers) < 2 or not (numbers[0].isdecimal() and numbers[1].isdecimal()):
        return None
    return int(numbers[0]), int(numbers[1])


def _driver_cuda() -> tuple[int, int] | None:
    """The newest CUDA release of the driver (CUDA driver API: cuDriverGetVersion)."""
    version = ctypes.c_int(0)
    with contextlib.suppress(OSError, AttributeError):
        if ctypes.CDLL(_DRIVER_LIBRARY).cuDriverGetVersion(ctypes.byref(version)) == 0:
            return (version.value // 1000, version.value % 1000 // 10) if version.value else None
    return None


def _has_hardware() -> bool:
    """Whether the PCI bus shows a display controller of NVIDIA (Linux only)."""
    with contextlib.suppress(OSError):
        for device in _PCI.iterdir():
            with contextlib.suppress(OSError):
                vendor = (device / "vendor").read_text(encoding="ascii").strip()
                kind = (device / "class").read_text(encoding="ascii").strip()
                if vendor == _NVIDIA and kind.startswith("0x03"):
                    return True
    return False

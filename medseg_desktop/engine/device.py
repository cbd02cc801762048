"""Where a training computes: the place, its precision, its memory.

The code of a training is the same on a processor and on a GPU; what differs is asked here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from medseg_desktop.core.errors import JobError
from medseg_desktop.engine.backend import paddle
from medseg_desktop.engine.gpu_facts import GpuFacts, gpu_problem, query_gpu
from medseg_desktop.io.memory import free_memory_bytes
from medseg_desktop.io.process_memory import peak_memory_bytes, used_memory_bytes
from medseg_desktop.io.processor import model_name

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from paddle import Tensor
    from paddle.optimizer import Optimizer

Kind = Literal["cpu", "gpu"]
Precision = Literal["float32", "float16", "bfloat16"]

#: Compute capabilities (NVIDIA, CUDA programming guide) from which on the matrix units
#: calculate in these types, and Paddle's automatic mixed precision allows them.
_BFLOAT16_FROM = (8, 0)
_FLOAT16_FROM = (7, 0)
#: Of the free memory of a GPU, the share that the slices may take; the rest is the network's.
_DATA_SHARE = 0.25
#: What changes in Paddle's scaler of gradients while it works.
_SCALER_STATE = ("scale", "incr_count", "decr_count")


def precision_for(capability: tuple[int, int]) -> Precision:
    """What a GPU of this compute capability multiplies in."""
    if capability >= _BFLOAT16_FROM:
        return "bfloat16"
    return "float16" if capability >= _FLOAT16_FROM else "float32"


@dataclass(slots=True)
class Device:
    """One processor or GPU that a network is trained on.

    Attributes:
        memory_bytes: all it has; 0 where unknown.
        capability: compute capability of a GPU; None for a processor.
        precision: of convolutions and matrix products; weights and losses stay float32.
        place: Paddle's name of it.
    """

    kind: Kind
    name: str = ""
    memory_bytes: int = 0
    capability: tuple[int, int] | None = None
    precision: Precision = "float32"
    place: str = "cpu"
    _scaler: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.precision == "float16":
            # Gradients below 6e-8 would become 0 in float16.
            self._scaler = paddle.amp.GradScaler(init_loss_scaling=2.0**13)

    def __str__(self) -> str:
        return self.kind

    def autocast(self) -> AbstractContextManager[None]:
        """Within the block the network calculates in `precision`."""
        if self.precision == "float32":
            return contextlib.nullcontext()
        cast: AbstractContextManager[None] = paddle.amp.auto_cast(level="O1", dtype=self.precision)
        return cast

    def backward_and_step(self, loss: Tensor, optimiser: Optimizer) -> None:
        """Gradients of `loss`, one step of the optimiser, gradients cleared.

        Of all precisions only float16 waits for the GPU here: it has to know whether the
        gradients overflowed, and then leaves the step out.
        """
        if self._scaler is None:
            loss.backward()
            optimiser.step()
        else:
            self._scaler.scale(loss).backward()
            self._scaler.step(optimiser)
            self._scaler.update()
        optimiser.clear_grad()

    def tensor(self, array: Any) -> Tensor:
        """A NumPy array as a tensor on this device."""
        return paddle.to_tensor(array, place=self.place)

    def synchronise(self) -> None:
        """Return when everything asked of the device is done; a processor is never behind."""
        if self._is_cuda:
            paddle.device.synchronize(self.place)

    def memory_in_use(self) -> int:
        """Bytes: of the process on a processor, of its tensors on a GPU."""
        if self._is_cuda:
            return int(paddle.device.cuda.memory_allocated(self.place))
        return used_memory_bytes()

    def peak_memory(self) -> int:
        """The most that `memory_in_use` has been, in bytes."""
        if self._is_cuda:
            return int(paddle.device.cuda.max_memory_allocated(self.place))
        return peak_memory_bytes()

    def free_memory(self) -> int:
        """Bytes that can still be had; 0 where unknown."""
        if self._is_cuda:
            return self.memory_bytes - int(paddle.device.cuda.memory_reserved(self.place))
        if self.kind == "gpu":
            return self.memory_bytes
        return free_memory_bytes() or 0

    def available_memory(self) -> int | None:
        """Bytes this process may use in all, with what it uses already; None where unknown."""
        if self.kind == "gpu":
            return self.memory_bytes or None
        free = free_memory_bytes()
        return None if free is None else free + used_memory_bytes()

    def holds(self, n_bytes: int) -> bool:
        """Whether the slices of a training should lie in the memory of this device."""
        return self.kind == "gpu" and n_bytes <= _DATA_SHARE * self.free_memory()

    def state(self) -> dict[str, float]:
        """What a checkpoint keeps: the scale of float16 gradients; empty otherwise."""
        if self._scaler is None or not self._scaler.is_enable():
            return {}
        state = self._scaler.state_dict()
        return {name: float(np.asarray(state[name]).item()) for name in _SCALER_STATE}

    def load_state(self, state: dict[str, float]) -> None:
        """Go on with what `state` returned; one of another precision is ignored."""
        if self._scaler is None or not self._scaler.is_enable() or not state:
            return
        counts = {name: int(state[name]) for name in _SCALER_STATE[1:]}
        self._scaler.load_state_dict(
            {**self._scaler.state_dict(), **counts, "scale": [state["scale"]]}
        )

    @property
    def _is_cuda(self) -> bool:
        return self.place.startswith("gpu")


def choose_device(wanted: str) -> Device:
    """Select the device of this process; "auto" prefers the GPU.

    Raises:
        JobError: a GPU was asked for, but there is none that Paddle can use.
    """
    facts = GpuFacts() if wanted == "cpu" else query_gpu()
    problem = gpu_problem(facts)
    if wanted == "gpu" and problem is not None:
        raise JobError(
            f"Training on the GPU is not possible: {problem.reason}.",
            f"Choose the device auto or cpu. {problem.cure}".strip()
            if problem.is_mendable
            else "Choose the device auto or cpu.",
        )
    device = processor() if problem is not None else gpu(facts)
    paddle.device.set_device(device.place)
    return device


def processor() -> Device:
    """The processor, which always calculates in float32."""
    return Device("cpu", model_name())


def gpu(facts: GpuFacts) -> Device:
    """The first GPU of `facts`."""
    return Device(
        "gpu",
        facts.name,
        facts.memory_bytes,
        facts.capability,
        precision_for(facts.capability),
        facts.place,
    )


class LossTrace:
    """The losses of the steps since they were last looked at, kept on the device.

    Looking at a loss makes the program wait until the device has come that far, so it is done
    for several steps at once.
    """

    def __init__(self) -> None:
        self._steps: list[Tensor] = []

    def __len__(self) -> int:
        return len(self._steps)

    def add(self, losses: Sequence[Tensor]) -> None:
        """One step's scalars; nothing waits."""
        row = [loss.detach().astype("float32").reshape([1]) for loss in losses]
        self._steps.append(paddle.concat(row))

    def fetch(self) -> list[list[float]]:
        """One row for each step added since the last fetch; waits for the device once."""
        if not self._steps:
            return []
        rows: list[list[float]] = paddle.stack(self._steps).numpy().tolist()
        self._steps.clear()
        return rows

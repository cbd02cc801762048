"""The processes that train one network together, each on its share of every batch.

Without others, `World()` is the whole world: every method hands back what it was given.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from medseg_desktop import __version__
from medseg_desktop.core.errors import JobError, PeerLostError
from medseg_desktop.core.specs import TrainSpec
from medseg_desktop.engine.backend import paddle, software_versions
from medseg_desktop.engine.data import Batch
from medseg_desktop.engine.parallel.meeting import Meeting, SignsOfLife
from medseg_desktop.engine.parallel.synchronised import (
    sum_over_processes,
    synchronise,
    unsynchronise,
)
from medseg_desktop.jobs.rank_process import GPU, place_among_processes

if TYPE_CHECKING:
    from paddle import Tensor
    from paddle.nn import Layer

#: Words of the errors that Paddle's transports raise when the other end is gone.
_TRANSPORT = ("gloo", "nccl", "tcp_store", "tcp_utils", "connection reset", "connection closed")


class World:
    """One process of a training, and its way to the others.

    The steps are made inside of it as a context manager.  There an error of the connection
    becomes PeerLostError, and it ends with the parting of the processes: what follows (the
    model package) is for the first alone.

    Attributes:
        rank, size: number of this process, from 0, and how many there are.
    """

    def __init__(self) -> None:
        self.rank = 0
        self.size = 1
        self._meeting: Meeting | None = None
        self._signs: SignsOfLife | None = None
        self._network: Layer | None = None

    @classmethod
    def join(cls, device: str) -> World:
        """Meet the processes that the environment names; at once where it names none.

        `paddle.distributed.launch` and our own launcher set these variables.

        Args:
            device: "cpu" or "gpu", chosen already.

        Raises:
            JobError: this Paddle cannot work in several processes, or has no such GPU.
            PeerLostError: the others did not come.
        """
        world = cls()
        rank, size = place_among_processes()
        if size == 1:
            return world
        if not paddle.distributed.is_available():
            raise JobError(
                "The PaddlePaddle for this system cannot train in several processes.",
                "Train on one device.",
            )
        world.rank, world.size = rank, size
        if device == "cpu":
            os.environ["PADDLE_DISTRI_BACKEND"] = "gloo"
        else:
            _check_gpu(int((os.environ.get(GPU) or "0").split(",")[0]))
        with _explained():
            paddle.distributed.init_parallel_env()
            core = paddle.base.core
            store = core.create_or_get_global_tcp_store()
            host, port = os.environ["PADDLE_MASTER"].rsplit(":", 1)
            second = core.TCPStore(host, int(port), False, size, timeout=900)
        meeting = Meeting(rank, size, store)
        world._meeting = meeting
        world._signs = SignsOfLife(rank, size, second, meeting.lost.set)
        return world

    @property
    def is_first(self) -> bool:
        """This process evaluates, keeps the checkpoints, makes the model and tells the user."""
        return self.rank == 0

    def __enter__(self) -> World:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None and self._meeting is not None:
                self._meeting.leave()
        finally:
            if self._signs is not None:
                self._signs.end()
            if self._network is not None:
                unsynchronise(self._network)
        if error is not None and self.size > 1 and _is_of_transport(error):
            raise PeerLostError from error

    def check_same(self, facts: Mapping[str, str]) -> None:
        """Refuse to train together on different things.

        Args:
            facts: what must be equal everywhere, under names for the user.

        Raises:
            JobError: a fact differs; raised by every process.
        """
        if self.size == 1:
            return
        digests = [hashlib.sha256(f"{n}={v}".encode()).digest()[:7] for n, v in facts.items()]
        own = np.array([int.from_bytes(digest, "big") for digest in digests], np.int64)
        low, high = paddle.to_tensor(own), paddle.to_tensor(own)
        with _explained():
            paddle.distributed.all_reduce(low, paddle.distributed.ReduceOp.MIN)
            paddle.distributed.all_reduce(high, paddle.distributed.ReduceOp.MAX)
        differs = low.numpy() != high.numpy()
        names = [name for name, other in zip(facts, differs, strict=True) if other]
        if names:
            raise JobError(
                f"The processes of this training do not have the same {' and '.join(names)}.",
                "Give all computers the same dataset, options and program version.",
            )

    def wrap(self, network: Layer) -> Layer:
        """What to call in a training step instead of `network`, whose weights it shares.

        All processes get the weights of the first.  Gradients are the means over all
        processes, batch norms see the whole batch.
        """
        if self.size == 1:
            return network
        self._network = network
        synchronise(network, self.rank, self.size)
        wrapped: Layer = paddle.DataParallel(network)
        return wrapped

    def share(self, batch: Batch) -> Batch:
        """The slices of a batch that are for this process: every `size`-th.

        Raises:
            ValueError: they cannot be shared equally, see `jobs.rank_process`.
        """
        images, labels = batch
        if len(images) % self.size:
            raise ValueError(f"{len(images)} slices for {self.size} processes")
        return images[self.rank :: self.size], labels[self.rank :: self.size]

    @property
    def pool(self) -> Callable[[Tensor], Tensor] | None:
        """Sums a tensor over all processes, gradients flow through; None where there is one.

        For losses that pool pixels over the batch and are no mean over its slices.
        """
        return None if self.size == 1 else sum_over_processes

    def mean(self, values: Sequence[float]) -> list[float]:
        """The mean over all processes of each value; NaN where one is NaN."""
        if self.size == 1:
            return list(values)
        total = paddle.to_tensor(np.array(values, np.float64))
        paddle.distributed.all_reduce(total)
        return [float(value) / self.size for value in total.numpy()]

    def agree(self, *flags: bool) -> tuple[bool, ...]:
        """For each flag, whether any process has it up; all get the same answer.

        Waits, however long, until every process asks.  At most two flags.

        Raises:
            PeerLostError: a process is dead.
        """
        return flags if self._meeting is None else self._meeting.agree(*flags)


def common_facts(spec: TrainSpec, dataset: str, device: str, done: int) -> dict[str, str]:
    """What must be equal in all processes that train together, for `World.check_same`.

    Args:
        dataset: its digest; its place may differ, like that of everything else.
        device: "cpu" or "gpu", as chosen.
        done: the step of the checkpoint that the training goes on from; 0 without one.
    """
    # The device is a fact of its own, below.
    options = msgspec.structs.replace(
        spec, dataset="", run="", model_name="", init="", threads=0, device="", devices=[]
    )
    software = software_versions()
    paddle_version = software.get("paddlepaddle-gpu") or software.get("paddlepaddle")
    return {
        "dataset": dataset,
        "options": msgspec.json.encode(options).decode(),
        "checkpoint": str(done),
        "kind of device": device,
        "program version": f"{__version__}, Paddle {paddle_version}",
    }


def _check_gpu(number: int) -> None:
    count = paddle.device.cuda.device_count()
    if number >= count:
        raise JobError(
            f"There is no GPU number {number}: Paddle can use {count}, counted from 0.",
            "Choose other devices.",
        )


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise PeerLostError from error


def _is_of_transport(error: BaseException) -> bool:
    if isinstance(error, PeerLostError) or not isinstance(error, RuntimeError | OSError):
        return False
    text = str(error).lower()
    return any(word in text for word in _TRANSPORT)

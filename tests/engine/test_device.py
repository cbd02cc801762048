"""The device of a training.  Only the answer of the machine is faked: everything then runs on
the processor, through the same code."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from medseg_desktop.core.errors import JobError
from medseg_desktop.engine import device as device_module
from medseg_desktop.engine.backend import paddle, quiet
from medseg_desktop.engine.device import (
    Device,
    LossTrace,
    choose_device,
    gpu,
    precision_for,
    processor,
)
from medseg_desktop.engine.gpu_facts import GpuFacts, gpu_problem, query_gpu

A100 = GpuFacts(
    is_compiled=True,
    count=1,
    place="cpu",
    name="A100",
    memory_bytes=40 * 2**30,
    capability=(8, 0),
    paddle_cuda=(12, 6),
    driver_cuda=(12, 8),
    has_hardware=True,
)


@pytest.mark.parametrize(
    ("capability", "precision"),
    [((9, 0), "bfloat16"), ((8, 0), "bfloat16"), ((7, 5), "float16"), ((7, 0), "float16"),
     ((6, 1), "float32")],
)  # fmt: skip
def test_the_precision_follows_the_capability(capability: tuple[int, int], precision: str) -> None:
    assert precision_for(capability) == precision
    with quiet():
        assert gpu(dataclasses.replace(A100, capability=capability)).precision == precision


def fake(monkeypatch: pytest.MonkeyPatch, facts: GpuFacts) -> None:
    monkeypatch.setattr(device_module, "query_gpu", lambda: facts)


def test_auto_takes_the_gpu_and_cpu_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    fake(monkeypatch, A100)
    found = choose_device("auto")
    assert (found.kind, found.name, found.precision) == ("gpu", "A100", "bfloat16")
    assert str(choose_device("gpu")) == "gpu"
    cpu = choose_device("cpu")
    assert (str(cpu), cpu.precision, cpu.capability) == ("cpu", "float32", None)
    assert cpu.name


def test_a_gpu_of_this_machine_is_what_paddle_says() -> None:
    facts = query_gpu()
    assert facts.is_compiled == paddle.device.is_compiled_with_cuda()
    assert (gpu_problem(facts) is None) == (facts.count > 0)


@pytest.mark.parametrize(
    ("facts", "reason", "cure", "is_mendable"),
    [
        (GpuFacts(), "no NVIDIA GPU", "Nothing needs to be done", False),
        (GpuFacts(has_hardware=True, driver_cuda=(12, 4)), "processors only", "paddlepaddle-gpu",
         True),
        (dataclasses.replace(A100, count=0, driver_cuda=(11, 4)),
         "too old: it runs CUDA up to 11.4, and PaddlePaddle was made for 12.6",
         "Update NVIDIA's driver", True),
        (dataclasses.replace(A100, count=0, driver_cuda=None), "driver of the NVIDIA GPU is not",
         "Install NVIDIA's driver", True),
        (dataclasses.replace(A100, count=0), "no GPU", "nvidia-smi", True),
    ],
)  # fmt: skip
def test_what_is_in_the_way_of_a_gpu_is_said_with_its_cure(
    facts: GpuFacts, reason: str, cure: str, is_mendable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    problem = gpu_problem(facts)
    assert problem is not None
    assert reason in problem.reason
    assert cure in problem.cure
    assert problem.is_mendable == is_mendable
    fake(monkeypatch, facts)
    assert choose_device("auto").kind == "cpu"
    with pytest.raises(JobError, match="not possible") as raised:
        choose_device("gpu")
    assert problem.reason in raised.value.message
    assert (cure in raised.value.hint) == is_mendable


def test_hidden_gpus_are_told_apart_from_missing_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    problem = gpu_problem(dataclasses.replace(A100, count=0))
    assert problem is not None
    assert "CUDA_VISIBLE_DEVICES" in problem.reason


@pytest.mark.parametrize("capability", [(8, 0), (7, 0), (6, 0)])
def test_every_precision_steps_like_the_processor(capability: tuple[int, int]) -> None:
    """On the processor Paddle leaves mixed precision out, so all must agree exactly."""

    def train(device: Device) -> list[list[float]]:
        paddle.seed(3)
        layer = paddle.nn.Linear(4, 1)
        optimiser = paddle.optimizer.Momentum(0.1, parameters=layer.parameters())
        trace = LossTrace()
        x = device.tensor(np.arange(8, dtype=np.float32).reshape(2, 4) / 8)
        for _ in range(4):
            with device.autocast():
                loss = layer(x).square().mean()
            device.backward_and_step(loss, optimiser)
            trace.add([loss, loss * 2])
        device.synchronise()
        assert all(p.grad is None or not p.grad.numpy().any() for p in layer.parameters())
        return trace.fetch()

    with quiet():
        losses = train(gpu(dataclasses.replace(A100, capability=capability)))
        assert losses == train(processor())
    assert losses[-1][0] < losses[0][0]


def test_a_trace_is_fetched_once_and_keeps_what_is_no_number() -> None:
    trace = LossTrace()
    assert trace.fetch() == []
    trace.add([paddle.to_tensor(1.0), paddle.to_tensor(2.0)])
    trace.add([paddle.to_tensor(float("nan")), paddle.to_tensor(3.0)])
    assert len(trace) == 2
    first, second = trace.fetch()
    assert first == [1.0, 2.0]
    assert np.isnan(second[0])
    assert len(trace) == 0
    assert trace.fetch() == []


def test_memory_is_told_and_the_slices_go_where_they_fit() -> None:
    cpu = processor()
    assert 0 < cpu.memory_in_use() <= cpu.peak_memory()
    assert not cpu.holds(1)
    big = gpu(A100)
    assert big.holds(2 * 2**30)
    assert not big.holds(30 * 2**30)


class Scaler:
    """Paddle's scaler of gradients, which is off where there is no GPU."""

    def __init__(self) -> None:
        self.kept = {"scale": np.array([8192.0], np.float32), "incr_count": 7, "decr_count": 0,
                     "incr_ratio": 2.0}  # fmt: skip

    def is_enable(self) -> bool:
        return True

    def state_dict(self) -> dict[str, Any]:
        return self.kept

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.kept = state


def test_the_state_of_float16_survives_and_others_have_none() -> None:
    with quiet():
        half = gpu(dataclasses.replace(A100, capability=(7, 5)))
    assert half.state() == {}
    half.load_state({"scale": 4.0})
    half._scaler = Scaler()
    state = half.state()
    assert state == {"scale": 8192.0, "incr_count": 7.0, "decr_count": 0.0}
    half.load_state({**state, "scale": 512.0})
    assert half.state()["scale"] == 512.0
    assert half._scaler.kept["incr_ratio"] == 2.0
    assert processor().state() == {}

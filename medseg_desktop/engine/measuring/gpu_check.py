"""The job `gpu_check`: does a training on this machine's GPU do what it does on the processor?"""

from __future__ import annotations

import math
import time
from statistics import median
from typing import Any

from medseg_desktop.core.specs import GpuCheckSpec
from medseg_desktop.engine.backend import paddle, quiet
from medseg_desktop.engine.device import Device, gpu, processor
from medseg_desktop.engine.gpu_facts import GpuFacts, gpu_problem, query_gpu
from medseg_desktop.engine.measuring.bench_setup import BenchData, bench_data, bench_step
from medseg_desktop.engine.networks.network import Weights, read_state

#: How far the losses may lie apart, relative to the processor's, by the GPU's precision: some
#: ten times what rounding every convolution to that precision does.  Steps that are not made
#: are off by 0.06.
TOLERANCES = {"float32": 0.005, "float16": 0.01, "bfloat16": 0.02}


def run_gpu_check(spec: GpuCheckSpec, context: Any) -> dict[str, Any]:
    """Paddle's own check, then the same few steps on the GPU and on the processor.

    Returns:
        usable: the GPU can be trained on, and calculates what the processor calculates.
        reason, cure, is_mendable: where there is none to train on (see `GpuProblem`).
        error: what Paddle or the driver said, where the steps or Paddle's check failed.
        name, memory_bytes, capability, precision, peak_memory_bytes: of the GPU.
        difference, tolerance: of the losses, relative to the processor's.
        gpu, processor: each {losses, step_s}; speed_ratio: how often faster the GPU is.

    Raises:
        Cancelled: stopped by the user.
    """
    facts = query_gpu()
    problem = gpu_problem(facts)
    if problem is not None:
        return {
            "usable": False,
            "reason": problem.reason,
            "cure": problem.cure,
            "is_mendable": problem.is_mendable,
        }
    with quiet():
        device = gpu(facts)
        found: dict[str, Any] = {"usable": False, **_describe(facts, device)}
        data = bench_data(
            context.work_dir, preset=spec.preset, batch_size=spec.batch_size, size=spec.size
        )
        weights = _weights(spec, data)
        context.progress("Paddle's check", 0, 0)
        try:
            paddle.utils.run_check()
            found["gpu"] = _train(spec, data, weights, device, context)
            found["peak_memory_bytes"] = device.peak_memory()
        except (OSError, RuntimeError, ValueError, MemoryError) as error:
            # Whatever the driver says is what was to be found out.
            found["error"] = _last_line(error)
            return found
        found["processor"] = _train(spec, data, weights, processor(), context)
    return found | _compare(found, device)


def _describe(facts: GpuFacts, device: Device) -> dict[str, Any]:
    return {
        "name": facts.name,
        "memory_bytes": facts.memory_bytes,
        "capability": list(facts.capability),
        "precision": device.precision,
        "count": facts.count,
    }


def _weights(spec: GpuCheckSpec, data: BenchData) -> Weights:
    """Where both begin."""
    paddle.device.set_device("cpu")
    network, _ = bench_step(spec.architecture, data, processor())
    return read_state(network)


def _train(
    spec: GpuCheckSpec, data: BenchData, weights: Weights, device: Device, context: Any
) -> dict[str, Any]:
    """Losses of the steps, and the median duration of all but the first."""
    paddle.device.set_device(device.place)
    network, step = bench_step(spec.architecture, data, device, weights)
    for layer in network.sublayers():
        if isinstance(layer, paddle.nn.Dropout):
            layer.eval()  # the devices would draw different random numbers
    losses, durations_s = [], []
    for iteration in range(1, spec.steps + 1):
        context.check()
        context.progress(f"train on {device.kind}", iteration - 1, spec.steps)
        images, labels = data.source.batch(iteration)
        batch = device.tensor(images), device.tensor(labels)
        device.synchronise()
        begun_s = time.perf_counter()
        total, *_ = step(*batch)
        losses.append(float(total))
        device.synchronise()
        durations_s.append(time.perf_counter() - begun_s)
    return {
        # JSON has no NaN.
        "losses": [loss if math.isfinite(loss) else None for loss in losses],
        "step_s": median(durations_s[1:] or durations_s),
    }


def _compare(found: dict[str, Any], device: Device) -> dict[str, Any]:
    pairs = list(zip(found["gpu"]["losses"], found["processor"]["losses"], strict=True))
    tolerance = TOLERANCES[device.precision]
    difference = None
    if all(a is not None and b is not None for a, b in pairs):
        difference = max(abs(a - b) / max(abs(b), 1e-6) for a, b in pairs)
    return {
        "difference": difference,
        "tolerance": tolerance,
        "usable": difference is not None and difference <= tolerance,
        "speed_ratio": found["processor"]["step_s"] / found["gpu"]["step_s"],
    }


def _last_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__

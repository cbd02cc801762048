"""Train the starter weights on synthetic slices and write them with their card.

    python packaging/train_starter.py

writes resources/weights/bisenetv2-starter.safetensors (float16: all weights and running
statistics) and bisenetv2-starter.md.  No slice of any person has a part in it.  What is written
is a moving average over the latest steps, again every 200 steps, so a training may be stopped
early.  The same arguments, versions and thread count give the same weights up to rounding.
"""

from __future__ import annotations

import argparse
import collections
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path

# Intel's library picks its slow kernels on other makers' processors unless it is told not to.
os.environ.setdefault("MKL_DEBUG_CPU_TYPE", "5")

import cv2
import msgspec
import numpy as np
import numpy.typing as npt

from medseg_desktop.core.preprocessing import PRESETS, normalise
from medseg_desktop.core.synthetic import GENERATOR_VERSION, synthetic_slice

_FOLDER = Path(__file__).parents[1] / "resources" / "weights"
_NAME = "bisenetv2-starter"
_ARCHITECTURE = "bisenetv2"
_LABELS = ("_background_", "H")
_BATCH = 8
_HEAD_WEIGHTS = (1.0, 0.3, 0.3, 0.3, 0.3)
_AHEAD = 16
_LOG_EVERY = 50
_WRITE_EVERY = 200
#: A step's part in the moving average of the weights is 1 minus this.
_AVERAGE = 0.99

Greys = npt.NDArray[np.uint8]
#: Weights and running statistics by name.
Weights = dict[str, npt.NDArray[np.float32]]


class StarterInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON under the key `medseg` of the file's metadata.

    Attributes:
        plan: (steps, size in pixels) of each part of the training.
        steps: those that were done.
        earlier: the parameters of the file that this training went on from.
    """

    schema: int = 1
    name: str = _NAME
    architecture: str = _ARCHITECTURE
    labels: tuple[str, ...] = _LABELS
    channels: int = 1
    plan: tuple[tuple[int, int], ...]
    batch_size: int = _BATCH
    steps: int = 0
    peak_rate: float
    seed: int
    earlier: StarterInfo | None = None
    generator_version: int = GENERATOR_VERSION
    licence: str = "Apache-2.0"


def make_batch(seed: int, step: int, size: int) -> tuple[Greys, Greys]:
    """The slices of a step (counted from 0): grey and label maps, uint8 (batch, size, size)."""
    cv2.setNumThreads(1)
    rng = np.random.default_rng((seed, step))
    slices = [synthetic_slice(rng, size) for _ in range(_BATCH)]
    return np.stack([grey for grey, _ in slices]), np.stack([labels for _, labels in slices])


def batches(seed: int, sizes: list[int], workers: int) -> Iterator[tuple[Greys, Greys]]:
    """The batches of all steps in order, made ahead by other processes."""
    waiting: collections.deque[Future[tuple[Greys, Greys]]] = collections.deque()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        for step, size in enumerate(sizes):
            waiting.append(pool.submit(make_batch, seed, step, size))
            if len(waiting) > _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def train(
    info: StarterInfo,
    first: Weights | None,
    workers: int,
    write: Callable[[int, Weights], None],
) -> None:
    """Train a network; `write(steps, weights)` is called with the average so far.

    Args:
        first: weights to begin with; None for fresh ones.
    """
    # Here and not above: the processes that make batches must not load Paddle.
    from medseg_desktop.engine.backend import paddle, quiet
    from medseg_desktop.engine.device import choose_device
    from medseg_desktop.engine.losses import head_losses, weighted_sum
    from medseg_desktop.engine.networks.network import build_network, load_state, read_state
    from medseg_desktop.engine.recipe import OneCycle

    choose_device("cpu")
    paddle.seed(info.seed)
    network = build_network(info.architecture, len(info.labels), info.channels)
    if first is not None:
        load_state(network, first)
    network.train()
    schedule = OneCycle(peak_rate=info.peak_rate, rise=0.1)
    optimiser = paddle.optimizer.AdamW(
        info.peak_rate, parameters=network.parameters(), weight_decay=0.01
    )
    sizes = [size for steps, size in info.plan for _ in range(steps)]
    average: Weights = read_state(network)
    begun, recent = time.monotonic(), collections.deque[float](maxlen=_LOG_EVERY)
    for step, (grey, labels) in enumerate(batches(info.seed, sizes, workers)):
        images = normalise(grey[:, None], PRESETS["default"])
        optimiser.set_lr(schedule.rate(step, len(sizes)))
        with quiet():
            logits = network(paddle.to_tensor(images))
        truth = paddle.to_tensor(labels[:, None].astype(np.int64))
        losses = head_losses(logits, truth, dice_weight=1.0)
        loss = weighted_sum(losses, _HEAD_WEIGHTS)
        loss.backward()
        optimiser.step()
        optimiser.clear_grad()
        done = step + 1
        # Early weights are forgotten sooner.
        part = max(1 - _AVERAGE, 9 / (9 + done))
        for name, tensor in network.state_dict().items():
            average[name] += np.float32(part) * (tensor.numpy() - average[name])
        recent.append(float(losses[0]))
        if done % _LOG_EVERY == 0:
            mean, seconds = sum(recent) / len(recent), time.monotonic() - begun
            print(f"{done}/{len(sizes)}  loss of the head {mean:.3f}  {seconds:.0f} s", flush=True)
        if done % _WRITE_EVERY == 0 or done == len(sizes):
            write(done, average)


def _told(info: StarterInfo) -> str:
    """One training in words."""
    plan = " + ".join(f"{steps} x {size} px" for steps, size in info.plan)
    return (
        f"{info.steps} steps of the plan {plan}, generator version {info.generator_version}, "
        f"seed {info.seed},\n  peak rate {info.peak_rate}"
    )


def card(info: StarterInfo, parameters: int, minutes: float, command: str) -> str:
    """The text beside the weights."""
    parts = [info]
    while parts[0].earlier is not None:
        parts.insert(0, parts[0].earlier)
    told = ";\n  then ".join(_told(part) for part in parts)
    return f"""# {info.name}

Weights to start a training from: PaddleSeg's BiSeNetV2, one grey channel, classes
`{"`, `".join(info.labels)}`; {parameters:,} numbers as float16. For research and education.
Not a medical device.

- **Trained on**: synthetic slices only (`medseg_desktop/core/synthetic.py`, generator version
  {info.generator_version}): random heads with random contrasts, shading, noise and resolution, and
  bright, ragged lesions. The idea is SynthSeg's (Billot et al., Medical Image Analysis 2023,
  doi 10.1016/j.media.2023.102789). **No slice of any patient**, and no weights of others; only
  the ranges from which lesions' sizes and contrasts are drawn were set after looking at a few
  summary figures of public FLAIR slices.
- **Licence**: Apache-2.0, as the program.
- **How**: {told}.
  Batch {info.batch_size}, AdamW, one cycle, cross-entropy and soft Dice, moving average of the
  weights, PaddlePaddle on two busy processor cores; the last command, which took
  {minutes:.0f} minutes, was `{command}`.
- **Good for**: fewer of one's own outlined slices and fewer steps until a training finds bright
  lesions of the brain in FLAIR-like slices, prepared with the conversion preset `default`.
- **Limits**: it has never seen a real slice, so it is a start and not a model: do not predict
  with it. It knows brains and brightness only; for other organs, or lesions that are not
  brighter than their surroundings, it may help less or not at all.
- **File**: safetensors; names as in the network's `state_dict`; `medseg` in the metadata holds the
  parameters as JSON.
"""


def write_starter(
    folder: Path, info: StarterInfo, state: Weights, minutes: float, command: str
) -> None:
    """Write the weights as float16 and their card into `folder`."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: array.astype(np.float16) for name, array in state.items()}
    metadata = {"medseg": msgspec.json.encode(info).decode()}
    save_file(weights, folder / f"{_NAME}.safetensors", metadata)
    parameters = sum(array.size for array in state.values())
    text = card(info, parameters, minutes, command)
    (folder / f"{_NAME}.md").write_text(text, encoding="utf-8")


def read_starter(file: Path) -> tuple[StarterInfo, Weights]:
    """What `write_starter` wrote."""
    from safetensors import safe_open

    with safe_open(file, "numpy") as data:
        info = msgspec.json.decode(data.metadata()["medseg"], type=StarterInfo)
        names = list(data.keys())
        return info, {name: data.get_tensor(name).astype(np.float32) for name in names}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plan", default="2000x128,250x256", help="STEPSxSIZE, ...")
    parser.add_argument("--rate", type=float, default=2e-3, help="peak of the learning rate")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1, help="processes that make slices")
    parser.add_argument("--start", type=Path, help="a file of this script to go on from")
    parser.add_argument("--out", type=Path, default=_FOLDER)
    options = parser.parse_args()
    pairs = [part.split("x") for part in options.plan.split(",")]
    earlier, first = read_starter(options.start) if options.start else (None, None)
    info = StarterInfo(
        earlier=earlier,
        plan=tuple((int(steps), int(size)) for steps, size in pairs),
        peak_rate=options.rate,
        seed=options.seed,
    )
    command = (
        f"python packaging/train_starter.py --plan {options.plan} --rate {options.rate} "
        f"--seed {options.seed}"
    )
    if options.start:
        command += f" --start {options.start.name}"
    begun = time.monotonic()

    def write(steps: int, state: Weights) -> None:
        minutes = (time.monotonic() - begun) / 60
        write_starter(
            options.out, msgspec.structs.replace(info, steps=steps), state, minutes, command
        )

    train(info, first, options.workers, write)


if __name__ == "__main__":
    main()

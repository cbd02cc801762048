"""Measured training steps, kept so that they need not be measured at every start.

`WORKSPACE/step-costs.json`: what was measured -> `core.retraining.cost.StepCost`.  A workspace
may lie on a shared disk, so the computer belongs to what was measured.
"""

from __future__ import annotations

import contextlib
import hashlib
import platform
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from medseg_desktop import __version__
from medseg_desktop.core.errors import WorkspaceError
from medseg_desktop.core.measurement import Measurement
from medseg_desktop.core.retraining.cost import StepCost
from medseg_desktop.core.specs import MeasureSpec, TrainSpec
from medseg_desktop.io.atomic import make_folder, write_bytes
from medseg_desktop.io.child_command import physical_cores
from medseg_desktop.io.file_lock import turn
from medseg_desktop.io.speed_dataset import VAL_SLICES, write_speed_dataset
from medseg_desktop.io.workspace import Workspace

_FILE, _LOCK = "step-costs.json", ".step-costs.lock"
_LARGEST_BYTES, _MOST = 1 << 20, 200


class _Stored(msgspec.Struct, frozen=True):
    schema: int = 1
    costs: dict[str, StepCost] = {}


class StepCosts:
    """Those of a workspace.

    Args:
        threads: of the training; 0 for one for each core.
        interpreter: the Python that trains; "" for our own.
    """

    def __init__(self, workspace: Workspace, threads: int = 0, interpreter: str = "") -> None:
        self._path = workspace.root / _FILE
        self._machine = _digest(
            platform.node(), platform.machine(), interpreter, threads or physical_cores()
        )

    def find(self, train: TrainSpec) -> StepCost | None:
        """What was measured for such a training; None where nothing was."""
        return self._read().costs.get(self._key(train))

    def keep(self, train: TrainSpec, cost: StepCost) -> None:
        """Keep a measurement; where that does not work it is measured again another time.

        One that other programs have disturbed is worth nothing the next time.
        """
        if cost.is_disturbed:
            return
        with contextlib.suppress(WorkspaceError):
            make_folder(self._path.parent)
            with turn(self._path.with_name(_LOCK)):
                costs = {**self._read().costs, self._key(train): cost}
                kept = dict(list(costs.items())[-_MOST:])
                data = msgspec.json.format(msgspec.json.encode(_Stored(1, kept)), indent=1)
                write_bytes(self._path, data + b"\n")

    def _read(self) -> _Stored:
        """What is there; a damaged file is worth nothing, and is written anew."""
        try:
            if self._path.stat().st_size > _LARGEST_BYTES:
                return _Stored()
            found = msgspec.json.decode(self._path.read_bytes(), type=_Stored)
        except (OSError, msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            return _Stored()
        return found if found.schema == 1 else _Stored()

    def _key(self, train: TrainSpec) -> str:
        what = (train.architecture, train.preset, train.size, train.batch_size, train.device)
        return "/".join([*map(str, what), __version__, self._machine])


@contextlib.contextmanager
def measuring(train: TrainSpec) -> Iterator[MeasureSpec]:
    """The job that measures such a training without any data of the user's."""
    with tempfile.TemporaryDirectory(prefix="medseg-measure-") as folder:
        dataset = write_speed_dataset(Path(folder) / "dataset")
        yield measure_spec(train, dataset)


def measure_spec(train: TrainSpec, dataset: Path) -> MeasureSpec:
    """A measurement on the generated dataset."""
    on_it = msgspec.structs.replace(
        train, dataset=str(dataset), run=str(dataset / "run"), init="none", resume=False
    )
    return MeasureSpec(train=on_it)


def cost_of_result(result: dict[str, Any]) -> StepCost | None:
    """What a finished measurement on the generated dataset says."""
    if not result.get("measured"):
        return None
    measured = msgspec.convert(result["measured"], Measurement)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return StepCost.of(measured, VAL_SLICES, now)


def _digest(*parts: object) -> str:
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:12]

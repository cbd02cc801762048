"""Reading PaddlePaddle's weight files (.pdparams) without running what is in them.

Such a file is a pickle, see `io.models.pickle_machine`: a dictionary of arrays by PaddleSeg's
names, as `paddle.save(network.state_dict(), path)` of 2.6.2 and 3.3 writes it.
"""

from __future__ import annotations

from pathlib import Path

from medseg_desktop.core.errors import ModelError, describe_os_error
from medseg_desktop.io.models.pickle_machine import Array, RefusedError, Slot, run_pickle

Arrays = dict[str, Array]

#: BiSeNetV2 has 10 MB, the largest networks of PaddleSeg some hundred.
_LARGEST_BYTES = 256 << 20
#: Paddle keeps its own names of the parameters under this key.
_NAME_TABLE = "StructuredToParameterName@@"
#: The last parts of names of what an optimiser keeps (.pdopt).
_OPTIMISER = ("_velocity_0", "_moment1_0", "_moment2_0", "_beta1_pow_acc_0", "LR_Scheduler")
_DAMAGED = "is damaged, or no weight file of PaddlePaddle"


def read_pdparams(path: Path) -> tuple[Arrays, bytes]:
    """The arrays of a weight file by name, and the bytes of the file.

    Returns:
        Arrays of any shape, of floating point or whole numbers in the computer's byte order,
        which may not be finite: without a digest, a changed bit in an array cannot be noticed.

    Raises:
        ModelError: one sentence on what it is instead; nothing in the file was run.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_BYTES + 1)
    except OSError as error:
        raise ModelError(describe_os_error(error, path, "read")) from error
    try:
        return _arrays(data), data
    except RefusedError as error:
        raise ModelError(f"{path} {error}.") from error


def _arrays(data: bytes) -> Arrays:
    if len(data) > _LARGEST_BYTES:
        raise RefusedError("is larger than the weights of a network can be")
    if data.startswith(b"PK"):
        raise RefusedError(
            "is a ZIP archive, as PyTorch and NumPy write them, no weight file of PaddlePaddle"
        )
    try:
        found = run_pickle(data)
    except ValueError as error:
        raise RefusedError(_DAMAGED) from error
    if not isinstance(found, dict):
        raise RefusedError("holds no weights of a network")
    arrays: Arrays = {}
    for name, value in found.items():
        if name == _NAME_TABLE and isinstance(value, dict):
            continue
        if name.endswith(_OPTIMISER):
            raise RefusedError("holds the state of an optimiser (.pdopt), not the weights")
        if not isinstance(value, Slot) or value.value is None:
            raise RefusedError(f"holds {name[:80]!r}, which is no array")
        arrays[name] = value.value
    if not arrays:
        raise RefusedError("holds no weights of a network")
    return arrays

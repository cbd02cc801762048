"""Which patient is in the training, validation and test set; frozen once assigned."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Literal

import msgspec

SetName = Literal["train", "val", "test", "incoming"]
SET_NAMES: tuple[SetName, ...] = ("train", "val", "test")
#: Where assignments come from: the workspace's frozen split, a file of the user's, or the
#: reference recipe, whose split is never frozen.
SplitOrigin = Literal["workspace", "file", "recipe"]

TEST_FRACTION = 0.20
VAL_FRACTION = 0.15
#: Below this number of patients none is kept for testing.
TEST_MINIMUM_PATIENTS = 5


class SplitEntry(msgspec.Struct, frozen=True):
    """Where one patient is; the key `set` is the file's."""

    set: SetName


class Split(msgspec.Struct, frozen=True):
    """`split.json`: patient hash -> set."""

    patients: dict[str, SplitEntry] = {}
    schema: int = 1

    def set_of(self, patient_hash: str) -> SetName | None:
        """The set of a patient, or None for an unknown one."""
        entry = self.patients.get(patient_hash)
        return entry.set if entry else None

    def members(self, name: SetName) -> tuple[str, ...]:
        """The hashes of one set, sorted."""
        return tuple(sorted(h for h, e in self.patients.items() if e.set == name))


class SplitRequest(msgspec.Struct, frozen=True):
    """How a conversion shall place its patients.

    Attributes:
        frozen: assignments that already hold, by patient hash.
        by_patient_id: assignments from a `--split` file, by PatientID.
        draw: how patients without assignment are placed: `random` draws a new split,
            `train` sends them to the training set, `every_ninth` is the reference recipe's.
        seed: of the random draw.
        origin: of the assignments.
    """

    frozen: dict[str, SetName] = {}
    by_patient_id: dict[str, SetName] = {}
    draw: Literal["random", "train", "every_ninth"] = "random"
    seed: int = 0
    origin: SplitOrigin = "workspace"


def draw_split(keys: Mapping[str, str], seed: int) -> dict[str, SetName]:
    """A new split of a workspace: 20 % test, 15 % validation (at least 1), the rest training.

    Args:
        keys: patient key -> patient hash; the draw depends on the sorted keys and the seed.
    """
    hashes = [keys[k] for k in sorted(keys)]
    random.Random(seed).shuffle(hashes)
    n = len(hashes)
    n_test = round(n * TEST_FRACTION) if n >= TEST_MINIMUM_PATIENTS else 0
    n_val = max(1, round(n * VAL_FRACTION)) if n > 1 else 0
    return _assign(hashes, n_test, n_val)


def _assign(hashes: list[str], n_test: int, n_val: int) -> dict[str, SetName]:
    sets: dict[str, SetName] = {}
    for i, h in enumerate(hashes):
        sets[h] = "test" if i < n_test else "val" if i < n_test + n_val else "train"
    return sets


def every_ninth(keys: Mapping[str, str]) -> dict[str, SetName]:
    """The reference recipe's split by patient: of the sorted keys every ninth is validation.

    With fewer than nine patients the last one is, so that there is something to validate on.
    """
    ordered = [keys[k] for k in sorted(keys)]
    sets: dict[str, SetName] = {h: "val" if i % 9 == 8 else "train" for i, h in enumerate(ordered)}
    if 1 < len(ordered) < 9:
        sets[ordered[-1]] = "val"
    return sets


def resolve_split(
    keys: Mapping[str, str], patient_ids: Mapping[str, str], request: SplitRequest
) -> dict[str, SetName]:
    """The set of every patient of a conversion.

    Args:
        keys: patient key -> patient hash of every patient of the conversion.
        patient_ids: patient hash -> PatientID, for the assignments of a `--split` file.
    """
    sets: dict[str, SetName] = {}
    for h in keys.values():
        if patient_ids.get(h, "") in request.by_patient_id:
            sets[h] = request.by_patient_id[patient_ids[h]]
        elif h in request.frozen:
            sets[h] = request.frozen[h]
    open_keys = {k: h for k, h in keys.items() if h not in sets}
    if request.draw == "random":
        sets.update(draw_split(open_keys, request.seed))
    elif request.draw == "every_ninth":
        sets.update(every_ninth(open_keys))
    else:
        sets.update(dict.fromkeys(open_keys.values(), "train"))
    return sets

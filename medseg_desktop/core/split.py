"""Which patient is in the training, validation and test set; frozen once assigned."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
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

    @property
    def sets(self) -> dict[str, SetName]:
        """Patient hash -> set."""
        return {h: entry.set for h, entry in self.patients.items()}


class SplitRequest(msgspec.Struct, frozen=True):
    """How a conversion shall place its patients.

    Attributes:
        frozen: assignments that already hold, by patient hash.
        by_patient_id: assignments from a `--split` file, by PatientID.
        draw: how patients without assignment are placed: `random` draws a new split,
            `train` sends them to the training set, `incoming` lets them wait until somebody
            assigns them, `every_ninth` is the reference recipe's.
        seed: of the random draw.
        origin: of the assignments.
        waiting: hashes of patients that wait in the workspace, and go on doing so unless
            `by_patient_id` or `frozen` names them.
    """

    frozen: dict[str, SetName] = {}
    by_patient_id: dict[str, SetName] = {}
    draw: Literal["random", "train", "incoming", "every_ninth"] = "random"
    seed: int = 0
    origin: SplitOrigin = "workspace"
    waiting: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LesionAmount:
    """How much lesion a patient has, by which a new split is stratified.

    Attributes:
        pixels: of all labels but the background, over all slices.
        volume_ml: the same in millilitres; None where the volume of a pixel is unknown.
    """

    pixels: int = 0
    volume_ml: float | None = 0.0

    def __add__(self, other: LesionAmount) -> LesionAmount:
        unknown = self.volume_ml is None or other.volume_ml is None
        volume = None if unknown else (self.volume_ml or 0.0) + (other.volume_ml or 0.0)
        return LesionAmount(self.pixels + other.pixels, volume)


def draw_split(
    keys: Mapping[str, str], seed: int, amounts: Mapping[str, LesionAmount] | None = None
) -> dict[str, SetName]:
    """A new split of a workspace: 20 % test, 15 % validation (at least 1), the rest training.

    Stratified by lesion volume: in the order of their volumes the patients are cut into as many
    strata as the test set has places, and each gives one patient; the validation set is then
    drawn from the rest in the same way.  So no set has only small or only large lesions.

    Args:
        keys: patient key -> patient hash; the draw depends on the sorted keys, the order of the
            volumes and the seed.
        amounts: by patient hash; a patient that is not there counts as one without lesion.
    """
    ordered = _by_volume(keys, amounts or {})
    n = len(ordered)
    n_test = round(n * TEST_FRACTION) if n >= TEST_MINIMUM_PATIENTS else 0
    n_val = max(1, round(n * VAL_FRACTION)) if n > 1 else 0
    rng = random.Random(seed)
    sets: dict[str, SetName] = dict.fromkeys(ordered, "train")
    wanted: tuple[tuple[SetName, int], ...] = (("test", n_test), ("val", n_val))
    for name, number in wanted:
        rest = [h for h in ordered if sets[h] == "train"]
        for stratum in strata(rest, number):
            # Not `choice`: what it draws is not promised to be the same in every Python.
            sets[stratum[int(rng.random() * len(stratum))]] = name
    return sets


def strata(ordered: list[str], number: int) -> list[list[str]]:
    """A list cut into `number` parts of almost equal length, none of them empty."""
    n = len(ordered)
    cuts = [i * n // number for i in range(number + 1)] if number else []
    return [ordered[a:b] for a, b in pairwise(cuts)]


def _by_volume(keys: Mapping[str, str], amounts: Mapping[str, LesionAmount]) -> list[str]:
    """Patient hashes, the smallest lesion volume first; equal ones in the order of their keys."""
    found = {h: amounts.get(h, LesionAmount()) for h in keys.values()}
    # One unit for all patients, or nobody could compare them.
    in_ml = all(amount.volume_ml is not None for amount in found.values())

    def size(h: str) -> float:
        return (found[h].volume_ml or 0.0) if in_ml else float(found[h].pixels)

    return sorted((keys[k] for k in sorted(keys)), key=size)


def every_ninth(keys: Mapping[str, str]) -> dict[str, SetName]:
    """The reference recipe's split by patient: of the sorted keys every ninth is validation.

    With fewer than nine patients the last one is, so that there is something to validate on.
    """
    ordered = [keys[k] for k in sorted(keys)]
    sets: dict[str, SetName] = {h: "val" if i % 9 == 8 else "train" for i, h in enumerate(ordered)}
    if 1 < len(ordered) < 9:
        sets[ordered[-1]] = "val"
    return sets


def known_sets(
    keys: Mapping[str, str], patient_ids: Mapping[str, str], request: SplitRequest
) -> dict[str, SetName]:
    """The sets that are settled before anything is converted: all but those of a new draw.

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
        elif h in request.waiting:
            sets[h] = "incoming"
    if request.draw in ("train", "incoming"):
        sets |= dict.fromkeys((h for h in keys.values() if h not in sets), request.draw)
    return sets


def resolve_split(
    keys: Mapping[str, str],
    patient_ids: Mapping[str, str],
    request: SplitRequest,
    amounts: Mapping[str, LesionAmount] | None = None,
) -> dict[str, SetName]:
    """The set of every patient of a conversion; the arguments are those of `known_sets`.

    Args:
        amounts: by patient hash, for a new draw (see `draw_split`).
    """
    sets = known_sets(keys, patient_ids, request)
    open_keys = {k: h for k, h in keys.items() if h not in sets}
    if request.draw == "random":
        sets |= draw_split(open_keys, request.seed, amounts)
    elif request.draw == "every_ninth":
        sets |= every_ninth(open_keys)
    return sets


def count_sets(sets: Iterable[SetName]) -> dict[SetName, int]:
    """How many patients are in each set, those that wait included; 0 where there is none."""
    counts: dict[SetName, int] = dict.fromkeys((*SET_NAMES, "incoming"), 0)
    for name in sets:
        counts[name] += 1
    return counts

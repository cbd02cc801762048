"""`model.json` of a model package: what a model is, and where it comes from."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from medseg_desktop.core.labels import Label, LabelTable
from medseg_desktop.core.preprocessing import Preprocessing
from medseg_desktop.core.split import SetName, SplitOrigin

MODEL_JSON = "model.json"
ONNX = "model.onnx"
WEIGHTS = "weights.safetensors"
CARD = "card.md"


class InputShape(msgspec.Struct, frozen=True):
    """What the network takes: channels, and the size in pixels a slice is resized to."""

    channels: int
    height: int
    width: int


class ModelInfo(msgspec.Struct, frozen=True, kw_only=True):
    """`model.json`.

    Attributes:
        files: file name -> SHA-256 of every other file of the package.
        dataset_hash, split_hash: what it was trained on.
        split: patient hash -> set, so that an evaluation knows whom the model has seen.
        split_origin: as in the manifest of its dataset.
        inherited: patients that the models it was trained from were trained or validated on.
        unknown_patients: it, or a model it was trained from, comes from elsewhere, so that
            nobody here can tell all patients it has seen.
        parent: title of the model it was trained from; empty for none.
        parent_network: that model's `network_digest`.
        imported: of a model made from another program's weights: `format`, and the `sha256` of
            the file.
        training: `recipe` (see `engine.recipe.recipe_facts`), `seed` and how it went.
        metrics: of the validation, with `history` (see `core.run_history`) and `cases`.
        machine: what it was trained on, see `io.machine`.
        created: UTC, ISO 8601.
    """

    schema: int = 1
    name: str
    version: int = 1
    architecture: str
    labels: tuple[Label, ...]
    preprocessing: Preprocessing
    input: InputShape
    files: dict[str, str] = {}
    dataset_hash: str = ""
    split_hash: str = ""
    split: dict[str, SetName] = {}
    split_origin: SplitOrigin | Literal[""] = ""
    inherited: tuple[str, ...] = ()
    unknown_patients: bool = False
    salt_id: str = ""
    parent: str = ""
    parent_network: str = ""
    imported: dict[str, str] = {}
    training: dict[str, Any] = {}
    metrics: dict[str, Any] = {}
    software: dict[str, str] = {}
    machine: dict[str, str | int] = {}
    created: str = ""

    @property
    def table(self) -> LabelTable:
        return LabelTable(self.labels)

    @property
    def title(self) -> str:
        """NAME-vN, as the program shows it."""
        return f"{self.name}-v{self.version}"

    @property
    def seen_patients(self) -> frozenset[str]:
        """Hashes of the patients it, or a model it comes from, was trained or validated on."""
        own = {h for h, name in self.split.items() if name in ("train", "val")}
        return frozenset(own) | frozenset(self.inherited)

    def has_seen(self, patient_hash: str, salt_id: str) -> bool | None:
        """Whether it, or a model it comes from, was trained or validated on a patient.

        Args:
            salt_id: of the workspace whose salt the hash was made with.

        Returns:
            None where that cannot be told: the hashes are another workspace's, or it comes from
            elsewhere.
        """
        if self.salt_id != salt_id:
            return None
        return patient_hash in self.seen_patients or (None if self.unknown_patients else False)

    @property
    def network_digest(self) -> str:
        """SHA-256 of `model.onnx`: tells networks apart, whatever they are called."""
        return self.files.get(ONNX, "")

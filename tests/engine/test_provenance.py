"""What a model tells of its origin: ancestors and whom they have seen, recipe, seed, machine."""

from __future__ import annotations

import getpass
import json
import platform
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from medseg_desktop.core.errors import Cancelled
from medseg_desktop.core.events import Event, Step
from medseg_desktop.core.specs import TrainSpec
from medseg_desktop.engine.beginning import Ancestry, begin, fresh_network
from medseg_desktop.engine.recipe import RECIPES, recipe_facts, recipe_of
from medseg_desktop.engine.training import run_training
from medseg_desktop.io.dataset import read_dataset
from medseg_desktop.io.model_package import ModelInfo, read_info
from tests.builders import patient_hash, write_dataset

MakeSpec = Callable[..., TrainSpec]
#: The patients of `dataset_folder`, and of the dataset that follows it.
FIRST = {patient_hash("train", 0), patient_hash("train", 1), patient_hash("val", 0)}


@pytest.fixture(scope="module")
def parent(
    dataset_folder: Path, tmp_path_factory: pytest.TempPathFactory, make_context: Any
) -> Path:
    """A model of one step, trained on `FIRST`."""
    run = tmp_path_factory.mktemp("parent") / "run"
    spec = TrainSpec(dataset=str(dataset_folder), run=str(run), model_name="parent",
                     iterations=1, batch_size=2, size=64, device="cpu")  # fmt: skip
    return Path(run_training(spec, make_context())["model"])


@pytest.fixture(scope="module")
def later_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Other training patients; a training patient of the first dataset is a test patient now."""
    folder = write_dataset(
        tmp_path_factory.mktemp("later") / "data", {"train": 4, "val": 2, "test": 1}, slices=1
    )
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    wanted = {"train": ["new0", "new1", "new2", "new3"], "val": ["new4", "new5"],
              "test": [patient_hash("train", 0)]}  # fmt: skip
    seen: dict[str, str] = {}
    for file in manifest["files"]:
        if file["patient_hash"] not in seen:
            seen[file["patient_hash"]] = wanted[file["set"]].pop(0)
        file["patient_hash"] = seen[file["patient_hash"]]
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    return folder


def trained(context: Any, spec: TrainSpec) -> ModelInfo:
    return read_info(Path(run_training(spec, context)["model"]))


def test_a_model_has_seen_whom_its_parent_has_seen(
    parent: Path, later_dataset: Path, make_spec: MakeSpec, make_context: Any, tmp_path: Path
) -> None:
    options = {"iterations": 1, "dataset": str(later_dataset)}
    child = trained(make_context(), make_spec(init=str(parent), **options))
    first = read_info(parent)
    assert child.split[patient_hash("train", 0)] == "test"
    assert patient_hash("train", 0) in child.seen_patients
    assert child.inherited == tuple(sorted(FIRST))
    assert child.seen_patients == FIRST | {f"new{i}" for i in range(6)}
    assert (child.parent, child.parent_network) == (first.title, first.network_digest)
    assert len(child.parent_network) == 64
    assert not child.unknown_patients
    # And so has the grandchild, although its own parent's dataset did not have them to train on.
    spec = make_spec(run=str(tmp_path / "third"), init=str(tmp_path / "run" / "model"), **options)
    grandchild = trained(make_context(), spec)
    assert grandchild.seen_patients == child.seen_patients


def test_a_resumed_training_keeps_its_ancestors(
    parent: Path, later_dataset: Path, make_spec: MakeSpec, make_context: Any
) -> None:
    def stop(context: Any, event: Event) -> None:
        context.stop_requested |= isinstance(event, Step)

    spec = make_spec(dataset=str(later_dataset), init=str(parent), iterations=2, log_every=1)
    with pytest.raises(Cancelled):
        run_training(spec, make_context(stop))
    child = trained(make_context(), msgspec.structs.replace(spec, resume=True))
    assert child.inherited == tuple(sorted(FIRST))
    assert child.parent_network == read_info(parent).network_digest


@pytest.mark.parametrize(
    "changes", [{"salt_id": "f" * 16}, {"unknown_patients": True}], ids=lambda c: next(iter(c))
)
def test_patients_of_a_model_from_elsewhere_are_not_known(
    parent: Path, make_spec: MakeSpec, tmp_path: Path, changes: dict[str, Any]
) -> None:
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    for file in parent.iterdir():
        (foreign / file.name).write_bytes(file.read_bytes())
    info = json.loads((foreign / "model.json").read_text("utf-8"))
    (foreign / "model.json").write_text(json.dumps(info | changes), "utf-8")
    ancestry, told = begun(make_spec(init=str(foreign)))
    assert ancestry.unknown_patients
    assert bool(ancestry.inherited) == ("salt_id" not in changes)
    assert "comes from elsewhere" in told


def test_the_starter_weights_have_seen_nobody(make_spec: MakeSpec) -> None:
    ancestry, _ = begun(make_spec(init="starter"))
    assert ancestry == Ancestry(parent="starter")


def begun(spec: TrainSpec) -> tuple[Ancestry, str]:
    """What a training begins with, and what it says of that."""
    told: list[str] = []
    manifest = read_dataset(Path(spec.dataset)).manifest
    network = fresh_network(spec, manifest)
    ancestry = begin(network, spec, manifest, lambda text, level: told.append(text))
    return ancestry, " ".join(told)


def test_a_model_names_its_recipe_its_seed_and_its_machine(
    parent: Path, make_spec: MakeSpec, dataset_folder: Path
) -> None:
    info = read_info(parent)
    recipe = info.training["recipe"]
    assert recipe["momentum"] == 0.9
    assert recipe["schedule"] == {
        "kind": "PolynomialDecay", "start_rate": 5e-4, "end_rate": 1e-4, "decay_steps": 1500,
        "power": 1.0,
    }  # fmt: skip
    assert info.training["seed"] == 0
    assert info.machine.keys() == {"system", "processor", "physical_cores", "memory_bytes"}
    assert info.machine["system"] == f"{platform.system()} {platform.release()}"
    text = (parent / "model.json").read_text("utf-8") + (parent / "card.md").read_text("utf-8")
    # What could be somebody's: long enough not to be in a digest or a word by chance.
    for name in (socket.gethostname(), getpass.getuser(), str(dataset_folder.parent)):
        assert len(name) < 6 or name not in text
    for line in ("- Machine: ", "- Recipe: name reference; optimiser momentum", "- Dataset: "):
        assert line in text


@pytest.mark.parametrize("preset", sorted(RECIPES))
def test_every_parameter_of_a_recipe_is_told_and_those_of_the_spec_count(
    preset: str, make_spec: MakeSpec
) -> None:
    recipe = recipe_of(make_spec(preset=preset, learning_rate=0.25))
    facts = recipe_facts(recipe)
    # The number of steps and the batch size are the training's own.
    own = {"iterations", "batch_size"}
    assert facts.keys() == set(type(recipe).__dataclass_fields__) - own
    assert 0.25 in facts["schedule"].values()
    assert json.loads(json.dumps(facts)) == facts

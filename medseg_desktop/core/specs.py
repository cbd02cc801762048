"""What a child process is asked to do: one JSON file, a discriminated union by `job`."""

from __future__ import annotations

from typing import Literal

import msgspec

from medseg_desktop.core.labels import LabelTable
from medseg_desktop.core.preprocessing import Preprocessing
from medseg_desktop.core.split import SplitRequest

#: `TrainSpec.init` for the weights that come with the program.
STARTER = "starter"


class _Spec(msgspec.Struct, frozen=True, kw_only=True, tag_field="job"):
    """Common part of every job; paths are absolute.  A `source` may be several paths."""

    schema: int = 1


class ConvertSpec(_Spec, frozen=True, kw_only=True, tag="convert"):
    """Convert the reviewed slices below `source` into a dataset folder.

    Attributes:
        workspace: where labels and new assignments of the split are kept, and annotations of
            folders that cannot be written live; "" keeps nothing.
        patient_key: "id" or "folder" (see `io.dicom_series.scan`).
        include: limits the job to these patient hashes; empty means every patient found.
        overlays: also write coloured pictures for checking.
        overwrite: replace an earlier dataset of that name.
        skip_broken: leave out annotation files, and slices with shapes, that cannot be used
            instead of stopping.
        threads: of the conversion; 0 means one for each processor.
    """

    source: str | list[str]
    dataset: str
    preset: str
    preprocessing: Preprocessing
    labels: LabelTable
    split: SplitRequest
    salt: str
    workspace: str = ""
    patient_key: Literal["id", "folder"] = "id"
    include: list[str] = []
    overlays: bool = False
    overwrite: bool = False
    skip_broken: bool = False
    threads: int = 0


class TrainSpec(_Spec, frozen=True, kw_only=True, tag="train"):
    """Train on a dataset; the best model ends in `run`/model.

    Attributes:
        init: "none", "starter" (the weights that come with the program), or the absolute path
            of a model package.
        resume: go on with the training in `run`, to `iterations` steps in all.
        learning_rate: highest rate of the schedule; 0 takes the recipe's.
        patience: end after so many evaluations without a better one; 0 never does.
        devices: numbers of the GPUs to train on together, or as many places on the processor;
            empty for one process.
        threads: of the processor, for each process; 0 chooses.
        evaluate_every, log_every: in steps; 0 chooses.
    """

    dataset: str
    run: str
    model_name: str
    preset: str = "reference"
    architecture: str = "bisenetv2"
    iterations: int = 3000
    batch_size: int = 8
    size: int = 512
    device: str = "auto"
    init: str = "none"
    seed: int = 0
    threads: int = 0
    evaluate_every: int = 0
    log_every: int = 0
    resume: bool = False
    learning_rate: float = 0.0
    patience: int = 0
    devices: list[int] = []


class MeasureSpec(_Spec, frozen=True, kw_only=True, tag="measure"):
    """Show what a training would see, and measure a few of its steps; nothing is kept.

    Attributes:
        train: the training in question.
        sheet: path of the PNG with the first augmented slices; "" makes none.
        steps: to measure; 0 measures nothing and needs no Paddle.
    """

    train: TrainSpec
    sheet: str = ""
    steps: int = 3


class PredictSpec(_Spec, frozen=True, kw_only=True, tag="predict"):
    """Predict every slice below `source`; `formats` out of png, overlay, json."""

    model: str
    source: str | list[str]
    out: str
    formats: list[str]
    salt: str
    overwrite: bool = False
    threads: int = 0


class EvaluateSpec(_Spec, frozen=True, kw_only=True, tag="evaluate"):
    """Compare a model with the annotations below `source`, patient by patient.

    Attributes:
        against: a second model that is evaluated on the same slices, and that the first one is
            compared with; "" for none.
        out: a new folder for the result (evaluation.json, CSV files, report.html, pictures); ""
            keeps none.
        subset: which patients count, by the frozen split of the workspace, or the model's own
            where it was trained with another one.
        salt: of the workspace, for the patient hashes.
        workspace: where annotations of folders that cannot be written live, and which knows
            former names of labels; "" for none.
    """

    model: str
    source: str | list[str]
    salt: str
    against: str = ""
    out: str = ""
    workspace: str = ""
    subset: Literal["train", "val", "test", "all"] = "all"
    patient_key: Literal["id", "folder"] = "id"
    skip_broken: bool = False
    threads: int = 0


class ImportSpec(_Spec, frozen=True, kw_only=True, tag="import"):
    """Make a model package of a PaddleSeg weight file (.pdparams) without running its code.

    Attributes:
        package: folder of the package, which must be free; "" for `model` in the job's own
            folder, which is gone with it.
        labels: of the classes that the weights have, the background first; None for the
            recipe's.
        size: side of the network's input in pixels.
    """

    file: str
    name: str
    package: str = ""
    labels: LabelTable | None = None
    preset: str = "reference"
    size: int = 512


class ExportSpec(_Spec, frozen=True, kw_only=True, tag="export"):
    """Write a model as Paddle's inference model into `out`, and compare it with the package."""

    model: str
    out: str
    size: int = 512


class BenchTrainingSpec(_Spec, frozen=True, kw_only=True, tag="bench_training"):
    """Measure `steps` training steps on a dataset that the job generates for itself."""

    device: str = "auto"
    size: int = 256
    batch_size: int = 8
    steps: int = 12
    preset: str = "default"
    architecture: str = "bisenetv2"


class GpuCheckSpec(_Spec, frozen=True, kw_only=True, tag="gpu_check"):
    """Train `steps` steps on the GPU and on the processor, and compare."""

    size: int = 256
    batch_size: int = 8
    steps: int = 5
    preset: str = "default"
    architecture: str = "bisenetv2"


Spec = (
    ConvertSpec
    | TrainSpec
    | MeasureSpec
    | PredictSpec
    | EvaluateSpec
    | ImportSpec
    | ExportSpec
    | BenchTrainingSpec
    | GpuCheckSpec
)


def encode_spec(spec: Spec) -> bytes:
    """A spec as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(spec), indent=2) + b"\n"


def decode_spec(data: bytes) -> Spec:
    """JSON -> spec; raises msgspec.ValidationError where it is none."""
    spec: Spec = msgspec.json.decode(data, type=Spec)
    return spec

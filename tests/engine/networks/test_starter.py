from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medseg_desktop.core.errors import JobError, ModelError
from medseg_desktop.core.specs import TrainSpec
from medseg_desktop.engine.networks import starter
from medseg_desktop.engine.networks.network import build_network, encode_weights, read_state
from medseg_desktop.engine.training import run_training
from medseg_desktop.io.model_package import read_info
from medseg_desktop.paths import resource

SHIPPED = resource("weights", "bisenetv2-starter.safetensors")


def test_the_shipped_weights_fit_and_are_used(
    make_spec: Callable[..., TrainSpec], context: Any
) -> None:
    result = run_training(make_spec(init="starter", iterations=1), context)
    assert "Training starts from the starter weights." in context.log_text
    assert read_info(Path(result["model"])).parent == "starter"


def test_the_shipped_weights_are_small_and_have_their_card() -> None:
    assert SHIPPED.stat().st_size < 6_000_000
    card = SHIPPED.with_suffix(".md").read_text(encoding="utf-8")
    for word in ("Apache-2.0", "No slice of any patient", "Not a medical device"):
        assert word.lower() in card.lower()


def test_each_new_label_begins_as_the_starters_lesion() -> None:
    two, four = build_network("bisenetv2", 2), build_network("bisenetv2", 4)
    starter.load_starter(two, "bisenetv2")
    starter.load_starter(four, "bisenetv2")
    small, large = read_state(two), read_state(four)
    weight = "head.conv_1x1.weight"
    np.testing.assert_array_equal(large[weight][0], small[weight][0])
    for label in (1, 2, 3):
        np.testing.assert_array_equal(large[weight][label], small[weight][1])
    body = "db.convs.0._conv.weight"
    np.testing.assert_array_equal(large[body], small[body])


def test_an_architecture_without_starter_weights_is_told() -> None:
    with pytest.raises(JobError, match="no starter weights for unet"):
        starter.load_starter(build_network("bisenetv2", 2), "unet")


@pytest.mark.parametrize("fault", ["damaged", "other network"])
def test_a_file_that_does_not_fit_is_refused(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "weights.safetensors"
    other = {"head.conv_1x1.weight": np.zeros((2, 3, 1, 1), np.float32)}
    path.write_bytes(b"\1" * 50 if fault == "damaged" else encode_weights(other))
    monkeypatch.setattr(starter, "resource", lambda *parts: path)
    with pytest.raises((ModelError, JobError), match=r"damaged|do not fit"):
        starter.load_starter(build_network("bisenetv2", 2), "bisenetv2")

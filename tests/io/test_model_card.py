from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from medseg_desktop.core.events import CaseScore, Evaluation, Step
from medseg_desktop.core.notice import RESEARCH_NOTICE, RESEARCH_NOTICE_ZH
from medseg_desktop.core.run_history import history
from medseg_desktop.io.model_card import model_card
from medseg_desktop.io.model_package import ModelInfo, open_model, read_info
from tests.builders import model_info, write_model_package


def evaluation(iteration: int, dice: float | None, **labels: float | None) -> Evaluation:
    return Evaluation(iteration=iteration, dice=labels, iou=labels, cases=[], mean_dice=dice)


def trained(**metrics: Any) -> ModelInfo:
    rows = history(
        [Step(iteration=i, loss=float(10 - i), losses=[], lr=0.1) for i in range(1, 7)],
        [evaluation(3, 0.25, H=0.2, **{"a|b": None}), evaluation(6, 0.5, H=0.4, **{"a|b": 0.3})],
    )
    cases = [
        CaseScore(patient_hash="ab12", n_slices=3, dice={"H": 0.4}, foreground_dice=0.5),
        CaseScore(patient_hash="cd34", n_slices=2, dice={"H": None}, foreground_dice=None),
    ]
    return msgspec.structs.replace(
        model_info(labels=("H", "a|b"), split={"ab12": "val", "ef": "train"}),
        training={"preset": "default", "iterations": 6, "elapsed_s": 120.0, "device": "cpu"},
        metrics={
            "iteration": 6, "mean_patient_dice": 0.5,
            "history": msgspec.to_builtins(rows), "cases": msgspec.to_builtins(cases), **metrics,
        },
        software={"paddlepaddle": "3.3.1"},
    )  # fmt: skip


def test_the_card_tells_how_the_model_learned_and_what_it_is_not() -> None:
    lines = model_card(trained()).splitlines()
    assert RESEARCH_NOTICE in lines
    assert "| Step | Training loss | Mean patient Dice | H | a\\|b |" in lines
    assert "| 3 | 8.000 | 0.250 | 0.200 | – |" in lines
    assert "| **6** | 5.000 | 0.500 | 0.400 | 0.300 |" in lines
    assert "| ab12 | 3 | 0.400 | – | 0.500 |" in lines
    assert "| cd34 | 2 | – | – | – |" in lines
    assert "- Preset: default" in lines
    assert "- Time: 2 min" in lines
    assert "- paddlepaddle: 3.3.1" in lines
    assert "- It has learned from 1 patient only." in lines
    assert [line for line in lines if line.startswith("## ")] == [
        "## How it learned", "## Validation patients", "## Settings", "## Provenance", "## Limits",
        "## 训练过程", "## 验证集患者", "## 设置", "## 来源与追溯", "## 适用范围与局限",
    ]  # fmt: skip


def test_the_chinese_part_follows_and_tells_the_same() -> None:
    english, chinese = model_card(trained()).split("\n\n---\n\n")
    assert not any(_is_chinese(c) for c in english)
    assert RESEARCH_NOTICE_ZH in chinese.splitlines()
    assert "| **6** | 5.000 | 0.500 | 0.400 | 0.300 |" in chinese.splitlines()
    assert "- 患者：训练 1 例，验证 1 例，另留 0 例供测试" in chinese
    assert "- 用时：2 分钟" in chinese
    for line in chinese.splitlines():
        if line.startswith("- ") and "paddlepaddle" not in line:
            assert any(_is_chinese(c) for c in line), line


def _is_chinese(character: str) -> bool:
    return "\u4e00" <= character <= "\u9fff"


def test_the_card_tells_where_the_model_comes_from() -> None:
    info = msgspec.structs.replace(
        trained(),
        parent="before-v2",
        parent_network="ab" * 32,
        inherited=("x", "y"),
        dataset_hash="cd" * 32,
        split_hash="ef" * 32,
        split_origin="workspace",
        training={"seed": 7, "recipe": {"optimiser": "adamw", "schedule": {"kind": "OneCycle"}}},
        machine={"system": "Linux 6", "processor": "CPU X", "physical_cores": 4,
                 "memory_bytes": 16 << 30, "gpu": "GPU Y"},
    )  # fmt: skip
    lines = model_card(info).splitlines()
    for line in (
        "- Trained from: before-v2",
        f"- Network it was trained from: {'ab' * 32}",
        "- Patients that earlier generations have seen: 2",
        f"- Dataset: {'cd' * 32}",
        f"- Split: {'ef' * 32} (the frozen split of the workspace)",
        "- Seed: 7",
        "- Recipe: optimiser adamw; schedule.kind OneCycle",
        "- Machine: Linux 6, CPU X, 4 cores, 16 GB, GPU Y",
        "- 历代起始模型见过的患者数：2",
        "- 计算机：Linux 6、CPU X、4 核，内存 16 GB、GPU Y",
    ):
        assert line in lines, line


def test_the_card_of_an_imported_model_claims_nothing_about_its_patients() -> None:
    info = msgspec.structs.replace(
        model_info(),
        imported={"format": "PaddleSeg .pdparams", "sha256": "0" * 64},
        unknown_patients=True,
    )
    card = model_card(info)
    assert "- Patients: not known" in card
    assert f"(PaddleSeg .pdparams) with the SHA-256 {'0' * 64}" in card
    assert "a test patient may be among them" in card
    assert "best of several evaluations" not in card
    assert "- 患者：不详" in card
    assert "无从得知" in card


def test_a_model_of_another_version_still_has_a_card() -> None:
    for metrics in ({}, {"history": "?", "cases": [{"patient": 1}]}, {"history": [{"step": 1}]}):
        card = model_card(trained(**{"history": [], "cases": [], **metrics}))
        assert RESEARCH_NOTICE in card
        assert "How it learned" not in card
    assert "## Limits" in model_card(model_info())


def test_the_card_is_one_of_the_files_that_are_checked(tmp_path: Path) -> None:
    package = write_model_package(tmp_path / "m", trained(), thresholds=(100.0, 200.0))
    assert (package / "card.md").read_text(encoding="utf-8") == model_card(read_info(package))
    assert open_model(package).info.metrics["history"][0]["iteration"] == 3


def test_a_long_history_keeps_the_best_and_the_last_evaluation() -> None:
    evaluations = [evaluation(i, 0.9 if i == 333 else 0.001 * i / 10) for i in range(1, 1001)]
    rows = history([], evaluations)
    assert len(rows) <= 40
    found = [row.iteration for row in rows]
    assert found == sorted(found)
    assert {1, 333, 1000} <= set(found)
    assert rows[0].loss is None


def test_a_name_loads_nothing_in_a_viewer_of_markdown() -> None:
    card = model_card(model_info(labels=("![x](https://a.example/y.png)", "<img src=z>")))
    assert "- Labels: !\\[x](https://a.example/y.png), &lt;img src=z>" in card.splitlines()
    assert "![" not in card
    assert "<img" not in card

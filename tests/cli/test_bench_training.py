"""`bench training`, the real command with its child at a tiny size."""

from __future__ import annotations

import json

import pytest

from medseg_desktop.cli import main
from medseg_desktop.cli.bench_training import compared, training_text


def test_it_measures_with_each_number_of_threads(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--size", "64", "--batch-size", "2", "--steps", "1", "--device", "cpu"]
    assert main(["bench", "training", *options, "--threads", "1,2", "--json"]) == 0
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert report["machine"]["physical_cores"] >= 1
    assert [run["threads"] for run in report["runs"]] == [1, 2]
    for run in report["runs"]:
        assert (run["size"], run["batch_size"], run["steps"]) == (64, 2, 1)
        assert run["device"]["kind"] == "cpu"
        assert run["step_s"] > 0
        assert run["ratio"] > 0
    text = training_text(report["runs"][0])
    assert "2 slices at 64 x 64" in text
    assert "float32, 1 thread\n" in text
    assert "Fastest:" in compared(report["runs"])


@pytest.mark.parametrize("options", [["--size", "100"], ["--threads", "0"], ["--steps", "x"]])
def test_wrong_options_are_told_in_one_line(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["bench", "training", *options])
    assert stop.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_threads_are_compared_with_the_fastest() -> None:
    runs = [{"threads": 1, "step_s": 2.8}, {"threads": 2, "step_s": 2.0}]
    assert compared(runs) == "\n\nFastest: 2 threads; 1 thread takes 1.40 x as long."
    assert compared(runs[:1]) == ""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from medseg_desktop.core.evaluation import svg as svg
from medseg_desktop.core.evaluation.result import Estimate, SizeBin
from medseg_desktop.core.evaluation.svg import Dot

MEAN = Estimate(mean=0.6, low=0.5, high=0.7, n=3)
NOBODY = Estimate(mean=None)


def drawn(picture: str) -> ElementTree.Element:
    """It is XML, and every number in it lies on the picture."""
    root = ElementTree.fromstring(picture)
    width, height = (float(v) for v in root.attrib["viewBox"].split()[2:])
    for element in root.iter():
        for name, value in element.attrib.items():
            if name in ("x", "x1", "x2", "cx"):
                assert -1 <= float(value) <= width + 1, (element.tag, name, value)
            if name in ("y", "y1", "y2", "cy"):
                assert -1 <= float(value) <= height + 1, (element.tag, name, value)
            if name in ("width", "height"):
                assert float(value) >= 0
    return root


def count(root: ElementTree.Element, tag: str) -> int:
    return len(root.findall(f".//{tag}"))


def test_every_patient_is_a_dot_from_the_worst_to_the_best() -> None:
    root = drawn(svg.ranked("Dice", [Dot("b", 0.9), Dot("a", 0.3), Dot("c", 0.6)], MEAN))
    dots = root.findall(".//circle")
    assert [d.findtext("title") for d in dots] == ["a: 0.300", "c: 0.600", "b: 0.900"]
    heights = [float(d.attrib["cy"]) for d in dots]
    assert heights == sorted(heights, reverse=True)
    assert count(root, "rect") == 1  # the interval


def test_a_single_patient_has_no_interval() -> None:
    root = drawn(svg.ranked("Dice", [Dot("a", 0.3)], Estimate(mean=0.3, n=1)))
    assert (count(root, "circle"), count(root, "rect")) == (1, 0)


def test_lines_lead_from_the_one_model_to_the_other() -> None:
    picture = svg.slopes("Dice", ("old", "new"), [Dot("a", 0.2, 0.8), Dot("b", 0.5, 0.1)])
    root = drawn(picture)
    assert count(root, "circle") == 4
    assert svg.BETTER in picture
    assert svg.WORSE in picture
    assert {t.text for t in root.findall("text")} >= {"old", "new"}


@pytest.mark.parametrize("values", [[0.1, -0.2], [0.0, 0.0], [0.3, 0.4], [-0.3], [1e-9, -1e-9]])
def test_differences_start_at_zero(values: list[float]) -> None:
    dots = [Dot(str(i), value) for i, value in enumerate(values)]
    mean = Estimate(mean=sum(values) / len(values), low=min(values), high=max(values), n=2)
    root = drawn(svg.differences("Difference", dots, mean))
    assert count(root, "rect") == len(values) + 1


def test_a_difference_of_next_to_nothing_is_drawn_too() -> None:
    mean = Estimate(mean=0.0, low=0.0, high=5e-324, n=3)
    drawn = svg.differences("Difference", [Dot("a", 0.0), Dot("b", 1e-300)], mean)
    assert ElementTree.fromstring(drawn).tag.endswith("svg")


@pytest.mark.parametrize("top", [0.0, 0.003, 7.5, 4000.0])
def test_volumes_have_equal_axes(top: float) -> None:
    root = drawn(svg.volumes("Volume", [[Dot("a", top, top / 2)], [Dot("a", top, top)]]))
    assert count(root, "circle") == 2
    ticks = [t.text for t in root.findall("text")]
    assert all(ticks.count(tick) == 2 for tick in set(ticks) if tick != "annotated, ml")


def test_bars_tell_how_many_of_how_many() -> None:
    bins = [
        SizeBin(low_ml=0.0, high_ml=0.1, found=0, total=3),
        SizeBin(low_ml=0.1, high_ml=1.0, found=0, total=0),
        SizeBin(low_ml=1.0, high_ml=None, found=2, total=2),
    ]
    root = drawn(svg.found_by_size("Found", [bins]))
    texts = [t.text for t in root.findall("text")]
    assert {"0/3", "none", "2/2", "below 0.1 ml", "0.1 to 1 ml", "1 ml or more"} <= set(texts)
    assert count(root, "rect") == 2


def test_nothing_to_draw_is_no_picture() -> None:
    empty = [SizeBin(low_ml=0.0, high_ml=None, found=0, total=0)]
    assert svg.ranked("x", [], NOBODY) == svg.slopes("x", ("a", "b"), []) == ""
    assert svg.differences("x", [], NOBODY) == svg.volumes("x", [[]]) == ""
    assert svg.found_by_size("x", [empty]) == ""


def test_names_are_escaped() -> None:
    evil = "<script>&"
    picture = svg.slopes(evil, (evil, evil), [Dot(evil, 0.1, 0.2)])
    assert "<script" not in picture
    assert not re.search(r"&(?!amp;|lt;|gt;|quot;|#)", picture)
    drawn(picture)

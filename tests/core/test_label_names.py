"""Names of labels that are typed."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medseg_desktop.core.errors import LabelError
from medseg_desktop.core.label_names import LONGEST_NAME, checked_name, folded

OTHERS = ("_background_", "H", "Œdème", "straße")


@pytest.mark.parametrize("name", ["edema", "水肿", "core / rim", "👩‍⚕️", "Dr. نام‌ها", "x" * 64])
def test_usual_names_are_taken_as_they_are(name: str) -> None:
    assert checked_name(name, OTHERS) == name


def test_blanks_around_a_name_are_dropped() -> None:
    assert checked_name("  edema\u3000", OTHERS) == "edema"


def test_a_name_is_stored_composed() -> None:
    assert checked_name("de\u0301bris", OTHERS) == "débris"


@pytest.mark.parametrize("name", ["", "   ", "\n", "\u200d", "\u3000"])
def test_an_empty_name_is_refused(name: str) -> None:
    with pytest.raises(LabelError, match="needs a name"):
        checked_name(name, OTHERS)


@pytest.mark.parametrize(
    "name", ["h", "H ", "œdème", "ŒDE\u0300ME", "STRASSE", unicodedata.normalize("NFD", "Œdème")]
)
def test_a_name_that_looks_like_another_labels_is_refused(name: str) -> None:
    with pytest.raises(LabelError, match="already"):
        checked_name(name, OTHERS)


@pytest.mark.parametrize("name", ["_background_", " _Background_ "])
def test_the_name_of_the_background_is_refused(name: str) -> None:
    with pytest.raises(LabelError, match="name of the background"):
        checked_name(name, ())


@pytest.mark.parametrize(
    "name", ["a\tb", "a\nb", "a\x00", "\u202eabc", "a\u2028b", "a\ud800", "\ufeffH"]
)
def test_characters_that_cannot_be_seen_are_refused(name: str) -> None:
    with pytest.raises(LabelError, match="cannot be seen"):
        checked_name(name, OTHERS)


def test_a_name_has_at_most_64_characters() -> None:
    with pytest.raises(LabelError, match="at most 64"):
        checked_name("影" * 65, OTHERS)


@given(st.text(max_size=80), st.lists(st.text(max_size=8), max_size=5))
def test_a_name_that_passes_can_be_stored_and_told_from_the_others(
    name: str, others: list[str]
) -> None:
    try:
        stored = checked_name(name, others)
    except LabelError:
        return
    assert 0 < len(stored) <= LONGEST_NAME
    assert stored.encode()
    assert stored == stored.strip()
    assert folded(stored) not in {folded(other) for other in others}
    assert checked_name(stored, others) == stored

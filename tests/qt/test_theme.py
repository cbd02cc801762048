from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
from PySide6.QtGui import QColor, QIcon
from PySide6.QtWidgets import QApplication, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from medseg_desktop.paths import resource
from medseg_desktop.qt.theme import DARK, LIGHT, Tokens, apply_theme, icon, pixmap, set_icon

ICONS = sorted(p.stem for p in resource("icons").glob("*.svg"))


@pytest.fixture
def app(qapp: QApplication):
    yield qapp
    apply_theme(qapp, dark=True)
    qapp.setStyleSheet("")


def luminance(colour: str) -> float:
    def linear(v: float) -> float:
        return v / 12.92 if v <= 0.03928 else ((v + 0.055) / 1.055) ** 2.4

    c = QColor(colour)
    return 0.2126 * linear(c.redF()) + 0.7152 * linear(c.greenF()) + 0.0722 * linear(c.blueF())


def contrast(a: str, b: str) -> float:
    bright, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("tokens", [DARK, LIGHT], ids=lambda t: t.name)
@pytest.mark.parametrize("surface", ["window", "panel", "raised"])
@pytest.mark.parametrize("text", ["text", "muted", "accent", "good", "caution", "bad"])
def test_text_has_enough_contrast_on_every_surface(tokens: Tokens, surface: str, text: str) -> None:
    assert contrast(getattr(tokens, text), getattr(tokens, surface)) >= 4.5


@pytest.mark.parametrize("tokens", [DARK, LIGHT], ids=lambda t: t.name)
def test_text_is_readable_on_the_primary_button_and_on_selected_rows(tokens: Tokens) -> None:
    assert contrast(tokens.on_accent, tokens.accent) >= 4.5
    assert contrast(tokens.text, tokens.selection) >= 4.5


@pytest.mark.parametrize("tokens", [DARK, LIGHT], ids=lambda t: t.name)
def test_style_pictures_use_only_colours_of_their_theme(tokens: Tokens) -> None:
    known = {getattr(tokens, f.name) for f in fields(tokens)}
    for file in resource("style", tokens.name).glob("*.svg"):
        used = set(re.findall(r"#[0-9a-f]{6}", file.read_text()))
        assert used
        assert used <= known


@pytest.mark.parametrize("name", ICONS)
def test_every_icon_draws_in_the_colour_it_is_given(name: str, qapp: QApplication) -> None:
    image = pixmap(name, "#ff0000", 18, 2.0).toImage()
    inked = [
        image.pixelColor(x, y)
        for x in range(image.width())
        for y in range(image.height())
        if image.pixelColor(x, y).alpha() > 200
    ]
    assert len(inked) > 10
    assert all(c.red() > 240 and c.green() < 15 and c.blue() < 15 for c in inked)


def test_every_icon_named_in_the_program_exists() -> None:
    package = Path(__file__).parents[2] / "medseg_desktop" / "qt"
    pattern = re.compile(r'(?:set_icon|tool_button|icon|pixmap)\([^)"]*"([a-z-]+)"')
    named = {n for f in package.rglob("*.py") for n in pattern.findall(f.read_text())}
    assert named
    assert named - {"text", "muted", "on_accent"} <= set(ICONS)


def test_switching_the_theme_redraws_icons_and_palette(app: QApplication, qtbot: QtBot) -> None:
    holder = QWidget()
    qtbot.addWidget(holder)
    button = QPushButton(holder)
    set_icon(button, "play")

    def ink() -> str:
        image = button.icon().pixmap(18, 18).toImage()
        return image.pixelColor(image.width() // 2, image.height() // 2).name()

    apply_theme(app, dark=True)
    assert ink() == DARK.text
    apply_theme(app, dark=False)
    assert ink() == LIGHT.text
    assert app.palette().window().color().name() == LIGHT.panel


def test_a_disabled_icon_is_duller_than_an_enabled_one(qapp: QApplication) -> None:
    play = icon("play")
    off = play.pixmap(18, QIcon.Mode.Disabled).toImage()
    on = play.pixmap(18, QIcon.Mode.Normal).toImage()
    middle = (on.width() // 2, on.height() // 2)
    assert off.pixelColor(*middle).lightness() < on.pixelColor(*middle).lightness()


def test_the_stylesheet_is_accepted_without_a_warning(
    app: QApplication, qtbot: QtBot, capfd: pytest.CaptureFixture[str]
) -> None:
    apply_theme(app, dark=True)
    widget = QPushButton("Start")
    widget.setProperty("primary", True)
    qtbot.addWidget(widget)
    widget.show()
    qtbot.waitExposed(widget)
    assert widget.height() == 44
    assert "stylesheet" not in capfd.readouterr().err.lower()

"""Design tokens: every colour, space and size of the window, dark and light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# Spaces in pixels; nothing else is used between or inside controls.
SPACE_XS: Final = 4
SPACE_S: Final = 8
SPACE_M: Final = 12
SPACE_L: Final = 16
SPACE_XL: Final = 24

CONTROL_HEIGHT: Final = 28
PRIMARY_HEIGHT: Final = 44
ICON_SIZE: Final = 18
CORNER: Final = 6
BODY_PX: Final = 13
SECONDARY_PX: Final = 12
TITLE_PX: Final = 15


@dataclass(frozen=True, slots=True)
class Tokens:
    """Colours as `#rrggbb`.

    Attributes:
        name: "dark" or "light"; also the folder of the style pictures.
        window, panel, raised, hover: surfaces from back to front.
        well: behind rows of lists.
        line: one-pixel separators; edge: borders that show where a control is.
        selection: background of selected rows, text stays `text`.
        on_accent: text on `accent`.
        mine, model, only_mine, only_model: outlines and label maps on the black canvas; the
            same in both themes.
        mark_mine, mark_model: the same meaning drawn on a panel.
        track: the empty part of sliders and progress bars.
    """

    name: str
    window: str
    panel: str
    raised: str
    well: str
    hover: str
    line: str
    edge: str
    text: str
    muted: str
    disabled: str
    accent: str
    accent_hover: str
    on_accent: str
    selection: str
    good: str
    caution: str
    bad: str
    mark_mine: str
    mark_model: str
    track: str
    canvas: str = "#000000"
    mine: str = "#7ee081"
    model: str = "#4cb5f5"
    only_mine: str = "#f2a33c"
    only_model: str = "#c58af9"


DARK: Final = Tokens(
    name="dark",
    window="#15181b",
    panel="#1b1f23",
    raised="#252a2f",
    well="#15181b",
    hover="#2f363c",
    line="#343b42",
    edge="#434c55",
    text="#e8eaed",
    muted="#9aa4ae",
    disabled="#727c86",
    accent="#4cb5f5",
    accent_hover="#72c6f8",
    on_accent="#0b1318",
    selection="#203c50",
    good="#4cc38a",
    caution="#e0a83a",
    bad="#f0625d",
    mark_mine="#7ee081",
    mark_model="#4cb5f5",
    track="#3a424a",
)

LIGHT: Final = Tokens(
    name="light",
    window="#e6e9ec",
    panel="#f4f5f7",
    raised="#ffffff",
    well="#ffffff",
    hover="#e9edf1",
    line="#d3d9de",
    edge="#b3bcc5",
    text="#1b1f23",
    muted="#55606a",
    disabled="#7d8790",
    accent="#0b6bb0",
    accent_hover="#095a95",
    on_accent="#ffffff",
    selection="#cfe5f7",
    good="#1a7346",
    caution="#855600",
    bad="#bb2d26",
    mark_mine="#2b8a3a",
    mark_model="#0b6bb0",
    track="#cbd2d9",
)

"""The colours of labels: which one a label gets, and how bright a line of it must be."""

from __future__ import annotations

from functools import lru_cache

Color = tuple[int, int, int]

#: Relative luminance that every line has at least: five times as bright as the black canvas in
#: the terms of WCAG, (0.20 + 0.05) / (0 + 0.05), where lines need no more than three.
LOWEST_LUMINANCE = 0.2
#: Colours from this relative luminance on are drawn as they are.
_UNTOUCHED_LUMINANCE = 0.4
_HALVINGS = 24


def default_color(index: int) -> Color:
    """The colour (R, G, B), 0..255, that a label of this index starts with; 0 is black.

    The colour map of the PASCAL VOC development kit (`VOClabelcolormap.m`), which is also that
    of labelme and of `imgviz.label_colormap`: of every three bits of the index, from the lowest
    on, the first goes to red, the second to green and the third to blue, and those of a channel
    are lined up from its highest bit downwards.
    """
    red = green = blue = 0
    for place in range(7, -1, -1):
        red |= (index & 1) << place
        green |= (index >> 1 & 1) << place
        blue |= (index >> 2 & 1) << place
        index >>= 3
    return (red, green, blue)


def relative_luminance(color: tuple[float, float, float]) -> float:
    """How bright an sRGB colour (R, G, B), 0..255, is: 0 for black, 1 for white.

    As WCAG 2.2 defines "relative luminance" (https://www.w3.org/TR/WCAG22/#dfn-relative-luminance).
    """
    red, green, blue = (_linear(part / 255) for part in color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    """One channel without the gamma of sRGB, 0..1."""
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


@lru_cache(maxsize=1024)
def outline_color(color: Color) -> Color:
    """The colour (R, G, B), 0..255, in which the lines of a label are drawn on the slice.

    The first colours of the map are dark, (128, 0, 0) for instance, and a line of a pixel or
    two would be lost on the black canvas and on grey tissue.  A dark colour is made brighter
    and, where that is not enough, paler, which both keep its hue; the result has at least
    `LOWEST_LUMINANCE`.  Of two dark colours the brighter one stays the brighter one, because
    the labels 1, 8 and 9 differ in nothing else.  Bright colours come back unchanged.
    """
    luminance = relative_luminance(color)
    if luminance >= _UNTOUCHED_LUMINANCE:
        return color
    share = luminance / _UNTOUCHED_LUMINANCE
    wanted = LOWEST_LUMINANCE + (_UNTOUCHED_LUMINANCE - LOWEST_LUMINANCE) * share
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if relative_luminance(_lifted(color, middle)) < wanted:
            low = middle
        else:
            high = middle
    # Rounded up: never below what was asked for.
    red, green, blue = (min(255, int(part) + (part > int(part))) for part in _lifted(color, high))
    return (red, green, blue)


def _lifted(color: Color, share: float) -> tuple[float, float, float]:
    """A colour on the way to white (share 1), over the brightest one of its hue (share 0.5)."""
    top = max(color)
    if top == 0:
        grey = 255 * share
        return (grey, grey, grey)
    scale = 1 + (255 / top - 1) * min(1.0, 2 * share)
    white = max(0.0, 2 * share - 1)
    red, green, blue = (part * scale + (255 - part * scale) * white for part in color)
    return (red, green, blue)

"""What the viewer shows: a pure function of what the user chose and what is known of the data."""

from __future__ import annotations

from dataclasses import dataclass, replace

from medseg_desktop.core.display import PixelFormat, Window
from medseg_desktop.core.volume import Series, Slice, direction_letters


@dataclass(frozen=True, slots=True)
class LayerState:
    """One overlay: whether it is drawn, and its opacity 0..1."""

    visible: bool = True
    opacity: float = 0.35


@dataclass(frozen=True, slots=True)
class Layers:
    """The overlays of the slice."""

    outlines: LayerState = LayerState(True, 1.0)
    label_map: LayerState = LayerState(True, 0.2)
    prediction: LayerState = LayerState(False, 0.2)
    hidden_labels: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class ViewState:
    """What the user chose.

    Attributes:
        index: slice of the series, from 0.
        window: set by the user; None for the series' own.
        inverted: black and white swapped on top of what the file says.
    """

    series: Series | None = None
    index: int = 0
    window: Window | None = None
    inverted: bool = False
    layers: Layers = Layers()
    identity: bool = True


@dataclass(frozen=True, slots=True)
class SeriesFacts:
    """What the pixels of a series told so far, in modality values.

    Attributes:
        low, high: range of the values.
        window: the one to begin with: the file's, else by percentiles of the first slice read.
    """

    fmt: PixelFormat
    low: float
    high: float
    window: Window

    def widened(self, low: float, high: float) -> SeriesFacts:
        """These facts with the values of one more slice."""
        if low >= self.low and high <= self.high:
            return self
        return replace(self, low=min(low, self.low), high=max(high, self.high))


@dataclass(frozen=True, slots=True)
class ResolvedView:
    """What is to be shown, complete; compared field by field with the one before.

    Attributes:
        letters: patient directions at the (left, right, top, bottom) edge of the slice.
        aspect: height of a pixel divided by its width.
    """

    series: Series
    index: int
    slice: Slice
    layers: Layers
    letters: tuple[str, str, str, str]
    aspect: float
    column_spacing_mm: float | None
    identity: bool
    window: Window | None = None
    low: float = 0.0
    high: float = 1.0
    inverted: bool = False


def clamp_index(series: Series, index: int) -> int:
    """The nearest slice that the series has."""
    return min(max(index, 0), len(series.slices) - 1)


def resolve(state: ViewState, facts: SeriesFacts | None) -> ResolvedView | None:
    """What to show; None where no series is open.  Without facts there is no window yet."""
    series = state.series
    if series is None or not series.slices:
        return None
    index = clamp_index(series, state.index)
    spacing = series.spacing_mm
    view = ResolvedView(
        series=series,
        index=index,
        slice=series.slices[index],
        layers=state.layers,
        letters=edge_letters(series.orientation),
        aspect=spacing[0] / spacing[1] if spacing else 1.0,
        column_spacing_mm=spacing[1] if spacing else None,
        identity=state.identity,
    )
    if facts is None:
        return view
    return replace(
        view,
        window=state.window or facts.window,
        low=facts.low,
        high=facts.high,
        inverted=facts.fmt.inverted != state.inverted,
    )


def edge_letters(orientation: tuple[float, ...] | None) -> tuple[str, str, str, str]:
    """Patient directions at the (left, right, top, bottom) edge; empty without orientation."""
    if orientation is None:
        return ("", "", "", "")
    along_row = (orientation[0], orientation[1], orientation[2])
    along_column = (orientation[3], orientation[4], orientation[5])
    against_row = (-along_row[0], -along_row[1], -along_row[2])
    against_column = (-along_column[0], -along_column[1], -along_column[2])
    return (
        direction_letters(against_row),
        direction_letters(along_row),
        direction_letters(against_column),
        direction_letters(along_column),
    )


def dragged_window(window: Window, dx: float, dy: float, gain: float, down: bool) -> Window:
    """The window after a drag of (dx, dy) pixels: right is wider, down (or up) is brighter.

    Args:
        gain: modality values per pixel.
        down: dragging down is brighter; else dragging up.
    """
    width = max(window.width + dx * gain, 1e-3 if gain < 0.01 else 1.0)
    level = window.center + (-dy if down else dy) * gain
    return Window(level, width)

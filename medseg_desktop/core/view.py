"""What the viewer shows: a pure function of what the user chose and what is known of the data."""

from __future__ import annotations

from dataclasses import dataclass, replace

from medseg_desktop.core.display import (
    PixelFormat,
    Voi,
    VoiChoice,
    VoiFunction,
    Window,
    as_window,
    moved_window,
)
from medseg_desktop.core.geometry import AS_STORED, EdgeLetters, SpatialTransformation, edge_letters
from medseg_desktop.core.preprocessing import Preprocessing
from medseg_desktop.core.volume import Series, Slice


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


@dataclass(frozen=True, slots=True)
class ComparisonState:
    """Compare mode, in which outlines and maps give way to who marks what.

    Attributes:
        visible: it is on.
        mine: what a person has drawn takes part.
        opacity: of its areas, 0..1.
        offers: what the model in use proposes can be decided about meanwhile; not so where other
            models are compared.
    """

    visible: bool = False
    mine: bool = True
    opacity: float = 0.7
    offers: bool = True


@dataclass(frozen=True, slots=True)
class ViewState:
    """What the user chose.

    Attributes:
        index: slice of the series, from 0 (see `Series.time_points`).
        voi: window or table set by the user; None for the series' own.
        per_slice: without a window of the user's, every slice is shown with its own.
        inverted: black and white swapped on top of what the file says.
        turned: how the slice is rotated and flipped.
        preview: show the slice as a model with this preprocessing sees it; None: as it is.
    """

    series: Series | None = None
    index: int = 0
    voi: Voi | None = None
    per_slice: bool = False
    inverted: bool = False
    turned: SpatialTransformation = AS_STORED
    preview: Preprocessing | None = None
    layers: Layers = Layers()
    comparison: ComparisonState = ComparisonState()
    identity: bool = True


@dataclass(frozen=True, slots=True)
class SeriesFacts:
    """What the pixels of a series told so far, in modality values.

    Attributes:
        fmt: of the first slice read.
        low, high: range of the values.
        voi: the one to begin with: the file's, else by percentiles of the first slice read.
        colour: the slices are in colour; a window then works on each of its samples.
    """

    fmt: PixelFormat
    low: float
    high: float
    voi: Voi
    colour: bool = False

    def widened(self, low: float, high: float) -> SeriesFacts:
        """These facts with the values of one more slice."""
        if low >= self.low and high <= self.high:
            return self
        return replace(self, low=min(low, self.low), high=max(high, self.high))


@dataclass(frozen=True, slots=True)
class ResolvedView:
    """What is to be shown, complete; compared field by field with the one before.

    Attributes:
        position, time_point: where `index` lies in a 4-D stack; else `index` and 0.
        letters: patient directions at the (left, right, top, bottom) edge of the screen.
        aspect: height of a pixel of the stored slice divided by its width.
        per_slice: every slice is shown with its own window; not so while one of the user's holds
            for all.
        choices: windows and tables that the file offers.
        units: of the values; empty where unknown.
    """

    series: Series
    index: int
    slice: Slice
    position: int
    time_point: int
    layers: Layers
    turned: SpatialTransformation
    letters: EdgeLetters
    aspect: float
    column_spacing_mm: float | None
    identity: bool
    preview: Preprocessing | None = None
    per_slice: bool = False
    voi: Voi | None = None
    low: float = 0.0
    high: float = 1.0
    inverted: bool = False
    colour: bool = False
    choices: tuple[VoiChoice, ...] = ()
    units: str = ""
    comparison: ComparisonState = ComparisonState()

    @property
    def offers_proposals(self) -> bool:
        """What the model in use proposes is shown, so that somebody can decide about it."""
        compared = self.comparison
        return self.layers.prediction.visible and (compared.offers or not compared.visible)


def clamp_index(series: Series, index: int) -> int:
    """The nearest slice that the series has."""
    return min(max(index, 0), len(series.slices) - 1)


def resolve(
    state: ViewState, facts: SeriesFacts | None, own: Voi | None = None
) -> ResolvedView | None:
    """What to show; None where no series is open.  Without facts there is no window yet.

    Args:
        own: the window of the slice itself, where it has been read and has one.
    """
    series = state.series
    if series is None or not series.slices:
        return None
    index = clamp_index(series, state.index)
    spacing = series.spacing_mm
    view = ResolvedView(
        series=series,
        index=index,
        slice=series.slices[index],
        position=index % series.positions,
        time_point=index // series.positions,
        layers=state.layers,
        turned=state.turned,
        letters=state.turned.edges(edge_letters(series.orientation)),
        aspect=series.pixel_aspect,
        column_spacing_mm=spacing[1] if spacing else None,
        identity=state.identity,
        preview=state.preview,
        comparison=state.comparison,
        per_slice=state.per_slice and state.voi is None,
    )
    if facts is None:
        return view
    own = own if view.per_slice else None
    return replace(
        view,
        voi=state.voi or own or facts.voi,
        low=facts.low,
        high=facts.high,
        inverted=facts.fmt.inverted != state.inverted,
        colour=facts.colour,
        choices=facts.fmt.voi,
        units=facts.fmt.units,
    )


def dragged_window(voi: Voi, dx: float, dy: float, gain: float, down: bool) -> Window:
    """The window after a drag of (dx, dy) pixels: right is wider, down (or up) is brighter.

    Args:
        voi: before the drag; a table becomes a window over the values it covers.
        gain: modality values per pixel.
        down: dragging down is brighter; else dragging up.
    """
    window = as_window(voi)
    smallest = 1.0 if window.function is VoiFunction.LINEAR else min(gain, 1.0)
    width = max(window.width + dx * gain, smallest)
    return moved_window(window, window.center + (-dy if down else dy) * gain, width)

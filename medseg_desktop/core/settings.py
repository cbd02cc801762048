"""The settings as a table: name, default, what it means.  One place for window and file."""

from __future__ import annotations

from dataclasses import dataclass, fields
from dataclasses import field as _field
from typing import Any, Literal

MAXIMUM_CACHE_MB = 1 << 20


def _setting(default: Any, text: str) -> Any:
    """A field of `Settings` with the sentence that explains it."""
    return _field(default=default, metadata={"text": text})


@dataclass(frozen=True, slots=True)
class Settings:
    """What a user may choose; every value has a default that works."""

    training_interpreter: str = _setting(
        "", "Python that trains, for example of an environment with a GPU build of Paddle"
    )
    workspace: str = _setting("", "Folder for datasets, runs and models")
    theme: Literal["dark", "light"] = _setting("dark", "Colours of the window")
    level_drag_down_is_brighter: bool = _setting(
        True, "Dragging down on the slice makes it brighter"
    )
    smooth: bool = _setting(True, "Smooth the slice when it is enlarged")
    threads: int = _setting(0, "Processor threads of training and prediction; 0 chooses")
    cache_mb: int = _setting(0, "Memory for slices that were read, in MB; 0 chooses")
    annotator: str = _setting("", "Name written into shapes; empty for that of the account")
    autosave: bool = _setting(True, "Save annotations a moment after every change")
    overlay_opacity: float = _setting(0.35, "Opacity of the label map")


def explain(name: str) -> str:
    """The sentence that explains a setting."""
    return next(str(f.metadata["text"]) for f in fields(Settings) if f.name == name)


def valid_settings(values: dict[str, Any]) -> tuple[Settings, list[str]]:
    """Settings from a file: good values are kept, bad ones named and left at their default."""
    kept: dict[str, Any] = {}
    bad: list[str] = []
    defaults = Settings()
    for f in fields(Settings):
        if f.name not in values:
            continue
        value, default = values[f.name], getattr(defaults, f.name)
        if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if type(value) is type(default) and _makes_sense(f.name, value):
            kept[f.name] = value
        else:
            bad.append(f.name)
    return Settings(**kept), bad


def _makes_sense(name: str, value: Any) -> bool:
    if name == "theme":
        return value in ("dark", "light")
    if name == "threads":
        return bool(0 <= value <= 256)
    if name == "cache_mb":
        return bool(0 <= value <= MAXIMUM_CACHE_MB)
    if name == "overlay_opacity":
        return bool(0 <= value <= 1)
    return True


def changed_settings(settings: Settings) -> dict[str, Any]:
    """Only what differs from the defaults, for the file."""
    defaults = Settings()
    return {
        f.name: getattr(settings, f.name)
        for f in fields(Settings)
        if getattr(settings, f.name) != getattr(defaults, f.name)
    }

"""Which decoder reads which transfer syntax: one pinned for each, all permissively licensed.

Decoders disagree on odd files, so a slice must not depend on what else is installed.  RLE and
JPEG (baseline, extended, lossless) go through imagecodecs, a plugin of our own for pydicom.
"""

from __future__ import annotations

import importlib.util
from typing import NamedTuple

from pydicom.pixels.decoders.base import Decoder, get_decoder
from pydicom.uid import UID

from medseg_desktop.core.errors import UnreadableSliceError
from medseg_desktop.io.dicom.transfer_syntax import (
    COMPRESSED,
    Family,
    check_syntax,
    family_of,
    is_native,
    syntax_name,
)


class _Plugin(NamedTuple):
    """A plugin of pydicom's decoders, and the package that must be installed for it."""

    name: str
    package: str


_IMAGECODECS = _Plugin("imagecodecs", "imagecodecs")
_PYJPEGLS = _Plugin("pyjpegls", "jpeg_ls")
_OPENJPEG = _Plugin("pylibjpeg", "openjpeg")
_JPEG_LS = ("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81")


def undecodable(uid: str, reason: str) -> str:
    """The sentence for pixels of a transfer syntax that its decoder did not decode."""
    return f"its pixels ({syntax_name(uid)}) cannot be decoded: {reason}"


def missing_decoders() -> dict[str, str]:
    """Names of transfer syntaxes whose decoder is not installed -> the missing package."""
    return {
        syntax_name(uid): plugin.package
        for uid in COMPRESSED
        if importlib.util.find_spec((plugin := _plugin_of(uid)).package) is None
    }


def decoder_for(uid: str) -> tuple[Decoder, str]:
    """pydicom's decoder for a transfer syntax and the name of the plugin to use ("" for native).

    Raises:
        UnreadableSliceError: the syntax is not supported, or its decoder is not installed.
    """
    check_syntax(uid)
    decoder = get_decoder(UID(uid))
    if is_native(uid):
        return decoder, ""
    plugin = _plugin_of(uid)
    if importlib.util.find_spec(plugin.package) is None:
        needed = f"pixels stored as {syntax_name(uid)} need the package {plugin.package}"
        raise UnreadableSliceError(needed)
    if plugin is _IMAGECODECS and plugin.name not in decoder.available_plugins:
        from medseg_desktop.io.pixels import imagecodecs_plugin  # slow to load, seldom needed

        is_rle = family_of(uid) is Family.RLE
        function = "decode_rle_frame" if is_rle else "decode_jpeg_frame"
        decoder.add_plugin(plugin.name, (imagecodecs_plugin.__name__, function))
    return decoder, plugin.name


def _plugin_of(uid: str) -> _Plugin:
    if uid in _JPEG_LS:
        return _PYJPEGLS
    return _OPENJPEG if family_of(uid) is Family.JPEG_2000 else _IMAGECODECS

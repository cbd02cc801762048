"""Compressed pixels -> array.  Runs in a decoder process: decoders may end the process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from pydicom.pixels.utils import as_pixel_options

from medseg_desktop.core.errors import UnreadableSliceError
from medseg_desktop.io.dicom.encapsulated import Encapsulated, read_encapsulated
from medseg_desktop.io.dicom.pixel_layout import PixelLayout
from medseg_desktop.io.pixels.codecs import decoder_for, undecodable
from medseg_desktop.io.pixels.codestream import check_codestream
from medseg_desktop.io.pixels.frame_file import FrameFile, opened, read_frame_file

_ITEM = b"\xfe\xff\x00\xe0"
_EMPTY_OFFSET_TABLE = _ITEM + bytes(4)


@dataclass(frozen=True, slots=True)
class CompressedFile:
    """A file of compressed frames; `read` costs only what one frame costs."""

    info: FrameFile
    fragments: Encapsulated

    @classmethod
    def open(cls, file: BinaryIO, path: str, stamp: tuple[int, int]) -> CompressedFile:
        """Read what `frame_file.opened` gave.

        Raises:
            UnreadableSliceError: there is no sound fragment structure.
        """
        info = read_frame_file(file, path, stamp)
        if info.is_native:
            raise UnreadableSliceError("its pixels are not compressed")
        size = stamp[0]
        return cls(info, read_encapsulated(file, info.header, info.layout, info.element, size))

    def read(self, file: BinaryIO, frame: int) -> npt.NDArray[np.generic]:
        """Stored values of one frame, (rows, columns) or (rows, columns, 3), as pydicom's.

        Raises:
            UnreadableSliceError: the reason, without the file's name.
        """
        self.info.check_frame(frame)
        codestream = self.fragments.read_frame(file, frame)
        options = as_pixel_options(self.info.header, number_of_frames=1)
        options.pop("extended_offsets", None)
        return decode_codestream(codestream, self.info.layout, options)


class FrameDecoder:
    """Decodes frames; keeps what it knows of the last file that has several."""

    def __init__(self) -> None:
        self._kept: CompressedFile | None = None

    def decode(self, path: str, frame: int) -> npt.NDArray[np.generic]:
        """Stored values of one frame, (rows, columns) or (rows, columns, 3), as pydicom's.

        Raises:
            UnreadableSliceError: the reason, without the file's name.
        """
        with opened(path) as (file, stamp):
            kept = self._kept
            if kept is None or (kept.info.path, kept.info.stamp) != (path, stamp):
                kept = CompressedFile.open(file, path, stamp)
                self._kept = kept if kept.info.layout.frames > 1 else None
            return kept.read(file, frame)


def decode_codestream(
    codestream: bytes, layout: PixelLayout, options: dict[str, Any]
) -> npt.NDArray[np.generic]:
    """Compare one codestream with the layout, and decode it.

    Args:
        options: of pydicom's decoder, from the header.

    Raises:
        UnreadableSliceError: the reason.
    """
    uid = layout.transfer_syntax
    decoder, plugin = decoder_for(uid)
    check_codestream(codestream, layout)
    item = _ITEM + len(codestream).to_bytes(4, "little") + codestream
    try:
        pixels, _ = decoder.as_array(
            _EMPTY_OFFSET_TABLE + item, index=0, decoding_plugin=plugin, **options
        )
    except MemoryError as error:
        raise UnreadableSliceError("its pixels do not fit into memory") from error
    except Exception as error:  # decoders raise many types on damaged files
        raise UnreadableSliceError(undecodable(uid, _reason(error))) from error
    return pixels


def _reason(error: Exception) -> str:
    """What the decoder said: pydicom puts a general line before it, and the plugin's name."""
    first, *further = str(error).splitlines() or [type(error).__name__]
    return further[0].partition(":")[2].strip() or first if further else first

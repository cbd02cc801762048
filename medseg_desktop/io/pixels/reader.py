"""Pixels of DICOM files, one frame at a time, decoded only when somebody asks."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from types import TracebackType
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from medseg_desktop.core.display import PixelFormat
from medseg_desktop.core.errors import UnreadableSliceError
from medseg_desktop.io.dicom.pixel_format import pixel_format
from medseg_desktop.io.dicom.plain_pixels import PlainFile
from medseg_desktop.io.dicom.quiet import quiet
from medseg_desktop.io.pixels.decoder_pool import DecoderPool
from medseg_desktop.io.pixels.frame_file import FrameFile, opened, read_frame_file
from medseg_desktop.io.pixels.native import read_native

#: Headers of files with several frames that are kept for the further ones.
_KEPT_FILES = 4


#: More threads only wait for each other where nothing is decoded.
_PLAIN_THREADS = 2


class FrameReader:
    """Reads frames of files.  Safe to use from several threads.

    Uncompressed pixels are read in the calling thread.  Compressed ones are decoded in other
    processes, which are started when the first one is read and end with `close`.

    Args:
        pool: decodes compressed frames; the reader closes it.
        plain: see `know`.
    """

    def __init__(
        self, pool: DecoderPool | None = None, plain: Mapping[str, PlainFile] | None = None
    ) -> None:
        self._pool = pool or DecoderPool()
        self._plain = plain or {}
        self._kept: OrderedDict[str, FrameFile] = OrderedDict()
        self._lock = threading.Lock()

    def __enter__(self) -> FrameReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def know(self, plain: Mapping[str, PlainFile]) -> None:
        """Read these files without looking at their headers again, as long as they are the same.

        Args:
            plain: by path; in the place of those known before.
        """
        self._plain = plain

    def prepare(self) -> None:
        """Compressed pixels will be read soon: start what decodes them."""
        self._pool.prepare()

    def threads_for(self, path: str) -> int:
        """How many threads that read at once are of use for files like this one."""
        return _PLAIN_THREADS if path in self._plain else max(self._pool.size, _PLAIN_THREADS)

    def read(self, path: str, frame: int) -> tuple[npt.NDArray[np.generic], PixelFormat]:
        """Stored values of one frame, (rows, columns) or (rows, columns, 3), and their meaning.

        The values are those of pydicom's `pixel_array`; YBR is returned as RGB.

        Raises:
            UnreadableSliceError: the reason, without the file's name.
        """
        with quiet(), opened(path) as (file, stamp):
            plain = self._plain.get(path)
            if plain is not None and plain.stamp == stamp and frame == 0:
                return plain.pixels.read(file), plain.format
            info = self._file(file, path, stamp)
            info.check_frame(frame)
            if info.is_native:
                return read_native(file, info, frame), pixel_format(info.header, frame)
        pixels = self._pool.decode(path, frame, info.layout.transfer_syntax)
        if pixels.shape[:2] != (info.layout.rows, info.layout.columns):
            raise UnreadableSliceError("its pixels are damaged")
        with quiet():
            return pixels, pixel_format(info.header, frame)

    def close(self) -> None:
        """End the decoder processes; threads that wait for one get an error.  Idempotent."""
        self._pool.close()

    def _file(self, file: BinaryIO, path: str, stamp: tuple[int, int]) -> FrameFile:
        with self._lock:
            kept = self._kept.get(path)
            if kept is not None and kept.stamp == stamp:
                self._kept.move_to_end(path)
                return kept
        info = read_frame_file(file, path, stamp)
        if info.layout.frames > 1:
            with self._lock:
                self._kept[path] = info
                while len(self._kept) > _KEPT_FILES:
                    self._kept.popitem(last=False)
        return info

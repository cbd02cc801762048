"""Pixels of DICOM files, one frame at a time, decoded only when somebody asks."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.dataset import FileDataset

from medseg_desktop.core.display import PixelFormat
from medseg_desktop.core.errors import UnreadableSliceError, describe_os_error
from medseg_desktop.io.codecs import check_jpeg2000, decoder_for, syntax_name
from medseg_desktop.io.dicom_values import first_number
from medseg_desktop.io.pixel_format import pixel_format
from medseg_desktop.io.quiet import quiet

#: Files kept open for their further frames; a multi-frame file is read once, not per frame.
_KEPT_FILES = 2


class FrameReader:
    """Reads frames of files.  Safe to use from several threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, FileDataset] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, path: str, frame: int) -> tuple[npt.NDArray[np.generic], PixelFormat]:
        """Stored values of one frame, (rows, columns) or (rows, columns, 3), and their meaning.

        Raises:
            UnreadableSliceError: the reason, without the file's name.
        """
        dataset = self._dataset(path)
        with quiet():
            return decode(dataset, frame), pixel_format(dataset, frame)

    def __enter__(self) -> FrameReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files."""
        with self._lock:
            self._kept.clear()

    def _dataset(self, path: str) -> FileDataset:
        with self._lock:
            dataset = self._kept.get(path)
            if dataset is not None:
                self._kept.move_to_end(path)
                return dataset
        dataset = read_dataset(Path(path))
        if (first_number(dataset, "NumberOfFrames") or 1) > 1:
            with self._lock:
                self._kept[path] = dataset
                while len(self._kept) > _KEPT_FILES:
                    self._kept.popitem(last=False)
        return dataset


def read_dataset(path: Path) -> FileDataset:
    """A whole DICOM file; raises UnreadableSliceError with the reason."""
    try:
        with quiet():
            return pydicom.dcmread(path, force=True)
    except OSError as error:
        raise UnreadableSliceError(
            describe_os_error(error, path.name, "read").rstrip(".")
        ) from error
    except Exception as error:  # pydicom raises many types on damaged files
        raise UnreadableSliceError(f"the file is damaged ({error})") from error


def decode(dataset: FileDataset, frame: int | None) -> npt.NDArray[np.generic]:
    """Stored values of one frame, or of all frames as (frames, ...) with frame None.

    Raises:
        UnreadableSliceError: the reason, without the file's name.
    """
    meta = getattr(dataset, "file_meta", None)
    uid = str(meta.get("TransferSyntaxUID", "")) if meta else ""
    decoder, plugin = decoder_for(uid)
    try:
        with quiet():
            check_jpeg2000(uid, dataset.get("PixelData") or b"", dataset.Rows, dataset.Columns)
            pixels, _ = decoder.as_array(dataset, index=frame, decoding_plugin=plugin)
    except UnreadableSliceError:
        raise
    except MemoryError as error:
        raise UnreadableSliceError("its pixels do not fit into memory") from error
    except Exception as error:  # decoders raise many types on damaged files
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UnreadableSliceError(
            f"its pixels ({syntax_name(uid)}) cannot be decoded: {reason}"
        ) from error
    return pixels

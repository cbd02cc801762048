"""8-bit PNG files, read and written through memory so that any path works on any system."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from medseg_desktop.core.errors import DataError, WorkspaceError, describe_os_error, os_error_reason

#: Sizes above this are no slices; refused before they are decoded.
MAXIMUM_SIDE = 16384
MAXIMUM_BYTES = 512 * 1024 * 1024
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def encode_png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Pixels (rows, columns) grey or (rows, columns, 3) RGB, uint8 -> PNG bytes."""
    if pixels.ndim == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)  # type: ignore[assignment]
    ok, data = cv2.imencode(".png", pixels)
    if not ok:
        raise DataError("The picture cannot be stored as PNG.")
    return bytes(data.tobytes())


def write_png(path: Path, pixels: npt.NDArray[np.uint8]) -> None:
    """Write a PNG; raises WorkspaceError with the reason (disk full, ...)."""
    try:
        path.write_bytes(encode_png(pixels))
    except OSError as error:
        raise WorkspaceError(describe_os_error(error, path, "write")) from error


def read_grey_png(path: Path) -> npt.NDArray[np.uint8]:
    """An 8-bit single-channel PNG as (rows, columns), uint8.

    Raises:
        DataError: not such a file; the message is the reason without the file's name.
    """
    try:
        if path.stat().st_size > MAXIMUM_BYTES:
            raise DataError("the PNG file is too large")
        data = path.read_bytes()
    except OSError as error:
        raise DataError(os_error_reason(error)) from error
    check_png(data)
    if (data[24], data[25]) != (8, 0):
        raise DataError("not an 8-bit grey PNG")
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.ndim != 2 or pixels.dtype != np.uint8:
        raise DataError("the PNG file is damaged")
    return pixels  # type: ignore[return-value]


def check_png(data: bytes) -> tuple[int, int]:
    """The declared size (rows, columns).

    Raises:
        DataError: no PNG, or a size that no slice has.
    """
    # IHDR: width, height (big-endian), bit depth, colour type (PNG specification, 11.2.2).
    if not data.startswith(SIGNATURE) or len(data) < 33:
        raise DataError("not a PNG file")
    width, height = (int.from_bytes(data[i : i + 4], "big") for i in (16, 20))
    if not (0 < width <= MAXIMUM_SIDE and 0 < height <= MAXIMUM_SIDE):
        raise DataError(f"a PNG of {width} x {height} pixels is too large")
    return height, width

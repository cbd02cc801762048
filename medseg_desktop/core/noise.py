"""How noisy a slice is."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

#: The difference of two Laplacians; it answers to noise, hardly to edges and gradients.
#: J. Immerkaer, "Fast noise variance estimation", Comput Vis Image Underst 64 (1996) 300-302.
_KERNEL = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
#: Standard deviation of the kernel's answer to white noise of unit variance: sqrt(36).
_KERNEL_GAIN = 6.0
#: Median absolute deviation of a normal distribution in standard deviations.
_MAD = 0.6745
_SMALLEST_TISSUE = 256


def estimate_snr(values: npt.NDArray[np.generic]) -> float | None:
    """Signal-to-noise ratio of the tissue of a slice: its median divided by the noise in it.

    Tissue is what is brighter than Otsu's threshold, without its rim.  The noise is the robust
    spread (median absolute deviation) of the answer to Immerkaer's kernel there, so that edges
    inside the tissue count little.  Interpolated slices (zero filling) have correlated noise,
    which makes the ratio too large: it serves to compare series of one kind.

    Args:
        values: modality values (rows, columns).

    Returns:
        The ratio; None where there is too little tissue or no noise at all.
    """
    pixels = np.nan_to_num(values.astype(np.float32))
    low, high = float(pixels.min()), float(np.percentile(pixels, 99.5))
    if high <= low:
        return None
    eight_bit = np.clip((pixels - low) * (255 / (high - low)), 0, 255).astype(np.uint8)
    # Smoothed first: chosen pixel by pixel, the tissue would be what noise has made brighter.
    smooth = cv2.GaussianBlur(eight_bit, (7, 7), 0)
    _, bright = cv2.threshold(smooth, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    tissue = cv2.erode(bright, np.ones((5, 5), np.uint8), borderValue=0) > 0
    if int(tissue.sum()) < _SMALLEST_TISSUE:
        return None
    answer = cv2.filter2D(pixels, cv2.CV_32F, _KERNEL)[tissue]
    noise = float(np.median(np.abs(answer - np.median(answer)))) / _MAD / _KERNEL_GAIN
    signal = float(np.median(pixels[tissue])) - min(low, 0.0)
    return signal / noise if noise > 0 and signal > 0 else None

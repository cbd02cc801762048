"""Grey values of a slice relative to its own tissue.

Scaling to a high percentile hangs on the few brightest pixels, in heads the fat of the scalp,
so the same brain is lighter in one slice and darker in the next.  The median of everything that
is not background is that of brain and muscle; scaled to it, a lesion of a given contrast has the
same grey value in every slice and every patient.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

#: The grey level that the tissue's median gets; fat may saturate, lesions must not.
TISSUE_LEVEL = 102.0
#: Background is what lies below this part of the range from the low to the high percentile.
_BACKGROUND = 0.1


def scale_tissue(
    values: npt.NDArray[np.floating], low: float = 0.5, high: float = 99.8
) -> npt.NDArray[np.uint8]:
    """Values (rows, columns), any unit -> grey, uint8: the tissue's median becomes 102.

    Args:
        low, high: percentiles; `low` becomes 0, and both bound what counts as background.
    """
    bottom, top = (float(x) for x in np.percentile(values, [low, high]))
    if top <= bottom:
        bottom, top = float(values.min()), float(values.max())
    if top <= bottom:
        return np.zeros(values.shape, np.uint8)
    tissue = values[values > bottom + _BACKGROUND * (top - bottom)]
    scaled = (values - bottom) * (TISSUE_LEVEL / (float(np.median(tissue)) - bottom))
    grey: npt.NDArray[np.uint8] = np.clip(scaled, 0, 255).astype(np.uint8)
    return grey

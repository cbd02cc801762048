"""Means over patients with a bootstrap confidence interval."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from medseg_desktop.core.evaluation.result import Estimate

#: Of two patients no interval can be told.
FEWEST_PATIENTS = 3
CONFIDENCE = 0.95
_RESAMPLES = 9999
_SEED = 20240229


def mean_estimate(values: Iterable[float | None]) -> Estimate:
    """The mean of the values that are not None, and its 95 % confidence interval.

    The interval is the bias-corrected and accelerated bootstrap (BCa; B. Efron, Better bootstrap
    confidence intervals, J Am Stat Assoc 1987) over whole patients, or the percentile bootstrap
    where BCa is not defined.  The same values give the same interval in whatever order.  With a
    handful of patients every such interval is too narrow, so `n` belongs beside it.

    Args:
        values: one for each patient, or the paired difference of each.
    """
    known = np.sort(np.array([v for v in values if v is not None], np.float64))
    if not known.size:
        return Estimate(mean=None)
    mean = float(known.mean())
    if known.size < FEWEST_PATIENTS:
        return Estimate(mean=mean, n=int(known.size))
    low, high = _interval(known)
    return Estimate(mean=mean, low=low, high=high, n=int(known.size))


def _interval(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    if values[0] == values[-1]:  # every resample is the same
        return float(values[0]), float(values[0])
    from scipy.stats import bootstrap

    for method in ("BCa", "percentile"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on degenerate distributions; then it gives NaN
            found = bootstrap(
                (values,),
                np.mean,
                n_resamples=_RESAMPLES,
                confidence_level=CONFIDENCE,
                method=method,
                random_state=np.random.default_rng(_SEED),
            ).confidence_interval
        if np.isfinite(found.low) and np.isfinite(found.high):
            break
    return float(found.low), float(found.high)

"""Differences of two sets of scores on the same units, such as two models' answers to the same prompts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from plural_core.synthesis.checks import FloatArray
from plural_core.synthesis.errors import SynthesisError

_ROUNDING = 1e-12


@dataclass(frozen=True)
class UnitMean:
    """A mean over units.

    Attributes
    ----------
    mean : float
        NaN without any unit.
    std_error : float
        Standard deviation of the units over the root of their number; NaN with fewer than two.
    n, n_missing : int
        Units with a value, and without one.
    """

    mean: float
    std_error: float
    n: int
    n_missing: int


@dataclass(frozen=True)
class PairedDifference:
    """A mean difference over units, first minus second.

    Attributes
    ----------
    estimate : float
        Mean over the units that have a value on both sides; NaN without any.
    std_error : float
        Standard deviation of the differences over the root of their number; NaN with fewer than two.
    n, n_missing : int
        Units with a difference, and without one.
    bound_low, bound_high : float
        The same mean over all units, were every missing value the worst or the best possible for the difference;
        without missing values both are the estimate.
    """

    estimate: float
    std_error: float
    n: int
    n_missing: int
    bound_low: float
    bound_high: float


def unit_mean(values: ArrayLike) -> UnitMean:
    """Return the mean over units of the runs' mean.

    Parameters
    ----------
    values : array_like, shape (units,) or (runs, units)
        NaN where a value is missing. Runs are averaged within a unit first, over those that have a value.
    """
    return _mean(within_units(runs_of(values, "values")))


def paired_difference(
    first: ArrayLike, second: ArrayLike, *, limits: tuple[float, float] = (0.0, 1.0)
) -> PairedDifference:
    """Return the mean difference of two sets of scores on the same units.

    Parameters
    ----------
    first, second : array_like, shape (units,) or (runs, units)
        Scores; NaN where a score is missing. Units are in the same order; the number of runs may differ. Runs are
        averaged within a unit first, over those that have a score there.
    limits : tuple of float
        Least and greatest score that is possible, for the bounds.

    Raises
    ------
    SynthesisError
        Different units, or a score that is infinite or beyond the limits.
    """
    a, b = runs_of(first, "first"), runs_of(second, "second")
    if a.shape[1] != b.shape[1]:
        raise SynthesisError(f"first has {a.shape[1]} units and second {b.shape[1]}: give both sides the same units.")
    low, high = limits
    for name, side in (("first", a), ("second", b)):
        known = side[~np.isnan(side)]
        if known.size and not (known.min() >= low and known.max() <= high):
            bad = known[(known < low) | (known > high)][0]
            raise SynthesisError(f"{name} has a score of {bad}, beyond the limits {low} to {high}.")
    found = _mean(within_units(a) - within_units(b))
    bound_low, bound_high = (
        _plain_mean(np.where(np.isnan(a), x, a).mean(axis=0) - np.where(np.isnan(b), y, b).mean(axis=0))
        for x, y in ((low, high), (high, low))
    )
    return PairedDifference(found.mean, found.std_error, found.n, found.n_missing, bound_low, bound_high)


def runs_of(values: ArrayLike, name: str) -> FloatArray:
    """Return scores as an array of shape (runs, units), one run at least; NaN stands for missing.

    Raises
    ------
    SynthesisError
        No numbers, another shape, or infinite values.
    """
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise SynthesisError(f"{name} must be numbers; got {values!r:.80}.") from None
    array = array[None, :] if array.ndim == 1 else array
    if array.ndim != 2 or array.shape[0] == 0:
        raise SynthesisError(f"{name} must have the shape (units,) or (runs, units); its shape is {array.shape}.")
    if np.isinf(array).any():
        raise SynthesisError(f"{name} has infinite values: leave out what is not known (NaN).")
    return array


def within_units(values: FloatArray) -> FloatArray:
    """Return each unit's mean over the runs that have a value there; NaN where none has.

    Parameters
    ----------
    values : ndarray, shape (runs, units)
        NaN where a value is missing.
    """
    there = ~np.isnan(values)
    n = there.sum(axis=0)
    total: FloatArray = np.where(there, values, 0.0).sum(axis=0)
    mean: FloatArray = np.divide(total, n, out=np.full(values.shape[1], np.nan), where=n > 0)
    return mean


def _mean(values: FloatArray) -> UnitMean:
    known = values[~np.isnan(values)]
    error = np.nan
    if known.size > 1:
        # Differences that are equal but for rounding have no spread: 0.3 - 0.1 and 0.5 - 0.3.
        error = 0.0 if np.ptp(known) <= _ROUNDING else float(known.std(ddof=1)) / np.sqrt(known.size)
    return UnitMean(_plain_mean(known), float(error), int(known.size), int(values.size - known.size))


def _plain_mean(values: FloatArray) -> float:
    return float(values.mean()) if values.size else float("nan")

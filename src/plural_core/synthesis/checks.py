"""Checks of what callers hand in: every function of the package starts here."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from plural_core.synthesis.errors import SynthesisError

FloatArray = NDArray[np.float64]

METHODS = ("FE", "DL", "PM", "REML", "ML", "HE", "SJ")
TESTS = ("z", "knha")


def vector(values: ArrayLike, name: str) -> FloatArray:
    """Return finite numbers, shape (k,), or raise SynthesisError with the position of the first bad one."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise SynthesisError(f"{name} must be numbers; got {values!r:.80}.") from None
    if array.ndim != 1:
        raise SynthesisError(f"{name} must be one-dimensional; its shape is {array.shape}.")
    bad = np.flatnonzero(~np.isfinite(array))
    if bad.size:
        raise SynthesisError(f"{name}[{bad[0]}] is {array[bad[0]]}: leave out estimates that are missing or infinite.")
    return array


def estimates_and_variances(estimates: ArrayLike, std_errors: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return estimates and squared standard errors, both of shape (k,), k >= 1."""
    y = vector(estimates, "estimates")
    s = vector(std_errors, "std_errors")
    if y.size != s.size:
        raise SynthesisError(f"{y.size} estimates but {s.size} std_errors: give one standard error per estimate.")
    if y.size == 0:
        raise SynthesisError("There is nothing to pool: estimates is empty.")
    negative = np.flatnonzero(s < 0)
    if negative.size:
        raise SynthesisError(f"std_errors[{negative[0]}] is {s[negative[0]]}: a standard error cannot be negative.")
    with np.errstate(over="ignore", under="ignore"):
        v = np.square(s)
        weights_usable = np.isfinite(v) & (v > 0) & np.isfinite(1 / np.where(v > 0, v, 1))
    unusable = np.flatnonzero(~weights_usable)
    if unusable.size:
        raise SynthesisError(
            f"std_errors[{unusable[0]}] is {s[unusable[0]]}: its inverse variance is no finite weight; "
            "leave that estimate out or give its sampling error."
        )
    return y, v


def choice(value: str, known: Sequence[str], name: str) -> str:
    """Return `value` if it is one of `known`."""
    if value not in known:
        raise SynthesisError(f"{name}={value!r} is not known: use one of {', '.join(known)}.")
    return value


def probability(value: float, name: str) -> float:
    """Return a number strictly between 0 and 1."""
    if not 0 < value < 1:
        raise SynthesisError(f"{name} must lie between 0 and 1 (0.95, not 95); got {value}.")
    return float(value)


def degrees_of_freedom(value: float | None) -> float | None:
    """Return None (normal quantiles) or positive degrees of freedom (Student's t)."""
    if value is not None and not (np.isfinite(value) and value > 0):
        raise SynthesisError(f"df must be positive, or None for the normal distribution; got {value}.")
    return value


def labels_for(labels: Sequence[str] | None, k: int) -> tuple[str, ...]:
    """Return one label per estimate: the caller's, or positions counted from 0."""
    if labels is None:
        return tuple(str(i) for i in range(k))
    if len(labels) != k:
        raise SynthesisError(f"{len(labels)} labels for {k} estimates: give one label per estimate.")
    return tuple(str(label) for label in labels)

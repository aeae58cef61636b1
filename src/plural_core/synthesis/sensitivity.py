"""How a pooled effect depends on single studies: leave one out, and add one at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from plural_core.synthesis.checks import METHODS, TESTS, choice, estimates_and_variances, labels_for, probability
from plural_core.synthesis.errors import SynthesisError
from plural_core.synthesis.pooling import Method, PooledEffect, Test, pool


@dataclass(frozen=True)
class PooledSeries:
    """Pooled effects, one per step: `labels` names the study left `"omitted"` or `"added"` (`step`)."""

    step: Literal["omitted", "added"]
    labels: tuple[str, ...]
    effects: tuple[PooledEffect, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per step: the label in a column named as `step`, then those of ``PooledEffect.to_frame``."""
        table = pd.concat([effect.to_frame() for effect in self.effects], ignore_index=True)
        table.insert(0, self.step, list(self.labels))
        return table


def leave_one_out(
    estimates: ArrayLike,
    std_errors: ArrayLike,
    *,
    method: Method = "DL",
    test: Test = "z",
    level: float = 0.95,
    labels: Sequence[str] | None = None,
) -> PooledSeries:
    """Pool k times, each time without one estimate.

    Parameters
    ----------
    estimates, std_errors, method, test, level
        As in ``random_effects``; k >= 2.
    labels : sequence of str, length k, optional
        Names of the studies; by default their positions, counted from 0.

    Returns
    -------
    PooledSeries
        k effects in the order given. From two estimates a single one is left, which is tested with "z".

    Raises
    ------
    SynthesisError
        As ``random_effects``; a single estimate; labels of another length.
    """
    y, v = estimates_and_variances(estimates, std_errors)
    _check(method, test, level)
    if y.size < 2:
        raise SynthesisError("Leaving one out needs two or more estimates; there is one.")
    keep = ~np.eye(y.size, dtype=bool)
    effects = tuple(pool(y[rows], v[rows], method, test, level) for rows in keep)
    return PooledSeries(step="omitted", labels=labels_for(labels, y.size), effects=effects)


def cumulative(
    estimates: ArrayLike,
    std_errors: ArrayLike,
    *,
    order: Sequence[int] | None = None,
    method: Method = "DL",
    test: Test = "z",
    level: float = 0.95,
    labels: Sequence[str] | None = None,
) -> PooledSeries:
    """Pool the first estimate, the first two, ..., all k.

    Parameters
    ----------
    estimates, std_errors, method, test, level
        As in ``random_effects``.
    order : sequence of int, length k, optional
        Positions, counted from 0, in the order in which estimates are added; by default as given.
    labels : sequence of str, length k, optional
        Names of the studies, in the order of `estimates`; by default their positions, counted from 0.

    Returns
    -------
    PooledSeries
        k effects. The first is a single estimate, which is tested with "z".

    Raises
    ------
    SynthesisError
        As ``random_effects``; an order that is no permutation of the positions; labels of another length.
    """
    y, v = estimates_and_variances(estimates, std_errors)
    _check(method, test, level)
    names = labels_for(labels, y.size)
    sequence = list(range(y.size)) if order is None else [int(i) for i in order]
    if sorted(sequence) != list(range(y.size)):
        raise SynthesisError(f"order must hold each position from 0 to {y.size - 1} once; got {sequence}.")
    steps = [sequence[: n + 1] for n in range(y.size)]
    effects = tuple(pool(y[rows], v[rows], method, test, level) for rows in steps)
    return PooledSeries(step="added", labels=tuple(names[i] for i in sequence), effects=effects)


def _check(method: str, test: str, level: float) -> None:
    choice(method, METHODS, "method")
    choice(test, TESTS, "test")
    probability(level, "level")

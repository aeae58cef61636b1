"""Krippendorff's alpha over value counts, with a bootstrap over items.

Krippendorff, K. (2011). Computing Krippendorff's alpha-reliability. University of Pennsylvania.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd

from plural_core.agreement.counts import code_ratings, groups, item_counts, row_sums
from plural_core.agreement.frames import table_of
from plural_core.agreement.intervals import percentile_interval, resampled, unique_rows
from plural_core.agreement.notes import ALL_EQUAL, NO_PAIRS, hidden
from plural_core.ratings.privacy import ProtectedParticipants
from plural_core.ratings.tables import RatingTables
from plural_core.study import StudyConfig

Metric = Literal["ordinal", "nominal", "interval"]
MOST_COINCIDENCES = 8_000_000
"""Entries of per-pattern coincidence matrices held in memory at a time."""


@dataclass(frozen=True)
class Alpha:
    """Krippendorff's alpha of one dimension.

    Parameters
    ----------
    alpha : float
        1 - observed / expected; 1 is perfect agreement, 0 what chance gives. NaN where not estimable.
    ci_low, ci_high : float
        Percentile interval of the bootstrap over items; NaN without one.
    observed, expected : float
        Mean squared difference of two ratings of the same item, and of any two ratings.
    n_items, n_ratings : int
        Items with two ratings or more, and their ratings.
    """

    alpha: float
    ci_low: float
    ci_high: float
    observed: float
    expected: float
    n_items: int
    n_ratings: int

    def to_frame(self) -> pd.DataFrame:
        """Return one row."""
        return pd.DataFrame([asdict(self)])


def coincidences(counts: np.ndarray) -> np.ndarray:
    """Return each item's coincidence matrix.

    Parameters
    ----------
    counts : ndarray of int, shape (items, levels)
        Ratings per item and level, two or more per item.

    Returns
    -------
    ndarray, shape (items, levels, levels)
        Entry (c, k): ordered pairs of ratings c and k over the item's number of ratings less one.
    """
    table = counts.astype(float)
    pairs = table[:, :, None] * table[:, None, :]
    diagonal = np.arange(table.shape[1])
    pairs[:, diagonal, diagonal] -= table
    return np.asarray(pairs / (table.sum(axis=1) - 1)[:, None, None])


def pooled_coincidences(counts: np.ndarray) -> np.ndarray:
    """Return the sum over items of their coincidence matrices, shape (levels, levels), without forming them."""
    table = counts.astype(float)
    weighted = table / (row_sums(table) - 1)[:, None]
    return np.asarray(weighted.T @ table - np.diag(weighted.sum(axis=0)))


def differences(totals: np.ndarray, metric: Metric) -> np.ndarray:
    """Return the squared differences between levels, shape (..., levels, levels).

    Parameters
    ----------
    totals : ndarray, shape (..., levels)
        Pairable ratings per level; the ordinal metric depends on them.
    metric : {'ordinal', 'nominal', 'interval'}
        Ordinal: the square of the number of ratings from the middle of one level to the middle of the other,
        that is, of the difference of their mid-ranks.
    """
    k = totals.shape[-1]
    if metric == "nominal":
        return np.broadcast_to(1.0 - np.eye(k), (*totals.shape, k))
    place = np.cumsum(totals, axis=-1) - totals / 2 if metric == "ordinal" else np.arange(k) + np.zeros_like(totals)
    return np.asarray((place[..., :, None] - place[..., None, :]) ** 2)


def alpha_of(coincidence: np.ndarray, metric: Metric) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return alpha, observed and expected disagreement of coincidence matrices, shape (..., levels, levels)."""
    totals = coincidence.sum(axis=-1)
    n = totals.sum(axis=-1)
    delta = differences(totals, metric)
    with np.errstate(divide="ignore", invalid="ignore"):
        observed = (coincidence * delta).sum(axis=(-2, -1)) / n
        expected = np.einsum("...c,...ck,...k->...", totals, delta, totals) / (n * (n - 1))
        alpha = np.where(expected > 0, 1 - observed / expected, np.nan)
    return alpha, observed, expected


def krippendorff_alpha(
    counts: np.ndarray,
    metric: Metric = "ordinal",
    *,
    draws: int = 0,
    rng: np.random.Generator | None = None,
    level: float = 0.95,
) -> Alpha:
    """Return Krippendorff's alpha.

    Parameters
    ----------
    counts : ndarray of int, shape (items, levels)
        Ratings per item and level; items with fewer than two are left out.
    metric : {'ordinal', 'nominal', 'interval'}
        How far apart two levels are.
    draws : int
        Bootstrap draws over items (0: no interval).
    rng : Generator, optional
        Needed where there are draws.
    level : float
        Confidence level.

    Raises
    ------
    ValueError
        An unknown metric, or draws without a generator.
    """
    if metric not in get_args(Metric):
        raise ValueError(f"unknown metric '{metric}'; known: {', '.join(get_args(Metric))}")
    counts = counts[row_sums(counts) >= 2]
    n = len(counts)
    if not n:
        return Alpha(np.nan, np.nan, np.nan, np.nan, np.nan, 0, 0)
    alpha, observed, expected = alpha_of(pooled_coincidences(counts), metric)
    low = high = np.nan
    if draws and n > 1 and np.isfinite(alpha):
        if rng is None:
            raise ValueError("a bootstrap needs rng, a numpy Generator")
        low, high = percentile_interval(bootstrap_alpha(counts, metric, draws, rng), level)
    return Alpha(float(alpha), low, high, float(observed), float(expected), n, int(counts.sum()))


def bootstrap_alpha(counts: np.ndarray, metric: Metric, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Return alpha in `draws` bootstrap samples of the items, shape (draws,); NaN where all ratings are equal."""
    k = counts.shape[1]
    patterns, frequency = unique_rows(counts)
    step = max(1, MOST_COINCIDENCES // k**2)
    found = []
    for weights in resampled(rng, frequency, draws):
        pooled = np.zeros((len(weights), k * k))
        for start in range(0, len(patterns), step):
            part = slice(start, start + step)
            pooled += weights[:, part] @ coincidences(patterns[part]).reshape(-1, k * k)
        found.append(alpha_of(pooled.reshape(-1, k, k), metric)[0])
    return np.concatenate(found)


def alpha_table(
    tables: RatingTables,
    config: StudyConfig,
    people: ProtectedParticipants,
    rng: np.random.Generator | None = None,
    metrics: Sequence[Metric] = ("ordinal",),
) -> pd.DataFrame:
    """Return table ``alpha``: Krippendorff's alpha per dimension and group, within that group's ratings.

    Intervals come from ``agreement.bootstrap`` draws over items; without `rng` there are none.
    """
    draws = config.agreement.bootstrap if rng is not None else 0
    coded = code_ratings(tables, config)
    rows = []
    for group in groups(coded, people):
        for dimension in coded.dimensions:
            ratings = dimension.of(group.members)
            paired = item_counts(ratings).pairable()
            note = hidden(ratings, paired, people.k)
            for metric in metrics:
                result = krippendorff_alpha(
                    paired.counts[:0] if note else paired.counts,
                    metric,
                    draws=draws,
                    rng=rng,
                    level=config.agreement.level,
                )
                reason = "" if np.isfinite(result.alpha) else ALL_EQUAL if result.n_items else NO_PAIRS
                where = {"dimension": dimension.name, "factor": group.factor, "level": group.level, "metric": metric}
                rows.append(where | asdict(result) | {"n_participants": group.n, "note": note or reason})
    return table_of(rows, "alpha")

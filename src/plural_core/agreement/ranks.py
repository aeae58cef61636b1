"""Does one group rank the items as another does? Spearman's correlation of item means, over common items."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from plural_core.agreement.between import group_moments
from plural_core.agreement.counts import code_ratings, contrasts, level_codes
from plural_core.agreement.frames import table_of
from plural_core.agreement.intervals import percentile_interval, resampled, unique_rows
from plural_core.agreement.notes import NO_COMMON, raters
from plural_core.ratings.privacy import ProtectedParticipants
from plural_core.ratings.tables import RatingTables
from plural_core.study import StudyConfig

TOO_FEW = "not estimable: fewer than three common items, or no variation"


@dataclass(frozen=True)
class RankAgreement:
    """Agreement of two groups on the order of the items that both rated.

    Parameters
    ----------
    spearman : float
        Spearman's correlation of the two groups' item means, ties at their mid-ranks.
    ci_low, ci_high : float
        Its percentile interval, bootstrap over items.
    difference : float
        Mean over common items of the first group's mean less the second's, in level numbers.
    difference_low, difference_high : float
        Its percentile interval, from the same draws.
    n_items : int
        Common items.
    n_ratings : int
        Ratings of these items by the two groups.

    Notes
    -----
    Item means of few ratings are noisy, which pulls the correlation towards 0 also for groups that agree; compare
    pairs of groups of like size, not the correlation with 1.
    """

    spearman: float
    ci_low: float
    ci_high: float
    difference: float
    difference_low: float
    difference_high: float
    n_items: int
    n_ratings: int

    def to_frame(self) -> pd.DataFrame:
        """Return one row."""
        return pd.DataFrame([asdict(self)])


NOTHING = RankAgreement(np.nan, np.nan, np.nan, np.nan, np.nan, np.nan, 0, 0)


def weighted_spearman(first: np.ndarray, second: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return Spearman's correlation under many weightings of the same points at once.

    Parameters
    ----------
    first, second : ndarray, shape (points,)
        The two variables.
    weights : ndarray, shape (draws, points)
        How often each point counts in each draw.

    Returns
    -------
    ndarray, shape (draws,)
        NaN where a variable does not vary.
    """
    n = weights.sum(axis=1, keepdims=True)
    a, b = (_midranks(v, weights) - (n + 1) / 2 for v in (first, second))
    with np.errstate(divide="ignore", invalid="ignore"):
        covariance = (weights * a * b).sum(axis=1)
        spread = np.sqrt((weights * a * a).sum(axis=1) * (weights * b * b).sum(axis=1))
        return np.asarray(np.where(spread > 0, covariance / spread, np.nan))


def _midranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the mid-rank of each point among all points of a draw, shape (draws, points)."""
    distinct, place = np.unique(values, return_inverse=True)
    counts = np.zeros((len(distinct), len(weights)))
    np.add.at(counts, place, weights.T)
    ranks = np.cumsum(counts, axis=0) - (counts - 1) / 2
    return np.asarray(ranks[place].T)


def rank_agreement(
    n: np.ndarray,
    total: np.ndarray,
    *,
    draws: int = 0,
    rng: np.random.Generator | None = None,
    level: float = 0.95,
) -> RankAgreement:
    """Return the agreement of two groups.

    Parameters
    ----------
    n, total : ndarray, shape (items, 2)
        Number and sum of each group's ratings per item.
    draws : int
        Bootstrap draws over items (0: no interval).
    rng : Generator, optional
        Needed where there are draws.
    level : float
        Confidence level.
    """
    common = (n[:, 0] > 0) & (n[:, 1] > 0)
    n_items, n_ratings = int(common.sum()), int(n[common].sum())
    if not n_items:
        return NOTHING
    # Rounded, so that equal means of different sums (1/3 + 1/3 + 1/3, say) are ties.
    patterns, frequency = unique_rows(np.round(total[common] / n[common], 9))
    mean_a, mean_b = patterns[:, 0], patterns[:, 1]
    gap = mean_a - mean_b
    difference = float(frequency @ gap / n_items)
    spearman = float(weighted_spearman(mean_a, mean_b, frequency[None].astype(float))[0]) if n_items > 2 else np.nan
    limits = (np.nan,) * 4
    if draws and n_items > 2:
        if rng is None:
            raise ValueError("a bootstrap needs rng, a numpy Generator")
        found = [
            (weighted_spearman(mean_a, mean_b, weights), weights @ gap / n_items)
            for weights in resampled(rng, frequency, draws)
        ]
        by_rank, by_gap = (np.concatenate(part) for part in zip(*found, strict=True))
        interval = percentile_interval(by_rank, level) if np.isfinite(spearman) else (np.nan, np.nan)
        limits = (*interval, *percentile_interval(by_gap, level))
    low, high, gap_low, gap_high = limits
    return RankAgreement(spearman, low, high, difference, gap_low, gap_high, n_items, n_ratings)


def rank_agreement_table(
    tables: RatingTables,
    config: StudyConfig,
    people: ProtectedParticipants,
    rng: np.random.Generator | None = None,
) -> pd.DataFrame:
    """Return table ``rank_agreement``: each pair of levels of each factor, per dimension.

    Intervals come from ``agreement.bootstrap`` draws over items; without `rng` there are none.
    """
    draws = config.agreement.bootstrap if rng is not None else 0
    coded = code_ratings(tables, config)
    rows: list[dict[str, object]] = []
    for factor in people.factors:
        names, codes = people.levels[factor], level_codes(coded, people, factor)
        for dimension in coded.dimensions:
            moments = group_moments(dimension, codes, len(names))
            who = raters(dimension, codes, moments.n > 0)
            for first, second in contrasts(people, factor):
                pair = [first, second]
                note = who.hidden(pair, people.k)
                n = moments.n[:0, pair] if note else moments.n[:, pair]
                total = moments.total[: len(n), pair]
                result = rank_agreement(n, total, draws=draws, rng=rng, level=config.agreement.level)
                if not note and not np.isfinite(result.spearman):
                    note = TOO_FEW if result.n_items else NO_COMMON
                where = {
                    "dimension": dimension.name,
                    "factor": factor,
                    "level_a": names[first],
                    "level_b": names[second],
                }
                rows.append(where | asdict(result) | {"note": note})
    return table_of(rows, "rank_agreement")

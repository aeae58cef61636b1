"""How much of the squared difference between two raters of an item goes with their groups.

Two ratings of the same item by members of groups g and h differ, on average over such pairs, by d_gh (squared,
in level numbers). If people of both groups rated alike, d_gh would be (d_gg + d_hh) / 2, since then
E(y - y')² is twice the variance whoever the two are. The excess

    d_gh - (d_gg + d_hh) / 2

estimates the mean over items of the squared difference between the groups' own means; its share of d_gh is what
the group difference explains. The estimate is unbiased, so it falls below 0 by chance where groups do not
differ. For a whole factor, pairs of levels are weighted by their number of rating pairs.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

import numpy as np
import pandas as pd

from plural_core.agreement.counts import ALL, DimensionRatings, code_ratings, contrasts, level_codes
from plural_core.agreement.intervals import percentile_interval, resampled, unique_rows
from plural_core.agreement.notes import NO_COMMON, few
from plural_core.ratings.privacy import ProtectedParticipants
from plural_core.ratings.tables import RatingTables
from plural_core.study import StudyConfig

NO_WITHIN = "not estimable: no item with two ratings from one group"


@dataclass(frozen=True)
class Split:
    """Squared rating differences between and within groups, over pairs of ratings of the same item.

    Parameters
    ----------
    between, within : float
        Mean squared difference of two ratings from different groups, and the mean of the groups' own.
    excess : float
        between - within.
    share : float
        excess / between: what the group difference explains; at most 1, below 0 by chance.
    ci_low, ci_high : float
        Percentile interval of the share, bootstrap over items.
    n_items : int
        Items rated by both groups (by two groups or more, for a whole factor).
    n_pairs : int
        Pairs of ratings from different groups.
    """

    between: float
    within: float
    excess: float
    share: float
    ci_low: float
    ci_high: float
    n_items: int
    n_pairs: int

    def to_frame(self) -> pd.DataFrame:
        """Return one row."""
        return pd.DataFrame([asdict(self)])


NOTHING = Split(np.nan, np.nan, np.nan, np.nan, np.nan, np.nan, 0, 0)


@dataclass(frozen=True, eq=False)
class GroupMoments:
    """Per item and group: number, sum and sum of squares of the ratings, each of shape (items, groups)."""

    n: np.ndarray
    total: np.ndarray
    squares: np.ndarray

    def of(self, groups: list[int]) -> GroupMoments:
        """Return the moments of some groups."""
        return GroupMoments(self.n[:, groups], self.total[:, groups], self.squares[:, groups])


def group_moments(ratings: DimensionRatings, codes: np.ndarray, n_groups: int) -> GroupMoments:
    """Sum the ratings of each item by group.

    Parameters
    ----------
    ratings : DimensionRatings
        The ratings of one dimension.
    codes : ndarray of int, shape (participants,)
        Group of each participant, below 0 for none.
    n_groups : int
        Number of groups.
    """
    group = codes[ratings.participant]
    rows = np.flatnonzero(group >= 0)
    n_items = int(ratings.item.max()) + 1 if len(ratings.item) else 0
    cell = ratings.item[rows] * n_groups + group[rows]
    y = ratings.rating[rows].astype(float)

    def sums(weights: np.ndarray | None) -> np.ndarray:
        flat = np.bincount(cell, weights=weights, minlength=n_items * n_groups)
        return np.asarray(flat.reshape(n_items, n_groups), dtype=float)

    return GroupMoments(sums(None), sums(y), sums(y * y))


def split(
    moments: GroupMoments, *, draws: int = 0, rng: np.random.Generator | None = None, level: float = 0.95
) -> Split:
    """Split the squared differences of two groups or more.

    Parameters
    ----------
    moments : GroupMoments
        Moments of the groups.
    draws : int
        Bootstrap draws over items (0: no interval).
    rng : Generator, optional
        Needed where there are draws.
    level : float
        Confidence level.

    Notes
    -----
    Only items rated by two of the groups or more enter, so both parts speak of the same items. A group that
    has no item with two of its own ratings there is left out.
    """
    common = (moments.n > 0).sum(axis=1) >= 2
    n, total, squares = moments.n[common], moments.total[common], moments.squares[common]
    if not len(n):
        return NOTHING
    groups = n.shape[1]
    first, second = np.triu_indices(groups, 1)
    parts = np.hstack(
        [
            n * squares - total**2,
            n * (n - 1) / 2,
            n[:, first] * squares[:, second]
            + n[:, second] * squares[:, first]
            - 2 * total[:, first] * total[:, second],
            n[:, first] * n[:, second],
        ]
    )
    pooled = parts.sum(axis=0)
    between, within, n_pairs = (float(v[0]) for v in _means(pooled[None], groups))
    if not np.isfinite(within):
        everything = pooled[2 * groups : 2 * groups + len(first)].sum() / pooled[-len(first) :].sum()
        return replace(NOTHING, between=float(everything), n_items=len(n), n_pairs=int(pooled[-len(first) :].sum()))
    low = high = np.nan
    if draws and len(n) > 1:
        if rng is None:
            raise ValueError("a bootstrap needs rng, a numpy Generator")
        patterns, frequency = unique_rows(parts)
        shares = [_share(weights @ patterns, groups) for weights in resampled(rng, frequency, draws)]
        low, high = percentile_interval(np.concatenate(shares), level)
    share = float(_share(pooled[None], groups)[0])
    return Split(between, within, between - within, share, low, high, len(n), int(n_pairs))


def _means(sums: np.ndarray, groups: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mean squared difference between and within groups, and the pairs between, for rows of sums."""
    first, second = np.triu_indices(groups, 1)
    n_pairs = len(first)
    own, own_pairs, other, other_pairs = np.split(sums, [groups, 2 * groups, 2 * groups + n_pairs], axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        d_own = own / own_pairs
        weight = np.where(np.isfinite(d_own[:, first] + d_own[:, second]), other_pairs, 0.0)
        total = weight.sum(axis=1)
        between = (np.where(weight > 0, other, 0.0)).sum(axis=1) / total
        both = np.where(weight > 0, (d_own[:, first] + d_own[:, second]) / 2, 0.0)
        within = (weight * both).sum(axis=1) / total
    return between, within, total


def _share(sums: np.ndarray, groups: int) -> np.ndarray:
    between, within, _ = _means(sums, groups)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(between > 0, 1 - within / between, np.nan))


def between_table(
    tables: RatingTables,
    config: StudyConfig,
    people: ProtectedParticipants,
    rng: np.random.Generator | None = None,
) -> pd.DataFrame:
    """Return table ``between_groups``: the split for each factor (both levels ``all``) and each pair of its levels.

    Intervals come from ``agreement.bootstrap`` draws over items; without `rng` there are none.
    """
    draws = config.agreement.bootstrap if rng is not None else 0
    coded = code_ratings(tables, config)
    rows: list[dict[str, object]] = []
    for factor in people.factors:
        names, codes = people.levels[factor], level_codes(coded, people, factor)
        pairs = contrasts(people, factor)
        stated = sorted({g for pair in pairs for g in pair})
        for dimension in coded.dimensions:
            moments = group_moments(dimension, codes, len(names))
            for groups in [stated, *map(list, pairs)] if pairs else []:
                whole = groups is stated
                note = few(dimension, codes, groups, people.k)
                chosen = moments.of(groups)
                empty = GroupMoments(chosen.n[:0], chosen.total[:0], chosen.squares[:0])
                result = split(empty if note else chosen, draws=draws, rng=rng, level=config.agreement.level)
                if not note and not np.isfinite(result.share):
                    note = NO_WITHIN if result.n_items else NO_COMMON
                first, second = (ALL, ALL) if whole else (names[groups[0]], names[groups[1]])
                where = {"dimension": dimension.name, "factor": factor, "level_a": first, "level_b": second}
                rows.append(where | asdict(result) | {"note": note})
    fields = ["between", "within", "excess", "share", "ci_low", "ci_high", "n_items", "n_pairs"]
    return pd.DataFrame(rows, columns=["dimension", "factor", "level_a", "level_b", *fields, "note"])

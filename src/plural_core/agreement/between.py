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

from plural_core.agreement.counts import ALL, DimensionRatings, code_ratings, contrasts, level_codes, row_sums
from plural_core.agreement.frames import table_of
from plural_core.agreement.intervals import percentile_interval, resampled, unique_rows
from plural_core.agreement.notes import NO_COMMON, raters
from plural_core.errors import listing
from plural_core.ratings.privacy import ProtectedParticipants
from plural_core.ratings.tables import RatingTables
from plural_core.study import StudyConfig

MIN_OWN_ITEMS = 20
"""A group's own differences are estimated from at least so many items with two of its ratings."""
FEW_WITHIN = f"not estimable: fewer than {MIN_OWN_ITEMS} common items with two ratings from one group"


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
    Only items rated by two of the groups or more enter, so both parts speak of the same items. Groups that
    `usable_groups` leaves out do not enter; the result is NaN where fewer than two remain.
    """
    usable = usable_groups(moments)
    common = _shared(moments.n)
    if len(usable) < 2:
        return replace(NOTHING, n_items=int(common.sum()))
    moments = moments.of(usable)
    common = _shared(moments.n)
    n, total, squares = moments.n[common], moments.total[common], moments.squares[common]
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
    pooled = parts.sum(axis=0)[None]
    between, within, n_pairs = (float(v[0]) for v in _means(pooled, groups))
    low = high = np.nan
    if draws:
        if rng is None:
            raise ValueError("a bootstrap needs rng, a numpy Generator")
        patterns, frequency = unique_rows(parts)
        shares = [_share(weights @ patterns, groups) for weights in resampled(rng, frequency, draws)]
        low, high = percentile_interval(np.concatenate(shares), level)
    share = float(_share(pooled, groups)[0])
    return Split(between, within, between - within, share, low, high, len(n), int(n_pairs))


def _shared(n: np.ndarray) -> np.ndarray:
    """Return which items were rated by two groups or more, from the ratings per item and group."""
    return row_sums((n > 0).astype(float)) >= 2


def usable_groups(moments: GroupMoments) -> list[int]:
    """Return the groups with enough items of two own ratings among the items they have in common with others."""
    usable = list(range(moments.n.shape[1]))
    while usable:
        n = moments.n[:, usable]
        own = ((n >= 2) & _shared(n)[:, None]).sum(axis=0)
        kept = [g for g, items in zip(usable, own, strict=True) if items >= MIN_OWN_ITEMS]
        if kept == usable:
            return usable
        usable = kept
    return usable


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
            who = raters(dimension, codes, moments.n > 0)
            comparisons = [(ALL, ALL, who.enough(stated, people.k))] if pairs else []
            comparisons += [(names[a], names[b], [a, b]) for a, b in pairs]
            for level_a, level_b, groups in comparisons:
                # Nobody is left to compare where all groups but one are too small.
                note = who.hidden(groups if len(groups) > 1 else stated, people.k)
                chosen = moments.of([] if note else groups)
                result = split(chosen, draws=draws, rng=rng, level=config.agreement.level)
                if not note and not np.isfinite(result.share):
                    note = FEW_WITHIN if result.n_items else NO_COMMON
                elif not note and level_a == ALL:
                    used = {groups[g] for g in usable_groups(chosen)}
                    left_out = [names[g] for g in stated if g not in used]
                    note = f"without {listing(left_out)}" if left_out else ""
                where = {"dimension": dimension.name, "factor": factor, "level_a": level_a, "level_b": level_b}
                rows.append(where | asdict(result) | {"note": note})
    return table_of(rows, "between_groups")

"""Who disagrees: the share of items whose ratings are not all equal, and what chance alone would give."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm

from plural_core.agreement.counts import (
    OVERALL,
    CodedRatings,
    ItemCounts,
    People,
    code_ratings,
    groups,
    item_counts,
    row_sums,
)
from plural_core.agreement.frames import table_of
from plural_core.agreement.intervals import wilson
from plural_core.agreement.notes import NO_PAIRS, hidden
from plural_core.ratings.privacy import ProtectedParticipants
from plural_core.ratings.tables import RatingTables
from plural_core.study import StudyConfig


@dataclass(frozen=True)
class Disagreement:
    """Disagreement on one dimension, or its mean over dimensions.

    Parameters
    ----------
    rate : float
        Share of items with two ratings or more whose ratings are not all equal, in [0, 1].
    ci_low, ci_high : float
        Limits of its interval, items taken as drawn at random.
    expected : float
        The rate if the same ratings were dealt out to the items at random.
    n_items, n_ratings : int
        Items with two ratings or more, and their ratings; of the overall rate: different items, all ratings.
    """

    rate: float
    ci_low: float
    ci_high: float
    expected: float
    n_items: int
    n_ratings: int

    def to_frame(self) -> pd.DataFrame:
        """Return one row."""
        return pd.DataFrame([asdict(self)])


NONE = Disagreement(np.nan, np.nan, np.nan, np.nan, 0, 0)


def disagrees(counts: np.ndarray) -> np.ndarray:
    """Return which items disagree: no level holds all ratings. Counts have shape (items, levels)."""
    # The squares add up to the square of the sum where all but one count are 0, and to less otherwise.
    return np.asarray(row_sums(counts * counts) < row_sums(counts) ** 2)


def expected_rate(counts: np.ndarray) -> float:
    """Return the rate of disagreement expected if raters were exchangeable across items.

    Parameters
    ----------
    counts : ndarray of int, shape (items, levels)
        Ratings per item and level, two or more per item.

    Notes
    -----
    The mean over all permutations of the pooled ratings over items that keep their sizes: an item of n ratings
    is unanimous with probability sum over levels of C(N_c, n) / C(N, n), where N_c of all N ratings are c.
    """
    if not len(counts):
        return np.nan
    sizes, how_many = np.unique(row_sums(counts), return_counts=True)
    totals = counts.sum(axis=0).astype(float)
    pooled = totals.sum()
    unanimous = np.zeros(int(sizes[-1]) + 1)
    chance = np.ones(len(totals))
    for drawn in range(int(sizes[-1])):
        # The drawn-th rating of an item is c again: N_c - drawn of the N - drawn that are left.
        chance = chance * np.maximum(totals - drawn, 0) / (pooled - drawn)
        unanimous[drawn + 1] = chance.sum()
    return float(1 - np.average(unanimous[sizes], weights=how_many))


def disagreement(counts: np.ndarray, level: float = 0.95) -> Disagreement:
    """Return the disagreement on one dimension, with Wilson's interval.

    Parameters
    ----------
    counts : ndarray of int, shape (items, levels)
        Ratings per item and level; items with fewer than two are left out.
    level : float
        Confidence level.
    """
    sizes = row_sums(counts)
    if len(sizes) and sizes.min() < 2:
        counts = counts[sizes >= 2]
    n = len(counts)
    if not n:
        return NONE
    differ = int(disagrees(counts).sum())
    low, high = wilson(differ, n, level)
    return Disagreement(differ / n, float(low), float(high), expected_rate(counts), n, int(counts.sum()))


def mean_disagreement(per_dimension: list[ItemCounts], level: float = 0.95) -> Disagreement:
    """Return the mean of the rates of several dimensions.

    The interval takes items as drawn at random with all their dimensions together (an item that disagrees on
    one tends to disagree on others): linearised, on the logit scale.
    """
    pairable = [c for c in (c.pairable() for c in per_dimension) if len(c.items)]
    if not pairable:
        return NONE
    single = [disagreement(c.counts, level) for c in pairable]
    rate = float(np.mean([d.rate for d in single]))
    influence = np.zeros(max(int(c.items.max()) for c in pairable) + 1)
    touched = np.zeros(len(influence), dtype=bool)
    for counts, one in zip(pairable, single, strict=True):
        influence[counts.items] += (disagrees(counts.counts) - one.rate) / (len(counts.items) * len(pairable))
        touched[counts.items] = True
    n = int(touched.sum())
    if 0 < rate < 1:
        logit, se = np.log(rate / (1 - rate)), np.sqrt((influence**2).sum()) / (rate * (1 - rate))
        ends = logit + norm.ppf((1 + level) / 2) * np.array([-se, se])
        low, high = 1 / (1 + np.exp(-ends))
    else:
        low, high = wilson(rate * n, n, level)
    expected = float(np.mean([d.expected for d in single]))
    return Disagreement(rate, float(low), float(high), expected, n, sum(d.n_ratings for d in single))


def disagreement_table(tables: RatingTables, config: StudyConfig, people: ProtectedParticipants) -> pd.DataFrame:
    """Return table ``disagreement``: rate, interval and expected rate per dimension and group.

    Rows: every dimension and their mean (``overall``), for everybody (factor and level ``all``) and for each
    shown level of each factor among the ratings of that group alone. A row without an item that has two
    ratings is NaN with a note.
    """
    coded = code_ratings(tables, config)
    rows = [row for group in groups(coded, people) for row in _rows(coded, group, config, people.k)]
    return table_of(rows, "disagreement")


def _rows(coded: CodedRatings, group: People, config: StudyConfig, k: int) -> list[dict[str, object]]:
    rows = []
    shown = []
    level = config.agreement.level
    for dimension in coded.dimensions:
        ratings = dimension.of(group.members)
        counts = item_counts(ratings).pairable()
        note = hidden(ratings, counts, k)
        result = NONE if note else disagreement(counts.counts, level)
        if not note:
            shown.append(counts)
        rows.append(_row(dimension.name, group, result, note))
    mean = mean_disagreement(shown, level)
    used = sum(bool(row["n_items"]) for row in rows)
    partial = "" if used == len(rows) or not used else f"mean over {used} of {len(rows)} dimensions"
    return [*rows, _row(OVERALL, group, mean, partial)]


def _row(dimension: str, group: People, result: Disagreement, note: str) -> dict[str, object]:
    where = {"dimension": dimension, "factor": group.factor, "level": group.level}
    note = note or ("" if result.n_items else NO_PAIRS)
    numbers = asdict(result) | {"excess": result.rate - result.expected}
    return where | numbers | {"n_participants": group.n, "note": note}

"""Does a judge agree with people as people agree with each other? The same measures, on the same ratings.

Everything is an average over ratings, so that judge and rater are held to the same standard:

- *judge-rater* and *rater-rater*: each rating of an item beside the judge's level, and beside another rating of the
  item, drawn at random. Levels are compared; the judge's is the one nearest to its score.
- *judge-mean* and *rater-mean*: the judge's score, and the rating itself, beside the mean of the other ratings of the
  item. A rating is never compared with a mean that it is part of.
- *difference*: judge less rater, from the same bootstrap samples of items.
- *constant-rater*: the share that is reached by giving every item the same level, the best one for that: where most
  ratings are alike, a judge that says nothing agrees often.

Only items with two ratings or more enter. A judge that predicts the mean has no noise of its own, so it can agree with
raters more often than raters do; and since a mean is seldom extreme, its levels are not either, which lowers kappa.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from plural_core.agreement.alpha import alpha_of
from plural_core.agreement.counts import row_sums
from plural_core.agreement.frames import table_of
from plural_core.agreement.notes import NO_PAIRS
from plural_core.evaluation.item_sums import estimate_rows, ratio, summed
from plural_core.evaluation.judged import JudgedItems, nearest_level, side_of
from plural_core.evaluation.measures import (
    cohen_kappa,
    judge_pairs,
    moments,
    pearson,
    rater_pairs,
    share_equal,
    spearman,
    with_judge,
)
from plural_core.study.measures_config import DimensionConfig

JUDGE_RATER, RATER_RATER = "judge-rater", "rater-rater"
JUDGE_MEAN, RATER_MEAN = "judge-mean", "rater-mean"
CONSTANT = "constant-rater"
DIFFERENCE = "difference"
PAIRED_MEASURES = ("exact", "within_one", "side", "kappa", "kappa_quadratic", "alpha")
SHARES = ("exact", "within_one", "side")
MEAN_MEASURES = ("pearson", "spearman", "distance")
ITEM_MEASURES = ("pearson_item", "spearman_item")
NO_VARIATION = "not estimable: the judge's levels or the ratings do not vary"


@dataclass(frozen=True)
class Estimate:
    """One measure of agreement.

    Parameters
    ----------
    measure : str
        ``exact``, ``within_one``, ``side``: share of pairs with equal levels, levels at most one apart, on the same
        side of the scale (agree, neutral, disagree). ``kappa``, ``kappa_quadratic``: Cohen's. ``alpha``:
        Krippendorff's, ordinal, of the raters, and of the raters with the judge as one more. ``pearson``,
        ``spearman``, ``distance``: correlation with the mean of the others, and mean absolute distance to it on the
        scale from 0 to 1. ``pearson_item``, ``spearman_item``: correlation of score and item mean over items.
    comparison : str
        ``judge-rater``, ``rater-rater``, ``constant-rater``, ``judge-mean``, ``rater-mean``, ``difference``.
    estimate, ci_low, ci_high : float
        The measure and its percentile interval, bootstrap over items; NaN where there is none.
    n_items, n_ratings : int
        Items with two ratings or more, and their ratings.
    note : str
        Why there is no estimate.
    """

    measure: str
    comparison: str
    estimate: float
    ci_low: float
    ci_high: float
    n_items: int
    n_ratings: int
    note: str = ""


@dataclass(frozen=True)
class JudgeAgreement:
    """Agreement of one judge with people on one dimension."""

    judge: str
    dimension: str
    estimates: tuple[Estimate, ...]
    n_unscored: int = 0

    def value(self, measure: str, comparison: str) -> Estimate:
        """Return one estimate; a KeyError where there is none."""
        for estimate in self.estimates:
            if (estimate.measure, estimate.comparison) == (measure, comparison):
                return estimate
        raise KeyError((measure, comparison))

    def to_frame(self) -> pd.DataFrame:
        """Return table ``judge_agreement``, one row per measure and comparison."""
        where = {"judge": self.judge, "dimension": self.dimension, "n_unscored": self.n_unscored}
        return table_of([where | asdict(estimate) for estimate in self.estimates], "judge_agreement")


def agreement(
    counts: np.ndarray,
    score: np.ndarray,
    scale: DimensionConfig,
    *,
    draws: int = 0,
    rng: np.random.Generator | None = None,
    level: float = 0.95,
) -> tuple[Estimate, ...]:
    """Return every measure of agreement between scores and ratings of the same items.

    Parameters
    ----------
    counts : ndarray of int, shape (items, levels)
        Ratings per item and level; items with fewer than two are left out.
    score : ndarray, shape (items,)
        Scores in [0, 1].
    scale : DimensionConfig
        The dimension's scale: which levels agree and disagree.
    draws : int
        Bootstrap draws over items (0: no intervals).
    rng : Generator, optional
        Needed where there are draws.
    level : float
        Confidence level.
    """
    kept = np.flatnonzero(row_sums(counts) >= 2)
    counts, score = counts[kept].astype(np.int64), score[kept]
    pairs, means = _Pairs(counts, score, side_of(scale)), _Means(counts, score)

    def values(weights: np.ndarray) -> np.ndarray:
        return np.column_stack([pairs.values(weights), means.values(weights)])

    rows = estimate_rows(values, len(kept), draws=draws, rng=rng, level=level)
    n_ratings = int(counts.sum())
    found = []
    for (measure, comparison), row in zip(_NAMES, rows, strict=True):
        if measure == "within_one" and scale.levels < 3:
            continue
        note = "" if np.isfinite(row[0]) else NO_VARIATION if len(kept) else NO_PAIRS
        value, low, high = (float(v) for v in row)
        if comparison == CONSTANT:
            low = high = np.nan  # the best of several levels, in every bootstrap sample anew, is too good
        found.append(Estimate(measure, comparison, value, low, high, len(kept), n_ratings, note))
    return tuple(found)


def judge_agreement(
    judged: JudgedItems, *, draws: int = 0, rng: np.random.Generator | None = None, level: float = 0.95
) -> JudgeAgreement:
    """Return the agreement of one judge with people on one dimension; see `agreement`."""
    estimates = agreement(judged.counts, judged.score, judged.scale, draws=draws, rng=rng, level=level)
    return JudgeAgreement(judged.judge, judged.dimension, estimates, judged.n_unscored)


def agreement_table(
    judged: Iterable[JudgedItems], *, draws: int = 0, rng: np.random.Generator | None = None, level: float = 0.95
) -> pd.DataFrame:
    """Return table ``judge_agreement`` of several judges and dimensions."""
    frames = [judge_agreement(one, draws=draws, rng=rng, level=level).to_frame() for one in judged]
    return pd.concat(frames, ignore_index=True) if frames else table_of([], "judge_agreement")


class _Pairs:
    """Measures of pairs of levels: judge and rater, rater and rater, and judge less rater."""

    def __init__(self, counts: np.ndarray, score: np.ndarray, side: np.ndarray):
        level = nearest_level(score, counts.shape[1])
        self._side = side
        self._levels = counts.shape[1]
        self._raters = rater_pairs(counts)
        self._judge = judge_pairs(counts, level)
        self._together = rater_pairs(with_judge(counts, level))

    def values(self, weights: np.ndarray) -> np.ndarray:
        judge, raters, together = (
            summed(weights, part).reshape(len(weights), self._levels, self._levels)
            for part in (self._judge, self._raters, self._together)
        )
        by_judge = [*self._shared(judge), alpha_of(together, "ordinal")[0]]
        by_rater = [*self._shared(raters), alpha_of(raters, "ordinal")[0]]
        return np.column_stack([_with_differences(by_judge, by_rater), *self._constant(judge)])

    def _constant(self, judge: np.ndarray) -> list[np.ndarray]:
        levels = np.arange(self._levels)
        ratings = judge.sum(axis=-2)
        found = []
        for groups, within in ((levels, 0), (levels, 1), (self._side, 0)):
            near = np.abs(groups[:, None] - groups[None, :]) <= within
            found.append(ratio((ratings @ near).max(axis=-1), ratings.sum(axis=-1)))
        return found

    def _shared(self, pairs: np.ndarray) -> list[np.ndarray]:
        levels = np.arange(self._levels)
        return [
            share_equal(pairs, levels),
            share_equal(pairs, levels, within=1),
            share_equal(pairs, self._side),
            cohen_kappa(pairs, quadratic=False),
            cohen_kappa(pairs, quadratic=True),
        ]


class _Means:
    """Measures against the mean of the other ratings: one row per item and level that somebody gave."""

    def __init__(self, counts: np.ndarray, score: np.ndarray):
        top = counts.shape[1] - 1
        total, size = counts @ np.arange(top + 1), row_sums(counts)
        self._item, rating = np.nonzero(counts)
        self._n = counts[self._item, rating].astype(float)
        # Rounded, so that equal means of different sums are ties.
        others = np.round((total[self._item] - rating) / (size[self._item] - 1) / top, 9)
        judge, rater = score[self._item], rating / top
        shape = (self._n, self._item, len(counts))
        self._rows = ((judge, others), (rater, others))
        self._moments = [moments(x, y, *shape) for x, y in self._rows]
        self._distance = [
            np.bincount(self._item, weights=self._n * np.abs(x - y), minlength=len(counts)) for x, y in self._rows
        ]
        self._score, self._mean = score, np.round(total / np.maximum(size, 1) / top, 9)
        items = np.arange(len(counts))
        self._whole = moments(score, self._mean, np.ones(len(counts)), items, len(counts))

    def values(self, weights: np.ndarray) -> np.ndarray:
        points = weights[:, self._item] * self._n
        sides = []
        for (x, y), sums, distance in zip(self._rows, self._moments, self._distance, strict=True):
            total = summed(weights, sums)
            with np.errstate(divide="ignore", invalid="ignore"):
                away = summed(weights, distance[:, None])[:, 0] / total[:, 0]
            sides.append([pearson(total), spearman(x, y, points), away])
        whole = [pearson(summed(weights, self._whole)), spearman(self._score, self._mean, weights)]
        return np.column_stack([_with_differences(*sides), *whole])


def _with_differences(judge: list[np.ndarray], rater: list[np.ndarray]) -> np.ndarray:
    """Return for each measure judge, rater, and judge less rater, shape (draws, 3 * measures)."""
    return np.column_stack([v for a, b in zip(judge, rater, strict=True) for v in (a, b, a - b)])


_NAMES = [
    *((m, c) for m in PAIRED_MEASURES for c in (JUDGE_RATER, RATER_RATER, DIFFERENCE)),
    *((m, CONSTANT) for m in SHARES),
    *((m, c) for m in MEAN_MEASURES for c in (JUDGE_MEAN, RATER_MEAN, DIFFERENCE)),
    *((m, JUDGE_MEAN) for m in ITEM_MEASURES),
]

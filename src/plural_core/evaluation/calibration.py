"""Does a score mean what it says? Mean ratings, on the scale from 0 to 1, of texts with about the same score.

Every rating counts once. Bins hold about equal numbers of texts, and equal scores stay together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from plural_core.agreement.counts import row_sums
from plural_core.agreement.frames import table_of
from plural_core.evaluation.item_sums import estimate_rows, ratio, summed
from plural_core.evaluation.judged import JudgedItems
from plural_core.evaluation.measures import moments, regression

MOST_BINS = 10
FEWEST_IN_BIN = 20
"""Texts per bin; fewer bins where there are fewer texts."""


@dataclass(frozen=True)
class CalibrationBin:
    """Texts with about the same score.

    Parameters
    ----------
    bin : int
        Number from 1, lowest scores first.
    score_low, score_high, score_mean : float
        Smallest, largest and mean score, each rating's once.
    rating_mean, ci_low, ci_high : float
        Mean rating on the scale from 0 to 1, and its percentile interval, bootstrap over items.
    n_items, n_ratings : int
        Texts and ratings.
    """

    bin: int
    score_low: float
    score_high: float
    score_mean: float
    rating_mean: float
    ci_low: float
    ci_high: float
    n_items: int
    n_ratings: int


@dataclass(frozen=True)
class CalibrationMeasure:
    """One number about all bins: ``bias``, ``slope``, ``intercept``, ``error``, ``error_by_chance``."""

    measure: str
    estimate: float
    ci_low: float
    ci_high: float
    n_items: int
    n_ratings: int


@dataclass(frozen=True)
class Calibration:
    """Calibration of one judge on one dimension.

    Parameters
    ----------
    bins : tuple of CalibrationBin
        Lowest scores first.
    summary : tuple of CalibrationMeasure
        ``bias``: mean score less mean rating. ``slope`` and ``intercept`` of ratings on scores: 1 and 0 for a judge
        that is right on average at every score; a slope below 1 means that its scores are too extreme. ``error``: mean
        absolute difference of score and rating over the bins, weighted by ratings (expected calibration error); it has
        no interval, but ``error_by_chance`` beside it: what it would be, from the spread of ratings alone, for scores
        that are right.
    """

    judge: str
    dimension: str
    bins: tuple[CalibrationBin, ...]
    summary: tuple[CalibrationMeasure, ...]

    def value(self, measure: str) -> CalibrationMeasure:
        """Return one measure of the summary."""
        return next(m for m in self.summary if m.measure == measure)

    def to_frame(self) -> pd.DataFrame:
        """Return table ``judge_calibration``, one row per bin."""
        return table_of([self._where | asdict(b) for b in self.bins], "judge_calibration")

    def summary_frame(self) -> pd.DataFrame:
        """Return table ``judge_calibration_summary``, one row per measure."""
        return table_of([self._where | asdict(m) for m in self.summary], "judge_calibration_summary")

    @property
    def _where(self) -> dict[str, object]:
        return {"judge": self.judge, "dimension": self.dimension}


def bin_of(score: np.ndarray, most: int = MOST_BINS, fewest: int = FEWEST_IN_BIN) -> np.ndarray:
    """Return the bin of each score, numbered from 0, lowest first; equal scores share a bin."""
    if not len(score):
        return np.empty(0, dtype=np.int64)
    n = max(1, min(most, len(score) // fewest))
    edges = np.unique(np.quantile(score, np.arange(1, n) / n))
    place = np.searchsorted(edges, score, side="left")
    # A value that many scores share can leave a bin empty.
    return np.asarray(np.unique(place, return_inverse=True)[1])


def calibration(
    judged: JudgedItems, *, draws: int = 0, rng: np.random.Generator | None = None, level: float = 0.95
) -> Calibration:
    """Return the calibration of one judge on one dimension.

    Parameters
    ----------
    judged : JudgedItems
        Items with one rating or more.
    draws : int
        Bootstrap draws over items (0: no intervals); bins stay as they are.
    rng : Generator, optional
        Needed where there are draws.
    level : float
        Confidence level.
    """
    score, counts = judged.score, judged.counts
    n_items, top = counts.shape[0], counts.shape[1] - 1
    size = row_sums(counts).astype(float)
    total = counts @ np.arange(top + 1) / top
    place = bin_of(score)
    n_bins = int(place.max()) + 1 if n_items else 0
    member = np.zeros((n_items, n_bins))
    member[np.arange(n_items), place] = 1.0
    columns = np.hstack([member * size[:, None], member * (size * score)[:, None], member * total[:, None]])
    item, rating = np.nonzero(counts)
    sums = moments(score[item], rating / top, counts[item, rating].astype(float), item, n_items)

    def values(weights: np.ndarray) -> np.ndarray:
        n, scores, ratings = np.split(summed(weights, columns), 3, axis=1)
        whole = n.sum(axis=1)
        bias = ratio((scores - ratings).sum(axis=1), whole)
        slope, intercept = regression(summed(weights, sums))
        error = ratio(np.abs(scores - ratings).sum(axis=1), whole)
        return np.column_stack([ratio(ratings, n), bias, slope, intercept, error])

    rows = estimate_rows(values, n_items, draws=draws, rng=rng, level=level)
    of_bins, of_all = rows[:n_bins], rows[n_bins:]
    n_ratings = int(size.sum())
    bins = tuple(_bin(number, place == number, score, size, of_bins[number]) for number in range(n_bins))
    chance = _error_by_chance(place, score, size, total, n_bins)
    names = ("bias", "slope", "intercept", "error")
    of_all[names.index("error"), 1:] = (
        np.nan
    )  # noise adds to a mean of absolute values, in a bootstrap sample more still
    summary = [_measure(name, row, n_items, n_ratings) for name, row in zip(names, of_all, strict=True)]
    summary.append(CalibrationMeasure("error_by_chance", chance, np.nan, np.nan, n_items, n_ratings))
    return Calibration(judged.judge, judged.dimension, bins, tuple(summary))


def calibration_tables(
    judged: Iterable[JudgedItems], *, draws: int = 0, rng: np.random.Generator | None = None, level: float = 0.95
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return tables ``judge_calibration`` and ``judge_calibration_summary`` of several judges and dimensions."""
    found = [calibration(one, draws=draws, rng=rng, level=level) for one in judged]
    if not found:
        return table_of([], "judge_calibration"), table_of([], "judge_calibration_summary")
    return (
        pd.concat([one.to_frame() for one in found], ignore_index=True),
        pd.concat([one.summary_frame() for one in found], ignore_index=True),
    )


def _bin(number: int, inside: np.ndarray, score: np.ndarray, size: np.ndarray, row: np.ndarray) -> CalibrationBin:
    scores, n = score[inside], size[inside]
    low, high = float(scores.min()), float(scores.max())
    mean = float(np.clip(np.average(scores, weights=n), low, high))
    rating, ci_low, ci_high = (float(v) for v in row)
    return CalibrationBin(number + 1, low, high, mean, rating, ci_low, ci_high, int(inside.sum()), int(n.sum()))


def _measure(name: str, row: np.ndarray, n_items: int, n_ratings: int) -> CalibrationMeasure:
    estimate, ci_low, ci_high = (float(v) for v in row)
    return CalibrationMeasure(name, estimate, ci_low, ci_high, n_items, n_ratings)


def _error_by_chance(place: np.ndarray, score: np.ndarray, size: np.ndarray, total: np.ndarray, n_bins: int) -> float:
    """Return the mean absolute error of bin means whose expectation is the score: sqrt(2 / pi) standard errors.

    The standard error of a bin is that of a ratio of sums over items (Cochran 1977, Sampling Techniques, ch. 6).
    """
    n = np.bincount(place, weights=size, minlength=n_bins)
    items = np.bincount(place, minlength=n_bins).astype(float)
    away = total - size * score
    mean = ratio(np.bincount(place, weights=away, minlength=n_bins), n)
    rest = away - size * mean[place]
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.bincount(place, weights=rest**2, minlength=n_bins) * items / (items - 1) / n**2
    expected = np.sqrt(2 / np.pi * variance)
    return float(ratio(np.array((n * expected).sum()), n.sum()))

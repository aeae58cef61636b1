"""Calibration by hand, of judges that are right, too bold, or constant."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import linregress

from plural_core.agreement.counts import DimensionRatings
from plural_core.evaluation.calibration import MOST_BINS, bin_of, calibration, calibration_tables
from plural_core.evaluation.judged import JudgedItems
from plural_core.ratings.schemas import check_table
from plural_core.study.measures_config import DimensionConfig

FIVE = DimensionConfig(label="x", levels=5)


def judged(ratings: np.ndarray, score: np.ndarray) -> JudgedItems:
    """Ratings from 1, shape (items, raters); 0 for none."""
    item, rater = np.nonzero(ratings)
    own = DimensionRatings("x", 5, rater, item, ratings[item, rater])
    counts = (ratings[:, :, None] == np.arange(1, 6)).sum(axis=1)
    return JudgedItems("judge", "x", FIVE, own, counts, score)


def drawn(seed: int, items: int, raters: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Ratings whose expectation is the score, on the scale from 0 to 1."""
    rng = np.random.default_rng(seed)
    score = rng.beta(2, 2, items)
    return rng.binomial(4, score[:, None], (items, raters)) + 1, score


def test_by_hand() -> None:
    ratings = np.array([[1, 1, 2], [5, 0, 0], [3, 4, 0]])
    score = np.array([0.0, 1.0, 0.5])
    found = calibration(judged(ratings, score))
    (only,) = found.bins  # three texts make one bin
    assert (only.score_low, only.score_high, only.n_items, only.n_ratings) == (0.0, 1.0, 3, 6)
    assert only.score_mean == pytest.approx((3 * 0 + 1 + 2 * 0.5) / 6)
    scaled = [0, 0, 0.25, 1, 0.5, 0.75]
    assert only.rating_mean == pytest.approx(np.mean(scaled))
    assert found.value("bias").estimate == pytest.approx(2 / 6 - np.mean(scaled))
    assert found.value("error").estimate == pytest.approx(abs(2 / 6 - np.mean(scaled)))
    line = linregress([0, 0, 0, 1, 0.5, 0.5], scaled)
    assert found.value("slope").estimate == pytest.approx(line.slope)
    assert found.value("intercept").estimate == pytest.approx(line.intercept)


def test_a_judge_that_is_right() -> None:
    found = calibration(judged(*drawn(1, 3000)), draws=300, rng=np.random.default_rng(0))
    assert len(found.bins) == MOST_BINS
    assert found.value("slope").ci_low < 1 < found.value("slope").ci_high
    assert found.value("bias").ci_low < 0 < found.value("bias").ci_high
    # Its error is what noise alone gives.
    assert found.value("error").estimate == pytest.approx(found.value("error_by_chance").estimate, rel=0.6)
    assert sum(b.ci_low <= b.score_mean <= b.ci_high for b in found.bins) >= MOST_BINS - 2
    assert sum(b.n_items for b in found.bins) == 3000


def test_the_error_by_chance_is_the_mean_error_of_right_judges() -> None:
    errors, chance = [], []
    for seed in range(40):
        found = calibration(judged(*drawn(seed, 300)))
        errors.append(found.value("error").estimate)
        chance.append(found.value("error_by_chance").estimate)
    assert np.mean(errors) == pytest.approx(np.mean(chance), rel=0.1)


def test_a_judge_that_is_too_bold() -> None:
    ratings, score = drawn(2, 2000)
    bold = np.clip(0.5 + 1.8 * (score - 0.5), 0, 1)
    found = calibration(judged(ratings, bold), draws=200, rng=np.random.default_rng(0))
    assert found.value("slope").ci_high < 0.8
    assert found.value("error").estimate > 3 * found.value("error_by_chance").estimate
    assert found.bins[0].rating_mean > found.bins[0].score_mean
    assert found.bins[-1].rating_mean < found.bins[-1].score_mean


def test_a_judge_that_is_too_high_everywhere() -> None:
    ratings, score = drawn(3, 2000)
    found = calibration(judged(ratings, score * 0.8 + 0.2), draws=200, rng=np.random.default_rng(0))
    assert found.value("bias").estimate == pytest.approx(0.1, abs=0.02)
    assert found.value("bias").ci_low > 0.05


def test_a_constant_judge_has_one_bin_and_no_slope() -> None:
    ratings, _ = drawn(4, 200)
    found = calibration(judged(ratings, np.full(200, 0.5)), draws=20, rng=np.random.default_rng(0))
    assert len(found.bins) == 1
    assert np.isnan(found.value("slope").estimate)
    assert np.isfinite(found.value("bias").estimate)


def test_equal_scores_share_a_bin() -> None:
    score = np.repeat([0.1, 0.2, 0.9], [150, 30, 120])
    place = bin_of(score)
    for value in np.unique(score):
        assert len(set(place[score == value].tolist())) == 1
    assert sorted(set(place.tolist())) == list(range(place.max() + 1))
    assert (np.diff(place[np.argsort(score, kind="stable")]) >= 0).all()


def test_bins_are_of_like_size() -> None:
    place = bin_of(np.random.default_rng(0).random(205))
    assert np.bincount(place).min() >= 20
    assert np.bincount(bin_of(np.random.default_rng(0).random(5000))).tolist() == [500] * 10
    assert bin_of(np.array([])).tolist() == []


def test_nothing_was_scored() -> None:
    empty = judged(np.zeros((0, 2), dtype=int), np.empty(0))
    found = calibration(empty, draws=10, rng=np.random.default_rng(0))
    assert found.bins == ()
    assert np.isnan(found.value("bias").estimate)


def test_the_tables_keep_their_schemas() -> None:
    two = [judged(*drawn(1, 100)), judged(*drawn(2, 100))]
    bins, summary = calibration_tables(two[:1], draws=20, rng=np.random.default_rng(0))
    check_table(bins, "judge_calibration")
    check_table(summary, "judge_calibration_summary")
    for table, name in zip(calibration_tables([]), ("judge_calibration", "judge_calibration_summary"), strict=True):
        assert check_table(table, name).empty

"""Agreement of a judge with people: reference values, properties, and the intervals' coverage."""

from __future__ import annotations

from itertools import permutations

import krippendorff
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import cohen_kappa_score

from plural_core.agreement.alpha import krippendorff_alpha
from plural_core.agreement.notes import NO_PAIRS
from plural_core.evaluation.judged import nearest_level, side_of
from plural_core.evaluation.measures import cohen_kappa, spearman
from plural_core.evaluation.validation import NO_VARIATION, Estimate, agreement
from plural_core.study.measures_config import DimensionConfig

FIVE = DimensionConfig(label="x", levels=5)
# Ratings of four items, and the judge's level.
RATINGS = [[1, 1, 2], [4, 5], [3, 3, 3, 1], [5]]
LEVELS = [1, 5, 2, 4]


def counts_of(ratings: list[list[int]], levels: int = 5) -> np.ndarray:
    return np.array([np.bincount(np.array(row) - 1, minlength=levels) for row in ratings])


def score_of(levels: list[int], top: int = 4) -> np.ndarray:
    return (np.array(levels) - 1) / top


def by_name(estimates: tuple[Estimate, ...]) -> dict[tuple[str, str], float]:
    return {(e.measure, e.comparison): e.estimate for e in estimates}


def random_items(seed: int, items: int = 60, levels: int = 5) -> tuple[list[list[int]], np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.random(items)
    ratings = [
        np.clip(np.round(t * (levels - 1) + rng.normal(0, 1, rng.integers(1, 6))), 0, levels - 1).astype(int) + 1
        for t in truth
    ]
    return [r.tolist() for r in ratings], np.clip(truth + rng.normal(0, 0.2, items), 0, 1)


class Oracle:
    """The same numbers by brute force over every pair of ratings."""

    def __init__(self, ratings: list[list[int]], score: np.ndarray, scale: DimensionConfig = FIVE):
        top = scale.levels - 1
        self.side = side_of(scale)
        kept = [i for i, row in enumerate(ratings) if len(row) >= 2]
        level = nearest_level(score, scale.levels)
        self.judge = [(level[i], y, 1.0) for i in kept for y in ratings[i]]
        self.raters = [(a, b, 1 / (len(ratings[i]) - 1)) for i in kept for a, b in permutations(ratings[i], 2)]
        others = [
            (score[i], (y - 1) / top, (np.mean([*ratings[i][:j], *ratings[i][j + 1 :]]) - 1) / top)
            for i in kept
            for j, y in enumerate(ratings[i])
        ]
        self.score, self.own, self.others = (np.array(v) for v in zip(*others, strict=True))
        self.others = self.others.round(9)
        self.items = np.array([score[i] for i in kept]), np.array([(np.mean(ratings[i]) - 1) / top for i in kept])

    @staticmethod
    def share(pairs: list[tuple[int, int, float]], near: object) -> float:
        weight = np.array([w for _, _, w in pairs])
        return float(np.average([near(a, b) for a, b, _ in pairs], weights=weight))  # type: ignore[operator]

    @staticmethod
    def kappa(pairs: list[tuple[int, int, float]], weights: str | None) -> float:
        a, b, w = zip(*pairs, strict=True)
        return float(cohen_kappa_score(a, b, labels=range(1, 101), weights=weights, sample_weight=w))


@pytest.mark.parametrize("seed", range(4))
def test_every_measure_by_brute_force(seed: int) -> None:
    ratings, score = random_items(seed)
    found = by_name(agreement(counts_of(ratings), score, FIVE))
    oracle = Oracle(ratings, score)
    for name, pairs in (("judge-rater", oracle.judge), ("rater-rater", oracle.raters)):
        assert found["exact", name] == pytest.approx(oracle.share(pairs, lambda a, b: a == b))
        assert found["within_one", name] == pytest.approx(oracle.share(pairs, lambda a, b: abs(a - b) <= 1))
        same_side = oracle.share(pairs, lambda a, b: oracle.side[a - 1] == oracle.side[b - 1])
        assert found["side", name] == pytest.approx(same_side)
        assert found["kappa", name] == pytest.approx(oracle.kappa(pairs, None))
        assert found["kappa_quadratic", name] == pytest.approx(oracle.kappa(pairs, "quadratic"))
    for name, x in (("judge-mean", oracle.score), ("rater-mean", oracle.own)):
        assert found["pearson", name] == pytest.approx(pearsonr(x, oracle.others)[0])
        assert found["spearman", name] == pytest.approx(spearmanr(x, oracle.others)[0])
        assert found["distance", name] == pytest.approx(np.abs(x - oracle.others).mean())
    assert found["pearson_item", "judge-mean"] == pytest.approx(pearsonr(*oracle.items)[0])
    assert found["spearman_item", "judge-mean"] == pytest.approx(spearmanr(*oracle.items)[0])
    for measure, comparison in found:
        if comparison == "difference":
            kind = "mean" if (measure, "judge-mean") in found else "rater"
            expected = found[measure, f"judge-{kind}"] - found[measure, f"rater-{kind}"]
            assert found[measure, comparison] == pytest.approx(expected)


def test_by_hand() -> None:
    found = by_name(agreement(counts_of(RATINGS), score_of(LEVELS), FIVE))
    # The fourth item has one rating and is left out: nine ratings.
    assert found["exact", "judge-rater"] == pytest.approx((2 + 1 + 0) / 9)
    assert found["side", "judge-rater"] == pytest.approx((3 + 2 + 1) / 9)
    assert found["exact", "rater-rater"] == pytest.approx((2 * 0.5 + 0 + 3 * 2 / 3) / 9)
    assert found["side", "rater-rater"] == pytest.approx((3 + 2 + 2) / 9)
    # Level 3 stands for three ratings, as level 1 does; on its side, "disagree" stands for four.
    assert found["exact", "constant-rater"] == pytest.approx(3 / 9)
    assert found["side", "constant-rater"] == pytest.approx(4 / 9)
    assert found["distance", "judge-mean"] == pytest.approx(
        np.mean([0.125, 0.125, 0.0, 0.0, 0.25, *[abs(0.25 - (7 / 3 - 1) / 4)] * 3, 0.25])
    )


def test_alpha_is_that_of_the_raters_and_of_one_more() -> None:
    ratings, score = random_items(7)
    found = by_name(agreement(counts_of(ratings), score, FIVE))
    kept = [i for i, row in enumerate(ratings) if len(row) >= 2]
    assert found["alpha", "rater-rater"] == pytest.approx(krippendorff_alpha(counts_of(ratings)).alpha)
    table = np.full((6, len(kept)), np.nan)
    level = nearest_level(score, 5)
    for column, i in enumerate(kept):
        table[: len(ratings[i]), column] = ratings[i]
        table[5, column] = level[i]
    expected = krippendorff.alpha(table, value_domain=[1, 2, 3, 4, 5], level_of_measurement="ordinal")
    assert found["alpha", "judge-rater"] == pytest.approx(expected)


def test_a_judge_who_is_one_of_the_raters_agrees_as_raters_do() -> None:
    # Of raters drawn alike, one who is called the judge is a rater like the others.
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(5), size=4000)
    drawn = np.array([rng.choice(5, 4, p=row) for row in p]) + 1
    counts, score = counts_of(drawn[:, 1:].tolist()), score_of(drawn[:, 0].tolist())
    found = by_name(agreement(counts, score, FIVE))
    for measure in ("exact", "within_one", "side", "kappa", "kappa_quadratic", "alpha", "pearson", "spearman"):
        assert abs(found[measure, "difference"]) < 0.02, measure


def test_a_judge_that_is_the_item_mean() -> None:
    ratings, _ = random_items(3, items=300)
    mean = score_of([0] * 300) + np.array([np.mean(row) for row in ratings]) / 4
    found = by_name(agreement(counts_of(ratings), mean, FIVE))
    assert found["pearson_item", "judge-mean"] == pytest.approx(1.0)
    assert found["spearman_item", "judge-mean"] == pytest.approx(1.0)
    assert found["pearson", "judge-mean"] > found["pearson", "rater-mean"]
    assert found["distance", "judge-mean"] < found["distance", "rater-mean"]


def test_a_constant_judge() -> None:
    ratings, score = random_items(5)
    estimates = agreement(counts_of(ratings), np.full_like(score, 0.5), FIVE, draws=50, rng=np.random.default_rng(0))
    found = by_name(estimates)
    assert found["kappa", "judge-rater"] == pytest.approx(0.0)
    assert found["kappa_quadratic", "judge-rater"] == pytest.approx(0.0)
    assert found["exact", "judge-rater"] <= found["exact", "constant-rater"]
    for e in estimates:
        if e.measure in ("pearson", "spearman", "pearson_item", "spearman_item") and "judge" in e.comparison:
            assert np.isnan([e.estimate, e.ci_low, e.ci_high]).all()
            assert e.note == NO_VARIATION


def test_a_random_judge_agrees_by_chance() -> None:
    ratings, score = random_items(2, items=3000)
    shuffled = np.random.default_rng(0).permutation(score)
    found = by_name(agreement(counts_of(ratings), shuffled, FIVE))
    assert abs(found["kappa", "judge-rater"]) < 0.03
    assert abs(found["pearson", "judge-mean"]) < 0.05
    assert found["alpha", "difference"] < 0


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_order_of_items_changes_nothing(seed: int) -> None:
    ratings, score = random_items(seed, items=25)
    order = np.random.default_rng(seed).permutation(25)
    counts = counts_of(ratings)
    first, again = (by_name(agreement(c, s, FIVE)) for c, s in ((counts, score), (counts[order], score[order])))
    for key, value in first.items():
        assert again[key] == pytest.approx(value, nan_ok=True)


def test_turning_the_scale_around_changes_no_measure() -> None:
    ratings, score = random_items(9)
    counts = counts_of(ratings)
    found, turned = by_name(agreement(counts, score, FIVE)), by_name(agreement(counts[:, ::-1], 1 - score, FIVE))
    for key, value in found.items():
        assert turned[key] == pytest.approx(value), key


def test_levels_are_the_nearest() -> None:
    assert nearest_level(np.array([0.0, 0.124, 0.125, 0.49, 0.875, 1.0]), 5).tolist() == [1, 1, 2, 3, 5, 5]
    assert nearest_level(np.array([0.49, 0.5]), 2).tolist() == [1, 2]
    assert side_of(DimensionConfig(label="x", levels=4)).tolist() == [-1, -1, 1, 1]
    assert side_of(FIVE).tolist() == [-1, -1, 0, 1, 1]


def test_two_levels_have_no_neighbours() -> None:
    scale = DimensionConfig(label="x", levels=2)
    found = by_name(agreement(counts_of([[1, 2], [1, 1], [2, 2]], 2), np.array([0.2, 0.4, 0.9]), scale))
    assert not any(measure == "within_one" for measure, _ in found)
    assert found["exact", "judge-rater"] == found["side", "judge-rater"] == pytest.approx(5 / 6)


def test_a_hundred_levels() -> None:
    scale = DimensionConfig(label="x", levels=100)
    ratings, score = random_items(4, levels=100)
    found = by_name(agreement(counts_of(ratings, 100), score, scale, draws=20, rng=np.random.default_rng(0)))
    oracle = Oracle(ratings, score, scale)
    assert found["kappa_quadratic", "judge-rater"] == pytest.approx(oracle.kappa(oracle.judge, "quadratic"))
    assert found["exact", "rater-rater"] == pytest.approx(oracle.share(oracle.raters, lambda a, b: a == b))


@pytest.mark.parametrize("ratings", [[], [[3], [2], [5]]])
def test_no_pairs_no_numbers(ratings: list[list[int]]) -> None:
    counts = counts_of(ratings) if ratings else np.zeros((0, 5), dtype=int)
    estimates = agreement(counts, np.full(len(ratings), 0.3), FIVE, draws=10, rng=np.random.default_rng(0))
    assert all(np.isnan(e.estimate) and e.note == NO_PAIRS and e.n_items == 0 for e in estimates)


def test_two_items_have_no_interval() -> None:
    estimates = agreement(
        counts_of([[1, 2], [4, 5]]), np.array([0.1, 0.8]), FIVE, draws=10, rng=np.random.default_rng(0)
    )
    assert all(np.isnan(e.ci_low) for e in estimates)
    assert not np.isnan(by_name(estimates)["exact", "judge-rater"])


def test_draws_need_a_generator() -> None:
    with pytest.raises(ValueError, match="needs rng"):
        agreement(counts_of(RATINGS), score_of(LEVELS), FIVE, draws=5)


def test_the_bootstrap_draws_whole_items() -> None:
    ratings, score = random_items(11, items=40)
    counts = counts_of(ratings)
    kept = counts.sum(axis=1) >= 2
    counts, score = counts[kept], score[kept]
    found = agreement(counts, score, FIVE, draws=400, rng=np.random.default_rng(5))
    rng = np.random.default_rng(6)
    values: dict[tuple[str, str], list[float]] = {}
    for _ in range(400):
        rows = rng.integers(0, len(score), len(score))
        for key, value in by_name(agreement(counts[rows], score[rows], FIVE)).items():
            values.setdefault(key, []).append(value)
    for e in found:
        if e.comparison == "constant-rater":
            assert np.isnan([e.ci_low, e.ci_high]).all()
            continue
        drawn = np.array(values[e.measure, e.comparison])
        width = np.quantile(drawn, 0.975) - np.quantile(drawn, 0.025)
        assert e.ci_high - e.ci_low == pytest.approx(width, rel=0.2), (e.measure, e.comparison)
        assert e.ci_low <= np.median(drawn) <= e.ci_high


def test_intervals_cover() -> None:
    """95 % intervals over 150 samples of items; the truth is what a very large sample gives."""

    def sample(rng: np.random.Generator, items: int) -> tuple[np.ndarray, np.ndarray]:
        truth = rng.beta(1.2, 1.2, items)
        ratings = np.clip(np.round(truth[:, None] * 4 + rng.normal(0, 1.0, (items, 3))), 0, 4).astype(int)
        counts = (ratings[:, :, None] == np.arange(5)).sum(axis=1)
        return counts, np.clip(truth + rng.normal(0, 0.15, items), 0, 1)

    rng = np.random.default_rng(2026)
    truth = by_name(agreement(*sample(rng, 60_000), FIVE))
    inside: dict[tuple[str, str], int] = dict.fromkeys(truth, 0)
    runs = 150
    for _ in range(runs):
        for e in agreement(*sample(rng, 100), FIVE, draws=150, rng=rng):
            key = (e.measure, e.comparison)
            inside[key] += e.ci_low <= truth[key] <= e.ci_high
    rates = pd.Series(inside)[lambda s: [c != "constant-rater" for _, c in s.index]] / runs
    # Three standard errors of a rate of .94 over 150 runs are .06; the mean over measures is tighter.
    assert rates.min() > 0.86
    assert 0.92 < rates.mean() < 0.97


def test_spearman_of_draws_is_that_of_repeated_points() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 4, 30).astype(float), rng.normal(size=30).round(1)
    weights = rng.integers(0, 4, size=(5, 30)).astype(float)
    for row, value in zip(weights, spearman(x, y, weights), strict=True):
        n = row.astype(int)
        assert value == pytest.approx(spearmanr(np.repeat(x, n), np.repeat(y, n))[0])
    assert np.isnan(spearman(np.ones(30), y, weights)).all()


@pytest.mark.parametrize("quadratic", [True, False])
def test_kappa_of_several_tables_at_once(quadratic: bool) -> None:
    rng = np.random.default_rng(0)
    tables = rng.integers(0, 9, size=(3, 4, 4)).astype(float)
    for table, value in zip(tables, cohen_kappa(tables, quadratic), strict=True):
        a, b = np.nonzero(np.ones((4, 4)))
        expected = cohen_kappa_score(a, b, weights="quadratic" if quadratic else None, sample_weight=table.ravel())
        assert value == pytest.approx(expected)
    one_level = np.zeros((4, 4))
    one_level[2, 2] = 7.0
    assert np.isnan(cohen_kappa(one_level, quadratic))


def test_published_example() -> None:
    """Fleiss, J. L. (1981), Statistical Methods for Rates and Proportions, chapter 13: kappa .676."""
    table = np.array([[75, 1, 4], [5, 4, 1], [0, 0, 10]], dtype=float)
    assert cohen_kappa(table, quadratic=False) == pytest.approx(0.676, abs=5e-4)

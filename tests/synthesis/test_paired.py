"""Paired differences: scipy's paired test, bounds by trying every score, runs averaged within units, edges."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from plural_core.synthesis import SynthesisError
from plural_core.synthesis.paired import PairedDifference, paired_difference, unit_mean

NAN = float("nan")
steady = settings(max_examples=60, deadline=None, derandomize=True)
SCORES = st.one_of(st.floats(0.0, 1.0), st.just(NAN))


def scores(runs: int, units: int) -> st.SearchStrategy[np.ndarray]:
    return hnp.arrays(np.float64, (runs, units), elements=SCORES)


@pytest.mark.parametrize("n", [2, 3, 50])
def test_estimate_and_error_are_those_of_the_paired_test(n: int) -> None:
    rng = np.random.default_rng(n)
    first, second = rng.random(n), rng.random(n)
    found = paired_difference(first, second)
    expected = stats.ttest_rel(first, second)
    assert found.estimate / found.std_error == pytest.approx(expected.statistic, rel=1e-12)
    assert found.estimate == pytest.approx((first - second).mean(), rel=1e-12)
    assert (found.n, found.n_missing) == (n, 0)
    assert (found.bound_low, found.bound_high) == pytest.approx((found.estimate, found.estimate), rel=1e-12)


def test_missing_units_are_left_out_and_counted() -> None:
    found = paired_difference([0.2, NAN, 0.6, NAN], [0.1, 0.3, NAN, NAN])
    assert found.estimate == pytest.approx(0.1)
    assert math.isnan(found.std_error)
    assert (found.n, found.n_missing) == (1, 3)
    assert found.bound_low == pytest.approx((0.1 - 0.3 + (0.6 - 1) - 1) / 4)
    assert found.bound_high == pytest.approx((0.1 + 0.7 + 0.6 + 1) / 4)


@steady
@given(scores(2, 3), scores(1, 3))
def test_bounds_are_the_extremes_over_everything_that_missing_scores_might_be(a: np.ndarray, b: np.ndarray) -> None:
    missing = [(side, place) for side, values in (("a", a), ("b", b)) for place in np.argwhere(np.isnan(values))]
    seen = []
    for filling in itertools.product((0.0, 1.0), repeat=len(missing)):
        filled = {"a": a.copy(), "b": b.copy()}
        for (side, place), value in zip(missing, filling, strict=True):
            filled[side][tuple(place)] = value
        seen.append(float((filled["a"].mean(axis=0) - filled["b"].mean(axis=0)).mean()))
    found = paired_difference(a, b)
    assert found.bound_low == pytest.approx(min(seen), abs=1e-12)
    assert found.bound_high == pytest.approx(max(seen), abs=1e-12)


@steady
@given(scores(2, 6), scores(3, 6))
def test_the_other_way_round_everything_changes_its_sign(a: np.ndarray, b: np.ndarray) -> None:
    there, back = paired_difference(a, b), paired_difference(b, a)
    assert (there.n, there.n_missing) == (back.n, back.n_missing)
    np.testing.assert_allclose(
        [there.estimate, there.std_error, there.bound_low, there.bound_high],
        [-back.estimate, back.std_error, -back.bound_high, -back.bound_low],
        atol=1e-12,
    )


@steady
@given(scores(2, 5))
def test_the_same_scores_differ_by_exactly_nothing(a: np.ndarray) -> None:
    found = paired_difference(a, a)
    n = found.n
    assert found.estimate == 0.0 if n else math.isnan(found.estimate)
    assert found.std_error == 0.0 if n > 1 else math.isnan(found.std_error)


def test_a_constant_difference_has_no_error() -> None:
    second = np.linspace(0.0, 0.25, 7)
    found = paired_difference(second + 0.25, second)
    assert found.estimate == pytest.approx(0.25)
    assert found.std_error == 0.0
    assert paired_difference([0.3, 0.5], [0.1, 0.3]).std_error == 0.0


def test_runs_are_averaged_within_units_first() -> None:
    rng = np.random.default_rng(2)
    first, second = rng.random((3, 40)), rng.random((2, 40))
    found = paired_difference(first, second)
    assert found == paired_difference(first.mean(axis=0), second.mean(axis=0))
    # A unit counts once, however many of its runs have a score.
    first[1:, 0] = NAN
    means = first.mean(axis=0)
    means[0] = first[0, 0]
    again = paired_difference(first, second)
    expected = paired_difference(means, second.mean(axis=0))
    assert again.estimate == pytest.approx(expected.estimate)
    assert again.std_error == pytest.approx(expected.std_error)
    assert (again.n, again.n_missing) == (40, 0)
    assert again.bound_low < again.estimate < again.bound_high


def test_the_mean_over_units() -> None:
    rng = np.random.default_rng(3)
    values = rng.random((2, 30))
    values[:, 4] = NAN
    found = unit_mean(values)
    kept = np.delete(values, 4, axis=1).mean(axis=0)
    assert found.mean == pytest.approx(kept.mean())
    assert found.std_error == pytest.approx(stats.sem(kept))
    assert (found.n, found.n_missing) == (29, 1)
    assert math.isnan(unit_mean([0.5]).std_error)
    assert math.isnan(unit_mean([NAN]).mean)


@pytest.mark.parametrize("units", [0, 2])
def test_nothing_is_known(units: int) -> None:
    found = paired_difference(np.full((1, units), NAN), np.full((1, units), NAN))
    assert math.isnan(found.estimate)
    assert (found.n, found.n_missing) == (0, units)
    if units:
        assert (found.bound_low, found.bound_high) == (-1.0, 1.0)
    else:
        assert math.isnan(found.bound_low)


def test_other_limits() -> None:
    found = paired_difference([1.0, NAN], [3.0, 2.0], limits=(1.0, 5.0))
    assert found == PairedDifference(-2.0, pytest.approx(NAN, nan_ok=True), 1, 1, -1.5, 0.5)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ([0.1], [0.1, 0.2], "first has 1 units and second 2"),
        ([0.1, 1.2], [0.1, 0.2], "first has a score of 1.2, beyond the limits 0.0 to 1.0"),
        ([0.1, 0.2], [-0.5, 0.2], r"second has a score of -0.5"),
        ([0.1, float("inf")], [0.1, 0.2], "first has infinite values"),
        (["a"], [0.1], "first must be numbers"),
        (0.5, [0.1], r"shape is \(\)"),
        (np.zeros((0, 3)), [0.1, 0.2, 0.3], r"shape is \(0, 3\)"),
        (np.zeros((1, 1, 1)), [0.1], r"shape is \(1, 1, 1\)"),
    ],
)
def test_bad_input(first: object, second: object, words: str) -> None:
    with pytest.raises(SynthesisError, match=words):
        paired_difference(first, second)  # type: ignore[arg-type]

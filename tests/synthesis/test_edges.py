"""Corners: one estimate, two, all equal, and every kind of input that is refused, each in one line."""

import math
from dataclasses import FrozenInstanceError, asdict

import numpy as np
import pandas as pd
import pytest

from plural_core.synthesis import SynthesisError, cumulative, leave_one_out, meta_regression, random_effects

METHODS = ("FE", "DL", "PM", "REML", "ML", "HE", "SJ")
GOOD = ([0.1, 0.3, 0.25], [0.05, 0.08, 0.06])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("test", ["z", "knha"])
def test_one_estimate_is_itself(method, test):
    effect = random_effects([0.3], [0.1], method=method, test=test)
    assert effect.estimate == 0.3
    assert effect.std_error == pytest.approx(0.1)
    assert (effect.ci_low, effect.ci_high) == pytest.approx((0.3 - 1.959964 * 0.1, 0.3 + 1.959964 * 0.1), abs=1e-6)
    assert (effect.tau2, effect.q, effect.q_p, effect.i2, effect.h2) == (0, 0, 1, 0, 1)
    assert math.isnan(effect.pi_low)
    assert math.isnan(effect.tau2_ci_high)
    assert effect.weights == (100.0,)
    assert effect.test == "z"


@pytest.mark.parametrize("method", METHODS)
def test_two_estimates_have_one_degree_of_freedom(method):
    effect = random_effects([0.1, 0.6], [0.1, 0.1], method=method, test="knha")
    # Equal weights: the standard error is half the difference, and t(1) is a Cauchy variable.
    assert effect.estimate == pytest.approx(0.35)
    assert effect.std_error == pytest.approx(0.25)
    assert effect.p_value == pytest.approx(1 - 2 / math.pi * math.atan(0.35 / 0.25))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("value", [0.1, -3.7, 1e6])
def test_all_equal(method, value):
    z = random_effects([value] * 4, [0.05, 0.08, 0.06, 0.1], method=method)
    assert z.estimate == pytest.approx(value)
    assert (z.tau2, z.q, z.q_p, z.i2) == (0, 0, 1, 0)
    assert z.std_error > 0
    if method != "FE":
        assert (z.tau2_ci_low, z.tau2_ci_high) == (0, 0)
    knha = random_effects([value] * 4, [0.05, 0.08, 0.06, 0.1], method=method, test="knha")
    assert (knha.std_error, knha.p_value) == (0, 0)
    assert knha.ci_low == knha.ci_high == knha.estimate


def test_all_zero_has_no_p_value_with_knha():
    assert math.isnan(random_effects([0, 0, 0], [0.1, 0.1, 0.2], test="knha").p_value)
    assert random_effects([0, 0, 0], [0.1, 0.1, 0.2]).p_value == 1


@pytest.mark.parametrize("method", METHODS)
def test_variances_that_differ_by_sixteen_orders(method):
    effect = random_effects([0.1, 0.2, 0.4], [1e-8, 1.0, 1.0], method=method)
    assert all(math.isfinite(v) for v in (effect.estimate, effect.std_error, effect.tau2, effect.i2, effect.q))
    assert 0.1 <= effect.estimate <= 0.4


@pytest.mark.parametrize(
    ("estimates", "std_errors", "says"),
    [
        ([0.1, math.nan], [0.1, 0.1], r"estimates\[1\] is nan"),
        ([0.1, math.inf], [0.1, 0.1], r"estimates\[1\] is inf"),
        ([0.1, 0.2], [math.nan, 0.1], r"std_errors\[0\] is nan"),
        ([0.1, 0.2], [0.1, math.inf], r"std_errors\[1\] is inf"),
        ([0.1, 0.2], [0.1, -0.1], r"std_errors\[1\] is -0.1: .*negative"),
        ([0.1, 0.2], [0.1, 0.0], r"std_errors\[1\] is 0.0: .*weight"),
        ([0.1, 0.2], [0.1, 1e-200], r"std_errors\[1\] is 1e-200: .*weight"),
        ([0.1, 0.2], [0.1, 1e200], r"std_errors\[1\] is 1e\+200: .*weight"),
        ([0.1, 0.2, 0.3], [0.1, 0.1], "3 estimates but 2 std_errors"),
        ([], [], "nothing to pool"),
        ([[0.1], [0.2]], [0.1, 0.1], "one-dimensional"),
        (["a", "b"], [0.1, 0.1], "estimates must be numbers"),
        ([None, 0.2], [0.1, 0.1], r"estimates\[0\] is nan"),
    ],
)
def test_bad_arrays_are_refused_in_one_line(estimates, std_errors, says):
    functions = (random_effects, leave_one_out, cumulative, lambda y, s: meta_regression(y, s, list(range(len(y)))))
    for function in functions:
        with pytest.raises(SynthesisError, match=says) as caught:
            function(estimates, std_errors)
        assert "\n" not in str(caught.value)
        assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"method": "dl"}, "method='dl' is not known: use one of FE, DL"),
        ({"test": "t"}, "test='t' is not known: use one of z, knha"),
        ({"level": 95}, "0.95, not 95"),
        ({"level": 0}, "between 0 and 1"),
        ({"level": math.nan}, "between 0 and 1"),
    ],
)
def test_bad_options(options, says):
    functions = (random_effects, leave_one_out, cumulative, lambda y, s, **o: meta_regression(y, s, [1, 2, 4], **o))
    for function in functions:
        with pytest.raises(SynthesisError, match=says):
            function(*GOOD, **options)


def test_series_input():
    with pytest.raises(SynthesisError, match="two or more"):
        leave_one_out([0.1], [0.1])
    with pytest.raises(SynthesisError, match="2 labels for 3"):
        leave_one_out(*GOOD, labels=["a", "b"])
    for order in ([0, 1], [0, 0, 1], [1, 2, 3]):
        with pytest.raises(SynthesisError, match="each position from 0 to 2 once"):
            cumulative(*GOOD, order=order)


def test_series_tables():
    left = leave_one_out(*GOOD, labels=["a", "b", "c"]).to_frame()
    assert left["omitted"].tolist() == ["a", "b", "c"]
    assert left.loc[1, "estimate"] == random_effects([0.1, 0.25], [0.05, 0.06]).estimate
    added = cumulative(*GOOD, order=[2, 0, 1], labels=["a", "b", "c"], test="knha").to_frame()
    assert added["added"].tolist() == ["c", "a", "b"]
    assert added["k"].tolist() == [1, 2, 3]
    assert added["test"].tolist() == ["z", "knha", "knha"]
    assert added.loc[0, "estimate"] == 0.25
    assert leave_one_out([0.1, 0.3], [0.1, 0.2]).to_frame()["estimate"].tolist() == [0.3, 0.1]


def test_regression_input():
    with pytest.raises(SynthesisError, match="is 2 for every estimate"):
        meta_regression(*GOOD, [2, 2, 2])
    with pytest.raises(SynthesisError, match="3 estimates but a moderator of length 2"):
        meta_regression(*GOOD, [1, 2])
    with pytest.raises(SynthesisError, match=r"moderator\[1\] is nan"):
        meta_regression(*GOOD, [1, math.nan, 2])
    with pytest.raises(SynthesisError, match="needs 3 estimates"):
        meta_regression([0.1, 0.2], [0.1, 0.1], [1, 2])
    with pytest.raises(SynthesisError, match="needs 3 estimates"):
        meta_regression([0.1, 0.2], [0.1, 0.1], [1, 2], method="FE", test="knha")


def test_regression_through_two_points_is_the_line():
    fit = meta_regression([0.1, 0.5], [0.1, 0.1], [1, 3], method="FE", test="z")
    assert (fit.slope.estimate, fit.intercept.estimate) == pytest.approx((0.2, -0.1))
    assert fit.slope.std_error == pytest.approx(math.sqrt(0.02) / 2)
    assert fit.predict([2])["std_error"].tolist() == pytest.approx([math.sqrt(0.02) / 2])
    assert math.isnan(fit.r2)


def test_regression_of_an_exact_line():
    fit = meta_regression([0.1, 0.2, 0.3, 0.4], [0.1] * 4, [1, 2, 3, 4], test="z")
    assert fit.slope.estimate == pytest.approx(0.1)
    assert (fit.tau2, fit.i2) == (0, 0)
    assert fit.r2 == pytest.approx(100)
    assert meta_regression([0.1, 0.11, 0.1, 0.12], [0.1] * 4, [1, 2, 3, 4]).r2 == 0  # nothing to account for


def test_regression_does_not_lose_digits_far_from_zero():
    z = np.array([1.0, 2.0, 4.0, 7.0])
    y, s = [0.1, 0.3, 0.2, 0.6], [0.1, 0.1, 0.15, 0.1]
    near, far = meta_regression(y, s, z), meta_regression(y, s, z + 1e6)
    assert far.slope.estimate == pytest.approx(near.slope.estimate, rel=1e-9)
    assert far.slope.std_error == pytest.approx(near.slope.std_error, rel=1e-9)


def test_results_are_frozen_and_become_a_row():
    effect = random_effects(*GOOD)
    with pytest.raises(FrozenInstanceError):
        effect.estimate = 0  # type: ignore[misc]
    row = effect.to_frame()
    assert len(row) == 1
    assert set(row.columns) == set(asdict(effect)) - {"weights"}
    assert random_effects(pd.Series(GOOD[0], index=[5, 6, 7]), np.array(GOOD[1])) == effect

"""Properties that hold for any estimates: units, origin, order, sign, and what intervals mean."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from plural_core.synthesis import holm, meta_regression, random_effects

steady = settings(max_examples=60, deadline=None, derandomize=True)
METHODS = ("FE", "DL", "PM", "REML", "ML", "HE", "SJ")
# Two decimals: exact ties and exact agreement happen, differences at the limit of rounding do not.
values = st.integers(-300, 300).map(lambda i: i / 100)
errors = st.integers(5, 200).map(lambda i: i / 100)
studies = st.lists(st.tuples(values, errors), min_size=2, max_size=9)
options = st.tuples(st.sampled_from(METHODS), st.sampled_from(["z", "knha"]))
IN_UNITS = ("estimate", "ci_low", "ci_high", "pi_low", "pi_high")
SPREADS = ("std_error",)
SQUARES = ("tau2", "tau2_ci_low", "tau2_ci_high")
FREE = ("i2", "h2", "q", "q_p")


def close(ours, theirs, scale=1.0):
    np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-7 * scale)


def fields(effect, names):
    return [getattr(effect, name) for name in names]


@steady
@given(studies, options, st.sampled_from([1e-6, 0.01, 3.0, 1e5]), st.sampled_from([1, -1]))
def test_changing_the_unit_or_the_sign(rows, option, unit, sign):
    y, s = np.array(rows).T
    method, test = option
    first = random_effects(y, s, method=method, test=test)
    second = random_effects(sign * unit * y, unit * s, method=method, test=test)
    expected = sign * unit * np.array(fields(first, IN_UNITS))
    if sign < 0:
        expected = expected[[0, 2, 1, 4, 3]]
    close(fields(second, IN_UNITS), expected, unit)
    close(fields(second, SPREADS), unit * np.array(fields(first, SPREADS)), unit)
    close(fields(second, SQUARES), unit**2 * np.array(fields(first, SQUARES)), unit**2)
    close(fields(second, FREE), fields(first, FREE), 100)
    if first.std_error > 0:
        close(second.p_value, first.p_value)


@steady
@given(studies, options, st.integers(-1000, 1000))
def test_moving_the_origin(rows, option, shift):
    y, s = np.array(rows).T
    first = random_effects(y, s, method=option[0], test=option[1])
    second = random_effects(y + shift, s, method=option[0], test=option[1])
    close(fields(second, IN_UNITS), shift + np.array(fields(first, IN_UNITS)))
    close(fields(second, SPREADS + SQUARES), fields(first, SPREADS + SQUARES))
    close(fields(second, FREE), fields(first, FREE), 100)


@steady
@given(studies, options, st.randoms(use_true_random=False))
def test_the_order_does_not_matter(rows, option, random):
    shuffled = random.sample(rows, len(rows))
    first, second = (random_effects(*np.array(r).T, method=option[0], test=option[1]) for r in (rows, shuffled))
    names = IN_UNITS + SPREADS + SQUARES + FREE
    close(fields(second, names), fields(first, names))
    weight = dict(zip(rows, first.weights, strict=True))
    close(second.weights, [weight[row] for row in shuffled])


@steady
@given(studies, options)
def test_what_always_holds(rows, option):
    y, s = np.array(rows).T
    effect = random_effects(y, s, method=option[0], test=option[1])
    assert y.min() - 1e-12 <= effect.estimate <= y.max() + 1e-12
    assert effect.tau2 >= 0
    assert 0 <= effect.i2 <= 100
    assert sum(effect.weights) == pytest.approx(100)
    assert effect.ci_low <= effect.estimate <= effect.ci_high
    if option[0] != "FE":
        assert effect.h2 >= 1
        assert effect.pi_low <= effect.ci_low
        assert 0 <= effect.tau2_ci_low <= effect.tau2_ci_high
        assert effect.i2 == pytest.approx(100 * (1 - 1 / effect.h2), abs=1e-9)


@steady
@given(studies, st.sampled_from([0.5, 0.9, 0.95]))
def test_q_profile_ends_lie_on_the_quantiles(rows, level):
    y, s = np.array(rows).T
    effect = random_effects(y, s, level=level)

    def q(tau2):
        w = 1 / (s**2 + tau2)
        return np.sum(w * (y - np.average(y, weights=w)) ** 2)

    tail, df = (1 - level) / 2, len(rows) - 1
    for end, quantile in ((effect.tau2_ci_low, chi2.isf(tail, df)), (effect.tau2_ci_high, chi2.ppf(tail, df))):
        if end > 0:
            assert q(end) == pytest.approx(quantile, rel=1e-7)
        else:
            assert q(0) <= quantile * (1 + 1e-9)


@steady
@given(studies)
def test_likelihoods_beat_a_grid(rows):
    y, s = np.array(rows).T

    def deviance(tau2, restricted):
        w = 1 / (s**2 + tau2)
        fit = -np.log(w).sum() + np.sum(w * (y - np.average(y, weights=w)) ** 2)
        return fit + (math.log(w.sum()) if restricted else 0)

    for method in ("ML", "REML"):
        found = deviance(random_effects(y, s, method=method).tau2, method == "REML")
        assert found <= min(deviance(t, method == "REML") for t in [0, *np.geomspace(1e-6, 100, 150)]) + 1e-9


@steady
@given(st.lists(st.tuples(values, errors), min_size=4, max_size=8), options, st.sampled_from([-4.0, 0.25, 1000.0]))
def test_the_moderators_unit_only_scales_the_slope(rows, option, unit):
    y, s = np.array(rows).T
    z = np.arange(len(rows)) ** 1.5
    first = meta_regression(y, s, z, method=option[0], test=option[1])
    second = meta_regression(y, s, unit * z, method=option[0], test=option[1])
    close(second.slope.estimate * unit, first.slope.estimate)
    close(second.slope.std_error * abs(unit), first.slope.std_error)
    close(second.intercept.estimate, first.intercept.estimate)
    close(second.tau2, first.tau2)


@steady
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_lies_between_p_and_bonferroni(p):
    adjusted = holm(p)
    assert (adjusted >= np.array(p)).all()
    assert (adjusted <= np.minimum(1, len(p) * np.array(p))).all()
    order = np.argsort(p, kind="stable")
    assert (np.diff(adjusted[order]) >= 0).all()

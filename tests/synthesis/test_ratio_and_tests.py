"""Fieller's interval, equivalence and Holm's adjustment."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import DescrStatsW

from plural_core.synthesis import SynthesisError, fieller_ratio, holm, tost
from plural_core.synthesis.inference import critical

steady = settings(max_examples=100, deadline=None, derandomize=True)
C2 = norm.ppf(0.975) ** 2


def test_fieller_with_a_certain_denominator_is_a_rescaled_interval():
    ratio = fieller_ratio(0.3, 0.2, [[0.01, 0], [0, 0]])
    assert ratio.bounded
    assert (ratio.ratio, ratio.ci_low, ratio.ci_high) == pytest.approx(
        (1.5, (0.3 - 1.959964 * 0.1) / 0.2, (0.3 + 1.959964 * 0.1) / 0.2), abs=1e-5
    )


def test_fieller_textbook_form():
    n, d, vn, vd, c = 1.2, 0.8, 0.04, 0.01, 0.005
    g = C2 * vd / d**2
    theta = n / d
    half = math.sqrt(C2) / d * math.sqrt(vn - 2 * theta * c + theta**2 * vd - g * (vn - c**2 / vd))
    ratio = fieller_ratio(n, d, [[vn, c], [c, vd]])
    assert ratio.ci_low == pytest.approx((theta - g * c / vd - half) / (1 - g))
    assert ratio.ci_high == pytest.approx((theta - g * c / vd + half) / (1 - g))


@steady
@given(
    st.floats(-2, 2), st.floats(-2, 2), st.floats(0.01, 1), st.floats(0.01, 1), st.floats(-0.95, 0.95), st.floats(-9, 9)
)
def test_fieller_holds_exactly_the_ratios_that_are_not_rejected(n, d, sn, sd, r, theta):
    covariance = [[sn**2, r * sn * sd], [r * sn * sd, sd**2]]
    ratio = fieller_ratio(n, d, covariance)
    spread = C2 * (sn**2 - 2 * theta * r * sn * sd + theta**2 * sd**2) - (n - theta * d) ** 2
    if abs(spread) > 1e-9:
        assert ratio.contains(theta) == (spread > 0)
    significant = d**2 / sd**2 - C2
    if abs(significant) > 1e-9:
        assert ratio.bounded == (significant > 0)
    assert ("unbounded" in ratio.describe()) == (not ratio.bounded)
    assert "\n" not in ratio.describe()


def test_fieller_says_that_it_is_unbounded():
    rays = fieller_ratio(1.0, 0.1, [[0.01, 0], [0, 0.01]])
    assert rays.shape == "two_rays"
    assert (rays.ci_low, rays.ci_high) == (-math.inf, math.inf)
    assert rays.contains(10) and rays.contains(-50) and not rays.contains(0)
    assert "unbounded" in rays.describe() and "or less, or" in rays.describe()
    whole = fieller_ratio(0.1, 0.1, [[0.01, 0], [0, 0.01]])
    assert whole.shape == "whole_line"
    assert whole.contains(1e9)
    assert "every ratio" in whole.describe()
    row = rays.to_frame()
    assert len(row) == 1
    assert not row.loc[0, "bounded"]


def test_fieller_corners():
    assert fieller_ratio(1.0, 2.0, np.zeros((2, 2))).ci_low == pytest.approx(0.5)
    undefined = fieller_ratio(1.0, 0.0, [[0.01, 0], [0, 0.01]])
    assert math.isnan(undefined.ratio)
    assert undefined.describe().startswith("The ratio is not defined")
    assert (
        fieller_ratio(1, 0.5, [[0.01, 0], [0, 0.01]], df=4).ci_high
        > fieller_ratio(1, 0.5, [[0.01, 0], [0, 0.01]]).ci_high
    )


@pytest.mark.parametrize("sign", [1, -1])
def test_fieller_at_the_border_is_a_half_line(sign):
    # The denominator is exactly the quantile times its standard error: one end is at infinity.
    ratio = fieller_ratio(sign * 3.0, critical(0.95, None), [[0.04, 0], [0, 1]])
    assert ratio.shape == "half_line"
    assert "unbounded" in ratio.describe()
    end = ratio.ci_low if sign > 0 else ratio.ci_high
    assert math.isfinite(end)
    assert ratio.contains(end + sign * 1e-6) and not ratio.contains(end - sign * 1e-6)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((math.nan, 1, np.eye(2)), "two finite estimates"),
        ((1, 1, np.eye(3)), "2 x 2"),
        ((1, 1, [[1, math.nan], [0, 1]]), "2 x 2"),
        ((1, 1, [[1, 0.5], [0.2, 1]]), "symmetric"),
        ((1, 1, [[-1, 0], [0, 1]]), "variances"),
        ((1, 1, [[1, 2], [2, 1]]), "correlations"),
    ],
)
def test_fieller_refuses(arguments, says):
    with pytest.raises(SynthesisError, match=says):
        fieller_ratio(*arguments)


def test_tost_equals_statsmodels():
    sample = np.random.default_rng(5).normal(0.01, 0.1, 40)
    p, lower, upper = DescrStatsW(sample).ttost_mean(-0.05, 0.05)
    ours = tost(sample.mean(), sample.std(ddof=1) / math.sqrt(40), margin=0.05, df=39)
    assert ours.p_value == pytest.approx(p)
    assert ours.p_lower == pytest.approx(lower[1])
    assert ours.p_upper == pytest.approx(upper[1])


@steady
@given(st.floats(-0.1, 0.1), st.floats(0.001, 0.1), st.sampled_from([None, 3.0, 20.0]))
def test_tost_is_the_interval_within_the_margins(estimate, std_error, df):
    result = tost(estimate, std_error, margin=0.02, df=df)
    inside = min(result.ci_low + 0.02, 0.02 - result.ci_high)
    if abs(inside) > 1e-9:
        assert result.equivalent == (inside > 0)
    assert len(result.to_frame()) == 1


@pytest.mark.parametrize(
    ("arguments", "options", "says"),
    [
        ((math.nan, 0.1), {"margin": 0.02}, "finite estimate"),
        ((0.1, 0.0), {"margin": 0.02}, "std_error must be a positive"),
        ((0.1, -1.0), {"margin": 0.02}, "std_error must be a positive"),
        ((0.1, 0.1), {"margin": 0}, "margin must be a positive"),
        ((0.1, 0.1), {"margin": 0.02, "alpha": 0.5}, "alpha"),
        ((0.1, 0.1), {"margin": 0.02, "df": 0}, "df must be positive"),
    ],
)
def test_tost_refuses(arguments, options, says):
    with pytest.raises(SynthesisError, match=says):
        tost(*arguments, **options)


def test_holm_equals_statsmodels_and_skips_missing():
    p = [0.01, 0.04, 0.03, 0.005, 0.5, 0.04]
    np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1])
    with_gap = holm([0.01, math.nan, 0.04])
    np.testing.assert_allclose(with_gap, [0.02, math.nan, 0.04])
    assert holm([]).size == 0


@pytest.mark.parametrize("p", [[0.1, 1.2], [-0.1], [[0.1]]])
def test_holm_refuses(p):
    with pytest.raises(SynthesisError, match="p_values"):
        holm(p)

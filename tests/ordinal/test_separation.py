"""Separation: the level is named and set apart, everything else is the limit of the fit."""

import os
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from plural_core.ordinal import CLMMResult, FitWarning, ModelDataError, OrdinalError, clmm

MIXED = "rating ~ group + sex + (1 | person) + (1 | item)"


@pytest.fixture(scope="module")
def separated(make: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    data = make(n=400, people=40, seed=2)
    lonely = data["person"] == data["person"].iloc[0]
    data.loc[lonely, "group"] = "z"
    data.loc[lonely, "rating"] = 1
    return data


def _quiet(formula: str, data: pd.DataFrame, **options: object) -> CLMMResult:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitWarning)
        return clmm(formula, data, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("formula", ["rating ~ group + sex", MIXED])
@pytest.mark.parametrize("link", ["logit", "probit", "cloglog"])
def test_level_is_named_and_the_rest_is_the_limit(separated: pd.DataFrame, formula: str, link: str) -> None:
    with pytest.warns(FitWarning, match="groupz.*not estimable"):
        fit = clmm(formula, separated, link=link)
    assert list(fit.not_estimable) == ["groupz"]
    assert fit.coefficients.loc["groupz", "estimate"] == -np.inf
    assert fit.converged
    rest = fit.coefficients.drop(index="groupz")
    assert np.isfinite(rest[["estimate", "std_error", "p_value"]].to_numpy()).all()
    without = clmm(formula, separated[separated["group"] != "z"], link=link)
    # Ratings that are certain add nothing to the likelihood, and their person nothing but a zero mode.
    assert fit.loglik == pytest.approx(without.loglik, abs=1e-6)
    assert np.allclose(rest["estimate"], without.coefficients["estimate"], atol=1e-4)
    assert np.allclose(rest["std_error"], without.coefficients["std_error"], rtol=1e-3)
    assert any("groupz" in m for m in fit.messages)
    assert "groupz" in fit.summary()
    assert "groupz" in fit.describe()
    assert "groupz" not in fit.vcov.index


def test_likelihood_rises_towards_the_limit(separated: pd.DataFrame) -> None:
    """The reported log-likelihood is the supremum: fixing the effect ever lower approaches it from below."""
    fit = _quiet(MIXED, separated)
    strong = [_quiet(MIXED, separated, penalty=width).loglik for width in (1.0, 3.0, 30.0)]
    assert strong == sorted(strong)
    assert strong[-1] < fit.loglik
    assert fit.loglik - strong[-1] < 0.1


def test_highest_category_and_reference_level(separated: pd.DataFrame) -> None:
    flipped = separated.assign(rating=6 - separated["rating"])
    assert _quiet(MIXED, flipped).coefficients.loc["groupz", "estimate"] == np.inf
    renamed = separated.assign(group=separated["group"].replace("z", "0"))
    with pytest.warns(FitWarning) as caught:
        fit = clmm(MIXED, renamed)
    assert any("reference level '0' of 'group'" in str(w.message) for w in caught)
    assert "group0" in fit.not_estimable
    assert fit.loglik == pytest.approx(_quiet(MIXED, separated).loglik, rel=1e-9)
    finite = fit.coefficients.drop(index="group0")
    assert np.isfinite(finite.to_numpy()).all()


def test_quasi_separation_by_a_number(make: Callable[..., pd.DataFrame]) -> None:
    """x orders the two categories except where it is zero: x runs away, the rest comes from x = 0."""
    data = make(n=240, seed=3)
    data["x"] = np.arange(240) % 3 - 1.0
    data["high"] = np.where(data["x"] == 0, (data["rating"] > 3).astype(int), (data["x"] > 0).astype(int))
    fit = _quiet("high ~ x + sex", data)
    assert list(fit.not_estimable) == ["x"]
    assert fit.coefficients.loc["x", "estimate"] == np.inf
    middle = clmm("high ~ sex", data[data["x"] == 0])
    assert fit.loglik == pytest.approx(middle.loglik, rel=1e-9)
    assert fit.coefficients.loc["sexmale", "estimate"] == pytest.approx(
        middle.coefficients.loc["sexmale", "estimate"], abs=1e-6
    )


def test_complete_separation_is_an_error_in_words(make: Callable[..., pd.DataFrame]) -> None:
    data = make(n=120, seed=3).assign(x=np.linspace(-1, 1, 120))
    data["high"] = (data["x"] > 0.1).astype(int)
    with pytest.raises(OrdinalError, match="completely separated by x"):
        clmm("high ~ x", data)
    assert np.isfinite(clmm("high ~ x", data, penalty="weak").coefficients.to_numpy()).all()


def test_two_separated_levels(separated: pd.DataFrame) -> None:
    data = separated.copy()
    other = data["person"] == data.loc[data["group"] != "z", "person"].iloc[0]
    data.loc[other, ["group", "rating"]] = ["y", 5]
    fit = _quiet(MIXED, data)
    assert set(fit.not_estimable) == {"groupz", "groupy"}
    assert fit.coefficients.loc["groupz", "estimate"] == -np.inf
    assert fit.coefficients.loc["groupy", "estimate"] == np.inf
    assert fit.converged


def test_predictions_and_contrasts_know(separated: pd.DataFrame) -> None:
    fit = _quiet(MIXED, separated)
    row = separated[separated["group"] == "z"].head(1)
    prediction = fit.predict(row, random="zero", std_error=True)
    assert prediction["estimate"].iloc[0, 0] == pytest.approx(1.0)
    assert prediction["std_error"].isna().all(axis=None)
    assert fit.contrast("group", "z", "b")["estimate"].iloc[0] == -np.inf
    assert np.isfinite(fit.contrast("group", "c", "b").to_numpy()).all()
    table = fit.marginal_probabilities("group")
    assert table.loc[table["level"] == "z", "std_error"].isna().all()
    assert table.loc[table["level"] != "z", "std_error"].notna().all()


@pytest.mark.parametrize("factor", ["sex", "age"])
def test_averages_over_other_factors_keep_their_errors(separated: pd.DataFrame, factor: str) -> None:
    """Ratings of the separated level are certain whatever else changes: they dilute the effect, and its error."""
    formula = MIXED.replace("sex", "sex + age")
    others = separated[separated["group"] != "z"]
    effect = _quiet(formula, separated).average_marginal_effects(factor)
    without = clmm(formula, others).average_marginal_effects(factor)
    share = len(others) / len(separated)
    assert share < 1
    assert np.allclose(effect["estimate"], share * without["estimate"], atol=1e-4)
    assert np.allclose(effect["std_error"], share * without["std_error"], rtol=1e-3)
    assert np.isfinite(effect[["p_value", "ci_low", "ci_high"]].to_numpy()).all()
    assert np.isfinite(_quiet(formula, separated).marginal_probabilities("sex")["std_error"]).all()


@pytest.mark.parametrize("used", [[1], [3], [1, 2], [2, 3, 4], [4, 5]])
def test_own_thresholds_of_a_level_stay_in_order(separated: pd.DataFrame, used: list[int]) -> None:
    """A level with cut points of its own that did not use the ends of the scale: the other cut points move along."""
    lonely = separated["group"] == "z"
    data = separated.copy()
    data.loc[lonely, "rating"] = np.resize(used, lonely.sum())
    fit = _quiet(MIXED, data, nominal="group")
    assert fit.converged
    assert not any("cross" in m for m in fit.messages)
    probability = fit.predict(data[lonely])
    assert (probability >= 0).all(axis=None)
    assert np.allclose(probability.sum(axis=1), 1)
    never = [k for k in fit.levels if k not in used]
    assert np.allclose(probability[never], 0)


def test_own_thresholds_need_every_category_between(separated: pd.DataFrame) -> None:
    """Without a rating of 3 between others the thresholds of the level would cross: P(3) < 0, and a false test."""
    lonely = separated["group"] == "z"
    data = separated.copy()
    data.loc[lonely, "rating"] = np.resize([1, 2, 4, 5], lonely.sum())
    with pytest.raises(ModelDataError, match="'groupz' has no rating of 3, but lower and higher ones"):
        clmm(MIXED, data, nominal="group")
    fit = clmm(MIXED, data)
    with pytest.warns(FitWarning, match="group: not tested: .* no rating of 3"):
        check = fit.proportional_odds_check()
    assert np.isnan(check.table.loc["group", "p_value"])
    assert np.isfinite(check.table.loc["sex", "p_value"])
    assert any("not tested" in m for m in check.messages)
    with pytest.warns(FitWarning, match="not tested"):
        assert not len(fit.proportional_odds_check("group").effects)


@pytest.mark.filterwarnings("ignore:NOT CONVERGED")
def test_crossing_thresholds_are_told() -> None:
    """Equidistant thresholds of a group at both ends of the scale: the best spacing is negative."""
    rng = np.random.default_rng(1)
    y = np.concatenate([rng.integers(1, 6, 200), np.resize([1, 5], 40)])
    data = pd.DataFrame({"y": y, "g": ["a"] * 200 + ["b"] * 40})
    with pytest.warns(FitWarning, match="thresholds cross for 1 pattern"):
        fit = clmm("y ~ g", data, threshold="equidistant", nominal="g")
    assert any("cross" in m for m in fit.messages)


def test_a_separated_level_adds_no_degrees_of_freedom(separated: pd.DataFrame) -> None:
    fit = _quiet(MIXED, separated)
    check = fit.proportional_odds_check("group")
    without = clmm(MIXED, separated[separated["group"] != "z"]).proportional_odds_check("group")
    assert check.df == without.df == 6
    assert check.lr_stat == pytest.approx(without.lr_stat, abs=1e-4)
    two = separated.assign(lonely=np.where(separated["group"] == "z", "yes", "no"))
    alone = _quiet("rating ~ lonely + sex + (1 | person)", two)
    with pytest.warns(FitWarning, match="nothing to compare"):
        assert np.isnan(alone.proportional_odds_check("lonely").p_value)


def test_bootstrap_of_a_separated_fit_is_quiet(separated: pd.DataFrame) -> None:
    fit = _quiet("rating ~ group + sex", separated)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = fit.bootstrap(10, seed=1).to_frame()
    assert table.loc["groupz", ["ci_low", "ci_high"]].tolist() == [-np.inf, -np.inf]
    assert np.isfinite(table.drop(index="groupz").to_numpy()).all()


def test_weak_penalty_keeps_everything_finite(separated: pd.DataFrame) -> None:
    fit = clmm(MIXED, separated, penalty="weak")
    assert fit.converged
    assert not fit.not_estimable
    assert np.isfinite(fit.coefficients.to_numpy()).all()
    free = _quiet(MIXED, separated).coefficients.drop(index="groupz")
    assert np.allclose(fit.coefficients.loc[free.index, "estimate"], free["estimate"], atol=0.1)


def test_no_false_alarm_for_large_effects(make: Callable[..., pd.DataFrame]) -> None:
    data = make(n=400, seed=6)
    rng = np.random.default_rng(0)
    data["x"] = rng.normal(size=400) * 5
    data["rating"] = 1 + np.searchsorted([-8.0, -2.0, 3.0, 9.0], 3 * data["x"] + rng.logistic(size=400))
    fit = clmm("rating ~ x", data)
    assert not fit.not_estimable
    assert fit.converged
    assert fit.coefficients.loc["x", "estimate"] == pytest.approx(3.0, abs=1.0)


@pytest.mark.real_data
def test_popquorn() -> None:
    """R 4.2 gives logLik -1144.80 and NaN for every standard error here."""
    folder = os.environ.get("PLURAL_REAL_DATA")
    if not folder:
        pytest.skip("PLURAL_REAL_DATA is not set")
    data = pd.read_csv(Path(folder) / "popquorn" / "raw_data.csv")
    data = data[data["instance_id"].isin(sorted(data["instance_id"].unique())[:120])]
    formula = "offensiveness ~ gender + race + (1 | user_id) + (1 | instance_id)"
    for reference in ({}, {"race": "White", "gender": "Man"}):
        fit = _quiet(formula, data, reference=reference)
        assert fit.loglik == pytest.approx(-1144.80, abs=0.006)
        assert list(fit.not_estimable) == ["raceArab American"]
        others = fit.coefficients.drop(index="raceArab American")
        assert np.isfinite(others.to_numpy()).all()
        assert fit.converged
    assert np.isfinite(_quiet(formula, data, penalty="weak").coefficients.to_numpy()).all()

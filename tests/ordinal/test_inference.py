"""Intervals, contrasts, tests, simulation, power and words."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2, kstest

from plural_core.ordinal import CLMMResult, InferenceError, PowerDesign, clmm, compare, power

# LRT and Df of R's nominal_test(clm(rating ~ group + age)) on reference/simulated.csv.
NOMINAL = {"group": (3.062514113, 6), "age": (5.109477259, 3)}
ADDITIVE = "rating ~ group + sex + age + (1 | person) + (1 | item)"


@pytest.fixture(scope="module")
def fit(ratings: pd.DataFrame) -> CLMMResult:
    return clmm(ADDITIVE, ratings)


def test_contrast_is_the_refit_with_another_reference(fit: CLMMResult, ratings: pd.DataFrame) -> None:
    other = clmm(ADDITIVE, ratings, reference={"group": "c"}).coefficients.loc["groupb"]
    ours = fit.contrast("group", "b", "c").iloc[0]
    assert ours["estimate"] == pytest.approx(other["estimate"], abs=1e-6)
    assert ours["std_error"] == pytest.approx(other["std_error"], rel=1e-4)
    assert fit.contrast("group", "b", "a").iloc[0]["estimate"] == fit.coefficients.loc["groupb", "estimate"]
    assert len(fit.contrast("group")) == 3
    with pytest.raises(InferenceError, match="'d' is not a level"):
        fit.contrast("group", "d", "a")
    with pytest.raises(InferenceError, match="interaction"):
        clmm("rating ~ group * sex", ratings).contrast("group", "a", "b")


def test_compare(fit: CLMMResult, ratings: pd.DataFrame) -> None:
    less = clmm("rating ~ sex + age + (1 | person) + (1 | item)", ratings)
    table = compare(fit, less)
    assert table["n_params"].tolist() == [8, 10]
    statistic = 2 * (fit.loglik - less.loglik)
    assert table.loc["m1", "lr_stat"] == pytest.approx(statistic)
    assert table.loc["m1", "p_value"] == pytest.approx(chi2.sf(statistic, 2))
    assert fit.compare(less).equals(table)
    with pytest.raises(InferenceError, match="not of the same ratings"):
        compare(fit, clmm("rating ~ sex", ratings.iloc[:200]))
    with pytest.raises(InferenceError, match="links"):
        compare(fit, clmm("rating ~ sex", ratings, link="probit"))
    with pytest.raises(InferenceError, match="two fits"):
        compare(fit)
    with pytest.raises(InferenceError, match="not float"):
        compare(fit, 3.0)  # type: ignore[arg-type]


def test_wald_and_profile_intervals(fit: CLMMResult, ratings: pd.DataFrame) -> None:
    wald = fit.confint()
    assert np.allclose(wald.loc["age", ["ci_low", "ci_high"]], fit.coefficients.loc["age", ["ci_low", "ci_high"]])
    assert wald.loc["sd(person)", "ci_low"] > 0
    profile = fit.profile(["groupb", "2|3", "sd(person)", "sd(item)"])
    for name in ("groupb", "2|3", "sd(person)"):
        low, high = profile.intervals.loc[name, ["ci_low", "ci_high"]]
        assert np.allclose([low, high], wald.loc[name, ["ci_low", "ci_high"]], atol=0.35)
        curve = profile.curves[profile.curves["parameter"] == name]
        assert (np.diff(curve["value"]) > 0).all()
        assert (np.diff(curve["signed_root"]) > 0).all()
    # At the end of the interval the likelihood-ratio statistic is the quantile: check by constrained refit.
    end = float(profile.intervals.loc["groupb", "ci_high"])
    offset = _loglik_with_fixed_effect(ratings, end)
    assert 2 * (fit.loglik - offset) == pytest.approx(chi2.ppf(0.95, 1), rel=1e-3)
    assert fit.confint("groupb", method="profile").loc["groupb", "ci_high"] == pytest.approx(end)
    with pytest.raises(InferenceError, match="Did you mean 'groupb'"):
        fit.confint("groupbb")
    with pytest.raises(InferenceError, match="method"):
        fit.confint(method="bayes")


def _loglik_with_fixed_effect(data: pd.DataFrame, value: float) -> float:
    """Maximum with the effect of groupb held at `value`, by a route of its own (scipy on the likelihood)."""
    from scipy.optimize import minimize

    fit = clmm(ADDITIVE, data)
    place = list(fit.spec.names).index("groupb")
    likelihood, psi = fit.solution.likelihood, fit.solution.psi
    free = np.arange(len(psi)) != place

    def objective(part: np.ndarray) -> tuple[float, np.ndarray]:
        whole = psi.copy()
        whole[free], whole[place] = part, value
        here = likelihood.evaluate(whole)
        return (1e10, np.zeros(len(part))) if here is None else (-here.objective, -here.gradient[free])

    return -float(minimize(objective, psi[free], jac=True, method="BFGS", options={"gtol": 1e-6}).fun)


@pytest.mark.parametrize("level", [95, 1.0, 0.0, -0.5, float("nan")])
def test_level_is_a_coverage(fit: CLMMResult, level: float) -> None:
    """95 for 0.95 would give missing ends without a word."""
    questions: list[Callable[[], object]] = [
        lambda: fit.confint(level=level),
        lambda: fit.confint("age", method="profile", level=level),
        lambda: fit.profile("age", level=level),
        lambda: fit.contrast("group", level=level),
        lambda: fit.marginal_probabilities("group", level=level),
        lambda: fit.average_marginal_effects("group", level=level),
        lambda: fit.predict(kind="linear", level=level),
        lambda: fit.describe(level),
    ]
    for question in questions:
        with pytest.raises(InferenceError, match="between 0 and 1"):
            question()


def test_profile_of_a_variance_at_zero(ratings: pd.DataFrame) -> None:
    data = ratings.assign(noise=np.random.default_rng(3).permutation(np.arange(300) % 15))
    fit = clmm("rating ~ group + (1 | person) + (1 | noise)", data)
    if fit.random_effects.loc["noise", "sd"] != 0.0:
        pytest.fail("this seed was chosen for a variance at zero")
    interval = fit.profile("sd(noise)").intervals.loc["sd(noise)"]
    assert interval["ci_low"] == 0.0
    assert 0.1 < interval["ci_high"] < 2.0


def test_proportional_odds_as_r_nominal_test(simulated: pd.DataFrame) -> None:
    """Without random terms: ordinal::nominal_test(clm(...)) of R 4.2 on the committed data."""
    fit = clmm("rating ~ group + age", simulated)
    check = fit.proportional_odds_check()
    assert check.table.loc["group", "lr_stat"] == pytest.approx(NOMINAL["group"][0], abs=1e-3)
    assert check.table.loc["group", "df"] == NOMINAL["group"][1]
    assert check.table.loc["age", "lr_stat"] == pytest.approx(NOMINAL["age"][0], abs=1e-3)
    assert check.table.loc["age", "p_value"] == pytest.approx(chi2.sf(NOMINAL["age"][0], 3), abs=1e-4)


def test_proportional_odds_keeps_the_random_effects(ratings: pd.DataFrame, fit: CLMMResult) -> None:
    check = fit.proportional_odds_check("group")
    assert check.df == 2 * 3
    assert 0 <= check.p_value <= 1
    wide = clmm(ADDITIVE, ratings, nominal="group")
    assert check.lr_stat == pytest.approx(2 * (wide.loglik - fit.loglik), abs=1e-5)
    assert len(wide.random_effects) == 2
    assert set(check.effects["threshold"]) == {"1|2", "2|3", "3|4", "4|5"}
    # The common effect lies within the range of the threshold-specific ones.
    by_term = check.effects[np.isfinite(check.effects["estimate"])].groupby("term")["estimate"]
    for term in ("groupb", "groupc"):
        low, high = by_term.min()[term], by_term.max()[term]
        assert low - 0.1 < fit.coefficients.loc[term, "estimate"] < high + 0.1
    with pytest.raises(InferenceError, match="factors were tested"):
        _ = fit.proportional_odds_check(["group", "sex"]).p_value


def test_proportional_odds_sees_a_violation() -> None:
    rng = np.random.default_rng(5)
    who = np.repeat(np.arange(80), 15)
    treated = (np.arange(80) % 2)[who]
    cuts = np.array([-1.0, 0.0, 1.0]) - treated[:, None] * np.array([1.5, 0.5, -0.5])
    latent = rng.normal(size=80)[who] * 0.7 + rng.logistic(size=len(who))
    data = pd.DataFrame({"y": 1 + (latent[:, None] > cuts).sum(axis=1), "treated": treated.astype(str), "who": who})
    check = clmm("y ~ treated + (1 | who)", data).proportional_odds_check("treated")
    assert check.p_value < 1e-6
    found = check.effects.set_index("threshold")
    errors = (found["estimate"] - np.array([1.5, 0.5, -0.5])) / found["std_error"]
    assert (errors.abs() < 3).all()


def test_simulate_follows_the_model(fit: CLMMResult) -> None:
    draws = fit.simulate(300, seed=1)
    assert draws.shape == (300, 300)
    assert draws.equals(fit.simulate(300, seed=1))
    expected = fit.predict(random="marginal").mean()
    shares = pd.Series(draws.to_numpy().ravel()).value_counts(normalize=True).sort_index()
    assert np.allclose(shares, expected, atol=0.02)
    same = fit.simulate(200, seed=2, new_random=False)
    conditional = fit.predict().mean()
    shares = pd.Series(same.to_numpy().ravel()).value_counts(normalize=True).sort_index()
    assert np.allclose(shares, conditional, atol=0.01)
    with pytest.raises(InferenceError, match="at least one"):
        fit.simulate(0)


def test_bootstrap(fit: CLMMResult) -> None:
    result = fit.bootstrap(40, seed=3)
    table = result.to_frame()
    assert list(table.index) == [*fit.thresholds.index, *fit.coefficients.index, "sd(person)", "sd(item)"]
    assert result.n_failed == 0
    assert np.allclose(table.loc["age", "std_error"], fit.coefficients.loc["age", "std_error"], rtol=0.5)
    assert (table["ci_low"] < table["ci_high"]).all()
    assert result.estimates.equals(fit.bootstrap(40, seed=3).estimates)


@pytest.fixture(scope="module")
def design(ratings: pd.DataFrame) -> PowerDesign:
    return PowerDesign(
        "rating ~ group + sex + (1 | person) + (1 | item)", ratings.drop(columns="rating"),
        thresholds=[-1.5, -0.4, 0.6, 1.8], sds={"person": 0.5, "item": 0.4}, effects={"groupc": -0.5},
    )  # fmt: skip


def test_power_by_simulation_and_by_information(design: PowerDesign) -> None:
    simulated = power(design, {"groupb": 0.9, "sexmale": 0.0}, 80, seed=1)
    quick = power(design, {"groupb": 0.9, "sexmale": 0.0}, method="information")
    assert list(simulated.table.index) == ["groupb", "sexmale"]
    a, b = simulated.table, quick.table
    assert np.allclose(a["std_error"], b["std_error"], rtol=0.12)
    assert a.loc["groupb", "mc_low"] - 0.05 <= b.loc["groupb", "power"] <= a.loc["groupb", "mc_high"] + 0.05
    assert b.loc["sexmale", "power"] == pytest.approx(0.05, abs=1e-9)
    assert a.loc["sexmale", "power"] < 0.15
    assert a.loc["groupb", "odds_ratio"] == pytest.approx(np.exp(0.9))
    assert simulated.n_failed == 0


def test_power_grows_with_raters_and_effects(design: PowerDesign, fit: CLMMResult) -> None:
    sizes = [power(design.resized("person", n), {"groupb": 0.4}, method="information") for n in (15, 60, 240)]
    values = [s.table.loc["groupb", "power"] for s in sizes]
    assert values == sorted(values)
    assert sizes[2].n_ratings > 4 * sizes[1].n_ratings / 2
    small, large = (fit.power({"age": e}, method="information").table["power"].iloc[0] for e in (0.1, 0.6))
    assert small < large


def test_information_is_the_information_of_the_fit(ratings: pd.DataFrame) -> None:
    """Without random terms the expected information is close to the observed one at the estimate."""
    fit = clmm("rating ~ group + age", ratings)
    effects = fit.coefficients["estimate"].to_dict()
    table = fit.power(effects, method="information").table
    assert np.allclose(table["std_error"], fit.coefficients["std_error"], rtol=0.03)


def test_power_refuses_what_it_does_not_know(design: PowerDesign) -> None:
    with pytest.raises(InferenceError, match="Did you mean 'groupb'"):
        power(design, {"gruopb": 1.0})
    with pytest.raises(InferenceError, match="method"):
        power(design, {"groupb": 1.0}, method="magic")
    with pytest.raises(InferenceError, match="sds lacks"):
        power(PowerDesign(design.formula, design.data, [0.0, 1.0], {"person": 1.0}), {"groupb": 1.0})
    with pytest.raises(InferenceError, match="increasing"):
        power(PowerDesign(design.formula, design.data, [1.0, 0.0], dict(design.sds)), {"groupb": 1.0})


def test_quantile_residuals_are_normal(fit: CLMMResult) -> None:
    for random in ("conditional", "marginal"):
        residuals = fit.quantile_residuals(seed=1, random=random)
        assert np.isfinite(residuals).all()
        assert kstest(residuals / residuals.std(), "norm").pvalue > 0.01
        assert residuals.std() == pytest.approx(1.0, abs=0.15)
    assert fit.quantile_residuals(seed=1).equals(fit.quantile_residuals(seed=1))


def test_describe_says_what_was_found(fit: CLMMResult, ratings: pd.DataFrame) -> None:
    text = fit.describe()
    assert "\n" not in text
    assert "300 ratings" in text
    assert "30 levels of person and 20 levels of item" in text
    clear = fit.coefficients[fit.coefficients["p_value"] < 0.05].index
    assert len(clear)
    assert f"{abs(fit.coefficients.loc[clear[0], 'percent_change']):.0f} %" in text
    probit = clmm("rating ~ group", ratings, link="probit").describe()
    assert "odds" not in probit


def test_summary_prints_like_r(simulated: pd.DataFrame) -> None:
    fit = clmm("rating ~ group + age + (1 | participant) + (1 | item)", simulated)
    text = fit.summary()
    for part in (
        "Cumulative Link Mixed Model fitted with the Laplace approximation",
        "formula: rating ~ group + age + (1 | participant) + (1 | item)",
        "link  threshold nobs logLik",
        "Random effects:",
        "participant (Intercept)",
        "Number of groups:  participant 80,  item 40",
        "Coefficients:",
        "Estimate Std. Error z value Pr(>|z|)",
        "Threshold coefficients:",
        "1|2",
    ):
        assert part in text
    assert clmm("rating ~ age", simulated).summary().startswith("Cumulative Link Model")
    assert "quadrature points" in clmm("rating ~ age + (1 | item)", simulated, n_agq=3).summary()

"""What has to hold for every fit, whatever the numbers."""

from collections.abc import Callable
from dataclasses import FrozenInstanceError

import numpy as np
import pandas as pd
import pytest
from statsmodels.miscmodels.ordinal_model import OrderedModel

from plural_core.ordinal import CLMMResult, FitWarning, clmm
from plural_core.ordinal.rows import row_terms

MIXED = "rating ~ group + sex + age + (1 | person) + (1 | item)"


@pytest.fixture(scope="module")
def fit(ratings: pd.DataFrame) -> CLMMResult:
    return clmm(MIXED, ratings)


def _same(a: CLMMResult, b: CLMMResult, *, rel: float = 1e-7) -> None:
    assert a.loglik == pytest.approx(b.loglik, rel=1e-10)
    for table in ("coefficients", "thresholds"):
        one, two = getattr(a, table), getattr(b, table)
        assert list(one.index) == list(two.index)
        assert np.allclose(one[["estimate", "std_error"]], two[["estimate", "std_error"]], rtol=rel, atol=1e-6)
    assert np.allclose(a.random_effects["sd"], b.random_effects["sd"], atol=1e-6)


def test_shape_of_the_result(fit: CLMMResult, ratings: pd.DataFrame) -> None:
    assert fit.converged
    assert fit.n_obs == len(ratings)
    assert fit.n_params == 4 + 4 + 2
    assert fit.aic == pytest.approx(-2 * fit.loglik + 20)
    assert fit.bic == pytest.approx(-2 * fit.loglik + 10 * np.log(300))
    columns = ["estimate", "std_error", "z", "p_value", "ci_low", "ci_high", "odds_ratio", "percent_change"]
    assert list(fit.coefficients.columns) == columns
    assert list(fit.thresholds.columns) == columns
    assert list(fit.coefficients.index) == ["groupb", "groupc", "sexmale", "age"]
    assert list(fit.thresholds.index) == ["1|2", "2|3", "3|4", "4|5"]
    assert list(fit.random_effects.columns) == ["sd", "variance", "n_levels"]
    assert list(fit.random_effects.index) == ["person", "item"]
    assert fit.random_effects["n_levels"].tolist() == [30, 20]
    b = fit.coefficients.loc["sexmale"]
    assert b["odds_ratio"] == pytest.approx(np.exp(b["estimate"]))
    assert b["percent_change"] == pytest.approx(100 * (b["odds_ratio"] - 1))
    assert fit.vcov.loc["age", "age"] == pytest.approx(fit.coefficients.loc["age", "std_error"] ** 2)
    assert list(fit.vcov.index) == [*fit.thresholds.index, *fit.coefficients.index]
    assert fit.optimizer.gradient_norm < 1e-5
    assert fit.optimizer.condition_number > 1
    assert fit.to_frame()["kind"].value_counts().to_dict() == {"threshold": 4, "coefficient": 4, "sd": 2}


def test_order_of_rows(fit: CLMMResult, ratings: pd.DataFrame) -> None:
    _same(fit, clmm(MIXED, ratings.sample(frac=1.0, random_state=3)))


def test_order_of_terms(fit: CLMMResult, ratings: pd.DataFrame) -> None:
    _same(fit, clmm("rating ~ group + sex + age + (1 | item) + (1 | person)", ratings))


def test_labels_do_not_matter(fit: CLMMResult, ratings: pd.DataFrame) -> None:
    rng = np.random.default_rng(0)
    people = ratings["person"].unique()
    renamed = dict(zip(people, rng.permutation(len(people)), strict=True))
    _same(fit, clmm(MIXED, ratings.assign(person=ratings["person"].map(renamed))))


def test_order_of_levels(fit: CLMMResult, ratings: pd.DataFrame) -> None:
    """Another reference level is another parametrisation of the same model."""
    other = clmm(MIXED, ratings, reference={"group": "c", "sex": "male"})
    assert other.loglik == pytest.approx(fit.loglik, rel=1e-10)
    a, b = fit.coefficients["estimate"], other.coefficients["estimate"]
    assert b["groupa"] == pytest.approx(-a["groupc"], abs=1e-6)
    assert b["groupb"] == pytest.approx(a["groupb"] - a["groupc"], abs=1e-6)
    assert b["sexfemale"] == pytest.approx(-a["sexmale"], abs=1e-6)
    table = fit.contrast("group", "b", "c")
    assert table["std_error"].iloc[0] == pytest.approx(other.coefficients.loc["groupb", "std_error"], rel=1e-5)


@pytest.mark.parametrize(("link", "mirror"), [("logit", "logit"), ("probit", "probit"), ("cloglog", "loglog")])
@pytest.mark.parametrize("threshold", ["flexible", "symmetric", "equidistant"])
def test_reversed_scale_reverses_the_signs(ratings: pd.DataFrame, link: str, mirror: str, threshold: str) -> None:
    formula = "rating ~ sex + age + (1 | person) + (1 | item)"
    fit = clmm(formula, ratings, link=link, threshold=threshold)
    back = clmm(formula, ratings.assign(rating=6 - ratings["rating"]), link=mirror, threshold=threshold)
    assert back.loglik == pytest.approx(fit.loglik, rel=1e-9)
    assert np.allclose(back.coefficients["estimate"], -fit.coefficients["estimate"], atol=1e-5)
    assert np.allclose(back.coefficients["std_error"], fit.coefficients["std_error"], rtol=1e-4)
    if threshold == "flexible":
        assert np.allclose(back.thresholds["estimate"], -fit.thresholds["estimate"].to_numpy()[::-1], atol=1e-5)


@pytest.mark.parametrize(
    ("terms", "n_agq"),
    [
        ("", 1),
        (" + (1 | person)", 1),
        (" + (1 | person)", 5),
        (" + (1 | person) + (1 | item)", 1),
        (" + (1 | topic/item)", 1),
    ],
)
def test_weights_are_repeated_rows(ratings: pd.DataFrame, terms: str, n_agq: int) -> None:
    times = np.arange(len(ratings)) % 3 + 1
    formula = "rating ~ group + age" + terms
    weighted = clmm(formula, ratings, weights=times, n_agq=n_agq)
    repeated = clmm(formula, ratings.loc[ratings.index.repeat(times)], n_agq=n_agq)
    _same(weighted, repeated, rel=1e-6)
    assert weighted.n_obs == repeated.n_obs == times.sum()
    assert weighted.bic == pytest.approx(repeated.bic)


def test_two_categories_are_the_binomial_mixed_model(simulated: pd.DataFrame) -> None:
    """glmer of lme4 1.1 (Laplace, tight tolerances) on rating >= 4; its intercept is minus our threshold."""
    data = simulated.assign(high=(simulated["rating"] >= 4).astype(int))
    fit = clmm("high ~ group + age + (1 | participant) + (1 | item)", data)
    assert fit.loglik == pytest.approx(-244.4509593, rel=1e-6)
    ours = fit.coefficients["estimate"]
    for name, value in {"groupb": 0.8668269066, "groupc": -0.5640324069, "age": 0.5055854797}.items():
        assert ours[name] == pytest.approx(value, abs=1e-4)
    assert fit.thresholds.loc["0|1", "estimate"] == pytest.approx(0.3624722149, abs=1e-4)
    assert fit.random_effects.loc["participant", "sd"] == pytest.approx(1.3619702591, abs=1e-4)
    assert fit.random_effects.loc["item", "sd"] == pytest.approx(0.8321594011, abs=1e-4)
    errors = {"groupb": 0.5060734850, "groupc": 0.4975210214, "age": 0.2136381650}
    for name, value in errors.items():
        assert fit.coefficients.loc[name, "std_error"] == pytest.approx(value, rel=2e-3)


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_without_random_terms_as_statsmodels(ratings: pd.DataFrame, link: str) -> None:
    fit = clmm("rating ~ sex + age", ratings, link=link)
    x = pd.DataFrame({"sexmale": (ratings["sex"] == "male").astype(float), "age": ratings["age"]})
    theirs = OrderedModel(ratings["rating"], x, distr=link).fit(method="newton", disp=False, tol=1e-12)
    assert fit.loglik == pytest.approx(theirs.llf, rel=1e-9)
    assert np.allclose(fit.coefficients["estimate"], theirs.params[:2], atol=1e-5)
    assert np.allclose(fit.coefficients["std_error"], theirs.bse[:2], rtol=1e-3)


def test_quadrature_with_one_node_is_laplace_and_converges(ratings: pd.DataFrame) -> None:
    formula = "rating ~ group + (1 | person)"
    values = [clmm(formula, ratings, n_agq=k).loglik for k in (1, 3, 9, 25)]
    assert abs(values[3] - values[2]) < 1e-4 < abs(values[3] - values[0])


def test_variance_at_zero_is_a_result(make: Callable[..., pd.DataFrame]) -> None:
    data = make(n=250, seed=4, sds=(1.0, 0.0))
    data["noise"] = np.random.default_rng(8).permutation(np.arange(250) % 10)
    fit = clmm("rating ~ group + (1 | person) + (1 | noise)", data)
    without = clmm("rating ~ group + (1 | person)", data)
    assert fit.random_effects.loc["noise", "sd"] == 0.0
    assert fit.converged
    assert any("boundary" in m for m in fit.messages)
    assert fit.loglik == pytest.approx(without.loglik, rel=1e-10)
    assert np.allclose(fit.coefficients["std_error"], without.coefficients["std_error"], rtol=1e-5)
    assert (fit.ranef("noise")["estimate"] == 0).all()


def test_start_of_a_similar_fit_gives_the_same_fit(fit: CLMMResult, ratings: pd.DataFrame) -> None:
    again = clmm(MIXED, ratings, start=fit.parameters)
    _same(fit, again)
    assert again.optimizer.iterations <= fit.optimizer.iterations


def test_not_converged_is_loud(ratings: pd.DataFrame) -> None:
    far = np.array([-9.0, -3.0, 4.0, 9.0, 3.0, -3.0, 3.0, -3.0, 5.0, 5.0])
    with pytest.warns(FitWarning, match="NOT CONVERGED after 1 iterations"):
        fit = clmm(MIXED, ratings, max_iterations=1, start=far)
    assert not fit.converged
    assert fit.summary().startswith("*** NOT CONVERGED")
    assert fit.describe().startswith("This fit did NOT converge")
    assert "NOT CONVERGED" in repr(fit)


def test_conditional_modes(fit: CLMMResult) -> None:
    modes = fit.ranef("person")
    assert list(modes.columns) == ["estimate", "conditional_variance", "std_error"]
    assert len(modes) == 30
    assert modes.index.name == "person"
    variance = fit.random_effects.loc["person", "variance"]
    assert ((modes["conditional_variance"] > 0) & (modes["conditional_variance"] < variance)).all()
    with pytest.raises(ValueError, match="say which"):
        fit.ranef()
    with pytest.raises(ValueError, match="Did you mean 'person'"):
        fit.ranef("persn")


def test_three_terms_partly_crossed(make: Callable[..., pd.DataFrame]) -> None:
    """A third term of sd zero in truth changes little; the general elimination gives the same as two terms."""
    data = make(n=600, people=40, items=30, seed=5)
    fit = clmm("rating ~ group + (1 | person) + (1 | topic/item)", data)
    assert fit.converged
    assert list(fit.random_effects.index) == ["person", "item:topic", "topic"]
    two = clmm("rating ~ group + (1 | person) + (1 | item)", data)
    assert fit.loglik >= two.loglik - 1e-8


def test_cauchit_bears_negative_weights(ratings: pd.DataFrame) -> None:
    """Single ratings are not log-concave at the mode, the whole is: a maximum all the same."""
    fit = clmm("rating ~ group + (1 | person) + (1 | item)", ratings, link="cauchit")
    likelihood = fit.solution.likelihood
    b = likelihood.joint.spread(fit.sigma, fit.solution.u)
    c1, c2 = fit.fitted.fixed_ends(fit.solution.gamma)
    terms = row_terms(fit.spec.link, *fit.fitted.close(c1 - b, c2 - b))
    assert (terms.w < 0).any()
    assert fit.converged
    assert np.isfinite(fit.coefficients["std_error"]).all()
    assert fit.coefficients["odds_ratio"].isna().all()


def test_results_are_frozen(fit: CLMMResult) -> None:
    with pytest.raises(FrozenInstanceError):
        fit.loglik = 0.0  # type: ignore[misc]

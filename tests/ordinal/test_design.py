"""Data in: R's names, reference levels, missing rows, and one clear line for every kind of bad input."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from plural_core.ordinal import FitWarning, FormulaError, ModelDataError, OrdinalError, clmm
from plural_core.ordinal.design import ModelFrame, build_frame
from plural_core.ordinal.formula import parse_formula


def _frame(formula: str, data: pd.DataFrame, **options: Any) -> ModelFrame:
    return build_frame(parse_formula(formula), data, **options)


@pytest.mark.parametrize(
    ("formula", "names"),
    [
        ("rating ~ group", ["groupb", "groupc"]),
        ("rating ~ age * group", ["age", "groupb", "groupc", "age:groupb", "age:groupc"]),
        ("rating ~ group + group:sex", ["groupb", "groupc", "groupa:sexmale", "groupb:sexmale", "groupc:sexmale"]),
        ("rating ~ I(age^2) + flag", ["I(age^2)", "flagTRUE"]),
        ("rating ~ log(score)", ["log(score)"]),
        ("rating ~ C(score)", ["C(score)2.0", "C(score)3.0"]),
        ("rating ~ 1", []),
    ],
)  # fmt: skip
def test_names_are_those_of_r(ratings: pd.DataFrame, formula: str, names: list[str]) -> None:
    rng = np.random.default_rng(0)
    data = ratings.assign(flag=rng.random(len(ratings)) < 0.5, score=rng.integers(1, 4, len(ratings)))
    assert list(_frame(formula, data).names) == names


def test_reference_level(ratings: pd.DataFrame) -> None:
    assert _frame("rating ~ group", ratings, reference={"group": "c"}).names == ("groupa", "groupb")
    data = ratings.assign(flag=ratings["age"] > 0)
    assert _frame("rating ~ flag", data, reference={"flag": True}).names == ("flagFALSE",)
    with pytest.raises(ModelDataError, match=r"reference level 'femal'.*Did you mean 'female'"):
        clmm("rating ~ sex", ratings, reference={"sex": "femal"})
    with pytest.raises(ModelDataError, match="Did you mean 'sex'"):
        clmm("rating ~ sex", ratings, reference={"sexx": "male"})
    with pytest.raises(ModelDataError, match="numeric"):
        clmm("rating ~ age", ratings, reference={"age": 1})


def test_missing_rows_are_dropped_and_counted(ratings: pd.DataFrame) -> None:
    holes = ratings.copy()
    holes.loc[[3, 7], "age"] = np.nan
    holes.loc[[7, 11], "sex"] = None
    holes.loc[20, "person"] = None
    holes["rating"] = holes["rating"].astype(float)
    holes.loc[30, "rating"] = np.nan
    holes["unused"] = np.nan
    fit = clmm("rating ~ age + sex + (1 | person)", holes)
    assert fit.n_dropped == 5
    assert fit.n_obs == len(ratings) - 5
    whole = clmm("rating ~ age + sex + (1 | person)", ratings.drop(index=[3, 7, 11, 20, 30]))
    assert fit.loglik == pytest.approx(whole.loglik, rel=1e-12)
    assert "5 observations deleted" in fit.summary()


def test_responses(ratings: pd.DataFrame) -> None:
    words = dict(enumerate(["never", "seldom", "often", "mostly", "always"], start=1))
    ordered = pd.Categorical(ratings["rating"].map(words), categories=list(words.values()), ordered=True)
    fit = clmm("rating ~ age", ratings.assign(rating=ordered))
    assert list(fit.thresholds.index) == ["never|seldom", "seldom|often", "often|mostly", "mostly|always"]
    assert fit.loglik == pytest.approx(clmm("rating ~ age", ratings).loglik)
    spread = clmm("rating ~ age", ratings.assign(rating=ratings["rating"] * 10))
    assert list(spread.thresholds.index) == ["10|20", "20|30", "30|40", "40|50"]
    unused = pd.Categorical(ratings["rating"], categories=[1, 2, 3, 4, 5, 6], ordered=True)
    fit = clmm("rating ~ age", ratings.assign(rating=unused))
    assert fit.levels == (1, 2, 3, 4, 5)
    assert any("nobody used" in m for m in fit.messages)


@pytest.mark.parametrize(
    ("formula", "change", "message"),
    [
        ("rating ~ agee + (1 | person)", {}, "'agee'.*Did you mean 'age'"),
        ("ratings ~ age", {}, "'ratings'.*Did you mean 'rating'"),
        ("rating ~ age + (1 | persn)", {}, "'persn'.*Did you mean 'person'"),
        ("rating ~ age", {"rating": "low"}, "text without an order"),
        ("rating ~ age", {"rating": pd.Categorical(["x", "y"] * 150)}, "without an order"),
        ("rating ~ age", {"rating": 1.5}, "fractions"),
        ("rating ~ age", {"rating": 3}, "one observed category"),
        ("rating ~ age + (1 | person)", {"person": "only"}, "grouping factor 'person' has one level"),
        ("rating ~ age", {"age": np.inf}, r"'age' has 300 infinite values \(first in row 0\); remove them"),
        ("rating ~ age", {"age": [1.0, np.inf] + [2.0] * 298}, "'age' has an infinite value in row 1; remove it or"),
        ("rating ~ log(age)", {"age": -1.0}, "not finite"),
        ("rating ~ age", {"age": pd.Timestamp("2026-01-01")}, "dates"),
        ("rating ~ nope(age)", {}, "(?s)nope"),
        ("rating ~ age + (1 | person)", {"person": np.nan}, "no complete row"),
    ],
)  # fmt: skip
def test_bad_data_is_named(ratings: pd.DataFrame, formula: str, change: dict[str, Any], message: str) -> None:
    with np.errstate(invalid="ignore"), pytest.raises(OrdinalError, match=message) as caught:
        clmm(formula, ratings.assign(**change))
    assert "\n" not in str(caught.value)


def test_missing_column_is_a_formula_error(ratings: pd.DataFrame) -> None:
    with pytest.raises(FormulaError):
        clmm("rating ~ nothing", ratings)
    with pytest.raises(ModelDataError, match="must be a table"):
        clmm("rating ~ x", 3)  # type: ignore[arg-type]


def test_weights(ratings: pd.DataFrame) -> None:
    n = len(ratings)
    with pytest.raises(ModelDataError, match=r"negative \(row 2 has -1\)"):
        clmm("rating ~ age", ratings, weights=np.where(np.arange(n) == 2, -1.0, 1.0))
    with pytest.raises(ModelDataError, match="missing or infinite"):
        clmm("rating ~ age", ratings, weights=np.where(np.arange(n) == 2, np.nan, 1.0))
    with pytest.raises(ModelDataError, match="shape"):
        clmm("rating ~ age", ratings, weights=[1.0, 2.0])
    with pytest.raises(ModelDataError, match="Did you mean 'age'"):
        clmm("rating ~ age", ratings, weights="agee")
    with pytest.raises(ModelDataError, match="weight zero"):
        clmm("rating ~ age", ratings, weights=np.zeros(n))
    with pytest.raises(ModelDataError, match="no rows"):
        clmm("rating ~ age", ratings.iloc[:0])
    half = np.where(np.arange(n) < 200, 1.0, 0.0)
    fit = clmm("rating ~ age", ratings, weights=half)
    assert fit.loglik == pytest.approx(clmm("rating ~ age", ratings.iloc[:200]).loglik, rel=1e-12)


def test_collinear_columns_are_dropped_and_named(ratings: pd.DataFrame) -> None:
    data = ratings.assign(twice=2 * ratings["age"], constant=1.0)
    with pytest.warns(FitWarning, match="twice"):
        fit = clmm("rating ~ age + twice + constant + group", data)
    assert set(fit.dropped_columns) == {"twice", "constant"}
    assert "twice" not in fit.coefficients.index
    assert fit.loglik == pytest.approx(clmm("rating ~ age + group", ratings).loglik, rel=1e-12)


def test_as_many_effects_as_ratings_warns_and_goes_on(ratings: pd.DataFrame) -> None:
    data = ratings.assign(row=np.arange(len(ratings)))
    with pytest.warns(FitWarning, match="as many levels as there are ratings"):
        fit = clmm("rating ~ age + (1 | row)", data)
    assert np.isfinite(fit.loglik)
    assert np.isfinite(fit.coefficients.to_numpy()).all()


@pytest.mark.parametrize("options", [{"n_agq": 0}, {"n_agq": 2.5}, {"penalty": "strong"}, {"penalty": -1.0}])
def test_bad_options(ratings: pd.DataFrame, options: dict[str, Any]) -> None:
    with pytest.raises(OrdinalError):
        clmm("rating ~ age + (1 | person)", ratings, **options)


def test_quadrature_needs_one_term(ratings: pd.DataFrame) -> None:
    with pytest.raises(OrdinalError, match="exactly one random term"):
        clmm("rating ~ age + (1 | person) + (1 | item)", ratings, n_agq=5)


def test_expressions_find_their_columns(ratings: pd.DataFrame) -> None:
    data = ratings.rename(columns={"age": "my age"})
    fit = clmm("rating ~ poly(`my age`, 2) + C(sex) + (1 | person)", data)
    assert list(fit.coefficients.index)[-1] == "C(sex)male"
    assert len(fit.predict(data.head(3), random="zero")) == 3
    assert len(fit.contrast("sex")) == 1
    with pytest.raises(FormulaError, match="Did you mean 'age'"):
        clmm("rating ~ poly(agee, 2)", ratings)
    with pytest.raises(ModelDataError, match="several columns called 'age'"):
        clmm("rating ~ age", pd.concat([ratings, ratings[["age"]]], axis=1))


def test_labels_of_the_rows_are_kept(ratings: pd.DataFrame) -> None:
    data = ratings.set_axis(np.arange(300) * 7)
    data.loc[7, "age"] = np.nan
    fit = clmm("rating ~ age + (1 | person)", data)
    kept = data.index.drop(7)
    assert fit.predict().index.equals(kept)
    assert fit.quantile_residuals().index.equals(kept)
    assert fit.simulate().index.equals(kept)


def test_runaway_variance_is_loud(ratings: pd.DataFrame) -> None:
    """Everybody gives one rating only: between people everything, within them nothing."""
    constant = ratings.assign(rating=ratings.groupby("person")["rating"].transform("first"))
    with pytest.warns(FitWarning, match="runaway variance.*'person'"):
        clmm("rating ~ age + (1 | person)", constant)


@pytest.mark.parametrize("backend", ["numpy_nullable", "pyarrow"])
def test_other_dtypes(ratings: pd.DataFrame, backend: Any) -> None:
    formula = "rating ~ group + age + (1 | person)"
    fit = clmm(formula, ratings.convert_dtypes(dtype_backend=backend))
    assert fit.loglik == pytest.approx(clmm(formula, ratings).loglik, rel=1e-12)
    categories = ratings.astype({"person": "category", "group": "category"})
    assert clmm(formula, categories).loglik == pytest.approx(fit.loglik, rel=1e-12)


def test_factor_with_one_level_is_dropped_and_named(ratings: pd.DataFrame) -> None:
    with pytest.warns(FitWarning, match=r"country \(one level\)"):
        fit = clmm("rating ~ age + country + (1 | person)", ratings.assign(country="US"))
    assert fit.loglik == pytest.approx(clmm("rating ~ age + (1 | person)", ratings).loglik, rel=1e-12)

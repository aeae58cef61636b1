"""Predictions and population averages, against brute force."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from plural_core.ordinal import CLMMResult, InferenceError, ModelDataError, clmm

MIXED = "rating ~ group * sex + age + (1 | person) + (1 | item)"


@pytest.fixture(scope="module")
def fit(ratings: pd.DataFrame) -> CLMMResult:
    return clmm("rating ~ group + sex + age + (1 | person) + (1 | item)", ratings)


@pytest.mark.parametrize("random", ["conditional", "marginal", "zero"])
def test_probabilities_are_probabilities(fit: CLMMResult, ratings: pd.DataFrame, random: str) -> None:
    p = fit.predict(ratings, random=random)
    assert p.shape == (len(ratings), 5)
    assert list(p.columns) == [1, 2, 3, 4, 5]
    assert (p.to_numpy() >= 0).all()
    assert np.allclose(p.sum(axis=1), 1.0)
    classes = fit.predict(ratings, kind="class", random=random)
    assert (classes["class"].to_numpy() == p.columns.to_numpy()[p.to_numpy().argmax(axis=1)]).all()


def test_zero_and_conditional_by_hand(fit: CLMMResult, ratings: pd.DataFrame) -> None:
    row = ratings.iloc[[5]]
    theta, beta = fit.thresholds["estimate"].to_numpy(), fit.coefficients["estimate"]
    eta = (row["group"].item() == "b") * beta["groupb"] + (row["group"].item() == "c") * beta["groupc"]
    eta += (row["sex"].item() == "male") * beta["sexmale"] + row["age"].item() * beta["age"]
    below = expit(theta - eta)
    assert np.allclose(np.cumsum(fit.predict(row, random="zero").to_numpy()[0])[:-1], below)
    b = (
        fit.ranef("person").loc[row["person"].item(), "estimate"]
        + fit.ranef("item").loc[row["item"].item(), "estimate"]
    )
    assert np.allclose(np.cumsum(fit.predict(row).to_numpy()[0])[:-1], expit(theta - eta - b))
    linear = fit.predict(row, kind="linear")
    assert linear["estimate"].item() == pytest.approx(eta + b)


def test_marginal_is_the_average_over_new_groups(fit: CLMMResult, ratings: pd.DataFrame) -> None:
    row = ratings.iloc[[7]]
    b = np.random.default_rng(0).normal(size=400_000) * np.sqrt(fit.random_effects["variance"].sum())
    eta = fit.predict(row, kind="linear", random="zero")["estimate"].item()
    theta = fit.thresholds["estimate"].to_numpy()
    brute = expit(theta[:, None] - eta - b).mean(axis=1)
    assert np.allclose(np.cumsum(fit.predict(row, random="marginal").to_numpy()[0])[:-1], brute, atol=2e-3)


def _numeric_errors(fit: CLMMResult, read: object) -> np.ndarray:
    """Delta method with numerical derivatives, refitting nothing: perturb the solution's parameters."""
    from dataclasses import replace

    p = len(fit.solution.gamma)
    columns = []
    for k in range(p + len(fit.sigma)):
        step = np.zeros(p + len(fit.sigma))
        step[k] = 1e-5
        values = []
        for sign in (1, -1):
            psi = fit.solution.psi + sign * step
            likelihood = fit.solution.likelihood
            here = likelihood.evaluate(psi)
            assert here is not None
            moved = replace(fit.solution, gamma=psi[:p], sigma=psi[p:], u=here.u)
            values.append(read(replace(fit, solution=moved)))  # type: ignore[operator]
        columns.append((values[0] - values[1]) / 2e-5)
    jacobian = np.stack(columns, axis=-1)
    return np.sqrt(np.einsum("...a,ab,...b->...", jacobian, fit.solution.covariance, jacobian))


@pytest.mark.parametrize("random", ["marginal", "zero"])
def test_standard_errors_of_probabilities(fit: CLMMResult, ratings: pd.DataFrame, random: str) -> None:
    rows = ratings.iloc[[1, 50]]
    ours = fit.predict(rows, random=random, std_error=True)["std_error"].to_numpy()
    assert np.allclose(ours, _numeric_errors(fit, lambda f: f.predict(rows, random=random).to_numpy()), rtol=1e-4)


def test_standard_errors_of_conditional_predictions(fit: CLMMResult, ratings: pd.DataFrame) -> None:
    """Parameters through the modes (numerically) plus the modes' own conditional variance."""
    strangers = ratings.iloc[[1]].assign(item=ratings["item"].iloc[-1])  # may never have met
    rows = pd.concat([ratings.iloc[[1, 50]], strangers])
    ours = fit.predict(rows, kind="linear")["std_error"].to_numpy()
    numeric = _numeric_errors(fit, lambda f: f.predict(rows, kind="linear")["estimate"].to_numpy())
    joint = fit.solution.likelihood.joint
    dense = np.linalg.inv(
        np.array([joint.factor.solve(e) for e in np.eye(joint.size)])  # D from its inverse
    )
    inverse = np.linalg.inv(dense)
    extra = []
    for _, row in rows.iterrows():
        z = np.zeros(joint.size)
        for k, group in enumerate(fit.frame.groups):
            code = group.levels.get_loc(row[group.term.columns[0]])
            z[joint.blocks[k].start + code] = fit.sigma[k]
        extra.append(z @ inverse @ z)
    assert np.allclose(ours, np.sqrt(numeric**2 + np.array(extra)), rtol=1e-4)


def test_new_groups_get_zero_and_their_full_variance(fit: CLMMResult, ratings: pd.DataFrame) -> None:
    row = ratings.iloc[[3]]
    stranger = fit.predict(row.assign(person="nobody", item="nothing"), kind="linear")
    zero = fit.predict(row, kind="linear", random="zero")
    assert stranger["estimate"].item() == pytest.approx(zero["estimate"].item())
    total = fit.random_effects["variance"].sum()
    assert stranger["std_error"].item() == pytest.approx(np.sqrt(zero["std_error"].item() ** 2 + total))


def test_bad_newdata(fit: CLMMResult, ratings: pd.DataFrame) -> None:
    with pytest.raises(ModelDataError, match="lacks the column age"):
        fit.predict(ratings.drop(columns="age"))
    with pytest.raises(ModelDataError, match="'d' that the fit never saw"):
        fit.predict(ratings.assign(group="d"), random="zero")
    with pytest.raises(ModelDataError, match="lacks the grouping column person"):
        fit.predict(ratings.drop(columns="person"))
    assert len(fit.predict(ratings.drop(columns="person"), random="marginal")) == len(ratings)
    with pytest.raises(ModelDataError, match="missing values"):
        fit.predict(ratings.assign(age=np.nan))
    with pytest.raises(InferenceError, match="Did you mean 'class'"):
        fit.predict(ratings, kind="classes")


def test_marginal_probabilities_are_standardised_averages(ratings: pd.DataFrame) -> None:
    fit = clmm(MIXED, ratings)
    table = fit.marginal_probabilities("group")
    assert table["level"].unique().tolist() == ["a", "b", "c"]
    assert table["at_least"].unique().tolist() == [2, 3, 4, 5]
    p = fit.predict(ratings.assign(group="b"), random="marginal")
    for k in (2, 3, 4, 5):
        row = table[(table["level"] == "b") & (table["at_least"] == k)].iloc[0]
        assert row["estimate"] == pytest.approx(p[[c for c in p.columns if c >= k]].sum(axis=1).mean())
        assert 0 < row["ci_low"] < row["estimate"] < row["ci_high"] < 1
    numeric = _numeric_errors(fit, lambda f: f.marginal_probabilities("group")["estimate"].to_numpy())
    assert np.allclose(table["std_error"], numeric, rtol=1e-4)


def test_average_marginal_effects(ratings: pd.DataFrame, fit: CLMMResult) -> None:
    levels = fit.marginal_probabilities("group").set_index(["level", "at_least"])["estimate"]
    effects = fit.average_marginal_effects("group")
    for _, row in effects.iterrows():
        other = row["contrast"].split(" - ")[0]
        k = row["at_least"]
        assert row["estimate"] == pytest.approx(levels[other, k] - levels["a", k])
    numeric = _numeric_errors(fit, lambda f: f.average_marginal_effects("group")["estimate"].to_numpy())
    assert np.allclose(effects["std_error"], numeric, rtol=1e-4)
    slope = fit.average_marginal_effects("age").set_index("at_least")
    up = fit.predict(ratings.assign(age=ratings["age"] + 0.01), random="marginal")
    down = fit.predict(ratings.assign(age=ratings["age"] - 0.01), random="marginal")
    change = ((up - down)[[4, 5]].sum(axis=1) / 0.02).mean()
    assert slope.loc[4, "estimate"] == pytest.approx(change, rel=1e-3)
    with pytest.raises(InferenceError, match="Did you mean 'group'"):
        fit.average_marginal_effects("groups")
    with pytest.raises(InferenceError, match="numeric"):
        fit.marginal_probabilities("age")


def test_weights_count_in_averages(ratings: pd.DataFrame) -> None:
    times = np.arange(len(ratings)) % 3 + 1
    weighted = clmm("rating ~ group + age", ratings, weights=times).marginal_probabilities("group")
    repeated = clmm("rating ~ group + age", ratings.loc[ratings.index.repeat(times)]).marginal_probabilities("group")
    assert np.allclose(weighted["estimate"], repeated["estimate"], atol=1e-7)

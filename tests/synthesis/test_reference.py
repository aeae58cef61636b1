"""Against metafor 3.8: the classic grid, and cells pinned by validation/synthesis/values.R."""

import math
from itertools import product

import numpy as np
import pytest
from scipy import stats

from plural_core.synthesis import cumulative, leave_one_out, meta_regression, random_effects

CLOSED = ("FE", "DL", "HE", "SJ")
ITERATED = ("PM", "REML", "ML")
METHODS = (*CLOSED, *ITERATED)
TESTS = ("z", "knha")
CLASSIC = ("bcg", "normand1999", "raudenbush1985")
COLUMNS = {
    "estimate": "beta",
    "std_error": "se",
    "ci_low": "ci.lb",
    "ci_high": "ci.ub",
    "p_value": "pval",
    "tau2": "tau2",
    "i2": "I2",
    "h2": "H2",
    "q": "QE",
    "q_p": "QEp",
    "pi_low": "pi.lb",
    "pi_high": "pi.ub",
}
KEYS = ("data", "method", "test")


def tolerance(method: str) -> float:
    return 1e-8 if method in CLOSED else 1e-6


def assert_field(name: str, ours, theirs, rel: float, size: float = 1.0) -> None:
    """Compare, NaN with NaN; at tau² = 0 metafor's Fisher scoring stops a little above it, hence the absolute part."""
    absolute = {"tau2": 1e-9 * size**2, "i2": 1e-6, "r2": 1e-6}.get(name, 1e-12 * size)
    expected = np.array([math.nan if v is None else v for v in np.atleast_1d(np.array(theirs, dtype=object))], float)
    np.testing.assert_allclose(np.atleast_1d(ours), expected, rtol=rel, atol=absolute, err_msg=name)


def test_the_classic_grid_is_complete(classic):
    expected = {(d, m, t) for d, m, t in product(CLASSIC, METHODS, TESTS) if (m, t) != ("FE", "knha")}
    others = {key for key in classic if key[1] in ("EB", "HS")}  # estimators that the package does not have
    assert set(classic) - others == expected


# The classic grid has no Knapp-Hartung test of a common effect; the pinned cells do.
@pytest.mark.parametrize("data", CLASSIC)
@pytest.mark.parametrize(("method", "test"), [cell for cell in product(METHODS, TESTS) if cell != ("FE", "knha")])
def test_classic_grid(classic, classic_data, data, method, test):
    # metafor's PM stops when tau² is known to 1.2e-4; its EB solves the same equation and stops within 1e-5.
    expected = classic[data, "EB" if method == "PM" else method, test]
    effect = random_effects(*classic_data[data], method=method, test=test)
    for ours, theirs in COLUMNS.items():
        assert_field(ours, getattr(effect, ours), expected[theirs], tolerance(method))


@pytest.mark.parametrize("data", CLASSIC)
def test_classic_pm_rows_within_their_own_stopping_rule(classic, classic_data, data):
    effect = random_effects(*classic_data[data], method="PM")
    assert effect.tau2 == pytest.approx(classic[data, "PM", "z"]["tau2"], abs=np.finfo(float).eps ** 0.25)


@pytest.mark.parametrize("part", ["pooled", "leave_one_out", "cumulative", "regression"])
def test_the_pinned_grid_is_complete(pinned, part):
    names = {
        "pooled": list(pinned["data"]),
        "regression": list(pinned["moderators"]),
    }.get(part, ["bcg", "raudenbush1985", "seven_small", "three"])
    assert len(pinned["data"]) == 10
    assert len(pinned["moderators"]) == 4
    cells = [tuple(cell[key] for key in KEYS) for cell in pinned[part]]
    assert sorted(cells) == sorted(product(names, METHODS, TESTS))
    assert not any("error" in cell for cell in pinned[part])


@pytest.mark.parametrize("method", METHODS)
def test_pinned_pooling(pinned, method):
    for cell in (c for c in pinned["pooled"] if c["method"] == method):
        y, s = pinned["data"][cell["data"]]["yi"], np.sqrt(pinned["data"][cell["data"]]["vi"])
        effect = random_effects(y, s, method=method, test=cell["test"])
        assert set(cell) - set(KEYS) == {*COLUMNS, "tau2_ci_low", "tau2_ci_high", "weights"}
        for name in set(cell) - set(KEYS):
            rel = 1e-6 if name.startswith("tau2_ci") else tolerance(method)
            assert_field(name, getattr(effect, name), cell[name], rel, float(np.std(y)))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("part", "function"), [("leave_one_out", leave_one_out), ("cumulative", cumulative)])
def test_pinned_series(pinned, part, function, method):
    for cell in (c for c in pinned[part] if c["method"] == method):
        y, s = pinned["data"][cell["data"]]["yi"], np.sqrt(pinned["data"][cell["data"]]["vi"])
        table = function(y, s, method=method, test=cell["test"]).to_frame()
        for name in set(cell) - set(KEYS):
            if method == "FE" and name == "tau2":  # metafor leaves it out
                assert (table["tau2"] == 0).all()
                continue
            assert_field(name, table[name].to_numpy(), cell[name], tolerance(method), float(np.std(y)))


@pytest.mark.parametrize("method", METHODS)
def test_pinned_regression(pinned, method):
    for cell in (c for c in pinned["regression"] if c["method"] == method):
        y, s = pinned["data"][cell["data"]]["yi"], np.sqrt(pinned["data"][cell["data"]]["vi"])
        z = pinned["moderators"][cell["data"]]
        fit = meta_regression(y, s, z, method=method, test=cell["test"])
        terms, line = fit.to_frame(), fit.predict(z[:2])
        lines = {"predicted": "estimate", "predicted_se": "std_error"}
        lines |= {"predicted_low": "ci_low", "predicted_high": "ci_high"}
        for name in set(cell) - set(KEYS):
            if name in lines:
                ours = line[lines[name]].to_numpy()
            else:
                ours = terms[name].to_numpy() if name in terms else getattr(fit, name)
            rel = 1e-6 if name.startswith("tau2_ci") else tolerance(method)
            assert_field(name, ours, cell[name], rel, float(np.std(y)))


def test_likelihood_is_maximised_over_all_its_local_maxima():
    # metafor's ML starts from Hedges' 0 here and stays: its log-likelihood is 119 lower than at the other maximum.
    y, s = np.array([0.1, 0.5, -0.3, 0.9]), np.array([0.001, 0.5, 2, 0.05])

    def loglik(tau2: float) -> float:
        w = 1 / (s**2 + tau2)
        return float(stats.norm.logpdf(y, np.sum(w * y) / np.sum(w), np.sqrt(1 / w)).sum())

    found = random_effects(y, s, method="ML").tau2
    grid = [loglik(t) for t in np.concatenate([[0], np.geomspace(1e-9, 10, 4000)])]
    assert loglik(found) >= max(grid)
    assert loglik(0) == pytest.approx(-122.0606, abs=1e-4)
    assert loglik(found) - loglik(0) > 118


def test_reml_and_pm_solve_their_equations_exactly():
    y, s = np.array([0.021, 0.034, 0.008, 0.052, -0.006]), np.array([0.006, 0.009, 0.011, 0.007, 0.012])
    w = 1 / (s**2 + random_effects(y, s, method="PM").tau2)
    assert np.sum(w * (y - np.average(y, weights=w)) ** 2) == pytest.approx(4, rel=1e-10)
    w = 1 / (s**2 + random_effects(y, s, method="REML").tau2)
    score = np.sum((w * (y - np.average(y, weights=w))) ** 2)
    assert score == pytest.approx(w.sum() - np.sum(w**2) / w.sum(), rel=1e-10)

"""The penalised proportional-odds model: gradient, known limits, and the cumulative link model of `ordinal`."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import check_grad
from scipy.sparse import csr_matrix

from plural_core.evaluation.judges.cross_validation import _in_span
from plural_core.evaluation.judges.penalised_ordinal import PRIOR, _loss, base_rates, fit_penalised
from plural_core.ordinal import clmm


def material(seed: int = 0, texts: int = 60, features: int = 5, levels: int = 4) -> tuple[csr_matrix, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = (rng.random((texts, features)) < 0.4).astype(float)
    eta = x @ np.linspace(-1.5, 1.5, features)
    latent = eta[:, None] + rng.logistic(size=(texts, 6))
    rating = np.digitize(latent, np.linspace(-1.5, 1.5, levels - 1))
    counts = np.stack([(rating == k).sum(axis=1) for k in range(levels)], axis=1).astype(float)
    return csr_matrix(x), counts


@pytest.mark.parametrize("dense", [True, False])
def test_the_gradient_is_that_of_the_loss(dense: bool) -> None:
    x, counts = material()
    features = x.toarray() if dense else x
    unit = np.linspace(0.5, 2.0, x.shape[1])
    rest = (features, features.T, counts, 0.7, unit)
    rng = np.random.default_rng(1)
    for _ in range(3):
        packed = rng.normal(size=3 + x.shape[1])
        error = check_grad(lambda p: _loss(p, *rest)[0], lambda p: _loss(p, *rest)[1], packed)
        assert error < 1e-4 * np.linalg.norm(_loss(packed, *rest)[1])


@pytest.mark.parametrize("penalty", [0.5, 20.0])
def test_it_is_the_penalised_cumulative_link_model(penalty: float) -> None:
    x, counts = material()
    found = fit_penalised(x, counts, penalty, tolerance=1e-15)
    names = [f"x{j}" for j in range(x.shape[1])]
    whole = np.vstack([x.toarray(), np.zeros(x.shape[1])])
    ratings = np.vstack([counts, np.full(counts.shape[1], PRIOR)])
    text, level = np.nonzero(ratings)
    data = pd.DataFrame(whole[text], columns=names).assign(rating=level + 1, n=ratings[text, level])
    # A 0/1 column has the prior precision 1 / (width * sd)², sd that of the logistic distribution.
    width = 1 / (np.sqrt(penalty) * np.pi / np.sqrt(3))
    oracle = clmm("rating ~ " + " + ".join(names), data, weights="n", penalty=width)
    values = oracle.parameters
    np.testing.assert_allclose(found.thresholds, values[:3], atol=1e-5)
    np.testing.assert_allclose(found.effects, values[3:], atol=1e-5)


def test_a_strong_penalty_leaves_the_base_rates() -> None:
    x, counts = material()
    counts[:, 2] = 0  # a level that nobody used
    found = fit_penalised(x, counts, 1e9)
    probabilities = found.probabilities(x)
    np.testing.assert_allclose(probabilities, np.tile(base_rates(counts), (len(counts), 1)), atol=1e-4)
    assert (probabilities > 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)


def test_two_levels_are_logistic_regression() -> None:
    x, counts = material(levels=2)
    found = fit_penalised(x, counts, 1e-6, tolerance=1e-15)
    p = found.probabilities(x)
    # Score equations: expected and observed ratings agree along every feature.
    assert np.abs(x.T @ (counts[:, 1] - counts.sum(axis=1) * p[:, 1])).max() < 1e-3


def test_the_span_of_the_texts_changes_nothing() -> None:
    rng = np.random.default_rng(3)
    x = csr_matrix(rng.random((25, 200)) * (rng.random((25, 200)) < 0.1))
    new = csr_matrix(rng.random((7, 200)) * (rng.random((7, 200)) < 0.1))
    counts = rng.integers(0, 4, size=(25, 5)).astype(float)
    z, z_new = _in_span(x, new)
    assert z.shape[1] <= 25
    wide = fit_penalised(x, counts, 0.3, tolerance=1e-15).probabilities(new)
    narrow = fit_penalised(z, counts, 0.3, tolerance=1e-15).probabilities(z_new)
    np.testing.assert_allclose(narrow, wide, atol=1e-6)


def test_a_start_does_not_change_the_end() -> None:
    x, counts = material()
    cold = fit_penalised(x, counts, 1.0, tolerance=1e-15)
    warm = fit_penalised(x, counts, 1.0, fit_penalised(x, counts, 30.0), tolerance=1e-15)
    np.testing.assert_allclose(warm.effects, cold.effects, atol=1e-5)
    assert warm.loss == pytest.approx(cold.loss, abs=1e-8)

"""Exact gradients against differences of the log-likelihood, to 1e-6."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from plural_core.ordinal.assemble import frame_arrays, specify
from plural_core.ordinal.clm import FixedLikelihood
from plural_core.ordinal.design import build_frame
from plural_core.ordinal.formula import parse_formula
from plural_core.ordinal.links import LINKS
from plural_core.ordinal.penalty import prior_precision
from plural_core.ordinal.solve import make_likelihood
from plural_core.ordinal.thresholds import THRESHOLDS

TERMS = {
    "none": "",
    "one": " + (1 | person)",
    "crossed": " + (1 | person) + (1 | item)",
    "nested": " + (1 | topic/item)",
    "three": " + (1 | person) + (1 | topic/item)",
}


def _check(data: pd.DataFrame, terms: str, link: str, threshold: str, **options: object) -> None:
    n_agq = int(options.get("n_agq", 1))  # type: ignore[call-overload]
    frame = build_frame(parse_formula("rating ~ group + age" + TERMS[terms]), data, weights=options.get("weights"))  # type: ignore[arg-type]
    nominal = frame.columns_of("group") if options.get("nominal") else []
    spec = specify(LINKS[link], threshold, frame.levels, frame.names, nominal)
    arrays = frame_arrays(spec, frame, prior_precision(spec, frame, options.get("penalty")))  # type: ignore[arg-type]
    theta = np.linspace(-1.4, 1.5, len(frame.levels) - 1)
    alpha = np.linalg.lstsq(spec.jacobian, theta, rcond=None)[0]
    sigma = np.linspace(0.9, 0.5, len(frame.groups))
    psi = np.concatenate([alpha, np.full(len(spec.nominal_names), 0.05), np.full(len(spec.beta_names), 0.3), sigma])
    likelihood = make_likelihood(arrays, n_agq)
    here = likelihood.evaluate(psi)
    assert here is not None
    numeric = np.empty(len(psi))
    for k in range(len(psi)):
        step = np.zeros(len(psi))
        step[k] = 1e-4
        values = [likelihood.evaluate(psi + m * step) for m in (1, -1, 2, -2)]
        up, down, up2, down2 = (v.objective for v in values if v is not None)
        numeric[k] = (8 * (up - down) - (up2 - down2)) / (12 * 1e-4)
    assert np.abs(here.gradient - numeric).max() < 1e-6 * max(1.0, np.abs(numeric).max())


@pytest.mark.parametrize(("link", "threshold", "terms"), list(product(LINKS, THRESHOLDS, TERMS)))
def test_laplace(ratings: pd.DataFrame, link: str, threshold: str, terms: str) -> None:
    _check(ratings.iloc[:150], terms, link, threshold)


@pytest.mark.parametrize("link", LINKS)
def test_quadrature(ratings: pd.DataFrame, link: str) -> None:
    _check(ratings.iloc[:150], "one", link, "flexible", n_agq=7)


@pytest.mark.parametrize("terms", TERMS)
def test_weights_nominal_penalty(ratings: pd.DataFrame, terms: str) -> None:
    data = ratings.iloc[:150]
    weights = np.arange(len(data)) % 4 + 0.5
    _check(data, terms, "logit", "flexible", weights=weights)
    _check(data, terms, "logit", "flexible", nominal=True)
    _check(data, terms, "probit", "flexible", penalty="weak")


def test_zero_standard_deviation_is_a_stationary_point(ratings: pd.DataFrame) -> None:
    """The likelihood is even in every standard deviation."""
    frame = build_frame(parse_formula("rating ~ age + (1 | person) + (1 | item)"), ratings)
    spec = specify(LINKS["logit"], "flexible", frame.levels, frame.names, [])
    likelihood = make_likelihood(frame_arrays(spec, frame))
    psi = np.array([-1.5, -0.4, 0.6, 1.8, 0.2, 0.7, 0.0])
    here = likelihood.evaluate(psi)
    flipped = likelihood.evaluate(psi * np.array([1, 1, 1, 1, 1, -1, 1.0]))
    assert here is not None
    assert flipped is not None
    assert here.gradient[-1] == pytest.approx(0.0, abs=1e-9)
    assert flipped.objective == pytest.approx(here.objective, rel=1e-13)


def test_fixed_effects_hessian(ratings: pd.DataFrame) -> None:
    frame = build_frame(parse_formula("rating ~ group + age"), ratings)
    spec = specify(LINKS["cloglog"], "flexible", frame.levels, frame.names, [])
    likelihood = FixedLikelihood(frame_arrays(spec, frame))
    gamma = np.array([-1.5, -0.4, 0.6, 1.8, 0.2, 0.3, -0.1])
    hessian = likelihood.hessian(gamma)
    for k in range(len(gamma)):
        step = np.zeros(len(gamma))
        step[k] = 1e-5
        up, down = likelihood.evaluate(gamma + step), likelihood.evaluate(gamma - step)
        assert up is not None
        assert down is not None
        assert np.allclose((down.gradient - up.gradient) / 2e-5, hessian[k], rtol=1e-6, atol=1e-5)

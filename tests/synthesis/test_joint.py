"""Units drawn jointly over families: dependence is kept, and DL's estimate is the package's own."""

from __future__ import annotations

import numpy as np
import pytest

from plural_core.synthesis import random_effects
from plural_core.synthesis.errors import SynthesisError
from plural_core.synthesis.joint import _pool_draws, floor_std_error, joint_bootstrap


def test_a_draw_that_takes_every_unit_once_is_the_pooled_effect() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(0.1, 0.3, size=(5, 40)) + rng.normal(0, 0.2, size=(5, 1))
    means, errors = values.mean(axis=1), values.std(axis=1, ddof=1) / np.sqrt(40)
    expected = random_effects(means, errors, method="DL").estimate
    assert _pool_draws(values, np.ones((1, 40)))[0] == pytest.approx(expected, abs=1e-12)


def test_missing_units_are_left_out_of_their_family_only() -> None:
    rng = np.random.default_rng(2)
    values = rng.normal(size=(3, 30))
    values[0, :10] = np.nan
    values[1] = np.nan
    means = [values[0, 10:].mean(), values[2].mean()]
    errors = [values[0, 10:].std(ddof=1) / np.sqrt(20), values[2].std(ddof=1) / np.sqrt(30)]
    expected = random_effects(means, errors, method="DL").estimate
    assert _pool_draws(values, np.ones((1, 30)))[0] == pytest.approx(expected, abs=1e-12)


def test_shared_units_make_the_error_larger_than_that_of_independent_families() -> None:
    rng = np.random.default_rng(3)
    shared = np.repeat(rng.normal(size=(1, 200)), 6, axis=0) + rng.normal(0, 0.05, size=(6, 200))
    apart = rng.normal(size=(6, 200))
    together = joint_bootstrap([shared], 500, np.random.default_rng(4)).std_errors[0]
    independent = joint_bootstrap([apart], 500, np.random.default_rng(4)).std_errors[0]
    assert together == pytest.approx(1 / np.sqrt(200), rel=0.2)
    assert independent == pytest.approx(1 / np.sqrt(6 * 200), rel=0.2)


def test_covariance_of_contrasts_that_share_a_condition() -> None:
    rng = np.random.default_rng(5)
    base = rng.normal(size=(2, 300))
    first, second = rng.normal(size=(2, 300)), rng.normal(size=(2, 300))
    draws = joint_bootstrap([first - base, second - base], 2000, np.random.default_rng(6))
    matrix = draws.covariance(0, 1)
    # Var = (1 + 1) / (2 * 300) each, covariance that of the shared base: 1 / (2 * 300).
    assert matrix[0, 0] == pytest.approx(2 / 600, rel=0.25)
    assert matrix[0, 1] == pytest.approx(1 / 600, rel=0.35)


def test_equal_answers_do_not_take_all_the_weight() -> None:
    values = np.vstack([np.zeros(100), np.random.default_rng(7).normal(0.5, 0.2, size=100)])
    estimate = _pool_draws(values, np.ones((1, 100)))[0]
    assert 0.1 < estimate < 0.5
    assert floor_std_error(100.0) == 0.01


def test_draws_depend_on_the_generator_only() -> None:
    values = np.random.default_rng(8).normal(size=(3, 50))
    one, two = (joint_bootstrap([values], 20, np.random.default_rng(9)).draws for _ in range(2))
    assert (one == two).all()


def test_one_line_for_what_cannot_be_drawn() -> None:
    rng = np.random.default_rng(1)
    with pytest.raises(SynthesisError, match="needs a contrast"):
        joint_bootstrap([], 10, rng)
    with pytest.raises(SynthesisError, match="same units"):
        joint_bootstrap([np.zeros((2, 3)), np.zeros((2, 4))], 10, rng)

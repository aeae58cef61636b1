"""The sparse factorisation against dense algebra."""

import numpy as np
import pytest

from plural_core.ordinal.errors import DesignTooLargeError
from plural_core.ordinal.linalg import Factor, NotPositiveDefiniteError, plan_elimination
from plural_core.ordinal.linalg.symbolic import _check_memory

DESIGNS = {
    # levels per term, ratings
    "one term": ([40], 200),
    "two small terms": ([9, 8], 72),
    "two sparse terms": ([300, 250], 900),
    "items rated once": ([60, 400], 400),
    "three terms": ([60, 40, 20], 500),
    "many raters of few items": ([400, 120], 40_000),
}


def _matrix(sizes: list[int], n: int) -> tuple[int, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(len(sizes) * 1000 + n)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    nodes = [start + rng.integers(0, size, n) for start, size in zip(starts, sizes, strict=False)]
    pairs = [(a, b) for k, a in enumerate(nodes) for b in nodes[:k]]
    i = np.concatenate([np.zeros(0, dtype=np.int64), *(p[0] for p in pairs)])
    j = np.concatenate([np.zeros(0, dtype=np.int64), *(p[1] for p in pairs)])
    return int(starts[-1]), i, j


@pytest.mark.parametrize("name", DESIGNS)
def test_factor_solve_inverse_determinant(name: str) -> None:
    size, i, j = _matrix(*DESIGNS[name])
    plan = plan_elimination(size, i, j)
    rng = np.random.default_rng(0)
    dense = np.zeros((size, size))
    weights = rng.random(len(i))
    np.add.at(dense, (i, j), -weights)
    dense = dense + dense.T
    dense[np.arange(size), np.arange(size)] = np.abs(dense).sum(axis=0) + 1.0
    values = np.zeros(plan.length)
    values[plan.diag] = np.diag(dense)
    values[plan.slots(i, j)] = dense[i, j]
    factor = Factor(plan, values)
    inverse = np.linalg.inv(dense)
    assert factor.logdet == pytest.approx(np.linalg.slogdet(dense)[1], rel=1e-12)
    rhs = rng.normal(size=size)
    assert np.allclose(factor.solve(rhs), inverse @ rhs, atol=1e-11)
    z = factor.inverse()
    assert np.allclose(z[plan.diag], np.diag(inverse), atol=1e-12)
    assert np.allclose(z[plan.slots(i, j)], inverse[i, j], atol=1e-12)


def test_designs_cover_levels_core_and_block() -> None:
    plans = {name: plan_elimination(*_matrix(*design)) for name, design in DESIGNS.items()}
    assert any(len(p.levels) > 2 for p in plans.values())
    assert any(len(p.core) for p in plans.values())
    assert any(len(p.block) for p in plans.values())


def test_every_node_is_eliminated_once() -> None:
    for design in DESIGNS.values():
        size, i, j = _matrix(*design)
        plan = plan_elimination(size, i, j)
        seen = np.concatenate([*(level.nodes for level in plan.levels), plan.block, plan.core])
        assert sorted(seen.tolist()) == list(range(size))


def test_indefinite_matrix_is_refused() -> None:
    plan = plan_elimination(3, np.array([0, 1]), np.array([1, 2]))
    values = np.zeros(plan.length)
    values[plan.diag] = 1.0
    values[plan.slots(np.array([0, 1]), np.array([1, 2]))] = 2.0
    with pytest.raises(NotPositiveDefiniteError):
        Factor(plan, values)


def test_a_design_beyond_memory_is_refused_in_words() -> None:
    with pytest.raises(DesignTooLargeError, match="factored densely"):
        _check_memory(3_000_000, 0)

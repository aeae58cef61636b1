"""Counted comparisons against brute-force enumeration; the merged loss against the unmerged one; drawing."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from plural_core.preferences import Comparisons, anchored, draw, merge, within_prompt
from plural_core.preferences import comparisons as module


@st.composite
def tables(draw_: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    levels = draw_(st.integers(2, 7))
    sizes = draw_(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    n = sum(sizes)
    cells = draw_(st.lists(st.integers(0, 3), min_size=n * levels, max_size=n * levels))
    return np.array(cells).reshape(n, levels), np.repeat(np.arange(len(sizes)), sizes)


def enumerate_pairs(counts: np.ndarray, prompt: np.ndarray) -> tuple[dict[tuple[int, int], list[int]], int]:
    """Put every two ratings side by side."""
    found: dict[tuple[int, int], list[int]] = {}
    ties = 0
    for a, b in combinations(range(len(counts)), 2):
        if prompt[a] != prompt[b]:
            continue
        for x in np.repeat(np.arange(counts.shape[1]), counts[a]):
            for y in np.repeat(np.arange(counts.shape[1]), counts[b]):
                if x == y:
                    ties += 1
                else:
                    found.setdefault((a, b), [0, 0])[int(x < y)] += 1
    return found, ties


def as_dict(c: Comparisons) -> dict[tuple[int, int], list[int]]:
    return {(int(a), int(b)): [int(w), int(x)] for a, b, w, x in zip(c.first, c.second, c.wins, c.losses, strict=True)}


@settings(deadline=None, max_examples=150)
@given(tables())
def test_counts_equal_enumeration(table: tuple[np.ndarray, np.ndarray]) -> None:
    expected, ties = enumerate_pairs(*table)
    found = within_prompt(*table)
    assert as_dict(found) == expected
    assert found.n_ties == ties
    assert found.total == sum(sum(v) for v in expected.values())


def test_chunks_do_not_change_the_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    counts, prompt = rng.integers(0, 4, (40, 5)), np.repeat(np.arange(8), 5)
    whole = within_prompt(counts, prompt)
    monkeypatch.setattr(module, "CHUNK", 7)
    assert as_dict(within_prompt(counts, prompt)) == as_dict(whole)


@settings(deadline=None, max_examples=60)
@given(tables(), st.integers(0, 2**32 - 1))
def test_merged_dimensions_equal_the_union(table: tuple[np.ndarray, np.ndarray], seed: int) -> None:
    counts, prompt = table
    other = np.random.default_rng(seed).permutation(counts)
    one, two = enumerate_pairs(counts, prompt)[0], enumerate_pairs(other, prompt)[0]
    zero = [0, 0]
    expected = {k: [one.get(k, zero)[i] + two.get(k, zero)[i] for i in (0, 1)] for k in one.keys() | two.keys()}
    assert as_dict(merge([within_prompt(counts, prompt), within_prompt(other, prompt)])) == expected


def test_anchored_counts_sides_and_drops_neutral() -> None:
    counts = np.array([[2, 1, 4, 0, 3], [0, 0, 5, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 1, 0]])
    found = anchored(counts, np.array([-1, -1, 0, 1, 1]))
    assert as_dict(found) == {(0, 4): [3, 3], (3, 4): [1, 0]}
    assert found.n_ties == 9


def test_merged_gradient_equals_the_full_batch_of_unmerged_pairs() -> None:
    """Loss of DPO with a linear reward: -log sigmoid(beta (r_chosen - r_rejected)), by both routes."""
    rng = np.random.default_rng(7)
    counts, prompt = rng.integers(0, 4, (12, 5)), np.repeat(np.arange(4), 3)
    features, theta, beta = rng.normal(size=(12, 6)), rng.normal(size=6), 0.3

    def slope(z: np.ndarray) -> np.ndarray:
        return -1.0 / (1.0 + np.exp(z))  # d/dz of -log sigmoid(z)

    loss, gradient, n = 0.0, np.zeros(6), 0
    for (a, b), (wins, losses) in enumerate_pairs(counts, prompt)[0].items():
        for chosen, rejected in [(a, b)] * wins + [(b, a)] * losses:
            gap = beta * (features[chosen] - features[rejected])
            loss += np.log1p(np.exp(-gap @ theta))
            gradient += slope(gap @ theta) * gap
            n += 1
    merged = within_prompt(counts, prompt)
    gap = beta * (features[merged.first] - features[merged.second])
    z, p, weight = gap @ theta, merged.wins / merged.n, merged.n / merged.n.mean()
    merged_loss = np.mean(weight * (p * np.log1p(np.exp(-z)) + (1 - p) * np.log1p(np.exp(z))))
    merged_gradient = ((weight * (p * slope(z) - (1 - p) * slope(-z)))[:, None] * gap).mean(axis=0)
    assert n == merged.total > len(merged)
    assert merged_loss == pytest.approx(loss / n, rel=1e-12)
    np.testing.assert_allclose(merged_gradient, gradient / n, rtol=1e-12)
    # Without weights or shares the gradient is another one: the test can fail.
    plain = (slope(np.abs(1) * np.where(p >= 0.5, z, -z))[:, None] * np.where(p >= 0.5, 1, -1)[:, None] * gap).mean(0)
    assert not np.allclose(plain, gradient / n, rtol=1e-3)


@pytest.fixture
def urn() -> Comparisons:
    return Comparisons(np.arange(3), np.arange(3) + 10, np.array([6, 2, 0]), np.array([1, 2, 4]))


def test_draw_is_without_replacement(urn: Comparisons) -> None:
    for seed in range(50):
        drawn = draw(urn, 9, np.random.default_rng(seed))
        assert drawn.total == 9
        at = drawn.first
        assert (drawn.wins <= urn.wins[at]).all()
        assert (drawn.losses <= urn.losses[at]).all()
        assert (drawn.n > 0).all()
    everything = draw(urn, urn.total, np.random.default_rng(0))
    assert as_dict(everything) == as_dict(urn)
    with pytest.raises(ValueError, match="16 of 15"):
        draw(urn, 16, np.random.default_rng(0))


@pytest.mark.parametrize("by_numbers", [False, True])
def test_draws_are_hypergeometric(urn: Comparisons, by_numbers: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if by_numbers:
        monkeypatch.setattr(module, "_SAFE_TOTAL", 0)
    rng = np.random.default_rng(5)
    size, times = 5, 4000
    seen = np.zeros(size + 1)
    for _ in range(times):
        drawn = draw(urn, size, rng)
        seen[int(drawn.wins[drawn.first == 0].sum())] += 1
    expected = stats.hypergeom(urn.total, 6, size).pmf(np.arange(size + 1)) * times
    assert stats.chisquare(seen, expected).pvalue > 1e-3


def test_a_huge_urn_can_be_drawn_from() -> None:
    huge = Comparisons(np.array([0, 0]), np.array([1, 2]), np.array([3 * 10**9, 0]), np.array([10**9, 4]))
    drawn = draw(huge, 4000, np.random.default_rng(1))
    assert drawn.total == 4000
    assert drawn.wins[0] / 4000 == pytest.approx(0.75, abs=0.05)

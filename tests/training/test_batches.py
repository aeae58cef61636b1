"""Updates: as many as the budget says, of whole groups, every pair once per pass."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plural_core.preferences.condition import Budget
from plural_core.training.batches import even_cuts, micro_batches, plan_updates
from plural_core.training.groups import PairSet
from plural_core.training.sequences import TokenSequence
from plural_core.training.trained import TrainingError


def pairs_of(sizes: list[int], seed: int = 0) -> PairSet:
    """Return pairs of groups of these sizes, each of two responses or more."""
    rng = np.random.default_rng(seed)
    sequences: list[TokenSequence] = []
    first, second, group = [], [], []
    for g, size in enumerate(sizes):
        start = len(sequences)
        for k in range(size + 1):
            sequences.append(TokenSequence((g, *range(int(rng.integers(1, 9)))), (k, *range(int(rng.integers(1, 30))))))
        first += [start] * size
        second += range(start + 1, start + 1 + size)
        group += [g] * size
    n = len(first)
    return PairSet(tuple(sequences), np.array(first), np.array(second), np.ones(n), np.ones(n), np.array(group))


groups = st.lists(st.integers(1, 12), min_size=1, max_size=40)


@given(groups, st.integers(1, 10), st.integers(1, 3), st.integers(0, 99))
@settings(max_examples=80, deadline=None)
def test_passes(sizes: list[int], batch: int, passes: int, seed: int) -> None:
    pairs = pairs_of(sizes)
    plan = plan_updates(pairs, Budget("passes", passes), batch, seed)
    assert len(plan.updates) == Budget("passes", passes).updates(len(pairs), batch)
    assert all(len(update) > 0 for update in plan.updates)
    for k in range(passes):
        one = plan.updates[k * plan.per_pass : (k + 1) * plan.per_pass]
        assert sorted(np.concatenate(one).tolist()) == list(range(len(pairs)))
    for g, size in enumerate(sizes):
        inside = {u for u, update in enumerate(plan.updates[: plan.per_pass]) if (pairs.group[update] == g).any()}
        assert len(inside) <= -(-size // batch)  # whole, unless it has more pairs than an update
    for update in plan.updates:
        assert (np.diff(np.flatnonzero(np.diff(pairs.group[update], prepend=-1) != 0)) > 0).all()
        assert len(update) <= batch + max(sizes)
    assert plan.divisor * plan.per_pass == pytest.approx(len(pairs))


@given(groups, st.integers(1, 10), st.integers(1, 50))
@settings(max_examples=40, deadline=None)
def test_steps_go_round_as_often_as_needed(sizes: list[int], batch: int, steps: int) -> None:
    pairs = pairs_of(sizes)
    plan = plan_updates(pairs, Budget("steps", steps), batch, 1)
    assert len(plan.updates) == steps
    passes = plan_updates(pairs, Budget("passes", -(-steps // plan.per_pass)), batch, 1)
    assert all((a == b).all() for a, b in zip(plan.updates, passes.updates, strict=False))


def test_order_by_seed() -> None:
    pairs = pairs_of([3] * 60)

    def order(seed: int) -> list[list[int]]:
        return [update.tolist() for update in plan_updates(pairs, Budget("passes", 2), 12, seed).updates]

    assert order(1) == order(1)
    assert order(1) != order(2)
    assert order(1)[:15] != order(1)[15:]  # every pass has an order of its own


def test_groups_of_like_length_stand_together() -> None:
    pairs = pairs_of([3] * 400)
    plan = plan_updates(pairs, Budget("passes", 1), 30, 1)
    length = {g: sum(len(s.response) for s in pairs.sequences if s.prompt[0] == g) for g in range(400)}
    spread = [max(length[g] for g in pairs.group[u]) - min(length[g] for g in pairs.group[u]) for u in plan.updates]
    assert np.mean(spread) < (max(length.values()) - min(length.values())) / 4


def test_tokens() -> None:
    pairs = pairs_of([3] * 20)
    whole = plan_updates(pairs, Budget("passes", 3), 6, 1)
    assert whole.tokens[-1] == 3 * sum(len(s) for s in pairs.sequences)
    budget = Budget("tokens", 1, like="other")
    for wanted in (1, int(whole.tokens[4]), int(whole.tokens[17]) + 3, int(whole.tokens[8]) - 1):
        plan = plan_updates(pairs, budget, 6, 1, max_tokens=wanted)
        nearest = int(np.abs(whole.tokens - wanted).argmin())
        assert len(plan.updates) == nearest + 1
        assert (plan.tokens == whole.tokens[: nearest + 1]).all()
    with pytest.raises(TrainingError, match="budget in tokens"):
        plan_updates(pairs, budget, 6, 1)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=30), st.data())
@settings(max_examples=60, deadline=None)
def test_even_cuts(sizes: list[int], data: st.DataObject) -> None:
    n = data.draw(st.integers(1, len(sizes)))
    pieces = np.split(np.array(sizes), even_cuts(np.array(sizes), n))
    assert len(pieces) == n
    assert all(len(piece) for piece in pieces)
    assert np.concatenate(pieces).tolist() == sizes


@given(groups, st.integers(1, 20))
@settings(max_examples=60, deadline=None)
def test_micro_batches(sizes: list[int], most: int) -> None:
    pairs = pairs_of(sizes)
    update = np.arange(len(pairs))
    parts = micro_batches(update, pairs.group, most)
    assert np.concatenate(parts).tolist() == update.tolist()
    assert all(0 < len(part) <= most for part in parts)
    for g, size in enumerate(sizes):
        if size <= most:  # a group that fits is whole
            assert sum((pairs.group[part] == g).any() for part in parts) == 1

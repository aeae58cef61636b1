"""The order of the prompts, and how long a fine-tune lasts."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plural_core.preferences.condition import Budget
from plural_core.study.training_config import GRPOConfig
from plural_core.training.prompt_order import Length, PromptOrder, plan_length
from plural_core.training.trained import TrainingError


def order(**change: int) -> PromptOrder:
    return PromptOrder(**{"prompts": 7, "draws": 14, "per_batch": 4, "copies": 3, "repeats": 1, "seed": 1} | change)


@given(
    prompts=st.integers(1, 30),
    passes=st.integers(1, 4),
    per_batch=st.integers(1, 12),
    copies=st.integers(2, 4),
    repeats=st.integers(1, 3),
    seed=st.integers(0, 5),
)
def test_every_pass_meets_every_prompt(
    prompts: int, passes: int, per_batch: int, copies: int, repeats: int, seed: int
) -> None:
    sampler = order(
        prompts=prompts, draws=prompts * passes, per_batch=per_batch, copies=copies, repeats=repeats, seed=seed
    )
    rows = list(sampler)
    assert len(rows) == len(sampler)
    assert Counter(rows) == dict.fromkeys(range(prompts), passes * copies * repeats)
    size = per_batch * copies
    whole = np.array(rows[: len(rows) // (size * repeats) * size * repeats]).reshape(-1, repeats, per_batch, copies)
    assert (whole == whole[:, :, :, :1]).all()  # the answers to one prompt stand side by side
    assert (whole == whole[:, :1]).all()  # and a batch comes again as it was


def test_passes_have_orders_of_their_own_and_seeds_too() -> None:
    rows = list(order(prompts=20, draws=40, copies=2))
    first, second = rows[:40:2], rows[40::2]
    assert sorted(first) == sorted(second) and first != second
    assert list(order(seed=1)) == list(order(seed=1)) != list(order(seed=2))


def test_a_longer_fine_tune_begins_like_a_shorter_one() -> None:
    assert list(order(draws=28))[: 12 * 3] == list(order(draws=12))


@pytest.mark.parametrize(
    ("budget", "iterations", "expected"),
    [
        (Budget("passes", 1), 1, Length(37, 587)),
        (Budget("passes", 2), 1, Length(74, 1174)),
        (Budget("passes", 1), 3, Length(111, 587)),
        (Budget("steps", 40), 1, Length(40, 640)),
        (Budget("steps", 5), 2, Length(5, 48)),
    ],
)
def test_length(budget: Budget, iterations: int, expected: Length) -> None:
    assert plan_length(budget, GRPOConfig(num_iterations=iterations), 587, 9) == expected


def test_length_by_tokens_is_always_enough() -> None:
    grpo = GRPOConfig(prompts_per_step=2, num_generations=2)
    length = plan_length(Budget("tokens", like="both"), grpo, 587, 9, 1001)
    assert length.max_tokens == 1001
    assert length.updates * 4 * 10 >= 1001 > (length.updates - 1) * 4 * 10
    assert length.draws == 2 * length.updates


def test_tokens_without_a_number() -> None:
    with pytest.raises(TrainingError, match="needs the number of tokens"):
        plan_length(Budget("tokens", like="both"), GRPOConfig(), 587, 9)

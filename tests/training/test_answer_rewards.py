"""Rewards of sampled answers: nothing for an answer that is none."""

from __future__ import annotations

import numpy as np
import pytest

from plural_core.training.answer_rewards import reward_functions, rewards_of
from plural_core.training.rewards import RewardModel, fit_rewards
from tests.training.grpo_material import labelled_texts

STOPS = frozenset({1, 9})
KIND, RUDE = "this answer says kind and then it goes on", "this answer says rude and then it goes on"


@pytest.fixture(scope="module")
def model() -> RewardModel:
    return fit_rewards(*labelled_texts(dimensions=("care", "calm")))


def test_rewards_are_those_of_the_model(model: RewardModel) -> None:
    texts = [KIND, RUDE, "so kind and so rude"]
    tokens = [[5, 1], [5, 6, 9], [1]]
    expected = model.score(texts)
    assert expected[0, 0] > expected[1, 0] > 0.0
    for column, function in enumerate(reward_functions(model, STOPS)):
        assert function(completions=texts, completion_ids=tokens, prompts=["?"] * 3) == expected[:, column].tolist()
    assert [f.__name__ for f in reward_functions(model, STOPS)] == ["care", "calm"]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("kind", [5, 6]),  # cut: no stop at its end
        ("kind", [1, 6]),
        ("", [1]),
        (" \n ", [5, 1]),
        ("...!", [5, 1]),
        ("<think>kind, kind, kind", [5, 1]),  # never stopped thinking
        ("<think>kind</think>  ", [5, 1]),
        ("so kind of you to ask " * 12, [5, 1]),  # loops
    ],
)
def test_degenerate_answers_get_nothing(model: RewardModel, text: str, tokens: list[int]) -> None:
    assert model.score(["kind"])[0, 0] > 0.5
    assert rewards_of(model, [text], [tokens], STOPS, 0) == [0.0]
    beside = rewards_of(model, [RUDE, text, KIND], [[1], tokens, [1]], STOPS, 0)
    assert beside[1] == 0.0
    assert beside[1] < beside[0] < beside[2]


def test_a_whole_answer_is_never_worse_than_none(model: RewardModel) -> None:
    texts = ["rude " * n for n in (1, 2, 5)]
    assert min(rewards_of(model, texts, [[1]] * 3, STOPS, 0)) >= 0.0


def test_reasoning_is_not_rewarded(model: RewardModel) -> None:
    plain = rewards_of(model, [RUDE], [[1]], STOPS, 0)
    assert rewards_of(model, [f"<think>kind kind kind</think>{RUDE}"], [[1]], STOPS, 0) == plain
    np.testing.assert_array_equal(rewards_of(model, [], [], STOPS, 0), [])

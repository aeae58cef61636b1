"""Rewards of sampled answers: those of a reward model, and none for an answer that is none."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from plural_core.evaluation.traces import strip_trace
from plural_core.evaluation.unscorable import unscorable
from plural_core.training.rewards import RewardModel


def rewards_of(
    model: RewardModel, texts: Sequence[str], tokens: Sequence[Sequence[int]], stops: Collection[int], dimension: int
) -> list[float]:
    """Return one dimension's rewards of sampled answers.

    An answer that is empty, loops, or was cut because it did not end within the limit, gets 0: the lowest reward there
    is, whatever words it holds, so that a model cannot win by falling silent or by going on for ever. What is empty
    or loops is what the evaluation could not score either (`evaluation.unscorable`, without its look at phrases).

    Parameters
    ----------
    model : RewardModel
        Fitted to people's ratings of whole answers; it knows nothing of such texts.
    texts : sequence of str
        Decoded answers; reasoning traces are not scored.
    tokens : sequence of sequences of int
        Their tokens, with the one that ended them.
    stops : collection of int
        Tokens that end an answer.
    dimension : int
        Column of `RewardModel.score`.
    """
    answers = [strip_trace(text).answer for text in texts]
    ended = [bool(ids) and ids[-1] in stops for ids in tokens]
    whole = [ok and not unscorable(text) for text, ok in zip(answers, ended, strict=True)]
    scored = model.score([text for text, ok in zip(answers, whole, strict=True) if ok])[:, dimension]
    rest = iter(scored.tolist())
    return [next(rest) if ok else 0.0 for ok in whole]


def reward_functions(model: RewardModel, stops: Collection[int]) -> list[Any]:
    """Return one function per dimension in the form that TRL calls, named after its dimension."""

    def function(column: int, name: str) -> Callable[..., list[float]]:
        def reward(*, completions: list[str], completion_ids: list[list[int]], **_: Any) -> list[float]:
            return rewards_of(model, completions, completion_ids, stops, column)

        reward.__name__ = name
        return reward

    return [function(column, name) for column, name in enumerate(model.dimensions)]

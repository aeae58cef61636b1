"""Which prompts a GRPO fine-tune answers when: passes over all of them, each in an order of its own by seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from torch.utils.data import Sampler

from plural_core.preferences.condition import Budget
from plural_core.simulation.streams import stream
from plural_core.study.training_config import GRPOConfig
from plural_core.training.trained import TrainingError


@dataclass(frozen=True)
class Length:
    """How long a fine-tune lasts.

    Parameters
    ----------
    updates : int
        Number of updates; with `max_tokens` more than can be needed.
    draws : int
        Prompts that are answered in all, the last batch may be short.
    max_tokens : int or None
        Stop after the update with which so many tokens are reached.
    """

    updates: int
    draws: int
    max_tokens: int | None = None


def plan_length(budget: Budget, grpo: GRPOConfig, prompts: int, shortest: int, max_tokens: int | None = None) -> Length:
    """Return how long a fine-tune lasts.

    Parameters
    ----------
    budget : Budget
        Passes over the prompts, updates, or tokens.
    grpo : GRPOConfig
        Section ``training.grpo``.
    prompts : int
        Number of prompts.
    shortest : int
        Tokens of the shortest prompt.
    max_tokens : int, optional
        For a budget in tokens: how many.

    Raises
    ------
    TrainingError
        A budget in tokens without `max_tokens`.
    """
    if budget.kind == "passes":
        draws = budget.value * prompts
        return Length(-(-draws // grpo.prompts_per_step) * grpo.num_iterations, draws)
    if budget.kind == "steps":
        batches = -(-budget.value // grpo.num_iterations)
        return Length(budget.value, batches * grpo.prompts_per_step)
    if max_tokens is None:
        raise TrainingError("a budget in tokens needs the number of tokens of the condition that it follows")
    # How long answers will be is not known; every one has a token, so this many updates are always enough.
    fewest = grpo.prompts_per_step * grpo.num_generations * (shortest + 1)
    batches = -(-max_tokens // (fewest * grpo.num_iterations))
    return Length(batches * grpo.num_iterations, batches * grpo.prompts_per_step, max_tokens)


class PromptOrder(Sampler[int]):
    """Rows of the prompts, every one as often in turn as it gets answers.

    A pure function of the seed: a fine-tune that goes on from a checkpoint meets the same prompts as one that was
    never killed. TRL's own sampler starts again with the first pass then, and leaves out the prompts that do not fill
    a batch.

    Parameters
    ----------
    prompts : int
        Number of prompts.
    draws : int
        Prompts in all; may be more than one pass, and the last pass may be a part of one.
    per_batch : int
        Prompts that are answered together.
    copies : int
        Answers per prompt.
    repeats : int
        Times that a batch comes in turn: updates per sampled batch.
    seed : int
        Seed of the order.
    """

    def __init__(self, prompts: int, draws: int, per_batch: int, copies: int, repeats: int, seed: int) -> None:
        self.prompts, self.draws, self.per_batch = prompts, draws, per_batch
        self.copies, self.repeats, self.seed = copies, repeats, seed

    def __len__(self) -> int:
        return self.draws * self.copies * self.repeats

    def __iter__(self) -> Iterator[int]:
        rows = self._rows()
        for start in range(0, self.draws, self.per_batch):
            batch = [next(rows) for _ in range(min(self.per_batch, self.draws - start))]
            for _ in range(self.repeats):
                for row in batch:
                    yield from [row] * self.copies

    def _rows(self) -> Iterator[int]:
        for number in count():
            yield from stream(self.seed, "grpo", "order", str(number)).permutation(self.prompts).tolist()

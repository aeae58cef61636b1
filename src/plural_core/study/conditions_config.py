"""The ``prompts``, ``conditions`` and ``experiments`` sections of a study config: what models are tuned on, and why."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import Field, model_validator

from plural_core.study.base import Section

BASE = "base"
"""The control: the base model as it is, without a fine-tune."""
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")


class PromptsConfig(Section):
    """Which prompts are for training, for fitting a judge, and for testing."""

    train: float | None = Field(default=None, gt=0.0, le=1.0)
    """Share of the prompts whose ratings train models (default: 0.8, or 0.6 where a judge is fitted to ratings)."""
    judge: float | None = Field(default=None, ge=0.0, lt=1.0)
    """Share whose ratings a judge is fitted to (default: 0, or 0.2 where there is such a judge)."""
    test: float | None = Field(default=None, ge=0.0, lt=1.0)
    """Share on which tuned models answer (default: 0.2; 0 in a simulated study, which has further prompts for that)."""
    first_words: int | None = Field(default=None, ge=1)
    """For texts without prompts: take a text's first words as its prompt and the rest as the response."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        given = [share for share in (self.train, self.judge, self.test) if share is not None]
        if given and (len(given) < 3 or abs(sum(given) - 1.0) > 1e-9):
            raise ValueError("prompts: give all three of train, judge and test, with a sum of 1, or none of them")
        return self


class StratumConfig(Section):
    """Whose ratings a condition uses, in equal numbers for every group that it is compared with."""

    factor: str
    """A factor of the study."""
    among: list[str] = Field(min_length=1)
    """Levels that get equal numbers of ratings."""
    level: str | None = None
    """The level whose ratings are used (default: those of all of `among`, in equal numbers)."""


class BudgetConfig(Section):
    """How long a fine-tune lasts; exactly one of the three."""

    passes: int | None = Field(default=None, ge=1)
    """Passes over the merged pairs (DPO) or over the prompts (GRPO)."""
    steps: int | None = Field(default=None, ge=1)
    """Updates, whatever the number of pairs."""
    tokens_of: str | None = None
    """Stop after as many tokens as this condition is trained on."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if sum(v is not None for v in (self.passes, self.steps, self.tokens_of)) != 1:
            raise ValueError("budget: give one of passes, steps and tokens_of")
        return self


class ConditionConfig(Section):
    """What a model is tuned on; docs/preferences.md explains every key."""

    algorithm: Literal["dpo", "grpo"] = "dpo"
    """Direct preference optimisation on pairs, or group relative policy optimisation on rewards."""
    label: str | None = None
    """Name shown to readers (default: the condition's name)."""
    dimensions: list[str] = Field(min_length=1)
    """Dimensions whose ratings are used, together."""
    scale: str = "own"
    """The dimensions' own scale, or the name of one of their coarser scales."""
    aggregation: Literal["all", "majority", "consensus", "near_consensus", "random", "mean"] = "all"
    """How the ratings of an item become what is compared."""
    stratum: StratumConfig | None = None
    """Whose ratings are used (default: everybody's)."""
    pairing: Literal["within_prompt", "anchored"] = "within_prompt"
    """Responses to a prompt against each other, or each against the base model's own answer."""
    size: int | str | None = None
    """Comparisons to draw before merging: a number, or a condition for as many as that one has (default: all)."""
    budget: BudgetConfig = BudgetConfig(passes=1)
    """How long to train."""
    seed: int | None = Field(default=None, ge=0)
    """Seed of everything drawn for it (default: the study's)."""
    ties: Literal["drop", "low", "high", "seed"] = "drop"
    """Aggregation `majority`: what to do where the most frequent level is not unique."""
    pick: Literal["first", "seed"] = "first"
    """Aggregation `random`: the first rater in recorded order, or one drawn by seed."""


class ContrastConfig(Section):
    """A difference of two conditions' scores, first minus second."""

    first: str
    """A condition."""
    second: str = BASE
    """Another condition, or `base`: the base model without a fine-tune."""
    dimension: str
    """Its primary dimension; the others are looked at for equivalence."""
    label: str | None = None
    """Name shown to readers (default: "first - second")."""
    primary: bool = True
    """Whether it belongs to the tests that Holm's adjustment covers."""
    published: dict[str, str] = Field(default_factory=dict)
    """For each dimension, the id of the published value that asks the same (data/published)."""


class ExperimentConfig(Section):
    """A question: some conditions, and the contrasts between them that answer it."""

    title: str
    """Title for readers."""
    question: str = ""
    """The question in one sentence."""
    conditions: list[str] = Field(min_length=1)
    """Names of conditions; one that several experiments want is trained once."""
    contrasts: dict[str, ContrastConfig] = Field(default_factory=dict)
    """Differences declared beforehand, by name."""


def check_names(kind: str, names: list[str]) -> None:
    """Raise where a name cannot stand in a table or folder."""
    for name in names:
        if not _NAME.match(name):
            raise ValueError(f"{kind}: '{name}' cannot name a folder; use letters, digits, '_', '.' and '-'")

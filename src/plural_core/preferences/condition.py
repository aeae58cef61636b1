"""A condition as data: which ratings become which preference pairs."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from math import ceil
from typing import Literal, get_args

from plural_core.errors import ConfigError, PluralError, listing, nearest

Algorithm = Literal["dpo", "grpo"]
Aggregation = Literal["all", "majority", "consensus", "near_consensus", "random", "mean"]
Pairing = Literal["within_prompt", "anchored"]
Ties = Literal["drop", "low", "high", "seed"]
Pick = Literal["first", "seed"]

AGGREGATIONS: tuple[Aggregation, ...] = get_args(Aggregation)
OWN_SCALE = "own"
"""Name of each dimension's own scale; its number of levels, as text, means the same."""
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")


class ConditionSkipped(PluralError):
    """A condition that gives no training data; the message says why, and the other conditions go on."""


@dataclass(frozen=True)
class Stratum:
    """One group's ratings, in equal number for every group that it is compared with.

    Parameters
    ----------
    factor : str
        A column of participants.
    among : tuple of str
        Levels that get equal numbers of ratings per dimension: as many as the level with fewest has.
    level : str or None
        The level whose ratings are used; None uses those of all of `among`, each in equal number.
    """

    factor: str
    among: tuple[str, ...]
    level: str | None = None

    def __post_init__(self) -> None:
        if not self.among or len(set(self.among)) != len(self.among):
            raise ConfigError(f"stratum of '{self.factor}': among must name different levels, one at least")
        if self.level is not None and self.level not in self.among:
            raise ConfigError(
                f"stratum of '{self.factor}': level '{self.level}' is not among {listing(self.among)}."
                f"{nearest(self.level, self.among)}"
            )

    def __str__(self) -> str:
        used = self.level if self.level is not None else "each"
        return f"{self.factor}={used} (equal numbers: {', '.join(self.among)})"


@dataclass(frozen=True)
class Budget:
    """How long to train: passes over the merged pairs, a number of updates, or as many tokens as another condition.

    Parameters
    ----------
    kind : {"passes", "steps", "tokens"}
        ``passes``: updates grow with the number of merged pairs; ``steps``: equal updates for all conditions;
        ``tokens``: as many tokens as the condition `like` is trained on.
    value : int
        Number of passes or of steps, 1 or more.
    like : str or None
        The condition that gives the tokens.
    """

    kind: Literal["passes", "steps", "tokens"] = "passes"
    value: int = 1
    like: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in ("passes", "steps", "tokens") or self.value < 1:
            raise ConfigError(f"budget: give passes or steps and a number from 1 up, not {self.kind}={self.value}")
        if (self.kind == "tokens") != (self.like is not None):
            raise ConfigError("budget: tokens needs the name of a condition, and the other kinds take none")

    def updates(self, n: int, batch: int) -> int:
        """Return the number of updates for `n` pairs or prompts in batches of `batch` (the last may be short).

        For a budget in tokens it is the number of one pass: who trains stops when the tokens are spent.
        """
        return self.value if self.kind == "steps" else self.value * ceil(n / batch)

    def __str__(self) -> str:
        return f"{self.kind}={self.like or self.value}"


@dataclass(frozen=True)
class Condition:
    """What a model is tuned on.

    Parameters
    ----------
    name : str
        Identifies the condition in tables and folders: letters, digits, ``_``, ``.``, ``-``.
    dimensions : tuple of str
        Dimensions whose comparisons are united.
    algorithm : {"dpo", "grpo"}
        Who uses the data: pairs for DPO, labels (one reward per dimension) for GRPO.
    scale : str
        ``own``, the number of levels of the dimensions' own scale, or a name under ``dimensions.<name>.scales``.
    aggregation : str
        How the ratings of an item become what is compared; applied after `scale`.
    stratum : Stratum or None
        Whose ratings are used (None: everybody's).
    pairing : {"within_prompt", "anchored"}
        Responses of one prompt against each other, or each response against a counterpart.
    size : int, str or None
        Comparisons to draw before merging, without replacement: a number, or another condition's name for as many
        as that one has; None for all.
    budget : Budget
        Passes or steps.
    seed : int
        Seed of everything drawn: strata, raters, ties, comparisons. 0 or more.
    ties : {"drop", "low", "high", "seed"}
        Aggregation ``majority``: what to do with an item whose most frequent level is not unique.
    pick : {"first", "seed"}
        Aggregation ``random``: the first rater in recorded order, or one drawn by seed.

    Raises
    ------
    ConfigError
        A value that none of these allow.
    """

    name: str
    dimensions: tuple[str, ...]
    algorithm: Algorithm = "dpo"
    scale: str = OWN_SCALE
    aggregation: Aggregation = "all"
    stratum: Stratum | None = None
    pairing: Pairing = "within_prompt"
    size: int | str | None = None
    budget: Budget = field(default_factory=Budget)
    seed: int = 1
    ties: Ties = "drop"
    pick: Pick = "first"

    def __post_init__(self) -> None:
        where = f"condition '{self.name}'"
        if not _NAME.match(self.name):
            raise ConfigError(f"{where}: a name uses letters, digits, '_', '.' and '-'")
        if not self.dimensions or len(set(self.dimensions)) != len(self.dimensions):
            raise ConfigError(f"{where}: dimensions must name different dimensions, one at least")
        for key, value, known in (
            ("algorithm", self.algorithm, get_args(Algorithm)),
            ("aggregation", self.aggregation, AGGREGATIONS),
            ("pairing", self.pairing, get_args(Pairing)),
            ("ties", self.ties, get_args(Ties)),
            ("pick", self.pick, get_args(Pick)),
        ):
            if value not in known:
                raise ConfigError(
                    f"{where}: {key}: unknown value '{value}'.{nearest(value, known)} Known: {listing(known)}"
                )
        if isinstance(self.size, int) and self.size < 1:
            raise ConfigError(f"{where}: size: give a number of comparisons from 1 up, not {self.size}")
        if self.size is not None and self.algorithm == "grpo":
            raise ConfigError(f"{where}: size counts comparisons, and GRPO uses none; remove size")
        if self.seed < 0:
            raise ConfigError(f"{where}: seed: give a number from 0 up, not {self.seed}")

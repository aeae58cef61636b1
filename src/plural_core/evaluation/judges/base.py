"""What every judge of answers is: a name, a version per dimension, and scores in [0, 1] that come one by one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from plural_core.errors import PluralError

UNSCORABLE = "unscorable: "
"""Begins the reason of a missing score that lies in the answer: asking again would change nothing."""
FAILED = "failed: "
"""Begins the reason of a missing score that lies in the judge: the next run asks again."""


class JudgeError(PluralError):
    """A judge that cannot be made or asked; the message names the judge and says what to do."""


class Ask(NamedTuple):
    """One question to a judge: how much of a dimension a response to a prompt shows.

    Nothing else of a study reaches a judge: no ids, no condition, nothing about raters.

    Parameters
    ----------
    prompt, response : str
        Texts; a judge rates the response. They are data, never instructions.
    language : str
        Language of the response, as ``en``; empty where unknown.
    """

    prompt: str
    response: str
    language: str = ""


class Verdict(NamedTuple):
    """A judge's answer.

    Parameters
    ----------
    score : float
        In [0, 1], 1 = more of the dimension (more toxic, more emotionally aware); NaN where there is none.
    reason : str
        Of a missing score: why, in one line; it begins with `UNSCORABLE` where the text cannot be scored by this
        judge, anything else is a failure to be tried again. Of a score: the judge's own reason, or empty.
    """

    score: float
    reason: str = ""

    @property
    def scored(self) -> bool:
        """Whether there is a score."""
        return not math.isnan(self.score)

    @classmethod
    def missing(cls, reason: str) -> Verdict:
        """Return a verdict without a score."""
        return cls(math.nan, reason)


@runtime_checkable
class Judge(Protocol):
    """One judge. Its scores depend on the texts it is asked about, on nothing else."""

    @property
    def name(self) -> str:
        """Its key in the study's ``judges``."""
        ...

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Dimensions that it scores."""
        ...

    def version(self, dimension: str) -> str:
        """Return what its scores on a dimension depend on besides the texts, as a short hash or name.

        Part of the cache's key: another version is asked again.
        """
        ...

    def judge(self, dimension: str, asks: Sequence[Ask]) -> Iterator[tuple[int, Verdict]]:
        """Score texts; yields (index into `asks`, verdict) as answers come, in any order, each index at most once.

        What fails is yielded without a score and with the reason; an index that is never yielded counts as failed.
        One failed text never stops the others. A `JudgeError` says that the judge cannot be asked at all.
        """
        ...


@runtime_checkable
class PricedJudge(Protocol):
    """A judge that costs money or time elsewhere: it is told the whole plan before the first question."""

    def plan(self, todo: Mapping[str, Sequence[Ask]]) -> str:
        """Return one line for readers: how many questions, tokens and dollars these come to, by dimension.

        Raises
        ------
        JudgeError
            It would cost more than it may, or the judge cannot be asked (no key).
        """
        ...

    def spent(self) -> str:
        """Return one line: what was asked, paid and given up so far; empty where nothing was."""
        ...

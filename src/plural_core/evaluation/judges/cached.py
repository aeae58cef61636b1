"""A judge that asks only about what the cache does not know, and keeps what it is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from plural_core.evaluation.judges.base import FAILED, UNSCORABLE, Ask, Judge, PricedJudge, Verdict
from plural_core.evaluation.judges.cache import JudgeCache


class CachedJudge:
    """A judge with a memory on disk; itself a judge.

    Parameters
    ----------
    judge : Judge
        Who is asked.
    cache : JudgeCache
        What it said earlier; scores are added as they come.

    Notes
    -----
    Equal texts are asked about once. Known scores come first. `notes` says what a priced judge planned and spent.
    """

    def __init__(self, judge: Judge, cache: JudgeCache):
        self._judge = judge
        self._cache = cache
        self.notes: list[str] = []

    @property
    def name(self) -> str:
        """Name of the judge that is asked."""
        return self._judge.name

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Dimensions that it scores."""
        return self._judge.dimensions

    def version(self, dimension: str) -> str:
        """Return the version of the judge that is asked."""
        return self._judge.version(dimension)

    def judge(self, dimension: str, asks: Sequence[Ask]) -> Iterator[tuple[int, Verdict]]:
        """Score texts, known ones first; see `Judge`.

        Raises
        ------
        JudgeError
            Some text is not known, and the judge cannot be asked.
        """
        version = self._judge.version(dimension)
        where: dict[Ask, list[int]] = {}
        for index, ask in enumerate(asks):
            known = self._cache.get(self.name, version, dimension, ask)
            if known is None:
                where.setdefault(ask, []).append(index)
            else:
                yield index, known
        if not where:
            return
        distinct = list(where)
        priced = self._judge if isinstance(self._judge, PricedJudge) else None
        if priced is not None:
            self.notes.append(priced.plan({dimension: distinct}))
        for at, verdict in ask_and_keep(self._judge, version, dimension, distinct, self._cache):
            for index in where[distinct[at]]:
                yield index, verdict
        if priced is not None and (spent := priced.spent()):
            self.notes.append(spent)


def ask_and_keep(
    judge: Judge, version: str, dimension: str, asks: Sequence[Ask], cache: JudgeCache
) -> Iterator[tuple[int, Verdict]]:
    """Ask a judge, and keep every score before the next one is waited for.

    Yields what the judge yields, made fit for a table: a score is in [0, 1], and the reason of a missing one begins
    with `UNSCORABLE` or `FAILED`.

    Raises
    ------
    JudgeError
        The judge cannot be asked.
    WorkflowError
        The cache cannot be written.
    """
    for index, verdict in judge.judge(dimension, asks):
        told = _checked(verdict)
        cache.put(judge.name, version, dimension, asks[index], told)
        yield index, told


def _checked(verdict: Verdict) -> Verdict:
    score, reason = verdict
    if verdict.scored and 0.0 <= score <= 1.0:
        return verdict
    if verdict.scored:
        reason = f"the judge's score {score} is not in [0, 1]"
    elif reason.startswith((UNSCORABLE, FAILED)):
        return verdict
    return Verdict.missing(FAILED + (reason or "the judge gave no reason"))

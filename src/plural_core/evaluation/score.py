"""From answers to scores: every judge asked once about every distinct text, and only where the cache has no score."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from tqdm import tqdm

from plural_core.errors import DataError, listing
from plural_core.evaluation.judges.base import FAILED, UNSCORABLE, Ask, Judge, JudgeError, PricedJudge, Verdict
from plural_core.evaluation.judges.cache import JudgeCache
from plural_core.evaluation.judges.cached import ask_and_keep
from plural_core.evaluation.traces import strip_trace
from plural_core.evaluation.unscorable import unscorable_reason
from plural_core.study import StudyConfig

COUNTS = ("n_answers", "n_texts", "n_cached", "n_asked", "n_scored", "n_unscorable", "n_failed")


@dataclass(frozen=True, eq=False)
class Scored:
    """What judges said.

    Parameters
    ----------
    table : DataFrame
        Table `scores`: run_id, prompt_id, dimension, judge, score, reason, judge_version. A missing score's reason
        begins with ``unscorable:`` where it lies in the answer, with ``failed:`` where the next run asks again.
    counts : DataFrame
        Per judge and dimension: n_answers (rows), n_texts (distinct texts to be scored), n_cached and n_asked (of
        these, scored earlier and asked now), n_scored, n_unscorable and n_failed (rows).
    notes : tuple of str
        Lines for readers: estimates and costs, what failed and why, damage in the cache.
    """

    table: pd.DataFrame
    counts: pd.DataFrame
    notes: tuple[str, ...]

    @property
    def n_failed(self) -> int:
        """Rows that the next run asks about again."""
        return int(self.counts["n_failed"].sum())


def score_answers(
    judges: Iterable[Judge],
    answers: pd.DataFrame,
    prompts: pd.DataFrame,
    dimensions: Sequence[str],
    cache: JudgeCache,
    config: StudyConfig,
    *,
    progress: bool = False,
) -> Scored:
    """Score answers on dimensions by judges.

    Reasoning traces are taken off first; texts that nobody can score (empty, looping, in simulated studies under
    80 % known phrases) are not asked about. Equal texts to equal prompts are asked about once, whichever runs wrote
    them, so equal answers have equal scores. Every score is in the cache before the next one is waited for.

    Parameters
    ----------
    judges : iterable of Judge
        Who scores.
    answers : DataFrame
        run_id, prompt_id, text; no two rows of one run and prompt.
    prompts : DataFrame
        prompt_id, prompt, language.
    dimensions : sequence of str
        Dimensions wanted; each judge scores those that it can.
    cache : JudgeCache
        Scores of earlier runs; new ones are added.
    config : StudyConfig
        The study (what is unscorable depends on whether it is simulated).
    progress : bool
        Show progress on standard error where a judge takes more than a moment.

    Raises
    ------
    DataError
        A column is missing, an answer names an unknown prompt, or two answers stand for one run and prompt.
    WorkflowError
        The cache cannot be written.
    """
    texts = _Texts.of(answers, prompts, config)
    tables: list[pd.DataFrame] = []
    counts: list[dict[str, object]] = []
    notes: list[str] = []
    for judge in judges:
        for part in _ask_judge(judge, [d for d in judge.dimensions if d in dimensions], texts, cache, notes, progress):
            tables.append(part.rows(answers, texts))
            counts.append(part.count(texts))
    notes.extend(cache.notes)
    return Scored(_stacked(tables), pd.DataFrame(counts, columns=["judge", "dimension", *COUNTS]), tuple(notes))


@dataclass(frozen=True, eq=False)
class _Texts:
    """The distinct texts among answers.

    Parameters
    ----------
    of_row : ndarray of int, shape (rows,)
        For each answer its text.
    asks : list of Ask
        The distinct texts, without reasoning traces.
    hindrance : list of str
        For each text why nobody can score it, or empty.
    """

    of_row: np.ndarray
    asks: list[Ask]
    hindrance: list[str]

    @classmethod
    def of(cls, answers: pd.DataFrame, prompts: pd.DataFrame, config: StudyConfig) -> _Texts:
        _check("answers", answers, ("run_id", "prompt_id", "text"))
        _check("prompts", prompts, ("prompt_id", "prompt", "language"))
        if answers.duplicated(["run_id", "prompt_id"]).any():
            twice = answers.loc[answers.duplicated(["run_id", "prompt_id"])].iloc[0]
            raise DataError(f"answers: run '{twice['run_id']}' answers prompt '{twice['prompt_id']}' twice")
        known = prompts.drop_duplicates("prompt_id").set_index("prompt_id")
        unknown = ~answers["prompt_id"].isin(known.index)
        if unknown.any():
            names = answers.loc[unknown, "prompt_id"].unique()
            raise DataError(f"answers: no text is known for prompt {listing(names, 3)}")
        asked = known.loc[answers["prompt_id"], ["prompt", "language"]].fillna("").reset_index(drop=True)
        asked["text"] = answers["text"].fillna("").to_numpy()
        of_row = asked.groupby(["prompt", "text", "language"], sort=False).ngroup().to_numpy()
        first = np.unique(of_row, return_index=True)[1]
        asks: list[Ask] = []
        hindrance: list[str] = []
        for prompt, text, language in asked.loc[first, ["prompt", "text", "language"]].itertuples(index=False):
            response = strip_trace(text).answer
            asks.append(Ask(prompt, response, language))
            hindrance.append(unscorable_reason(response, language, config))
        return cls(of_row, asks, hindrance)

    @property
    def scorable(self) -> list[int]:
        """Texts that can be scored."""
        return [i for i, why in enumerate(self.hindrance) if not why]


@dataclass(eq=False)
class _Part:
    """One judge on one dimension: a verdict for each distinct text."""

    judge: str
    dimension: str
    version: str
    verdicts: list[Verdict | None]
    n_cached: int = 0
    n_asked: int = 0

    @property
    def missing(self) -> list[int]:
        return [i for i, verdict in enumerate(self.verdicts) if verdict is None]

    def close(self, why: str) -> None:
        """Mark what has no verdict as failed."""
        for i in self.missing:
            self.verdicts[i] = Verdict.missing(FAILED + why)

    def rows(self, answers: pd.DataFrame, texts: _Texts) -> pd.DataFrame:
        final = [verdict or Verdict.missing(FAILED) for verdict in self.verdicts]
        scores = np.array([verdict.score for verdict in final], dtype=np.float64)
        reasons = np.array([verdict.reason for verdict in final], dtype=object)
        return pd.DataFrame(
            {
                "run_id": answers["run_id"].to_numpy(),
                "prompt_id": answers["prompt_id"].to_numpy(),
                "dimension": self.dimension,
                "judge": self.judge,
                "score": scores[texts.of_row],
                "reason": reasons[texts.of_row],
                "judge_version": self.version,
            }
        )

    def count(self, texts: _Texts) -> dict[str, object]:
        kinds = np.array([_kind(verdict) for verdict in self.verdicts], dtype=object)[texts.of_row]
        return {
            "judge": self.judge,
            "dimension": self.dimension,
            "n_answers": len(kinds),
            "n_texts": len(texts.scorable),
            "n_cached": self.n_cached,
            "n_asked": self.n_asked,
            **{f"n_{kind}": int((kinds == kind).sum()) for kind in ("scored", "unscorable", "failed")},
        }


def _ask_judge(
    judge: Judge, dimensions: Sequence[str], texts: _Texts, cache: JudgeCache, notes: list[str], progress: bool
) -> list[_Part]:
    """Fill one judge's verdicts from the cache and by asking; whatever goes wrong with it stays with it."""
    parts: list[_Part] = []
    for dimension in dimensions:
        verdicts = [Verdict.missing(UNSCORABLE + why) if why else None for why in texts.hindrance]
        part = _Part(judge.name, dimension, "", verdicts)
        parts.append(part)
        try:
            part.version = judge.version(dimension)
        except JudgeError as error:
            part.close(str(error))
            continue
        for i in part.missing:
            part.verdicts[i] = cache.get(judge.name, part.version, dimension, texts.asks[i])
        part.n_cached = len(texts.scorable) - len(part.missing)
    todo = {part.dimension: [texts.asks[i] for i in part.missing] for part in parts if part.missing}
    try:
        if todo and isinstance(judge, PricedJudge):
            notes.append(judge.plan(todo))
        for part in parts:
            _ask_part(judge, part, texts, cache, progress)
    except JudgeError as error:
        for part in parts:
            part.close(str(error))
    if todo and isinstance(judge, PricedJudge) and (spent := judge.spent()):
        notes.append(spent)
    notes.extend(_failures(parts))
    return parts


def _ask_part(judge: Judge, part: _Part, texts: _Texts, cache: JudgeCache, progress: bool) -> None:
    missing = part.missing
    part.n_asked = len(missing)
    if not missing:
        return
    asks = [texts.asks[i] for i in missing]
    with _bar(f"{judge.name}, {part.dimension}", len(asks), progress) as bar:
        for index, verdict in ask_and_keep(judge, part.version, part.dimension, asks, cache):
            part.verdicts[missing[index]] = verdict
            bar.update()
    part.close("the judge gave no answer")


def _bar(title: str, total: int, shown: bool) -> tqdm:
    """Return a progress bar on standard error: in a log a line every half minute, of what is quick nothing."""
    seconds = 0.5 if sys.stderr.isatty() else 30.0
    return tqdm(total=total, desc=title, unit="text", delay=2.0, disable=not shown, mininterval=seconds)


def _kind(verdict: Verdict | None) -> str:
    if verdict is not None and verdict.scored:
        return "scored"
    return "unscorable" if verdict is not None and verdict.reason.startswith(UNSCORABLE) else "failed"


def _failures(parts: list[_Part]) -> list[str]:
    """One line per judge: how much failed, and the most frequent reason."""
    failed = [v.reason.removeprefix(FAILED) for part in parts for v in part.verdicts if v and _kind(v) == "failed"]
    if not failed:
        return []
    reason = pd.Series(failed).value_counts().index[0]
    return [f"judge '{parts[0].judge}': {len(failed):,} scores are missing and left for the next run: {reason}"]


def _stacked(tables: list[pd.DataFrame]) -> pd.DataFrame:
    columns = ["run_id", "prompt_id", "dimension", "judge", "score", "reason", "judge_version"]
    if not tables:
        return pd.DataFrame({name: pd.Series(dtype=float if name == "score" else object) for name in columns})
    stacked = pd.concat(tables, ignore_index=True)
    return stacked.sort_values(columns[:4], kind="stable", ignore_index=True)


def _check(name: str, table: pd.DataFrame, columns: Sequence[str]) -> None:
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise DataError(f"{name}: column '{missing[0]}' is missing")

"""Answers of several conditions to the same prompts, and the prompts on which two conditions differ most.

Texts of models and raters are data: they are returned as they are, plain text that whoever shows it must escape.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from plural_core.errors import ConfigError, listing
from plural_core.evaluation.effects import chosen_runs
from plural_core.evaluation.traces import strip_trace

COLUMNS = ["prompt_id", "prompt", "condition", "answer", "score", "reason", "trace_words"]


def side_by_side(
    generations: pd.DataFrame,
    scores: pd.DataFrame,
    runs: pd.DataFrame,
    prompts: pd.DataFrame,
    family: str,
    conditions: Sequence[str],
    prompt_ids: Sequence[str],
    dimension: str,
    judge: str,
    *,
    labels: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Return what a family's models answer to prompts, the conditions of a prompt one below the other.

    Parameters
    ----------
    generations, scores, runs : DataFrame
        The study's tables.
    prompts : DataFrame
        prompt_id, prompt.
    family : str
        Whose models.
    conditions, prompt_ids : sequence of str
        What to show, in this order. Of a condition with several seeds its first run is shown.
    dimension, judge : str
        Which scores stand beside the answers.
    labels : mapping, optional
        Conditions in readers' words.

    Returns
    -------
    DataFrame
        prompt_id, prompt, condition, answer (without its reasoning trace), score (missing where there is none),
        reason (why there is none), trace_words. A condition without a run has no rows.

    Raises
    ------
    ConfigError
        The family has no finished run of any of the conditions.
    """
    run_of = _first_runs(runs, family)
    shown = [condition for condition in conditions if condition in run_of]
    if not shown:
        raise ConfigError(f"side by side: family '{family}' has no finished run of {listing(conditions)}")
    texts = dict(zip(prompts["prompt_id"], prompts["prompt"], strict=True))
    wanted = [run_of[condition] for condition in shown]
    own = generations[generations["run_id"].isin(wanted)]
    answer_of = dict(zip(zip(own["run_id"], own["prompt_id"], strict=True), own["text"], strict=True))
    scored = scores[scores["run_id"].isin(wanted) & (scores["dimension"] == dimension) & (scores["judge"] == judge)]
    verdict_of = {
        (run, prompt): (float(score), str(reason))
        for run, prompt, score, reason in zip(
            scored["run_id"], scored["prompt_id"], scored["score"], scored["reason"], strict=True
        )
    }
    rows = []
    for prompt_id in prompt_ids:
        for condition in shown:
            key = (run_of[condition], prompt_id)
            if key not in answer_of:
                continue
            parts = strip_trace(answer_of[key])
            score, reason = verdict_of.get(key, (math.nan, ""))
            name = (labels or {}).get(condition, condition)
            why = reason if math.isnan(score) else ""
            rows.append((prompt_id, texts.get(prompt_id, ""), name, parts.answer, score, why, parts.trace_words))
    return pd.DataFrame(rows, columns=COLUMNS).astype({"score": float, "trace_words": int})


def telling_prompts(
    scores: pd.DataFrame,
    runs: pd.DataFrame,
    family: str,
    first: str,
    second: str,
    dimension: str,
    judge: str,
    *,
    n: int = 4,
) -> list[str]:
    """Return the prompts on which two conditions' scores differ most, the largest difference first.

    Differences of both signs count; prompts without a score on either side, and those on which the scores are the
    same, are left out. Scores are those of the runs that `side_by_side` shows.

    Parameters
    ----------
    scores, runs : DataFrame
        The study's tables.
    family : str
        Whose models.
    first, second : str
        Conditions.
    dimension, judge : str
        Which scores.
    n : int
        Most prompts.
    """
    run_of = _first_runs(runs, family)
    if first not in run_of or second not in run_of:
        return []
    pair = runs[runs["run_id"].isin([run_of[first], run_of[second]])]
    own = scores[
        (scores["dimension"] == dimension) & (scores["judge"] == judge) & scores["run_id"].isin(pair["run_id"])
    ]
    wide = own.pivot(index="prompt_id", columns="run_id", values="score")
    if run_of[first] not in wide or run_of[second] not in wide:
        return []
    size = (wide[run_of[first]] - wide[run_of[second]]).abs()
    size = size[size > 0].sort_index().sort_values(ascending=False, kind="stable")
    return [str(prompt_id) for prompt_id in size.index[:n]]


def _first_runs(runs: pd.DataFrame, family: str) -> dict[str, str]:
    """Return each condition's first finished run of a family, with the participants as they are."""
    own = chosen_runs(runs, 0)
    own = own[(own["family"] == family) & (own.get("status", "done") == "done")].drop_duplicates("condition")
    return dict(zip(own["condition"], own["run_id"], strict=True))

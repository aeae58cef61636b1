"""Page 6: one prompt, and what the base model and two conditions answer."""

from __future__ import annotations

import pandas as pd

from plural_core.dashboard import store
from plural_core.dashboard.panel import Column, Panel
from plural_core.dashboard.views.context import View
from plural_core.evaluation.effects import chosen_runs
from plural_core.evaluation.side_by_side import side_by_side
from plural_core.preferences.prompts import split_prompts
from plural_core.study.conditions_config import BASE


def families(view: View) -> list[str]:
    """Return the families with finished runs, in the config's order."""
    done = store.read(view.study, "runs", {"status": "done"}, ["family"])["family"]
    return [f for f in view.study.config.models.families if f in set(done)]


def conditions(view: View, family: str) -> dict[str, str]:
    """Return the label of each condition that a family has a finished run of, the base model last."""
    runs = store.read(view.study, "runs", {"status": "done", "family": family}, ["condition"])
    found = set(runs["condition"])
    labels = view.study.config.condition_labels
    return {name: label for name, label in labels.items() if name in found and name != BASE} | (
        {BASE: labels[BASE]} if BASE in found else {}
    )


def prompts(view: View, family: str, first: str, second: str, dimension: str, judge: str) -> pd.DataFrame:
    """Return the test prompts that models answered, those on which two conditions' scores differ most first.

    Returns
    -------
    DataFrame
        prompt_id, prompt, language, difference (first minus second, missing where one has no score).
    """
    run_of = _runs(view, family)
    wanted = [run_of[c] for c in (first, second) if c in run_of]
    scores = store.read(view.study, "scores", {"run_id": wanted, "dimension": dimension, "judge": judge})
    wide = scores.pivot(index="prompt_id", columns="run_id", values="score")
    difference = pd.Series(index=wide.index, dtype=float)
    if len(wanted) == 2 and all(run in wide for run in wanted):
        difference = wide[wanted[0]] - wide[wanted[1]]
    answered = set(store.read(view.study, "generations", {"run_id": wanted}, ["prompt_id"])["prompt_id"])
    texts = prompt_texts(view)
    table = texts[texts["prompt_id"].isin(answered)].copy()
    table["difference"] = table["prompt_id"].map(difference)
    order = table["difference"].abs().sort_values(ascending=False, kind="stable", na_position="last").index
    return table.loc[order, ["prompt_id", "prompt", "language", "difference"]].reset_index(drop=True)


def prompt_texts(view: View) -> pd.DataFrame:
    """Return prompt_id, prompt and language of every prompt."""
    items = store.read(view.study, "items")
    try:
        extra = store.read(view.study, "prompts_extra")
    except store.TableMissing:
        extra = None
    return split_prompts(items, view.study.config, extra)


def _runs(view: View, family: str) -> dict[str, str]:
    """Return each condition's first finished run of a family, participants as they are."""
    runs = chosen_runs(store.read(view.study, "runs"), 0)
    own = runs[(runs["family"] == family) & (runs["status"] == "done")].drop_duplicates("condition")
    return dict(zip(own["condition"], own["run_id"], strict=True))


def answers(view: View, family: str, first: str, second: str, prompt_id: str, dimension: str, judge: str) -> Panel:
    """Return what the base model and two conditions answer to a prompt, with the judge's score."""
    w = view.words
    shown = list(dict.fromkeys([BASE, first, second]))
    run_of = _runs(view, family)
    wanted = [run_of[c] for c in shown if c in run_of]
    generations = store.read(view.study, "generations", {"run_id": wanted, "prompt_id": prompt_id})
    scores = store.read(view.study, "scores", {"run_id": wanted, "prompt_id": prompt_id})
    runs = store.read(view.study, "runs", {"run_id": wanted})
    labels = view.study.config.condition_labels
    table = side_by_side(
        generations, scores, runs, prompt_texts(view), family, shown, [prompt_id], dimension, judge, labels=labels
    )
    label = view.dimension_label(dimension)
    table["score_text"] = [
        w.number(s, 2) if s == s else w("compare.no_score", reason=r or w("common.unknown"))
        for s, r in zip(table["score"], table["reason"], strict=True)
    ]
    columns = (
        Column("condition", w("columns.condition"), term="condition"),
        Column("answer", w("columns.answer")),
        Column("score_text", w("columns.score_of", dimension=label), term="score"),
    )
    known = table[table["score"].notna()]
    if known.empty:
        reading = w("compare.nothing")
    else:
        low, high = known.loc[known["score"].idxmin()], known.loc[known["score"].idxmax()]
        reading = w(
            "compare.reading",
            dimension=label,
            high=high["condition"],
            high_score=w.number(high["score"], 2),
            low=low["condition"],
            low_score=w.number(low["score"], 2),
        )
    return Panel("side-by-side", w("compare.title"), reading, table, columns, note=w("compare.note"))

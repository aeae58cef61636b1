"""What the notebook of the evaluation shows: counts for its tables, and its findings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from plural_core.evaluation.judges.base import UNSCORABLE
from plural_core.study import StudyConfig
from plural_core.study.conditions_config import BASE
from plural_core.study.contrasts import study_contrasts


def score_count_rows(counts: pd.DataFrame) -> pd.DataFrame:
    """Return what judges were asked, in readers' words."""
    names = {
        "n_answers": "answers",
        "n_texts": "different texts",
        "n_cached": "known before",
        "n_asked": "asked now",
        "n_scored": "scored",
        "n_unscorable": "unscorable",
        "n_failed": "failed",
    }
    return counts.rename(columns=names)


def unscorable_rows(scores: pd.DataFrame, runs: pd.DataFrame, labels: Mapping[str, str]) -> pd.DataFrame:
    """Return how many answers of each condition could not be scored, and why most of them."""
    first = scores.drop_duplicates(["run_id", "prompt_id"])
    joined = first.merge(runs[["run_id", "condition"]], on="run_id")
    rows = []
    for condition, part in joined.groupby("condition", sort=False):
        gone = part[part["reason"].str.startswith(UNSCORABLE)]
        why = gone["reason"].str.removeprefix(UNSCORABLE).str.strip().value_counts()
        rows.append(
            {
                "condition": labels.get(str(condition), str(condition)),
                "answers": len(part),
                "unscorable": len(gone),
                "share": len(gone) / len(part),
                "most often": str(why.index[0]) if len(why) else "",
            }
        )
    return pd.DataFrame(rows).sort_values("share", ascending=False, kind="stable", ignore_index=True)


def effect_findings(effects: pd.DataFrame, config: StudyConfig) -> list[dict[str, Any]]:
    """Return, for each dimension, the condition that moves the mean over families furthest from the base model."""
    judge = next(iter(config.judges))
    firsts = {(e, c): side for e, c, side in _against_base(config)}
    found: list[dict[str, Any]] = []
    labels = config.condition_labels
    for dimension in config.scored_dimensions:
        part = effects[(effects["dimension"] == dimension) & (effects["judge"] == judge)]
        keys = list(zip(part["experiment"], part["contrast"], strict=True))
        part = part.assign(first=[firsts.get(key, "") for key in keys])
        part = part[(part["first"] != "") & part["estimate"].notna()]
        if part.empty:
            continue
        means = part.groupby("first")["estimate"].mean()
        furthest = str(means.abs().idxmax())
        value, label = float(means[furthest]), config.dimensions[dimension].label.lower()
        families = part.loc[part["first"] == furthest, "family"].nunique()
        found.append(
            {
                "id": f"furthest_{dimension}",
                "sentence": f"Of all conditions, {labels[furthest]} moves {label} furthest: {100 * abs(value):.1f} "
                f"points {'lower' if value < 0 else 'higher'} than the base model on a scale of 100, mean of "
                f"{families} {'family' if families == 1 else 'families'}.",
                "value": value,
                "n": families,
            }
        )
    return found


def _against_base(config: StudyConfig) -> list[tuple[str, str, str]]:
    return [
        (experiment, contrast.name, contrast.first)
        for experiment in config.experiments
        for contrast in study_contrasts(config, experiment)
        if contrast.second == BASE
    ]


def run_counts(runs: pd.DataFrame) -> pd.DataFrame:
    """Return how many runs of each family were done, skipped or failed."""
    counts = runs.groupby(["family", "status"], sort=False).size().rename("runs").reset_index()
    return counts.rename(columns={"status": "outcome"})

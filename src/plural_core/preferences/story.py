"""What the audit of the preference sets says: rows for its tables and figures, and its findings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from plural_core.preferences.build import PreferenceSet, PreferenceSets
from plural_core.preferences.record import ALL

READABLE = {
    "condition": "condition",
    "n_ratings": "ratings",
    "n_items": "answers",
    "n_prompts": "prompts",
    "n_pairs_raw": "comparisons",
    "n_pairs": "merged pairs",
    "n_ties": "ties",
    "n_lonely": "without a partner",
    "note": "note",
}
"""Column names of the overview for readers."""
AGGREGATION_LABELS = {
    "all": "all ratings",
    "majority": "majority",
    "consensus": "consensus",
    "near_consensus": "near consensus",
    "random": "first rater",
    "mean": "mean",
}
_HANDLED = {"majority": "majority voting", "consensus": "full consensus"}


def overview(sets: PreferenceSets, labels: Mapping[str, str]) -> pd.DataFrame:
    """Return one readable row per condition, in the order in which they are declared."""
    frame = pd.concat([s.record.to_frame() for s in sets.sets], ignore_index=True)[list(READABLE)]
    frame["condition"] = [labels.get(name, name) for name in frame["condition"]]
    return frame.rename(columns=READABLE)


def distinct(sets: PreferenceSets) -> list[PreferenceSet]:
    """Return the first of the sets with the same data: budgets and algorithms change what is done with it only."""
    found: dict[tuple[Any, ...], PreferenceSet] = {}
    for made in sets.sets:
        c = made.condition
        data = (c.dimensions, c.scale, c.aggregation, c.stratum, c.pairing, c.size, c.ties, c.pick, c.seed)
        found.setdefault(data, made)
    return list(found.values())


def size_rows(sets: PreferenceSets, labels: Mapping[str, str]) -> pd.DataFrame:
    """Return condition, what (comparisons or merged pairs) and n, one row each; conditions of equal data once."""
    found = [
        (labels.get(made.condition.name, made.condition.name), what, n)
        for made in distinct(sets)
        for what, n in (("comparisons", made.record.n_pairs_raw), ("merged pairs", made.record.n_pairs))
    ]
    return pd.DataFrame(found, columns=["condition", "what", "n"])


def readable_drops(sets: PreferenceSets, labels: Mapping[str, str], dimensions: Mapping[str, str]) -> pd.DataFrame:
    """Return what was dropped and why, in readers' words; conditions of equal data once."""
    dropped = pd.concat([made.record.dropped_frame() for made in distinct(sets)], ignore_index=True)
    frame = dropped.assign(
        condition=[labels.get(c, c) for c in dropped["condition"]],
        dimension=["all" if d == ALL else dimensions.get(d, d) for d in dropped["dimension"]],
    )
    return frame.rename(columns={"step": "why", "unit": "what", "n_items": "answers left without"})


def raters_by_group(raters: pd.DataFrame, labels: Mapping[str, str], conditions: list[str]) -> pd.DataFrame:
    """Return each shown group's share of the ratings, one column per condition."""
    part = raters[raters["condition"].isin(conditions) & (raters["factor"] != ALL)]
    wide = part.pivot(index=["factor", "level"], columns="condition", values="share_ratings")
    wide = wide[[c for c in conditions if c in wide.columns]]
    order = list(dict.fromkeys(zip(part["factor"], part["level"], strict=True)))
    shown = wide.loc[order].map(lambda v: "withheld" if pd.isna(v) else f"{v:.1%}")
    return shown.rename(columns=dict(labels)).reset_index()


def audit_findings(
    sets: PreferenceSets, influence: pd.DataFrame, dimension: str, label: str, factor_labels: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return the audit's findings: what aggregation leaves to compare, and whose view it keeps.

    Parameters
    ----------
    sets : PreferenceSets
        The study's.
    influence : DataFrame
        From `influence_table`.
    dimension, label : str
        The dimension that the sentences speak of, and its name for readers.
    factor_labels : mapping
        Name of each factor for readers.
    """
    found: list[dict[str, Any]] = []
    by_data = {
        s.condition.aggregation: s
        for s in reversed(sets.sets)
        if s.condition.dimensions == (dimension,)
        and s.condition.algorithm == "dpo"
        and s.condition.stratum is None
        and s.condition.size is None
        and s.condition.scale == "own"
    }
    whole = by_data.get("all")
    for how in ("majority", "consensus"):
        if whole is None or how not in by_data or whole.record.n_pairs_raw == 0:
            continue
        n, total = by_data[how].record.n_pairs_raw, whole.record.n_pairs_raw
        found.append(
            {
                "id": f"comparisons_{how}",
                "sentence": f"{label}: of {total:,} comparisons between answers that all ratings give, "
                f"{_HANDLED[how]} leaves {n:,} ({n / total:.1%}).",
                "value": n / total,
                "n": total,
            }
        )
    rows = influence[(influence["dimension"] == dimension) & (influence["n_conflicts"] > 0)]
    unseen = influence[(influence["dimension"] == dimension) & (influence["aggregation"] == "majority")]
    if len(unseen) and unseen["unlabelled"].notna().any():
        worst = unseen.iloc[int(unseen["unlabelled"].fillna(-1.0).argmax())]
        found.append(
            {
                "id": "unseen_majority",
                "sentence": f"{label}: under majority voting, {worst['unlabelled']:.0%} of the ratings of "
                f"{_group(worst, factor_labels)} are on answers that get no label at all, so no model sees them.",
                "value": worst["unlabelled"],
                "n": worst["n_ratings"],
            }
        )
    voted = rows[(rows["aggregation"] == "majority") & (rows["n_conflicts"] >= 100) & rows["outvoted"].notna()]
    if len(voted):
        worst = voted.iloc[int(voted["outvoted"].argmax())]
        found.append(
            {
                "id": "outvoted_majority",
                "sentence": f"{label}: where the majority of {_group(worst, factor_labels)} differs from everybody "
                f"else's, majority voting takes everybody else's side in {worst['outvoted']:.0%} of "
                f"{int(worst['n_conflicts']):,} answers.",
                "value": worst["outvoted"],
                "n": worst["n_conflicts"],
            }
        )
    return found


def _group(row: pd.Series, factor_labels: Mapping[str, str]) -> str:
    factor = str(row["factor"])
    return f"{factor_labels.get(factor, factor)}: {row['level']}"

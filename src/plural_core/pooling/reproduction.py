"""The published table beside ours: value, interval, sign, significance; nothing is smoothed."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import pandas as pd

from plural_core.agreement.counts import OVERALL
from plural_core.published import published_term
from plural_core.study import StudyConfig

ALPHA = 0.05
COLUMNS = [
    "id",
    "experiment",
    "quantity",
    "contrast",
    "dimension",
    "unit",
    "published",
    "published_p",
    "ours",
    "ci_low",
    "ci_high",
    "p_value",
    "same_sign",
    "inside",
    "same_significance",
    "note",
]
INCONSISTENCIES = (
    "27.9 % is given in the abstract for conservatives' ratings of emotional awareness, and in the text for "
    "sensitivity; the text gives 27 % for emotional awareness.",
    "The introduction rounds 4.9, 4.6 and 3.5 percentage points to 5.0, 4.7 and 3.4.",
    "DPO on toxicity has −0.242 in experiments 2 and 3, and −0.243 in experiment 4.",
    "Experiment 4 prints 0.097 for toxicity minus emotional awareness on toxicity: that is emotional awareness minus "
    "toxicity; first minus second is −0.097.",
    "p = 0.0140 for 5 against 3 points is called marginal in the text, although it is smaller than the 0.0141 for 5 "
    "against 2 points.",
)
"""What the paper says in two ways; each value is compared as the table of published results prints it."""
REVERSED = frozenset({"exp4_tox_vs_ea"})
"""Published differences whose printed sign is that of second minus first."""


@dataclass(frozen=True)
class Ours:
    """Our value for a published figure.

    Parameters
    ----------
    value, ci_low, ci_high, p_value : float
        NaN where there is none.
    note : str
        What the reader should know of the comparison.
    """

    value: float = math.nan
    ci_low: float = math.nan
    ci_high: float = math.nan
    p_value: float = math.nan
    note: str = ""


Tables = Mapping[str, pd.DataFrame]


def reproduction_table(published: pd.DataFrame, tables: Tables, config: StudyConfig) -> pd.DataFrame:
    """Set every published figure beside ours.

    Parameters
    ----------
    published : DataFrame
        From `plural_core.published.read_published`.
    tables : mapping of str to DataFrame
        The study's tables, as far as they are there: ratings, participants, items, disagreement, alpha, cooccurrence,
        effects_demographic, pooled, judge_agreement.
    config : StudyConfig
        Which contrast stands for which published value.

    Returns
    -------
    DataFrame
        Table ``reproduction``. Rows without a published value compare significance only; counts are compared exactly;
        a row for which the study has nothing says so in its note.
    """
    rows = [_row(row, _ours(row, tables, config)) for row in _records(published)]
    frame = pd.DataFrame(rows, columns=COLUMNS)
    return frame.astype(dict.fromkeys(("same_sign", "inside", "same_significance"), "boolean"))


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def _row(row: Mapping[str, Any], ours: Ours) -> dict[str, Any]:
    value = _number(row["value"])
    if row["id"] in REVERSED:
        value = -value
    signed = row["unit"] in ("percent", "score", "alpha")
    both = math.isfinite(value) and math.isfinite(ours.value)
    p_text = "" if pd.isna(row["p_value"]) else str(row["p_value"])
    significant = None if not p_text else _p_bound(p_text) <= ALPHA
    tested = significant is not None and math.isfinite(ours.p_value)
    interval = math.isfinite(ours.ci_low) and math.isfinite(ours.ci_high)
    exact = row["unit"] == "count" and both
    notes = [str(row["note"]) if pd.notna(row["note"]) else "", ours.note]
    return {
        **{name: "" if pd.isna(row[name]) else str(row[name]) for name in COLUMNS[:6]},
        "published": value,
        "published_p": p_text,
        "ours": ours.value,
        "ci_low": ours.ci_low,
        "ci_high": ours.ci_high,
        "p_value": ours.p_value,
        "same_sign": (value > 0) == (ours.value > 0) if signed and both else pd.NA,
        "inside": (value == ours.value)
        if exact
        else ours.ci_low <= value <= ours.ci_high
        if both and interval
        else pd.NA,
        "same_significance": (ours.p_value < ALPHA) == significant if tested else pd.NA,
        "note": "; ".join(note for note in notes if note),
    }


def _ours(row: Mapping[str, Any], tables: Tables, config: StudyConfig) -> Ours:
    finders: dict[str, Callable[[Mapping[str, Any], Tables], Ours]] = {
        "data": _count,
        "disagreement": _disagreement,
        "cooccurrence": _cooccurrence,
        "clmm": _demographic,
        "reliability": _alpha,
        "evaluation": _judge,
    }
    finder = finders.get(str(row["experiment"]))
    if finder is not None:
        return finder(row, tables)
    return _pooled(str(row["id"]), tables, config)


def _count(row: Mapping[str, Any], tables: Tables) -> Ours:
    ratings, items, people = (tables.get(name) for name in ("ratings", "items", "participants"))
    if ratings is None or items is None or people is None:
        return Ours(note="the study's tables are missing")
    rated = ratings.drop_duplicates(["participant_id", "item_id"])
    values = {
        "n_participants": len(people),
        "n_items": len(items),
        "n_ratings": len(ratings),
        "ratings_per_dimension": len(ratings) / max(ratings["dimension"].nunique(), 1),
        "raters_per_item": round(len(rated) / max(rated["item_id"].nunique(), 1), 1),
    }
    if row["id"] not in values:
        return Ours(note="not part of a study's tables")
    return Ours(float(values[str(row["id"])]))


def _disagreement(row: Mapping[str, Any], tables: Tables) -> Ours:
    dimension = OVERALL if row["dimension"] == "all" else row["dimension"]
    part = _where(tables, "disagreement", dimension=dimension, factor="all")
    if part is None:
        return Ours(note="the study has no such dimension")
    return Ours(_number(part["rate"]), _number(part["ci_low"]), _number(part["ci_high"]))


def _cooccurrence(row: Mapping[str, Any], tables: Tables) -> Ours:
    column = "toxicity" if "toxic" in str(row["quantity"]) else "stereotypical_bias"
    part = _where(tables, "cooccurrence", row="emotional_awareness", column=column)
    if part is None:
        return Ours(note="the study has no such dimensions")
    return Ours(_number(part["probability"]), _number(part["ci_low"]), _number(part["ci_high"]))


def _alpha(row: Mapping[str, Any], tables: Tables) -> Ours:
    level = str(row["contrast"])
    name = level if level in ("White", "Black") else level.lower()
    part = _where(tables, "alpha", dimension="toxicity", level=name, metric="ordinal")
    if part is None:
        return Ours(note="the study has no such group, or it may not be shown")
    return Ours(_number(part["alpha"]), _number(part["ci_low"]), _number(part["ci_high"]))


def _demographic(row: Mapping[str, Any], tables: Tables) -> Ours:
    part = _where(tables, "effects_demographic", dimension=row["dimension"], term=published_term(str(row["contrast"])))
    if part is None:
        return Ours(note="the study has no such coefficient")
    low, high = (100.0 * math.expm1(_number(part[end])) for end in ("ci_low", "ci_high"))
    return Ours(_number(part["percent_change"]), low, high, _number(part["p_value"]))


def _judge(row: Mapping[str, Any], tables: Tables) -> Ours:
    table = tables.get("judge_agreement")
    if table is None or table.empty:
        return Ours(note="no judge was validated")
    part = table[(table["comparison"] == "judge-rater") & (table["measure"] == "side")]
    if part.empty:
        return Ours(note="no judge was validated")
    first = part.iloc[0]
    return Ours(
        _number(first["estimate"]),
        _number(first["ci_low"]),
        _number(first["ci_high"]),
        note=f"ours: {first['judge']} and single raters on the side of the scale "
        f"({str(first['dimension']).replace('_', ' ')})",
    )


def _pooled(id_: str, tables: Tables, config: StudyConfig) -> Ours:
    found = published_contrast(config, id_)
    table = tables.get("pooled")
    if found is None or table is None or table.empty:
        return Ours(note="this study does not ask it")
    experiment, contrast, dimension = found
    part = _where(
        tables,
        "pooled",
        experiment=experiment,
        contrast=contrast,
        dimension=dimension,
        judge=next(iter(config.judges)),
        method=config.pooling.method,
        test=config.pooling.test,
    )
    if part is None:
        return Ours(note="its runs or scores are missing")
    estimate, low, high, p = (_number(part[name]) for name in ("estimate", "ci_low", "ci_high", "p_value"))
    return Ours(estimate, low, high, p, note=f"{int(part['k'])} families")


def published_contrast(config: StudyConfig, id_: str) -> tuple[str, str, str] | None:
    """Return experiment, contrast and dimension that ask what a published value says, or None."""
    for experiment, settings in config.experiments.items():
        for name, contrast in settings.contrasts.items():
            for dimension, known in contrast.published.items():
                if known == id_:
                    return experiment, name, dimension
    return None


def _where(tables: Tables, name: str, **equal: Any) -> pd.Series | None:
    table = tables.get(name)
    if table is None:
        return None
    for column, value in equal.items():
        table = table[table[column] == value]
    return table.iloc[0] if len(table) else None


def _number(value: Any) -> float:
    return float(value) if isinstance(value, Real) else math.nan


def _p_bound(text: str) -> float:
    """Return a printed p-value, ``<.01`` as .01."""
    return float(re.sub(r"[^0-9.]", "", text))

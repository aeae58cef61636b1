"""What the validation of judges found, in plain words with numbers (arguments of ``Notebook.finding``)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from plural_core.evaluation.validation import CONSTANT, JUDGE_MEAN, JUDGE_RATER, RATER_MEAN, RATER_RATER

Row = Mapping[str, Any]
MOST_NAMED = 3
"""Pairs of groups named in one sentence."""


def judge_findings(
    agreement: pd.DataFrame,
    summary: pd.DataFrame,
    contrasts: pd.DataFrame,
    labels: Mapping[str, str],
    fit: pd.DataFrame | None = None,
    level: float = 0.95,
) -> Iterator[dict[str, Any]]:
    """Yield the findings of the notebook that validates judges.

    Parameters
    ----------
    agreement, summary, contrasts : DataFrame
        Tables ``judge_agreement``, ``judge_calibration_summary`` and ``judge_group_contrasts``.
    labels : mapping
        Label of each dimension.
    fit : DataFrame, optional
        Table ``judge_fit``.
    level : float
        Confidence level of the intervals.
    """
    for (judge, dimension), part in agreement.groupby(["judge", "dimension"], sort=False):
        yield from _agreement(str(judge), str(dimension), part, labels[str(dimension)])
    for (judge, dimension), part in summary.groupby(["judge", "dimension"], sort=False):
        yield from _calibration(str(judge), str(dimension), part, labels[str(dimension)])
    for judge, part in contrasts.groupby("judge", sort=False):
        yield _groups(str(judge), part, labels, level)
    if fit is not None:
        for (judge, dimension), part in fit.groupby(["judge", "dimension"], sort=False):
            yield from _fit(str(judge), str(dimension), part, labels[str(dimension)])


def _agreement(judge: str, dimension: str, part: pd.DataFrame, label: str) -> Iterator[dict[str, Any]]:
    key = f"judge_{judge}_{dimension}"
    side, raters = _row(part, "side", JUDGE_RATER), _row(part, "side", RATER_RATER)
    if side is None or raters is None:
        yield {
            "id": f"{key}_side",
            "sentence": f"{label}: judge '{judge}' cannot be compared with raters: no answer "
            "that it scored has two ratings.",
        }
        return
    constant = _row(part, "side", CONSTANT)
    nothing = "" if constant is None else f"; giving every answer the same level reaches {constant['estimate']:.1%}"
    yield {
        "id": f"{key}_side",
        "sentence": (
            f"{label}: two raters of an answer are on the same side of the scale in {raters['estimate']:.1%} of cases, "
            f"judge '{judge}' and a rater in {side['estimate']:.1%}{_interval(side, '.1%')}{nothing}."
        ),
        **_numbers(side, "n_ratings"),
    }
    kappa, own = _row(part, "kappa_quadratic", JUDGE_RATER), _row(part, "kappa_quadratic", RATER_RATER)
    if kappa is not None and own is not None:
        yield {
            "id": f"{key}_kappa",
            "sentence": (
                f"{label}: beyond chance, judge '{judge}' and a rater agree {kappa['estimate']:.2f}"
                f"{_interval(kappa, '.2f')}, two raters {own['estimate']:.2f} (weighted kappa; 0 is chance, 1 full "
                "agreement)."
            ),
            **_numbers(kappa, "n_ratings"),
        }
    mean, single = _row(part, "pearson", JUDGE_MEAN), _row(part, "pearson", RATER_MEAN)
    if mean is not None and single is not None:
        yield {
            "id": f"{key}_mean",
            "sentence": (
                f"{label}: with the mean of an answer's other raters, the scores of judge '{judge}' correlate "
                f"{mean['estimate']:.2f}{_interval(mean, '.2f')}, a single person's ratings {single['estimate']:.2f}."
            ),
            **_numbers(mean, "n_ratings"),
        }
    missing = int(part["n_unscored"].iloc[0])
    if missing:
        yield {
            "id": f"{key}_unscored",
            "sentence": f"{label}: judge '{judge}' gave no score to {missing:,} of the rated answers.",
            "value": float(missing),
            "n": missing + int(part["n_items"].iloc[0]),
        }


def _calibration(judge: str, dimension: str, part: pd.DataFrame, label: str) -> Iterator[dict[str, Any]]:
    bias, slope = _row(part, "bias"), _row(part, "slope")
    if bias is None:
        return
    rises = (
        ""
        if slope is None
        else (f"; ratings rise by {slope['estimate']:.2f}{_interval(slope, '.2f')} where scores rise by 1")
    )
    yield {
        "id": f"judge_{judge}_{dimension}_bias",
        "sentence": (
            f"{label}: on the scale from 0 to 1, the mean score of judge '{judge}' less the mean rating is "
            f"{bias['estimate']:+.3f}{_interval(bias, '+.3f')}{rises}."
        ),
        **_numbers(bias, "n_ratings"),
    }


def _groups(judge: str, part: pd.DataFrame, labels: Mapping[str, str], level: float) -> dict[str, Any]:
    known = part[part["closer_low"].notna()]
    found = {"id": f"judge_{judge}_groups"}
    nothing = part["n_items"].eq(0).sum()
    rest = f" {int(nothing)} further pairs are not comparable: no common answers." if nothing else ""
    if known.empty:
        return found | {
            "sentence": f"Whether judge '{judge}' sides with a group cannot be told: no two groups have "
            f"enough answers in common.{rest}"
        }
    apart = known[(known["closer_low"] > 0) | (known["closer_high"] < 0)]
    clearest = apart.assign(size=(apart["closer"].abs() / (apart["closer_high"] - apart["closer_low"])))
    named = [
        f"{a if closer > 0 else b} than {b if closer > 0 else a} on {_low(labels[dimension])}"
        for a, b, dimension, closer in clearest.sort_values("size", ascending=False, kind="stable")
        .head(MOST_NAMED)[["level_a", "level_b", "dimension", "closer"]]
        .itertuples(index=False)
    ]
    chance = (1 - level) * len(known)
    which = f": closer to {'; to '.join(named)}" if named else ""
    more = f"; and {len(apart) - len(named)} more" if len(apart) > len(named) else ""
    return found | {
        "sentence": (
            f"In {len(apart)} of {len(known)} comparisons of two groups on answers that both rated, judge '{judge}' "
            f"stands closer to one of them ({chance:.1f} expected by chance){which}{more}.{rest}"
        ),
        "value": float(len(apart)),
        "n": len(known),
    }


def _fit(judge: str, dimension: str, part: pd.DataFrame, label: str) -> Iterator[dict[str, Any]]:
    model, base = _row(part, "log_loss", "model"), _row(part, "log_loss", "base rate")
    gain, mean = _row(part, "log_loss", "difference"), _row(part, "pearson_item", JUDGE_MEAN)
    if model is None or base is None or gain is None:
        return
    with_means = (
        ""
        if mean is None
        else (
            f"; its scores correlate {mean['estimate']:.2f}{_interval(mean, '.2f')} with the mean rating of an answer"
        )
    )
    yield {
        "id": f"judge_{judge}_{dimension}_fit",
        "sentence": (
            f"{label}: fitted to {model['n_items']:,} rated answers, judge '{judge}' gives ratings of unseen prompts a "
            f"log-loss of {model['estimate']:.3f}, the base rates one of {base['estimate']:.3f} (difference "
            f"{gain['estimate']:+.3f}{_interval(gain, '+.3f', within=True)}){with_means}."
        ),
        **_numbers(gain, "n_ratings"),
    }


def _row(part: pd.DataFrame, measure: str, comparison: str | None = None) -> dict[str, Any] | None:
    """Return a row that has an estimate, or None."""
    rows = part[(part["measure"] == measure) & part["estimate"].notna()]
    if comparison is not None:
        rows = rows[rows["comparison"] == comparison]
    return None if rows.empty else {str(k): v for k, v in rows.iloc[0].to_dict().items()}


def _interval(row: Row, spec: str, within: bool = False) -> str:
    low, high = float(row["ci_low"]), float(row["ci_high"])
    if math.isnan(low):
        return ""
    limits = f"{low:{spec}} to {high:{spec}}"
    return f", {limits}" if within else f" ({limits})"


def _numbers(row: Row, n: str) -> dict[str, Any]:
    return {"value": row["estimate"], "ci_low": row["ci_low"], "ci_high": row["ci_high"], "n": int(row[n])}


def _low(label: str) -> str:
    """Write a label inside a sentence: its first letter small, unless it is an abbreviation."""
    return label if label[:2].isupper() else label[:1].lower() + label[1:]

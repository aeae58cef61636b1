"""What readers see of a power analysis: rows of the curves, tables over dimensions, and findings."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd

from plural_core.demographics.power import PowerAnalysis

_CONTRAST = ["factor", "level", "reference"]


def curve_rows(analysis: PowerAnalysis, dimension: str) -> pd.DataFrame:
    """Return the rows of a dimension's power curves; the factor stands before contrasts that two factors have."""
    rows = analysis.power[analysis.power["dimension"] == dimension]
    factors = rows.groupby("contrast")["factor"].transform("nunique")
    return rows.assign(contrast=rows["contrast"].where(factors == 1, pd.Series(_named(analysis, rows), rows.index)))


def needed_rows(analysis: PowerAnalysis) -> pd.DataFrame:
    """Return the raters needed, one row per contrast and change: median over dimensions, with the range.

    Columns contrast, change in odds, raters, raters (adjusted); a number that the raters looked at do not reach is
    written so.
    """
    rows = []
    for (factor, level, reference, percent), part in analysis.needed.groupby(
        [*_CONTRAST, "percent_change"], sort=False
    ):
        rows.append(
            {
                "factor": _label(analysis, str(factor)),
                "contrast": f"{level} vs {reference}",
                "change in odds": f"{percent:+g} %".replace("-", "−"),
                "raters": _spread(part["participants"]),
                "raters, adjusted": _spread(part["participants_adjusted"]),
            }
        )
    return pd.DataFrame(rows)


def detectable_rows(analysis: PowerAnalysis) -> pd.DataFrame:
    """Return the smallest rise in odds that is seen, one row per contrast: median over dimensions, low, high, fall."""
    groups = analysis.detectable.groupby(_CONTRAST, sort=False)
    rows = groups.agg(
        rise=("rise", "median"),
        low=("rise", "min"),
        high=("rise", "max"),
        fall=("fall", "median"),
        share=("share", "first"),
    ).reset_index()
    rows.insert(0, "contrast", _named(analysis, rows.assign(contrast=rows["level"] + " vs " + rows["reference"])))
    return rows


def power_findings(analysis: PowerAnalysis) -> Iterator[dict[str, Any]]:
    """Yield the findings (arguments of ``Notebook.finding``).

    One for the study as it is, and one per factor for the contrast with the most raters, at the middle one of the
    configured changes. Numbers are medians over dimensions, with their range.
    """
    settings = analysis.settings
    n = max(part.participants for part in analysis.designs.values())
    chance = f"{100 * settings.target:g} %"
    seen = detectable_rows(analysis).dropna(subset="rise")
    if seen.empty:
        return
    least, most = seen.loc[seen["rise"].idxmin()], seen.loc[seen["rise"].idxmax()]
    yield {
        "id": "smallest_change_seen",
        "sentence": (
            f"With {n:,} raters, this design sees a rise in odds with {chance} power if it is at least "
            f"{least['rise']:.0f} % ({least['contrast']}) to {most['rise']:.0f} % ({most['contrast']}), before "
            "adjustment for the number of tests."
        ),
        "value": float(least["rise"]),
        "n": n,
    }
    changes = sorted(settings.percent_changes, key=lambda v: abs(math.log1p(v / 100)))
    percent = changes[(len(changes) - 1) // 2]
    change = f"{'rise' if percent > 0 else 'fall'} of {abs(percent):g} % in the odds"
    for factor, part in seen.groupby("factor", sort=False):
        largest = part.loc[part["share"].idxmax()]
        table = analysis.needed
        chosen = (
            (table["factor"] == factor) & (table["level"] == largest["level"]) & (table["percent_change"] == percent)
        )
        numbers = table.loc[chosen, "participants"]
        who = f"{largest['level']} vs {largest['reference']} ({_label(analysis, str(factor)).lower()})"
        if numbers.isna().any():
            last = max(settings.participants)
            sentence = f"A {change} for {who} is not seen with {chance} power by {last:,} raters of the same items."
            yield {"id": f"raters_needed_{factor}", "sentence": sentence, "n": n}
            continue
        middle, low, high = float(numbers.median()), float(numbers.min()), float(numbers.max())
        spread = f" ({low:,.0f} to {high:,.0f} over the dimensions)" if len(numbers) > 1 else ""
        yield {
            "id": f"raters_needed_{factor}",
            "sentence": (
                f"To see a {change} for {who} with {chance} power takes {middle:,.0f} raters{spread}; "
                f"this study has {n:,}."
            ),
            "value": middle,
            "n": n,
        }


def _label(analysis: PowerAnalysis, factor: str) -> str:
    return analysis.config.factors[factor].label or factor.replace("_", " ")


def _named(analysis: PowerAnalysis, rows: pd.DataFrame) -> list[str]:
    return [f"{_label(analysis, f)}: {c}" for f, c in zip(rows["factor"], rows["contrast"], strict=True)]


def _spread(numbers: pd.Series) -> str:
    if numbers.isna().all():
        return "not reached"
    if numbers.isna().any():
        return f"{numbers.min():,.0f} to not reached"
    text = f"{numbers.median():,.0f}"
    return text if len(numbers) == 1 else f"{text} ({numbers.min():,.0f} to {numbers.max():,.0f})"

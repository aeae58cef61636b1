"""Page 1: what was asked of whom, what came out, and what is missing."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import pandas as pd

from plural_core.dashboard import store
from plural_core.dashboard.views.context import View
from plural_core.dashboard.words import Words
from plural_core.errors import DataError
from plural_core.findings import SIMULATED_PREFIX, read_findings
from plural_core.findings_choice import choose_findings

MOST = 10


@dataclass(frozen=True)
class ShownFinding:
    """A finding as the overview shows it.

    Parameters
    ----------
    sentence : str
        The sentence, without the mark of simulated data (the page bears it).
    numbers : str
        Its interval and n in words; empty where it has none.
    notebook : str
        Notebook that it comes from.
    """

    sentence: str
    numbers: str
    notebook: str


def facts(view: View) -> list[tuple[str, str]]:
    """Return the key figures: pairs of what and how many."""
    w = view.words
    found = []
    for name in ("participants", "items", "ratings"):
        try:
            n = _count(view, name)
        except DataError:
            found.append((w(f"overview.{name}"), w("common.unknown")))
            continue
        few = name == "participants" and 0 < n < (view.people.k if view.people else 1)
        shown = w("privacy.fewer", k=view.study.config.privacy.k) if few else w.count(n)
        found.append((w(f"overview.{name}"), shown))
    return [*found, (w("overview.dimensions"), w.count(len(view.dimensions)))]


def _count(view: View, name: str) -> int:
    query = "SELECT count(*) AS n FROM read_parquet(?)"
    return int(store.run(view.study, name, query, [str(view.study.table(name))])["n"].iloc[0])


def questions(view: View) -> list[tuple[str, str, str]]:
    """Return for each dimension its label, what raters were told it means, and its scale."""
    w = view.words
    rows = []
    for dimension in view.study.config.dimensions.values():
        ends = dimension.labels or ["1", str(dimension.levels)]
        scale = w("overview.scale", levels=dimension.levels, low=ends[0], high=ends[-1])
        rows.append((dimension.label, dimension.definition, scale))
    return rows


def findings(view: View, most: int = MOST) -> list[ShownFinding]:
    """Return the findings to show, each with its numbers in words."""
    table = read_findings(view.study.findings)
    return [
        ShownFinding(
            str(row["sentence"]).removeprefix(SIMULATED_PREFIX), numbers(row, view.words), str(row["notebook"])
        )
        for row in choose_findings(table, most).to_dict("records")
    ]


def numbers(row: Mapping[Hashable, object], words: Words) -> str:
    """Return a finding's interval and n in words, in the unit in which its sentence gives the value."""
    value, low, high, n = (_number(row.get(k)) for k in ("value", "ci_low", "ci_high", "n"))
    parts = []
    if low is not None and high is not None:
        parts.append(
            words("overview.interval", span=words.span(*_in_unit(str(row["sentence"]), value, low, high, words)))
        )
    if n is not None:
        parts.append(words("overview.n", n=words.count(n)))
    return " · ".join(parts)


def _in_unit(sentence: str, value: float | None, low: float, high: float, words: Words) -> tuple[str, str]:
    if value is not None and re.search(rf"(?<![\d.]){abs(100 * value):.1f} ?%", sentence):
        return words.percent(low), words.percent(high)
    if value is not None and re.search(rf"(?<![\d.]){abs(value):.0f} %", sentence):
        return words.change(low), words.change(high)
    digits = 0 if min(abs(low), abs(high)) >= 100 else 2 if max(abs(low), abs(high)) >= 0.1 else 3
    return words.number(low, digits), words.number(high, digits)


def _number(value: object) -> float | None:
    if value is None or value is pd.NA:
        return None
    number = float(value)  # type: ignore[arg-type]
    return None if number != number else number

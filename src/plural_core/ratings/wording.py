"""Findings about the quality of ratings in plain words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from plural_core.ratings.quality import QualityReport


def describe_quality(report: QualityReport, labels: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yield the findings of the quality notebook (arguments of ``Notebook.finding``).

    Parameters
    ----------
    report : QualityReport
        The quality report.
    labels : mapping
        Label of each dimension.
    """
    table = report.quality
    size = {
        row["measure"]: row
        for row in table[(table["section"] == "size") & (table["subject"] == "all")].to_dict("records")
    }
    ratings = size["ratings"]
    yield {
        "id": "size",
        "sentence": (
            f"{size['participants']['shown']} participants gave {int(ratings['value']):,} ratings of "
            f"{int(size['items rated']['value']):,} items on {len(labels)} "
            f"{'dimension' if len(labels) == 1 else 'dimensions'}."
        ),
        "value": ratings["value"],
        "n": int(ratings["value"]),
    }
    coverage = table[(table["section"] == "coverage") & (table["measure"] == "ratings per rated item, mean")]
    alone = table[(table["section"] == "coverage") & (table["measure"] == "items with one rating")]
    known = coverage[coverage["value"].notna()]
    if len(known):
        low, high = known["value"].min(), known["value"].max()
        span = f"{low:.1f}" if f"{low:.1f}" == f"{high:.1f}" else f"{low:.1f} to {high:.1f}"
        single = int(alone["value"].max()) if len(alone) and pd.notna(alone["value"].max()) else 0
        yield {
            "id": "coverage",
            "sentence": (
                f"A rated item has {span} ratings per dimension on average; "
                + ("every one has at least two." if single == 0 else f"up to {single:,} have only one.")
            ),
            "value": float(known["value"].mean()),
            "n": int(size["items rated"]["value"]),
        }

"""What the reproduction says: readable columns, a plain sentence per experiment, findings."""

from __future__ import annotations

from typing import Any

import pandas as pd

READABLE = {
    "quantity": "quantity",
    "contrast": "contrast",
    "dimension": "on",
    "published": "published",
    "published_p": "published p",
    "ours": "here",
    "ci_low": "from",
    "ci_high": "to",
    "p_value": "p",
    "same_sign": "same sign",
    "inside": "inside",
    "same_significance": "same significance",
    "note": "note",
}
"""Columns for readers."""
NAMES = {
    "data": "The data",
    "disagreement": "Disagreement",
    "cooccurrence": "Co-occurrence of dimensions",
    "clmm": "Demographic effects on ratings",
    "reliability": "Agreement within groups",
    "demographic": "Experiment 1 (whose feedback)",
    "scale": "Experiment 2 (rating scale)",
    "disagreement_handling": "Experiment 3 (handling of disagreement)",
    "algorithm": "Experiment 4 (algorithm)",
    "evaluation": "The judge",
}


def experiment_sentences(table: pd.DataFrame) -> list[str]:
    """Return one plain sentence per part of the published table."""
    return [_sentence(str(name), part) for name, part in table.groupby("experiment", sort=False)]


def reproduction_findings(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return how many published values have the same sign here, and how many lie inside the interval."""
    found: list[dict[str, Any]] = []
    for column, what in (("same_sign", "have the same sign here"), ("inside", "lie inside the interval found here")):
        known = table[column].dropna()
        if len(known):
            share = float(known.mean())
            found.append(
                {
                    "id": f"reproduction_{column}",
                    "sentence": f"Of {len(known)} published values that can be compared, {int(known.sum())} {what}.",
                    "value": share,
                    "n": len(known),
                }
            )
    return found


def _sentence(name: str, part: pd.DataFrame) -> str:
    title = NAMES.get(name, name)
    compared = part[part["ours"].notna()]
    if compared.empty:
        return f"{title}: nothing here can be set beside it."
    pieces = []
    for column, what in (
        ("same_sign", "the same sign"),
        ("inside", "inside our interval, or equal"),
        ("same_significance", "the same side of p = .05"),
    ):
        known = part[column].dropna()
        if len(known):
            pieces.append(f"{int(known.sum())} of {len(known)} {what}")
    return f"{title}: {len(compared)} of {len(part)} values compared" + (f"; {', '.join(pieces)}." if pieces else ".")

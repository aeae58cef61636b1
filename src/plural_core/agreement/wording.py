"""Findings about disagreement in plain words, and the pairs of judgements that seem to contradict each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from plural_core.study import StudyConfig


def contradictions(cooccurrence: pd.DataFrame, config: StudyConfig) -> pd.DataFrame:
    """Return the pairs of a good and a bad judgement about the same answer, the most frequent first.

    Parameters
    ----------
    cooccurrence : DataFrame
        The ``cooccurrence`` table.
    config : StudyConfig
        Names the direction of each dimension.

    Returns
    -------
    DataFrame
        Columns row (good), column (bad), probability, ci_low, ci_high, n_both, n_row; empty where all
        dimensions have the same direction.
    """
    direction = {name: dimension.high_is for name, dimension in config.dimensions.items()}
    mixed = [
        direction.get(r) == "good" and direction.get(c) == "bad"
        for r, c in zip(cooccurrence["row"], cooccurrence["column"], strict=True)
    ]
    columns = ["row", "column", "probability", "ci_low", "ci_high", "n_both", "n_row"]
    found = cooccurrence.loc[mixed, columns]
    return found.sort_values("probability", ascending=False, kind="stable", ignore_index=True)


def describe_contradictions(found: pd.DataFrame, labels: Mapping[str, str], most: int = 3) -> Iterator[dict[str, Any]]:
    """Yield a finding for each of the most frequent contradictions (arguments of ``Notebook.finding``)."""
    for row in found[found["probability"].notna()].head(most).itertuples():
        good, bad = labels[str(row.row)], labels[str(row.column)]
        yield {
            "id": f"both_{row.row}_{row.column}",
            "sentence": f"Of the ratings that agree on {_low(good)}, {row.probability:.1%} also agree on {_low(bad)}.",
            "value": row.probability,
            "ci_low": row.ci_low,
            "ci_high": row.ci_high,
            "n": row.n_row,
        }


def describe_disagreement(
    disagreement: pd.DataFrame, alpha: pd.DataFrame, between: pd.DataFrame, labels: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    """Yield the findings of the disagreement notebook (arguments of ``Notebook.finding``).

    Parameters
    ----------
    disagreement, alpha, between : DataFrame
        The tables of the same names (``between_groups``).
    labels : mapping
        Label of each dimension.
    """
    yield from _rates(disagreement[disagreement["factor"] == "all"], labels)
    yield from _alphas(alpha[(alpha["factor"] == "all") & (alpha["metric"] == "ordinal")], labels)
    yield from _groups(alpha[(alpha["factor"] != "all") & (alpha["metric"] == "ordinal")], labels)
    yield from _between(between, labels)


def not_comparable(ranks: pd.DataFrame) -> str:
    """Return a sentence that names the pairs of groups without a correlation, by reason; empty where there is none.

    Parameters
    ----------
    ranks : DataFrame
        The ``rank_agreement`` table.
    """
    missing = ranks[ranks["spearman"].isna()]
    sentences = []
    for note, part in missing.groupby("note", sort=False):
        pairs = list(dict.fromkeys(f"{a} and {b}" for a, b in zip(part["level_a"], part["level_b"], strict=True)))
        sentences.append(f"{'; '.join(pairs)}: {note}.")
    return " ".join(sentences)


def _rates(rows: pd.DataFrame, labels: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    known = rows[rows["rate"].notna()]
    overall = known[known["dimension"] == "overall"]
    single = known[known["dimension"] != "overall"].sort_values("rate", kind="stable")
    if single.empty:
        yield {
            "id": "disagreement_overall",
            "sentence": "Disagreement is not estimable: no item has two ratings.",
        }
        return
    if len(single) > 1 and len(overall):
        row, low, high = overall.iloc[0], single.iloc[0], single.iloc[-1]
        yield {
            "id": "disagreement_overall",
            "sentence": (
                f"Raters disagree about {row['rate']:.1%} of items, from {low['rate']:.1%} "
                f"({_low(labels[low['dimension']])}) to {high['rate']:.1%} ({_low(labels[high['dimension']])}); "
                f"{row['expected']:.1%} would be expected if ratings were dealt out at random."
            ),
            **_numbers(row, "rate", "n_items"),
        }
    for one in single.to_dict("records"):
        yield {
            "id": f"disagreement_{one['dimension']}",
            "sentence": f"{labels[one['dimension']]}: raters disagree about {one['rate']:.1%} of items.",
            **_numbers(one, "rate", "n_items"),
        }


def _alphas(rows: pd.DataFrame, labels: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for row in rows[rows["alpha"].notna()].to_dict("records"):
        yield {
            "id": f"alpha_{row['dimension']}",
            "sentence": f"{labels[row['dimension']]}: agreement beyond chance is {row['alpha']:.2f} "
            "(Krippendorff's alpha; 0 is chance, 1 full agreement).",
            **_numbers(row, "alpha", "n_items"),
        }


def _groups(rows: pd.DataFrame, labels: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yield the pair of groups of one factor whose alphas lie farthest apart without overlap of their intervals."""
    best: tuple[float, dict[Any, Any], dict[Any, Any]] | None = None
    compared = 0
    for _, part in rows[rows["ci_low"].notna()].groupby(["dimension", "factor"], sort=False):
        ordered = part.sort_values("alpha").to_dict("records")
        low, high = ordered[0], ordered[-1]
        gap = high["ci_low"] - low["ci_high"]
        compared += 1
        if gap > 0 and (best is None or gap > best[0]):
            best = (gap, low, high)
    if best is None:
        return
    _, least, most = best
    yield {
        "id": f"alpha_groups_{least['dimension']}_{least['factor']}",
        "sentence": (
            f"{labels[least['dimension']]}: people of group {least['level']} agree less among themselves "
            f"(alpha {least['alpha']:.2f}) than those of group {most['level']} ({most['alpha']:.2f}), the clearest of "
            f"{compared} comparisons of groups."
        ),
        **_numbers(least, "alpha", "n_items"),
    }


def _between(table: pd.DataFrame, labels: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yield the factor that explains most of the differences between raters, over all dimensions."""
    known = table[(table["level_a"] == "all") & table["share"].notna()].sort_values("share", kind="stable")
    if known.empty:
        return
    row = known.iloc[-1]
    clear = int((known["ci_low"] > 0).sum())
    yield {
        "id": "between_groups",
        "sentence": (
            f"Which group two raters of an item belong to explains at most {max(row['share'], 0):.1%} of the squared "
            f"difference between them ({str(row['factor']).replace('_', ' ')}, {_low(labels[row['dimension']])}); its "
            f"interval lies above zero in {clear} of {len(known)} combinations of factor and dimension."
        ),
        **_numbers(row, "share", "n_items"),
    }


def _numbers(row: Any, value: str, n: str) -> dict[str, Any]:
    return {"value": row[value], "ci_low": row["ci_low"], "ci_high": row["ci_high"], "n": row[n]}


def _low(label: str) -> str:
    """Write a label inside a sentence: its first letter small, unless it is an abbreviation."""
    return label if label[:2].isupper() else label[:1].lower() + label[1:]

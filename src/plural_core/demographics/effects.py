"""Tables of the study's models: effects with Holm's adjustment, covariances, variance shares, the paper's Table 1."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd
from statsmodels.stats.multitest import multipletests

from plural_core.ordinal import CLMMResult

COEFFICIENT_COLUMNS = ["estimate", "std_error", "z", "p_value", "ci_low", "ci_high", "odds_ratio", "percent_change"]


def effects_table(fits: Mapping[str, CLMMResult]) -> pd.DataFrame:
    """Return the ``effects_demographic`` table.

    Parameters
    ----------
    fits : mapping
        The fit of each dimension.

    Returns
    -------
    DataFrame
        Columns dimension, term, those of ``CLMMResult.coefficients``, and p_holm: Holm's adjustment over the
        family of all non-reference coefficients of the study's factors in all dimensions. What is not
        estimable is missing and does not count in the family.
    """
    parts = [
        fit.coefficients[COEFFICIENT_COLUMNS].rename_axis("term").reset_index().assign(dimension=dimension)
        for dimension, fit in fits.items()
    ]
    if not parts:
        return pd.DataFrame(columns=["dimension", "term"], dtype=object).assign(
            **{name: pd.Series(dtype=float) for name in (*COEFFICIENT_COLUMNS, "p_holm")}
        )
    table = pd.concat(parts, ignore_index=True)
    # An infinite estimate (a separated level) is not a number to compute with; the notes name it.
    table[COEFFICIENT_COLUMNS] = table[COEFFICIENT_COLUMNS].replace([math.inf, -math.inf], math.nan)
    table.loc[table["estimate"].isna(), COEFFICIENT_COLUMNS] = math.nan
    table["p_holm"] = math.nan
    tested = table["p_value"].notna()
    if tested.any():
        table.loc[tested, "p_holm"] = multipletests(table.loc[tested, "p_value"], method="holm")[1]
    return table[["dimension", "term", *COEFFICIENT_COLUMNS, "p_holm"]]


def vcov_table(fits: Mapping[str, CLMMResult]) -> pd.DataFrame:
    """Return the ``vcov_demographic`` table: covariance of each pair of coefficients within a dimension.

    A contrast with another reference level needs no refit: Var(a − b) = V(a, a) + V(b, b) − 2 V(a, b).
    """
    parts = []
    for dimension, fit in fits.items():
        terms = [t for t in fit.coefficients.index if t in fit.vcov.index]
        block = fit.vcov.loc[terms, terms]
        parts.append(
            pd.DataFrame(
                {
                    "dimension": dimension,
                    "term_a": [a for a in terms for _ in terms],
                    "term_b": [b for _ in terms for b in terms],
                    "value": block.to_numpy().ravel(),
                }
            )
        )
    empty = pd.DataFrame({"dimension": [], "term_a": [], "term_b": []}, dtype=object).assign(
        value=pd.Series(dtype=float)
    )
    return pd.concat(parts, ignore_index=True) if parts else empty


def effect_rows(effects: pd.DataFrame, factors: Mapping[str, list[str]]) -> pd.DataFrame:
    """Return the effects with factor, level and a readable contrast beside R's term names.

    Parameters
    ----------
    effects : DataFrame
        As `effects_table` returns it.
    factors : mapping
        Levels of each factor, the reference level first.
    """
    known = {name + level: (name, level, levels[0]) for name, levels in factors.items() for level in levels[1:]}
    rows = effects[effects["term"].isin(known)].copy()
    rows.insert(1, "factor", [known[t][0] for t in rows["term"]])
    rows.insert(2, "level", [known[t][1] for t in rows["term"]])
    rows.insert(3, "contrast", [f"{known[t][1]} vs {known[t][2]}" for t in rows["term"]])
    return rows.reset_index(drop=True)


def variance_table(fits: Mapping[str, CLMMResult]) -> pd.DataFrame:
    """Return for each dimension and random term its standard deviation, variance and share of the variance.

    The share is of the latent variance: the random terms' and the logistic residual's, π²/3.
    """
    rows = []
    for dimension, fit in fits.items():
        effects = fit.random_effects
        total = float(effects["variance"].sum()) + math.pi**2 / 3
        rows += [
            {
                "dimension": dimension,
                "term": str(term),
                "sd": float(row["sd"]),
                "variance": float(row["variance"]),
                "share": float(row["variance"]) / total,
            }
            for term, row in effects.iterrows()
        ]
    frame = pd.DataFrame(rows, columns=["dimension", "term", "sd", "variance", "share"])
    return frame.astype(dict.fromkeys(("sd", "variance", "share"), float))


def predictor_table(rows: pd.DataFrame, labels: Mapping[str, str], alpha: float = 0.05) -> pd.DataFrame:
    """Return the paper's Table 1: per dimension and factor, who differs, in which direction, how sure.

    Parameters
    ----------
    rows : DataFrame
        As `effect_rows` returns them.
    labels : mapping
        Label of each dimension.
    alpha : float
        Level of the unadjusted p-values, as in the paper.

    Returns
    -------
    DataFrame
        One row per dimension, one column per factor; ``male ↓ **`` or ``no``.
    """
    result = []
    for dimension, part in rows.groupby("dimension", sort=False):
        cells: dict[str, str] = {"dimension": labels.get(str(dimension), str(dimension))}
        for factor, effects in part.groupby("factor", sort=False):
            found = effects[effects["p_value"] < alpha]
            cells[str(factor)] = (
                "; ".join(
                    f"{level} {'↑' if estimate > 0 else '↓'} {stars(p)}"
                    for level, estimate, p in zip(found["level"], found["estimate"], found["p_value"], strict=True)
                )
                or "no"
            )
        result.append(cells)
    return pd.DataFrame(result)


def stars(p: float) -> str:
    """Return the usual stars of a p-value: * below .05, ** below .01, *** below .001."""
    return "***" if p < 0.001 else "**" if p < 0.01 else "*" if p < 0.05 else ""

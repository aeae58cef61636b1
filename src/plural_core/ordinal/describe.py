"""One paragraph in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import norm

from plural_core.ordinal.errors import listing

if TYPE_CHECKING:
    from plural_core.ordinal.result import CLMMResult


def describe(result: CLMMResult, level: float = 0.95) -> str:
    """Say what was modelled, which effects are clear, how much raters and items differ, and what to beware."""
    parts: list[str] = []
    if not result.converged:
        parts.append("This fit did NOT converge, so none of the numbers below can be trusted.")
    groups = [f"{int(n)} levels of {t}" for t, n in result.random_effects["n_levels"].items()]
    spread = f" with random intercepts for {_and(groups)}" if groups else ""
    parts.append(
        f"A cumulative {result.link} model of '{result.frame.parsed.response}' ({len(result.levels)} ordered levels,"
        f" {result.levels[0]} to {result.levels[-1]}) was fitted to {result.n_obs:,} ratings{spread}."
    )
    parts.append(_effects(result, level))
    if result.spec.nominal.size:
        several = [result.frame.names[j] for j in result.spec.nominal]
        parts.append(f"The effects of {listing(several)} differ from threshold to threshold and have no single number.")
    if groups:
        parts.append(_variances(result))
    beware = [m for m in result.messages if not m.startswith("boundary")]
    if beware:
        parts.append("Note: " + "; ".join(beware) + ".")
    return " ".join(part for part in parts if part)


def _effects(result: CLMMResult, level: float) -> str:
    table = result.coefficients[np.isfinite(result.coefficients["estimate"])]
    if not len(table):
        return "" if result.spec.nominal.size else "It has no effects besides the thresholds."
    alpha = 1.0 - level
    clear = table[table["p_value"] < alpha]
    clear = clear.reindex(clear["estimate"].abs().sort_values(ascending=False).index)
    unclear = [str(t) for t in table.index if t not in clear.index]
    if len(clear):
        shown = [_one(result, name, row, level) for name, row in clear.head(6).iterrows()]
        more = f" and {len(clear) - 6} more" if len(clear) > 6 else ""
        text = f"Clear at the {100 * alpha:g} % level, other things equal: {'; '.join(shown)}{more}."
    else:
        text = f"No effect is clear at the {100 * alpha:g} % level."
    if unclear and len(clear):
        text += f" Not distinguishable from no difference: {listing(unclear, 12)}."
    return text


def _one(result: CLMMResult, name: object, row: pd.Series, level: float) -> str:
    quantile = float(norm.ppf(0.5 + level / 2.0))
    estimate, error = float(row["estimate"]), float(row["std_error"])
    low, high = estimate - quantile * error, estimate + quantile * error
    who = _subject(result, str(name))
    if result.link == "logit":
        change = [100.0 * float(np.expm1(v)) for v in (estimate, low, high)]
        direction = "higher" if estimate > 0 else "lower"
        return (
            f"{who}, odds of a higher rating {abs(change[0]):.0f} % {direction}"
            f" ({100 * level:g} % interval {change[1]:+.0f} % to {change[2]:+.0f} %)"
        )
    direction = "up" if estimate > 0 else "down"
    return f"{who}, latent rating {direction} by {abs(estimate):.2f} ({low:+.2f} to {high:+.2f})"


def _subject(result: CLMMResult, name: str) -> str:
    """``gender male rather than female`` for a dummy column, the column's name otherwise."""
    for factor, levels in result.frame.factors.items():
        for value in levels[1:]:
            if name == f"{factor}{value}":
                return f"{factor} {value} rather than {levels[0]}"
    return f"one more unit of {name}"


def _variances(result: CLMMResult) -> str:
    latent = result.spec.link.sd**2
    variance = result.random_effects["variance"]
    total = float(variance.sum()) + latent
    shares = [f"{t} {100 * v / total:.0f} %" for t, v in variance.items()]
    text = f"Of the variance on the latent scale, {_and(shares)} lies between groups"
    if result.link == "cauchit":
        return f"Standard deviations between groups: {_and([f'{t} {np.sqrt(v):.2f}' for t, v in variance.items()])}."
    zero = [str(t) for t, v in variance.items() if v == 0.0]
    tail = f"; no variance at all was found between levels of {_and(zero)}" if zero else ""
    return f"{text} and the rest within them{tail}."


def _and(items: list[str]) -> str:
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]

"""Printing a fit the way R's ``summary(clmm)`` prints it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from plural_core.ordinal.result import CLMMResult

_DIGITS = 4


def _decimals(values: np.ndarray, digits: int) -> int:
    """Decimals that R's ``format`` needs to show every value with up to `digits` significant digits."""
    most = 0
    for value in values[np.isfinite(values)]:
        if value == 0:
            continue
        text = f"{abs(value):.{digits - 1}e}"
        mantissa, exponent = text.split("e")
        significant = len(mantissa.replace(".", "").rstrip("0")) or 1
        most = max(most, significant - 1 - int(exponent))
    return min(max(most, 0), 15)


def _estimates(values: np.ndarray) -> list[list[str]]:
    """R's printCoefmat for the estimate and standard error columns."""
    finite = np.abs(values[np.isfinite(values) & (values != 0)])
    smallest = 1 + int(np.floor(np.log10(finite.min()))) if finite.size else 0
    rounded = np.round(values, max(1, _DIGITS - smallest))
    decimals = _decimals(rounded, _DIGITS)
    return [[_number(v, decimals) for v in row] for row in rounded]


def _number(value: float, decimals: int) -> str:
    if np.isnan(value):
        return "NA"
    if np.isinf(value):
        return "Inf" if value > 0 else "-Inf"
    return f"{value:.{decimals}f}"


def _p_value(p: float) -> str:
    if np.isnan(p):
        return "NA"
    if p < 2.2e-16:
        return "< 2e-16"
    return f"{p:.2e}" if p < 1e-4 else f"{p:.3g}"


def _stars(p: float) -> str:
    for limit, mark in ((0.001, "***"), (0.01, "**"), (0.05, "*"), (0.1, ".")):
        if p < limit:
            return mark
    return ""


def _grid(header: list[str], rows: list[list[str]], left: int = 1) -> list[str]:
    """Align columns: the first `left` to the left, the others to the right."""
    widths = [max(len(r[c]) for r in [header, *rows]) for c in range(len(header))]
    lines = []
    for row in [header, *rows]:
        cells = [
            cell.ljust(w) if c < left else cell.rjust(w) for c, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append(" ".join(cells).rstrip())
    return lines


def _coefficient_lines(table: pd.DataFrame, *, p_values: bool) -> list[str]:
    numbers = _estimates(table[["estimate", "std_error"]].to_numpy(dtype=float))
    z = np.round(table["z"].to_numpy(dtype=float), 3)
    decimals = min(_decimals(z, _DIGITS), 3)
    header = ["", "Estimate", "Std. Error", "z value"] + (["Pr(>|z|)", ""] if p_values else [])
    rows = []
    for k, name in enumerate(table.index):
        row = [str(name), *numbers[k], _number(float(z[k]), decimals)]
        if p_values:
            p = float(table["p_value"].iloc[k])
            row += [_p_value(p), _stars(p).ljust(3)]
        rows.append(row)
    return _grid(header, rows)


def summarise(result: CLMMResult) -> str:
    """Return the summary as text; what the reader has to know first comes first."""
    lines: list[str] = []
    if not result.converged:
        lines += ["*** NOT CONVERGED: do not use these estimates. " + "; ".join(result.optimizer.messages), ""]
    mixed = bool(len(result.random_effects))
    if not mixed:
        lines.append("Cumulative Link Model")
    elif result.n_agq > 1:
        lines += [
            "Cumulative Link Mixed Model fitted with the adaptive Gauss-Hermite",
            f"quadrature approximation with {result.n_agq} quadrature points",
        ]
    else:
        lines.append("Cumulative Link Mixed Model fitted with the Laplace approximation")
    lines += ["", f"formula: {result.formula}", ""]
    record = result.optimizer
    lines += _grid(
        ["", "link", "threshold", "nobs", "logLik", "AIC", "niter", "max.grad", "cond.H"],
        [[
            "", result.link, result.threshold, f"{result.n_obs:g}", f"{result.loglik:.2f}", f"{result.aic:.2f}",
            f"{record.iterations}({record.evaluations})", f"{record.gradient_norm:.2e}",
            f"{record.condition_number:.1e}",
        ]],
        left=9,
    )  # fmt: skip
    if mixed:
        effects = result.random_effects
        variances = [f"{v:.4g}" for v in effects["variance"]]
        sds = [f"{v:.4g}" for v in effects["sd"]]
        rows = [["", str(t), "(Intercept)", v, s] for t, v, s in zip(effects.index, variances, sds, strict=True)]
        lines += ["", "Random effects:"]
        lines += _grid(["", "Groups", "Name", "Variance", "Std.Dev."], rows, left=5)
        sizes = ",  ".join(f"{t} {n}" for t, n in zip(effects.index, effects["n_levels"], strict=True))
        lines.append(f"Number of groups:  {sizes} ")
    lines.append("")
    if len(result.coefficients):
        lines += ["Coefficients:", *_coefficient_lines(result.coefficients, p_values=True)]
        if (result.coefficients["p_value"] < 0.1).any():
            lines += ["---", "Signif. codes:  0 ‘***’ 0.001 ‘**’ 0.01 ‘*’ 0.05 ‘.’ 0.1 ‘ ’ 1"]
    else:
        lines.append("No Coefficients")
    lines += ["", "Threshold coefficients:", *_coefficient_lines(result.thresholds, p_values=False)]
    if result.n_dropped:
        lines.append(f"({result.n_dropped} observations deleted due to missingness)")
    notes = [m for m in result.messages if "missing values" not in m]
    if notes:
        lines += ["", "Notes:", *(f"  - {note}" for note in notes)]
    return "\n".join(lines)

"""`clmm`: the one function that fits a cumulative link (mixed) model."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from plural_core.ordinal.design import ModelFrame, build_frame
from plural_core.ordinal.errors import OrdinalError, nearest
from plural_core.ordinal.estimate import fit_frame
from plural_core.ordinal.formula import parse_formula
from plural_core.ordinal.links import get_link
from plural_core.ordinal.result import CLMMResult


def clmm(
    formula: str,
    data: pd.DataFrame,
    *,
    link: str = "logit",
    threshold: str = "flexible",
    reference: Mapping[str, Any] | None = None,
    weights: str | Sequence[float] | np.ndarray | pd.Series | None = None,
    n_agq: int = 1,
    penalty: str | float | None = None,
    nominal: str | Sequence[str] | None = None,
    start: np.ndarray | None = None,
    max_iterations: int = 200,
) -> CLMMResult:
    """Fit a cumulative link mixed model, P(y <= j) = F(theta_j - eta), by maximum likelihood.

    Parameters
    ----------
    formula : str
        As in lme4: ``"rating ~ country + gender + (1 | participant) + (1 | item)"``. Random intercepts only,
        any number, crossed or nested (``(1 | school/class)``); none at all is a cumulative link model.
        The fixed part is read by `formulaic`. Factors are coded against their first level (sorted, or the
        first category), ordered categories included.
    data : DataFrame
        One row per rating. Rows with a missing value in a used column are dropped and counted.
        The response is an ordered categorical or whole numbers.
    link : {"logit", "probit", "cloglog", "loglog", "cauchit"}
        As R's ``clm``; see `plural_core.ordinal.links.get_link` about ``clmm``.
    threshold : {"flexible", "symmetric", "symmetric2", "equidistant"}
        Structure of the thresholds, as R's ``ordinal``.
    reference : mapping, optional
        Column -> reference level.
    weights : str or array, optional
        Case weights (>= 0), a column or one number per row; the same as repeating rows.
    n_agq : int
        1: Laplace. More: adaptive Gauss-Hermite nodes, for exactly one random term.
    penalty : {"weak"} or float, optional
        Normal prior on the effects (not on thresholds): "weak" has a standard deviation of 2.5 latent
        standard deviations per unit of a dummy column or per standard deviation of a numeric one; a number
        replaces the 2.5. All estimates are then finite. `loglik` is reported without the penalty.
    nominal : str or sequence of str, optional
        Data columns whose effects differ from threshold to threshold (partial proportional odds). R's sign:
        a threshold-specific effect moves the threshold, so it has the opposite sign of an effect.
    start : ndarray, optional
        Starting values (thresholds, effects, standard deviations), from `CLMMResult.parameters` of a similar
        fit.
    max_iterations : int
        Most iterations of the outer optimiser.

    Returns
    -------
    CLMMResult

    Raises
    ------
    FormulaError, ModelDataError, OrdinalError
        See these classes; each message says what, where and what to do. All are ValueError.

    Warns
    -----
    FitWarning
        Not converged, separated levels, collinear columns, as many random effects as ratings.
    """
    began = time.perf_counter()
    if isinstance(n_agq, bool) or not isinstance(n_agq, int | np.integer) or not 1 <= n_agq <= 100:
        raise OrdinalError(f"n_agq must be a whole number from 1 to 100, not {n_agq!r}")
    parsed = parse_formula(formula)
    resolved = get_link(link)
    if n_agq > 1 and len(parsed.random) != 1:
        raise OrdinalError(
            f"n_agq={n_agq} needs exactly one random term, this formula has {len(parsed.random)}; use n_agq=1"
        )
    frame = build_frame(parsed, data, reference=reference, weights=weights)
    messages = list(frame.messages)
    if penalty is None:
        switched = _free_reference(frame)
        if switched:
            full = {**dict(reference or {}), **{column: new for column, (_, new, _) in switched.items()}}
            frame = build_frame(parsed, data, reference=full, weights=weights)
            for column, (old, new, value) in switched.items():
                messages.append(
                    f"separation: every rating of the reference level '{old}' of '{column}' is {value}, so nothing"
                    f" can be compared with it; '{new}' is the reference instead"
                )
    return fit_frame(
        frame, formula=formula, link=resolved, threshold=threshold, n_agq=int(n_agq), penalty=penalty,
        nominal=_nominal_columns(frame, nominal), start=start, max_iterations=max_iterations,
        messages=messages, began=began,
    )  # fmt: skip


def _nominal_columns(frame: ModelFrame, nominal: str | Sequence[str] | None) -> list[int]:
    if nominal is None:
        return []
    wanted = [nominal] if isinstance(nominal, str) else list(nominal)
    columns: list[int] = []
    for name in wanted:
        used = frame.columns_of(name)
        if not used:
            known = sorted({v for variables in frame.term_factors.values() for v in variables})
            raise OrdinalError(f"nominal names '{name}', which is not in the fixed part.{nearest(name, known)}")
        columns += [c for c in used if c not in columns]
    return sorted(columns)


def _free_reference(frame: ModelFrame) -> dict[str, tuple[Any, Any, Any]]:
    """Factors whose reference level has ratings of the lowest or the highest category only."""
    last = len(frame.levels) - 1
    out: dict[str, tuple[Any, Any, Any]] = {}
    for column, levels in frame.factors.items():
        if not any(used == (column,) for used in frame.term_factors.values()):
            continue
        codes = frame.frame[column].cat.codes.to_numpy()
        fixed = {}
        for k in range(len(levels)):
            seen = np.unique(frame.y[codes == k])
            fixed[k] = len(seen) == 1 and int(seen[0]) in (0, last)
        free = [k for k in range(len(levels)) if not fixed[k]]
        if fixed[0] and free:
            best = max(free, key=lambda k: int((codes == k).sum()))
            out[column] = (levels[0], levels[best], frame.levels[int(frame.y[codes == 0][0])])
    return out

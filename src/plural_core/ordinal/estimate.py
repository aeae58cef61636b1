"""From a model frame to a result: separation, estimation, warnings. Refits start here too."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence

import numpy as np

from plural_core.ordinal.arrays import ModelArrays
from plural_core.ordinal.assemble import Specification, frame_arrays, specify
from plural_core.ordinal.clm import FixedLikelihood, start_gamma
from plural_core.ordinal.crossing import crossed, order_rows, unused_between
from plural_core.ordinal.design import ModelFrame
from plural_core.ordinal.errors import FitWarning, ModelDataError, OrdinalError, listing
from plural_core.ordinal.links import Link
from plural_core.ordinal.penalty import prior_precision
from plural_core.ordinal.result import CLMMResult, assemble_result
from plural_core.ordinal.separation import Limit, find_limit, suspicious
from plural_core.ordinal.solve import solve


def fit_frame(
    frame: ModelFrame,
    *,
    formula: str,
    link: Link,
    threshold: str,
    n_agq: int = 1,
    penalty: str | float | None = None,
    nominal: Sequence[int] = (),
    start: np.ndarray | None = None,
    max_iterations: int = 200,
    covariance: bool = True,
    messages: Sequence[str] | None = None,
    began: float | None = None,
    warn: bool = True,
) -> CLMMResult:
    """Fit the model of a frame; see `clmm` for the options.

    Parameters
    ----------
    nominal : sequence of int
        Columns of the model matrix with threshold-specific effects.
    covariance : bool
        Whether standard errors are wanted (bootstrap replicates do without).
    warn : bool
        Whether to raise `FitWarning`s; the messages are in the result in any case.
    """
    started = time.perf_counter() if began is None else began
    notes = list(frame.messages if messages is None else messages)
    if len(nominal) and threshold == "flexible" and (gap := unused_between(frame, list(nominal))):
        raise ModelDataError(gap)
    spec = specify(link, threshold, frame.levels, frame.names, list(nominal))
    arrays = frame_arrays(spec, frame, prior_precision(spec, frame, penalty))
    limit: Limit | None = None
    fitted = arrays
    if penalty is None:
        plain = FixedLikelihood(arrays).newton(start_gamma(arrays, spec.jacobian), max_steps=30)
        if suspicious(plain, arrays):
            limit = find_limit(arrays, spec.n_alpha, order_rows(spec, frame.x) if len(nominal) else None)
            if limit is not None:
                fitted = limit.arrays
                if not len(limit.kept):
                    raise OrdinalError(
                        f"the ratings are completely separated by {listing(spec.beta_names)}: every estimate is"
                        " infinite; leave a column out, or use penalty='weak'"
                    )
                notes += _separation_messages(limit, spec, frame)
    try:
        solution = solve(
            fitted,
            _start_jacobian(spec, limit),
            n_agq=n_agq,
            start=_start(start, arrays, limit),
            covariance=covariance,
            max_iterations=max_iterations,
        )
    except ArithmeticError as error:
        raise OrdinalError(f"the fit could not start: {error}; check the response, or try link='logit'") from error
    if len(nominal):
        gamma = np.zeros(len(spec.names))
        gamma[slice(None) if limit is None else limit.kept] = solution.gamma
        notes += [note for note in [crossed(spec, frame.x, gamma, limit)] if note]
    result = assemble_result(
        formula=formula, frame=frame, spec=spec, arrays=arrays, fitted=fitted, limit=limit, solution=solution,
        n_agq=n_agq, penalty=penalty, messages=tuple(notes), seconds=time.perf_counter() - started,
    )  # fmt: skip
    if warn:
        _warn(result)
    return result


def _separation_messages(limit: Limit, spec: Specification, frame: ModelFrame) -> list[str]:
    notes = []
    for column, sign in limit.signs.items():
        name = spec.names[column]
        where = "minus infinity" if sign < 0 else "infinity"
        note = f"separation: '{name}' runs to {where} and is not estimable"
        detail = _only_rating(name, frame)
        notes.append(f"{note} ({detail})" if detail else note)
    return notes


def _only_rating(name: str, frame: ModelFrame) -> str:
    """``all 4 ratings are 1`` if the column `name` marks a level with a single rating value."""
    if name not in frame.names:
        return ""
    rows = frame.x[:, frame.names.index(name)] != 0
    seen = np.unique(frame.y[rows])
    if len(seen) == 1 and not rows.all():
        return f"all {int(rows.sum())} ratings are {frame.levels[int(seen[0])]}"
    return ""


def _start_jacobian(spec: Specification, limit: Limit | None) -> np.ndarray:
    n = len(spec.alpha_names)
    if limit is None:
        return spec.jacobian
    return np.asarray(spec.jacobian[:, [int(c) for c in limit.kept if c < n]])


def _start(start: np.ndarray | None, arrays: ModelArrays, limit: Limit | None) -> np.ndarray | None:
    if start is None:
        return None
    values = np.asarray(start, dtype=float)
    wanted = arrays.n_fixed + arrays.n_terms
    if values.shape != (wanted,):
        raise ModelDataError(f"start has shape {values.shape}; this model has {wanted} parameters")
    if limit is None:
        return values if np.isfinite(values).all() else None
    reduced = np.concatenate([values[limit.kept], values[arrays.n_fixed :]])
    return reduced if np.isfinite(reduced).all() else None


def _warn(result: CLMMResult) -> None:
    loud = [
        m
        for m in result.messages
        if m.startswith(("separation", "thresholds cross", "dropped", "there are as many", "runaway"))
        or "as many levels" in m
    ]
    if not result.optimizer.converged:
        loud.insert(
            0,
            f"NOT CONVERGED after {result.optimizer.iterations} iterations (largest gradient"
            f" {result.optimizer.gradient_norm:.2g}): {listing(result.optimizer.messages)}",
        )
    for text in loud:
        warnings.warn(text, FitWarning, stacklevel=4)

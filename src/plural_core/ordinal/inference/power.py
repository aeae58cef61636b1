"""Power of a design: by simulation and refit, or from its expected information."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from plural_core.ordinal.assemble import Specification, build_arrays, specify
from plural_core.ordinal.design import ModelFrame, build_frame
from plural_core.ordinal.errors import InferenceError, ModelDataError, OrdinalError, listing, nearest
from plural_core.ordinal.estimate import fit_frame
from plural_core.ordinal.formula import parse_formula
from plural_core.ordinal.inference.information import expected_information
from plural_core.ordinal.inference.simulate import draw, with_response
from plural_core.ordinal.links import get_link

if TYPE_CHECKING:
    from plural_core.ordinal.result import CLMMResult

Array = np.ndarray


@dataclass(frozen=True)
class PowerDesign:
    """A study that might be run: who rates what, and the truth apart from the effects of interest.

    Attributes
    ----------
    formula : str
        As for `clmm`; the response need not be in the data.
    data : DataFrame
        One row per planned rating, with all covariates and grouping columns.
    thresholds : sequence of float
        True thresholds, increasing; one fewer than response levels.
    sds : mapping
        True standard deviation per random term.
    effects : mapping
        True effects that are not zero (R's names); `power(effects=...)` adds to and overrides them.
    reference : mapping, optional
        Reference levels.
    link : str
    """

    formula: str
    data: pd.DataFrame
    thresholds: Sequence[float]
    sds: Mapping[str, float] = field(default_factory=dict)
    effects: Mapping[str, float] = field(default_factory=dict)
    reference: Mapping[str, Any] | None = None
    link: str = "logit"

    def resized(self, column: str, n: int, seed: int = 0) -> PowerDesign:
        """The design with `n` groups of `column` (participants, say), drawn from its own with replacement.

        Each drawn group keeps its rows (covariates and items) and gets a name of its own.
        """
        if column not in self.data.columns:
            raise ModelDataError(f"'{column}' is not a column of the design.{nearest(column, self.data.columns)}")
        rows = dict(self.data.groupby(column, sort=True, observed=True).indices)
        keys = list(rows)
        drawn = np.random.default_rng(seed).integers(0, len(keys), n)
        take = np.concatenate([rows[keys[k]] for k in drawn])
        label = np.repeat(np.arange(n), [len(rows[keys[k]]) for k in drawn])
        data = self.data.iloc[take].reset_index(drop=True).assign(**{column: label})
        return PowerDesign(self.formula, data, self.thresholds, self.sds, self.effects, self.reference, self.link)


@dataclass(frozen=True)
class PowerResult:
    """Power per effect.

    Attributes
    ----------
    table : DataFrame
        Indexed by effect; columns effect (true value), odds_ratio (logit only), power, mc_low, mc_high (95 %
        Wilson interval of the simulation; equal to power for the information method), std_error (mean),
        mean_estimate, n_used.
    method : {"simulation", "information"}
    alpha : float
    n_ratings : int
    n_failed : int
        Simulated studies without a converged fit; counted as not significant.
    seed : int
    """

    table: pd.DataFrame
    method: str
    alpha: float
    n_ratings: int
    n_failed: int
    seed: int

    def to_frame(self) -> pd.DataFrame:
        """The table."""
        return self.table


def power(
    design: PowerDesign | CLMMResult,
    effects: Mapping[str, float],
    n_sim: int = 100,
    *,
    alpha: float = 0.05,
    seed: int = 0,
    method: str = "simulation",
) -> PowerResult:
    """Probability that each effect's Wald test at level `alpha` is significant.

    Parameters
    ----------
    design : PowerDesign or CLMMResult
        A planned study, or a fit whose design and estimates are taken as the truth.
    effects : mapping
        R's name -> true effect on the latent scale (log odds for the logit): the effects whose power is
        wanted. They replace those of `design`.
    n_sim : int
        Simulated studies (ignored by the information method).
    alpha : float
        Two-sided level.
    seed : int
    method : {"simulation", "information"}
        "information" computes the expected standard errors instead of simulating: thousands of times
        faster, slightly optimistic in small studies because it takes the standard deviations as known.

    Raises
    ------
    InferenceError
        An effect that the design does not have (with the nearest name).
    """
    if method not in ("simulation", "information"):
        raise InferenceError(f"method must be 'simulation' or 'information', not '{method}'")
    if not 0.0 < alpha < 1.0:
        raise InferenceError(f"alpha must lie between 0 and 1, not {alpha}")
    frame, spec, gamma, sigma = _truth(design)
    for name in effects:
        if name not in spec.beta_names:
            raise InferenceError(_no_effect(name, spec))
        gamma[spec.names.index(name)] = float(effects[name])
    positions = [spec.names.index(name) for name in effects]
    truth = gamma[positions]
    logit = spec.link.name == "logit"
    base = {"effect": truth, "odds_ratio": np.exp(truth) if logit else np.full(len(truth), np.nan)}
    index = pd.Index(list(effects), name="term")
    critical = float(norm.ppf(1.0 - alpha / 2.0))
    if method == "information":
        arrays = build_arrays(
            spec, frame.x, frame.y, frame.weights, tuple(g.codes for g in frame.groups),
            tuple(len(g.levels) for g in frame.groups),
        )  # fmt: skip
        information = expected_information(spec, frame.x, gamma, sigma, arrays)
        errors = np.sqrt(np.diag(np.linalg.inv(information)))[positions]
        ratio = np.abs(truth) / errors
        value = norm.cdf(ratio - critical) + norm.cdf(-ratio - critical)
        columns = {
            **base, "power": value, "mc_low": value, "mc_high": value, "std_error": errors,
            "mean_estimate": truth, "n_used": 0,
        }  # fmt: skip
        return PowerResult(pd.DataFrame(columns, index=index), method, alpha, len(frame.y), 0, seed)
    if n_sim < 1:
        raise InferenceError(f"n_sim must be at least 1, not {n_sim}")
    estimates, errors, failed = _replicates(frame, spec, gamma, sigma, list(effects), n_sim, seed)
    with np.errstate(invalid="ignore"):
        hits = (np.abs(estimates / errors) > critical).sum(axis=0)
    low, high = _wilson(hits, n_sim)
    finite = np.isfinite(estimates) & np.isfinite(errors)
    used = finite.sum(axis=0)

    def average(values: Array) -> Array:
        return np.asarray(np.where(finite, values, 0.0).sum(axis=0) / np.maximum(used, 1))

    columns = {
        **base, "power": hits / n_sim, "mc_low": low, "mc_high": high, "std_error": average(errors),
        "mean_estimate": average(estimates), "n_used": used,
    }  # fmt: skip
    return PowerResult(pd.DataFrame(columns, index=index), method, alpha, len(frame.y), failed, seed)


def _replicates(
    frame: ModelFrame, spec: Specification, gamma: Array, sigma: Array, names: list[str], n_sim: int, seed: int
) -> tuple[Array, Array, int]:
    rng = np.random.default_rng(seed)
    start = np.concatenate([gamma, sigma])
    estimates = np.full((n_sim, len(names)), np.nan)
    errors = np.full((n_sim, len(names)), np.nan)
    failed = 0
    for k in range(n_sim):
        y = draw(spec, frame, gamma, sigma, rng)
        try:
            simulated = with_response(frame, y, spec.levels)
            whole = simulated.levels == spec.levels
            fit = fit_frame(
                simulated, formula="simulated", link=spec.link, threshold=spec.structure,
                start=start if whole else None, warn=False,
            )  # fmt: skip
        except (OrdinalError, np.linalg.LinAlgError):
            failed += 1
            continue
        if not fit.converged:
            failed += 1
            continue
        table = fit.coefficients.reindex(names)
        estimates[k], errors[k] = table["estimate"], table["std_error"]
    return estimates, errors, failed


def _truth(design: PowerDesign | CLMMResult) -> tuple[ModelFrame, Specification, Array, Array]:
    if not isinstance(design, PowerDesign):
        if design.not_estimable:
            raise InferenceError(f"the fit has levels that are not estimable: {listing(design.not_estimable)}")
        if design.spec.nominal.size:
            raise InferenceError("power does not cover threshold-specific effects")
        return design.frame, design.spec, design.gamma.copy(), design.sigma.copy()
    cuts = np.asarray(design.thresholds, dtype=float)
    if cuts.ndim != 1 or not len(cuts) or (np.diff(cuts) <= 0).any():
        raise InferenceError("thresholds of a design must be increasing numbers, one fewer than response levels")
    parsed = parse_formula(design.formula)
    levels = tuple(range(1, len(cuts) + 2))
    # The responses are placeholders: the frame needs some, nothing reads them.
    placeholder = np.resize(np.array(levels), len(design.data))
    frame = build_frame(parsed, design.data.assign(**{parsed.response: placeholder}), reference=design.reference)
    if len(frame.levels) != len(levels):
        raise InferenceError(f"a design needs at least as many rows as response levels ({len(levels)})")
    spec = specify(get_link(design.link), "flexible", levels, frame.names, [])
    terms = [group.term.name for group in frame.groups]
    for name in design.sds:
        if name not in terms:
            raise InferenceError(f"sds names '{name}', which is not a random term.{nearest(name, terms)}")
    missing = [t for t in terms if t not in design.sds]
    if missing:
        raise InferenceError(f"sds lacks the random term {listing(missing)}")
    gamma = np.concatenate([cuts, np.zeros(len(spec.beta_names))])
    for name, value in design.effects.items():
        if name not in spec.beta_names:
            raise InferenceError(_no_effect(name, spec))
        gamma[spec.names.index(name)] = value
    return frame, spec, gamma, np.array([float(design.sds[t]) for t in terms])


def _no_effect(name: str, spec: Specification) -> str:
    known = spec.beta_names
    return f"'{name}' is not an effect of this design ({listing(known)}).{nearest(name, known)}"


def _wilson(hits: Array, n: int) -> tuple[Array, Array]:
    z = 1.959963984540054
    share = hits / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return np.maximum(centre - half, 0.0), np.minimum(centre + half, 1.0)

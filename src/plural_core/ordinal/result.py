"""`CLMMResult`: a fitted model, its tables, and the questions one can ask it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from plural_core.ordinal.arrays import ModelArrays
from plural_core.ordinal.assemble import Specification
from plural_core.ordinal.design import ModelFrame
from plural_core.ordinal.errors import InferenceError, listing, nearest
from plural_core.ordinal.laplace import LaplaceLikelihood
from plural_core.ordinal.questions import Questions
from plural_core.ordinal.separation import Limit
from plural_core.ordinal.solve import Solution
from plural_core.ordinal.tables import estimate_table

_RUNAWAY = 15.0  # latent standard deviations


@dataclass(frozen=True)
class OptimizerRecord:
    """How the maximum was reached.

    Attributes
    ----------
    evaluations : int
        Evaluations of likelihood and gradient, Hessian included.
    iterations : int
        Iterations of the outer optimiser.
    gradient_norm : float
        Largest absolute derivative of the log-likelihood at the end.
    condition_number : float
        Largest over smallest eigenvalue of the Hessian, as R's ``cond.H``.
    converged : bool
    messages : tuple of str
    seconds : float
        Wall time of the whole fit.
    """

    evaluations: int
    iterations: int
    gradient_norm: float
    condition_number: float
    converged: bool
    messages: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, eq=False)
class CLMMResult(Questions):
    """A fitted cumulative link mixed model.

    Attributes
    ----------
    loglik, aic, bic : float
        Log-likelihood (Laplace or quadrature; without penalty) and information criteria.
    n_obs : int or float
        Sum of the case weights, which is the number of ratings without weights.
    n_params : int
        Thresholds, effects and standard deviations, those at infinity or zero included.
    n_dropped : int
        Rows left out because of missing values.
    coefficients, thresholds : DataFrame
        Indexed by R's names; columns estimate, std_error, z, p_value, ci_low, ci_high (95 %), odds_ratio,
        percent_change = 100 (odds_ratio - 1). The last two are missing for links other than the logit. A
        coefficient in `not_estimable` has an infinite estimate and no standard error. Threshold-specific
        effects (`nominal`) stand with the thresholds.
    random_effects : DataFrame
        Indexed by term, most levels first as in R; columns sd, variance, n_levels.
    vcov : DataFrame
        Covariance of all estimable thresholds and coefficients.
    vcov_full : DataFrame
        As `vcov`, with the standard deviations as ``sd(term)``; zero rows for those at zero.
    optimizer : OptimizerRecord
    messages : tuple of str
        Everything a reader has to know about this fit.
    not_estimable : dict
        Name -> why.
    dropped_columns : tuple of str
        Columns left out because others determine them.
    """

    formula: str
    link: str
    threshold: str
    n_agq: int
    penalty: str | float | None
    levels: tuple[Any, ...]
    loglik: float
    aic: float
    bic: float
    n_obs: int | float
    n_params: int
    n_dropped: int
    coefficients: pd.DataFrame
    thresholds: pd.DataFrame
    random_effects: pd.DataFrame
    vcov: pd.DataFrame
    vcov_full: pd.DataFrame
    optimizer: OptimizerRecord
    messages: tuple[str, ...]
    not_estimable: dict[str, str]
    dropped_columns: tuple[str, ...]
    frame: ModelFrame = field(repr=False)
    spec: Specification = field(repr=False)
    arrays: ModelArrays = field(repr=False)
    fitted: ModelArrays = field(repr=False)
    limit: Limit | None = field(repr=False)
    solution: Solution = field(repr=False)

    def __repr__(self) -> str:
        state = "" if self.converged else ", NOT CONVERGED"
        return f"<CLMMResult {self.formula!r}, {self.link}, logLik {self.loglik:.4f}, n {self.n_obs}{state}>"

    @property
    def converged(self) -> bool:
        """Whether the fit is at a maximum."""
        return self.optimizer.converged

    @property
    def kept(self) -> np.ndarray:
        """Positions in gamma of the estimable parameters that were fitted."""
        return np.arange(len(self.spec.names)) if self.limit is None else self.limit.kept

    @property
    def sigma(self) -> np.ndarray:
        """Standard deviations of the random terms, in the order of `random_effects`."""
        return self.solution.sigma

    @cached_property
    def gamma(self) -> np.ndarray:
        """Thresholds and effects, finite: parameters that run to infinity stand far out in their direction."""
        gamma = np.zeros(len(self.spec.names))
        gamma[self.kept] = self.solution.gamma
        if self.limit is not None:
            gamma += 0.5 * self.spec.link.end * self.limit.direction
        return gamma

    @property
    def parameters(self) -> np.ndarray:
        """Starting values for `clmm(start=...)`: thresholds, effects, standard deviations."""
        gamma = np.zeros(len(self.spec.names))
        gamma[self.kept] = self.solution.gamma
        return np.concatenate([gamma, self.sigma])

    @cached_property
    def covariance(self) -> np.ndarray:
        """Covariance of (gamma, sigma), full length; zero where a parameter was not fitted."""
        p, k = len(self.spec.names), len(self.sigma)
        out = np.zeros((p + k, p + k))
        where = np.concatenate([self.kept, p + np.arange(k)])
        inner = self.solution.covariance
        out[np.ix_(where, where)] = np.nan if inner is None else inner
        return out

    def ranef(self, term: str | None = None) -> pd.DataFrame:
        """Conditional modes of a random term.

        Parameters
        ----------
        term : str, optional
            Name as in `random_effects`; may be left out if there is one term only.

        Returns
        -------
        DataFrame
            Indexed by level; columns estimate, conditional_variance (at the estimated parameters) and
            std_error, its square root, all on the latent scale.
        """
        names = [group.term.name for group in self.frame.groups]
        if not names:
            raise InferenceError("this model has no random term")
        if term is None:
            if len(names) > 1:
                raise InferenceError(f"say which random term: {listing(names)}")
            term = names[0]
        if term not in names:
            raise InferenceError(f"'{term}' is not a random term ({listing(names)}).{nearest(term, names)}")
        k = names.index(term)
        group = self.frame.groups[k]
        likelihood = self.solution.likelihood
        assert isinstance(likelihood, LaplaceLikelihood)
        block = likelihood.joint.blocks[k]
        variance = self._conditional_variances[block] * self.sigma[k] ** 2
        return pd.DataFrame(
            {
                "estimate": self.solution.u[block] * self.sigma[k],
                "conditional_variance": variance,
                "std_error": np.sqrt(variance),
            },
            index=pd.Index(group.levels, name=term),
        )

    @cached_property
    def _conditional_variances(self) -> np.ndarray:
        likelihood = self.solution.likelihood
        assert isinstance(likelihood, LaplaceLikelihood)
        return likelihood.conditional_variance(self.solution.psi)

    def to_frame(self) -> pd.DataFrame:
        """All estimates in one table: column `kind` (threshold, coefficient, sd) and those of `coefficients`."""
        sds = pd.DataFrame(
            {
                "estimate": self.random_effects["sd"].to_numpy(),
                "std_error": np.sqrt(np.diag(self.covariance)[len(self.spec.names) :]),
            },
            index=pd.Index([f"sd({t})" for t in self.random_effects.index], name="term"),
        )
        parts = {"threshold": self.thresholds, "coefficient": self.coefficients, "sd": sds}
        return pd.concat(
            [part.assign(kind=kind) for kind, part in parts.items() if len(part)]
        )[["kind", *self.coefficients.columns]]  # fmt: skip


def assemble_result(
    *,
    formula: str,
    frame: ModelFrame,
    spec: Specification,
    arrays: ModelArrays,
    fitted: ModelArrays,
    limit: Limit | None,
    solution: Solution,
    n_agq: int,
    penalty: str | float | None,
    messages: tuple[str, ...],
    seconds: float,
) -> CLMMResult:
    """Name the numbers of a solution."""
    p, k = len(spec.names), len(solution.sigma)
    kept = np.arange(p) if limit is None else limit.kept
    signs = {} if limit is None else limit.signs
    estimate = np.full(p, np.nan)
    estimate[kept] = solution.gamma
    for column, sign in signs.items():
        estimate[column] = sign * np.inf
    # A column that only separated ratings informed has no value of its own either.
    lost = np.isnan(estimate)
    estimate[lost] = np.inf
    std_error = np.full(p + k, np.nan)
    if solution.covariance is not None:
        std_error[kept] = np.sqrt(np.diag(solution.covariance)[: len(kept)])
        std_error[p:] = np.sqrt(np.diag(solution.covariance)[len(kept) :])
    not_estimable = {
        spec.names[j]: "separated: its estimate runs to " + ("infinity" if estimate[j] > 0 else "minus infinity")
        for j in range(p)
        if not np.isfinite(estimate[j])
    }
    terms = [group.term.name for group in frame.groups]
    notes = [*messages]
    for name, at_zero in zip(terms, solution.boundary, strict=True):
        if at_zero:
            notes.append(f"boundary fit: the standard deviation of '{name}' is zero")
    for name, sd in zip(terms, solution.sigma, strict=True):
        if sd > _RUNAWAY * spec.link.sd:
            notes.append(
                f"runaway variance: the standard deviation of '{name}' ({sd:.3g}) is beyond all scale; ratings"
                " hardly differ within its levels, so do not trust this fit"
            )
    notes += list(solution.messages)
    table = estimate_table(spec.names, estimate, std_error[:p], logit=spec.link.name == "logit")
    n_alpha = spec.n_alpha
    weight_sum = float(frame.weights.sum())
    n_obs: int | float = int(weight_sum) if weight_sum == int(weight_sum) else weight_sum
    n_params = p + k  # as R counts: a parameter at infinity was estimated too
    names = [*(spec.names[j] for j in kept), *(f"sd({t})" for t in terms)]
    inner = solution.covariance
    full = np.full((len(names), len(names)), np.nan) if inner is None else inner
    vcov_full = pd.DataFrame(full, index=names, columns=names)
    usable = [spec.names[j] for j in kept if j not in signs]
    return CLMMResult(
        formula=formula, link=spec.link.name, threshold=spec.structure, n_agq=n_agq, penalty=penalty,
        levels=frame.levels, loglik=solution.loglik, aic=-2.0 * solution.loglik + 2.0 * n_params,
        bic=-2.0 * solution.loglik + float(np.log(n_obs)) * n_params, n_obs=n_obs, n_params=n_params,
        n_dropped=frame.n_dropped, coefficients=table.iloc[n_alpha:], thresholds=table.iloc[:n_alpha],
        random_effects=pd.DataFrame(
            {
                "sd": solution.sigma,
                "variance": solution.sigma**2,
                "n_levels": [len(group.levels) for group in frame.groups],
            },
            index=pd.Index(terms, name="term"),
        ),
        vcov=vcov_full.loc[usable, usable], vcov_full=vcov_full,
        optimizer=OptimizerRecord(
            solution.evaluations, solution.iterations, solution.gradient_norm, solution.condition,
            solution.converged, solution.messages, seconds,
        ),
        messages=tuple(notes), not_estimable=not_estimable, dropped_columns=frame.collinear,
        frame=frame, spec=spec, arrays=arrays, fitted=fitted, limit=limit, solution=solution,
    )  # fmt: skip

"""Prompts drawn jointly over families, and what follows from them: standard errors, and ratios of pooled effects."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from plural_core.pooling.matrix import ScoreMatrix
from plural_core.simulation.streams import stream
from plural_core.study import StudyConfig
from plural_core.study.conditions_config import BASE
from plural_core.study.contrasts import Contrast, study_contrasts
from plural_core.synthesis import fieller_ratio
from plural_core.synthesis.joint import JointDraws, joint_bootstrap


@dataclass(frozen=True, eq=False)
class JointEffects:
    """Draws of an experiment's pooled effects, by one judge on one dimension.

    Parameters
    ----------
    contrasts : tuple of Contrast
        Those that have scores, in the order of the columns of `draws`.
    draws : JointDraws or None
        None where no contrast has scores.
    n_prompts : tuple of int
        Prompts with a difference in some family, per contrast.
    """

    contrasts: tuple[Contrast, ...]
    draws: JointDraws | None
    n_prompts: tuple[int, ...]

    def place(self, first: str, second: str) -> int | None:
        """Return the column of the contrast of these two conditions, or None."""
        for number, contrast in enumerate(self.contrasts):
            if (contrast.first, contrast.second) == (first, second):
                return number
        return None


def joint_effects(matrix: ScoreMatrix, config: StudyConfig, experiment: str) -> JointEffects:
    """Draw the test prompts of an experiment, jointly over families and contrasts."""
    contrasts, differences = [], []
    for contrast in study_contrasts(config, experiment):
        if matrix.has(contrast.first) and matrix.has(contrast.second):
            values = matrix.differences(contrast.first, contrast.second)
            if (np.isfinite(values).sum(axis=1) >= 2).any():
                contrasts.append(contrast)
                differences.append(values)
    if not differences or config.pooling.bootstrap < 2:
        return JointEffects((), None, ())
    # One stream for all experiments, judges and dimensions: the same prompts are drawn everywhere.
    draws = joint_bootstrap(differences, config.pooling.bootstrap, stream(config.seed, "pooling", "prompts"))
    counts = tuple(int(np.isfinite(d).any(axis=0).sum()) for d in differences)
    return JointEffects(tuple(contrasts), draws, counts)


def prompt_rows(
    joint: JointEffects, pooled: pd.DataFrame, key: tuple[str, str], level: float
) -> list[dict[str, object]]:
    """Return the rows of table ``pooled_prompts`` of one judge and dimension.

    `std_error` is that of the draws: families as they are, prompts drawn anew. `std_error_both` adds what DL's tau²
    says of further families: sqrt(draws² + tau² sum of squared weights), with equal weights.
    """
    if joint.draws is None:
        return []
    dimension, judge = key
    errors = joint.draws.std_errors
    low, high = joint.draws.interval(level)
    rows: list[dict[str, object]] = []
    for number, contrast in enumerate(joint.contrasts):
        dl = pooled[
            (pooled["experiment"] == contrast.experiment)
            & (pooled["contrast"] == contrast.name)
            & (pooled["dimension"] == dimension)
            & (pooled["judge"] == judge)
            & (pooled["method"] == "DL")
            & (pooled["test"] == "z")
        ]
        tau2, k = (float(dl["tau2"].iloc[0]), int(dl["k"].iloc[0])) if len(dl) else (math.nan, 1)
        rows.append(
            {
                "experiment": contrast.experiment,
                "contrast": contrast.name,
                "dimension": dimension,
                "judge": judge,
                "std_error": float(errors[number]),
                "ci_low": float(low[number]),
                "ci_high": float(high[number]),
                "std_error_pooled": float(dl["std_error"].iloc[0]) if len(dl) else math.nan,
                "std_error_both": math.sqrt(float(errors[number]) ** 2 + tau2 / k),
                "n_prompts": joint.n_prompts[number],
                "draws": len(joint.draws.draws),
            }
        )
    return rows


def ratio_rows(
    joint: JointEffects, pooled: pd.DataFrame, key: tuple[str, str], level: float
) -> list[dict[str, object]]:
    """Return the rows of table ``ratios``: by what factor the first condition's effect exceeds the second's.

    Both effects are those against the base model; the interval is Fieller's on the covariance of the joint draws.
    """
    if joint.draws is None:
        return []
    dimension, judge = key
    rows: list[dict[str, object]] = []
    for contrast in joint.contrasts:
        if BASE in (contrast.first, contrast.second):
            continue
        top, bottom = joint.place(contrast.first, BASE), joint.place(contrast.second, BASE)
        if top is None or bottom is None:
            continue
        estimates = [_estimate(pooled, joint.contrasts[place], dimension, judge) for place in (top, bottom)]
        if any(value is None for value in estimates):
            continue
        numerator, denominator = (float(value) for value in estimates if value is not None)
        found = fieller_ratio(numerator, denominator, joint.draws.covariance(top, bottom), level=level)
        rows.append(
            {
                "experiment": contrast.experiment,
                "contrast": contrast.name,
                "dimension": dimension,
                "judge": judge,
                "numerator": numerator,
                "denominator": denominator,
                "ratio": found.ratio,
                "ci_low": found.ci_low,
                "ci_high": found.ci_high,
                "shape": found.shape,
                "gap_low": found.gap_low,
                "gap_high": found.gap_high,
                "reading": found.describe(),
            }
        )
    return rows


def _estimate(pooled: pd.DataFrame, contrast: Contrast, dimension: str, judge: str) -> float | None:
    part = pooled[
        (pooled["experiment"] == contrast.experiment)
        & (pooled["contrast"] == contrast.name)
        & (pooled["dimension"] == dimension)
        & (pooled["judge"] == judge)
        & (pooled["method"] == "DL")
        & (pooled["test"] == "z")
    ]
    return float(part["estimate"].iloc[0]) if len(part) else None

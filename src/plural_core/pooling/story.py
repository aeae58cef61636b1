"""What the pooling notebooks show: rows of forest plots, readable tables, and findings."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import pandas as pd

from plural_core.pooling.pool import usable_std_errors
from plural_core.pooling.reproduction import REVERSED
from plural_core.pooling.size_control import PUBLISHED, SIZE, STEPS
from plural_core.published import read_published
from plural_core.study import StudyConfig
from plural_core.study.conditions_config import BASE
from plural_core.study.contrasts import Contrast, study_contrasts
from plural_core.synthesis import random_effects


def forest_rows(
    effects: pd.DataFrame,
    pooled: pd.DataFrame,
    config: StudyConfig,
    contrast: Contrast,
    dimension: str,
    judge: str,
    published: dict[str, float] | None = None,
    families: list[str] | None = None,
) -> pd.DataFrame:
    """Return the rows of a contrast's forest plot: a family each with its weight, and the pooled effect.

    Parameters
    ----------
    effects, pooled : DataFrame
        The study's tables.
    config : StudyConfig
        Method, test and level of the summary.
    contrast, dimension, judge
        Which effect.
    published : dict of str to float, optional
        Value of each published id; shown at the pooled effect where the contrast names one.
    families : list of str, optional
        Only these; the summary is then pooled anew.
    """
    own = effects[
        (effects["experiment"] == contrast.experiment)
        & (effects["contrast"] == contrast.name)
        & (effects["dimension"] == dimension)
        & (effects["judge"] == judge)
        & effects["estimate"].notna()
    ]
    if families is not None:
        own = own[own["family"].isin(families)]
    if own.empty:
        return pd.DataFrame()
    settings = config.pooling
    errors = usable_std_errors(own)
    found = random_effects(
        own["estimate"].to_numpy(), errors, method=settings.method, test=settings.test, level=settings.level
    )
    z = NormalDist().inv_cdf(0.5 + settings.level / 2.0)
    rows = pd.DataFrame(
        {
            "label": own["family"].map(config.models.label).to_numpy(),
            "estimate": own["estimate"].to_numpy(),
            "ci_low": own["estimate"].to_numpy() - z * errors,
            "ci_high": own["estimate"].to_numpy() + z * errors,
            "kind": "estimate",
            "weight": list(found.weights),
            "pi_low": math.nan,
            "pi_high": math.nan,
            "published": math.nan,
            "n_prompts": own["n_prompts"].to_numpy(),
            "n_unscorable": own["n_unscorable"].to_numpy(),
        }
    )
    known = config.experiments[contrast.experiment].contrasts.get(contrast.name)
    id_ = known.published.get(dimension) if known is not None else None
    summary = {
        "label": f"pooled ({settings.method})",
        "estimate": found.estimate,
        "ci_low": found.ci_low,
        "ci_high": found.ci_high,
        "kind": "summary",
        "weight": math.nan,
        "pi_low": found.pi_low,
        "pi_high": found.pi_high,
        "published": (published or {}).get(id_, math.nan) if id_ is not None else math.nan,
        "n_prompts": int(own["n_prompts"].max()),
        "n_unscorable": int(own["n_unscorable"].sum()),
    }
    return pd.concat([rows, pd.DataFrame([summary])], ignore_index=True)


def declared(config: StudyConfig, experiment: str) -> list[Contrast]:
    """Return the contrasts of an experiment that its config declares."""
    return [c for c in study_contrasts(config, experiment) if c.dimension is not None]


def overview_rows(pooled: pd.DataFrame, config: StudyConfig, experiment: str, judge: str) -> pd.DataFrame:
    """Return the pooled effects of an experiment on the contrasts' primary dimensions, one row each, for readers."""
    settings = config.pooling
    labels = {name: d.label for name, d in config.dimensions.items()}
    rows = []
    for contrast in declared(config, experiment):
        part = pooled[
            (pooled["experiment"] == experiment)
            & (pooled["contrast"] == contrast.name)
            & (pooled["dimension"] == contrast.dimension)
            & (pooled["judge"] == judge)
            & (pooled["method"] == settings.method)
            & (pooled["test"] == settings.test)
        ]
        if len(part):
            found = part.iloc[0]
            rows.append(
                {
                    "contrast": contrast.label,
                    "on": labels[contrast.dimension or ""],
                    "difference": found["estimate"],
                    "from": found["ci_low"],
                    "to": found["ci_high"],
                    "p": found["p_value"],
                    "p (Holm)": found["p_holm"],
                    "tau": math.sqrt(found["tau2"]),
                    "I² %": found["i2"],
                    "families": int(found["k"]),
                }
            )
    return pd.DataFrame(rows)


def sensitivity_rows(pooled: pd.DataFrame, contrast: Contrast, judge: str) -> pd.DataFrame:
    """Return one contrast under every estimator and test."""
    part = pooled[
        (pooled["experiment"] == contrast.experiment)
        & (pooled["contrast"] == contrast.name)
        & (pooled["dimension"] == contrast.dimension)
        & (pooled["judge"] == judge)
    ]
    columns = [
        "method",
        "test",
        "estimate",
        "std_error",
        "ci_low",
        "ci_high",
        "p_value",
        "tau2",
        "i2",
        "pi_low",
        "pi_high",
    ]
    return part[columns].rename(columns={"ci_low": "from", "ci_high": "to", "p_value": "p"})


def pooled_findings(
    pooled: pd.DataFrame, ratios: pd.DataFrame, config: StudyConfig, experiment: str
) -> list[dict[str, Any]]:
    """Return the findings of an experiment: its primary contrasts, and the ratios of effects that can be told."""
    judge = next(iter(config.judges))
    settings = config.pooling
    found: list[dict[str, Any]] = []
    for contrast in declared(config, experiment):
        part = pooled[
            (pooled["experiment"] == experiment)
            & (pooled["contrast"] == contrast.name)
            & (pooled["dimension"] == contrast.dimension)
            & (pooled["judge"] == judge)
            & (pooled["method"] == settings.method)
            & (pooled["test"] == settings.test)
        ]
        if not contrast.primary or part.empty:
            continue
        found.append(_effect_finding(part.iloc[0], contrast, config))
        ratio = ratios[
            (ratios["experiment"] == experiment)
            & (ratios["contrast"] == contrast.name)
            & (ratios["dimension"] == contrast.dimension)
            & (ratios["judge"] == judge)
        ]
        if len(ratio) and ratio.iloc[0]["shape"] == "bounded" and part.iloc[0]["p_holm"] < 1.0 - settings.level:
            found.append(_ratio_finding(ratio.iloc[0], contrast, config))
    return found


def prompt_rows_readable(prompts: pd.DataFrame, config: StudyConfig, experiment: str, judge: str) -> pd.DataFrame:
    """Return the standard errors of declared contrasts on their primary dimension: DL's, drawn prompts, both."""
    rows = []
    for contrast in declared(config, experiment):
        part = prompts[
            (prompts["experiment"] == experiment)
            & (prompts["contrast"] == contrast.name)
            & (prompts["dimension"] == contrast.dimension)
            & (prompts["judge"] == judge)
        ]
        if len(part):
            found = part.iloc[0]
            rows.append(
                {
                    "contrast": contrast.label,
                    "DL": found["std_error_pooled"],
                    "prompts drawn": found["std_error"],
                    "prompts and families": found["std_error_both"],
                    "from": found["ci_low"],
                    "to": found["ci_high"],
                    "prompts": int(found["n_prompts"]),
                }
            )
    return pd.DataFrame(rows)


def published_values() -> dict[str, float]:
    """Return every published value by its id, those printed as second minus first turned round."""
    table = read_published()
    return {
        str(id_): -float(value) if id_ in REVERSED else float(value)
        for id_, value in zip(table["id"], table["value"], strict=True)
        if pd.notna(value)
    }


def control_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the forest plot of controlled contrasts: a block per contrast, a row per control."""
    return table.assign(label=table["control"])[["question", "label", "estimate", "ci_low", "ci_high"]]


def control_findings(table: pd.DataFrame, config: StudyConfig) -> list[dict[str, Any]]:
    """Return what is left of each contrast at equal size, or at equal steps where there is no twin at equal size."""
    found: list[dict[str, Any]] = []
    for (experiment, question), part in table.groupby(["experiment", "question"], sort=False):
        rows = {str(r["control"]): r for _, r in part.iterrows()}
        whole, left = rows.get(PUBLISHED), rows.get(SIZE, rows.get(STEPS))
        if whole is None or left is None or not (whole["ci_low"] > 0.0 or whole["ci_high"] < 0.0):
            continue
        label = config.dimensions[str(left["dimension"])].label.lower()
        amount = "as many comparisons" if left["control"] == SIZE else "as many updates"
        found.append(
            {
                "id": f"{experiment}_{_slug(str(question))}_{_slug(str(left['control']))}",
                "sentence": f"{question}, {label}: a difference of {_pm(100 * whole['estimate'])} points as published, "
                f"and of {_pm(100 * left['estimate'])} ({_pm(100 * left['ci_low'])} to "
                f"{_pm(100 * left['ci_high'])}) where both have {amount}.",
                "value": float(left["estimate"]),
                "ci_low": float(left["ci_low"]),
                "ci_high": float(left["ci_high"]),
            }
        )
    return found


def _effect_finding(row: pd.Series, contrast: Contrast, config: StudyConfig) -> dict[str, Any]:
    dimension = contrast.dimension or ""
    label = config.dimensions[dimension].label.lower()
    labels = config.condition_labels
    points = 100.0 * float(row["estimate"])
    low, high = 100.0 * float(row["ci_low"]), 100.0 * float(row["ci_high"])
    adjusted = float(row["p_holm"]) if pd.notna(row["p_holm"]) else float(row["p_value"])
    sure = adjusted < 1.0 - config.pooling.level
    if contrast.second == BASE:
        start = f"Tuned on {labels[contrast.first]}, models score"
        end = "than before tuning"
    else:
        start = f"Models tuned on {labels[contrast.first]} score"
        end = f"than those tuned on {labels[contrast.second]}"
    change = f"{abs(points):.1f} points {'lower' if points < 0 else 'higher'} on {label}"
    if f"{abs(points):.1f}" == "0.0":
        change, end = f"the same on {label} to 0.1 points", end.replace("than", "as", 1)
    verdict = "" if sure else "; that may be chance"
    return {
        "id": f"{contrast.experiment}_{_slug(contrast.name)}",
        "sentence": f"{start} {change} {end} ({_pm(low)} to {_pm(high)} on a scale of 100, {int(row['k'])} model "
        f"families, p {_p(adjusted)} after adjustment{verdict}).",
        "value": float(row["estimate"]),
        "ci_low": float(row["ci_low"]),
        "ci_high": float(row["ci_high"]),
        "n": int(row["k"]),
    }


def _ratio_finding(row: pd.Series, contrast: Contrast, config: StudyConfig) -> dict[str, Any]:
    labels = config.condition_labels
    label = config.dimensions[contrast.dimension or ""].label.lower()
    percent = [100.0 * (float(row[name]) - 1.0) for name in ("ratio", "ci_low", "ci_high")]
    return {
        "id": f"{contrast.experiment}_{_slug(contrast.name)}_ratio",
        "sentence": f"The effect of {labels[contrast.first]} on {label} is {abs(percent[0]):.0f} % "
        f"{'greater' if percent[0] >= 0 else 'smaller'} than that of {labels[contrast.second]} "
        f"({_pm(percent[1], 0)} % to {_pm(percent[2], 0)} %).",
        "value": float(row["ratio"]),
        "ci_low": float(row["ci_low"]),
        "ci_high": float(row["ci_high"]),
    }


def _slug(name: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in name.lower()).strip("_")


def _pm(value: float, digits: int = 1) -> str:
    return f"{value:z.{digits}f}".replace("-", "−")


def _p(value: float) -> str:
    return "< .001" if value < 0.001 else f"= {value:.3f}".replace("0.", ".") if value < 1.0 else "= 1"

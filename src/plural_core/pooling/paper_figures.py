"""Rows of the paper's Figures 2 to 5: pooled effects, what the survey says, and published values."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from plural_core.figures.paper import OURS, PUBLISHED, SURVEY
from plural_core.pooling.story import declared, published_values
from plural_core.study import StudyConfig
from plural_core.study.conditions_config import BASE, StratumConfig

DIFFERENCE = "difference of scores, with interval"


def paper_figure_rows(
    pooled: pd.DataFrame, effects: pd.DataFrame | None, config: StudyConfig, experiment: str
) -> pd.DataFrame:
    """Return what an experiment's figure shows: panels against the control and between conditions.

    Parameters
    ----------
    pooled : DataFrame
        Table ``pooled``; its rows of the config's method, test and first judge are used.
    effects : DataFrame, optional
        Table ``effects_demographic``. Where a contrast sets two groups of raters against each other and the second or
        the first is the reference of the regression, a panel with the survey's difference in log odds stands below.
    config : StudyConfig
        Which contrasts there are.
    experiment : str
        Its name.

    Returns
    -------
    DataFrame
        Columns panel, label, x, mark, estimate, ci_low, ci_high, for `plural_core.figures.panels_figure`; empty where
        nothing is pooled.
    """
    values = published_values()
    settings = config.pooling
    judge = next(iter(config.judges))
    used = pooled[
        (pooled["experiment"] == experiment)
        & (pooled["judge"] == judge)
        & (pooled["method"] == settings.method)
        & (pooled["test"] == settings.test)
    ]
    rows: list[dict[str, Any]] = []
    survey: list[dict[str, Any]] = []
    for contrast in declared(config, experiment):
        own = used[(used["contrast"] == contrast.name) & (used["dimension"] == contrast.dimension)]
        if own.empty:
            continue
        dimension = config.dimensions[str(contrast.dimension)].label
        against = "against the model before tuning" if contrast.second == BASE else "between conditions"
        found = own.iloc[0]
        key = {"panel": f"{dimension}, {against}", "label": contrast.label, "x": DIFFERENCE}
        interval = {name: float(found[name]) for name in ("estimate", "ci_low", "ci_high")}
        rows.append({**key, "mark": OURS, **interval})
        known = config.experiments[experiment].contrasts[contrast.name].published.get(str(contrast.dimension))
        value = values.get(known or "", math.nan)
        if math.isfinite(value):
            rows.append({**key, "mark": PUBLISHED, "estimate": value, "ci_low": math.nan, "ci_high": math.nan})
        said = _survey(effects, config, contrast.first, contrast.second, str(contrast.dimension))
        if said is not None:
            label = f"{contrast.label}: {dimension.lower()}"
            panel = {"panel": "The ratings themselves", "label": label, "x": "difference of ratings in log odds"}
            survey.append({**panel, "mark": SURVEY, **said})
    columns = ["panel", "label", "x", "mark", "estimate", "ci_low", "ci_high"]
    frame = pd.DataFrame([*rows, *survey], columns=columns)
    order = {name: place for place, name in enumerate(dict.fromkeys(frame["panel"]))}
    return frame.sort_values("panel", key=lambda names: names.map(order), kind="stable", ignore_index=True)


def _survey(
    effects: pd.DataFrame | None, config: StudyConfig, first: str, second: str, dimension: str
) -> dict[str, float] | None:
    """Return first minus second in the regression of the ratings, where one of the groups is its reference."""
    if effects is None or BASE in (first, second):
        return None
    one, two = (config.conditions[name].stratum for name in (first, second))
    if not (isinstance(one, StratumConfig) and isinstance(two, StratumConfig) and one.factor == two.factor):
        return None
    reference = config.factors[one.factor].reference
    if reference not in (one.level, two.level):
        return None
    sign = -1.0 if one.level == reference else 1.0
    other = two.level if one.level == reference else one.level
    found = effects[(effects["dimension"] == dimension) & (effects["term"] == f"{one.factor}{other}")]
    if found.empty:
        return None
    row = found.iloc[0]
    ends = sorted(sign * float(row[name]) for name in ("ci_low", "ci_high"))
    return {"estimate": sign * float(row["estimate"]), "ci_low": ends[0], "ci_high": ends[1]}

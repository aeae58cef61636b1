"""How much of a contrast is more data? The same contrast at equal numbers of comparisons, and at equal updates."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from plural_core.agreement.frames import table_of
from plural_core.study import StudyConfig
from plural_core.study.conditions_config import BASE, ConditionConfig, ContrastConfig

PUBLISHED, SIZE, STEPS = "as published", "equal size", "equal steps"


def size_control_table(pooled: pd.DataFrame, conditions: pd.DataFrame, config: StudyConfig) -> pd.DataFrame:
    """Set contrasts of two conditions beside the same contrasts at equal size and at equal steps.

    Parameters
    ----------
    pooled : DataFrame
        Table ``pooled``; its rows of the config's method and test are used.
    conditions : DataFrame
        Table ``conditions``, for the number of comparisons.
    config : StudyConfig
        Which contrasts there are. A controlled contrast is found by what its conditions are, not by their names: the
        same conditions apart from their size or their budget.

    Returns
    -------
    DataFrame
        Table ``size_control``; `share_left` is the controlled estimate over the published procedure's.
    """
    sizes = dict(zip(conditions["condition"], conditions["n_pairs_raw"], strict=True))
    used = pooled[(pooled["method"] == config.pooling.method) & (pooled["test"] == config.pooling.test)]
    rows: list[dict[str, Any]] = []
    for experiment, settings in config.experiments.items():
        for question, published in settings.contrasts.items():
            if BASE in (published.first, published.second) or _control(published, config) != PUBLISHED:
                continue
            family = {PUBLISHED: question}
            for name, other in settings.contrasts.items():
                control = _control(other, config)
                if control in (SIZE, STEPS) and _same_question(published, other, config):
                    family.setdefault(control, name)
            if len(family) > 1:
                rows += _rows(used, experiment, question, family, settings.contrasts, sizes)
    return table_of(rows, "size_control")


def _rows(
    used: pd.DataFrame,
    experiment: str,
    question: str,
    family: dict[str, str],
    contrasts: dict[str, ContrastConfig],
    sizes: dict[str, int],
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for judge in dict.fromkeys(used["judge"]):
        whole = math.nan
        for control, name in family.items():
            contrast = contrasts[name]
            part = used[
                (used["experiment"] == experiment)
                & (used["contrast"] == name)
                & (used["dimension"] == contrast.dimension)
                & (used["judge"] == judge)
            ]
            if part.empty:
                continue
            found = part.iloc[0]
            whole = float(found["estimate"]) if control == PUBLISHED else whole
            rows.append(
                {
                    "experiment": experiment,
                    "question": question,
                    "judge": judge,
                    "control": control,
                    "contrast": name,
                    "dimension": contrast.dimension,
                    **{c: found[c] for c in ("estimate", "std_error", "ci_low", "ci_high", "p_value")},
                    "n_first": int(sizes.get(contrast.first, 0)),
                    "n_second": int(sizes.get(contrast.second, 0)),
                    "share_left": float(found["estimate"]) / whole if whole else math.nan,
                }
            )
    return rows


def _control(contrast: ContrastConfig, config: StudyConfig) -> str | None:
    """Return what a contrast holds equal: nothing, the number of comparisons or the updates; None for a mixture."""
    if BASE in (contrast.first, contrast.second):
        return None
    first, second = config.conditions[contrast.first], config.conditions[contrast.second]
    sized = first.size == contrast.second or second.size == contrast.first
    if first.budget.steps is not None and first.budget.steps == second.budget.steps and not sized:
        return STEPS
    if first.budget.passes is not None and first.budget.passes == second.budget.passes:
        if sized:
            return SIZE
        return PUBLISHED if first.size is None and second.size is None else None
    return None


def _same_question(published: ContrastConfig, other: ContrastConfig, config: StudyConfig) -> bool:
    pairs = ((published.first, other.first), (published.second, other.second))
    return published.dimension == other.dimension and all(
        _bare(config.conditions[a]) == _bare(config.conditions[b]) for a, b in pairs
    )


def _bare(condition: ConditionConfig) -> dict[str, Any]:
    return condition.model_dump(exclude={"label", "size", "budget"})

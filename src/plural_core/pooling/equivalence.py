"""Is a contrast without effect on the dimensions that it was not declared for? Two one-sided tests."""

from __future__ import annotations

import pandas as pd

from plural_core.agreement.frames import table_of
from plural_core.pooling.pool import KEY
from plural_core.study import StudyConfig
from plural_core.study.conditions_config import BASE
from plural_core.synthesis import tost


def equivalence_table(pooled: pd.DataFrame, config: StudyConfig) -> pd.DataFrame:
    """Test every declared contrast of two conditions on its other dimensions for equivalence.

    Parameters
    ----------
    pooled : DataFrame
        Table ``pooled``; its rows of the config's method and test are used.
    config : StudyConfig
        Contrasts, margin and level.

    Returns
    -------
    DataFrame
        One row per contrast, other dimension and judge; `ci_low` and `ci_high` are the interval of level 1 − 2 alpha.
        Not equivalent is no evidence of a difference.
    """
    settings = config.pooling
    rows = []
    used = pooled[(pooled["method"] == settings.method) & (pooled["test"] == settings.test)]
    for row in used.to_dict("records"):
        declared = config.experiments[row["experiment"]].contrasts.get(row["contrast"])
        if declared is None or BASE in (declared.first, declared.second) or row["dimension"] == declared.dimension:
            continue
        df = float(row["k"] - 1) if settings.test == "knha" and row["k"] > 1 else None
        if not row["std_error"] > 0.0:
            continue
        found = tost(
            row["estimate"], row["std_error"], margin=settings.equivalence_margin, alpha=1.0 - settings.level, df=df
        )
        rows.append(
            {
                **{name: row[name] for name in KEY},
                "margin": found.margin,
                "estimate": found.estimate,
                "std_error": found.std_error,
                "ci_low": found.ci_low,
                "ci_high": found.ci_high,
                "p_value": found.p_value,
                "equivalent": found.equivalent,
            }
        )
    return table_of(rows, "equivalence")

"""Models and raters: the variance between replicates of the rater bootstrap, added to that over models."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy import stats

from plural_core.agreement.frames import table_of
from plural_core.pooling.pool import KEY


def with_raters(pooled: pd.DataFrame, replicates: list[pd.DataFrame], level: float) -> pd.DataFrame:
    """Combine a pooled effect with its replicates under re-drawn participants.

    Parameters
    ----------
    pooled : DataFrame
        Table ``pooled`` of the participants as they are, rows of one method and test.
    replicates : list of DataFrame
        The same, one per replicate: other participants, the same seeds, families and prompts.
    level : float
        Confidence level.

    Returns
    -------
    DataFrame
        Table ``pooled_raters``: variance = that of the pooled effect + the variance between replicates of the pooled
        estimate; Student's t on R − 1 degrees of freedom. Contrasts with fewer than two replicates are not in it.
    """
    stacked = pd.concat(replicates, ignore_index=True) if replicates else pooled.iloc[:0]
    by_key = {key: part["estimate"].to_numpy() for key, part in stacked.groupby(KEY, sort=False)}
    rows = []
    for row in pooled.to_dict("records"):
        key = tuple(row[name] for name in KEY)
        values = by_key.get(key, np.empty(0))
        if len(values) < 2:
            continue
        between = float(np.var(values, ddof=1))
        models = float(row["std_error"]) ** 2
        error, df = math.sqrt(models + between), len(values) - 1
        half = float(stats.t.ppf(0.5 + level / 2.0, df)) * error
        estimate = float(row["estimate"])
        p = 2.0 * float(stats.t.sf(abs(estimate) / error, df)) if error > 0.0 else math.nan
        rows.append(
            {
                **dict(zip(KEY, key, strict=True)),
                "estimate": estimate,
                "std_error": error,
                "ci_low": estimate - half,
                "ci_high": estimate + half,
                "p_value": p,
                "df": df,
                "replicates": len(values),
                "variance_models": models,
                "variance_raters": between,
            }
        )
    return table_of(rows, "pooled_raters")

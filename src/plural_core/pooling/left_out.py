"""Pooled effects with one family left out, to see whether the result hangs on a single model."""

from __future__ import annotations

import pandas as pd

from plural_core.agreement.frames import table_of
from plural_core.pooling.pool import KEY, usable_std_errors
from plural_core.study import StudyConfig
from plural_core.synthesis import random_effects

_VALUES = ["estimate", "std_error", "ci_low", "ci_high", "p_value", "tau2", "i2", "k"]


def leave_one_out_table(effects: pd.DataFrame, config: StudyConfig) -> pd.DataFrame:
    """Return table ``leave_one_out``: every contrast of two families or more, by the config's method and test."""
    settings = config.pooling
    rows = []
    used = effects[effects["estimate"].notna()]
    for key, part in used.groupby(KEY, sort=False):
        if len(part) < 2:
            continue
        errors = usable_std_errors(part)
        for number, family in enumerate(part["family"]):
            keep = [i for i in range(len(part)) if i != number]
            found = random_effects(
                part["estimate"].to_numpy()[keep],
                errors[keep],
                method=settings.method,
                test=settings.test,
                level=settings.level,
            )
            rows.append(
                {
                    **dict(zip(KEY, key, strict=True)),
                    "left_out": family,
                    **{name: getattr(found, name) for name in _VALUES},
                }
            )
    return table_of(rows, "leave_one_out")

"""Effects per family to pooled effects: every estimator and test, Holm's adjustment over the declared contrasts."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from plural_core.study import StudyConfig
from plural_core.synthesis import holm, random_effects
from plural_core.synthesis.joint import floor_std_error

METHODS = ("DL", "PM", "REML")
TESTS = ("z", "knha")
KEY = ["experiment", "contrast", "dimension", "judge"]
VALUES = [
    "estimate",
    "std_error",
    "ci_low",
    "ci_high",
    "p_value",
    "p_holm",
    "tau2",
    "i2",
    "h2",
    "q",
    "q_p",
    "pi_low",
    "pi_high",
    "k",
]
COLUMNS = [*KEY, "method", "test", *VALUES]


def pooled_table(effects: pd.DataFrame, config: StudyConfig, families: Iterable[str] | None = None) -> pd.DataFrame:
    """Pool every contrast over families.

    Parameters
    ----------
    effects : DataFrame
        Table ``effects``.
    config : StudyConfig
        Its level, its own estimator (beside DL, PM and REML), and which contrasts are primary on which dimension.
    families : iterable of str, optional
        Only these.

    Returns
    -------
    DataFrame
        Table ``pooled``: one row per contrast, dimension, judge, method and test. ``p_holm`` is adjusted over the
        primary contrasts of an experiment on their primary dimension, and missing for all others. Contrasts that no
        family has are not in it.
    """
    used = effects[effects["estimate"].notna()]
    if families is not None:
        used = used[used["family"].isin(list(families))]
    methods = list(dict.fromkeys([*METHODS, config.pooling.method]))
    rows = []
    for key, part in used.groupby(KEY, sort=False):
        errors = usable_std_errors(part)
        for method in methods:
            for test in TESTS:
                pooled = random_effects(
                    part["estimate"].to_numpy(),
                    errors,
                    method=method,  # type: ignore[arg-type]
                    test=test,  # type: ignore[arg-type]
                    level=config.pooling.level,
                )
                values = {name: getattr(pooled, name) for name in VALUES if name != "p_holm"}
                rows.append({**dict(zip(KEY, key, strict=True)), "method": method, "test": test, **values})
    frame = pd.DataFrame(rows, columns=[c for c in COLUMNS if c != "p_holm"])
    frame = frame.astype({"k": int, **{name: float for name in VALUES if name not in ("k", "p_holm")}})
    return adjust(frame, config)[COLUMNS]


def adjust(pooled: pd.DataFrame, config: StudyConfig) -> pd.DataFrame:
    """Return the table with ``p_holm``: Holm's adjustment within each experiment's primary tests."""
    primary = primary_tests(config)
    frame = pooled.assign(p_holm=np.nan)
    is_primary = [
        (e, c, d) in primary for e, c, d in zip(frame["experiment"], frame["contrast"], frame["dimension"], strict=True)
    ]
    for _, part in frame[np.array(is_primary, dtype=bool)].groupby(
        ["experiment", "judge", "method", "test"], sort=False
    ):
        frame.loc[part.index, "p_holm"] = holm(part["p_value"].to_numpy())
    return frame


def primary_tests(config: StudyConfig) -> set[tuple[str, str, str]]:
    """Return experiment, contrast and dimension of every primary test."""
    return {
        (experiment, name, contrast.dimension)
        for experiment, settings in config.experiments.items()
        for name, contrast in settings.contrasts.items()
        if contrast.primary
    }


def usable_std_errors(effects: pd.DataFrame) -> np.ndarray:
    """Return standard errors with the floor where a family's answers are the same under both conditions."""
    errors = effects["std_error"].to_numpy(dtype=float)
    n = effects["n_prompts"].to_numpy(dtype=float)
    return np.where(np.isfinite(errors) & (errors > 0.0), errors, floor_std_error(n))

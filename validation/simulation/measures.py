"""What the calibration looks at, measured on one simulated study."""

from __future__ import annotations

import krippendorff
import numpy as np
import pandas as pd

from plural_core.simulation import SimulatedStudy, simulate
from plural_core.study import StudyConfig

TARGETS: dict[str, tuple[float, float]] = {
    "disagreement, all dimensions": (0.853, 0.02),
    "disagreement, toxicity": (0.85, 0.03),
    "disagreement, emotional_awareness": (0.85, 0.03),
    "disagreement, sensitivity": (0.85, 0.03),
    "disagreement, helpfulness": (0.85, 0.03),
    "disagreement, stereotypical_bias": (0.85, 0.03),
    "alpha, toxicity": (0.38, 0.06),
    "P(toxicity given emotional_awareness)": (0.208, 0.04),
    "P(stereotypical_bias given emotional_awareness)": (0.335, 0.04),
}
"""Quantity to (target, how far the mean over seeds may be from it)."""


def config(seed: int, **simulation: object) -> StudyConfig:
    """Return the default study with a seed and changed settings, without further prompts."""
    settings = {"test_prompts": 0, "acceptance_prompts": 0, **simulation}
    return StudyConfig.model_validate({"study": "calibration", "seed": seed, "simulation": settings})


def alpha(ratings: pd.DataFrame) -> float:
    """Return Krippendorff's ordinal alpha of one dimension's ratings."""
    counts = pd.crosstab(ratings["item_id"], ratings["rating"]).reindex(columns=range(1, 6), fill_value=0)
    counts = counts[counts.sum(axis=1) > 1]
    return float(krippendorff.alpha(value_counts=counts.to_numpy(), level_of_measurement="ordinal"))


def measure(study: SimulatedStudy, groups: bool = False) -> dict[str, float]:
    """Return every calibrated quantity of a study, and with `groups` toxicity's alpha within groups."""
    ratings = study.tables.ratings
    found: dict[str, float] = {}
    items = ratings.groupby(["dimension", "item_id"])["rating"].agg(["size", "nunique"])
    items = items[items["size"] > 1]
    rates = (items["nunique"] > 1).groupby("dimension").mean()
    found["disagreement, all dimensions"] = float(rates.mean())
    found |= {f"disagreement, {name}": float(rate) for name, rate in rates.items()}
    for name, part in ratings.groupby("dimension"):
        found[f"alpha, {name}"] = alpha(part)
    agrees = ratings.set_index(["participant_id", "item_id", "dimension"])["rating"].unstack("dimension") >= 4
    for name in agrees.columns:
        found[f"P({name})"] = float(agrees[name].mean())
    for name in agrees.columns.drop("emotional_awareness"):
        found[f"P({name} given emotional_awareness)"] = float(agrees.loc[agrees["emotional_awareness"], name].mean())
    if groups:
        wide = study.tables.wide()
        toxicity = wide[wide["dimension"] == "toxicity"]
        for factor, levels in {
            "gender": ("female", "male"),
            "political": ("liberal", "conservative"),
            "ethnicity": ("White", "Black"),
        }.items():
            for level in levels:
                found[f"alpha, toxicity, {level}"] = alpha(toxicity[toxicity[factor] == level])
    return found


def over_seeds(seeds: range, groups: bool = False, **simulation: object) -> pd.DataFrame:
    """Return the measures of one study per seed, one row each."""
    rows = [measure(simulate(config(seed, **simulation)), groups) for seed in seeds]
    return pd.DataFrame(rows, index=pd.Index(seeds, name="seed"))


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Return mean, standard deviation, and standard error of the mean of each column."""
    found = table.agg(["mean", "std"]).T
    found["se"] = found["std"] / np.sqrt(len(table))
    return found

"""The truth of a simulated study as tables, saved beside the three tables of ratings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from plural_core.simulation.phrases import FloatArray
from plural_core.simulation.phrases import dimensions as bank_dimensions
from plural_core.simulation.population import levels_of, quotas, shares_in
from plural_core.simulation.ratings import Effects
from plural_core.simulation.world import World
from plural_core.study import StudyConfig
from plural_core.study.config import STANDARD_FACTORS

TRUTH_TABLES = (
    "truth_items",
    "truth_participants",
    "truth_effects",
    "truth_thresholds",
    "truth_variances",
    "truth_population",
    "truth_prompts",
    "truth_texts",
    "prompts_extra",
)
"""Names of the tables; their schemas stand with all others in ``plural_core.ratings.schemas``."""


def truth_items(world: World, item_ids: Sequence[str], strength: FloatArray, effects: Effects) -> pd.DataFrame:
    """Return per item and dimension: strength of the text, what it adds to eta at slope 1, and the item effect."""
    parts = []
    for name, part in world.dimensions.items():
        column = bank_dimensions().index(name)
        parts.append(
            pd.DataFrame(
                {
                    "item_id": list(item_ids),
                    "dimension": name,
                    "strength": strength[:, column],
                    "content": part.content(strength[:, column]),
                    "item_effect": effects.item[:, column],
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def truth_participants(world: World, people: pd.DataFrame, effects: Effects) -> pd.DataFrame:
    """Return per participant and dimension: shift, slope and rater effect."""
    parts = []
    for name, part in world.dimensions.items():
        column = bank_dimensions().index(name)
        parts.append(
            pd.DataFrame(
                {
                    "participant_id": people["participant_id"],
                    "dimension": name,
                    "shift": part.shift_of(people),
                    "slope": part.slope_of(people),
                    "rater_effect": effects.rater[:, column],
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def truth_effects(world: World, config: StudyConfig) -> pd.DataFrame:
    """Return per dimension and level of each factor: shift, slope, and the log odds against the reference level.

    `term` is R's name of the coefficient (``gendermale``) and missing for reference levels.
    """
    rows = []
    for name, part in world.dimensions.items():
        for factor, settings in config.factors.items():
            levels = settings.levels or levels_of(config.simulation.population, factor)
            reference = settings.reference or levels[0]
            base = part.shifts.get((factor, reference), 0.0)
            for level in levels:
                shift = part.shifts.get((factor, level), 0.0)
                rows.append(
                    {
                        "dimension": name,
                        "factor": factor,
                        "level": level,
                        "term": None if level == reference else f"{factor}{level}",
                        "shift": shift,
                        "slope": part.slopes.get((factor, level), 1.0),
                        "estimate": shift - base,
                        "percent_change": 100.0 * (float(np.exp(shift - base)) - 1.0),
                    }
                )
    return pd.DataFrame(rows).astype({"term": object})


def truth_thresholds(world: World) -> pd.DataFrame:
    """Return the thresholds, named as R does (``1|2``)."""
    rows = [
        {"dimension": name, "threshold": f"{level}|{level + 1}", "value": float(value)}
        for name, part in world.dimensions.items()
        for level, value in enumerate(part.thresholds, start=1)
    ]
    return pd.DataFrame(rows)


def truth_variances(world: World, strength: FloatArray) -> pd.DataFrame:
    """Return the standard deviations of the model's parts: rater, item in all, and the item's two sources."""
    rows = []
    for name, part in world.dimensions.items():
        content = part.average_slope * part.content(strength[:, bank_dimensions().index(name)])
        text = float(content.std())
        sds = {
            "participant": world.rater_sd,
            "item": float(np.hypot(text, world.item_sd)),
            "item_text": text,
            "item_residual": world.item_sd,
        }
        rows += [{"dimension": name, "component": component, "sd": sd} for component, sd in sds.items()]
    return pd.DataFrame(rows)


def truth_population(config: StudyConfig) -> pd.DataFrame:
    """Return per country and level: its share in the country and how many participants truly have it."""
    population = config.simulation.population
    rows = []
    for country, n in quotas(population.country, config.simulation.participants).items():
        for factor in STANDARD_FACTORS:
            shares = shares_in(population, factor, country)
            for level, count in quotas(shares, n).items():
                rows.append(
                    {"country": country, "factor": factor, "level": level, "share": float(shares[level]), "n": count}
                )
    return pd.DataFrame(rows)

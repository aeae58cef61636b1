"""The population: participants with the categories of the survey, in documented shares."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from plural_core.simulation.streams import stream
from plural_core.study import StudyConfig
from plural_core.study.config import STANDARD_FACTORS
from plural_core.study.simulation_config import PopulationConfig


def quotas(shares: Mapping[str, float], n: int) -> dict[str, int]:
    """Split `n` by shares into whole numbers that sum to `n` (largest remainder; ties go to the first)."""
    exact = np.array([share * n for share in shares.values()])
    counts = np.floor(exact + 1e-9).astype(int)
    order = np.argsort(-(exact - counts), kind="stable")
    counts[order[: n - int(counts.sum())]] += 1
    return dict(zip(shares, (int(c) for c in counts), strict=True))


def shares_in(population: PopulationConfig, factor: str, country: str) -> dict[str, float]:
    """Return the shares of a factor's levels among a country's participants."""
    if factor == "country":
        return {country: 1.0}
    if factor == "ethnicity":
        return population.ethnicity[country]
    shares: dict[str, float] = getattr(population, factor)
    return shares


def levels_of(population: PopulationConfig, factor: str) -> list[str]:
    """Return the levels of a factor that the population may have, in the config's order."""
    return list({level: None for country in population.country for level in shares_in(population, factor, country)})


def draw_population(config: StudyConfig) -> pd.DataFrame:
    """Draw the participants: in each country exact shares of each factor, combined at random.

    Returns
    -------
    DataFrame
        participant_id (in order of arrival) and the five standard factors, nothing missing.
    """
    settings = config.simulation
    parts = []
    for country, n in quotas(settings.population.country, settings.participants).items():
        part: dict[str, object] = {"country": [country] * n}
        for factor in STANDARD_FACTORS[1:]:
            counts = quotas(shares_in(settings.population, factor, country), n)
            levels = np.repeat(np.array(list(counts), dtype=object), list(counts.values()))
            part[factor] = stream(config.seed, "population", country, factor).permutation(levels)
        parts.append(pd.DataFrame(part))
    people = pd.concat(parts, ignore_index=True)
    arrival = stream(config.seed, "population", "arrival").permutation(len(people))
    people = people.iloc[arrival].reset_index(drop=True)
    width = max(4, len(str(len(people))))
    people.insert(0, "participant_id", [f"p{number:0{width}d}" for number in range(1, len(people) + 1)])
    return people.astype(object)


def stated(people: pd.DataFrame, config: StudyConfig) -> pd.DataFrame:
    """Return the table `participants`: what people say of themselves, the declined share missing.

    The attention check stood in the English survey only, so it is passed in the US and missing elsewhere.
    """
    table = people.copy()
    declined = round(config.simulation.population.declined * len(table))
    for factor in STANDARD_FACTORS[1:]:
        rows = stream(config.seed, "declined", factor).permutation(len(table))[:declined]
        table.loc[rows, factor] = None
    passed = pd.array([True if country == "US" else pd.NA for country in table["country"]], dtype="boolean")
    return table.assign(passed_attention=passed)

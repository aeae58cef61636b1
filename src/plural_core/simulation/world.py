"""The world: what texts and groups do to ratings, per dimension, in logits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log

import numpy as np
import pandas as pd
from scipy.special import expit

from plural_core.errors import ConfigError, nearest
from plural_core.simulation.bank import read_bank
from plural_core.simulation.phrases import FloatArray
from plural_core.simulation.phrases import dimensions as bank_dimensions
from plural_core.simulation.population import levels_of, shares_in
from plural_core.study import StudyConfig
from plural_core.study.config import STANDARD_FACTORS

Coefficients = dict[tuple[str, str], float]
"""(factor, level) to a number; levels that are not named have the neutral one."""


@dataclass(frozen=True)
class DimensionWorld:
    """One dimension of the cumulative link mixed model.

    ``P(y <= j) = logistic(threshold_j - eta)`` with
    ``eta = slope * gain * (strength - centre) + shift + rater effect + item effect``.

    Parameters
    ----------
    gain : float
        Logits per unit of strength.
    centre : float
        Strength of the mean generated text.
    thresholds : ndarray, shape (levels - 1,)
        Rising thresholds.
    shifts, slopes : dict
        (factor, level) to its shift (added, neutral 0) and slope (multiplied, neutral 1).
    average_shift, average_slope : float
        Their means over the population: those of the average rater.
    """

    gain: float
    centre: float
    thresholds: FloatArray
    shifts: Coefficients
    slopes: Coefficients
    average_shift: float
    average_slope: float

    def content(self, strength: FloatArray) -> FloatArray:
        """Return what a text of this strength adds to eta for a rater of slope 1."""
        return self.gain * (strength - self.centre)

    def shift_of(self, people: pd.DataFrame) -> FloatArray:
        """Return each participant's shift."""
        total = np.zeros(len(people))
        for (factor, level), value in self.shifts.items():
            total += value * (people[factor] == level).to_numpy()
        return total

    def slope_of(self, people: pd.DataFrame) -> FloatArray:
        """Return each participant's slope."""
        product = np.ones(len(people))
        for (factor, level), value in self.slopes.items():
            product *= np.where((people[factor] == level).to_numpy(), value, 1.0)
        return product

    def expected_rating(self, strength: FloatArray) -> FloatArray:
        """Return E[rating | text, average rater], rater and item effect zero; the strength may be NaN."""
        eta = self.average_slope * self.content(strength) + self.average_shift
        above: FloatArray = expit(eta[..., None] - self.thresholds).sum(axis=-1)
        return 1.0 + above


@dataclass(frozen=True)
class World:
    """All dimensions of a simulated study, in the config's order."""

    name: str
    dimensions: dict[str, DimensionWorld]
    rater_sd: float
    rater_correlation: float
    item_sd: float


def build_world(config: StudyConfig) -> World:
    """Return the world that a config asks for.

    Raises
    ------
    ConfigError
        The config names a dimension, factor or level that the simulation does not know, or thresholds that do not
        fit the scale.
    """
    settings = config.simulation
    _check_names(config)
    return World(
        name=settings.world,
        dimensions={name: _dimension(config, name) for name in config.dimensions},
        rater_sd=settings.rater_sd,
        rater_correlation=settings.rater_correlation,
        item_sd=settings.item_sd,
    )


def shift_of_change(percent: float) -> float:
    """Return the shift that changes the odds of a higher rating by so many percent."""
    return log(1.0 + percent / 100.0)


def parse_term(term: str, config: StudyConfig, where: str = "term") -> tuple[str, str]:
    """Return (factor, level) of a term written as ``gendermale`` or ``gender:male``.

    Raises
    ------
    ConfigError
        There is no such factor or level; the message has the nearest known term.
    """
    known = {
        f"{factor}{level}": (factor, level)
        for factor in STANDARD_FACTORS
        for level in levels_of(config.simulation.population, factor)
    }
    found = known.get(term.replace(":", "", 1))
    if found is None:
        raise ConfigError(f"{where}: unknown term '{term}'.{nearest(term, known)} Write factor:level, as gender:male")
    return found


def _dimension(config: StudyConfig, name: str) -> DimensionWorld:
    settings, bank = config.simulation, read_bank("world")
    shifts: Coefficients = {}
    slopes: Coefficients = {}
    if settings.world != "null":
        changes = _terms(bank["percent_changes"].get(name, {}), config)
        shifts = {term: shift_of_change(percent) for term, percent in changes.items()}
    if settings.world == "paper":
        slopes = _terms(bank["slopes"].get(name, {}), config)
    shifts |= _given(settings.shifts.get(name, {}), config, f"simulation.shifts.{name}")
    slopes |= _given(settings.slopes.get(name, {}), config, f"simulation.slopes.{name}")
    thresholds = np.array(settings.thresholds.get(name, bank["thresholds"][name]), dtype=np.float64)
    levels = config.dimensions[name].levels
    if thresholds.size != levels - 1:
        raise ConfigError(
            f"simulation.thresholds.{name}: {thresholds.size} thresholds for {levels} levels; give {levels - 1}"
        )
    average_shift, average_slope = _averages(config, shifts, slopes)
    return DimensionWorld(
        gain=float(settings.gains.get(name, bank["gains"][name])),
        centre=float(bank["centres"][name]),
        thresholds=thresholds,
        shifts=shifts,
        slopes=slopes,
        average_shift=average_shift,
        average_slope=average_slope,
    )


def _averages(config: StudyConfig, shifts: Coefficients, slopes: Coefficients) -> tuple[float, float]:
    """Return the population's mean shift and slope; within a country the factors are independent."""
    population = config.simulation.population
    mean_shift = mean_slope = 0.0
    for country, weight in population.country.items():
        shift, slope = 0.0, 1.0
        for factor in STANDARD_FACTORS:
            shares = shares_in(population, factor, country)
            shift += sum(share * shifts.get((factor, level), 0.0) for level, share in shares.items())
            slope *= sum(share * slopes.get((factor, level), 1.0) for level, share in shares.items())
        mean_shift += weight * shift
        mean_slope += weight * slope
    return mean_shift, mean_slope


def _terms(written: Mapping[str, float], config: StudyConfig) -> Coefficients:
    """Return the world's own coefficients, without levels that this population does not have."""
    split = {(factor, level): value for term, value in written.items() for factor, _, level in [term.partition(":")]}
    return {
        (f, level): value for (f, level), value in split.items() if level in levels_of(config.simulation.population, f)
    }


def _given(written: Mapping[str, float], config: StudyConfig, where: str) -> Coefficients:
    return {parse_term(term, config, where): value for term, value in written.items()}


def _check_names(config: StudyConfig) -> None:
    known = bank_dimensions()
    for name in config.dimensions:
        if name not in known:
            raise ConfigError(
                f"dimensions: the simulation knows no dimension '{name}'.{nearest(name, known)} "
                f"It has {', '.join(known)}"
            )
    settings = config.simulation
    for key in ("gains", "thresholds", "shifts", "slopes"):
        for name in getattr(settings, key):
            if name not in config.dimensions:
                raise ConfigError(f"simulation.{key}: unknown dimension '{name}'.{nearest(name, config.dimensions)}")
    for name in config.factors:
        if name not in STANDARD_FACTORS:
            raise ConfigError(
                f"factors: the simulation knows no factor '{name}'.{nearest(name, STANDARD_FACTORS)} "
                f"It has {', '.join(STANDARD_FACTORS)}"
            )

"""Ratings from the cumulative link mixed model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit

from plural_core.simulation.design import IntArray
from plural_core.simulation.phrases import FloatArray, dimensions
from plural_core.simulation.streams import stream
from plural_core.simulation.world import World

GOOD = frozenset({"emotional_awareness", "sensitivity", "helpfulness"})
"""Dimensions that praise an answer; the effects of a rater correlate among these, and among the other ones."""


@dataclass(frozen=True)
class Effects:
    """Random effects, one column per dimension of the bank, in logits."""

    rater: FloatArray
    item: FloatArray


def draw_effects(world: World, participants: int, items: int, seed: int) -> Effects:
    """Draw rater effects (correlated over dimensions of one direction) and item effects (independent)."""
    names = dimensions()
    same = np.array([[(a in GOOD) == (b in GOOD) for b in names] for a in names])
    correlation = np.where(same, world.rater_correlation, 0.0)
    np.fill_diagonal(correlation, 1.0)
    raw = stream(seed, "effects", "rater").standard_normal((participants, len(names)))
    rater = world.rater_sd * raw @ np.linalg.cholesky(correlation).T
    item = world.item_sd * stream(seed, "effects", "item").standard_normal((items, len(names)))
    return Effects(rater=rater, item=item)


def draw_ratings(
    world: World,
    people: pd.DataFrame,
    strength: FloatArray,
    effects: Effects,
    places: IntArray,
    seed: int,
) -> dict[str, IntArray]:
    """Draw all ratings.

    Parameters
    ----------
    world : World
        The coefficients.
    people : DataFrame
        True factors of the participants.
    strength : ndarray, shape (items, dimensions of the bank)
        Strength of each item's text.
    effects : Effects
        Rater and item effects.
    places : ndarray of int, shape (ratings, 2)
        Participant and item of each rating.
    seed : int
        Seed of the study.

    Returns
    -------
    dict of str to ndarray, shape (ratings,)
        For each dimension, level numbers from 1.
    """
    rater, item = places[:, 0], places[:, 1]
    ratings: dict[str, IntArray] = {}
    for name, part in world.dimensions.items():
        column = dimensions().index(name)
        content = part.content(strength[:, column])
        eta = part.slope_of(people)[rater] * content[item] + part.shift_of(people)[rater]
        eta += effects.rater[rater, column] + effects.item[item, column]
        below = expit(part.thresholds - eta[:, None])
        uniform = stream(seed, "ratings", name).random(len(places))
        ratings[name] = 1 + (uniform[:, None] > below).sum(axis=1, dtype=np.int64)
    return ratings

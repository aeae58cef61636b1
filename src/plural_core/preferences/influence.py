"""Whose view wins: how far the label that a model is trained on is each group's own, for every aggregation.

An item's label is taken as a distribution over levels: all its mass on one level for the aggregations that make one
label, the shares of the ratings for ``all``. "How often the label equals a level" is then the mass on that level,
which for ``all`` is the chance that a rating drawn for training equals it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from plural_core.preferences.condition import AGGREGATIONS, OWN_SCALE, Aggregation, Condition, ConditionSkipped, Ties
from plural_core.preferences.select import PreparedRatings, select, training_items
from plural_core.ratings.privacy import ProtectedParticipants

COLUMNS = [
    "dimension",
    "aggregation",
    "factor",
    "level",
    "n_participants",
    "share_participants",
    "n_ratings",
    "share_ratings",
    "n_items",
    "unlabelled",
    "agreement",
    "n_own_majority",
    "n_conflicts",
    "outvoted",
    "difference",
    "distance",
    "note",
]


@dataclass(frozen=True)
class Influence:
    """How far one group's ratings of one dimension decide the labels.

    Parameters
    ----------
    n_ratings : int
        The group's ratings.
    share_ratings : float
        Their share of all ratings.
    n_items : int
        Items that the group rated and that have a label.
    unlabelled : float
        Share of the group's ratings on items that the aggregation leaves without a label: views that no model sees.
    n_own_majority : int
        Of the items, those on which the group has a single most frequent level.
    agreement : float
        How often the label equals that level.
    n_conflicts : int
        Of those, items on which everybody else has a single most frequent level, and another one.
    outvoted : float
        How often the label equals everybody else's level on these.
    difference, distance : float
        Mean over items of (group's mean − label's mean), and of its absolute value, in levels.
    """

    n_ratings: int
    share_ratings: float
    n_items: int
    unlabelled: float
    n_own_majority: int
    agreement: float
    n_conflicts: int
    outvoted: float
    difference: float
    distance: float


def influence(counts: np.ndarray, group: np.ndarray, labels: np.ndarray, n_all: int | None = None) -> Influence:
    """Return how far a group decides the labels; a share of nothing is missing.

    Parameters
    ----------
    counts, group : ndarray of int, shape (items, levels)
        Everybody's ratings per level, and the group's own among them.
    labels : ndarray of int, shape (items, levels)
        From `aggregate`: one rating, several (``all``), or none.
    n_all : int, optional
        Number of all ratings, where items that the group did not rate are left out of the three tables.
    """
    sizes, label_sizes = group.sum(axis=1), labels.sum(axis=1)
    rated = np.flatnonzero((sizes > 0) & (label_sizes > 0))
    mass = labels[rated] / label_sizes[rated, None]
    own, own_level = _majority(group[rated])
    others, other_level = _majority(counts[rated] - group[rated])
    conflict = own & others & (own_level != other_level)
    at = np.arange(len(rated))
    values = np.arange(counts.shape[1])
    gap = (group[rated] @ values) / np.maximum(sizes[rated], 1) - mass @ values
    n = int(sizes.sum())
    return Influence(
        n_ratings=n,
        share_ratings=_ratio(n, int(counts.sum()) if n_all is None else n_all),
        n_items=len(rated),
        unlabelled=_ratio(n - int(sizes[rated].sum()), n),
        n_own_majority=int(own.sum()),
        agreement=_mean(mass[at, own_level][own]),
        n_conflicts=int(conflict.sum()),
        outvoted=_mean(mass[at, other_level][conflict]),
        difference=_mean(gap),
        distance=_mean(np.abs(gap)),
    )


def influence_table(
    prepared: PreparedRatings,
    people: ProtectedParticipants,
    dimensions: Sequence[str] | None = None,
    aggregations: Sequence[Aggregation] = AGGREGATIONS,
    scale: str = OWN_SCALE,
    ties: Ties = "drop",
    prompts: Collection[str] | None = None,
    seed: int = 1,
) -> pd.DataFrame:
    """Return `influence` for every dimension, aggregation and shown group of people.

    Parameters
    ----------
    prepared : PreparedRatings
        From `prepare`.
    people : ProtectedParticipants
        The only view of people that may be shown; groups whose ratings stem from 1 to k - 1 people are blank.
    dimensions, aggregations : sequence of str, optional
        Which to look at (default: all). A dimension without a map to `scale` is left out.
    scale, ties, seed
        As in a `Condition`.
    prompts : collection of str, optional
        Prompts for training (default: all).

    Returns
    -------
    DataFrame
        One row per dimension, aggregation, factor and level; share_participants is the group's share of all
        participants, the other columns are those of `Influence`.
    """
    items = training_items(prepared, prompts)
    names = list(dimensions if dimensions is not None else prepared.config.dimensions)
    rows = people.participants["participant_id"]
    order = pd.Index(rows).get_indexer(pd.Index(prepared.participants["participant_id"]))
    n_items, total = len(prepared.item_ids), len(people.participants)
    found = []
    for name in names:
        try:
            everybody = select(prepared, Condition("all", (name,), scale=scale), name, items)
        except ConditionSkipped:
            continue
        levels = everybody.scale.levels
        labels = {
            how: select(
                prepared, Condition(how, (name,), scale=scale, aggregation=how, ties=ties, seed=seed), name, items
            ).labels
            for how in aggregations
        }
        for factor in people.factors:
            member = _codes(people, factor, order)[everybody.rows.participant]
            for number, level in enumerate(people.levels[factor]):
                n = int((people.participants[factor] == level).sum())
                own = everybody.rows.take(member == number)
                hidden = 0 < np.unique(own.participant).size < people.k
                counts = own.counts(n_items, levels)
                at = np.flatnonzero(np.bincount(own.item, minlength=n_items))
                whole, part = everybody.labels[at], counts[at]
                for how, label in labels.items():
                    key = (name, how, factor, level, n, n / total)
                    found.append(key + (_blank() if hidden else _cells(whole, part, label[at], len(everybody.rows))))
    return pd.DataFrame(found, columns=COLUMNS).astype(
        {name: "Int64" for name in COLUMNS if name.startswith("n_")} | {"difference": float, "distance": float}
    )


def _cells(counts: np.ndarray, group: np.ndarray, label: np.ndarray, n_all: int) -> tuple[object, ...]:
    r = influence(counts, group, label, n_all)
    note = "" if len(group) else "no ratings"
    return (
        r.n_ratings,
        r.share_ratings,
        r.n_items,
        r.unlabelled,
        r.agreement,
        r.n_own_majority,
        r.n_conflicts,
        r.outvoted,
        r.difference,
        r.distance,
        note,
    )


def _blank() -> tuple[object, ...]:
    note = "its ratings stem from fewer people than may be shown"
    return (pd.NA, np.nan, pd.NA, np.nan, np.nan, pd.NA, pd.NA, np.nan, np.nan, np.nan, note)


def _codes(people: ProtectedParticipants, factor: str, order: np.ndarray) -> np.ndarray:
    shown = pd.Index(list(people.levels[factor])).get_indexer(pd.Index(people.participants[factor]))
    return np.where(order >= 0, shown[order], -1)


def _majority(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which items have a single most frequent level, and the (first) most frequent level."""
    most = counts.max(axis=1, keepdims=True) if len(counts) else np.zeros((0, 1), dtype=np.int64)
    single = ((counts == most) & (most > 0)).sum(axis=1) == 1
    return single, np.argmax(counts, axis=1)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")

"""Ratings as numbers, and counts of values per item: everything in this package starts from these.

All statistics of agreement depend on the ratings of an item only through how often each level was given, so the
cost is linear in the number of ratings; no pair of ratings is ever formed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from plural_core.ratings.privacy import NOT_STATED, ProtectedParticipants
from plural_core.ratings.tables import RatingTables
from plural_core.study import StudyConfig

ALL = "all"
OVERALL = "overall"


@dataclass(frozen=True, eq=False)
class DimensionRatings:
    """The ratings of one dimension.

    Parameters
    ----------
    name : str
        The dimension.
    levels : int
        Number of levels of its scale.
    participant, item : ndarray of int, shape (ratings,)
        Row of each rating's participant and item in their tables.
    rating : ndarray of int, shape (ratings,)
        Level number from 1.
    """

    name: str
    levels: int
    participant: np.ndarray
    item: np.ndarray
    rating: np.ndarray

    def of(self, members: np.ndarray | None) -> DimensionRatings:
        """Return the ratings of the participants marked in `members` (None: of all)."""
        if members is None:
            return self
        rows = np.flatnonzero(members[self.participant])
        return DimensionRatings(self.name, self.levels, self.participant[rows], self.item[rows], self.rating[rows])

    @property
    def n_raters(self) -> int:
        """Number of different participants among the ratings."""
        return int(np.count_nonzero(np.bincount(self.participant))) if len(self.participant) else 0


@dataclass(frozen=True, eq=False)
class CodedRatings:
    """All ratings of a study as numbers, by dimension in the config's order.

    Parameters
    ----------
    dimensions : tuple of DimensionRatings
        Dimensions of the config, those without a rating included.
    participants, items : Index
        Ids, in the order of the codes.
    """

    dimensions: tuple[DimensionRatings, ...]
    participants: pd.Index
    items: pd.Index


def code_ratings(tables: RatingTables, config: StudyConfig) -> CodedRatings:
    """Return the ratings as numbers."""
    participants = pd.Index(tables.participants["participant_id"])
    items = pd.Index(tables.items["item_id"])
    ratings = tables.ratings
    participant = participants.get_indexer(pd.Index(ratings["participant_id"]))
    item = items.get_indexer(pd.Index(ratings["item_id"]))
    dimension = pd.Index(list(config.dimensions)).get_indexer(pd.Index(ratings["dimension"]))
    rating = ratings["rating"].to_numpy(dtype=np.int64)
    coded = []
    for number, (name, scale) in enumerate(config.dimensions.items()):
        rows = np.flatnonzero(dimension == number)
        coded.append(DimensionRatings(name, scale.levels, participant[rows], item[rows], rating[rows]))
    return CodedRatings(tuple(coded), participants, items)


@dataclass(frozen=True, eq=False)
class ItemCounts:
    """How often each level was given to each item.

    Parameters
    ----------
    items : ndarray of int, shape (items,)
        Codes of the items with at least one rating.
    counts : ndarray of int, shape (items, levels)
        Ratings per level.
    """

    items: np.ndarray
    counts: np.ndarray

    @property
    def sizes(self) -> np.ndarray:
        """Ratings per item."""
        return row_sums(self.counts)

    def pairable(self) -> ItemCounts:
        """Return the items with two ratings or more."""
        keep = self.sizes >= 2
        return ItemCounts(self.items[keep], self.counts[keep])

    def to_frame(self, ids: pd.Index) -> pd.DataFrame:
        """Return one row per item: item_id and one column per level."""
        frame = pd.DataFrame(self.counts, columns=[str(level + 1) for level in range(self.counts.shape[1])])
        frame.insert(0, "item_id", ids.to_numpy()[self.items])
        return frame


def item_counts(ratings: DimensionRatings) -> ItemCounts:
    """Count the levels given to each item."""
    k = ratings.levels
    if not len(ratings.item):
        return ItemCounts(np.empty(0, dtype=np.int64), np.empty((0, k), dtype=np.int64))
    rows = int(ratings.item.max()) + 1
    table = np.bincount(ratings.item * k + (ratings.rating - 1), minlength=rows * k).reshape(rows, k)
    present = np.flatnonzero(row_sums(table))
    return ItemCounts(present, table[present])


def row_sums(table: np.ndarray) -> np.ndarray:
    """Return the sum of each row; for few columns much faster than ``sum(axis=1)``."""
    return np.asarray(table @ np.ones(table.shape[1], dtype=table.dtype))


@dataclass(frozen=True, eq=False)
class People:
    """A group whose ratings are looked at: everybody, or one shown level of a factor.

    Parameters
    ----------
    factor, level : str
        ``all`` and ``all`` for everybody.
    members : ndarray of bool, shape (participants,), or None
        Who belongs to it; None for everybody.
    n : int or None
        Their number, None where it may not be shown.
    """

    factor: str
    level: str
    members: np.ndarray | None
    n: int | None


def level_codes(coded: CodedRatings, people: ProtectedParticipants, factor: str) -> np.ndarray:
    """Return each participant's shown level of `factor` as its number in ``people.levels[factor]``."""
    shown = pd.Index(list(people.levels[factor])).get_indexer(pd.Index(people.participants[factor]))
    rows = pd.Index(people.participants["participant_id"]).get_indexer(coded.participants)
    return np.where(rows >= 0, shown[rows], -1)


def groups(coded: CodedRatings, people: ProtectedParticipants) -> Iterator[People]:
    """Yield everybody, then each shown level of each offered factor."""
    n = len(coded.participants)
    yield People(ALL, ALL, None, n if n >= people.k else None)
    for factor in people.factors:
        codes = level_codes(coded, people, factor)
        for number, level in enumerate(people.levels[factor]):
            members = codes == number
            yield People(factor, level, members, int(members.sum()))


def contrasts(people: ProtectedParticipants, factor: str) -> list[tuple[int, int]]:
    """Return the pairs of levels of `factor` that are compared: all but those who did not state one."""
    stated = [i for i, level in enumerate(people.levels[factor]) if level != NOT_STATED]
    return [(i, j) for at, i in enumerate(stated) for j in stated[at + 1 :]]

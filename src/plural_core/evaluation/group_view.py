"""One factor's groups of raters beside a judge: which may be shown, and their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from plural_core.agreement.between import MIN_OWN_ITEMS
from plural_core.agreement.counts import contrasts
from plural_core.agreement.notes import NO_COMMON, raters
from plural_core.evaluation.group_sums import (
    GROUP_VALUES,
    PAIR_VALUES,
    PER_GROUP,
    PER_PAIR,
    GroupItems,
    group_values,
    pair_values,
)
from plural_core.evaluation.judged import JudgedItems
from plural_core.ratings.privacy import ProtectedParticipants

FEW_OWN = (
    f"closer is not estimable: a group has two ratings of fewer than {MIN_OWN_ITEMS} items, or few people gave them"
)
NO_RATINGS = "no ratings"
_NONE = (np.nan, np.nan, np.nan)


@dataclass(frozen=True)
class GroupAgreement:
    """A judge beside the ratings of one group of people.

    Parameters
    ----------
    factor, level : str
        The group.
    n_participants : int
        Its people in the study.
    n_items, n_ratings : int or None
        Items that it rated, and its ratings of them; None, like all that follows, where few people stand behind them.
    difference, difference_low, difference_high : float
        Mean over these items of score less the group's mean rating, on the scale from 0 to 1.
    agreement, agreement_low, agreement_high : float
        Mean over items of the share of the group's ratings that lie on the judge's side of the scale.
    own_agreement : float
        The same of two ratings of the group, over the items that have two.
    correlation, correlation_low, correlation_high : float
        Pearson's correlation of scores and the group's mean ratings; noisy means pull it towards 0.
    note : str
        Why there is nothing.
    """

    factor: str
    level: str
    n_participants: int
    n_items: int | None = None
    n_ratings: int | None = None
    difference: float = np.nan
    difference_low: float = np.nan
    difference_high: float = np.nan
    agreement: float = np.nan
    agreement_low: float = np.nan
    agreement_high: float = np.nan
    own_agreement: float = np.nan
    correlation: float = np.nan
    correlation_low: float = np.nan
    correlation_high: float = np.nan
    note: str = ""


@dataclass(frozen=True)
class GroupContrast:
    """A judge between two groups of people, on the items that both rated.

    Parameters
    ----------
    factor, level_a, level_b : str
        The groups.
    n_items : int or None
        Common items; None, like all that follows, where few people stand behind them.
    difference_a, difference_b : float
        Mean of score less each group's mean rating, on the scale from 0 to 1.
    agreement_a, agreement_b, agreement_gap, agreement_low, agreement_high : float
        Share of each group's ratings on the judge's side of the scale; first less second, with its interval.
    closer, closer_low, closer_high : float
        Mean squared distance of the judge from the second group less that from the first, on the scale from 0 to 1,
        with its interval.
    note : str
        Why there is nothing.
    """

    factor: str
    level_a: str
    level_b: str
    n_items: int | None = None
    difference_a: float = np.nan
    difference_b: float = np.nan
    agreement_a: float = np.nan
    agreement_b: float = np.nan
    agreement_gap: float = np.nan
    agreement_low: float = np.nan
    agreement_high: float = np.nan
    closer: float = np.nan
    closer_low: float = np.nan
    closer_high: float = np.nan
    note: str = ""


class FactorView:
    """The groups of one factor: which may be shown, the sums that they need, and what follows from these.

    Parameters
    ----------
    judged : JudgedItems
        Scores and ratings.
    people : ProtectedParticipants
        The only view of people that may be shown.
    name : str
        A factor of `people`.
    codes : ndarray of int, shape (participants,)
        Number of each participant's shown level, below 0 for none.
    """

    def __init__(self, judged: JudgedItems, people: ProtectedParticipants, name: str, codes: np.ndarray):
        self.name = name
        self.levels = people.levels[name]
        self.items = GroupItems.of(judged, codes, len(self.levels))
        self._sizes = people.participants[name].value_counts()
        who = raters(judged.ratings, codes, self.items.n > 0)
        n_raters = [len(np.unique(judged.ratings.participant[rows])) for rows in who.rows]
        self._withheld = withheld(n_raters, people.k)
        self._k = people.k
        self._withheld_note = (
            f"not shown: it, or another group that could be had from it, is fewer than {people.k} people"
        )
        self._pairs = contrasts(people, name)
        self._notes = {pair: who.hidden(pair, people.k) for pair in self._pairs}
        self.shown = [g for g in range(len(self.levels)) if g not in self._withheld]
        self.compared = [pair for pair in self._pairs if not self._notes[pair]]
        self._own = [self._enough_own(judged, rows, g) for g, rows in enumerate(who.rows)]
        blocks = [self.items.of_group(g) for g in self.shown]
        blocks += [self.items.of_pair(*pair) for pair in self.compared]
        blocks += [self.items.of_noise(g) for g in range(len(self.levels))]
        self.columns = np.hstack(blocks)

    def _enough_own(self, judged: JudgedItems, rows: np.ndarray, g: int) -> bool:
        """Return whether enough items have two ratings of the group, by enough people."""
        two = self.items.n[:, g] >= 2
        people = np.unique(judged.ratings.participant[rows[two[judged.ratings.item[rows]]]])
        return int(two.sum()) >= MIN_OWN_ITEMS and len(people) >= self._k

    @property
    def n_values(self) -> int:
        """Number of values."""
        return len(GROUP_VALUES) * len(self.shown) + len(PAIR_VALUES) * len(self.compared)

    def values(self, sums: np.ndarray) -> np.ndarray:
        """Return the values of all shown groups, then of all pairs, from sums of `columns`, shape (draws, values)."""
        of_pairs = PER_GROUP * len(self.shown)
        of_noise = of_pairs + PER_PAIR * len(self.compared)
        noise = [sums[:, of_noise + 2 * g : of_noise + 2 * g + 2] for g in range(len(self.levels))]
        found = [group_values(sums[:, PER_GROUP * i : PER_GROUP * (i + 1)]) for i in range(len(self.shown))]
        for i, (a, b) in enumerate(self.compared):
            start = of_pairs + PER_PAIR * i
            found.append(pair_values(sums[:, start : start + PER_PAIR], noise[a], noise[b]))
        return np.hstack(found) if found else np.zeros((len(sums), 0))

    def groups(self, rows: np.ndarray) -> list[GroupAgreement]:
        """Return every group, from rows of (estimate, lower, upper) per value."""
        found = []
        for g, level in enumerate(self.levels):
            size = int(self._sizes.get(level, 0))
            if g in self._withheld:
                found.append(GroupAgreement(self.name, level, size, note=self._withheld_note))
                continue
            at = len(GROUP_VALUES) * self.shown.index(g)
            of = dict(zip(GROUP_VALUES, rows[at : at + len(GROUP_VALUES)].tolist(), strict=True))
            n = self.items.n[:, g]
            value, low, high = of["difference"]
            on_side, side_low, side_high = of["agreement"]
            correlation, correlation_low, correlation_high = of["correlation"]
            found.append(
                GroupAgreement(
                    self.name,
                    level,
                    size,
                    n_items=int((n > 0).sum()),
                    n_ratings=int(n.sum()),
                    difference=value,
                    difference_low=low,
                    difference_high=high,
                    agreement=on_side,
                    agreement_low=side_low,
                    agreement_high=side_high,
                    own_agreement=of["own_agreement"][0] if self._own[g] else np.nan,
                    correlation=correlation,
                    correlation_low=correlation_low,
                    correlation_high=correlation_high,
                    note="" if n.any() else NO_RATINGS,
                )
            )
        return found

    def contrasts(self, rows: np.ndarray) -> list[GroupContrast]:
        """Return every pair of groups, from rows of (estimate, lower, upper) per value."""
        found = []
        rows = rows[len(GROUP_VALUES) * len(self.shown) :]
        for a, b in self._pairs:
            where = (self.name, self.levels[a], self.levels[b])
            if self._notes[a, b]:
                found.append(GroupContrast(*where, note=self._notes[a, b]))
                continue
            at = len(PAIR_VALUES) * self.compared.index((a, b))
            of = dict(zip(PAIR_VALUES, rows[at : at + len(PAIR_VALUES)].tolist(), strict=True))
            n_items = int(((self.items.n[:, a] > 0) & (self.items.n[:, b] > 0)).sum())
            enough = self._own[a] and self._own[b]
            gap, gap_low, gap_high = of["agreement_gap"]
            closer, closer_low, closer_high = of["closer"] if enough else _NONE
            found.append(
                GroupContrast(
                    *where,
                    n_items=n_items,
                    difference_a=of["difference_a"][0],
                    difference_b=of["difference_b"][0],
                    agreement_a=of["agreement_a"][0],
                    agreement_b=of["agreement_b"][0],
                    agreement_gap=gap,
                    agreement_low=gap_low,
                    agreement_high=gap_high,
                    closer=closer,
                    closer_low=closer_low,
                    closer_high=closer_high,
                    note="" if n_items and enough else FEW_OWN if n_items else NO_COMMON,
                )
            )
        return found


def withheld(n_raters: Sequence[int], k: int) -> set[int]:
    """Return the groups whose numbers are withheld.

    Parameters
    ----------
    n_raters : sequence of int
        People behind each group's numbers; the groups of a factor divide all people.
    k : int
        Fewest people that may stand behind a number.

    Notes
    -----
    Groups of 1 to k - 1 people; and while the people of all withheld groups are 1 to k - 1 together, the smallest
    group that is still shown, since totals less all shown groups would tell of those few.
    """
    hidden = {g for g, n in enumerate(n_raters) if 0 < n < k}
    while 0 < sum(n_raters[g] for g in hidden) < k:
        rest = [g for g, n in enumerate(n_raters) if g not in hidden and n]
        if not rest:
            break
        hidden.add(min(rest, key=lambda g: (n_raters[g], g)))
    return hidden

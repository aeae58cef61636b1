"""Suppression: nothing that is shown counts 1 to k - 1 people, and no difference of shown totals does.

How it works
------------
1. *One factor.* Small levels merge until each that is left holds at least k people. Ordered factors merge
   neighbours ("51-60 or over 60"); unordered ones merge their small levels ("other (fewer than 10 each)"). "Not
   stated" is a level too. A factor that ends with one level is withdrawn.
2. *Two factors.* A pair of factors may be crossed where each cell of the crossing holds 0 or at least k people.
   A crossing may show coarser levels than either factor shows alone, so that a small level costs detail only
   there. A crossing whose levels would all merge is withdrawn; no factor is given up for one.
3. *Differences.* A total of whole cells subtracted from a larger one, of the same slice or of any other offered
   slice, leaves 0 or at least k people. Coarser levels of a crossing are unions of the levels shown alone, so the
   difference of two slices with a factor in common is itself a sum of whole cells. For all other nested totals
   (a crossing inside another factor, say, because a group lives in one country only) the people are counted;
   where a difference would be small, the poorer slice is withdrawn.

Slices of three factors are never offered, and columns that are not factors of the study are not passed on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np
import pandas as pd

from plural_core.errors import PrivacyError, listing, nearest
from plural_core.ratings.differencing import small_difference
from plural_core.ratings.merging import (
    Grouping,
    aggregate,
    coarsen_pair,
    information_loss,
    merged,
    possible_merges,
)
from plural_core.ratings.shown_levels import NOT_STATED, ShownFactor, read_factor
from plural_core.study.measures_config import FactorConfig

__all__ = ["NOT_STATED", "ProtectedParticipants", "protect", "suppress_counts"]


@dataclass(frozen=True)
class ProtectedParticipants:
    """The only view of people that may be shown.

    Parameters
    ----------
    participants : DataFrame
        participant_id and one column per offered factor, with merged levels and no missing value. Cross two of
        its columns through `cells` only: a crossing may need coarser levels.
    levels : dict of str to tuple of str
        Shown levels of each offered factor, in reading order.
    withdrawn : dict of str to str
        Factors that cannot be offered, and why.
    pairs : tuple of (str, str)
        Pairs of factors that may be crossed.
    merges : DataFrame
        factor, level, shown_as, n_participants: what each level of the data is shown as, and how many people
        that is (missing for a withdrawn factor).
    k : int
        Smallest number of people that may be shown; 1 where suppression is off.
    sentence : str
        One sentence for readers.
    """

    participants: pd.DataFrame
    levels: dict[str, tuple[str, ...]]
    withdrawn: dict[str, str]
    pairs: tuple[tuple[str, str], ...]
    merges: pd.DataFrame
    k: int
    sentence: str
    _crossed: dict[tuple[str, str], pd.DataFrame] = field(repr=False, default_factory=dict)

    @property
    def factors(self) -> tuple[str, ...]:
        """Names of the factors that may be shown."""
        return tuple(self.levels)

    def cells(self, *factors: str) -> pd.DataFrame:
        """Return participant_id and the shown level of one or two factors, one row per participant.

        Raises
        ------
        PrivacyError
            The slice is not offered: a withdrawn factor, a withdrawn pair, or more than two factors.
        """
        for name in factors:
            if name in self.withdrawn:
                raise PrivacyError(f"factor '{name}' cannot be shown: {self.withdrawn[name]}")
            if name not in self.levels:
                raise PrivacyError(f"'{name}' is not a factor of the study.{nearest(name, self.levels)}")
        if len(set(factors)) == 1:
            return self.participants[["participant_id", factors[0]]]
        if len(factors) != 2:
            raise PrivacyError(f"a slice uses one or two factors, not {len(factors)}")
        key = next((p for p in self.pairs if set(p) == set(factors)), None)
        if key is None:
            offered = listing(" x ".join(p) for p in self.pairs) or "none"
            raise PrivacyError(
                f"'{factors[0]}' and '{factors[1]}' cannot be crossed without showing fewer than {self.k} people; "
                f"offered: {offered}"
            )
        return self._crossed[key][["participant_id", *factors]]

    def shown(self, factor: str, level: str) -> str | None:
        """Return the label under which a level of the data is shown, or None where it is not."""
        row = self.merges[(self.merges["factor"] == factor) & (self.merges["level"] == level)]
        return None if row.empty or factor in self.withdrawn else str(row["shown_as"].iloc[0])

    def allows(self, groups: np.ndarray) -> bool:
        """Return whether the sizes of further groups may be shown beside the offered slices.

        Parameters
        ----------
        groups : ndarray of int, shape (participants,)
            Group of each row of `participants`, numbered from 0; it divides all of them.
        """
        sizes = np.bincount(groups)
        if ((sizes > 0) & (sizes < self.k)).any():
            return False
        for names in [*((f,) for f in self.factors), *self.pairs]:
            table = self.cells(*names)
            cell = table.groupby(list(names), observed=True, sort=False).ngroup().to_numpy()
            if small_difference(groups, cell, self.k):
                return False
        return True

    def slices(self) -> pd.DataFrame:
        """Return every crossing of two factors: factor_a, factor_b, offered, n_cells, smallest (people)."""
        rows = []
        for a, b in combinations(self.levels, 2):
            offered = (a, b) in self._crossed
            sizes = self._crossed[a, b].groupby([a, b], observed=True).size() if offered else pd.Series(dtype="int64")
            smallest = int(sizes.min()) if len(sizes) else 0
            rows.append((a, b, offered, len(sizes), smallest))
        frame = pd.DataFrame(rows, columns=["factor_a", "factor_b", "offered", "n_cells", "smallest"])
        return frame.astype({"offered": bool, "n_cells": "int64", "smallest": "int64"})


def protect(
    participants: pd.DataFrame, factors: Mapping[str, FactorConfig], k: int, enabled: bool = True
) -> ProtectedParticipants:
    """Merge small groups of people.

    Parameters
    ----------
    participants : DataFrame
        participant_id and one column per factor; missing values mean "not stated".
    factors : mapping of str to FactorConfig
        The study's factors; columns that are not named here are not passed on.
    k : int
        Smallest number of people that may be shown.
    enabled : bool
        False (simulated studies only) shows every level and every crossing as it is.

    Raises
    ------
    PrivacyError
        A factor has no column in `participants`.
    """
    for name in factors:
        if name not in participants.columns:
            raise PrivacyError(f"table 'participants' has no column '{name}', a factor of the study")
    least = k if enabled else 1
    people = [read_factor(name, participants[name], config, least) for name, config in factors.items()]
    if enabled:
        people = _separate(people, k)
    withdrawn = {f.name: _why(f, len(participants), least) for f in people if len(f.grouping) < 2}
    kept = [f for f in people if f.name not in withdrawn]
    crossings = _cross(kept, least) if enabled else {(a, b): (a.grouping, b.grouping) for a, b in _pairs(kept)}
    ids = participants["participant_id"].to_numpy()
    one_way = {f.name: f.labels(k) for f in kept}
    shown = pd.DataFrame({"participant_id": ids} | {f.name: one_way[f.name][f.cell()] for f in kept})
    crossed = {
        (a.name, b.name): pd.DataFrame(
            {
                "participant_id": ids,
                a.name: a.labels(k, in_a)[a.cell(in_a)],
                b.name: b.labels(k, in_b)[b.cell(in_b)],
            }
        )
        for (a, b), (in_a, in_b) in crossings.items()
    }
    return ProtectedParticipants(
        participants=shown,
        levels={name: tuple(str(label) for label in labels) for name, labels in one_way.items()},
        withdrawn=withdrawn,
        pairs=tuple(crossed),
        merges=_merges(people, withdrawn, k),
        k=least,
        sentence=_sentence(kept, withdrawn, len(crossed), k, enabled),
        _crossed=crossed,
    )


def _separate(people: list[ShownFactor], k: int) -> list[ShownFactor]:
    """Merge further where groups of two factors are all but the same people (a small difference of totals)."""
    people = list(people)
    for i, j in combinations(range(len(people)), 2):
        while min(len(people[i].grouping), len(people[j].grouping)) > 1 and small_difference(
            people[i].cell(), people[j].cell(), k
        ):
            options = [(at, *option) for at in (i, j) for option in _coarser(people[at])]
            solved = [o for o in options if not _clash(people[j if o[0] == i else i], people[o[0]], o[2], k)]
            at, _, grouping = min(solved or options, key=lambda o: (o[1], o[0]))
            people[at] = replace(people[at], grouping=grouping)
    return people


def _coarser(factor: ShownFactor) -> list[tuple[float, Grouping]]:
    sizes = np.bincount(factor.cell())
    return [
        (information_loss(sizes[i], sizes[j]), merged(factor.grouping, i, j, factor.levels))
        for i, j in possible_merges(factor.grouping, factor.levels)
    ]


def _clash(other: ShownFactor, factor: ShownFactor, grouping: Grouping, k: int) -> bool:
    return len(grouping) > 1 and small_difference(other.cell(), factor.cell(grouping), k)


def _pairs(people: list[ShownFactor]) -> list[tuple[ShownFactor, ShownFactor]]:
    return list(combinations(people, 2))


def _cross(people: list[ShownFactor], k: int) -> dict[tuple[ShownFactor, ShownFactor], tuple[Grouping, Grouping]]:
    """Choose the crossings that may be offered, the most informative first."""
    candidates = []
    for order, (a, b) in enumerate(_pairs(people)):
        table = np.zeros((len(a.levels.names), len(b.levels.names)), dtype=np.int64)
        np.add.at(table, (a.codes, b.codes), 1)
        found = coarsen_pair(table, (a.grouping, a.levels), (b.grouping, b.levels), k)
        if found is not None:
            candidates.append((-_entropy(aggregate(table, *found)), order, (a, b), found))
    slices = [f.cell() for f in people]
    offered: dict[int, tuple[tuple[ShownFactor, ShownFactor], tuple[Grouping, Grouping]]] = {}
    for _, order, (a, b), found in sorted(candidates, key=lambda c: c[:2]):
        cell = a.cell(found[0]) * len(found[1]) + b.cell(found[1])
        if not any(small_difference(cell, known, k) for known in slices):
            slices.append(cell)
            offered[order] = ((a, b), found)
    return {pair: found for _, (pair, found) in sorted(offered.items())}


def _entropy(cells: np.ndarray) -> float:
    share = cells[cells > 0] / cells.sum()
    return float(-(share * np.log(share)).sum())


def _why(factor: ShownFactor, n: int, k: int) -> str:
    if n < k:
        return f"the study has fewer than {k} participants"
    if len(factor.levels.names) == 1:
        return f"all participants are '{factor.levels.names[0]}'"
    return f"its levels had to be merged into one, since a level held fewer than {k} participants"


def _merges(people: list[ShownFactor], withdrawn: Mapping[str, str], k: int) -> pd.DataFrame:
    rows = []
    for factor in people:
        labels, sizes = factor.labels(k), np.bincount(factor.cell())
        for number, group in enumerate(factor.grouping):
            for i in group:
                gone = factor.name in withdrawn
                shown = "not shown" if gone else str(labels[number])
                rows.append((factor.name, factor.levels.names[i], shown, pd.NA if gone else int(sizes[number])))
    frame = pd.DataFrame(rows, columns=["factor", "level", "shown_as", "n_participants"], dtype=object)
    return frame.astype({"n_participants": "Int64"})


def _sentence(people: list[ShownFactor], withdrawn: Mapping[str, str], n_pairs: int, k: int, enabled: bool) -> str:
    if not enabled:
        return "Suppression is switched off (simulated participants): small groups are shown as they are."
    changed = [f.name for f in people if len(f.grouping) < len(f.levels.names)]
    text = f"No number here stands for 1 to {k - 1} people, nor does a difference of two numbers of people"
    text += f"; small levels are merged in {listing(changed)}" if changed else "; no level had to be merged"
    text += f"; not shown: {listing(withdrawn)}" if withdrawn else ""
    possible = len(people) * (len(people) - 1) // 2
    return text + f"; {n_pairs} of {possible} pairs of factors may be crossed." if possible else text + "."


def suppress_counts(table: pd.DataFrame, n_column: str, k: int, values: tuple[str, ...] = ()) -> pd.DataFrame:
    """Return a copy of `table` without counts of 1 to k - 1 people.

    Parameters
    ----------
    table : DataFrame
        A result table.
    n_column : str
        Its column of numbers of people; it becomes nullable, and ``<n_column>_shown`` says it in words.
    k : int
        Smallest number that may be shown.
    values : tuple of str
        Columns of numbers computed from those people, blanked in the same rows.

    Notes
    -----
    Only single rows are looked at. A table whose rows add up to a known total needs merged rows instead: one
    blank could be had by subtraction.
    """
    result = table.copy()
    n = result[n_column].astype("Int64")
    small = ((n > 0) & (n < k)).fillna(False).to_numpy(dtype=bool)
    words = n.astype(object).where(n.notna(), "–").astype(str).to_numpy(dtype=object)
    words[small] = f"fewer than {k}"
    result[n_column] = n.mask(small)
    result[f"{n_column}_shown"] = words
    for name in values:
        result[name] = result[name].astype(float).mask(small)
    return result

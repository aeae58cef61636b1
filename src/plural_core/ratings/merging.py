"""Merging of levels until no group is small, losing as little information as possible.

A *grouping* of a factor is a list of groups, a group a tuple of level numbers. All functions are pure and know
nothing of tables; `plural_core.ratings.privacy` turns their answers into labels and slices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.special import xlogy

Group = tuple[int, ...]
Grouping = tuple[Group, ...]

REFERENCE_PENALTY = 1.5
"""How much dearer a merge becomes that blurs the reference level: contrasts are taken against it."""


@dataclass(frozen=True)
class Levels:
    """The levels of one factor that occur among the participants.

    Parameters
    ----------
    names : tuple of str
        Levels in reading order; the level of those who did not state one stands last.
    ordered : bool
        Whether neighbouring levels may merge into a range.
    missing : int or None
        Number of the level "not stated", which has no place in an order.
    reference : int or None
        Number of the reference level.
    catch_all : int or None
        Number of a level that is already named "other".
    """

    names: tuple[str, ...]
    ordered: bool = False
    missing: int | None = None
    reference: int | None = None
    catch_all: int | None = None


def information_loss(first: np.ndarray | float, second: np.ndarray | float) -> float:
    """Return what merging two groups costs, in nats times people.

    The loss of empirical entropy, sum over cells of (a + b) log(a + b) - a log a - b log b.
    """
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    return float(np.sum(xlogy(a + b, a + b) - xlogy(a, a) - xlogy(b, b)))


def merge_small(levels: Levels, counts: Sequence[int], k: int) -> Grouping:
    """Return the grouping in which every group holds at least `k` people, or one group with everybody.

    Parameters
    ----------
    levels : Levels
        The factor.
    counts : sequence of int
        People per level, all at least 1.
    k : int
        Smallest group that may be shown.

    Notes
    -----
    Ordered: the smallest group joins the neighbour that costs least; "not stated" has no neighbour and joins the
    middle of the order, so that the ends, which contrasts compare, stay as they are. Unordered: all small levels
    become one group; if that is still small, a level named "other" joins it, else the smallest level that is
    not the reference.
    """
    groups = _merge_ordered(levels, counts, k) if levels.ordered else _merge_unordered(levels, counts, k)
    return tuple(sorted(groups, key=lambda g: _place(g, levels)))


def _merge_unordered(levels: Levels, counts: Sequence[int], k: int) -> list[Group]:
    pool = [i for i, n in enumerate(counts) if n < k]
    rest = [i for i, n in enumerate(counts) if n >= k]
    while pool and rest and sum(counts[i] for i in pool) < k:
        partner = min(rest, key=lambda i: (i != levels.catch_all, i == levels.reference, counts[i], i))
        rest.remove(partner)
        pool.append(partner)
    return [(i,) for i in rest] + ([tuple(sorted(pool))] if pool else [])


def _merge_ordered(levels: Levels, counts: Sequence[int], k: int) -> list[Group]:
    def size(group: Group) -> int:
        return sum(counts[i] for i in group)

    groups: list[Group] = [(i,) for i in range(len(counts)) if i != levels.missing]
    while len(groups) > 1 and min(size(g) for g in groups) < k:
        at = min(range(len(groups)), key=lambda j: size(groups[j]))
        neighbours = [j for j in (at - 1, at + 1) if 0 <= j < len(groups)]
        with_ = min(neighbours, key=lambda j: _cost(levels, groups[at], groups[j], size(groups[at]), size(groups[j])))
        low, high = sorted((at, with_))
        groups[low : high + 1] = [groups[low] + groups[high]]
    if levels.missing is None:
        return groups
    if counts[levels.missing] >= k and all(size(g) >= k for g in groups):
        return [*groups, (levels.missing,)]
    if not groups:
        return [(levels.missing,)]
    at = _middle(groups, levels, range(len(groups)))
    groups[at] = (*groups[at], levels.missing)
    return groups


def _place(group: Group, levels: Levels) -> tuple[bool, bool, int]:
    """Reading order: single levels and ranges first, a group of many unordered levels later, "not stated" last."""
    return (group == (levels.missing,), len(group) > 1 and not levels.ordered, min(group))


def _cost(
    levels: Levels, first: Group, second: Group, n_first: np.ndarray | float, n_second: np.ndarray | float
) -> float:
    blurs = levels.reference is not None and (levels.reference in first or levels.reference in second)
    return information_loss(n_first, n_second) * (REFERENCE_PENALTY if blurs else 1.0)


def possible_merges(grouping: Grouping, levels: Levels) -> list[tuple[int, int]]:
    """Return the pairs of groups that may merge: neighbours of an order, any two otherwise.

    "Not stated" has no place in an order and may join its middle only.
    """
    pairs = [(i, j) for i in range(len(grouping)) for j in range(i + 1, len(grouping))]
    if not levels.ordered:
        return pairs
    stated = [i for i, g in enumerate(grouping) if g != (levels.missing,)]
    stated.sort(key=lambda i: min(grouping[i]))
    near = {frozenset(p) for p in pairwise(stated)}
    alone = [i for i in range(len(grouping)) if i not in stated]
    if alone and stated:
        near.add(frozenset((alone[0], _middle([grouping[i] for i in stated], levels, stated))))
    return [(i, j) for i, j in pairs if frozenset((i, j)) in near]


def _middle(groups: Sequence[Group], levels: Levels, numbers: Sequence[int]) -> int:
    """Return the number of the middle group of an order, not the reference's where two are equally near."""
    middle = (len(groups) - 1) / 2
    at = min(range(len(groups)), key=lambda j: (abs(j - middle), levels.reference in groups[j]))
    return numbers[at]


def merged(grouping: Grouping, i: int, j: int, levels: Levels) -> Grouping:
    """Return the grouping with groups `i` and `j` as one, in reading order."""
    rest = [g for at, g in enumerate(grouping) if at not in (i, j)]
    return tuple(sorted([*rest, tuple(sorted(grouping[i] + grouping[j]))], key=lambda g: _place(g, levels)))


def coarsen_pair(
    table: np.ndarray, first: tuple[Grouping, Levels], second: tuple[Grouping, Levels], k: int
) -> tuple[Grouping, Grouping] | None:
    """Merge groups of two factors until every cell of their two-way table holds 0 or at least `k` people.

    Parameters
    ----------
    table : ndarray, shape (levels of first, levels of second)
        People per cell of the unmerged levels.
    first, second : (Grouping, Levels)
        The groups to start from: those that are shown one-way.
    k : int
        Smallest cell that may be shown.

    Returns
    -------
    tuple of Grouping, or None
        None where one of the factors would be left with a single group.

    Notes
    -----
    Greedy: each step takes the merge that costs least information per small cell that it removes.
    """
    groupings = [first[0], second[0]]
    factors = [first[1], second[1]]
    while True:
        cells = aggregate(table, groupings[0], groupings[1])
        small = _n_small(cells, k)
        if not small:
            return groupings[0], groupings[1]
        best: tuple[tuple[bool, float, int, int, int], Grouping] | None = None
        for axis in (0, 1):
            if len(groupings[axis]) <= 2:
                continue
            rows = cells if axis == 0 else cells.T
            for i, j in possible_merges(groupings[axis], factors[axis]):
                cost = _cost(factors[axis], groupings[axis][i], groupings[axis][j], rows[i], rows[j])
                after = np.vstack([np.delete(rows, (i, j), axis=0), rows[i] + rows[j]])
                removed = small - _n_small(after, k)
                rank = (removed <= 0, cost / max(removed, 1), axis, i, j)
                if best is None or rank < best[0]:
                    best = (rank, merged(groupings[axis], i, j, factors[axis]))
        if best is None:
            return None
        groupings[best[0][2]] = best[1]


def _n_small(cells: np.ndarray, k: int) -> int:
    return int(np.count_nonzero((cells > 0) & (cells < k)))


def aggregate(table: np.ndarray, rows: Grouping, columns: Grouping) -> np.ndarray:
    """Return a two-way table summed over the groups of its rows and columns."""
    by_row = np.vstack([table[list(g)].sum(axis=0) for g in rows])
    return np.column_stack([by_row[:, list(g)].sum(axis=1) for g in columns])

"""Whether subtracting one shown total from another lays a small group bare.

Two slices divide the same people into cells. Somebody who may see any sum of whole cells of both can subtract
the people of some cells of one (C) from the people of some cells of the other (D). Where C lies inside D, the
difference counts the people of D outside C; it must be 0 or at least k.
"""

from __future__ import annotations

import numpy as np

MOST_SETS = 4000
"""Sets of cells looked at before a pair of slices is called unsafe for want of an answer."""


def small_difference(first: np.ndarray, second: np.ndarray, k: int) -> bool:
    """Return whether a difference of nested totals of two slices can lie between 1 and k - 1.

    Parameters
    ----------
    first, second : ndarray of int, shape (people,)
        Cell of each person in either slice, numbered from 0.
    k : int
        Smallest number of people that may be shown.

    Notes
    -----
    Every union of whole cells on both sides is covered. The answer errs to True where the search is too long.
    """
    width = int(second.max()) + 1 if len(second) else 0
    height = int(first.max()) + 1 if len(first) else 0
    joint = np.bincount(first * width + second, minlength=height * width).reshape(height, width)
    return _small_excess(joint, k) or _small_excess(joint.T, k)


def _small_excess(joint: np.ndarray, k: int) -> bool:
    """Return whether some union D of columns exceeds the rows that lie wholly inside it by 1 to k - 1 people.

    For a given D the largest union of rows inside it leaves the smallest remainder, R(D); any smaller union adds
    whole cells to the difference, and a cell holds at least k. If R(D) is k or more, a larger D can only bring
    it below k by taking in all of some row that now overlaps D in part, so the search grows D by such rows.
    Rows that overlap D in k people or more must be taken in at once.
    """
    supports = [sum(1 << int(d) for d in np.flatnonzero(row)) for row in joint]
    counts = [[int(n) for n in row] for row in joint]
    n_columns = joint.shape[1]
    stack = [1 << d for d in range(n_columns) if joint[:, d].any()]
    seen: set[int] = set()
    while stack:
        inside = stack.pop()
        if inside in seen:
            continue
        seen.add(inside)
        if len(seen) > MOST_SETS:
            return True
        partial = [c for c, s in enumerate(supports) if s & inside and s & ~inside]
        overlaps = [sum(counts[c][d] for d in range(n_columns) if inside >> d & 1) for c in partial]
        remainder = sum(overlaps)
        if 0 < remainder < k:
            return True
        must = [c for c, n in zip(partial, overlaps, strict=True) if n >= k]
        if must:
            for c in must:
                inside |= supports[c]
            stack.append(inside)
        elif remainder:
            stack.extend(inside | supports[c] for c in partial)
    return False

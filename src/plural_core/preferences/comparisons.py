"""Ordered comparisons of two responses, counted and merged; no two ratings are ever put side by side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CHUNK = 500_000
"""Pairs of responses whose counts are held in memory at a time."""
_SAFE_TOTAL = 10**9  # numpy's multivariate hypergeometric takes populations below this


@dataclass(frozen=True, eq=False)
class Comparisons:
    """How often each of two responses was preferred, one row per unordered pair of responses.

    Parameters
    ----------
    first, second : ndarray of int, shape (pairs,)
        Codes of the two, first < second; rows are sorted by them.
    wins, losses : ndarray of int, shape (pairs,)
        Comparisons that prefer the first, and the second; their sum is at least 1.
    n_ties : int
        Comparisons that prefer neither (``anchored``: neutral ratings).
    """

    first: np.ndarray
    second: np.ndarray
    wins: np.ndarray
    losses: np.ndarray
    n_ties: int = 0

    @property
    def n(self) -> np.ndarray:
        """Ordered comparisons of each pair."""
        total: np.ndarray = self.wins + self.losses
        return total

    @property
    def total(self) -> int:
        """Comparisons before merging."""
        return int(self.wins.sum() + self.losses.sum())

    def __len__(self) -> int:
        return len(self.first)


def n_item_pairs(prompt: np.ndarray) -> int:
    """Return the number of unordered pairs of items of one prompt, from each item's prompt."""
    sizes = np.bincount(prompt) if len(prompt) else np.zeros(1, dtype=np.int64)
    return int((sizes * (sizes - 1) // 2).sum())


def within_prompt(counts: np.ndarray, prompt: np.ndarray) -> Comparisons:
    """Compare every rating of a response with every rating of each other response to the same prompt.

    With c_a the ratings of response a per level, from worst to best, a is preferred to b in
    Σ_l c_a[l] Σ_{m<l} c_b[m] comparisons.

    Parameters
    ----------
    counts : ndarray of int, shape (items, levels)
        Ratings per level, the worst level first.
    prompt : ndarray of int, shape (items,)
        Prompt of each item; equal prompts stand together.
    """
    rated = np.flatnonzero(counts.any(axis=1))
    first, second = (rated[rows] for rows in _item_pairs(prompt[rated]))
    below = np.cumsum(counts, axis=1) - counts
    wins, losses = np.empty(len(first), dtype=np.int64), np.empty(len(first), dtype=np.int64)
    for start in range(0, len(first), CHUNK):
        a, b = first[start : start + CHUNK], second[start : start + CHUNK]
        wins[start : start + CHUNK] = np.einsum("ij,ij->i", counts[a], below[b])
        losses[start : start + CHUNK] = np.einsum("ij,ij->i", counts[b], below[a])
    sizes = counts.sum(axis=1)
    possible = int((sizes[first] * sizes[second]).sum())
    return _ordered(first, second, wins, losses, possible)


def anchored(counts: np.ndarray, side: np.ndarray) -> Comparisons:
    """Compare each response with a counterpart, the side set by each rating against the neutral level.

    Parameters
    ----------
    counts : ndarray of int, shape (items, levels)
        Ratings per level, in the scale's own order.
    side : ndarray of int, shape (levels,)
        1: the response is preferred; -1: the counterpart; 0: neutral, no comparison.

    Returns
    -------
    Comparisons
        `second` is the number of items, which stands for the counterpart.
    """
    first = np.flatnonzero(counts.any(axis=1))
    wins, losses = (counts[first][:, side == s].sum(axis=1) for s in (1, -1))
    return _ordered(first, np.full_like(first, len(counts)), wins, losses, int(counts.sum()))


def merge(parts: list[Comparisons]) -> Comparisons:
    """Unite comparisons of several dimensions: each unordered pair once, its wins and losses summed."""
    if len(parts) == 1:
        return parts[0]
    first, second, wins, losses = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("first", "second", "wins", "losses")
    )
    ties = sum(part.n_ties for part in parts)
    if not len(first):
        return Comparisons(first, second, wins, losses, ties)
    order = np.lexsort((second, first))
    first, second, wins, losses = first[order], second[order], wins[order], losses[order]
    new = np.r_[True, (first[1:] != first[:-1]) | (second[1:] != second[:-1])]
    start = np.flatnonzero(new)
    return Comparisons(first[start], second[start], np.add.reduceat(wins, start), np.add.reduceat(losses, start), ties)


def draw(comparisons: Comparisons, size: int, rng: np.random.Generator) -> Comparisons:
    """Draw `size` unmerged comparisons without replacement (multivariate hypergeometric over wins and losses).

    Raises
    ------
    ValueError
        There are fewer than `size`.
    """
    total = comparisons.total
    if size > total:
        raise ValueError(f"cannot draw {size} of {total} comparisons")
    cells = np.concatenate([comparisons.wins, comparisons.losses])
    if total < _SAFE_TOTAL:
        drawn = rng.multivariate_hypergeometric(cells, size, method="marginals")
    else:
        drawn = _draw_numbers(cells, size, rng)
    wins, losses = np.split(drawn, 2)
    kept = wins + losses > 0
    return Comparisons(comparisons.first[kept], comparisons.second[kept], wins[kept], losses[kept], comparisons.n_ties)


def _item_pairs(prompt: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rows (first, second), first < second, of every pair in a run of equal prompts."""
    if not len(prompt):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    starts = np.flatnonzero(np.r_[True, prompt[1:] != prompt[:-1]])
    sizes = np.diff(np.r_[starts, len(prompt)])
    after = np.repeat(starts + sizes, sizes) - np.arange(len(prompt)) - 1  # later rows of the same prompt
    first = np.repeat(np.arange(len(prompt)), after)
    offset = np.arange(len(first)) - np.repeat(np.cumsum(after) - after, after)
    return first, first + 1 + offset


def _ordered(first: np.ndarray, second: np.ndarray, wins: np.ndarray, losses: np.ndarray, possible: int) -> Comparisons:
    n = wins + losses
    kept = np.flatnonzero(n)
    return Comparisons(first[kept], second[kept], wins[kept], losses[kept], possible - int(n.sum()))


def _draw_numbers(cells: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Draw by numbering all comparisons and drawing distinct numbers, in memory that grows with `size` only."""
    ends = np.cumsum(cells)
    numbers = np.empty(0, dtype=np.int64)
    while len(numbers) < size:
        more = rng.integers(0, ends[-1], size - len(numbers) + 16)
        numbers = np.unique(np.concatenate([numbers, more]))
    # Given how many distinct numbers came out, every set of that many is equally likely; so is every part of it.
    numbers = rng.choice(numbers, size, replace=False)
    return np.bincount(np.searchsorted(ends, numbers, side="right"), minlength=len(cells))

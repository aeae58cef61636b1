"""Which pairs make which update: whole prompt groups of like length in an order by seed, as many as the budget says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np

from plural_core.preferences.condition import Budget
from plural_core.simulation.streams import stream
from plural_core.training.groups import PairSet
from plural_core.training.trained import TrainingError

WINDOW = 8
"""Updates whose groups are sorted by length together: enough to save padding, few enough to keep the order random."""


@dataclass(frozen=True, eq=False)
class Plan:
    """A fine-tune's updates, all known before it starts.

    Parameters
    ----------
    updates : tuple of ndarray of int
        The pairs of every update, those of one prompt side by side.
    tokens : ndarray of int, shape (updates,)
        Tokens up to and with every update: each response that is scored, with its prompt.
    per_pass : int
        Updates in a pass over the pairs.
    divisor : float
        What an update's summed loss is divided by: the mean number of pairs of an update, so that every comparison
        counts the same, whatever the size of its update.
    """

    updates: tuple[np.ndarray, ...]
    tokens: np.ndarray
    per_pass: int
    divisor: float


def plan_updates(pairs: PairSet, budget: Budget, batch: int, seed: int, max_tokens: int | None = None) -> Plan:
    """Return the updates of a fine-tune.

    A pass has ``ceil(pairs / batch)`` updates, as `Budget.updates` says, and goes over every pair once. Updates are
    made of whole prompt groups, so their numbers of pairs differ a little; a group of more pairs than `batch` is cut
    into blocks of at most `batch`. Every pass has an order of its own.

    Parameters
    ----------
    pairs : PairSet
        The pairs.
    budget : Budget
        Passes, steps or tokens.
    batch : int
        Pairs per update.
    seed : int
        Seed of the order.
    max_tokens : int, optional
        Stop as near as whole updates allow at so many tokens; needed for a budget in tokens.

    Raises
    ------
    TrainingError
        A budget in tokens without `max_tokens`.
    """
    if budget.kind == "tokens" and max_tokens is None:
        raise TrainingError("a budget in tokens needs the number of tokens of the condition that it follows")
    per_pass = -(-len(pairs) // batch)
    most = None if budget.kind == "tokens" else budget.updates(len(pairs), batch)
    updates: list[np.ndarray] = []
    tokens: list[int] = []
    for update in _endless(pairs, batch, per_pass, seed):
        if len(updates) == most:
            break
        total = (tokens[-1] if tokens else 0) + pairs.n_tokens(update)
        if max_tokens is not None and total > max_tokens and updates:
            if total - max_tokens < max_tokens - tokens[-1]:
                updates.append(update)
                tokens.append(total)
            break
        updates.append(update)
        tokens.append(total)
    return Plan(tuple(updates), np.array(tokens), per_pass, len(pairs) / per_pass)


def _endless(pairs: PairSet, batch: int, per_pass: int, seed: int) -> Iterator[np.ndarray]:
    blocks = _blocks(pairs.group, batch)
    lengths = np.array([_length(pairs, block) for block in blocks])
    sizes = np.array([len(block) for block in blocks])
    for number in count():
        rng = stream(seed, "dpo", "order", str(number))
        order = rng.permutation(len(blocks))
        window = max(1, round(len(blocks) * WINDOW / per_pass))
        parts = [order[i : i + window] for i in range(0, len(order), window)]
        order = np.concatenate([part[np.argsort(lengths[part], kind="stable")] for part in parts])
        cuts = even_cuts(sizes[order], per_pass)
        chunks = np.split(order, cuts)
        for k in rng.permutation(per_pass):
            yield np.concatenate([blocks[i] for i in chunks[k]])


def _blocks(group: np.ndarray, batch: int) -> list[np.ndarray]:
    """Return the pairs of every group, in blocks of at most `batch`."""
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    whole = np.split(np.arange(len(group)), starts[1:])
    return [block[i : i + batch] for block in whole for i in range(0, len(block), batch)]


def _length(pairs: PairSet, block: np.ndarray) -> int:
    """Return the positions that a block's responses take in one row."""
    members = pairs.members(block)
    return len(pairs.sequences[members[0]].prompt) + sum(len(pairs.sequences[i].response) for i in members)


def even_cuts(sizes: np.ndarray, n: int) -> np.ndarray:
    """Cut a row of blocks into `n` pieces with about equal sums, none empty.

    Parameters
    ----------
    sizes : ndarray of int, shape (blocks,)
        At least `n` blocks.
    n : int
        Pieces.

    Returns
    -------
    ndarray of int, shape (n - 1,)
        Where the second and later pieces begin.
    """
    ends = np.cumsum(sizes)
    cuts: list[int] = []
    for k in range(1, n):
        nearest = int(np.searchsorted(ends - sizes / 2, ends[-1] * k / n))
        low = (cuts[-1] if cuts else 0) + 1
        cuts.append(min(max(nearest, low), len(sizes) - (n - k)))
    return np.array(cuts, dtype=int)


def micro_batches(pairs: np.ndarray, group: np.ndarray, most: int) -> list[np.ndarray]:
    """Cut an update into parts of at most `most` pairs, between groups where that is possible.

    Parameters
    ----------
    pairs : ndarray of int
        The pairs of the update.
    group : ndarray of int
        Group of every pair of the set.
    most : int
        Pairs per part, 1 or more; a group of more pairs is cut within.
    """
    parts: list[np.ndarray] = []
    starts = np.flatnonzero(np.diff(group[pairs]) != 0) + 1
    for block in np.split(pairs, starts):
        for i in range(0, len(block), most):
            piece = block[i : i + most]
            if parts and len(parts[-1]) + len(piece) <= most:
                parts[-1] = np.concatenate([parts[-1], piece])
            else:
                parts.append(piece)
    return parts

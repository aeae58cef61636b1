"""The design: which participant rates which item, at random, every item at least twice where possible."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plural_core.errors import ConfigError

IntArray = npt.NDArray[np.int64]
PAPER_RATERS_PER_ITEM = 5475 / 1761
MIN_RATERS = 2
_ROUNDS = 100


def prompts_for(ratings: int, responses_per_prompt: int) -> int:
    """Return the number of prompts that gives the paper's 3.1 raters per item (587 for 5,475 ratings of items)."""
    return max(2, round(ratings / (PAPER_RATERS_PER_ITEM * responses_per_prompt)))


def raters_per_item(participants: int, per_participant: int, items: int, rng: np.random.Generator) -> IntArray:
    """Draw how many people rate each item: two each, the rest at random; fewer only where there are too few ratings.

    Returns
    -------
    ndarray of int, shape (items,)
        Numbers that sum to ``participants * per_participant``, none above `participants`.

    Raises
    ------
    ConfigError
        There are fewer items than a participant rates.
    """
    if per_participant > items:
        raise ConfigError(
            f"simulation.ratings_per_participant: {per_participant} different items for each participant, but there "
            f"are only {items}; raise simulation.prompts"
        )
    total = participants * per_participant
    if total < MIN_RATERS * items:
        counts = np.full(items, total // items, dtype=np.int64)
        counts[rng.permutation(items)[: total % items]] += 1
        return counts
    counts = np.full(items, min(MIN_RATERS, participants), dtype=np.int64)
    while (left := total - int(counts.sum())) > 0:
        counts += rng.multinomial(left, np.full(items, 1 / items))
        counts = np.minimum(counts, participants)
    return counts


def assign(participants: int, per_participant: int, items: int, rng: np.random.Generator) -> IntArray:
    """Give every participant different items.

    The places for raters are shuffled over the participants; where somebody would rate an item twice, the place is
    exchanged with one drawn at random until nobody does. A design so tight that this does not end (everybody rates
    nearly everything) is filled person by person with the items that lack most raters.

    Returns
    -------
    ndarray of int, shape (participants, per_participant)
        Items of each participant in the order in which they are rated.
    """
    counts = raters_per_item(participants, per_participant, items, rng)
    places = rng.permutation(np.repeat(np.arange(items, dtype=np.int64), counts)).reshape(participants, -1)
    for _ in range(_ROUNDS):
        repeated = _repeats(places)
        if not repeated.size:
            return places
        for row, column in repeated:
            other_row = int(rng.integers(participants))
            other_column = int(rng.integers(per_participant))
            here, there = places[row, column], places[other_row, other_column]
            if here not in places[other_row] and there not in places[row]:
                places[row, column], places[other_row, other_column] = there, here
    return _fill(counts, participants, per_participant, rng)


def _fill(counts: IntArray, participants: int, per_participant: int, rng: np.random.Generator) -> IntArray:
    """Serve the largest remaining counts first, which always ends where a design exists (Gale and Ryser)."""
    left = counts.copy()
    places = np.empty((participants, per_participant), dtype=np.int64)
    for row in range(participants):
        chosen = np.lexsort((rng.random(left.size), -left))[:per_participant]
        left[chosen] -= 1
        places[row] = rng.permutation(chosen)
    return places


def _repeats(places: IntArray) -> IntArray:
    """Return the (row, column) of every place whose item stands further left in the same row."""
    order = np.argsort(places, axis=1, kind="stable")
    ordered = np.take_along_axis(places, order, axis=1)
    rows, at = np.nonzero(ordered[:, 1:] == ordered[:, :-1])
    return np.column_stack([rows, order[rows, at + 1]]).astype(np.int64)

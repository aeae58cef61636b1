"""Planned studies: the design of a study with more or fewer raters, as rows of people and items."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

IntArray = npt.NDArray[np.int64]
_TRIES = 200


def planned_design(
    frame: pd.DataFrame,
    factors: Mapping[str, Sequence[str]],
    participants: int,
    items: Literal["more", "same"],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Return the rows of a study with so many participants and the design of the given one.

    Parameters
    ----------
    frame : DataFrame
        One row per rating: participant, item and the factors, as `model_frame` returns it.
    factors : mapping
        The factors' names (their levels are not used).
    participants : int
        Number of participants of the planned study. They are taken from the given ones at even steps through the
        list sorted by the factors, so that shares of groups and ratings per participant stay as they are.
    items : {"more", "same"}
        ``"more"`` draws new items with as many raters each as the study's; ``"same"`` keeps the study's items, which
        are then rated more often (or less).
    rng : Generator
        Deals out new items.

    Returns
    -------
    DataFrame
        Columns participant, item and the factors, one row per planned rating.

    Notes
    -----
    New items stay within pools: where no item was rated by two levels of a factor (German and US raters in the
    study of the paper), no new item is.
    """
    names = list(factors)
    people = frame.drop_duplicates("participant").sort_values([*names, "participant"], kind="stable")
    rows = frame.groupby("participant", sort=False, observed=True).indices
    take = ((np.arange(participants) + 0.5) * len(people) / participants).astype(np.int64)
    drawn = [rows[who] for who in people["participant"].iloc[take]]
    planned = frame.iloc[np.concatenate(drawn)][["participant", "item", *names]].reset_index(drop=True)
    planned["participant"] = np.repeat(np.arange(participants), [len(r) for r in drawn])
    if items == "same":
        return planned
    nested = item_pools(frame, names)
    pool = planned.groupby(nested, observed=True).ngroup().to_numpy() if nested else np.zeros(len(planned), np.int64)
    dealt = np.empty(len(planned), dtype=np.int64)
    first = 0
    for number in np.unique(pool):
        at = np.flatnonzero(pool == number)
        old = planned["item"].iloc[at].unique()
        counts: IntArray = np.asarray(frame.loc[frame["item"].isin(old), "item"].value_counts(), dtype=np.int64)
        places = _deal(counts, planned["participant"].to_numpy()[at], rng)
        dealt[at] = first + places
        first += int(places.max()) + 1
    return planned.assign(item=dealt)


def item_pools(frame: pd.DataFrame, factors: Sequence[str]) -> list[str]:
    """Return the factors of which no item was rated by two levels: each level has items of its own."""
    items = frame.groupby("item", observed=True)
    return [name for name in factors if int(items[name].nunique().max()) == 1]


def _deal(counts: IntArray, who: IntArray, rng: np.random.Generator) -> IntArray:
    """Return an item for each rating, items rated as often as the `counts` say, nobody the same one twice.

    In a pool so small that somebody must rate an item twice, repeats are left where no place can be exchanged.
    """
    n = len(who)
    sizes = rng.permutation(np.resize(rng.permutation(counts), -(-n // int(counts.min()))))
    # Places for raters, dealt until there are enough; the last item may have fewer.
    places = rng.permutation(np.repeat(np.arange(len(sizes)), sizes)[:n])
    taken = Counter(zip(who.tolist(), places.tolist(), strict=True))
    repeated = pd.DataFrame({"who": who, "item": places}).duplicated().to_numpy().nonzero()[0]
    for at in repeated:
        for other in rng.integers(0, n, _TRIES):
            here, there = (who[at], places[at]), (who[other], places[other])
            swapped = (who[at], places[other]), (who[other], places[at])
            if taken[here] > 1 and not any(taken[pair] for pair in swapped):
                taken.subtract((here, there))
                taken.update(swapped)
                places[at], places[other] = places[other], places[at]
                break
    return np.asarray(places, dtype=np.int64)

"""Which ratings a condition uses: training prompts, stratum, scale, picked rater, aggregation; and what it drops."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from plural_core.errors import ConfigError, listing, nearest
from plural_core.preferences.aggregate import aggregate
from plural_core.preferences.condition import Condition, ConditionSkipped, Stratum
from plural_core.preferences.scales import Scale, scale_of
from plural_core.ratings.tables import RatingTables, factor_columns
from plural_core.simulation.streams import stream
from plural_core.study import StudyConfig

NO_LABEL = {
    "all": "its item has no label",
    "random": "its item has no label",
    "mean": "its item has no label",
    "majority": "no majority: levels of its item are equally frequent",
    "consensus": "no consensus: raters of its item differ, or it has one rater",
    "near_consensus": "no near-consensus: raters of its item differ by more than one level, or it has one rater",
}
"""Why an aggregation leaves an item out; the first three never do."""


@dataclass(frozen=True, eq=False)
class RatingRows:
    """Ratings of one dimension as numbers, sorted by item and participant.

    Parameters
    ----------
    participant, item : ndarray of int, shape (ratings,)
        Codes, in the order of `PreparedRatings`.
    level : ndarray of int, shape (ratings,)
        Level from 0.
    position : ndarray of int, shape (ratings,)
        Recorded order.
    cell : ndarray of int, shape (ratings,)
        Number of the (item, participant) cell, the same in every dimension.
    """

    participant: np.ndarray
    item: np.ndarray
    level: np.ndarray
    position: np.ndarray
    cell: np.ndarray

    def take(self, rows: np.ndarray) -> RatingRows:
        """Return the ratings at `rows` (a mask or numbers)."""
        return RatingRows(
            self.participant[rows], self.item[rows], self.level[rows], self.position[rows], self.cell[rows]
        )

    def __len__(self) -> int:
        return len(self.item)

    def counts(self, n_items: int, levels: int) -> np.ndarray:
        """Return how often each level was given to each item, shape (n_items, levels)."""
        return np.bincount(self.item * levels + self.level, minlength=n_items * levels).reshape(n_items, levels)


@dataclass(frozen=True, eq=False)
class PreparedRatings:
    """A study's ratings as numbers, made once for all conditions; the order of its tables' rows does not matter.

    Parameters
    ----------
    dimensions : dict of str to RatingRows
        By name, every dimension of the config.
    participants : DataFrame
        Participants in the order of their codes (by id).
    item_ids, item_prompt : ndarray, shape (items,)
        Items sorted by prompt and id; number of each item's prompt.
    prompt_ids : ndarray, shape (prompts,)
        Prompts, sorted.
    n_cells : int
        Number of (item, participant) cells with a rating.
    config : StudyConfig
        The study's config, for scales and directions.
    """

    dimensions: dict[str, RatingRows]
    participants: pd.DataFrame
    item_ids: np.ndarray
    item_prompt: np.ndarray
    prompt_ids: np.ndarray
    n_cells: int
    config: StudyConfig


@dataclass(frozen=True, eq=False)
class Selected:
    """What one dimension brings to a condition.

    Parameters
    ----------
    dimension : str
        Its name.
    labels : ndarray of int, shape (items, levels)
        Ratings (or the aggregated rating) of each item per level of the condition's scale.
    scale : Scale
        That scale.
    rows : RatingRows
        The ratings behind the labels.
    dropped : tuple of (str, int, int)
        Step, ratings dropped, items left without a rating by it; in the order of the steps.
    """

    dimension: str
    labels: np.ndarray
    scale: Scale
    rows: RatingRows
    dropped: tuple[tuple[str, int, int], ...]


def prepare(tables: RatingTables, config: StudyConfig) -> PreparedRatings:
    """Return the ratings of a study as numbers."""
    items = tables.items.sort_values(["prompt_id", "item_id"], kind="stable")
    item_ids = items["item_id"].to_numpy(dtype=object)
    prompt, prompt_ids = pd.factorize(items["prompt_id"].to_numpy(dtype=object))
    participants = tables.participants.sort_values("participant_id", kind="stable").reset_index(drop=True)
    ratings = tables.ratings
    item = pd.Index(item_ids).get_indexer(pd.Index(ratings["item_id"]))
    participant = pd.Index(participants["participant_id"]).get_indexer(pd.Index(ratings["participant_id"]))
    dimension = pd.Index(list(config.dimensions)).get_indexer(pd.Index(ratings["dimension"]))
    cells, cell = np.unique(item * len(participants) + participant, return_inverse=True)
    everything = RatingRows(
        participant, item, ratings["rating"].to_numpy(dtype=np.int64) - 1, ratings["position"].to_numpy(), cell
    )
    by_name = {}
    for number, name in enumerate(config.dimensions):
        rows = np.flatnonzero(dimension == number)
        by_name[name] = everything.take(rows[np.argsort(cell[rows], kind="stable")])
    return PreparedRatings(by_name, participants, item_ids, prompt, np.asarray(prompt_ids), len(cells), config)


def training_items(prepared: PreparedRatings, prompts: Collection[str] | None) -> np.ndarray:
    """Return which items belong to `prompts` (None: all), shape (items,)."""
    if prompts is None:
        return np.ones(len(prepared.item_ids), dtype=bool)
    wanted = pd.Index(prepared.prompt_ids).isin(list(prompts))
    chosen: np.ndarray = wanted[prepared.item_prompt]
    return chosen


def select(prepared: PreparedRatings, condition: Condition, dimension: str, items: np.ndarray) -> Selected:
    """Return what `dimension` brings to `condition` from the items marked in `items`.

    Raises
    ------
    ConfigError
        An unknown dimension, factor or level.
    ConditionSkipped
        No map to the condition's scale, or a level of the stratum without ratings.
    """
    config = prepared.config
    if dimension not in config.dimensions:
        raise ConfigError(
            f"condition '{condition.name}': '{dimension}' is not a dimension of the study."
            f"{nearest(dimension, config.dimensions)}"
        )
    scale = scale_of(dimension, config.dimensions[dimension], condition.scale)
    n_items = len(prepared.item_ids)
    rows, dropped = prepared.dimensions[dimension], []

    def keep(step: str, kept: np.ndarray) -> None:
        nonlocal rows
        before, after = rows, rows.take(kept)
        gone = np.unique(before.item).size - np.unique(after.item).size
        if len(before) > len(after):
            dropped.append((step, len(before) - len(after), gone))
        rows = after

    keep("prompt is not for training", items[rows.item])
    if condition.stratum is not None:
        group = _group(prepared, condition.stratum)[rows.participant]
        keep("rater is not in the stratum's groups", group >= 0)
        sampled, other = _equal_numbers(condition, dimension, group[group >= 0])
        keep("rater is in a group that is compared with", ~other)
        keep("not sampled: equal numbers of ratings per group", sampled[~other])
    keep(f"no level on scale '{condition.scale}'", scale.new_level[rows.level] >= 0)
    rows = RatingRows(rows.participant, rows.item, scale.new_level[rows.level], rows.position, rows.cell)
    if condition.aggregation == "random":
        keep("another rater was picked", _picked(rows, condition, prepared.n_cells))
    labels = aggregate(
        rows.counts(n_items, scale.levels),
        condition.aggregation,
        condition.ties,
        stream(condition.seed, "preferences", "ties", dimension),
    )
    labelled = np.asarray(labels.any(axis=1))
    keep(NO_LABEL[condition.aggregation], labelled[rows.item])
    return Selected(dimension, labels, scale, rows, tuple(dropped))


def check_stratum(prepared: PreparedRatings, condition: Condition, k: int) -> None:
    """Raise where a group of the condition's stratum has fewer than `k` people.

    Raises
    ------
    ConfigError
        An unknown factor.
    ConditionSkipped
        A group is too small.
    """
    if condition.stratum is None:
        return
    sizes = np.bincount(_group(prepared, condition.stratum) + 1, minlength=len(condition.stratum.among) + 1)[1:]
    for level, size in zip(condition.stratum.among, sizes, strict=True):
        if size < max(k, 1):
            few = "no participants" if k <= 1 else f"fewer than {k} participants"
            raise ConditionSkipped(f"stratum {condition.stratum.factor}: level '{level}' has {few}")


def _group(prepared: PreparedRatings, stratum: Stratum) -> np.ndarray:
    """Return each participant's place in ``stratum.among``, -1 outside it."""
    if stratum.factor not in prepared.participants.columns:
        known = factor_columns(prepared.participants)
        raise ConfigError(
            f"stratum: '{stratum.factor}' is not a factor of the study.{nearest(stratum.factor, known)} "
            f"Known: {listing(known)}"
        )
    return pd.Index(list(stratum.among)).get_indexer(pd.Index(prepared.participants[stratum.factor]))


def _equal_numbers(condition: Condition, dimension: str, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which ratings are sampled, and which belong to a group that is only compared with."""
    stratum = condition.stratum
    assert stratum is not None
    sizes = np.bincount(group, minlength=len(stratum.among))
    if sizes.min() == 0:
        empty = stratum.among[int(np.argmin(sizes))]
        raise ConditionSkipped(
            f"stratum {stratum.factor}: '{empty}' gave no ratings of '{dimension}', so no equal numbers can be drawn"
        )
    sampled = np.zeros(len(group), dtype=bool)
    for number, level in enumerate(stratum.among):
        if stratum.level in (None, level):
            # One stream per group: its sample is the same in every condition with these groups and this seed.
            rng = stream(condition.seed, "preferences", "stratum", stratum.factor, level, dimension)
            own = np.flatnonzero(group == number)
            sampled[rng.choice(own, int(sizes.min()), replace=False)] = True
    compared = np.array([stratum.level not in (None, level) for level in stratum.among])
    return sampled, compared[group]


def _picked(rows: RatingRows, condition: Condition, n_cells: int) -> np.ndarray:
    """Return the mask of one rating per item: the first recorded (then the first participant), or one by seed."""
    if condition.pick == "seed":
        # One number per cell, not per rating: the same rater is picked for all dimensions.
        key = stream(condition.seed, "preferences", "rater").random(n_cells)[rows.cell]
    else:
        key = rows.position
    order = np.lexsort((rows.participant, key, rows.item))
    item = rows.item[order]
    first = np.ones(len(item), dtype=bool)
    first[1:] = item[1:] != item[:-1]
    mask = np.zeros(len(rows), dtype=bool)
    mask[order[first]] = True
    return mask

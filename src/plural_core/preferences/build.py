"""From a condition and a study's ratings to training data: pairs with weights and shares, and labels for rewards."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from plural_core.errors import ConfigError, nearest
from plural_core.preferences.comparisons import Comparisons, anchored, draw, merge, n_item_pairs, within_prompt
from plural_core.preferences.condition import Condition, ConditionSkipped
from plural_core.preferences.record import ConditionRecord
from plural_core.preferences.select import PreparedRatings, Selected, check_stratum, select, training_items
from plural_core.simulation.streams import stream

COUNTERPART = "@counterpart"
"""Stands for the other side of an anchored pair; the trainer knows what it is (the base model's answer, say)."""
MOST_PAIRS = 50_000_000
"""Unordered pairs of responses above which a condition is not built."""


@dataclass(frozen=True, eq=False)
class PreferenceSet:
    """The training data of one condition.

    Parameters
    ----------
    condition : Condition
        What was asked for; a size by name is resolved to its number.
    pairs : DataFrame
        condition, pair_id (from 0), prompt_id, chosen_item, rejected_item, weight (n scaled to mean 1), n (ordered
        comparisons), share (of them that prefer the chosen, 0.5 to 1). At a share of one half the first in the
        order of ids stands as chosen.
    labels : DataFrame
        condition, dimension, prompt_id, item_id, n_labels, mean (level from 1, on the condition's scale), reward
        (mean in [0, 1], 1 the best): what a reward model is fitted to.
    record : ConditionRecord
        What was used, dropped and why.
    ratings_of : ndarray of int, shape (participants,)
        Ratings used of each participant, in the order of their ids. Not for showing: see `raters_table`.
    """

    condition: Condition
    pairs: pd.DataFrame
    labels: pd.DataFrame
    record: ConditionRecord
    ratings_of: np.ndarray = field(repr=False)


@dataclass(frozen=True, eq=False)
class PreferenceSets:
    """The conditions of a study that gave training data, and those that did not, with the reason."""

    sets: tuple[PreferenceSet, ...]
    skipped: dict[str, str]

    def to_frame(self) -> pd.DataFrame:
        """Return table ``pairs``, sorted by condition and pair_id."""
        return _stacked([s.pairs for s in self.sets], ["condition", "pair_id"])

    def records(self) -> pd.DataFrame:
        """Return table ``conditions``, sorted by condition."""
        return _stacked([s.record.to_frame() for s in self.sets], ["condition"])

    def dropped(self) -> pd.DataFrame:
        """Return what each condition dropped, and why."""
        return _stacked([s.record.dropped_frame() for s in self.sets], ["condition"])


def build_preferences(
    prepared: PreparedRatings, condition: Condition, prompts: Collection[str] | None = None, k: int = 1
) -> PreferenceSet:
    """Build the training data of one condition.

    Parameters
    ----------
    prepared : PreparedRatings
        From `prepare`.
    condition : Condition
        Its size is a number or None.
    prompts : collection of str, optional
        Prompts for training (default: all).
    k : int
        Fewest people that a group of the stratum may have.

    Raises
    ------
    ConfigError
        The condition names something that the study does not have, or a size by name.
    ConditionSkipped
        The condition gives no data; the message says why.
    """
    if isinstance(condition.size, str):
        raise ConfigError(
            f"condition '{condition.name}': its size is that of '{condition.size}'; build them together (build_all)"
        )
    check_stratum(prepared, condition, k)
    items = training_items(prepared, prompts)
    parts = [select(prepared, condition, name, items) for name in condition.dimensions]
    if not any(len(part.rows) for part in parts):
        raise ConditionSkipped("no ratings are left" + _why([d for part in parts for d in part.dropped]))
    compared = merge([_compare(part, condition, prepared) for part in parts])
    available = compared.total
    if condition.algorithm == "dpo" and available == 0:
        raise ConditionSkipped(
            f"no pairs (ties or neutral: {compared.n_ties}; items without another response to their prompt: "
            f"{_lonely(parts, condition, prepared)})"
        )
    if condition.size is not None:
        if condition.size > available:
            raise ConditionSkipped(f"size: {condition.size} comparisons are asked for, {available} are there")
        compared = draw(compared, condition.size, stream(condition.seed, "preferences", "size"))
    used = np.concatenate([part.rows.participant for part in parts])
    labelled = np.logical_or.reduce([part.labels.any(axis=1) for part in parts])
    record = ConditionRecord(
        condition=condition,
        n_ratings=sum(len(part.rows) for part in parts),
        n_items=int(labelled.sum()),
        n_prompts=int(np.unique(prepared.item_prompt[labelled]).size),
        n_lonely=_lonely(parts, condition, prepared),
        n_available=available,
        n_pairs_raw=compared.total,
        n_pairs=len(compared),
        n_ties=compared.n_ties,
        dropped=tuple((part.dimension, *drop) for part in parts for drop in part.dropped),
    )
    return PreferenceSet(
        condition,
        _pairs_frame(compared, condition, prepared),
        pd.concat([_labels_frame(part, condition, prepared) for part in parts], ignore_index=True),
        record,
        np.bincount(used, minlength=len(prepared.participants)),
    )


def build_all(
    prepared: PreparedRatings, conditions: Iterable[Condition], prompts: Collection[str] | None = None, k: int = 1
) -> PreferenceSets:
    """Build every condition that can be built; the others are listed with the reason.

    Raises
    ------
    ConfigError
        Two conditions of one name, a size that names no condition or itself, or a condition that names something
        that the study does not have.
    """
    wanted: dict[str, Condition] = {}
    for condition in conditions:
        if condition.name in wanted:
            raise ConfigError(f"two conditions are called '{condition.name}'; give each a name of its own")
        wanted[condition.name] = condition
    built: dict[str, PreferenceSet] = {}
    skipped: dict[str, str] = {}
    for condition in _by_need(wanted):
        try:
            if isinstance(condition.size, str):
                if condition.size in skipped:
                    raise ConditionSkipped(f"its size is that of '{condition.size}', which was skipped")
                condition = replace(condition, size=built[condition.size].record.n_pairs_raw)
            built[condition.name] = build_preferences(prepared, condition, prompts, k)
        except ConditionSkipped as reason:
            skipped[condition.name] = f"condition '{condition.name}' is skipped: {reason}"
    in_order = tuple(built[name] for name in wanted if name in built)
    return PreferenceSets(in_order, {name: skipped[name] for name in wanted if name in skipped})


def _by_need(wanted: dict[str, Condition]) -> list[Condition]:
    """Return the conditions with every one after that whose size it takes."""
    order: dict[str, Condition] = {}

    def place(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise ConfigError(f"condition '{name}': its size depends on itself ({' -> '.join((*above, name))})")
        size = wanted[name].size
        if isinstance(size, str):
            if size not in wanted:
                raise ConfigError(f"condition '{name}': size names no condition: '{size}'.{nearest(size, wanted)}")
            if wanted[size].algorithm != "dpo":
                raise ConfigError(f"condition '{name}': size names '{size}', which is not tuned on comparisons")
            place(size, (*above, name))
        order.setdefault(name, wanted[name])

    for name in wanted:
        place(name, ())
    return list(order.values())


def _compare(part: Selected, condition: Condition, prepared: PreparedRatings) -> Comparisons:
    if condition.pairing == "anchored":
        return anchored(part.labels, part.scale.side)
    possible = n_item_pairs(prepared.item_prompt[part.labels.any(axis=1)])
    if possible > MOST_PAIRS:
        raise ConditionSkipped(
            f"'{part.dimension}' has {possible} pairs of responses to one prompt, more than {MOST_PAIRS}; "
            "use pairing: anchored, or fewer responses per prompt"
        )
    return within_prompt(part.scale.good_last(part.labels), prepared.item_prompt)


def _lonely(parts: list[Selected], condition: Condition, prepared: PreparedRatings) -> int:
    """Count labels (item and dimension) without another response to compare with."""
    if condition.pairing == "anchored":
        return 0
    sizes = [np.bincount(prepared.item_prompt[part.labels.any(axis=1)]) for part in parts]
    return int(sum((size == 1).sum() for size in sizes))


def _why(dropped: list[tuple[str, int, int]]) -> str:
    return f" (most were dropped so: {max(dropped, key=lambda d: d[1])[0]})" if dropped else ""


def _pairs_frame(compared: Comparisons, condition: Condition, prepared: PreparedRatings) -> pd.DataFrame:
    ids = np.append(prepared.item_ids, COUNTERPART)
    prompts = prepared.prompt_ids[prepared.item_prompt[compared.first]]
    swap = compared.losses > compared.wins
    n = compared.n
    return pd.DataFrame(
        {
            "condition": np.full(len(compared), condition.name, dtype=object),
            "pair_id": np.arange(len(compared)),
            "prompt_id": prompts,
            "chosen_item": ids[np.where(swap, compared.second, compared.first)],
            "rejected_item": ids[np.where(swap, compared.first, compared.second)],
            "weight": n / n.mean() if len(n) else np.empty(0),
            "n": n,
            "share": np.maximum(compared.wins, compared.losses) / np.maximum(n, 1),
        }
    )


def _labels_frame(part: Selected, condition: Condition, prepared: PreparedRatings) -> pd.DataFrame:
    items = np.flatnonzero(part.labels.any(axis=1))
    counts = part.labels[items]
    n = counts.sum(axis=1)
    mean = (counts @ np.arange(part.scale.levels)) / n
    return pd.DataFrame(
        {
            "condition": np.full(len(items), condition.name, dtype=object),
            "dimension": np.full(len(items), part.dimension, dtype=object),
            "prompt_id": prepared.prompt_ids[prepared.item_prompt[items]],
            "item_id": prepared.item_ids[items],
            "n_labels": n,
            "mean": mean + 1.0,
            "reward": part.scale.reward(mean),
        }
    )


def _stacked(frames: list[pd.DataFrame], by: list[str]) -> pd.DataFrame:
    if not frames:
        return pd.DataFrame()
    return pd.concat(frames, ignore_index=True).sort_values(by, kind="stable", ignore_index=True)

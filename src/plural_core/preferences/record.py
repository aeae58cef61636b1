"""The audit record of a condition: what it used, what it dropped and why, and whose ratings it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from plural_core.preferences.condition import Condition
from plural_core.ratings.differencing import small_difference
from plural_core.ratings.privacy import ProtectedParticipants

if TYPE_CHECKING:
    from plural_core.preferences.build import PreferenceSet

FLOOR = 50
"""Fewer comparisons than this are shown as a floor, too small to compare."""
ALL = "all"
_TOO_FEW = "stands for fewer people than may be shown"
_BY_DIFFERENCE = "number of raters withheld: a difference of totals would show a small group"


@dataclass(frozen=True)
class ConditionRecord:
    """Counts of one condition; none of them is a number of people.

    Parameters
    ----------
    condition : Condition
        What was asked for.
    n_ratings : int
        Ratings behind the labels, over all dimensions.
    n_items, n_prompts : int
        Items with a label, and their prompts.
    n_lonely : int
        Labels without another response to the same prompt to compare with.
    n_available : int
        Ordered comparisons that the labels give.
    n_pairs_raw : int
        Those used: fewer than `n_available` only where `condition.size` says so.
    n_pairs : int
        Merged pairs.
    n_ties : int
        Comparisons that prefer neither side.
    dropped : tuple of (str, str, int, int)
        Dimension, step, ratings dropped, items left without a rating by it.
    """

    condition: Condition
    n_ratings: int
    n_items: int
    n_prompts: int
    n_lonely: int
    n_available: int
    n_pairs_raw: int
    n_pairs: int
    n_ties: int
    dropped: tuple[tuple[str, str, int, int], ...]

    @property
    def too_small(self) -> bool:
        """Whether there are too few comparisons to set the condition beside others."""
        return self.condition.algorithm == "dpo" and self.n_pairs_raw < FLOOR

    @property
    def note(self) -> str:
        """One sentence where the condition needs one, else an empty text."""
        return f"too small to compare: {self.n_pairs_raw} comparisons, fewer than {FLOOR}" if self.too_small else ""

    def to_frame(self) -> pd.DataFrame:
        """Return the row of table ``conditions``."""
        c = self.condition
        row = {
            "condition": c.name,
            "algorithm": c.algorithm,
            "dimensions": "+".join(c.dimensions),
            "scale": c.scale,
            "aggregation": c.aggregation,
            "stratum": "" if c.stratum is None else str(c.stratum),
            "pairing": c.pairing,
            "size": c.size,
            "budget": str(c.budget),
            "seed": c.seed,
            "n_ratings": self.n_ratings,
            "n_items": self.n_items,
            "n_prompts": self.n_prompts,
            "n_lonely": self.n_lonely,
            "n_available": self.n_available,
            "n_pairs_raw": self.n_pairs_raw,
            "n_pairs": self.n_pairs,
            "n_ties": self.n_ties,
            "note": self.note,
        }
        return pd.DataFrame([row]).astype({"size": "Int64"})

    def dropped_frame(self) -> pd.DataFrame:
        """Return condition, dimension, step, unit (rating or comparison), n, n_items; in the order of the steps."""
        rows = [(self.condition.name, name, step, "rating", n, items) for name, step, n, items in self.dropped]
        neither = "tie" if self.condition.pairing == "within_prompt" else "neutral rating"
        undrawn = self.n_available - self.n_pairs_raw
        for step, unit, n, items in (
            ("no other response to the same prompt", "label", self.n_lonely, self.n_lonely),
            (neither, "comparison", self.n_ties, 0),
            ("not drawn: size", "comparison", undrawn, 0),
        ):
            if n:
                rows.append((self.condition.name, ALL, step, unit, n, items))
        return pd.DataFrame(rows, columns=["condition", "dimension", "step", "unit", "n", "n_items"])


def raters_table(sets: Sequence[PreferenceSet], participants: pd.Series, people: ProtectedParticipants) -> pd.DataFrame:
    """Return whose ratings each condition uses, by shown group of people.

    Parameters
    ----------
    sets : sequence of PreferenceSet
        Built from one study.
    participants : Series
        Participant ids in the order of the sets' codes (``prepared.participants["participant_id"]``).
    people : ProtectedParticipants
        The only view of people that may be shown.

    Returns
    -------
    DataFrame
        condition, factor, level, n_available (people of the group), n_participants (those whose ratings are
        used), n_ratings, share_ratings, note. Factor ``all`` is everybody.

    Notes
    -----
    Conditions use overlapping people, so the numbers of used raters could be subtracted from each other. The used
    and unused people of each factor's levels are therefore held, as one slice, against every slice that is offered
    and against all that this table has shown so far; where a difference could be 1 to k - 1 people, the number is
    withheld for that factor. Counts of ratings of 1 to k - 1 raters are blank too.
    """
    order = pd.Index(participants).get_indexer(pd.Index(people.participants["participant_id"]))
    released: dict[bytes, np.ndarray] = {}
    refused: set[bytes] = set()
    rows = []
    for made in sets:
        ratings = made.ratings_of[order]
        used = (ratings > 0).astype(np.int64)
        for factor in (ALL, *people.factors):
            levels = (ALL,) if factor == ALL else people.levels[factor]
            level = (
                np.zeros(len(order), dtype=np.int64)
                if factor == ALL
                else pd.Index(list(levels)).get_indexer(pd.Index(people.participants[factor]))
            )
            slice_ = 2 * level + used
            shown = _may_show(slice_, people, released, refused)
            for number, name in enumerate(levels):
                rows.append((made.condition.name, factor, name, *_row(level == number, ratings, shown, people.k)))
    frame = pd.DataFrame(
        rows,
        columns=[
            "condition",
            "factor",
            "level",
            "n_available",
            "n_participants",
            "n_ratings",
            "share_ratings",
            "note",
        ],
    )
    return frame.astype({"n_available": "Int64", "n_participants": "Int64", "n_ratings": "Int64"})


def _row(members: np.ndarray, ratings: np.ndarray, shown: bool, k: int) -> tuple[object, ...]:
    n, used = int(members.sum()), int((ratings[members] > 0).sum())
    available = n if n == 0 or n >= k else pd.NA
    if 0 < used < k:
        return available, pd.NA, pd.NA, np.nan, _TOO_FEW
    total = int(ratings[members].sum())
    share = total / max(int(ratings.sum()), 1)
    return available, used if shown else pd.NA, total, share, "" if shown else _BY_DIFFERENCE


def _may_show(
    slice_: np.ndarray, people: ProtectedParticipants, released: dict[bytes, np.ndarray], refused: set[bytes]
) -> bool:
    key = slice_.tobytes()
    if people.k <= 1 or key in released:
        return True
    if key in refused:
        return False
    if people.allows(slice_) and not any(small_difference(slice_, other, people.k) for other in released.values()):
        released[key] = slice_
        return True
    refused.add(key)
    return False

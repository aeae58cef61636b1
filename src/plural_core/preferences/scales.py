"""Scales: a dimension's own levels, coarser ones by its maps, and which levels lie on the good side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plural_core.errors import listing
from plural_core.preferences.condition import OWN_SCALE, ConditionSkipped
from plural_core.study.measures_config import DimensionConfig


@dataclass(frozen=True, eq=False)
class Scale:
    """A dimension's scale as a condition uses it.

    Parameters
    ----------
    new_level : ndarray of int, shape (levels,)
        New level (from 0) of each own level; -1 drops the rating.
    levels : int
        Number of new levels.
    side : ndarray of int, shape (new levels,)
        1 on the good side of neutral, -1 on the bad side, 0 neutral.
    high_is_good : bool
        Direction of the dimension.
    """

    new_level: np.ndarray
    levels: int
    side: np.ndarray
    high_is_good: bool

    def good_last(self, counts: np.ndarray) -> np.ndarray:
        """Return `counts`, shape (items, levels), with columns from the worst level to the best."""
        return counts if self.high_is_good else counts[:, ::-1]

    def reward(self, mean: np.ndarray) -> np.ndarray:
        """Return mean levels (from 0) as rewards in [0, 1], 1 the best."""
        share = mean / (self.levels - 1)
        return share if self.high_is_good else 1.0 - share


def scale_of(name: str, dimension: DimensionConfig, scale: str) -> Scale:
    """Return the scale `scale` of the dimension called `name`.

    A new level lies on the side of neutral (own levels below ``agree_level`` and above ``disagree_level`` are
    neutral) on which all own levels lie that map to it; otherwise it is neutral.

    Raises
    ------
    ConditionSkipped
        The dimension has no map to that scale: it is never guessed.
    """
    own = np.arange(1, dimension.levels + 1)
    direction = 1 if dimension.high_is == "good" else -1
    own_side = direction * ((own >= dimension.agree_level).astype(int) - (own <= dimension.disagree_level).astype(int))
    if scale in (OWN_SCALE, str(dimension.levels)):
        return Scale(own - 1, dimension.levels, own_side, direction == 1)
    if scale not in dimension.scales:
        known = listing([str(dimension.levels), *dimension.scales])
        raise ConditionSkipped(
            f"dimension '{name}' ({dimension.levels} levels) has no map to scale '{scale}'; "
            f"add dimensions.{name}.scales.{scale} (there are: {known})"
        )
    new = np.array([-1 if level is None else level - 1 for level in dimension.scales[scale]])
    levels = int(new.max()) + 1
    sides = [set(own_side[new == level].tolist()) for level in range(levels)]
    return Scale(new, levels, np.array([s.pop() if len(s) == 1 else 0 for s in sides]), direction == 1)

"""Labels from counts against the same rules written out rating by rating; scales and their sides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from math import floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plural_core.preferences import ConditionSkipped, aggregate, scale_of
from plural_core.study import StudyConfig
from plural_core.study.measures_config import DimensionConfig

RATINGS = st.lists(st.integers(0, 4), max_size=7)


def label(ratings: list[int], how: str, ties: str = "drop") -> int | None:
    """Return the label of one item by the plain rule."""
    if not ratings:
        return None
    if how == "mean":
        return floor(sum(ratings) / len(ratings) + 0.5)
    if how in ("consensus", "near_consensus"):
        reach = 0 if how == "consensus" else 1
        close = len(ratings) > 1 and max(ratings) - min(ratings) <= reach
        return floor(sum(ratings) / len(ratings) + 0.5) if close else None
    most = max(Counter(ratings).values())
    top = sorted(v for v, n in Counter(ratings).items() if n == most)
    if len(top) == 1:
        return top[0]
    return {"drop": None, "low": top[0], "high": top[-1]}[ties]


@pytest.mark.parametrize(
    ("how", "ties"),
    [("majority", "drop"), ("majority", "low"), ("majority", "high"), ("consensus", "drop"), ("near_consensus", "drop"),
     ("mean", "drop")],
)  # fmt: skip
@given(items=st.lists(RATINGS, min_size=1, max_size=6))
def test_labels_follow_the_rule(how: str, ties: str, items: list[list[int]]) -> None:
    counts = np.array([np.bincount(r, minlength=5) for r in items])
    made = aggregate(counts, how, ties)  # type: ignore[arg-type]
    for row, ratings in zip(made, items, strict=True):
        expected = label(ratings, how, ties)
        assert row.tolist() == [int(level == expected) for level in range(5)]


def test_all_keeps_every_rating() -> None:
    counts = np.array([[1, 0, 2], [0, 0, 0]])
    assert aggregate(counts, "all") is counts


def test_ties_by_seed_fall_on_a_tied_level_and_on_each() -> None:
    counts = np.tile([2, 0, 2, 1, 0], (400, 1))
    made = aggregate(counts, "majority", "seed", np.random.default_rng(2))
    assert made.sum(axis=0).tolist()[1::2] == [0, 0]
    assert 150 < made[:, 0].sum() < 250
    assert (made == aggregate(counts, "majority", "seed", np.random.default_rng(2))).all()
    with pytest.raises(ValueError, match="generator"):
        aggregate(counts, "majority", "seed")


@pytest.mark.parametrize(
    ("scale", "new", "side"),
    [("own", [0, 1, 2, 3, 4], [1, 1, 0, -1, -1]), ("5", [0, 1, 2, 3, 4], [1, 1, 0, -1, -1]),
     ("3", [0, 0, 1, 2, 2], [1, 0, -1]), ("binary", [0, 0, -1, 1, 1], [1, -1])],
)  # fmt: skip
def test_scales_of_a_bad_dimension(
    make_config: Callable[..., StudyConfig], scale: str, new: list[int], side: list[int]
) -> None:
    made = scale_of("harm", make_config().dimensions["harm"], scale)
    assert made.new_level.tolist() == new
    assert made.side.tolist() == side
    assert made.reward(np.array([0.0, made.levels - 1.0])).tolist() == [1.0, 0.0]
    good = scale_of("care", make_config().dimensions["care"], scale)
    assert good.side.tolist() == [-s for s in side]


def test_a_new_level_on_both_sides_is_neutral() -> None:
    dimension = DimensionConfig(label="x", levels=4, scales={"odd": [1, 2, 2, 3]})
    assert scale_of("x", dimension, "odd").side.tolist() == [-1, 0, 1]
    assert scale_of("x", dimension, "4").side.tolist() == [-1, -1, 1, 1]


def test_a_scale_without_a_map_is_named(make_config: Callable[..., StudyConfig]) -> None:
    with pytest.raises(
        ConditionSkipped, match=r"'plain' \(7 levels\) has no map to scale '3'.*dimensions.plain.scales"
    ):
        scale_of("plain", make_config().dimensions["plain"], "3")

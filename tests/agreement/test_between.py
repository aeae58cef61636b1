"""Between and within groups, and whether groups rank alike, against plain computations over pairs of ratings."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from plural_core.agreement.between import GroupMoments, between_table, split, usable_groups
from plural_core.agreement.ranks import rank_agreement, rank_agreement_table, weighted_spearman
from plural_core.ratings.schemas import check_table


def long_ratings(seed: int, items: int, groups: int, shift: float = 0.0, most: int = 5) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    size = rng.integers(0, most, (items, groups))
    item, group = (np.repeat(axis.ravel(), size.ravel()) for axis in np.indices(size.shape))
    noise = rng.normal(0, 1, len(item))
    rating = np.clip(np.round(3 + 0.8 * np.sin(item) + shift * group + noise), 1, 5).astype(int)
    return pd.DataFrame({"item": item, "group": group, "rating": rating})


def moments_of(frame: pd.DataFrame, items: int, groups: int) -> GroupMoments:
    def sums(values) -> np.ndarray:
        table = np.zeros((items, groups))
        np.add.at(table, (frame["item"], frame["group"]), values)
        return table

    return GroupMoments(sums(1.0), sums(frame["rating"]), sums(frame["rating"] ** 2))


def pairwise(frame: pd.DataFrame, groups: int) -> tuple[float, float]:
    """Return mean squared differences between and within groups by looking at every pair of ratings."""
    common = frame.groupby("item")["group"].transform("nunique") >= 2
    found: dict[tuple[int, int], list[float]] = {}
    for _, part in frame[common].groupby("item"):
        for a, b in combinations(part[["group", "rating"]].itertuples(index=False), 2):
            found.setdefault(tuple(sorted((a.group, b.group))), []).append((a.rating - b.rating) ** 2)
    own = {g: np.mean(found[g, g]) for g in range(groups) if (g, g) in found}
    pairs = [p for p in combinations(range(groups), 2) if p in found and p[0] in own and p[1] in own]
    weights = [len(found[p]) for p in pairs]
    between = np.average([np.mean(found[p]) for p in pairs], weights=weights)
    return between, np.average([(own[a] + own[b]) / 2 for a, b in pairs], weights=weights)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(60, 90), st.integers(2, 4))
def test_equals_the_definition_over_pairs_of_ratings(seed, items, groups):
    frame = long_ratings(seed, items, groups)
    moments = moments_of(frame, items, groups)
    assert usable_groups(moments) == list(range(groups))
    found = split(moments)
    between, within = pairwise(frame, groups)
    assert found.between == pytest.approx(between)
    assert found.within == pytest.approx(within)
    assert found.share == pytest.approx(1 - within / between)


def test_the_excess_is_the_squared_difference_of_the_groups_where_all_else_is_equal():
    excess = []
    for seed in range(30):
        frame = long_ratings(seed, 400, 2)
        frame["rating"] = 10 * frame["rating"] + 7 * frame["group"]  # a shift of 7, no clipping
        excess.append(split(moments_of(frame, 400, 2)).excess)
    assert np.mean(excess) == pytest.approx(49, abs=4 * np.std(excess) / np.sqrt(30))
    assert np.std(excess) / np.sqrt(30) < 3


def test_a_group_with_few_own_pairs_is_left_out():
    frame = long_ratings(0, 80, 3)
    rare = frame[(frame["group"] != 2) | ~frame.duplicated(["item", "group"]) | (frame["item"] < 15)]
    moments = moments_of(rare, 80, 3)
    assert usable_groups(moments) == [0, 1]
    assert split(moments) == split(moments.of([0, 1]))
    alone = split(moments.of([1, 2]))
    assert np.isnan(alone.share)
    assert alone.n_items > 20


def test_groups_that_rate_alike_leave_nothing_to_explain():
    shares = [split(moments_of(long_ratings(seed, 300, 2), 300, 2)).share for seed in range(60)]
    assert np.mean(shares) == pytest.approx(0, abs=4 * np.std(shares) / np.sqrt(60))
    assert min(shares) < 0 < max(shares)


def test_the_interval_covers_the_true_share():
    hits = 0
    for seed in range(60):
        found = split(
            moments_of(long_ratings(seed, 150, 2), 150, 2), draws=200, rng=np.random.default_rng(seed), level=0.9
        )
        hits += found.ci_low <= 0 <= found.ci_high
    assert 45 <= hits <= 60


def test_weighted_spearman_is_scipys_on_repeated_points():
    rng = np.random.default_rng(2)
    first, second = rng.integers(1, 5, 30).astype(float), rng.integers(1, 4, 30).astype(float)
    weights = rng.integers(0, 4, (20, 30))
    found = weighted_spearman(first, second, weights.astype(float))
    for draw in range(20):
        repeated = [np.repeat(v, weights[draw]) for v in (first, second)]
        assert found[draw] == pytest.approx(spearmanr(*repeated).statistic)


def test_rank_agreement_is_spearman_of_the_item_means():
    frame = long_ratings(3, 60, 2)
    moments = moments_of(frame, 60, 2)
    means = frame.pivot_table(index="item", columns="group", values="rating", aggfunc="mean").dropna()
    found = rank_agreement(moments.n, moments.total, draws=500, rng=np.random.default_rng(0))
    assert found.spearman == pytest.approx(spearmanr(means[0], means[1]).statistic)
    assert found.difference == pytest.approx((means[0] - means[1]).mean())
    assert found.n_items == len(means)
    assert found.ci_low < found.spearman < found.ci_high
    se = (means[0] - means[1]).std() / np.sqrt(len(means))
    assert found.difference_high - found.difference_low == pytest.approx(2 * 1.96 * se, rel=0.15)


def test_tables_compare_every_pair_of_levels(make_study, make_config, shown):
    tables, config = make_study(raters=240, items=120, missing=0.2), make_config(agreement={"bootstrap": 100})
    people = shown(tables, config)
    for make, name in ((between_table, "between_groups"), (rank_agreement_table, "rank_agreement")):
        table = make(tables, config, people, np.random.default_rng(0))
        check_table(table, name)
        gender = table.query("factor == 'gender' and level_a == 'female'")
        assert len(gender) == 2
        assert (gender["note"] == "").all()
        country = table.query("factor == 'country'")
        assert (country["note"] == "not comparable: no common items").all()
        assert country["ci_low"].isna().all()
        assert (country["n_items"] == 0).all()
    difference = rank_agreement_table(tables, config, people).query("factor == 'gender'")["difference"]
    assert (difference > 0.2).all()  # the made-up men give lower ratings on both dimensions


def test_a_comparison_that_rests_on_few_people_is_not_shown(make_study, make_config, shown):
    tables, config = make_study(raters=90), make_config()
    women = set(tables.participants.query("gender == 'female'")["participant_id"])
    # Only four women rate what men rate.
    own = tables.ratings["participant_id"].isin(sorted(women)[4:])
    ratings = tables.ratings.assign(item_id=np.where(own, "w" + tables.ratings["item_id"], tables.ratings["item_id"]))
    items = pd.concat([tables.items, tables.items.assign(item_id="w" + tables.items["item_id"])])
    apart = type(tables)(ratings, items, tables.participants)
    for make in (between_table, rank_agreement_table):
        table = make(apart, config, shown(apart, config)).query("factor == 'gender'")
        assert (table["note"] == "not shown: fewer than 10 participants rated common items").all()
        assert (table["n_items"] == 0).all()

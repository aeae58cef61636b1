"""Rates of disagreement: definition, intervals, and the closed form of the expected rate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plural_core.agreement.counts import ItemCounts
from plural_core.agreement.disagreement import (
    disagreement,
    disagreement_table,
    expected_rate,
    mean_disagreement,
)


def test_an_item_disagrees_when_not_all_of_its_ratings_are_equal():
    counts = np.array([[2, 0, 0], [1, 1, 0], [0, 0, 5], [1, 1, 1], [1, 0, 0], [0, 0, 0]])
    found = disagreement(counts)
    assert (found.rate, found.n_items, found.n_ratings) == (0.5, 4, 12)
    assert found.ci_low == pytest.approx(0.1500, abs=1e-4)  # Wilson, 2 of 4
    assert found.ci_high == pytest.approx(0.8500, abs=1e-4)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.integers(3, 25))
def test_the_expected_rate_is_the_mean_over_permutations_of_the_pooled_ratings(seed, levels, items):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(2, 6, items)
    ratings = rng.integers(0, levels, sizes.sum())
    item = np.repeat(np.arange(items), sizes)
    counts = np.zeros((items, levels), dtype=int)
    np.add.at(counts, (item, ratings), 1)
    draws = []
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    for _ in range(1500):
        dealt = rng.permutation(ratings)
        spread = np.maximum.reduceat(dealt, starts) > np.minimum.reduceat(dealt, starts)
        draws.append(spread.mean())
    error = max(np.std(draws) / np.sqrt(len(draws)), 1e-12)
    assert expected_rate(counts) == pytest.approx(np.mean(draws), abs=5 * error)


def test_the_expected_rate_of_two_ratings_each_by_hand():
    # Ratings a, a, b, b on two items: the first item is unanimous with probability 1/3.
    assert expected_rate(np.array([[2, 0], [0, 2]])) == pytest.approx(2 / 3)


def test_the_mean_over_dimensions_and_its_interval():
    rng = np.random.default_rng(1)
    items, levels = 400, 5
    # Two dimensions that disagree on the same items: their mean is no more precise than one of them.
    one = np.zeros((items, levels), dtype=int)
    one[:, 0] = 2
    differ = rng.random(items) < 0.3
    one[differ, 1], one[differ, 0] = 1, 1
    counts = ItemCounts(np.arange(items), one)
    alone, twice = mean_disagreement([counts]), mean_disagreement([counts, counts])
    assert twice.rate == alone.rate == pytest.approx(differ.mean())
    assert twice.ci_high - twice.ci_low == pytest.approx(alone.ci_high - alone.ci_low)
    se = np.sqrt(differ.mean() * (1 - differ.mean()) / items)
    assert alone.ci_high - alone.ci_low == pytest.approx(2 * 1.96 * se, rel=0.02)
    # Independent ones halve the variance.
    other = np.zeros_like(one)
    other[:, 0] = 2
    second = rng.permutation(differ)
    other[second, 1], other[second, 0] = 1, 1
    both = mean_disagreement([counts, ItemCounts(np.arange(items), other)])
    assert both.ci_high - both.ci_low == pytest.approx(2 * 1.96 * se / np.sqrt(2), rel=0.1)


def test_a_rate_of_one_still_has_an_interval():
    counts = ItemCounts(np.arange(20), np.tile([1, 1], (20, 1)))
    found = mean_disagreement([counts, counts])
    assert found.rate == 1
    assert found.ci_low < 0.9
    assert found.ci_high == 1


def test_the_table_agrees_with_a_plain_computation(make_study, make_config, shown):
    tables, config = make_study(raters=900, items=600, per_rater=2), make_config()
    table = disagreement_table(tables, config, shown(tables, config))
    joined = tables.wide(["gender", "country"])
    for (dimension, level), part in joined.groupby(["dimension", "gender"]):
        items = part.groupby("item_id")["rating"].agg(["size", "nunique"]).query("size >= 2")
        row = table[(table["dimension"] == dimension) & (table["level"] == level)].iloc[0]
        assert row["rate"] == pytest.approx((items["nunique"] > 1).mean())
        assert row["n_items"] == len(items)
        assert row["n_ratings"] == items["size"].sum()
        assert row["n_participants"] == (tables.participants["gender"] == level).sum()
    overall = table.query("factor == 'all'").set_index("dimension")
    assert overall.loc["overall", "rate"] == pytest.approx(overall.loc[["harm", "care"], "rate"].mean())
    assert overall.loc["overall", "excess"] == pytest.approx(
        overall.loc["overall", "rate"] - overall.loc["overall", "expected"]
    )
    # Items differ, so people who rate the same item agree more than people dealt at random.
    assert (overall["excess"] < 0).all()


def test_no_item_with_two_raters_is_a_result_and_not_an_error(make_study, make_config, shown):
    tables, config = make_study(), make_config()
    single = tables.ratings.drop_duplicates(["item_id", "dimension"])
    alone = type(tables)(single, tables.items, tables.participants)
    table = disagreement_table(alone, config, shown(alone, config, k=2))
    assert table["rate"].isna().all()
    assert table["note"].str.startswith(("not estimable", "not shown")).all()
    everybody = table.query("factor == 'all'")
    assert (everybody["note"] == "not estimable: no item with two ratings").all()


def test_a_dimension_without_ratings_leaves_the_mean_of_the_others(make_study, make_config, shown):
    tables, config = make_study(), make_config()
    harm = type(tables)(tables.ratings.query("dimension == 'harm'"), tables.items, tables.participants)
    table = disagreement_table(harm, config, shown(harm, config)).query("factor == 'all'").set_index("dimension")
    assert table.loc["overall", "rate"] == table.loc["harm", "rate"]
    assert table.loc["overall", "note"] == "mean over 1 of 2 dimensions"

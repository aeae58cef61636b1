"""Ratings as numbers, and counts per item and group."""

from __future__ import annotations

import numpy as np
import pandas as pd

from plural_core.agreement.counts import code_ratings, contrasts, groups, item_counts, level_codes
from plural_core.ratings.tables import RatingTables


def test_counts_equal_a_cross_table(make_study, make_config):
    tables, config = make_study(missing=0.4, per_rater=3), make_config()
    coded = code_ratings(tables, config)
    assert [d.name for d in coded.dimensions] == ["harm", "care"]
    for ratings in coded.dimensions:
        part = tables.ratings[tables.ratings["dimension"] == ratings.name]
        expected = pd.crosstab(part["item_id"], part["rating"]).reindex(columns=range(1, 6), fill_value=0)
        counts = item_counts(ratings)
        frame = counts.to_frame(coded.items).set_index("item_id").sort_index()
        np.testing.assert_array_equal(frame.to_numpy(), expected.to_numpy())
        assert frame.index.tolist() == expected.index.tolist()
        paired = counts.pairable()
        assert paired.sizes.min() >= 2
        assert len(paired.items) == (expected.sum(axis=1) >= 2).sum()


def test_groups_are_everybody_and_each_shown_level(make_study, make_config, shown):
    tables, config = make_study(), make_config()
    gender = tables.participants["gender"].to_numpy(dtype=object).copy()
    gender[:12] = None
    tables = RatingTables(tables.ratings, tables.items, tables.participants.assign(gender=gender))
    people = shown(tables, config)
    coded = code_ratings(tables, config)
    found = list(groups(coded, people))
    assert [(g.factor, g.level) for g in found[:1]] == [("all", "all")]
    assert {g.level for g in found if g.factor == "gender"} == {"female", "male", "not stated"}
    assert sum(g.n for g in found if g.factor == "gender") == len(tables.participants)
    harm = coded.dimensions[0]
    assert sum(len(harm.of(g.members).rating) for g in found if g.factor == "gender") == len(harm.rating)
    # Those who did not state a level are shown as a group but not compared with others.
    names = people.levels["gender"]
    assert [(names[a], names[b]) for a, b in contrasts(people, "gender")] == [("female", "male")]
    codes = level_codes(coded, people, "gender")
    assert [names[c] for c in codes[:12]] == ["not stated"] * 12


def test_the_number_of_everybody_is_not_told_in_a_tiny_study(make_study, make_config, shown):
    tables, config = make_study(raters=8), make_config()
    everybody = next(groups(code_ratings(tables, config), shown(tables, config)))
    assert everybody.n is None

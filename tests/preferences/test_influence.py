"""Whose view wins, by hand; raters by group show protected people only."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from plural_core.preferences import (
    AGGREGATIONS,
    Condition,
    PreparedRatings,
    aggregate,
    build_all,
    influence,
    influence_table,
    prepare,
    raters_table,
)
from plural_core.ratings.differencing import small_difference
from plural_core.ratings.privacy import protect
from plural_core.ratings.tables import RatingTables
from plural_core.study import StudyConfig

# Three items: outvoted by two others; alone; a tie of its own.
GROUP = np.array([[0, 0, 0, 0, 1], [0, 1, 0, 0, 0], [1, 0, 1, 0, 0]])
OTHERS = np.array([[2, 0, 0, 1, 0], [0, 0, 0, 0, 0], [0, 0, 3, 0, 0]])
COUNTS = GROUP + OTHERS


def test_majority_by_hand() -> None:
    found = influence(COUNTS, GROUP, aggregate(COUNTS, "majority"))
    assert (found.n_ratings, found.share_ratings, found.n_items, found.unlabelled) == (4, 0.4, 3, 0.0)
    assert (found.n_own_majority, found.agreement) == (2, 0.5)
    assert (found.n_conflicts, found.outvoted) == (1, 1.0)
    # Item means of the group 4, 1, 1 against labels 0, 1, 2.
    assert found.difference == pytest.approx((4 + 0 - 1) / 3)
    assert found.distance == pytest.approx((4 + 0 + 1) / 3)


def test_all_takes_the_chance_of_a_drawn_rating() -> None:
    found = influence(COUNTS, GROUP, COUNTS)
    assert found.agreement == pytest.approx((1 / 4 + 1) / 2)
    assert found.outvoted == pytest.approx(2 / 4)
    assert found.difference == pytest.approx(np.mean([4 - 7 / 4, 0.0, 1 - 8 / 5]))


def test_consensus_leaves_a_group_unseen() -> None:
    found = influence(COUNTS, GROUP, aggregate(COUNTS, "consensus"))
    assert (found.n_items, found.unlabelled) == (0, 1.0)
    assert all(np.isnan(v) for v in (found.agreement, found.outvoted, found.difference))


def test_everybody_as_a_group_is_never_outvoted() -> None:
    found = influence(COUNTS, COUNTS, aggregate(COUNTS, "majority"))
    assert (found.agreement, found.n_conflicts) == (1.0, 0)


@pytest.fixture(scope="module")
def study(random_study: Callable[..., RatingTables], make_config: Callable[..., StudyConfig]) -> tuple:
    tables, config = random_study(9, raters=120, prompts=24, per_rater=3), make_config()
    return prepare(tables, config), tables, config


def test_the_table_covers_all_and_adds_up(study: tuple) -> None:
    prepared, tables, config = study
    people = protect(tables.participants, config.factors, 10)
    table = influence_table(prepared, people, dimensions=["harm", "care"])
    assert set(table["aggregation"]) == set(AGGREGATIONS)
    sums = table.groupby(["dimension", "aggregation", "factor"])[["share_ratings", "share_participants"]].sum()
    assert np.allclose(sums, 1.0)
    male = table.query("dimension == 'harm' and aggregation == 'majority' and level == 'male'").iloc[0]
    rows = prepared.dimensions["harm"]
    own = rows.take((prepared.participants["gender"] == "male").to_numpy()[rows.participant])
    counts, group = (r.counts(len(prepared.item_ids), 5) for r in (rows, own))
    expected = influence(counts, group, aggregate(counts, "majority"))
    assert (male["agreement"], male["outvoted"]) == (expected.agreement, expected.outvoted)
    # A dimension that cannot be put on the scale is left out.
    coarse = influence_table(prepared, people, aggregations=["mean"], scale="binary")
    assert set(coarse["dimension"]) == {"harm", "care"}


def test_groups_of_few_raters_are_blank(study: tuple, make_config: Callable[..., StudyConfig]) -> None:
    _, tables, config = study
    people = protect(tables.participants, config.factors, 10)
    few = tables.ratings.merge(tables.participants[["participant_id", "gender"]])
    ids = few.loc[few["gender"] == "male", "participant_id"].unique()[:4]
    kept = tables.ratings[few["participant_id"].isin(ids).to_numpy() | (few["gender"] == "female").to_numpy()]
    prepared = prepare(RatingTables(kept, tables.items, tables.participants), make_config())
    table = influence_table(prepared, people, dimensions=["harm"])
    male = table[table["level"] == "male"]
    assert male[["n_ratings", "agreement", "distance", "n_conflicts"]].isna().all(axis=None)
    assert (male["note"] != "").all()
    shown = raters_table(build_all(prepared, [Condition("c", ("harm",))]).sets, ids_of(prepared), people)
    row = shown.query("level == 'male'").iloc[0]
    assert row[["n_participants", "n_ratings", "share_ratings"]].isna().all()


def ids_of(prepared: PreparedRatings):
    return prepared.participants["participant_id"]


def test_raters_by_group(study: tuple) -> None:
    prepared, tables, config = study
    people = protect(tables.participants, config.factors, 10)
    made = build_all(prepared, [Condition("all", ("harm",)), Condition("few", ("harm",), aggregation="consensus")])
    table = raters_table(made.sets, ids_of(prepared), people)
    whole = table.query("condition == 'all' and factor == 'gender'").set_index("level")
    gender = prepared.participants["gender"].value_counts()
    assert whole["n_available"].to_dict() == gender.to_dict()
    assert whole["n_ratings"].sum() == made.sets[0].record.n_ratings
    assert whole["share_ratings"].sum() == pytest.approx(1.0)


def test_no_shown_number_of_raters_can_be_subtracted_to_a_small_one(study: tuple) -> None:
    prepared, tables, config = study
    people = protect(tables.participants, config.factors, 10)
    # Two conditions whose raters differ by few people: at most one may show its number.
    conditions = [Condition(how, ("harm",), aggregation=how) for how in AGGREGATIONS]
    sets = build_all(prepared, conditions).sets
    table = raters_table(sets, ids_of(prepared), people)
    order = prepared.participants["participant_id"].searchsorted(people.participants["participant_id"])
    shown = table[(table["factor"] == "all") & table["n_participants"].notna()]["condition"].tolist()
    used = {s.condition.name: (s.ratings_of[order] > 0).astype(int) for s in sets}
    assert shown
    for a in shown:
        n = int(used[a].sum())
        assert table.query("condition == @a and factor == 'all'")["n_participants"].iloc[0] == n
        assert n == len(order) or (n >= 10 and len(order) - n >= 10)
        for b in shown:
            assert not small_difference(used[a], used[b], 10)
    withheld = table[(table["factor"] == "all") & table["n_participants"].isna()]
    assert withheld["note"].str.contains("withheld").all()


def test_suppression_off_shows_every_number(study: tuple) -> None:
    prepared, tables, config = study
    people = protect(tables.participants, config.factors, 10, enabled=False)
    sets = build_all(prepared, [Condition(how, ("harm",), aggregation=how) for how in AGGREGATIONS]).sets
    assert raters_table(sets, ids_of(prepared), people)["n_participants"].notna().all()


def test_items_that_the_group_did_not_rate_may_be_left_out() -> None:
    labels = aggregate(COUNTS, "mean")
    group = GROUP * [[1], [0], [1]]
    at = [0, 2]
    assert influence(COUNTS[at], group[at], labels[at], n_all=int(COUNTS.sum())) == influence(COUNTS, group, labels)

"""Conditions end to end: direction, strata, seeds, sizes, several dimensions, what is skipped and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from plural_core.errors import ConfigError
from plural_core.preferences import (
    AGGREGATIONS,
    COUNTERPART,
    Budget,
    Condition,
    ConditionSkipped,
    PreparedRatings,
    Stratum,
    build_all,
    build_preferences,
    prepare,
)
from plural_core.ratings.tables import RatingTables
from plural_core.study import StudyConfig

HARM, CARE = ("harm",), ("care",)
Config = Callable[..., StudyConfig]
Make = Callable[..., RatingTables]
Random = Callable[..., PreparedRatings]


def only(frame: pd.DataFrame) -> dict[str, object]:
    assert len(frame) == 1
    return frame.iloc[0].to_dict()


@pytest.mark.parametrize(("dimension", "chosen"), [("harm", "a1"), ("care", "a2")])
def test_direction(make_config: Config, make_study: Make, dimension: str, chosen: str) -> None:
    rows = [("p1", "a1", dimension, 1), ("p2", "a1", dimension, 3), ("p1", "a2", dimension, 2),
            ("p2", "a2", dimension, 5), ("p3", "b1", dimension, 5)]  # fmt: skip
    made = build_preferences(prepare(make_study(rows), make_config()), Condition("c", (dimension,)))
    pair = only(made.pairs)
    assert (pair["chosen_item"], pair["n"], pair["share"]) == (chosen, 4, 0.75)
    assert list(made.pairs) == [
        "condition", "pair_id", "prompt_id", "chosen_item", "rejected_item", "weight", "n", "share"
    ]  # fmt: skip
    assert made.record.n_lonely == 1
    assert made.record.n_ratings == 5


@pytest.mark.parametrize(("dimension", "side"), [("harm", "rejected_item"), ("care", "chosen_item")])
def test_anchored_takes_the_side_of_the_rating(
    make_config: Config, make_study: Make, dimension: str, side: str
) -> None:
    rows = [("p1", "a1", dimension, 5), ("p2", "a1", dimension, 4), ("p3", "a1", dimension, 1),
            ("p1", "b1", dimension, 3)]  # fmt: skip
    condition = Condition("c", (dimension,), pairing="anchored")
    made = build_preferences(prepare(make_study(rows), make_config()), condition)
    pair = only(made.pairs)
    assert pair[side] == "a1"
    assert {pair["chosen_item"], pair["rejected_item"]} == {"a1", COUNTERPART}
    assert (pair["n"], round(float(str(pair["share"])), 6)) == (3, 0.666667)
    assert made.record.n_ties == 1


def enumerated(tables: RatingTables, dimensions: tuple[str, ...], scale: dict[int, int | None]) -> Counter:
    """Count (chosen, rejected) by putting every two ratings of a prompt side by side."""
    prompt = dict(zip(tables.items["item_id"], tables.items["prompt_id"], strict=True))
    found: Counter = Counter()
    for name in dimensions:
        own = tables.ratings[tables.ratings["dimension"] == name]
        rated = [(i, scale[r]) for i, r in zip(own["item_id"], own["rating"], strict=True) if scale[r] is not None]
        for a, x in rated:
            for b, y in rated:
                if a != b and prompt[a] == prompt[b] and (x < y if name == "harm" else x > y):
                    found[a, b] += 1
    return found


@pytest.mark.parametrize("dimensions", [HARM, CARE, ("harm", "care")])
@pytest.mark.parametrize(
    ("scale", "levels"), [("own", [1, 2, 3, 4, 5]), ("3", [1, 1, 2, 3, 3]), ("binary", [1, 1, None, 2, 2])]
)
def test_a_whole_study_equals_enumeration(
    make_config: Config, random_study: Make, dimensions: tuple[str, ...], scale: str, levels: list[int | None]
) -> None:
    tables = random_study(11)
    made = build_preferences(prepare(tables, make_config()), Condition("c", dimensions, scale=scale))
    expected = enumerated(tables, dimensions, dict(enumerate(levels, start=1)))
    found: Counter = Counter()
    for row in made.pairs.itertuples():
        wins = round(row.share * row.n)
        found[row.chosen_item, row.rejected_item] = wins
        found[row.rejected_item, row.chosen_item] = row.n - wins
    assert +found == expected
    assert made.record.n_pairs_raw == sum(expected.values())
    assert made.pairs["weight"].mean() == pytest.approx(1.0)
    assert (made.pairs["share"] >= 0.5).all()
    pairs = made.pairs[["chosen_item", "rejected_item"]].apply(frozenset, axis=1)
    assert pairs.is_unique


@pytest.mark.parametrize("how", AGGREGATIONS)
@pytest.mark.parametrize("pick", ["first", "seed"])
def test_ratings_used_and_dropped_add_up(prepared_random: Random, how: str, pick: str) -> None:
    prepared = prepared_random(2, raters=12)
    condition = Condition("c", ("harm", "care"), algorithm="grpo", aggregation=how, pick=pick, scale="3")  # type: ignore[arg-type]
    record = build_preferences(prepared, condition, prompts=["a", "b", "c", "d", "e"]).record
    given = sum(len(prepared.dimensions[d]) for d in ("harm", "care"))
    assert record.n_ratings + sum(n for _, _, n, _ in record.dropped) == given
    assert record.n_prompts <= 5


def test_pairs_stay_within_training_prompts(prepared_random: Random) -> None:
    made = build_preferences(prepared_random(3), Condition("c", HARM), prompts={"a", "c"})
    assert set(made.pairs["prompt_id"]) == {"a", "c"}
    assert set(made.labels["prompt_id"]) == {"a", "c"}


def test_random_takes_the_first_recorded_or_the_same_seeded_rater(make_config: Config, make_study: Make) -> None:
    rows = [("p2", "a1", "harm", 5), ("p1", "b1", "harm", 2), ("p1", "a1", "harm", 1), ("p3", "a1", "harm", 3),
            ("p2", "b1", "harm", 4), ("p3", "b1", "harm", 4)]  # fmt: skip
    rows += [(p, i, "care", r) for p, i, _, r in rows]
    prepared = prepare(make_study(rows), make_config())
    first = build_preferences(prepared, Condition("c", HARM, aggregation="random", algorithm="grpo"))
    # p2 and p3 rated a1 first of all their items; p2 stands before p3. b1 was first for p1 only.
    assert dict(zip(first.labels["item_id"], first.labels["mean"], strict=True)) == {"a1": 5.0, "b1": 2.0}
    seen = set()
    for seed in range(40):
        condition = Condition("c", ("harm", "care"), aggregation="random", pick="seed", algorithm="grpo", seed=seed)
        labels = build_preferences(prepared, condition).labels.pivot(
            index="item_id", columns="dimension", values="mean"
        )
        assert (labels["harm"] == labels["care"]).all()
        seen.add(labels.loc["a1", "harm"])
    assert seen == {5.0, 1.0, 3.0}


class TestStrata:
    """Equal numbers of ratings per group."""

    def by_gender(self, prepared: PreparedRatings, **changes: object) -> dict[str, np.ndarray]:
        base = Condition("c", ("harm", "care"), stratum=Stratum("gender", ("female", "male"), "female"))
        made = {}
        for level in ("female", "male"):
            condition = replace(base, stratum=replace(base.stratum, level=level), **changes)  # type: ignore[arg-type]
            made[level] = build_preferences(prepared, condition)
        return made

    def test_both_groups_give_as_many_ratings_per_dimension(self, prepared_random: Random) -> None:
        prepared = prepared_random(4)
        made = self.by_gender(prepared, algorithm="grpo")
        gender = prepared.participants["gender"].to_numpy()
        for dimension in ("harm", "care"):
            least = min((gender[prepared.dimensions[dimension].participant] == g).sum() for g in ("female", "male"))
            for result in made.values():
                labels = result.labels[result.labels["dimension"] == dimension]
                assert labels["n_labels"].sum() == least
        for level, result in made.items():
            assert set(gender[result.ratings_of > 0]) == {level}

    def test_none_takes_all_groups_equally(self, prepared_random: Random) -> None:
        prepared = prepared_random(4)
        made = build_preferences(prepared, Condition("c", HARM, stratum=Stratum("gender", ("female", "male"))))
        gender = prepared.participants["gender"].to_numpy()
        used = [made.ratings_of[gender == g].sum() for g in ("female", "male")]
        assert used[0] == used[1] > 0

    def test_the_sample_is_uniform_over_a_group(self, prepared_random: Random) -> None:
        prepared = prepared_random(4)
        condition = Condition("c", HARM, stratum=Stratum("gender", ("female", "male"), "female"))
        draws = [build_preferences(prepared, replace(condition, seed=s)).ratings_of for s in range(200)]
        female = (prepared.participants["gender"] == "female").to_numpy()
        given = np.bincount(prepared.dimensions["harm"].participant, minlength=len(female))[female]
        share = np.mean(draws, axis=0)[female] / given
        assert share.std() < 0.05
        assert abs(share.mean() - draws[0].sum() / given.sum()) < 0.02

    def test_small_groups_and_empty_ones_are_skipped(self, make_config: Config, random_study: Make) -> None:
        prepared = prepare(random_study(1), make_config())
        condition = Condition("c", HARM, stratum=Stratum("gender", ("female", "male"), "male"))
        with pytest.raises(ConditionSkipped, match="'male' has fewer than 20 participants"):
            build_preferences(prepared, condition, k=20)
        with pytest.raises(ConditionSkipped, match="'other' has no participants"):
            build_preferences(prepared, replace(condition, stratum=Stratum("gender", ("female", "other"), "female")))
        with pytest.raises(ConfigError, match=r"'gendre' is not a factor of the study\. Did you mean 'gender'"):
            build_preferences(prepared, replace(condition, stratum=Stratum("gendre", ("female",))))


def test_twins_draw_the_size_of_another_condition(prepared_random: Random) -> None:
    prepared = prepared_random(5)
    made = build_all(
        prepared,
        [Condition("twin", HARM, size="few"), Condition("few", HARM, aggregation="mean"), Condition("all", HARM)],
    )
    twin, few, whole = made.sets
    assert twin.record.n_pairs_raw == few.record.n_pairs_raw == twin.pairs["n"].sum() == twin.condition.size
    assert twin.record.n_available == whole.record.n_pairs_raw
    frame = twin.record.dropped_frame()
    left = whole.record.n_pairs_raw - few.record.n_pairs_raw
    assert frame.loc[frame["step"] == "not drawn: size", "n"].tolist() == [left]


@pytest.mark.parametrize(
    "changes",
    [{"size": 40}, {"aggregation": "random", "pick": "seed"}, {"aggregation": "majority", "ties": "seed"},
     {"stratum": Stratum("gender", ("female", "male"), "female")}],
)  # fmt: skip
def test_seeds(make_config: Config, random_study: Make, changes: dict[str, object]) -> None:
    tables = random_study(6)
    condition = Condition("c", HARM, **changes)  # type: ignore[arg-type]
    first = build_preferences(prepare(tables, make_config()), condition)
    shuffled = replace(tables, ratings=tables.ratings.sample(frac=1, random_state=1, ignore_index=True))
    shuffled = replace(shuffled, items=tables.items.iloc[::-1].reset_index(drop=True))
    again = build_preferences(prepare(shuffled, make_config()), condition)
    pd.testing.assert_frame_equal(first.pairs, again.pairs)
    other = build_preferences(prepare(tables, make_config()), replace(condition, seed=2))
    assert not first.pairs.equals(other.pairs)


def test_what_cannot_be_built_is_listed_and_the_others_go_on(make_config: Config, make_study: Make) -> None:
    rows = [("p1", "a1", "harm", 3), ("p2", "a2", "harm", 3), ("p1", "b1", "harm", 1), ("p3", "a1", "care", 1),
            ("p1", "a2", "care", 2), ("p1", "a1", "plain", 7)]  # fmt: skip
    made = build_all(
        prepare(make_study(rows), make_config()),
        [Condition("ties", HARM), Condition("fine", CARE), Condition("map", ("plain",), scale="3"),
         Condition("twin", CARE, size="ties"), Condition("large", CARE, size=2), Condition("none", HARM, scale="binary",
         aggregation="consensus"), Condition("rewards", HARM, algorithm="grpo")],
    )  # fmt: skip
    assert [s.condition.name for s in made.sets] == ["fine", "rewards"]
    assert list(made.skipped) == ["ties", "map", "twin", "large", "none"]
    assert made.skipped["ties"] == (
        "condition 'ties' is skipped: no pairs (ties or neutral: 1; items without another response to their prompt: 1)"
    )
    assert "has no map to scale '3'" in made.skipped["map"]
    assert "'ties', which was skipped" in made.skipped["twin"]
    assert "2 comparisons are asked for, 1 are there" in made.skipped["large"]
    assert "no ratings are left (most were dropped so: no " in made.skipped["none"]
    assert not any("\n" in line for line in made.skipped.values())
    assert made.records()["note"].tolist() == ["too small to compare: 1 comparisons, fewer than 50", ""]
    assert made.to_frame()["condition"].tolist() == ["fine"]


def test_labels_are_rewards(make_config: Config, make_study: Make) -> None:
    rows = [("p1", "a1", "harm", 1), ("p2", "a1", "harm", 2), ("p1", "a1", "care", 5), ("p2", "a2", "harm", 5)]
    condition = Condition("c", ("harm", "care"), algorithm="grpo")
    labels = build_preferences(prepare(make_study(rows), make_config()), condition).labels
    found = {(r.dimension, r.item_id): (r.n_labels, r.mean, r.reward) for r in labels.itertuples()}
    assert found == {("harm", "a1"): (2, 1.5, 0.875), ("harm", "a2"): (1, 5.0, 0.0), ("care", "a1"): (1, 5.0, 1.0)}


def test_budget() -> None:
    assert [Budget("passes", 2).updates(n, 8) for n in (8, 9)] == [2, 4]
    assert [Budget("steps", 30).updates(n, 8) for n in (8, 900)] == [30, 30]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Condition("a b", HARM), "a name uses"),
        (lambda: Condition("c", ()), "one at least"),
        (lambda: Condition("c", HARM, aggregation="majorty"), "Did you mean 'majority'"),  # type: ignore[arg-type]
        (lambda: Condition("c", HARM, size=0), "from 1 up"),
        (lambda: Condition("c", HARM, size=9, algorithm="grpo"), "GRPO uses none"),
        (lambda: Stratum("gender", ("female", "male"), "males"), "Did you mean 'male'"),
        (lambda: Budget("steps", 0), "from 1 up"),
    ],
)
def test_conditions_that_make_no_sense(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make()


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        ([Condition("a", HARM), Condition("a", CARE)], "two conditions are called 'a'"),
        ([Condition("a", HARM, size="bb"), Condition("b", HARM)], "names no condition: 'bb'. Did you mean 'b'"),
        ([Condition("a", HARM, size="b"), Condition("b", HARM, size="a")], "depends on itself"),
        ([Condition("a", HARM, size="g"), Condition("g", HARM, algorithm="grpo")], "not tuned on comparisons"),
        ([Condition("a", ("hram",))], "'hram' is not a dimension of the study. Did you mean 'harm'"),
    ],
)
def test_conditions_that_do_not_fit_together(
    prepared_random: Random, conditions: list[Condition], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        build_all(prepared_random(), conditions)
